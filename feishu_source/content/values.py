"""JSON values become Python values of the types that columns have.

Comes in: objects whose members may be of any type.
Goes out: `Content`, filled member by member; what does not parse is None and counted in it.
Refuses to know: which message type has which member.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

JsonObject = dict[str, object]
Names = Mapping[str, str]
T = TypeVar("T")

LOCALES = ("zh_cn", "en_us", "ja_jp")

# A time in milliseconds below this is 1973 or before: it is a time in seconds, or no time at all.
MIN_TIME_MS = 100_000_000_000
MAX_TIME_MS = 253_402_300_799_999  # the last millisecond of the year 9999
MAX_BIGINT = 2**63 - 1

_DIGITS = re.compile(r"[0-9]{1,19}")  # no bigint has more than 19 digits
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")


@dataclass(slots=True)
class Content:
    """One message body, read: the body columns of `messages` and the rows of two child tables.

    `vote_options` is JSON text. `card_form`: in which of its forms a card was given.
    `mentions_all` tells what the body says, not the mention list. `unparsed` counts the values that
    were there and could not be read.
    """

    text: str | None = None
    title: str | None = None
    image_key: str | None = None
    file_key: str | None = None
    file_name: str | None = None
    duration_ms: int | None = None
    shared_chat_id: str | None = None
    shared_user_id: str | None = None
    location_name: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    event_summary: str | None = None
    event_start_ms: int | None = None
    event_end_ms: int | None = None
    task_id: str | None = None
    due_time_ms: int | None = None
    vote_topic: str | None = None
    vote_options: str | None = None
    links: list[tuple[str, str | None]] = field(default_factory=list)  # (url, label)
    # (type, key, file_name, duration_ms)
    resources: list[tuple[str, str, str | None, int | None]] = field(default_factory=list)
    mentions_all: bool = False
    card_form: str | None = field(default=None, compare=False)  # how it is said, not what
    unparsed: int = 0

    def add_link(self, url: str | None, label: str | None) -> None:
        """A link is a row if it has a url; a label that only repeats the url is no label."""
        if url:
            self.links.append((url, label if label and label != url else None))

    def add_resource(
        self,
        resource_type: str,
        key: str | None,
        file_name: str | None = None,
        duration_ms: int | None = None,
    ) -> None:
        """A resource is a row if it has a key to fetch it by."""
        if key:
            self.resources.append((resource_type, key, file_name, duration_ms))


def parse_string(data: JsonObject, key: str, out: Content) -> str | None:
    """A non-empty string is itself; null, absent or empty is None; anything else is counted."""
    value = data.get(key)
    if isinstance(value, str):
        return value or None
    count_unparsed(value, out)
    return None


def parse_time_ms(data: JsonObject, key: str, out: Content) -> int | None:
    """Milliseconds since 1970, as an int or a string of digits; a time in seconds is refused."""
    return _parse_integer(data.get(key), MIN_TIME_MS, MAX_TIME_MS, out)


def parse_duration_ms(data: JsonObject, key: str, out: Content) -> int | None:
    """Milliseconds, as an int or a string of digits."""
    return _parse_integer(data.get(key), 0, MAX_BIGINT, out)


def parse_degrees(data: JsonObject, key: str, limit: int, out: Content) -> float | None:
    """Degrees in [-limit, limit], as a number or a decimal string."""
    value = data.get(key)
    degrees = float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value
    if (
        isinstance(degrees, int | float)
        and not isinstance(degrees, bool)
        and -limit <= degrees <= limit
    ):
        return float(degrees)
    count_unparsed(value, out)
    return None


def count_unparsed(value: object, out: Content) -> None:
    """A value that could not be read is counted; null and the empty string are no value."""
    if value is not None and value != "":
        out.unparsed += 1


def first_locale(data: JsonObject, kind: type[T]) -> T | None:
    """The first value of that type: Chinese, English, Japanese, then whatever is there."""
    for value in (*map(data.get, LOCALES), *data.values()):
        if isinstance(value, kind):
            return value
    return None


def _parse_integer(value: object, low: int, high: int, out: Content) -> int | None:
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if isinstance(number, int) and not isinstance(number, bool) and low <= number <= high:
        return number
    count_unparsed(value, out)
    return None
