"""JSON is read whole, and what is none says so without repeating it."""

import pytest

from feishu_source.json_text import parse_json


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": [1, "x"]}', {"a": [1, "x"]}),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\ud800x"', "\ufffdx"),
        ('{"\\udfff": ["\\udc00"]}', {"\ufffd": ["\ufffd"]}),
        ("[1, Infinity]", [1, float("inf")]),
        ("1" * 400, int("1" * 400)),
        (f"[{'1' * 5000}]", [float("inf")]),
    ],
    ids=["bytes", "pair", "lone", "nested", "infinity", "long int", "longer int"],
)
def test_json_is_read_also_where_strict_parsers_stop(data: str | bytes, expected: object) -> None:
    """Every value comes out, and every string can be encoded."""
    assert parse_json(data) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("secret words", "not JSON: Expecting value at character 0"),
        ('{"secret": ', "not JSON: Expecting value at character 11"),
        (b'"secret \xff"', "not JSON: bytes that are no text at byte 8"),
        ("[" * 100_000, "JSON nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "JSON nested too deeply"),
    ],
    ids=["sentence", "cut", "bytes", "lists", "objects"],
)
def test_what_is_no_json_raises_without_its_text(data: str | bytes, message: str) -> None:
    """The error names the place; neither it nor what it was raised from carries the text."""
    with pytest.raises(ValueError, match="JSON") as raised:
        parse_json(data)
    assert str(raised.value) == message
    assert (type(raised.value), raised.value.__context__) == (ValueError, None)
