"""Fields of the API's objects become typed values; what does not parse is kept and counted.

In: the JSON objects of a reply. Out: text, numbers, times in milliseconds, and what is left over.
Refuses to know which table a value is for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson

_EMPTY: Mapping[str, Any] = {}

LEAST_MS = 100_000_000_000
"""1973: a smaller number of milliseconds is a time in seconds, which is refused, not guessed."""
MOST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, the latest that a warehouse's timestamp holds."""


def dump_json(value: Any) -> bytes:
    """JSON with sorted keys, the same bytes for the same value."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError):  # an integer past 64 bits, or very deep
        return _dump_any(value).encode(errors="replace")


class _Sign(str):
    """A piece of JSON that is ready, among values that are not."""


def _dump_any(value: Any) -> str:
    """JSON of whatever a parser gave: without recursion, since every encoder ends somewhere."""
    ready: list[str] = []
    todo: list[Any] = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, _Sign):
            ready.append(part)
        elif isinstance(part, dict | list):
            todo.extend(reversed(_pieces(part)))
        elif isinstance(part, float) and not math.isfinite(part):
            ready.append("null")  # JSON has no other word for it
        else:
            ready.append(json.dumps(part, ensure_ascii=False))
    return "".join(ready)


def _pieces(value: dict[str, Any] | list[Any]) -> list[Any]:
    """What stands between the brackets, brackets included."""
    pieces: list[Any] = []
    if isinstance(value, dict):
        for key in sorted(value):
            pieces += [_Sign(","), _Sign(json.dumps(key, ensure_ascii=False) + ":"), value[key]]
        return [_Sign("{"), *pieces[1:], _Sign("}")]
    for inner in value:
        pieces += [_Sign(","), inner]
    return [_Sign("["), *pieces[1:], _Sign("]")]


def text_or_none(value: Any) -> str | None:
    """A non-empty string, or None; stray blanks around it go (seen in `group_message_type`)."""
    return value.strip() or None if isinstance(value, str) else None


def parse_ms(value: Any) -> int | None:
    """Milliseconds since the epoch from a digit string or an int, None if it is neither."""
    # As all times of this age are written: asked of every message, several times.
    if type(value) is str and len(value) == 13 and value.isascii() and value.isdigit():
        return int(value)
    number = parse_int(value)
    return number if number is not None and LEAST_MS <= number <= MOST_MS else None


def parse_int(value: Any) -> int | None:
    """A whole number of 64 bits from an int or a digit string; positions may be negative."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        value = int(value) if len(value) <= 20 else None
    if type(value) is not int or not -(2**63) <= value < 2**63:
        return None
    return value


class Leftovers:
    """Reads fields as their columns want them; keeps by path what no column models or can hold."""

    __slots__ = ("extra", "unparsed")

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}
        self.unparsed = 0

    def keep(self, path: str, value: Any) -> None:
        """Keeps a value no column models; objects are taken apart into their leaves."""
        if isinstance(value, dict) and value and path.count(".") < 16:
            for key, inner in value.items():
                self.keep(f"{path}.{key}", inner)
        elif value is not None:
            self.extra[path] = value

    def unparsable(self, path: str, value: Any) -> None:
        """Keeps a value that its column cannot hold, and counts it."""
        self.unparsed += 1
        self.extra[path] = value

    def text(self, values: Mapping[str, Any], key: str, path: str = "") -> str | None:
        """A string, None if it is missing or empty."""
        value = values.get(key)
        if value is None or type(value) is str:
            return value or None
        self.unparsable(path + key, value)
        return None

    def integer(self, values: Mapping[str, Any], key: str, path: str = "") -> int | None:
        """A whole number of 64 bits."""
        value = values.get(key)
        if value is None or value == "":
            return None
        number = parse_int(value)
        if number is None:
            self.unparsable(path + key, value)
        return number

    def milliseconds(self, values: Mapping[str, Any], key: str) -> int | None:
        """A time in milliseconds since the epoch."""
        value = values.get(key)
        if value is None or value == "":
            return None
        number = parse_ms(value)
        if number is None:
            self.unparsable(key, value)
        return number

    def seconds(self, values: Mapping[str, Any], key: str) -> int | None:
        """A time that is documented in seconds since the epoch, in milliseconds."""
        value = values.get(key)
        if value is None or value == "":
            return None
        number = parse_int(value)
        time_ms = None if number is None else parse_ms(number * 1_000)
        if time_ms is None:
            self.unparsable(key, value)
        return time_ms

    def boolean(self, values: Mapping[str, Any], key: str) -> bool | None:
        """True or false."""
        value = values.get(key)
        if value is None or type(value) is bool:
            return value
        self.unparsable(key, value)
        return None

    def nested(self, values: Mapping[str, Any], key: str, known: frozenset[str]) -> Any:
        """The object under `key`, its unknown keys kept; an empty one if there is none."""
        value = values.get(key)
        if value is None:
            return _EMPTY
        if not isinstance(value, dict):
            self.unparsable(key, value)
            return _EMPTY
        self.unknown(value, known, key + ".")
        return value

    def unknown(self, values: Mapping[str, Any], known: frozenset[str], path: str = "") -> None:
        """Keeps what stands under keys that no column models."""
        if not values.keys() <= known:
            for key in values.keys() - known:
                self.keep(path + key, values[key])

    def json(self) -> str | None:
        """What is left, as JSON text, None if nothing is."""
        return dump_json(self.extra).decode() if self.extra else None
