"""JSON text becomes Python values, all of it, also where strict parsers stop.

In: text or bytes from outside. Out: JSON types whose strings can be written as UTF-8.
Refuses to know what the values mean.
"""

from __future__ import annotations

import json
import re

import orjson

_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(data: str | bytes) -> object:
    """JSON text is read whole, also where strict parsers stop: NaN, huge numbers, lone surrogates.

    A lone surrogate becomes U+FFFD, so every string can be written as UTF-8; an integer beyond
    64 bits becomes a float or stays an int.

    Raises: ValueError if it is not JSON, or nested deeper than the interpreter allows. The error
    names the position, never the text.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass  # most often a bare sentence, now and then JSON that only the lenient parser reads
    try:
        return _scrub(json.loads(data, parse_int=_parse_int))
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at character {error.pos}"
    except UnicodeDecodeError as error:
        reason = f"not JSON: bytes that are no text at byte {error.start}"
    except RecursionError:
        reason = "JSON nested too deeply"
    # Raised outside of the handlers: a decoder's error carries the whole text with it.
    raise ValueError(reason)


def scrub_string(text: str) -> str:
    """Lone surrogates become U+FFFD; nothing else changes."""
    return _SURROGATE.sub("\ufffd", text)


def _parse_int(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts; as a float it is infinite
        return float(digits)


def _scrub(value: object) -> object:
    if isinstance(value, str):
        return scrub_string(value)
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if isinstance(value, dict):
        return {scrub_string(key): _scrub(item) for key, item in value.items()}
    return value
