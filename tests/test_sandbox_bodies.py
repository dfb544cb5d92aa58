"""Bodies beside their readings: a few of each, written by hand from the reading contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

import pytest

from feishu_source.sandbox import World, bodies, cards, variety
from feishu_source.sandbox.bodies import ALL_NAME, Mention, Resource, links_in
from feishu_source.sandbox.oddities import ALL

TOM = Mention("@_user_1", "ou_1", "Tom", "key")


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link", ()),
        ("see https://example.com.", (("https://example.com", None),)),
        ("(http://a.example/b?c=d)", (("http://a.example/b?c=d", None),)),
        (
            "[a](https://a.example) [b](mailto:b@example.com)",
            (("https://a.example", "a"), ("mailto:b@example.com", "b")),
        ),
        ("[](https://a.example)", (("https://a.example", None),)),
        ("[https://a.example](https://a.example)", (("https://a.example", None),)),
        ("去 https://a.example。 https://a.example", (("https://a.example", None),) * 2),
        ("ftp://a.example [x](ftp://b)", ()),
    ],
)
def test_links_of_a_text(text: str, links: tuple[tuple[str, str | None], ...]) -> None:
    """Markdown ones with their label, bare ones without trailing punctuation."""
    assert links_in(text) == links


def test_a_post_reads_row_by_row() -> None:
    """Each element in its way; files after the rows."""
    body = bodies.post_body(
        "Title",
        [
            [bodies.words("a "), bodies.at(TOM), bodies.at_all()],
            [bodies.link("site", "https://a.example"), bodies.smiley("OK")],
            [bodies.picture("img_1"), bodies.film("file_1", "img_2")],
            [bodies.rule()],
            [bodies.code("GO", "x := 1")],
            [bodies.words("")],
        ],
        [TOM],
        files=[("file_2", "a.pdf", False), ("file_3", "dir", True)],
    )
    assert body.columns == {
        "title": "Title",
        "text": f"a @Tom@{ALL_NAME}\n[site](https://a.example):OK:\n[image][video]\n---\n"
        "```go\nx := 1\n```\n[file: a.pdf]\n[folder: dir]",
    }
    assert (body.mentions, body.mentions_all) == ((TOM,), True)
    assert body.links == (("https://a.example", "site"),)
    assert body.resources == (
        Resource("image", "img_1"),
        Resource("media", "file_1"),
        Resource("image", "img_2"),
        Resource("file", "file_2", "a.pdf"),
        Resource("folder", "file_3", "dir"),
    )
    assert body.content is not None
    sent = json.loads(body.content)
    assert sent["content"][0][1] == {
        "tag": "at",
        "user_id": "@_user_1",
        "user_name": "",
        "style": [],
    }


def test_a_rendered_card_reads_row_by_row() -> None:
    """Buttons, choices, dates and notes."""
    body = cards.rendered(
        None,
        [
            [cards.button("yes"), cards.button("no")],
            [cards.choice("select_static", ("a", "b"), "?"), cards.choice("overflow", (), "?")],
            [cards.date_picker("when", None), cards.date_picker("when", "2025-1-1")],
            [cards.note(bodies.picture("img_1"), bodies.words(" small"))],
        ],
    )
    assert body.columns == {"text": "[yes][no]\n[a | b][?]\n[when][2025-1-1]\n[image] small"}
    assert body.resources == (Resource("image", "img_1"),)


def test_a_card_reads_in_each_of_its_forms() -> None:
    """The forms as they were sent have the button's URL, the rendered one has not."""
    body = cards.card("Build", "passed", ["by: Tom"], "Open", "https://a.example", "img_1")
    reading = {"title": "Build", "text": "passed\nby: Tom\n---\n[image]\n[Open]"}
    assert (body.columns, body.links) == (reading, ())
    for form in ("user_card_content", "raw_card_content"):
        assert body.cards[form].columns == reading
        assert body.cards[form].links == (("https://a.example", "Open"),)
        assert body.cards[form].resources == (Resource("image", "img_1"),)


def test_a_card_of_version_two_degrades_in_a_list() -> None:
    """A picture and a placeholder; the form as sent has its words."""
    body = cards.card_2("Build", "passed")
    assert body.columns == {"text": "[image]请升级至最新版本客户端，以查看内容"}
    assert body.cards["user_card_content"].columns == {"title": "Build", "text": "passed"}


@pytest.mark.parametrize(
    ("msg_type", "columns", "kinds"),
    [
        ("image", {"image_key": "k"}, ["image"]),
        ("sticker", {}, ["sticker"]),
        ("file", {"file_key": "k", "file_name": "n"}, ["file"]),
        ("folder", {"file_key": "k", "file_name": "n"}, ["folder"]),
        ("audio", {"file_key": "k", "file_name": "n"}, ["audio"]),
        ("media", {"file_key": "k", "file_name": "n", "image_key": "c"}, ["media", "image"]),
        ("video", {"file_key": "k", "file_name": "n", "image_key": "c"}, ["media", "image"]),
    ],
)
def test_a_file_has_a_key_and_no_text(
    msg_type: str, columns: dict[str, str], kinds: list[str]
) -> None:
    """A film also has a cover."""
    cover = "c" if "image_key" in columns and msg_type != "image" else None
    body = bodies.media_body(msg_type, "k", name="n", cover=cover)
    assert body.columns == columns
    assert [resource.resource_type for resource in body.resources] == kinds


def test_drawn_bodies_read_as_the_contract_says() -> None:
    """One of each of the flat types, by one seed."""
    world = World()
    tom = world.users[world.add_user("Tom")]

    def drawn(drawer: variety.Drawer) -> bodies.Body:
        return drawer(variety.Draw(Random(1), [tom], ["oc_1"]))

    event = drawn(variety._event("calendar"))
    assert event.columns is not None
    assert event.content is not None
    start_s = int(json.loads(event.content)["start_time"]) // 1000
    assert event.columns["event_start"] == datetime.fromtimestamp(start_s, UTC)
    assert event.columns["event_end"] == datetime.fromtimestamp(start_s + 1800, UTC)
    assert drawn(variety._share_chat).columns == {"shared_chat_id": "oc_1"}
    assert drawn(variety._share_user).columns == {"shared_user_id": tom.user_id}
    assert drawn(variety._hongbao).columns == {"text": "[红包]"}
    assert drawn(variety._vote).columns == {
        "text": "午饭去哪里?\n- 食堂\n- Noodles\n- 随便",
        "vote_topic": "午饭去哪里?",
        "vote_options": '["食堂","Noodles","随便"]',
    }
    assert drawn(variety._location).columns == {
        "text": "上海市浦东新区",
        "location_name": "上海市浦东新区",
        "longitude": 121.4998,
        "latitude": 31.2397,
    }


def test_every_oddity_says_how_it_reads() -> None:
    """None of them may stop the truth."""
    assert [body for body in ALL if body.columns is None] == []


def test_half_of_a_surrogate_pair_reads_as_the_replacement_character() -> None:
    """It could not be stored."""
    body = bodies.text_body([bodies.words("half \ud83d")])
    assert (body.columns, body.content) == ({"text": "half \ufffd"}, '{"text":"half \\ud83d"}')
