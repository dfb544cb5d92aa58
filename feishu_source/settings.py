"""The numbers this source works with: each with its unit, where it comes from and what it costs.

In: what the user configured. Out: a frozen `Settings`, and bounds in time as aware datetimes.
Refuses to know where configuration is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from feishu_source.errors import ConfigurationError

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
SLICE_MESSAGES = 120_000

LEAST_LOOK_BACK_S = 10 * MINUTE_S
"""Messages become visible seconds late and clocks step back: no setting may go below this."""

FALLBACK_START_S = 1_451_606_400
"""2016-01-01 UTC, before Feishu existed: asked from where a tenant refuses `start_time=0`."""

RATE_LIMIT_ATTEMPTS = 20
"""A rate limit always ends, so it gets more patience than trouble of unknown length."""

CARD_CONTENTS = (None, "user_card_content", "raw_card_content")
"""What `card_msg_content_type` takes; the last one is used by official clients, undocumented."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that may be set and is not a secret; the defaults suit one tenant on one machine.

    Source: page sizes and rate limits as in the API pages of im/v1/messages and im/v1/chats.
    """

    page_size: int = 50
    list_page_size: int = 100
    requests_per_second: float = 50.0
    requests_per_minute: float = 1_000.0
    rate_share: float = 1.0
    workers: int = 16
    attempts: int = 6
    rate_attempts: int = RATE_LIMIT_ATTEMPTS
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    back_off_base_s: float = 0.5
    back_off_max_s: float = 60.0
    most_chats_lost: int = 5
    announced_wait_max_s: float = 600.0
    token_margin_s: float = 300.0
    with_sender_name: bool = True
    flat_topics: bool = True
    card_content: str | None = None
    forwards: bool = True
    reactions: bool = False
    pins: bool = False
    chat_context: bool = False
    look_back_s: int = 2 * HOUR_S
    hot_s: int = 14 * DAY_S
    poll_every_load_s: int = DAY_S
    poll_growth: float = 1.25
    most_hot_threads: int = 2_000
    most_owed_threads: int = 100
    skip_idle: bool = False
    idle_growth: float = 2.0
    idle_most_s: int = 30 * DAY_S
    idle_witnesses: int = 8
    details_period_s: int = DAY_S
    details_share: float = 0.25
    user_details: bool = False
    user_details_period_s: int = 7 * DAY_S
    slice_messages: int = SLICE_MESSAGES
    slice_bytes: int = 32_000_000
    batch_rows: int = 5_000
    batch_bytes: int = 16_000_000
    pages_ahead: int = 4
    stretches: int = 6
    stretch_pages: int = 48
    batches_ahead: int = 2
    files_most_mb: float = 100.0
    files_total_mb: float = 10_000.0
    files_workers: int = 4

    @property
    def most_slice_bytes(self) -> int:
        """Bytes of bodies at which a slice ends: more where it may have more messages."""
        return self.slice_bytes * max(1, self.slice_messages // SLICE_MESSAGES)

    def __post_init__(self) -> None:
        """Refuses values that could lose rows or that the API would refuse.

        Raises:
            ConfigurationError: names the setting and its bounds.
        """
        if self.card_content not in CARD_CONTENTS:
            raise ConfigurationError(
                f"setting card_content is {self.card_content!r}, not one of "
                f"{', '.join(filter(None, CARD_CONTENTS))}"
            )
        for name, least, most in BOUNDS:
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigurationError(
                    f"setting {name} is {value}, it must lie between {least:g} and {most:g}"
                )


BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("page_size", 1, 50),
    ("list_page_size", 1, 100),
    ("requests_per_second", 0.01, 1_000_000),
    ("requests_per_minute", 1, 60_000_000),
    ("rate_share", 0.001, 1),
    ("workers", 1, 64),
    ("attempts", 1, 20),
    ("rate_attempts", 1, 1_000),
    ("connect_timeout_s", 0.1, 600),
    ("read_timeout_s", 0.1, 600),
    ("back_off_base_s", 0, 60),
    ("back_off_max_s", 0, 600),
    ("most_chats_lost", 1, 100_000),
    ("announced_wait_max_s", 0, 3_600),
    ("token_margin_s", 0, 1_799),
    ("look_back_s", LEAST_LOOK_BACK_S, 3_650 * DAY_S),
    ("hot_s", 0, 3_650 * DAY_S),
    ("poll_every_load_s", 0, 3_650 * DAY_S),
    ("poll_growth", 1.05, 10),
    ("most_hot_threads", 0, 100_000),
    ("most_owed_threads", 1, 100_000),
    ("idle_growth", 1.1, 10),
    ("idle_most_s", 0, 3_650 * DAY_S),
    ("idle_witnesses", 1, 1_000),
    ("details_period_s", 0, 3_650 * DAY_S),
    ("details_share", 0.01, 1),
    ("user_details_period_s", HOUR_S, 3_650 * DAY_S),
    ("slice_messages", 1, 10_000_000),
    ("slice_bytes", 1, 10_000_000_000),
    ("batch_rows", 1, 1_000_000),
    ("batch_bytes", 1, 1_000_000_000),
    ("pages_ahead", 1, 64),
    ("stretches", 1, 64),
    ("stretch_pages", 1, 10_000),
    ("batches_ahead", 1, 1_000),
    ("files_most_mb", 0.001, 100),
    ("files_total_mb", 0.001, 100_000_000),
    ("files_workers", 1, 16),
)
"""Name, least and most: both are allowed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_INTEGER = re.compile(r"[+-]?\d+")
_DATE_HINT = "write a date such as 2026-01-31 or a time such as 2026-01-31T08:00+08:00"


def parse_since(text: str, timezone: str = "UTC") -> datetime:
    """The first instant that is wanted, inclusive.

    Raises:
        ConfigurationError: not ISO 8601, a bare integer, or an unknown timezone.
    """
    return _parse_moment("since", text, timezone)


def parse_until(text: str, timezone: str = "UTC") -> datetime:
    """The first instant that is no longer wanted; a date without a time includes its whole day.

    Raises:
        ConfigurationError: not ISO 8601, a bare integer, or an unknown timezone.
    """
    moment = _parse_moment("until", text, timezone)
    if _is_date(text):
        # Local midnight to local midnight: a day with a clock change is not 24 hours long.
        return _next_midnight(moment, find_timezone(timezone))
    return moment


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _next_midnight(midnight: datetime, zone: ZoneInfo) -> datetime:
    day = midnight.date()
    if day == date.max:  # a way to say "for ever"
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(day + timedelta(days=1), time(), zone)


_OF_THIS_MACHINE = ("localtime", "posixrules")
"""Files beside the zones on some systems: no warehouse knows them, nor another machine."""


def find_timezone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        ConfigurationError: no zone of that name.
    """
    try:
        if name in _OF_THIS_MACHINE:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"timezone {name!r} is not known: write an IANA name such as Asia/Shanghai"
        ) from error


def _parse_moment(option: str, text: str, timezone: str) -> datetime:
    text = text.strip()
    if _BARE_INTEGER.fullmatch(text):
        raise ConfigurationError(
            f"{option} is {text!r}, a bare number: seconds or milliseconds? {_DATE_HINT}"
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is {text!r}, not ISO 8601: {_DATE_HINT}") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=find_timezone(timezone))
    if not 1970 <= moment.year <= 9999:
        raise ConfigurationError(f"{option} is {text!r}, before 1970: {_DATE_HINT}")
    return moment


def whole_seconds(moment: datetime, *, up: bool = False) -> int:
    """Seconds since the epoch, rounded down, or up to the next whole second."""
    seconds, rest = divmod(moment - _EPOCH, timedelta(seconds=1))
    return seconds + (1 if up and rest else 0)
