"""The elements inside of a card's lines: the same words, rendered and as sent."""

import pytest

from feishu_source.content import Content
from tests.content_reading import case_id, read
from tests.test_content_card import sent, words


def rendered(*elements: object) -> Content:
    """The content of a rendered card of one row."""
    return read("interactive", {"title": None, "elements": [list(elements)]})


BOTH: list[tuple[dict[str, object], Content]] = [
    ({"tag": "button", "text": "Go"}, Content(text="[Go]")),
    ({"tag": "button", "text": words("Go")}, Content(text="[Go]")),
    ({"tag": "button"}, Content()),
    (
        {"tag": "button", "text": "Go", "url": "https://a.cn"},
        Content(text="[Go]", links=[("https://a.cn", "Go")]),
    ),
    (
        {"tag": "button", "text": "Go", "multi_url": {"url": "https://a.cn", "pc_url": ""}},
        Content(text="[Go]", links=[("https://a.cn", "Go")]),
    ),
    (
        {"tag": "button", "behaviors": [{"type": "callback"}, {"default_url": "https://a.cn"}]},
        Content(links=[("https://a.cn", None)]),
    ),
    ({"tag": "select_static", "options": ["a", "b"]}, Content(text="[a | b]")),
    (
        {"tag": "overflow", "options": [{"text": words("a"), "url": "https://a.cn"}, {}, 5]},
        Content(text="[a]", links=[("https://a.cn", "a")]),
    ),
    ({"tag": "select_static", "options": [], "placeholder": "Pick"}, Content(text="[Pick]")),
    ({"tag": "select_static", "placeholder": words("Pick")}, Content(text="[Pick]")),
    ({"tag": "overflow"}, Content()),
    ({"tag": "date_picker", "initial_date": "2021-1-1"}, Content(text="[2021-1-1]")),
    ({"tag": "date_picker", "placeholder": "When"}, Content(text="[When]")),
    ({"tag": "picker_time", "initial_time": "08:00"}, Content(text="[08:00]")),
    ({"tag": "hr"}, Content(text="---")),
    (
        {"tag": "img", "image_key": "i"},
        Content(text="[image]", resources=[("image", "i", None, None)]),
    ),
    (
        {"tag": "a", "text": "t", "href": "https://a.cn"},
        Content(text="[t](https://a.cn)", links=[("https://a.cn", "t")]),
    ),
    ({"tag": "at", "user_id": "all"}, Content(text="@all", mentions_all=True)),
    ({"tag": "text", "text": "@_user_1"}, Content(text="@Tom")),
    ({"tag": "new", "text": "words"}, Content(text="words")),
]


@pytest.mark.parametrize(("element", "expected"), BOTH, ids=case_id)
def test_an_inline_element_reads_the_same_rendered_and_as_sent(
    element: dict[str, object], expected: Content
) -> None:
    """One element alone, in a card of either form."""
    assert (rendered(element), sent(element)) == (expected, expected)


def test_a_rendered_note_is_its_elements_in_one_line() -> None:
    """A note inside of a note is none: nesting has no end there."""
    note: dict[str, object] = {"tag": "note", "elements": [{"tag": "text", "text": "inner"}]}
    elements = [{"tag": "img", "image_key": "i"}, {"tag": "text", "text": "a"}, note, "junk"]
    assert rendered({"tag": "note", "elements": elements}, {"tag": "note"}) == Content(
        text="[image]a", resources=[("image", "i", None, None)]
    )


def test_a_flat_rendered_card_is_one_line() -> None:
    """Like a post, it may list its elements without rows."""
    elements = [{"tag": "text", "text": "a"}, {"tag": "button", "text": "b"}]
    assert read("interactive", {"title": "T", "elements": elements}) == Content(
        title="T", text="a[b]"
    )
