"""The shortest of the random histories that once broke a promise, each told as it happened."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.sandbox import Fault, Switches, World
from tests.histories import History, Load
from tests.laboratory import DAY_S, MESSAGES

QUIET = {"rungs": "off", "hot_s": 0}
"""Neither rungs nor hot threads, which would find sooner or later what a load has missed."""


def test_thread_that_a_head_and_a_rereading_meet_has_one_row_in_their_package(
    world: World, ann: str, team: str
) -> None:
    """Of two rows under one key the merge would keep either."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    with History(world) as history:
        history.watch(Load(settings=QUIET))
        history.watch(Load(full=True, settings=QUIET))
        assert history.polls() == [world.thread_id_of(root)]


def test_first_load_with_an_end_lists_its_window_once(world: World, ann: str, team: str) -> None:
    """What was read as the first window is not read again as the one that was asked for."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    with History(world) as history:
        history.watch(Load(until_ms=world.now_ms - 3_600_000))
        assert len(history.listings(team)) == 1


@pytest.mark.parametrize("before_now_ms", [None, 500])
def test_later_start_does_not_cut_the_look_back_short(
    world: World, ann: str, team: str, before_now_ms: int | None
) -> None:
    """A message became visible late, and the next load began behind it and went on from there."""
    world.advance(DAY_S)
    late = world.post(team, ann, text="late", visible_after_ms=3_500)
    world.advance(1)
    since_ms = world.now_ms
    with History(world) as history:
        history.watch(Load(settings=QUIET))
        world.advance(5_000)
        until_ms = world.now_ms - before_now_ms if before_now_ms else None
        history.watch(Load(since_ms=since_ms, until_ms=until_ms, settings=QUIET))
        world.advance(5_000)
        history.watch(Load(settings=QUIET))
        assert history.message_ids() == {late}


def test_same_start_again_reads_nothing_that_was_sent_before(
    world: World, ann: str, team: str
) -> None:
    """The look-back ends where what was wanted begins."""
    world.post(team, ann, text="not wanted")
    world.advance(100)
    since_ms = world.now_ms
    wanted = world.post(team, ann, text="wanted")
    with History(world) as history:
        for _ in range(2):
            world.advance(5)
            history.watch(Load(since_ms=since_ms))
        assert history.message_ids() == {wanted}


def test_owed_thread_that_does_not_list_its_root_keeps_the_time_of_the_root(
    world: World, ann: str, team: str
) -> None:
    """A hot thread failed once and was owed; what was known of its root is still known."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    switches = Switches(thread_lists_root=False)
    with History(world, switches=switches) as history:
        history.watch(Load())
        history.sandbox.inject(Fault("html_502", MESSAGES, times=None))
        history.watch(Load())
        history.sandbox.clear_faults()
        told: list[dict[str, Any]] = history.rows("threads")
        history.watch(Load(full=True))
        history.watch(Load())
        assert [row["create_time"] for row in history.rows("threads")] == [told[0]["create_time"]]
        history.assert_equals_truth()


def test_owed_thread_that_was_never_read_keeps_the_time_of_its_root(
    world: World, ann: str, team: str
) -> None:
    """When it is read at last, the timeline no longer lists its root, and nor does the thread."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    thread_id = world.thread_id_of(root)
    with History(world, switches=Switches(thread_lists_root=False)) as history:
        history.sandbox.inject(Fault("html_502", thread_id=thread_id, times=2))
        history.watch(Load(settings=QUIET))
        world.advance(DAY_S)
        history.watch(Load(settings=QUIET))
        history.assert_equals_truth()


def test_start_inside_a_second_leaves_nothing_of_that_second_out(
    world: World, ann: str, team: str
) -> None:
    """Its claim begins with the next second; its listing has to begin before this one."""
    world.advance(0.4)
    since_ms = world.now_ms
    wanted = world.post(team, ann, text="wanted")
    world.advance(5)
    with History(world, switches=Switches(start_inclusive=False)) as history:
        history.watch(Load(since_ms=since_ms))
        assert history.message_ids() == {wanted}


def test_owed_thread_learns_its_root_where_the_timeline_shows_it_later_in_the_same_slice(
    world: World, ann: str, team: str
) -> None:
    """It was read before the page with its root came, and does not list the root itself."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    switches = Switches(thread_lists_root=False)
    thread_id = world.thread_id_of(root)
    with History(world, switches=switches) as history:
        world.advance(DAY_S)
        history.watch(Load(settings=QUIET))
        history.claims[team]["hot_threads"] = {thread_id: 0}  # as if owed long ago
        history.watch(Load(full=True, settings=QUIET))
        history.assert_equals_truth()


@pytest.mark.parametrize("loads_before", [0, 1])
def test_stopped_load_tells_no_more_threads_than_it_claims(
    world: World, ann: str, team: str, loads_before: int
) -> None:
    """One thread of a page was read, another one met the end of the month's quota."""
    with History(world) as history:
        for _ in range(loads_before):
            world.post(team, ann, text="early")
            history.watch(Load())
        roots = [world.post(team, ann, text="root") for _ in range(2)]
        for root in roots:
            world.reply_in_thread(root, ann, text="reply")
        thread_id = world.thread_id_of(roots[1])
        history.sandbox.inject(Fault("quota", MESSAGES, thread_id=thread_id, times=None))
        history.watch(Load(settings={"workers": 1}))


def test_explicit_window_puts_no_poll_of_a_silent_thread_off(
    world: World, ann: str, team: str
) -> None:
    """It moves what is covered, and polls no hot threads."""
    hour_s, settings = 3_600, {"rungs": "off", "hot_s": 14 * DAY_S}
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance(24 * hour_s)
        history.watch(Load(settings=settings))
        since_ms = world.now_ms
        world.advance(2.4 * hour_s)
        reply = world.reply_in_thread(root, ann, text="second")
        world.advance(5 * hour_s)
        until_ms = world.now_ms - 60_000
        history.watch(Load(since_ms=since_ms, until_ms=until_ms, settings=settings))
        world.advance(3 * hour_s)
        history.watch(Load(settings=settings))
        assert reply in history.message_ids()


@pytest.mark.parametrize("fault", ["quota", "html_502"])
def test_page_is_not_claimed_unless_the_threads_of_its_roots_are_read_or_owed(
    world: World, ann: str, team: str, fault: str
) -> None:
    """The month's quota ended with the thread; or it alone failed, and is remembered."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    world.advance(DAY_S)
    world.post(team, ann, text="later, on the same page")
    with History(world) as history:
        thread_id = world.thread_id_of(root)
        history.sandbox.inject(Fault(fault, MESSAGES, thread_id=thread_id, times=None))
        history.watch(Load(settings=QUIET))
        history.sandbox.clear_faults()
        history.watch(Load(settings=QUIET))
        history.assert_equals_truth()


def test_thread_that_fails_in_a_sweep_leaves_its_chat_partial(
    world: World, ann: str, team: str
) -> None:
    """What is older is only read again, but a thread may be new to it: it is owed."""
    root = world.post(team, ann, text="root")
    settings = {"rungs": "ever/1d", "hot_s": 0}
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance(DAY_S)
        world.reply_in_thread(root, ann, text="reply")
        thread_id = world.thread_id_of(root)
        history.sandbox.inject(Fault("html_502", MESSAGES, thread_id=thread_id, times=2))
        world.advance(2 * DAY_S)
        assert history.watch(Load(settings=settings)) == {team: "partial"}
        assert history.watch(Load(settings=settings)) == {team: "complete"}
        history.assert_equals_truth()


@pytest.mark.parametrize("what", ["edit", "late"])
def test_poll_goes_on_behind_the_newest_known_reply(
    world: World, ann: str, team: str, what: str
) -> None:
    """There lies a reply that was edited, or one that became visible after those behind it."""
    settings = {"rungs": "off", "hot_s": 14 * DAY_S, "page_size": 2}
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance(DAY_S / 2)
        late_ms = 60_000 if what == "late" else 0
        reply = world.reply_in_thread(root, ann, text="before", visible_after_ms=late_ms)
        for _ in range(5):
            world.advance(1)
            world.reply_in_thread(root, ann, text="more")
        history.watch(Load(settings=settings))
        if what == "edit":
            world.edit(reply, text="after")
        world.advance(90)
        history.watch(Load(settings=settings))
        history.assert_equals_truth()


@pytest.mark.parametrize("chance", range(6))
def test_head_is_not_claimed_while_a_hot_thread_was_not_polled(
    world: World, ann: str, team: str, chance: int
) -> None:
    """Else the next poll would go back only as far as the next head, not to the edited reply."""
    settings = {"rungs": "off", "hot_s": 14 * DAY_S, "page_size": 2, "look_back_s": 7_200}
    root = world.post(team, ann, text="root")
    world.advance(DAY_S / 4)
    reply = world.reply_in_thread(root, ann, text="before")
    world.advance(5_000)
    for _ in range(4):
        world.reply_in_thread(root, ann, text="more")
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance(60)
        world.edit(reply, text="after")
        world.advance(20_000)
        world.post(team, ann, text="news")
        world.advance(60)
        thread_id = world.thread_id_of(root)
        history.chance.seed(chance)  # whether the page of the timeline is answered first
        history.sandbox.inject(Fault("quota", MESSAGES, thread_id=thread_id, after=1, times=None))
        history.watch(Load(settings=settings))
        history.sandbox.clear_faults()
        history.watch(Load(settings=settings))
        history.assert_equals_truth()


def test_hot_thread_that_was_hidden_for_a_while_is_read_when_it_is_shown(
    world: World, ann: str, team: str
) -> None:
    """A refusal is no poll: the thread stays hot until its time is over."""
    settings = {"rungs": "off", "hot_s": 14 * DAY_S}
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    thread_id = str(world.thread_id_of(root))
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance(DAY_S / 4)
        world.hide_thread(thread_id)
        reply = world.reply_in_thread(root, ann, text="while hidden")
        history.watch(Load(settings=settings))
        world.advance(DAY_S / 4)
        world.show_thread(thread_id)
        history.watch(Load(settings=settings))
        assert reply in history.message_ids()


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_sweep_that_a_later_load_finishes_counts_from_its_beginning(
    world: World, ann: str, team: str, offset: float
) -> None:
    """An edit landed behind it meanwhile; a day on the rung's period is over, and it is seen."""
    settings = {"rungs": "7d/1d", "hot_s": 0, "page_size": 2, "slice_messages": 4, "batch_rows": 1}
    first = world.post(team, ann, text="before")
    for _ in range(9):
        world.advance(60)
        world.post(team, ann, text="more")
    world.advance(3_600)
    with History(world) as history:
        history.watch(Load(settings=settings))
        world.advance((1.5 + offset) * DAY_S)
        history.watch(Load(settings=settings, kill_after=5))
        assert "sweep" in history.claims[team]["walks"]
        world.edit(first, text="after")
        history.watch(Load(settings=settings, kill_after=0))
        world.advance(0.9 * DAY_S)
        history.watch(Load(settings=settings))
        world.advance(0.3 * DAY_S)
        history.watch(Load(settings=settings))
        history.assert_equals_truth()
