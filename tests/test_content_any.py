"""Whatever the JSON: nothing raises, and what comes out has the types it is declared with.

Two sources of JSON: ours takes the known shapes of each type apart at random (10,000 values a
type in every run), hypothesis builds values of any shape (300; 10,000 with FEISHU_THOROUGH=1).
"""

import json
import math
import os
import random
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feishu_source.content import Content, parse_content
from tests.content_reading import NAMES
from tests.test_content import SAMPLES
from tests.test_content_card_tags import BOTH

VALUES_A_TYPE = 10_000
HYPOTHESIS_VALUES = 10_000 if os.environ.get("FEISHU_THOROUGH") == "1" else 300

MSG_TYPES = sorted({sample["msg_type"] for sample in SAMPLES} | {"new_type"})
STRINGS = {field.name for field in fields(Content) if field.type == str | None}
INTEGERS = {field.name for field in fields(Content) if field.type == int | None}
FLOATS = {field.name for field in fields(Content) if field.type == float | None}
RESOURCE_TYPES = {"image", "file", "audio", "media", "folder", "sticker"}

CARD: dict[str, Any] = {
    "schema": "2.0",
    "header": {"title": {"tag": "plain_text", "content": "T", "i18n": {"en_us": "T"}}},
    "card_link": {"url": "https://a.cn"},
    "body": {
        "elements": [
            {"tag": "markdown", "content": "<at id=all></at> [a](https://a.cn)"},
            {"tag": "div", "text": {"content": "@_all"}, "fields": [{"text": {"content": "f"}}]},
            {"tag": "note", "elements": [{"tag": "img", "img_key": "i"}, [{"tag": "hr"}]]},
            {"tag": "action", "actions": [element for element, _ in BOTH]},
            {"tag": "column_set", "columns": [{"elements": [{"tag": "form", "elements": []}]}]},
            {"tag": "collapsible_panel", "header": {"title": {"content": "p"}}, "elements": []},
            {"tag": "table", "columns": [{"name": "n"}], "rows": [{"n": 1}, {"n": "x"}]},
            {"tag": "text", "property": {"elements": [{"tag": "link", "url": {"url": "u"}}]}},
        ]
    },
}
POST = {
    "zh_cn": {
        "title": "t",
        "content": [[{"tag": "md", "text": "<at user_id='all'>A</at>"}], [{"tag": "hr"}]],
        "content_v2": [{"tag": "text", "text": "&lt;", "un_escape": True}],
        "files": [{"file_key": "f", "file_name": "n", "is_folder": True}],
    }
}
SHAPES: dict[str, list[object]] = {msg_type: [] for msg_type in MSG_TYPES}
for sample in SAMPLES:
    SHAPES[sample["msg_type"]].append(sample["content"])
SHAPES["interactive"] += [
    CARD,
    {"json_card": json.dumps(CARD)},
    {"header": CARD["header"], "i18n_elements": {"en_us": CARD["body"]["elements"]}},
]
SHAPES["post"] += [POST]
SHAPES["new_type"] += [{"text": "x", "content": "y", "title": "z"}, CARD, POST]

JUNK: list[object] = [
    *(None, True, False, 0, -1, 7, 2**63, 10**400, 0.5, math.nan, math.inf),
    *("", " ", "\n", "x", "\ud800", "\x00", "123", "1623124318000", "9" * 5000, "nan", "-90.5"),
    *("@_all", "@_user_1", "@_user_10", "all", "https://a.cn.", "[x](mailto:y)", "](", "<at id=x>"),
    *("text", "a", "img", "media", "note", "form", "table", "div", '{"elements": []}'),
    *([], [[]], [[[]]], {}, {"tag": "text", "text": "t"}, {"property": {"content": "p"}}, [None]),
]


def disturbed(value: object, rng: random.Random) -> object:
    """The value with some of its parts lost, doubled, wrapped, or replaced by junk."""
    chance = rng.random()
    if chance < 0.06:
        return rng.choice(JUNK)
    if chance < 0.08:
        return [value] if chance < 0.07 else {"tag": "form", "elements": [value]}
    if isinstance(value, dict):
        return {key: disturbed(item, rng) for key, item in value.items() if rng.random() > 0.04}
    if isinstance(value, list):
        return [disturbed(item, rng) for item in value]
    return value


def assert_sound(content: Content) -> None:
    """Every member has its declared type and fits its column; every string is UTF-8."""
    strings = [getattr(content, name) for name in STRINGS]
    for url, label in content.links:
        assert isinstance(url, str)
        assert url
        strings += [url, label]
    for resource_type, key, file_name, duration_ms in content.resources:
        assert resource_type in RESOURCE_TYPES
        assert isinstance(key, str)
        assert key
        assert duration_ms is None or (type(duration_ms) is int and 0 <= duration_ms < 2**63)
        strings += [key, file_name]
    given_strings = [string for string in strings if string is not None]
    "".join(given_strings).encode("utf-8")
    for name in INTEGERS:
        number = getattr(content, name)
        assert number is None or (type(number) is int and 0 <= number < 2**63)
    for name in FLOATS:
        number = getattr(content, name)
        assert number is None or (type(number) is float and math.isfinite(number))
    assert content.text is None or content.text.strip()
    assert content.vote_options is None or type(json.loads(content.vote_options)) is list
    assert (type(content.mentions_all), type(content.unparsed)) == (bool, int)


@pytest.mark.parametrize("msg_type", MSG_TYPES)
def test_10_000_disturbed_bodies_of_each_type_are_read(msg_type: str) -> None:
    """The known shapes with wrong parts anywhere; the seed is the type, so a failure repeats."""
    rng = random.Random(msg_type)
    for _ in range(VALUES_A_TYPE):
        body = json.dumps(disturbed(rng.choice(SHAPES[msg_type]), rng))
        assert_sound(parse_content(msg_type, body, NAMES, False))


KEYS = sorted(
    {"text", "title", "content", "content_v2", "files", "elements", "property", "tag", "zh_cn"}
    | {
        key
        for shapes in SHAPES.values()
        for shape in shapes
        if isinstance(shape, dict)
        for key in shape
    }
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([junk for junk in JUNK if isinstance(junk, str)])
)
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=HYPOTHESIS_VALUES, deadline=None)
@given(ANY_JSON)
def test_any_json_is_read_as_every_type(value: object) -> None:
    """One value as the body of each type, whole and cut in half."""
    body = json.dumps(value)
    for msg_type in MSG_TYPES:
        assert_sound(parse_content(msg_type, body, NAMES, False))
        assert_sound(parse_content(msg_type, body[: len(body) // 2], NAMES, False))
        assert parse_content(msg_type, body, NAMES, True) == Content()


@given(st.text(st.characters()))
def test_any_string_is_read_as_every_type(body: str) -> None:
    """What is no JSON at all, lone surrogates included."""
    for msg_type in MSG_TYPES:
        assert_sound(parse_content(msg_type, body, NAMES, False))
