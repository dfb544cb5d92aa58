"""Rungs and hot threads: what a load sees of what is older than the look-back."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from feishu_source.hot import HotRule, cool_early, due
from feishu_source.rungs import Rung, parse_ladder
from feishu_source.rungs import due as due_rungs
from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.lab import DAY_S

HOUR_S = 3_600
RULE = HotRule()


def test_ladder_may_be_switched_off_or_reach_for_ever(world: World, ann: str, team: str) -> None:
    """Without rungs a load asks for its heads alone."""
    world.post(team, ann, text="before")
    with Belt(world) as belt:
        belt.load(rungs="off")
        world.advance(400 * DAY_S)
        belt.load(rungs="off")
        assert len(belt.listings(team)) == 1
        belt.load(rungs="ever/1h")
        assert len(belt.listings(team)) == 2
    assert parse_ladder("1d/6h") == (Rung(DAY_S, 6 * HOUR_S),)


def test_quiet_chat_costs_no_more_than_its_rungs(world: World, ann: str, team: str) -> None:
    """A day of hourly loads: a head each, and the sweeps of the first rung four times."""
    world.post(team, ann, text="one")
    with Belt(world) as belt:
        belt.load()
        requests = 0
        for _ in range(24):
            world.advance(HOUR_S)
            belt.load()
            requests += len(belt.listings(team))
        assert requests == 24 + 4


def test_schedule_that_starts_a_little_early_still_sweeps() -> None:
    """Slots of the period count, not the time since the last sweep."""
    rung = Rung(7 * DAY_S, DAY_S)
    swept, sweeps = {rung.key: 0}, 0
    for day in range(1, 31):
        now_s = day * DAY_S - 2 * day
        if due_rungs([rung], swept, "oc_1", now_s):
            swept[rung.key], sweeps = now_s, sweeps + 1
    assert sweeps >= 29


def test_sweeps_of_many_chats_spread_over_the_period() -> None:
    """Their phases differ, so that no load has them all."""
    rung = Rung(7 * DAY_S, 10 * HOUR_S)
    swept = {rung.key: 0}
    hours = [
        next(h for h in range(1, 12) if due_rungs([rung], swept, f"oc_{n}", h * HOUR_S))
        for n in range(200)
    ]
    assert len(set(hours)) == 10
    assert max(map(hours.count, hours)) < 50


# hot threads


def test_hot_thread_that_failed_is_read_by_the_next_load(world: World, ann: str, team: str) -> None:
    """It is owed then, whenever its next poll would have been."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    with Belt(world) as belt:
        belt.load()
        world.advance(12 * HOUR_S)
        reply = world.reply_in_thread(root, ann, text="second")
        thread_id = world.thread_id_of(root)
        belt.sandbox.inject(Fault("internal_2200", thread_id=thread_id, times=2))
        assert belt.load(attempts=2, rungs="off") == {team: "partial"}
        world.advance(10 * DAY_S)
        assert belt.load(rungs="off") == {team: "complete"}
        assert reply in belt.message_ids()


def test_load_killed_in_its_head_skips_no_poll_that_was_due(
    world: World, ann: str, team: str
) -> None:
    """The head's claim waits for the polls."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    with Belt(world) as belt:
        belt.load()
        world.advance(6 * DAY_S)
        reply = world.reply_in_thread(root, ann, text="second")
        for _ in range(5):
            world.post(team, ann, text="news")
        for kill_after in range(3):
            world.advance(HOUR_S)
            belt.load(page_size=2, batch_rows=1, kill_after=kill_after, rungs="off")
        world.advance(HOUR_S)
        belt.load(rungs="off")
        assert reply in belt.message_ids()


def test_polls_of_a_silent_thread_grow_apart_and_end() -> None:
    """Fourteen days of hourly loads: every load for a day, then ever more rarely."""
    polls = [
        hour
        for hour in range(1, 14 * 24)
        if due({"omt_1": 1_000}, (hour - 1) * HOUR_S, hour * HOUR_S, RULE)
    ]
    assert polls[:24] == list(range(1, 25))
    late = polls[24:]
    gaps = [after - before for before, after in pairwise(late)]
    assert gaps == sorted(gaps)
    assert len(late) < 14


def test_how_often_a_thread_is_polled_is_a_setting(belt: Belt, world: World, ann: str) -> None:
    """Each load for two hours, then at twice the silence before: after 4, 8, 16, 32 hours."""
    chat = world.add_chat(member_ids=[ann])
    root = world.post(chat, ann, text="root")
    world.advance(DAY_S)  # out of the look-back's sight
    world.reply_in_thread(root, ann, text="reply")
    sparing: dict[str, Any] = {"rungs": "off", "poll_every_load_s": 2 * HOUR_S, "poll_growth": 2.0}
    belt.load(**sparing)
    polled = []
    for hour in range(1, 40):
        world.advance(HOUR_S)
        belt.load(**sparing)
        if belt.polls():
            polled.append(hour)
    assert polled == [1, 2, 4, 8, 16, 32]


def test_how_many_threads_a_chat_may_owe_is_a_setting(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Two are lost: a chat that may owe one fails there, one that may owe two reads on."""
    threads = []
    for _ in range(2):
        root = world.post(team, ann, text="root")
        world.reply_in_thread(root, ann, text="reply")
        threads.append(world.thread_id_of(root))
    last = world.post(team, ann, text="last")
    for most, status in ((1, "failed"), (2, "partial")):
        faults = [Fault("internal_2200", thread_id=one, times=1) for one in threads]
        belt.sandbox.inject(*faults)
        settings: dict[str, Any] = {"attempts": 1, "workers": 1, "page_size": 1, "pages_ahead": 1}
        assert belt.load(most_owed_threads=most, **settings) == {team: status}
        assert (last in belt.message_ids()) == (most == 2)
        belt.sandbox.clear_faults()
    belt.load()
    belt.assert_equals_truth()


def test_over_the_cap_the_longest_silent_threads_are_left_out() -> None:
    """And from which silence on is told; what is owed is no part of it."""
    hot = {f"omt_{n}": 1_000 * n for n in range(6)}
    assert cool_early(hot, HotRule(most=2)) == 3_000
    assert hot == {"omt_0": 0, "omt_4": 4_000, "omt_5": 5_000}
