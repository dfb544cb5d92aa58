"""Mentions and links in running text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source.content import Content, parse_content
from tests.content_reading import NAMES, read

Link = tuple[str, str | None]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@_user_1", "@Tom"),
        ("@_user_10", "@Ann"),
        ("@_user_1@_user_10", "@Tom@Ann"),
        ("@_user_1abc", "@Tomabc"),
        ("@_user_100", "@_user_100"),
        ("@_user_2 @_user_01", "@_user_2 @_user_01"),
        ("@_user_", "@_user_"),
        ("@_user_\u0661", "@_user_\u0661"),
        ("@_alliance @_all_hands @_all1", "@_alliance @_all_hands @_all1"),
    ],
)
def test_mention_tokens_are_replaced_as_a_whole(text: str, named: str) -> None:
    """A key is found only where it stands whole; without an entry it stays."""
    assert read("text", {"text": text}) == Content(text=named)


@pytest.mark.parametrize("text", ["@_all", "hi @_all!", "@_all大家好", "@_all-"])
def test_everyone_is_named_and_noted(text: str) -> None:
    """The token is replaced by the entry's name, and the content says that all are mentioned."""
    assert read("text", {"text": text}) == Content(
        text=text.replace("@_all", "@所有人"), mentions_all=True
    )


def test_everyone_without_an_entry_is_all() -> None:
    """The API may name no entry for everyone."""
    content = parse_content("text", '{"text": "@_all @_user_1"}', {}, False)
    assert content == Content(text="@all @_user_1", mentions_all=True)


@given(st.lists(st.sampled_from(["@_user_1", "@_user_10", "@_user_2", " ", "x", "1x"])))
def test_naming_mentions_never_depends_on_their_neighbours(parts: list[str]) -> None:
    """Tokens apart from one another by a letter are each named by themselves."""
    text = "|".join(parts)
    named = "|".join("@" + NAMES[part] if part in NAMES else part for part in parts)
    assert read("text", {"text": text}).text == (named if named.strip() else None)


@given(st.text().filter(lambda text: "@_" not in text))
def test_text_without_tokens_is_verbatim(text: str) -> None:
    """Nothing but a mention token is ever changed in a text."""
    assert read("text", {"text": text}).text == (text if text.strip() else None)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[Docs](https://open.feishu.cn/a?b=c#d)", [("https://open.feishu.cn/a?b=c#d", "Docs")]),
        ("[a@b.cn](mailto:a@b.cn)", [("mailto:a@b.cn", "a@b.cn")]),
        ("[](https://a.cn)", [("https://a.cn", None)]),
        ("[https://a.cn](https://a.cn)", [("https://a.cn", None)]),
        ("[[RFC] 1](https://a.cn)", [("https://a.cn", "[RFC] 1")]),
        ("[@_user_1](https://a.cn/@_user_1)", [("https://a.cn/@_user_1", "@Tom")]),
        ("[w](https://a.org/w_(x))", [("https://a.org/w_(x)", "w")]),
        ("![pic](HTTPS://a.cn/p.png)", [("HTTPS://a.cn/p.png", "pic")]),
        ("[x](ftp://a.cn) [y](javascript:1) [z](a.cn) ftp://a.cn mailto:a@b.cn", []),
        ("[x]\n(https://a.cn)", [("https://a.cn", None)]),
        ("see http://a.cn/x, and https://b.cn.", [("http://a.cn/x", None), ("https://b.cn", None)]),
        ("(https://a.cn/b)", [("https://a.cn/b", None)]),
        ("'https://a.cn/b'!?", [("https://a.cn/b", None)]),
        ("<https://a.cn/b> `https://c.cn`", [("https://a.cn/b", None), ("https://c.cn", None)]),
        (
            "看https://a.cn/b，然后https://c.cn。",
            [("https://a.cn/b", None), ("https://c.cn", None)],
        ),
        ("「https://a.cn」（https://b.cn）", [("https://a.cn", None), ("https://b.cn", None)]),
        ("https://zh.org/wiki/飞书", [("https://zh.org/wiki/飞书", None)]),
        ("https:// http://... http", []),
        (
            "https://b.cn [a](http://a.cn) https://b.cn",
            [("https://b.cn", None), ("http://a.cn", "a"), ("https://b.cn", None)],
        ),
    ],
)
def test_links_are_listed_in_order_of_appearance(text: str, links: list[Link]) -> None:
    """Markdown links with their label, bare urls without what follows them; duplicates stay."""
    assert read("text", {"text": text}).links == links


def test_links_leave_the_text_as_it_is() -> None:
    """A link is read, never rewritten."""
    text = "[a](https://a.cn) https://b.cn"
    assert read("text", {"text": text}) == Content(
        text=text, links=[("https://a.cn", "a"), ("https://b.cn", None)]
    )


@pytest.mark.parametrize("piece", ["[", "[[]", "[a](http://(", "[](http://a", "](", "<at ", "@_"])
def test_a_hostile_text_is_read_in_one_pass(piece: str) -> None:
    """Brackets without end cost no more than their length (a pattern gone quadratic hangs here)."""
    text = "https://a.cn " + piece * 50_000
    assert read("text", {"text": text}).links[0] == ("https://a.cn", None)
    post = {"content": [[{"tag": "md", "text": text}]]}
    assert read("post", post).text == text.rstrip("\n")
