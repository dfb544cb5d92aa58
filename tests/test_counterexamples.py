"""The shortest histories that broke a rule which looked right: one test each, numbered.

Each was found in a simulation while the rules were sought (see `feishu_source.coverage` and `hot`
for those that were kept). A test tells the history, then asks for the whole truth; where the rule
was merely slow or endless, it counts. Only what dlt itself does runs over a database.
"""

from __future__ import annotations

from typing import Any

import dlt
import pytest

from feishu_source import load
from feishu_source.errors import ConfigurationError, QuotaExhausted
from feishu_source.reader import STEP_BACK_S
from feishu_source.sandbox import Fault, Switches, World
from tests.belt import Belt
from tests.lab import DAY_S, MESSAGES, Lab

HOUR_S = 3_600
HEADS: dict[str, Any] = {"rungs": "off"}
"""No sweep finds later what a head has missed."""


def _thread(belt: Belt, root: str) -> str:
    return str(belt.world.thread_id_of(root))


def _thread_of_pages(world: World, sender: str, chat_id: str) -> str:
    """A root with three replies: only a thread of several pages is ever read in part."""
    root = world.post(chat_id, sender, text="root")
    for _ in range(3):
        world.reply_in_thread(root, sender, text="first")
    return root


# threads


def test_01_poll_reads_down_to_what_it_knew_not_to_what_the_chat_covers(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A thread cooled, pages of replies landed between two polls, and meanwhile coverage moved."""
    root = _thread_of_pages(world, ann, team)
    belt.load(page_size=2, **HEADS)
    world.advance(5 * DAY_S)
    belt.load(**HEADS)  # polled at 4.77 days of silence; the next poll is due at 5.96
    for _ in range(6):
        world.advance(HOUR_S)
        world.reply_in_thread(root, ann, text="late")
    belt.load(**HEADS)
    assert belt.polls() == []
    world.advance(DAY_S)
    belt.load(page_size=2, **HEADS)
    belt.assert_equals_truth()
    world.advance(6 * HOUR_S)
    belt.load(page_size=2, **HEADS)
    assert len(belt.polls()) == 1  # down to what is known, and no further


@pytest.mark.parametrize("hidden", [False, True], ids=["opened late", "invisible at first"])
def test_02_thread_of_an_old_root_that_was_never_read_is_read_whole(
    belt: Belt, world: World, ann: str, team: str, hidden: bool
) -> None:
    """Its root was loaded before anybody could read replies there: that does not count as read."""
    root = world.post(team, ann, text="root")
    if hidden:
        world.reply_in_thread(root, ann, text="unseen")
        world.hide_thread(_thread(belt, root))
    belt.load(**HEADS)
    world.advance(12 * HOUR_S)
    belt.load(**HEADS)
    for _ in range(3):
        world.reply_in_thread(root, ann, text="reply")
    world.show_thread(_thread(belt, root))
    world.advance(6 * HOUR_S)
    belt.load(page_size=2, rungs="1d/6h")
    belt.assert_equals_truth()


def test_03_poll_goes_back_behind_the_newest_known_reply(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A reply became visible 3.5 s late, another was edited: both lie below the newest."""
    root = _thread_of_pages(world, ann, team)
    world.advance(3 * DAY_S)
    edited = world.reply_in_thread(root, ann, text="before")
    world.advance(60)
    world.reply_in_thread(root, ann, text="late", visible_after_ms=3_500)
    for _ in range(3):
        world.advance(1)
        world.reply_in_thread(root, ann, text="soon")
    belt.load(page_size=1)
    world.advance(60)
    world.edit(edited, text="after")
    belt.load(page_size=1, **HEADS)
    belt.assert_equals_truth()


def test_04_poll_that_died_after_its_first_page_leaves_no_gap(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """It had seen the newest reply, and not what lay behind: that time counts for nothing."""
    root = _thread_of_pages(world, ann, team)
    belt.load(page_size=2)
    for _ in range(6):
        world.advance(HOUR_S)
        world.reply_in_thread(root, ann, text="late")
    broken = Fault("internal_2200", thread_id=_thread(belt, root), after=1, times=2)
    belt.sandbox.inject(broken)
    assert belt.load(page_size=2, attempts=2, **HEADS) == {team: "partial"}
    world.advance(HOUR_S)
    assert belt.load(page_size=2, **HEADS) == {team: "complete"}
    belt.assert_equals_truth()


def test_05_page_is_claimed_after_its_threads_not_before(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A first load ended between a page and the threads of its roots, which no rung reaches."""
    roots = []
    for number in range(6):
        world.advance(HOUR_S)
        roots.append(world.post(team, ann, text=f"root {number}"))
        world.reply_in_thread(roots[-1], ann, text="reply")
    world.advance(400 * DAY_S)
    belt.sandbox.inject(Fault("quota", thread_id=_thread(belt, roots[2])))
    belt.load(page_size=2, workers=1)
    assert type(belt.stopped_by) is QuotaExhausted
    belt.load(page_size=2)
    belt.assert_equals_truth()


def test_06_thread_that_timed_out_is_owed(belt: Belt, world: World, ann: str, team: str) -> None:
    """In a first load, its root older than every rung: only the debt leads back to it."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    world.advance(400 * DAY_S)
    belt.sandbox.inject(Fault("html_502", thread_id=_thread(belt, root), times=6))
    assert belt.load() == {team: "partial"}
    assert [row["status"] for row in belt.rows("threads")] == ["failed"]
    assert [row["owed_threads"] for row in belt.rows("sync_coverage")] == [1]
    world.advance(DAY_S)
    assert belt.load() == {team: "complete"}
    assert belt.polls() == [_thread(belt, root)]
    assert [row["owed_threads"] for row in belt.rows("sync_coverage")] == [0]
    belt.assert_equals_truth()


def test_07_thread_cools_after_a_poll_not_before(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """No load ran for longer than a thread stays hot, and a reply had landed while it was."""
    root = world.post(team, ann, text="root")
    world.advance(300 * DAY_S)
    world.reply_in_thread(root, ann, text="first")
    belt.load()
    world.advance(10 * DAY_S)
    world.reply_in_thread(root, ann, text="while hot")
    world.advance(100 * DAY_S)
    belt.load()
    belt.assert_equals_truth()
    belt.load()
    assert belt.polls() == []


# slices, and loads that are killed


@pytest.mark.parametrize("rungs", ["off", "30d/10d"], ids=["look-back", "rung"])
def test_08_rereading_larger_than_a_slice_gets_on(
    belt: Belt, world: World, ann: str, team: str, rungs: str
) -> None:
    """Every load is killed after its first slice: how far a rereading got is remembered."""
    gap_s = 60 if rungs == "off" else 12 * HOUR_S
    messages = []
    for _ in range(40):
        world.advance(gap_s)
        messages.append(world.post(team, ann, text="before"))
    belt.load(rungs=rungs)
    world.advance(10 * DAY_S if rungs != "off" else 0)
    world.edit(messages[-2], text="after")
    for _ in range(12):
        belt.load(kill_after=1, slice_messages=6, page_size=3, workers=1, rungs=rungs)
    belt.assert_equals_truth()


def test_09_look_backs_of_all_chats_larger_than_a_slice_are_read_once(
    belt: Belt, world: World, ann: str
) -> None:
    """Which chats this load has finished is remembered from slice to slice."""
    chats = [world.add_chat(name=f"Chat {number}", member_ids=[ann]) for number in range(5)]
    for chat_id in chats * 6:
        world.advance(10)
        world.post(chat_id, ann, text="busy")
    belt.load()
    assert set(belt.load(slice_messages=6, max_messages=60, workers=1, **HEADS).values()) == {
        "complete"
    }
    assert (belt.slices, [len(belt.listings(chat_id)) for chat_id in chats]) == (5, [1] * 5)
    belt.assert_equals_truth()


def test_10_loads_killed_after_their_first_slice_reach_every_chat(
    belt: Belt, world: World, ann: str
) -> None:
    """Whoever waited longest is read first, however much is said in the others."""
    chats = [world.add_chat(name=f"Chat {number}", member_ids=[ann]) for number in range(5)]
    belt.load()
    for _ in chats:
        for chat_id in chats:
            world.advance(DAY_S)
            world.post(chat_id, ann, text="news")
        belt.load(kill_after=1, slice_messages=1, workers=1, **HEADS)
    covered_s = [belt.claims[chat_id]["covered_until_s"] for chat_id in chats]
    assert len(set(covered_s)) == 5
    belt.load(**HEADS)
    belt.assert_equals_truth()


def test_11_second_with_more_messages_than_a_slice_is_left_behind(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A chat is cut only where its claim grew since the slice began."""
    for _ in range(20):
        world.post(team, ann, text="all at once", at_ms=world.start_ms + 500)
    world.advance(5)
    world.post(team, ann, text="later")
    world.advance(5)
    assert belt.load(slice_messages=4, page_size=2, max_messages=100) == {team: "complete"}
    belt.assert_equals_truth()


# rungs and hot threads


def test_12_window_of_a_rung_begins_where_the_last_sweep_could_see(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A message was edited at the age of 27 days, just after a sweep of 30 days every 10."""
    messages = []
    for _ in range(60):
        messages.append((world.now_ms, world.post(team, ann, text="before")))
        world.advance(DAY_S)
        belt.load(rungs="30d/10d")
        swept_s = belt.claims[team]["swept_s"]["2592000"]
        if swept_s * 1_000 == world.now_ms and len(messages) > 40:
            break
    (edited,) = (one for at_ms, one in messages if world.now_ms - at_ms == 27 * DAY_S * 1_000)
    world.edit(edited, text="after")
    for _ in range(10):
        world.advance(DAY_S)
        belt.load(rungs="30d/10d")
    belt.assert_equals_truth()


def test_13_sweep_that_was_cut_counts_from_when_it_was_opened(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Behind its cursor a message was edited; a later load finished it, and then the next rung."""
    edited = world.post(team, ann, text="before")
    world.advance(DAY_S)
    for _ in range(4):
        world.post(team, ann, text="more")
        world.advance(DAY_S)
    belt.load(rungs="30d/10d")
    world.advance(24 * DAY_S)
    belt.load(kill_after=2, slice_messages=1, page_size=1, workers=1, rungs="30d/10d")
    opened = belt.claims[team]["walks"]["sweep"]
    assert opened["start_s"] < world.message(edited).create_ms // 1_000 < opened["at_s"]
    world.edit(edited, text="after")
    world.advance(5 * DAY_S)
    belt.load(rungs="30d/10d")
    assert "walks" not in belt.claims[team]
    world.advance(10 * DAY_S)
    belt.load(rungs="30d/10d")
    belt.assert_equals_truth()


@pytest.mark.parametrize(("hot_days", "age_days"), [(1, 1.5), (14, 2.5), (14, 2.999)])
def test_14_thread_stays_hot_for_the_look_back(
    belt: Belt, world: World, ann: str, team: str, hot_days: int, age_days: float
) -> None:
    """A reply younger than the look-back was edited: its thread is still polled in every load."""
    wanted: dict[str, Any] = {"look_back_s": 3 * DAY_S, "hot_s": hot_days * DAY_S, "rungs": "off"}
    root = world.post(team, ann, text="root")
    world.advance(5 * DAY_S)
    reply = world.reply_in_thread(root, ann, text="before")
    belt.load(**wanted)
    world.advance(age_days * DAY_S)
    belt.load(**wanted)
    world.edit(reply, text="after")
    world.advance(HOUR_S)
    belt.load(**wanted)
    belt.assert_equals_truth()


# the edges of windows


def test_15_look_back_is_never_nothing(belt: Belt, world: World, ann: str, team: str) -> None:
    """A message became visible 2.5 s late, when a load had covered its time."""
    with pytest.raises(ConfigurationError, match="look_back_s is 0"):
        belt.load(look_back_s=0)
    world.post(team, ann, text="late", visible_after_ms=2_500)
    world.advance(2)
    belt.load(look_back_s=600, **HEADS)
    assert belt.message_ids() == set()
    world.advance(10)
    belt.load(look_back_s=600, **HEADS)
    belt.assert_equals_truth()


def test_16_two_loads_that_pin_the_same_second_both_read(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What this load has done is remembered, and not inferred from what is covered."""
    world.post(team, ann, text="first")
    lab.load()
    world.post(team, ann, text="second")
    lab.load()
    lab.assert_equals_truth()


def test_16_walk_that_was_gone_on_with_is_not_the_loads_own(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """A first load was cut; the next one finishes it, and behind the cut something was edited."""
    messages = []
    for _ in range(30):
        world.advance(60)
        messages.append(world.post(team, ann, text="before"))
    belt.load(max_messages=20, page_size=5)
    world.edit(messages[10], text="after")
    belt.load()
    belt.assert_equals_truth()


def test_17_topic_group_that_lists_roots_only_is_polled(world: World, ann: str) -> None:
    """The undocumented parameter for all of it is refused, so nothing flat is relied on."""
    topic = world.add_chat(name="Topics", mode="topic", member_ids=[ann])
    world.reply_in_thread(world.post(topic, ann, text="topic"), ann, text="reply")
    switches = Switches(accept_only_thread_root=False, topic_default_roots_only=True)
    with Belt(world, switches=switches) as belt:
        belt.load()
        belt.assert_equals_truth()
        assert len(belt.rows("messages")) == 2


def test_18_cut_inside_a_second_loses_nothing_of_it(world: World, ann: str, team: str) -> None:
    """The next slice asks from a second before, since the start of a range may be exclusive."""
    for number in range(8):
        world.post(team, ann, text=f"message {number}", at_ms=world.start_ms + number * 300)
    world.advance(5)
    with Belt(world, switches=Switches(start_inclusive=False)) as belt:
        belt.load(slice_messages=2, page_size=2)
        assert belt.slices > 1
        belt.assert_equals_truth()


def test_18_second_of_the_end_is_read_whole(world: World, ann: str, team: str) -> None:
    """A load asks to a second behind its end, since the end of a range may be exclusive."""
    world.post(team, ann, text="in that second", at_ms=world.start_ms + 5_200)
    world.advance(5.5)
    with Belt(world, switches=Switches(end_inclusive=False)) as belt:
        belt.load()
        belt.assert_equals_truth()


def test_19_start_that_moves_back_leaves_nothing_out(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """What lies before is read by whoever asks for it, and no later start shrinks it."""
    _ten_days(world, team, ann)
    belt.load(since="2026-01-08", **HEADS)
    assert len(belt.message_ids()) == 3
    belt.load(since="2026-01-04", **HEADS)
    assert len(belt.message_ids()) == 7
    belt.load(since="2026-01-09", **HEADS)
    belt.load(**HEADS)
    belt.assert_equals_truth()


def test_19_intervals_out_of_order_end_in_everything(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """An orchestrator's backfill: windows that do not touch are loaded and not claimed."""
    _ten_days(world, team, ann)
    for since, until in [("05", "06"), ("09", "09"), ("02", "03")]:
        belt.load(since=f"2026-01-{since}", until=f"2026-01-{until}", **HEADS)
    assert len(belt.message_ids()) == 5
    belt.load(**HEADS)
    belt.assert_equals_truth()


def _ten_days(world: World, chat_id: str, sender: str) -> None:
    """A message at noon of each."""
    for _ in range(10):
        world.advance(DAY_S / 2)
        world.post(chat_id, sender, text="noon")
        world.advance(DAY_S / 2)


# what only a whole load shows


def test_20_root_edited_between_its_two_listings_ends_as_the_later_one(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """In one load package either version could win: the second waits for the next slice."""
    root = world.post(team, ann, text="before")
    world.reply_in_thread(root, ann, text="reply")

    def edit_once() -> None:
        if lab.listings(team) and not lab.polls():
            world.on_look = None
            world.edit(root, text="after")

    world.on_look = edit_once
    assert lab.load().slices == 2
    assert world.message(root).edits == 1
    lab.assert_equals_truth()


def test_21_load_ends_though_people_talk_faster_than_it_reads(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Its end is pinned once: what is said after that is for the next load."""
    for _ in range(4):
        world.post(team, ann, text="before")
        world.advance(60)

    def talk() -> None:
        if lab.listings(team):
            world.advance(60)
            world.post(team, ann, text="meanwhile")

    world.on_look = talk
    report = lab.load(slice_messages=2, page_size=2, max_messages=20)
    world.on_look = None
    assert (report.exit_code, report.slices, report.new) == (0, 3, 4)
    lab.load()
    lab.assert_equals_truth()


def test_22_another_database_under_the_same_pipeline_gets_everything(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """dlt by itself keeps the higher state version, and rows would never arrive."""
    folder = str(lab.folder / "shared")
    for name in ("one", "two", "two", "one"):
        world.post(team, ann, text="since the last load")
        world.advance(DAY_S)
        lab.database = lab.folder / f"{name}.duckdb"
        pipeline = dlt.pipeline(
            "feishu_history",
            destination=dlt.destinations.duckdb(str(lab.database)),
            dataset_name="feishu",
            pipelines_dir=folder,
        )
        load(pipeline, **lab.access, **HEADS)
        lab.assert_equals_truth()


def test_23_threads_that_were_switched_off_are_all_due_once_they_are_on(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """However old the roots are, and once."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    belt.load(threads=False)
    assert (belt.polls(), belt.claims[team].get("threads_covered")) == ([], None)
    world.advance(400 * DAY_S)
    belt.load(threads=False)
    belt.load()
    belt.assert_equals_truth()
    assert belt.claims[team]["threads_covered"] is True
    belt.load()
    assert belt.polls() == []


def test_24_quota_used_up_within_a_chat_keeps_its_first_pages(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What was paid for is loaded before the error is raised; a second's overlap is paid twice."""
    for number in range(6):
        world.post(team, ann, text=f"message {number}")
        world.advance(10)
    lab.sandbox.inject(Fault("quota", path=MESSAGES, times=None, after=2))
    with pytest.raises(QuotaExhausted):
        lab.load(page_size=2)
    loaded = lab.rows("messages")
    assert sorted(row["text"] for row in loaded) == [f"message {number}" for number in range(4)]
    last_s = max(row["create_time"] for row in loaded).timestamp()
    lab.sandbox.clear_faults()
    report = lab.load(page_size=2)
    assert (report.exit_code, report.new) == (0, 2)
    assert int(lab.listings(team)[0].query["start_time"]) == last_s - STEP_BACK_S
    lab.assert_equals_truth()
