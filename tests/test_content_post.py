"""Posts: the shapes they come in, and how each element reads."""

from typing import Any

import pytest

from feishu_source.content import Content
from tests.content_reading import case_id, read


def post(*elements: object) -> Content:
    """The content of a post of one row."""
    return read("post", {"content": [list(elements)]})


def text(words: str, **more: object) -> dict[str, object]:
    """A text element."""
    return {"tag": "text", "text": words, **more}


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (text("a &lt; b", style=["bold"]), Content(text="a &lt; b")),
        (text("a &lt; b", un_escape=True), Content(text="a < b")),
        (text("a &lt; b", un_escape="yes"), Content(text="a &lt; b")),
        (text("&#xD800;", un_escape=True), Content(text="\ufffd")),
        (text("@_user_1 @_all"), Content(text="@Tom @所有人", mentions_all=True)),
        (
            text("[a](https://a.cn) https://b.cn"),
            Content(
                text="[a](https://a.cn) https://b.cn",
                links=[("https://a.cn", "a"), ("https://b.cn", None)],
            ),
        ),
        (
            {"tag": "md", "text": '**a** <at user_id="ou_1">Bo</at> @_user_1'},
            Content(text="**a** @Bo @Tom"),
        ),
        (
            {"tag": "md", "text": '<at user_id="all">everyone</at>'},
            Content(text="@all", mentions_all=True),
        ),
        ({"tag": "md", "text": "<at user_id='@_user_1'></at>"}, Content(text="@Tom")),
        ({"tag": "md", "text": "<at id=ou_1></at>"}, Content(text="@ou_1")),
        ({"tag": "md", "text": "<at user_id=x>@Bo</at> <b>"}, Content(text="@Bo <b>")),
        (
            {"tag": "a", "text": "t", "href": "h"},
            Content(text="[t](h)", links=[("h", "t")]),
        ),
        ({"tag": "a", "text": "", "href": "h"}, Content(text="h", links=[("h", None)])),
        ({"tag": "a", "text": "h", "href": "h"}, Content(text="h", links=[("h", None)])),
        ({"tag": "a", "text": "t", "href": ""}, Content(text="t")),
        ({"tag": "a", "text": "t", "href": 1}, Content(text="t", unparsed=1)),
        ({"tag": "at", "user_id": "@_user_1", "user_name": "T."}, Content(text="@Tom")),
        ({"tag": "at", "user_id": "@_user_2", "user_name": "Bo"}, Content(text="@Bo")),
        ({"tag": "at", "user_id": "@_user_2", "user_name": ""}, Content(text="@_user_2")),
        ({"tag": "at", "user_id": "ou_1"}, Content(text="@ou_1")),
        ({"tag": "at", "user_id": "ou_1", "user_name": "@Bo"}, Content(text="@Bo")),
        ({"tag": "at", "user_id": "@_all"}, Content(text="@所有人", mentions_all=True)),
        ({"tag": "at", "user_id": "all"}, Content(text="@all", mentions_all=True)),
        (
            {"tag": "at", "user_id": "all", "user_name": "Everyone"},
            Content(text="@Everyone", mentions_all=True),
        ),
        ({"tag": "at"}, Content()),
        (
            {"tag": "img", "image_key": "i"},
            Content(text="[image]", resources=[("image", "i", None, None)]),
        ),
        ({"tag": "img", "image_key": 5}, Content(text="[image]", unparsed=1)),
        (
            {"tag": "media", "file_key": "f", "image_key": "i", "file_name": "n", "duration": "9"},
            Content(
                text="[video]",
                resources=[("media", "f", "n", 9), ("image", "i", None, None)],
            ),
        ),
        ({"tag": "media", "duration": "long"}, Content(text="[video]", unparsed=1)),
        ({"tag": "emotion", "emoji_type": "SMILE"}, Content(text=":SMILE:")),
        ({"tag": "emotion"}, Content()),
        ({"tag": "hr"}, Content(text="---")),
        (
            {"tag": "code_block", "language": "GO", "text": "@_user_1 https://a.cn\n"},
            Content(text="```go\n@_user_1 https://a.cn\n\n```"),
        ),
        ({"tag": "code_block", "text": "x"}, Content(text="```\nx\n```")),
        ({"tag": "new", "text": "words"}, Content(text="words")),
        ({"tag": "button", "text": "words"}, Content(text="words")),
        ({"text": "words"}, Content(text="words")),
        ({"tag": ["text"], "text": "words"}, Content(text="words")),
        ({"tag": "new", "text": {"content": "x"}}, Content()),
        (text(5), Content()),  # type: ignore[arg-type]
        ("words", Content()),
        (None, Content()),
        ([text("too deep")], Content()),
    ],
    ids=case_id,
)
def test_each_element_reads_in_its_own_way(element: object, expected: Content) -> None:
    """One element alone in a post, and all that comes of it."""
    assert post(element) == expected


def test_a_row_is_a_line_and_its_elements_stand_side_by_side() -> None:
    """An empty row is an empty line; trailing blank lines go, leading ones and spaces stay."""
    rows = [[], [text("a"), text("b ")], [], [text("c ")], [text(" ")], []]
    assert read("post", {"content": rows}) == Content(text="\nab \n\nc ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([text("a"), text("b")], "ab"),
        ([text("a"), [text("b"), text("c")], text("d")], "a\nbc\nd"),
        ([[text("a")], None, "x", 5, [text("b")]], "a\nb"),
        ([None, text("a"), "x"], "a"),
    ],
)
def test_rows_are_read_however_they_are_nested(content: list[object], expected: str) -> None:
    """A flat list is one row; an object among rows is a row of its own; the rest is nothing."""
    assert read("post", {"content": content}) == Content(text=expected)


ROWS = [[text("a")]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"content": ROWS, "zh_cn": {"title": "no"}}, Content(text="a")),
        ({"title": "t", "zh_cn": {"content": ROWS}}, Content(title="t")),
        ({"en_us": {"title": "e"}, "zh_cn": {"title": "z"}}, Content(title="z")),
        ({"ja_jp": {"title": "j"}, "en_us": {"title": "e"}}, Content(title="e")),
        ({"fr_fr": {"title": "f"}, "ja_jp": {"title": "j"}}, Content(title="j")),
        ({"zh_cn": "no", "fr_fr": {"title": "f", "content": ROWS}}, Content(title="f", text="a")),
        ({"zh_cn": "no"}, Content()),
        ({}, Content()),
    ],
)
def test_a_post_may_stand_in_a_locale_wrapper(body: dict[str, Any], expected: Content) -> None:
    """The object itself if it is a post, else Chinese, English, Japanese, any language."""
    assert read("post", body) == expected


MD = [[{"tag": "md", "text": "**b** https://b.cn"}]]


@pytest.mark.parametrize("content", [None, [], [[]], [[text(" ")], []], [[{"tag": "at"}]]])
def test_the_markdown_twin_speaks_where_content_says_nothing(content: object) -> None:
    """An empty `content` is replaced by `content_v2` whole."""
    assert read("post", {"content": content, "content_v2": MD}) == Content(
        text="**b** https://b.cn", links=[("https://b.cn", None)]
    )


def test_the_markdown_twin_is_silent_where_content_speaks() -> None:
    """A picture is something said, and no link is read twice."""
    content = [[{"tag": "img"}]]
    assert read("post", {"content": content, "content_v2": MD}) == Content(text="[image]")


def test_rows_that_are_no_list_are_counted() -> None:
    """Both twins, if both are broken, and the files."""
    body = {"content": "a", "content_v2": {"tag": "md"}, "files": 7}
    assert read("post", body) == Content(unparsed=3)


def test_files_stand_below_the_rows_a_line_each() -> None:
    """With a resource row each, in order after those of the rows."""
    files = [
        {"file_key": "f1", "file_name": "a.txt", "is_folder": False},
        {"file_key": "f2", "file_name": "dir", "is_folder": True},
        {"file_key": "f3"},
        {"file_name": "lost.txt"},
        "junk",
    ]
    body = {"content": [[text("see"), {"tag": "img", "image_key": "i"}], []], "files": files}
    assert read("post", body) == Content(
        text="see[image]\n[file: a.txt]\n[folder: dir]\n[file]\n[file: lost.txt]",
        resources=[
            ("image", "i", None, None),
            ("file", "f1", "a.txt", None),
            ("folder", "f2", "dir", None),
            ("file", "f3", None, None),
        ],
    )
