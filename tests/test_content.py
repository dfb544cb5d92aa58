"""What a body says, type by type: columns, text, and what is counted as unreadable."""

import json
from pathlib import Path
from typing import Any

import pytest

from feishu_source.content import Content, parse_content
from tests.content_reading import NAMES, read

SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "content_samples.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["case"] for sample in SAMPLES])
def test_every_known_sample_reads_as_expected(sample: dict[str, Any]) -> None:
    """Each body seen in the field gives exactly the expected values, and nothing else."""
    body = json.dumps(sample["content"]) if sample["is_json"] else sample["content"]
    expected: dict[str, Any] = {
        key: [tuple(row) for row in value] if isinstance(value, list) else value
        for key, value in sample["expected"].items()
    }
    content = parse_content(sample["msg_type"], body, NAMES, sample.get("deleted", False))
    assert content == Content(**expected)


def test_a_recalled_message_says_nothing() -> None:
    """Whatever the body of a deleted message holds, no column, link or resource comes of it."""
    body = '{"text": "[x](https://x.org) @_all"}'
    assert parse_content("text", body, NAMES, True) == Content()


@pytest.mark.parametrize("body", [None, ""])
def test_a_missing_body_is_null_and_not_counted(body: str | None) -> None:
    """No body is no mistake."""
    assert parse_content("text", body, NAMES, False) == Content()


def test_a_body_that_is_not_json_is_the_text_and_counted() -> None:
    """A bare sentence is kept verbatim; a lone surrogate in it becomes U+FFFD."""
    assert parse_content("image", " hi \ud800", NAMES, False) == Content(
        text=" hi \ufffd", unparsed=1
    )


def test_a_bare_merged_forward_is_not_counted() -> None:
    """The API sends a merged forward as a bare sentence; that is its form."""
    assert parse_content("merge_forward", "Merged", NAMES, False) == Content(text="Merged")


def test_a_blank_body_that_is_not_json_is_null_and_counted() -> None:
    """Whitespace is neither JSON nor text."""
    assert parse_content("text", " \n", NAMES, False) == Content(unparsed=1)


@pytest.mark.parametrize("msg_type", ["text", "post", "interactive", "merge_forward", "new_type"])
def test_a_json_string_is_the_text(msg_type: str) -> None:
    """A body that is a string in JSON says that string."""
    assert read(msg_type, "hello") == Content(text="hello")


@pytest.mark.parametrize("value", [None, True, 7, 1.5, [], [{"text": "x"}]])
@pytest.mark.parametrize("msg_type", ["text", "post", "interactive", "merge_forward", "new_type"])
def test_any_other_json_is_null_and_counted(msg_type: str, value: object) -> None:
    """JSON that is neither an object nor a string says nothing that could be read."""
    assert read(msg_type, value) == Content(unparsed=1)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_text_of_nothing_but_whitespace_is_null(text: str) -> None:
    """Blank text is null, in every alphabet's blanks."""
    assert read("text", {"text": text}) == Content()


def test_text_is_otherwise_verbatim() -> None:
    """Spaces and blank lines around a text belong to it."""
    assert read("text", {"text": " a\n\n"}) == Content(text=" a\n\n")


def test_a_resource_without_a_key_gives_no_row() -> None:
    """The columns keep what is known of it."""
    assert read("file", {"file_name": "a.txt"}) == Content(file_name="a.txt")


def test_a_cover_is_a_row_right_after_its_media() -> None:
    """It is there even where the media itself has no key."""
    assert read("media", {"image_key": "img_1"}) == Content(
        image_key="img_1", resources=[("image", "img_1", None, None)]
    )


def test_an_audio_may_have_a_name() -> None:
    """Name and duration stand in the columns and in the row."""
    assert read("audio", {"file_key": "f", "file_name": "a.opus", "duration": "7"}) == Content(
        file_key="f",
        file_name="a.opus",
        duration_ms=7,
        resources=[("audio", "f", "a.opus", 7)],
    )


@pytest.mark.parametrize(
    ("filling", "text"),
    [
        ({"who": ["A", "B"]}, "A, B joined"),
        ({"who": []}, "joined"),
        ({"who": "A"}, "A joined"),
        ({"who": {"text": "A"}}, "A joined"),
        ({"who": {"text": 1}}, "{who} joined"),
        ({"who": {"name": "A"}}, "{who} joined"),
        ({"who": ["A", 1]}, "{who} joined"),
        ({"who": 1}, "{who} joined"),
        ({"who": None}, "{who} joined"),
        ({"who": "{what}", "what": "x"}, "{what} joined"),
        ({}, "{who} joined"),
    ],
)
def test_a_system_template_is_filled_with_what_is_known(
    filling: dict[str, object], text: str
) -> None:
    """Lists are joined, objects give their text, the rest leaves the placeholder; then stripped."""
    assert read("system", {"template": " {who} joined ", **filling}) == Content(text=text)


def test_vote_options_that_are_no_strings_are_left_out_and_counted() -> None:
    """The others stay, in their order, as compact JSON with its own letters."""
    assert read("vote", {"topic": "午饭", "options": ["饭", 1, 'a"b', None]}) == Content(
        text='午饭\n- 饭\n- a"b', vote_topic="午饭", vote_options='["饭","a\\"b"]', unparsed=2
    )


def test_a_vote_without_a_list_has_no_options() -> None:
    """What is no list is counted; a list of nothing is a list."""
    assert read("vote", {"topic": "T", "options": "A"}) == Content(
        text="T", vote_topic="T", unparsed=1
    )
    assert read("vote", {"options": []}) == Content(vote_options="[]")


def test_a_todo_reads_its_summary_like_a_post() -> None:
    """Title, mentions, links and resources come of the summary."""
    summary = {
        "title": "Buy",
        "content": [[{"tag": "text", "text": "@_user_1 https://a.cn"}], [{"tag": "img"}], []],
    }
    assert read("todo", {"summary": summary}) == Content(
        title="Buy", text="@Tom https://a.cn\n[image]", links=[("https://a.cn", None)]
    )


def test_a_todo_summary_that_is_no_object_is_counted() -> None:
    """The rest of the task is kept."""
    assert read("todo", {"task_id": "t", "summary": "x"}) == Content(task_id="t", unparsed=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "a", "content": "b", "title": "t"}, Content(text="a", title="t")),
        ({"text": 1, "content": "b", "title": 2}, Content(text="b")),
        ({"content": {"x": 1}, "title": ""}, Content()),
        ({"text": "", "content": "b"}, Content()),
    ],
)
def test_an_unknown_type_gives_its_words_where_others_keep_theirs(
    value: dict[str, object], expected: Content
) -> None:
    """Nothing is owed by a type nobody listed, so nothing is counted."""
    assert read("new_type", value) == expected
