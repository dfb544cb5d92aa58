"""Which chats may wait, and what proves them idle: plain values, the look-back is 10 seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from feishu_source.coverage import ChatState, OpenWalk, Wanted, leave_out, note_newest
from feishu_source.idle import IdleChats, IdleRule, is_overdue, may_wait, window_start
from feishu_source.rungs import due, parse_ladder, phase
from feishu_source.settings import DAY_S

NOW_S = 100 * DAY_S
READ_S = NOW_S - 3_600
WANTED = Wanted(0, NOW_S, NOW_S, look_back_s=10)
RULE = IdleRule(witnesses=2)
HEAD = OpenWalk("head", READ_S - 10, READ_S, NOW_S, NOW_S, threads=True)


def silent(newest_s: int = 90 * DAY_S, **more: Any) -> ChatState:
    """A chat that was read an hour ago; its newest message is older."""
    state = ChatState(0, READ_S, threads_covered=True, newest_s=newest_s, polled_s=READ_S)
    return replace(state, **more)


# which may wait


def test_chat_in_which_nothing_is_due_may_wait() -> None:
    """Its head would show nothing, as far as anybody knows."""
    assert may_wait("oc_1", silent(), WANTED, RULE)


@pytest.mark.parametrize(
    "more",
    [
        {"newest_s": None},
        {"covered_until_s": None},
        {"covered_from_s": 1},
        {"threads_covered": False},
        {"troubled": True},
        {"walks": {"head": HEAD}},
        {"hot_threads": {"omt_1": 0}},
        {"hot_threads": {"omt_1": (NOW_S - 60) * 1_000}},
        {"owed_forwards": {"om_1": [1, NOW_S, 0]}},
        {"reactions_owed": [1, 2, NOW_S, 0]},
        {"newest_s": READ_S - 10},
        {"newest_s": READ_S - 2 * DAY_S, "covered_until_s": READ_S - 2 * DAY_S},
    ],
    ids=lambda more: " ".join(more),
)
def test_chat_in_which_something_is_due_is_read(more: dict[str, Any]) -> None:
    """Unknown, never read, an earlier start, threads, trouble, a walk, a debt, a poll, a merged
    forward or reactions that are due again, the look-back, and one that was not read for as long as
    it was silent before."""
    assert not may_wait("oc_1", silent(**more), replace(WANTED, reactions=True), RULE)


@pytest.mark.parametrize(
    ("owed", "reactions"),
    [([1, 2, NOW_S + 1, 0], True), ([1, 1, NOW_S, 1], True), ([1, 2, NOW_S, 0], False)],
    ids=["not due", "none", "not wanted"],
)
def test_reactions_that_are_not_due_let_their_chat_wait(owed: list[int], reactions: bool) -> None:
    """Nor do those that nobody wants."""
    state = silent(reactions_owed=owed)
    assert may_wait("oc_1", state, replace(WANTED, reactions=reactions), RULE)


@pytest.mark.parametrize(
    ("due_s", "forwards"), [(NOW_S + 1, True), (NOW_S, False)], ids=["not due", "not wanted"]
)
def test_merged_forward_that_is_not_tried_lets_its_chat_wait(due_s: int, forwards: bool) -> None:
    """Where forwards are off nobody tries it."""
    state = silent(owed_forwards={"om_1": [1, due_s, 0]})
    assert may_wait("oc_1", state, replace(WANTED, forwards=forwards), RULE)


@pytest.mark.parametrize(
    "more",
    [
        {"explicit": True},
        {"full": True},
        {"start_s": READ_S + 1},
        {"ladder": parse_ladder("30d/1d")},
    ],
    ids=lambda more: " ".join(more),
)
def test_chat_of_which_more_is_wanted_is_read(more: dict[str, Any]) -> None:
    """Bounds, everything, a start behind a gap, a rung that reaches a message."""
    assert not may_wait("oc_1", silent(), replace(WANTED, **more), RULE)


@pytest.mark.parametrize(("rung", "reaches"), [("10d/1h", True), ("9d/1h", False)])
def test_rung_that_reaches_no_message_waits(rung: str, reaches: bool) -> None:
    """It is due, and not stamped: with the chat's next reading it begins where it ended."""
    ladder = parse_ladder(rung)
    state = silent(swept_s={ladder[0].key: NOW_S})
    later = replace(WANTED, ladder=ladder, as_of_s=NOW_S + 3_600, stop_s=NOW_S + 3_600)
    assert due(ladder, state.swept_s, "oc_1", later.as_of_s)
    assert may_wait("oc_1", state, later, RULE) is not reaches


@pytest.mark.parametrize("chat_id", ["oc_1", "oc_2", "oc_3"])
@pytest.mark.parametrize("silence_s", [60, DAY_S, 5 * DAY_S, 50 * DAY_S])
def test_chat_is_overdue_before_its_silence_has_doubled(chat_id: str, silence_s: int) -> None:
    """A silence under a day counts as one; after thirty days at the latest, a part less by chat."""
    share = 1 - phase(chat_id) / 2
    at_s = min(max(silence_s, DAY_S) * (1 + share), silence_s + 30 * DAY_S * share)
    assert not is_overdue(chat_id, 0, silence_s, int(at_s) - 1, RULE)
    assert is_overdue(chat_id, 0, silence_s, int(at_s) + 1, RULE)
    assert at_s <= min(max(2 * silence_s, 2 * DAY_S), silence_s + 30 * DAY_S)


# what proves it


def decided(idle: IdleChats) -> list[str]:
    """What becomes of the chats that wait, up to the first that has to wait on."""
    verdicts = []
    while found := idle.next():
        idle.take(found[1])
        verdicts.append(f"{found[0]} {found[1]}")
    return verdicts


def chats(*newest_s: int, **more: Any) -> tuple[IdleChats, dict[str, ChatState]]:
    """Chats a, b, c … in the order of activity, with their newest messages."""
    states = {chr(ord("a") + n): silent(90 * DAY_S + s, **more) for n, s in enumerate(newest_s)}
    idle = IdleChats(states, WANTED, RULE)
    assert idle.enter(states) == states.keys()
    return idle, states


def test_two_quiet_chats_prove_that_those_below_are_idle() -> None:
    """Until both have answered, the others wait."""
    idle, _ = chats(4, 3, 2, 1)
    assert decided(idle) == ["a ask", "b ask"]
    idle.learn("b")
    assert decided(idle) == []
    idle.learn("a")
    assert decided(idle) == ["c idle", "d idle"]
    assert not idle.waiting


def test_chat_with_news_or_trouble_proves_nothing() -> None:
    """The next ones are asked in its place."""
    idle, states = chats(5, 4, 3, 2, 1)
    assert decided(idle) == ["a ask", "b ask"]
    states["a"].newest_s = NOW_S - 60
    idle.learn("a")
    idle.give_up("b")
    assert decided(idle) == ["c ask", "d ask"]


@pytest.mark.parametrize(("before_s", "verdict"), [(11, "idle"), (10, "ask"), (9, "ask")])
def test_witness_is_quiet_since_before_the_window(before_s: int, verdict: str) -> None:
    """A second is a second: a message of that second itself could be in the window."""
    idle, states = chats(3, 2, 1)
    assert decided(idle) == ["a ask", "b ask"]
    for witness in ("a", "b"):
        states[witness].newest_s = READ_S - before_s
        idle.learn(witness)
    assert decided(idle) == [f"c {verdict}"]


def test_chats_of_the_same_second_may_both_bear_witness() -> None:
    """Which of them was active later does not matter."""
    idle, _ = chats(2, 2, 2)
    assert decided(idle) == ["a ask", "b ask"]
    idle.learn("a")
    idle.learn("b")
    assert decided(idle) == ["c idle"]


def test_chat_above_one_with_a_newer_message_bears_no_witness() -> None:
    """Something that is no message has moved it up; it is read, and nobody waits for it."""
    idle, _ = chats(1, 4, 3, 2)
    assert decided(idle) == ["a due", "b ask", "c ask"]
    idle.learn("a")
    idle.learn("b")
    assert decided(idle) == []
    idle.learn("c")
    assert decided(idle) == ["d idle"]


def test_witness_is_exposed_by_what_is_found_below_it() -> None:
    """The newer message shows that the one above was moved up by none."""
    idle, states = chats(5, 4, 3, 2, 1)
    assert decided(idle) == ["a ask", "b ask"]
    idle.learn("a")
    states["b"].newest_s = READ_S + 60
    idle.learn("b")
    assert decided(idle) == ["c ask", "d ask"]
    idle.learn("c")
    assert decided(idle) == []
    idle.learn("d")
    assert decided(idle) == ["e idle"]


def test_witness_proves_nothing_of_chats_above_it() -> None:
    """Read for other reasons, it stands below the first that waits."""
    idle, _ = chats(5, 4, 3, 2)
    idle.learn("c")
    idle.learn("d")
    assert decided(idle) == ["a ask", "b ask"]


def test_chat_without_a_message_bears_no_witness() -> None:
    """It was active when it was made, and nobody knows when that was."""
    states = {chat_id: silent(0) for chat_id in "abc"}
    idle = IdleChats(states, WANTED, replace(RULE, most_s=1_000 * DAY_S))
    idle.enter(states)
    assert decided(idle) == ["a due", "b due", "c due"]


def test_chat_that_is_not_in_the_order_does_not_wait() -> None:
    """Nor does one that the load does not read stand above anybody."""
    states = {"a": silent(), "b": silent()}
    idle = IdleChats(["x", "b", "y"], WANTED, RULE)
    assert idle.enter(states) == {"b"}
    idle.learn("a")
    assert decided(idle) == ["b ask"]


# what is noted


def test_proof_moves_no_claim() -> None:
    """From then on the window counts from it; a clock that stepped back moves nothing back."""
    state = silent()
    leave_out(state, NOW_S)
    assert (state.covered_until_s, state.idle_until_s) == (READ_S, NOW_S)
    assert window_start(state, replace(WANTED, stop_s=NOW_S + 60)) == NOW_S - 10
    leave_out(state, NOW_S - 60)
    assert state.idle_until_s == NOW_S
    assert window_start(state, replace(WANTED, stop_s=NOW_S - 60)) == NOW_S - 70


@pytest.mark.parametrize(
    ("known_s", "listed_s", "newest_s"),
    [
        (5, READ_S, READ_S),
        (5, None, 5),
        (None, None, HEAD.start_s),
        (READ_S + 7, None, HEAD.start_s),
        (READ_S + 7, READ_S, READ_S),
        (5, HEAD.start_s - 1, 5),
    ],
)
def test_newest_message_after_a_head(
    known_s: int | None, listed_s: int | None, newest_s: int
) -> None:
    """What was listed; else what was known, unless it would have been listed and is gone."""
    state = silent(newest_s=known_s)  # type: ignore[arg-type]
    note_newest(state, HEAD, listed_s)
    assert state.newest_s == newest_s
