"""Which chats and which time: --chat, --include, --exclude, --since, --until."""

from __future__ import annotations

from datetime import datetime

import pytest

from feishu_source.errors import ConfigurationError
from feishu_source.sandbox import World
from tests.belt import Belt
from tests.lab import DAY_S, Lab


def _days(world: World, chat_id: str, sender: str, days: int) -> list[str]:
    """One message a day, at noon, from the first of January on."""
    first = world.start_ms + DAY_S * 500
    ids = [
        world.post(chat_id, sender, text=f"day {n + 1}", at_ms=first + n * DAY_S * 1_000)
        for n in range(days)
    ]
    world.now_ms = world.start_ms + days * DAY_S * 1_000
    return ids


def test_since_and_until_drop_what_lies_outside(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A date includes its day."""
    ids = _days(world, team, ann, 10)
    belt.load(since="2026-01-03", until="2026-01-05")
    assert belt.message_ids() == set(ids[2:5])


def test_bounds_hold_to_the_millisecond(belt: Belt, world: World, ann: str, team: str) -> None:
    """The API is asked for whole seconds and more; what lies outside is dropped here."""
    start = int(datetime.fromisoformat("2026-01-03T00:00:00+00:00").timestamp() * 1_000)
    ids = [world.post(team, ann, text="x", at_ms=start + ms) for ms in (499, 500, 1_499, 1_500)]
    world.advance(10 * DAY_S)
    belt.load(since="2026-01-03T00:00:00.500", until="2026-01-03T00:00:01.500")
    assert belt.message_ids() == set(ids[1:3])


def test_time_without_a_zone_is_in_the_given_one(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Noon in UTC is the evening in Shanghai, and day 3 begins at 16:00 UTC of day 2."""
    ids = _days(world, team, ann, 4)
    belt.load(since="2026-01-02T20:30", timezone="Asia/Shanghai")
    assert belt.message_ids() == set(ids[2:])


def test_since_behind_what_is_covered_leaves_no_gap_that_looks_covered(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """What lies between is read by the next load without bounds."""
    _days(world, team, ann, 5)
    belt.load()
    _days(world, team, ann, 5)  # five more of the same days, listed late
    world.advance(20 * DAY_S)
    between = world.post(team, ann, text="between")
    world.advance(20 * DAY_S)
    new = world.post(team, ann, text="new")
    world.advance(60)
    belt.load(since="2026-02-05")
    assert new in belt.message_ids()
    assert between not in belt.message_ids()
    belt.load(full=True)
    belt.assert_equals_truth()


def test_reply_behind_until_is_read_once_the_bound_is_gone(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """It was left out by its own time, so its thread does not count as covered."""
    root = world.post(team, ann, text="root")
    world.advance(5 * DAY_S)
    reply = world.reply_in_thread(root, ann, text="later")
    world.advance(30 * DAY_S)
    belt.load(until="2026-01-02")
    assert belt.message_ids() == {root}
    belt.load()
    assert reply in belt.message_ids()
    belt.assert_equals_truth()


def test_reply_behind_a_second_until_is_read_though_the_first_load_was_cut(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """What is left of the first load claims no threads that the load behind it left out."""
    ids = _days(world, team, ann, 20)
    world.advance(DAY_S)
    reply = world.reply_in_thread(ids[8], ann, text="later")
    world.advance(30 * DAY_S)
    belt.load(until="2026-01-05", max_messages=2, page_size=2)
    belt.load(until="2026-01-15")
    assert belt.message_ids() == set(ids[:15])
    belt.load()
    assert reply in belt.message_ids()
    belt.assert_equals_truth()


def test_interval_that_is_read_again_sees_old_edits(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Bounds that are asked for are read whole, whatever is covered."""
    ids = _days(world, team, ann, 10)
    belt.load()
    world.edit(ids[2], text="edited")
    world.advance(10 * DAY_S)
    belt.load(since="2026-01-03", until="2026-01-03")
    belt.assert_equals_truth()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"since": "2026-02-01", "until": "2026-01-01"}, "not before until"),
        ({"since": "1767225600"}, "bare number"),
        ({"since": "1767225600000"}, "bare number"),
        ({"until": "yesterday"}, "not ISO 8601"),
        ({"since": "2026-01-01", "timezone": "Mars/Olympus"}, "IANA name"),
        ({"chat_ids": ["oc_1/../x"]}, "oc_1/../x"),
        ({"look_back_s": 5}, "look_back_s"),
        ({"page_size": 51}, "page_size"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_before_any_request(
    lab: Lab, team: str, arguments: dict[str, object], words: str
) -> None:
    """The error names the argument and what it should be."""
    with pytest.raises(ConfigurationError, match=words):
        lab.load(**arguments)
    assert lab.sandbox.requests == []


def test_chats_are_chosen_by_name_and_exclude_wins(lab: Lab, world: World, ann: str) -> None:
    """Globs ignore case; a chat without a name matches only `*`."""
    names = ["Team A", "team b", "Secret team", None, "[/red]"]
    chats = {name: world.add_chat(name=name, member_ids=[ann]) for name in names}
    for chat_id in chats.values():
        world.post(chat_id, ann, text="here")
    lab.load(include=["TEAM*", "*team"], exclude=["secret*"])
    loaded = {row["chat_id"] for row in lab.rows("messages")}
    assert loaded == {chats["Team A"], chats["team b"]}
    assert {row["chat_id"] for row in lab.rows("sync_coverage")} == loaded
    lab.load(include=["*"])
    assert {row["chat_id"] for row in lab.rows("messages")} == set(chats.values())


def test_p2p_chat_is_read_when_it_is_named(belt: Belt, world: World, ann: str, team: str) -> None:
    """No endpoint lists it; the others are left alone."""
    world.post(team, ann, text="in the group")
    direct = world.add_chat(mode="p2p", member_ids=[ann])
    world.post(direct, ann, text="just us")
    belt.load(chat_ids=[direct])
    belt.assert_equals_truth(chat_ids=[direct])


def test_reset_chat_reads_it_again_from_the_start(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What is claimed of it is forgotten, its rows are merged."""
    message = world.post(team, ann, text="before")
    world.advance(30 * DAY_S)
    lab.load()
    world.edit(message, text="after")
    report = lab.load(reset_chats=[team])
    assert (report.messages, report.new) == (1, 0)
    lab.assert_equals_truth()


def test_reset_chat_that_is_not_read_is_told(lab: Lab, world: World, ann: str, team: str) -> None:
    """A mistyped id would seem to have worked; a chat that is left out is read by a later load."""
    world.post(team, ann, text="here")
    lab.load()
    other = world.add_chat(name="Other", member_ids=[ann])
    stranger = "oc_00000000000000000000000000000000"
    report = lab.load(reset_chats=[team, stranger], chat_ids=[other])
    assert report.warnings == [
        f"--reset-chat {team}: left out by --chat, --include or --exclude, so it is read by a "
        "later load.",
        f"--reset-chat {stranger}: no chat of this id was loaded before, and the app sees none.",
    ]
    assert lab.load().messages == 1
    lab.assert_equals_truth()


def test_reset_chat_that_no_list_shows_is_read_again(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Between two people: known from an earlier load only, and not forgotten with its claims."""
    direct = world.add_chat(mode="p2p", member_ids=[ann])
    message = world.post(direct, ann, text="before")
    world.advance(30 * DAY_S)
    lab.load(chat_ids=[direct])
    world.edit(message, text="after")
    assert lab.load(reset_chats=[direct]).warnings == []
    lab.assert_equals_truth(chat_ids=[team, direct])


def test_since_leaves_out_nothing_that_an_earlier_load_owes(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A rereading for the sake of threads began before it, so its replies are claimed."""
    root = world.post(team, ann, text="root")
    reply = world.reply_in_thread(root, ann, text="reply")
    world.advance(10 * DAY_S)
    world.post(team, ann, text="late")
    belt.load(threads=False)
    belt.load(since="2026-01-08")
    belt.load()
    assert reply in belt.message_ids()
    belt.assert_equals_truth()


def test_start_that_leaves_a_gap_is_told(lab: Lab, world: World, ann: str, team: str) -> None:
    """Each such load reads the same again: one without that start ends it."""
    world.post(team, ann, text="old")
    lab.load()
    world.advance(40 * DAY_S)
    report = lab.load(since="2026-02-05")
    assert "leaves a gap after what is covered, in 1 of the chats" in report.warnings[0]
    lab.load()
    assert lab.load(since="2026-02-05").warnings == []
