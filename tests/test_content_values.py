"""Typed values: what is read, what is null, what is counted."""

import pytest

from feishu_source.content import Content
from tests.content_reading import case_id, read

MS = 1_608_265_395_000


@pytest.mark.parametrize("value", [1, True, 1.5, [], {}, ["a"]])
@pytest.mark.parametrize(
    ("msg_type", "key"),
    [
        ("text", "text"),
        ("hongbao", "text"),
        ("image", "image_key"),
        ("file", "file_key"),
        ("file", "file_name"),
        ("sticker", "file_key"),
        ("share_chat", "chat_id"),
        ("share_user", "user_id"),
        ("location", "name"),
        ("calendar", "summary"),
        ("video_chat", "topic"),
        ("system", "template"),
        ("todo", "task_id"),
        ("vote", "topic"),
        ("post", "title"),
        ("merge_forward", "content"),
    ],
)
def test_a_column_that_wants_a_string_counts_any_other_type(
    msg_type: str, key: str, value: object
) -> None:
    """A value of another type is null, and counted once."""
    assert read(msg_type, {key: value}) == Content(unparsed=1)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize(
    ("msg_type", "keys"),
    [
        ("text", ["text"]),
        ("image", ["image_key"]),
        ("audio", ["file_key", "duration"]),
        ("media", ["file_key", "image_key", "file_name", "duration"]),
        ("location", ["name", "longitude", "latitude"]),
        ("calendar", ["summary", "start_time", "end_time"]),
        ("todo", ["task_id", "summary", "due_time"]),
        ("vote", ["topic", "options"]),
        ("post", ["title", "content", "content_v2", "files"]),
        ("interactive", ["title", "elements"]),
        ("interactive", ["header", "elements", "body", "json_card"]),
        ("new_type", ["text", "content", "title"]),
    ],
)
def test_null_and_the_empty_string_are_null_and_not_counted(
    msg_type: str, keys: list[str], value: object
) -> None:
    """A value that is not there was not lost."""
    assert read(msg_type, dict.fromkeys(keys, value)) == Content()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MS, MS),
        (str(MS), MS),
        (100_000_000_000, 100_000_000_000),
        (253_402_300_799_999, 253_402_300_799_999),
    ],
)
def test_a_time_is_milliseconds_as_int_or_digits(value: object, expected: int) -> None:
    """From 1973 to the last millisecond of the year 9999."""
    content = read("video_chat", {"start_time": value})
    assert content == Content(event_start_ms=expected)


@pytest.mark.parametrize(
    "value",
    [
        1_608_265_395,  # seconds: the unit is never guessed
        "1608265395",
        99_999_999_999,
        253_402_300_800_000,
        -MS,
        f"-{MS}",
        float(MS),
        f"{MS}.0",
        f" {MS}",
        "\uff11" * 13,  # full-width digits
        "9" * 5000,
        10**400,
        "soon",
        0,
        True,
        [MS],
    ],
    ids=case_id,
)
def test_a_time_of_any_other_form_is_null_and_counted(value: object) -> None:
    """What is no whole number of milliseconds in that range is not a time."""
    assert read("video_chat", {"start_time": value}) == Content(unparsed=1)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), ("0", 0), (2000, 2000), ("2000", 2000), (2**63 - 1, 2**63 - 1)]
)
def test_a_duration_is_a_whole_number_of_milliseconds(value: object, expected: int) -> None:
    """From zero to what a bigint holds."""
    assert read("audio", {"duration": value}) == Content(duration_ms=expected)


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "1.5", "abc", False, 2**63, str(2**63), {}])
def test_a_duration_of_any_other_form_is_null_and_counted(value: object) -> None:
    """A negative, broken or too large duration is none."""
    assert read("audio", {"duration": value}) == Content(unparsed=1)


@pytest.mark.parametrize(
    ("longitude", "latitude", "expected"),
    [
        ("121.5", "31.2", (121.5, 31.2)),
        (-180, 90, (-180.0, 90.0)),
        ("+180", "-90", (180.0, -90.0)),
        (0, 0.0, (0.0, 0.0)),
    ],
)
def test_coordinates_are_degrees_in_range(
    longitude: object, latitude: object, expected: tuple[float, float]
) -> None:
    """As a number or a decimal string, both ends included."""
    content = read("location", {"longitude": longitude, "latitude": latitude})
    assert content == Content(longitude=expected[0], latitude=expected[1])


@pytest.mark.parametrize(
    ("longitude", "latitude"),
    [
        (180.1, 90.1),
        ("-181", "-91"),
        (float("nan"), float("inf")),
        ("nan", "inf"),
        (10**400, "1" * 400),
        ("1_0", "1e1"),
        (True, [1]),
        ("xxx.xxx", "٣"),
    ],
    ids=case_id,
)
def test_coordinates_of_any_other_form_are_null_and_counted(
    longitude: object, latitude: object
) -> None:
    """Each of the two is counted."""
    content = read("location", {"longitude": longitude, "latitude": latitude})
    assert content == Content(unparsed=2)
