"""Cards: rendered, and as sent in each of the forms the API has for them."""

import json
from typing import Any

import pytest

from feishu_source.content import Content, parse_content
from tests.content_reading import case_id, read


def words(content: str) -> dict[str, object]:
    """A text object as cards have it."""
    return {"tag": "plain_text", "content": content}


def sent(*elements: object) -> Content:
    """The content of a card of JSON 2.0 with those blocks."""
    return read("interactive", {"schema": "2.0", "body": {"elements": list(elements)}})


MD = {"tag": "markdown", "content": "**hi** @_user_1 [a](https://a.cn)"}
LINK = ("https://a.cn", "a")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (MD, Content(text="**hi** @Tom [a](https://a.cn)", links=[LINK])),
        ({"tag": "markdown", "content": "<at id=all></at>"}, Content("@all", mentions_all=True)),
        ({"tag": "markdown", "content": ""}, Content()),
        ({"tag": "plain_text", "content": "x"}, Content(text="x")),
        ({"tag": "lark_md", "content": "@_all"}, Content(text="@所有人", mentions_all=True)),
        ({"tag": "plain_text", "i18n": {"en_us": "e", "zh_cn": "z"}}, Content(text="z")),
        ({"tag": "plain_text", "i18n_content": {"fr_fr": "f"}}, Content(text="f")),
        ({"tag": "div", "text": words("a")}, Content(text="a")),
        (
            {
                "tag": "div",
                "extra": {"tag": "button", "text": words("go")},
                "fields": [{"text": words("b")}, "junk", {"is_short": True}, {"text": MD}],
                "text": words("a"),
            },
            Content(text="a\nb\n**hi** @Tom [a](https://a.cn)\n[go]", links=[LINK]),
        ),
        (
            {"tag": "img", "img_key": "i", "alt": words("x")},
            Content(text="[image]", resources=[("image", "i", None, None)]),
        ),
        ({"tag": "img", "img_key": 1}, Content(text="[image]", unparsed=1)),
        (
            {"tag": "note", "elements": [{"tag": "img", "img_key": "i"}, words("b"), MD]},
            Content(
                text="[image] b **hi** @Tom [a](https://a.cn)",
                links=[LINK],
                resources=[("image", "i", None, None)],
            ),
        ),
        (
            {
                "tag": "action",
                "actions": [
                    {"tag": "button", "text": words("yes"), "url": "https://a.cn"},
                    {"tag": "button", "text": words("no")},
                    {"tag": "date_picker", "placeholder": words("when")},
                ],
            },
            Content(text="[yes] [no] [when]", links=[("https://a.cn", "yes")]),
        ),
        (
            {
                "tag": "column_set",
                "columns": [
                    {"tag": "column", "elements": [words("a"), words("b")]},
                    {"elements": [words("c")]},
                    {"tag": "column"},
                ],
            },
            Content(text="a\nb\nc"),
        ),
        ({"tag": "form", "elements": [words("a"), {"tag": "hr"}]}, Content(text="a\n---")),
        (
            {
                "tag": "collapsible_panel",
                "elements": [words("b")],
                "header": {"title": words("a")},
            },
            Content(text="a\nb"),
        ),
        (
            {
                "tag": "interactive_container",
                "behaviors": [{"type": "open_url", "default_url": "https://a.cn"}],
                "elements": [words("a")],
            },
            Content(text="a", links=[("https://a.cn", None)]),
        ),
        (
            {
                "tag": "table",
                "columns": [
                    {"name": "who", "display_name": "Who"},
                    {"name": "n"},
                    {"name": "more"},
                    "junk",
                ],
                "rows": [
                    {"who": "@_user_1", "n": 1, "more": ["x"]},
                    {"n": 1.5, "who": True},
                    "junk",
                ],
            },
            Content(text="Who | n | more\n@Tom | 1 | \n | 1.5 | "),
        ),
        ({"tag": "table"}, Content()),
        (
            {
                "tag": "new",
                "elements": [{"tag": "hr"}],
                "content": "b",
                "text": words("a"),
            },
            Content(text="a\nb\n---"),
        ),
        ({"tag": "chart", "chart_spec": {"type": "bar"}}, Content()),
        ({"tag": {"x": 1}, "content": "a"}, Content(text="a")),
        ("bare", Content(text="bare")),
        ([{"tag": "text", "text": "a"}, {"tag": "note", "elements": [MD]}], Content(text="a")),
        (7, Content()),
        ({"tag": "form", "elements": {"tag": "hr"}}, Content(unparsed=1)),
        (
            {
                "tag": "markdown",
                "property": {
                    "elements": [
                        {"tag": "text", "property": {"content": "see "}},
                        {"tag": "link", "property": {"content": "a", "url": {"url": LINK[0]}}},
                        {"tag": "link", "property": {"content": "!"}},
                    ]
                },
            },
            Content(text="see [a](https://a.cn)!", links=[LINK]),
        ),
    ],
    ids=case_id,
)
def test_each_block_reads_in_its_own_way(block: object, expected: Content) -> None:
    """One block alone in a card as sent, and all that comes of it."""
    assert sent(block) == expected


HEADER = {"title": words("T")}
HI = [words("hi")]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"config": {}, "header": HEADER, "elements": HI}, Content(title="T", text="hi")),
        ({"schema": "2.0", "header": HEADER, "body": {"elements": HI}}, Content("hi", "T")),
        ({"elements": HI}, Content(text="hi")),
        (
            {"header": HEADER, "i18n_elements": {"en_us": HI, "zh_cn": [words("z")]}},
            Content("z", "T"),
        ),
        ({"i18n_elements": {"zh_cn": None, "fr_fr": HI}}, Content("hi")),
        ({"elements": [], "i18n_elements": {"ja_jp": HI}}, Content("hi")),
        ({"header": {"title": {"i18n": {"en_us": "E"}}}}, Content(title="E")),
        ({"i18n_header": {"zh_cn": HEADER}}, Content(title="T")),
        ({"header": {"property": {"title": {"property": {"content": "T"}}}}}, Content(title="T")),
        ({"header": {"title": "T"}}, Content(title="T")),
        ({"header": {"title": 7}}, Content(unparsed=1)),
        ({"header": HEADER, "elements": "x"}, Content(title="T", unparsed=1)),
        (
            {"card_link": {"url": "https://a.cn"}, "elements": HI},
            Content("hi", links=[("https://a.cn", None)]),
        ),
        ({"schema": "2.0", "body": {"property": {"elements": HI}}}, Content("hi")),
        ({"schema": "2.0", "body": {"elements": [*HI, words(" "), words("\n")]}}, Content("hi")),
        ({"json_card": json.dumps({"header": HEADER, "elements": HI})}, Content("hi", "T")),
        ({"json_card": {"schema": "2.0", "body": {"elements": HI}}}, Content("hi")),
        ({"json_card": "not json"}, Content(unparsed=1)),
        ({"json_card": "[1]"}, Content(unparsed=1)),
        ({"type": "template", "data": {"template_id": "ctp_1"}}, Content()),
        ({}, Content()),
    ],
    ids=case_id,
)
def test_a_card_is_read_in_every_form_it_is_sent_in(
    card: dict[str, Any], expected: Content
) -> None:
    """The title from the header; the blocks from the top, a locale, the body, or a string."""
    assert read("interactive", card) == expected


@pytest.mark.parametrize(
    ("card", "form"),
    [
        ({"title": None, "elements": [[{"tag": "text", "text": "hi"}]]}, "rendered"),
        ({"header": HEADER, "elements": HI}, "1.0"),
        ({"type": "card", "data": {"header": HEADER, "elements": HI}}, "1.0"),
        ({"schema": "2.0", "body": {"elements": HI}}, "2.0"),
        ({"json_card": json.dumps({"schema": "2.0", "body": {"elements": HI}})}, "raw"),
        ({"type": "template", "data": {"template_id": "ctp_1"}}, "template"),
        ({"text": "no card"}, None),
    ],
    ids=case_id,
)
def test_a_card_tells_in_which_form_it_was_given(card: dict[str, Any], form: str | None) -> None:
    """By what stands in it, not by what was asked for: a platform may answer otherwise."""
    assert read("interactive", card).card_form == form


def test_of_a_template_card_what_was_put_into_it_is_read() -> None:
    """Its own words live on the platform."""
    variables = {
        "who": "Ann",
        "rows": [{"name": "build", "minutes": 3}, {"name": "[log](https://b.cn)"}],
        "more": {"url": "https://a.cn", "pc_url": ""},
        "picture": "img_1",
    }
    data = {"template_id": "ctp_1", "template_variable": variables}
    assert read("interactive", {"type": "template", "data": data}) == Content(
        "Ann\nbuild\n3\n[log](https://b.cn)",
        links=[("https://b.cn", "log"), ("https://a.cn", None)],
        resources=[("image", "img_1", None, None)],
    )


def nested(depth: int) -> dict[str, object]:
    """A text inside of so many forms."""
    block: dict[str, object] = words("deep")
    for _ in range(depth):
        block = {"tag": "form", "elements": [block]}
    return block


def test_a_card_is_read_down_to_its_depth_limit() -> None:
    """The block below 63 others is the last one read; what lies deeper is counted."""
    assert sent(nested(63)) == Content(text="deep")
    assert sent(words("a"), nested(64), words("b")) == Content(text="a\nb", unparsed=1)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ('{"tag": "form", "elements": [', "]}"),
        ('{"tag": "note", "elements": [', "]}"),
        ('{"tag": "action", "actions": [', "]}"),
        ('{"tag": "column_set", "columns": [', "]}"),
        ('{"tag": "div", "extra": ', "}"),
        ('{"tag": "div", "text": {"elements": [', "]}}"),
        ('{"tag": "markdown", "elements": [', "]}"),
        ('{"tag": "new", "elements": [', "]}"),
        ('{"tag": "collapsible_panel", "header": {"title": {"elements": [', "]}}}"),
    ],
)
def test_no_way_of_nesting_gets_past_the_depth_limit(opening: str, closing: str) -> None:
    """200 levels parse as JSON; each kind of block that holds others stops at 64, counted once."""
    body = '{"elements": [' + opening * 200 + '"deep"' + closing * 200 + "]}"
    assert parse_content("interactive", body, {}, False) == Content(unparsed=1)


def test_notes_nested_in_a_rendered_card_say_nothing() -> None:
    """Only the outermost of 400 is a note."""
    body = (
        '{"title": null, "elements": [['
        + '{"tag": "note", "elements": [' * 400
        + '{"tag": "text", "text": "deep"}'
        + "]}" * 400
        + "]]}"
    )
    assert parse_content("interactive", body, {}, False) == Content()


@pytest.mark.parametrize("msg_type", ["interactive", "post", "todo", "new_type"])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ('{"elements": [{"tag": "form", "elements": [', "]}]}"),
        ('{"content": [', "]}"),
        ('{"tag": "note", "elements": [', "]}"),
        ('{"text": ', "}"),
        ("[", "]"),
    ],
)
def test_a_body_nested_10_000_deep_does_not_raise(
    msg_type: str, opening: str, closing: str
) -> None:
    """It is more than any parser reads: counted, kept as it is, like what is no JSON."""
    body = opening * 10_000 + "1" + closing * 10_000
    assert parse_content(msg_type, body, {}, False) == Content(text=body, unparsed=1)
