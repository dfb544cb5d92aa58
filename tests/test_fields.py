"""Values as the API gives them become values as columns want them, or stay what they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source.fields import Leftovers, dump_json, parse_int, parse_ms, text_or_none
from feishu_source.json_text import parse_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("given_value", "number"),
    [
        (7, 7),
        ("7", 7),
        ("-1", -1),
        (-1, -1),
        ("007", 7),
        (2**63 - 1, 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (2**63, None),
        (str(2**63), None),
        ("9" * 5_000, None),
        ("", None),
        ("-", None),
        ("--1", None),
        ("+1", None),
        (" 1", None),
        ("1.0", None),
        (1.0, None),
        ("1_000", None),
        ("٣", None),
        ("²", None),
        (True, None),
        (None, None),
        ([1], None),
        ({}, None),
    ],
)
def test_a_whole_number_is_an_int_or_a_string_of_digits(
    given_value: object, number: int | None
) -> None:
    """What a bigint holds; nothing is rounded, trimmed or guessed."""
    assert parse_int(given_value) == number


@pytest.mark.parametrize(
    ("given_value", "time_ms"),
    [
        ("1615380573411", 1_615_380_573_411),
        (1_615_380_573_411, 1_615_380_573_411),
        (100_000_000_000, 100_000_000_000),
        (99_999_999_999, None),
        ("1615380573", None),
        ("253402300799999", 253_402_300_799_999),
        ("253402300800000", None),
        ("-1615380573411", None),
        (0, None),
        ("2021-03-10", None),
        (None, None),
    ],
)
def test_a_time_is_milliseconds_from_1973_to_9999(given_value: object, time_ms: int | None) -> None:
    """A time in seconds is refused: its unit is not guessed from its size."""
    assert parse_ms(given_value) == time_ms


VALUES: dict[str, Any] = {
    "text": "x",
    "empty": "",
    "null": None,
    "digits": "-12",
    "time": "1615380573411",
    "true": True,
    "list": ["x"],
    "number": 5,
}


def test_a_value_of_the_wanted_type_leaves_nothing_over() -> None:
    """A missing, null or empty value is no value, and no failure."""
    left = Leftovers()
    assert [left.text(VALUES, key) for key in ("text", "empty", "null", "gone")] == [
        *("x", None, None, None)
    ]
    assert [left.integer(VALUES, key) for key in ("digits", "number", "empty", "gone")] == [
        *(-12, 5, None, None)
    ]
    assert [left.milliseconds(VALUES, key) for key in ("time", "empty", "null")] == [
        *(1_615_380_573_411, None, None)
    ]
    assert [left.boolean(VALUES, key) for key in ("true", "null", "gone")] == [True, None, None]
    assert (left.extra, left.unparsed, left.json()) == ({}, 0, None)


def test_a_value_of_another_type_is_null_kept_and_counted() -> None:
    """Each under its path, as the API gave it."""
    left = Leftovers()
    assert left.text(VALUES, "number", "sender.") is None
    assert left.integer(VALUES, "text") is None
    assert left.milliseconds(VALUES, "digits") is None
    assert left.seconds(VALUES, "number") is None
    assert left.boolean(VALUES, "list") is None
    assert left.nested(VALUES, "true", frozenset()) == {}
    kept = {"sender.number": 5, "text": "x", "digits": "-12", "list": ["x"], "true": True}
    assert (left.extra, left.unparsed) == (kept | {"number": 5}, 6)


def test_unknown_fields_are_kept_by_path() -> None:
    """Objects are taken apart into their leaves, lists are not; nulls say nothing."""
    left = Leftovers()
    values = {"known": 1, "a": {"b": {"c": 2}, "d": {}, "e": None}, "f": [{"g": 3}], "h": None}
    left.unknown(values, frozenset(["known"]), "p.")
    assert left.extra == {"p.a.b.c": 2, "p.a.d": {}, "p.f": [{"g": 3}]}
    assert left.unparsed == 0


def test_an_object_nested_17_deep_is_kept_whole_from_there_on() -> None:
    """A path is for people; past that depth nobody reads one."""
    value: Any = "leaf"
    for _ in range(20):
        value = {"k": value}
    left = Leftovers()
    left.unknown({"top": value}, frozenset())
    assert left.extra == {"top" + ".k" * 16: {"k": {"k": {"k": {"k": "leaf"}}}}}


@given(JSON)
def test_json_text_reads_back_as_the_same_value(value: object) -> None:
    """Integers past 64 bits included."""
    assert json.loads(dump_json(value)) == value


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    """The same bytes for the same value, whichever encoder is at work."""
    keys = list(value)
    random.shuffle(keys)
    assert dump_json({key: value[key] for key in keys}) == dump_json(value)


def test_json_is_written_where_encoders_stop() -> None:
    """Too deep, too large, not finite, half of a surrogate pair: still JSON, and UTF-8."""
    deep = parse_json('{"a":[' * 500 + "1" + "]}" * 500)
    assert dump_json(deep) == b'{"a":[' * 500 + b"1" + b"]}" * 500
    odd = [2**70, float("nan"), float("-inf"), "\ud800", {}, [], {"b": None, "a": True}]
    assert dump_json(odd) == (b'[1180591620717411303424,null,null,"?",{},[],{"a":true,"b":null}]')


def test_text_is_stripped_and_never_empty() -> None:
    """As the API gives it, or nothing."""
    values = [text_or_none(value) for value in (" thread", "", "  ", None, 5, {"a": 1})]
    assert values == ["thread", None, None, None, None, None]
