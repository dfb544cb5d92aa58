"""Settings refuse what could lose rows; bounds in time are read as a person means them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feishu_source.errors import ConfigurationError
from feishu_source.settings import (
    LEAST_LOOK_BACK_S,
    Settings,
    find_timezone,
    parse_since,
    parse_until,
    whole_seconds,
)

EAST_8 = timezone(timedelta(hours=8))

BOUNDS: dict[str, tuple[float, float]] = {
    "page_size": (1, 50),
    "list_page_size": (1, 100),
    "requests_per_second": (0.01, 1_000_000),
    "requests_per_minute": (1, 60_000_000),
    "rate_share": (0.001, 1),
    "workers": (1, 64),
    "attempts": (1, 20),
    "rate_attempts": (1, 1_000),
    "connect_timeout_s": (0.1, 600),
    "read_timeout_s": (0.1, 600),
    "back_off_base_s": (0, 60),
    "back_off_max_s": (0, 600),
    "most_chats_lost": (1, 100_000),
    "announced_wait_max_s": (0, 3_600),
    "token_margin_s": (0, 1_799),
    "look_back_s": (LEAST_LOOK_BACK_S, 315_360_000),
    "hot_s": (0, 315_360_000),
    "poll_every_load_s": (0, 315_360_000),
    "poll_growth": (1.05, 10),
    "most_hot_threads": (0, 100_000),
    "most_owed_threads": (1, 100_000),
    "idle_growth": (1.1, 10),
    "idle_most_s": (0, 315_360_000),
    "idle_witnesses": (1, 1_000),
    "details_period_s": (0, 315_360_000),
    "details_share": (0.01, 1),
    "user_details_period_s": (3_600, 3_650 * 86_400),
    "slice_messages": (1, 10_000_000),
    "batch_rows": (1, 1_000_000),
    "slice_bytes": (1, 10_000_000_000),
    "batch_bytes": (1, 1_000_000_000),
    "pages_ahead": (1, 64),
    "stretches": (1, 64),
    "stretch_pages": (1, 10_000),
    "batches_ahead": (1, 1_000),
    "files_most_mb": (0.001, 100),
    "files_total_mb": (0.001, 100_000_000),
    "files_workers": (1, 16),
}


def settings(**values: Any) -> Settings:
    """Settings as configuration gives them: names and values of any type."""
    return Settings(**values)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_setting_may_lie_on_its_bounds_and_not_beyond(name: str) -> None:
    """Both ends are allowed; the next value outside is refused by name."""
    least, most = BOUNDS[name]
    for value in (least, most):
        assert getattr(settings(**{name: value}), name) == value
    for value in (least - 0.001, most + 1):
        with pytest.raises(ConfigurationError, match=f"setting {name} is {value}, it must lie"):
            settings(**{name: value})


def test_a_setting_that_is_not_a_number_is_refused() -> None:
    """NaN compares with nothing, so it lies within no bounds."""
    with pytest.raises(ConfigurationError, match="setting rate_share is nan"):
        Settings(rate_share=float("nan"))


def test_the_bounds_name_their_setting_and_its_range() -> None:
    """The message is the whole instruction."""
    with pytest.raises(ConfigurationError) as refusal:
        Settings(page_size=51)
    assert str(refusal.value) == "setting page_size is 51, it must lie between 1 and 50"


def test_settings_that_are_numbers_have_bounds() -> None:
    """Only the switches and the card parameter are free."""
    free = {"with_sender_name", "flat_topics", "card_content", "skip_idle"}
    free |= {"forwards", "reactions", "pins", "chat_context", "user_details"}
    assert {field.name for field in fields(Settings)} - set(BOUNDS) == free


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-01-31", "UTC", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31", "Asia/Shanghai", datetime(2026, 1, 31, tzinfo=EAST_8)),
        (" 2026-01-31T08:00 ", "UTC", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00Z", "Asia/Shanghai", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00+08:00", "UTC", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31 08:00:00.250", "UTC", datetime(2026, 1, 31, 8, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_since_is_the_first_instant_wanted(text: str, zone: str, expected: datetime) -> None:
    """A zone in the text wins over the configured one; a date begins at its local midnight."""
    assert parse_since(text, zone) == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-01-31", "UTC", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-01-31", "Asia/Shanghai", datetime(2026, 2, 1, tzinfo=EAST_8)),
        ("2026-W05-6", "UTC", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-01-31T00:00", "UTC", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00+08:00", "UTC", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_until_includes_its_day_and_excludes_its_instant(
    text: str, zone: str, expected: datetime
) -> None:
    """A date alone means the whole day; a time means up to it."""
    assert parse_until(text, zone) == expected


def test_until_knows_that_a_day_may_have_23_hours() -> None:
    """On 2026-03-29 Berlin's clocks go forward: the day ends at local midnight, 23 hours on."""
    begin, end = (
        parse_since("2026-03-29", "Europe/Berlin"),
        parse_until("2026-03-29", "Europe/Berlin"),
    )
    assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(hours=23)
    assert end.isoformat() == "2026-03-30T00:00:00+02:00"


@pytest.mark.parametrize("text", ["1769817600", "1769817600000", "20260131", "-1", "+5"])
@pytest.mark.parametrize("parse", [parse_since, parse_until])
def test_a_bare_number_is_refused_because_its_unit_is_unknown(
    parse: Callable[[str], datetime], text: str
) -> None:
    """Seconds or milliseconds: nobody guesses, and the hint shows what to write."""
    name = parse.__name__.removeprefix("parse_")
    with pytest.raises(ConfigurationError) as refusal:
        parse(text)
    assert str(refusal.value) == (
        f"{name} is {text!r}, a bare number: seconds or milliseconds? "
        "write a date such as 2026-01-31 or a time such as 2026-01-31T08:00+08:00"
    )


@pytest.mark.parametrize("text", ["", "yesterday", "31.01.2026", "2026-13-01", "2026-01-31T25:00"])
def test_what_is_not_iso_8601_is_refused_with_a_hint(text: str) -> None:
    """The message quotes the text and shows two that work."""
    with pytest.raises(ConfigurationError) as refusal:
        parse_since(text)
    assert str(refusal.value) == (
        f"since is {text!r}, not ISO 8601: "
        "write a date such as 2026-01-31 or a time such as 2026-01-31T08:00+08:00"
    )


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../UTC", "Asia", "/etc/localtime", "a\0b", "localtime"]
)
def test_an_unknown_timezone_is_refused_by_name(name: str) -> None:
    """Neither a path nor a folder of the zone database is a zone."""
    with pytest.raises(ConfigurationError) as refusal:
        find_timezone(name)
    assert str(refusal.value) == (
        f"timezone {name!r} is not known: write an IANA name such as Asia/Shanghai"
    )


def test_until_for_ever_does_not_overflow() -> None:
    """The last day of the calendar has no next one: its end is the last instant there is."""
    for_ever = parse_until("9999-12-31", "Asia/Shanghai")
    assert for_ever == datetime.max.replace(tzinfo=UTC)
    assert whole_seconds(for_ever) == 253_402_300_799
    west = parse_until("9999-12-31T23:59:59-08:00")
    assert whole_seconds(west) == 253_402_300_799 + 8 * 3_600


@example(253_402_300_799, 999_999)
@example(-62_135_596_800, 1)
@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999))
def test_whole_seconds_round_down_or_up_and_never_by_more_than_one(
    seconds: int, microseconds: int
) -> None:
    """Exact for every instant a datetime can hold, before the epoch too."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=seconds, microseconds=microseconds
    )
    assert whole_seconds(moment) == seconds
    assert whole_seconds(moment, up=True) == seconds + (microseconds > 0)
