"""The rules of the windows, each as a small example; the look-back is 10 seconds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feishu_source.coverage import (
    ChatState,
    Kind,
    OpenWalk,
    advance,
    finish,
    forget_threads,
    head_start,
    is_window,
    next_walk,
    note_done,
    prepare,
)
from tests.toy_chat import ToyChat, wanted

WALK = OpenWalk("head", 0, 100, 100, 100, threads=True)
KILLED = ("window", -1, -1)


@pytest.fixture
def chat() -> ToyChat:
    """A chat that nobody has read."""
    return ToyChat()


@pytest.fixture
def covered() -> ToyChat:
    """A chat of which [50, 100) was read, with its threads."""
    chat = ToyChat()
    chat.load(wanted(100, start_s=50))
    return chat


def claims(chat: ToyChat) -> tuple[int | None, int | None, bool]:
    """What is covered, from and until, and whether its threads are."""
    state = chat.state
    return state.covered_from_s, state.covered_until_s, state.threads_covered


# first loads


def test_a_first_load_reads_from_the_beginning_to_the_pinned_end(chat: ToyChat) -> None:
    """One walk; it reaches the end, so no head is due after it."""
    assert chat.load(wanted(100)) == [("first", 0, 100)]
    assert chat.state == ChatState(0, 100, threads_covered=True, polled_s=100)


def test_a_first_load_begins_at_since(chat: ToyChat) -> None:
    """What lies before was not asked for, and is not claimed."""
    assert chat.load(wanted(100, start_s=50)) == [("first", 50, 100)]
    assert claims(chat) == (50, 100, True)


def test_a_killed_first_load_claims_what_it_read(chat: ToyChat) -> None:
    """Page by page; the window stays open."""
    assert chat.load(wanted(100), steps=3, page_s=10) == [("first", 0, 100), KILLED]
    walk = OpenWalk("first", start_s=0, at_s=30, stop_s=100, as_of_s=100, threads=True)
    assert chat.state == ChatState(0, 30, threads_covered=True, walks={"first": walk})
    assert chat.state.finished_before is False


def test_a_killed_first_load_is_resumed_and_a_head_follows(chat: ToyChat) -> None:
    """It ends where the load that opened it was pinned; what came since is the head's."""
    chat.load(wanted(100), steps=3, page_s=10)
    assert chat.load(wanted(150)) == [("first", 30, 100), ("head", 90, 150)]
    assert claims(chat) == (0, 150, True)


def test_a_since_in_the_future_claims_nothing(chat: ToyChat) -> None:
    """Once it has passed, the first load begins there as if it were the first."""
    assert chat.load(wanted(100, start_s=120)) == [("first", 100, 100)]
    assert chat.state == ChatState()
    assert chat.load(wanted(150, start_s=120)) == [("first", 120, 150)]
    assert claims(chat) == (120, 150, True)


# heads


def test_a_head_begins_a_look_back_before_what_is_covered(covered: ToyChat) -> None:
    """Messages become visible late."""
    assert covered.load(wanted(200, start_s=50)) == [("head", 90, 200)]
    assert claims(covered) == (50, 200, True)


def test_a_head_begins_before_the_pinned_end_where_the_clock_stepped_back(
    covered: ToyChat,
) -> None:
    """The claim does not move back with it."""
    assert covered.load(wanted(95, start_s=50)) == [("head", 85, 95)]
    assert claims(covered) == (50, 100, True)


def test_a_head_keeps_its_look_back_behind_since_and_begins_not_before_1970(
    covered: ToyChat,
) -> None:
    """What became visible late just before a moving start would never be read."""
    assert head_start(covered.state, wanted(200, start_s=95)) == 90
    assert head_start(ChatState(0, 4), wanted(200)) == 0


def test_two_loads_may_pin_the_same_second(covered: ToyChat) -> None:
    """Each reads its head: what is done is not inferred from the claims."""
    again = wanted(100, start_s=50)
    assert [covered.load(again), covered.load(again)] == [[("head", 90, 100)]] * 2


def test_a_killed_head_is_resumed_and_a_new_one_follows(covered: ToyChat) -> None:
    """The old one ends where its own load was pinned, and its look-back is as old."""
    covered.load(wanted(200, start_s=50), steps=2, page_s=10)
    assert claims(covered) == (50, 110, True)
    assert covered.load(wanted(300, start_s=50)) == [("head", 110, 200), ("head", 190, 300)]
    assert claims(covered) == (50, 300, True)


# reading again


def test_a_full_load_reads_everything_again_after_the_head(covered: ToyChat) -> None:
    """Once: then the load is done."""
    full = wanted(200, start_s=50, full=True)
    assert covered.load(full) == [("head", 90, 200), ("first", 50, 200)]
    assert covered.state == ChatState(50, 200, threads_covered=True, polled_s=200)


def test_a_killed_rereading_waits_for_the_head_and_goes_on(covered: ToyChat) -> None:
    """A long one does not hold up what is new, and does not count as a first load."""
    full = wanted(200, start_s=50, full=True)
    assert covered.load(full, steps=9, page_s=20)[-1] == KILLED
    assert covered.state.finished_before is True
    assert covered.load(wanted(300, start_s=50)) == [("head", 190, 300), ("first", 90, 200)]


def test_threads_switched_on_make_the_whole_interval_due(chat: ToyChat) -> None:
    """After the head, so that the claim holds for all that was read before."""
    chat.load(wanted(100, start_s=50, threads=False))
    assert claims(chat) == (50, 100, False)
    assert chat.load(wanted(200, start_s=50)) == [("head", 90, 200), ("first", 50, 200)]
    assert claims(chat) == (50, 200, True)


def test_a_rereading_for_threads_reaches_the_end_of_what_is_covered(chat: ToyChat) -> None:
    """Also where the clock stepped back: the last seconds are claimed as well."""
    chat.load(wanted(100, threads=False))
    assert chat.load(wanted(95)) == [("head", 85, 95), ("first", 0, 100)]
    assert chat.false_claims() == set()


def test_without_threads_an_open_rereading_is_given_up(chat: ToyChat) -> None:
    """What is read meanwhile lacks its threads, so it would claim too much at its end."""
    chat.load(wanted(100, threads=False))
    chat.load(wanted(200), steps=4, page_s=100)
    assert list(chat.state.walks) == ["first"]
    assert chat.load(wanted(300, threads=False)) == [("head", 190, 300)]
    assert (claims(chat), chat.state.walks) == ((0, 300, False), {})


def test_without_threads_an_open_first_load_goes_on_and_claims_none(chat: ToyChat) -> None:
    """What was read with its threads is read again one day."""
    chat.load(wanted(100), steps=3, page_s=10)
    assert chat.load(wanted(100, threads=False)) == [("first", 30, 100), ("head", 90, 100)]
    assert claims(chat) == (0, 100, False)


def test_preparing_for_a_load_with_threads_changes_nothing() -> None:
    """Claims are only withdrawn where they cannot be kept."""
    walk = OpenWalk("first", 0, 30, 100, 100, threads=True)
    state = ChatState(0, 200, True, {"first": walk})
    prepare(state, wanted(300))
    assert state == ChatState(0, 200, True, {"first": walk})


def test_an_earlier_since_opens_a_sweep_up_to_what_is_covered(covered: ToyChat) -> None:
    """Claimed when it touches; a killed one is resumed, also by a load that asks for less."""
    earlier = wanted(100)
    assert covered.load(earlier, steps=4, page_s=20) == [
        ("head", 90, 100),
        ("past", 0, 50),
        KILLED,
    ]
    assert claims(covered) == (50, 100, True)
    assert covered.load(wanted(100, start_s=50)) == [("head", 90, 100), ("past", 40, 50)]
    assert claims(covered) == (0, 100, True)


def test_a_sweep_begun_without_threads_withdraws_their_claim(covered: ToyChat) -> None:
    """A part of it was read without them, whoever ends it."""
    covered.load(wanted(100, threads=False), steps=4, page_s=20)
    narrow = wanted(100, start_s=50)
    windows = [("head", 90, 100), ("first", 50, 100), ("past", 40, 50)]
    assert covered.load(narrow) == windows
    assert claims(covered) == (0, 100, False)


# bounds that were asked for


def test_an_explicit_end_is_read_whole_whatever_is_covered(covered: ToyChat) -> None:
    """No head, nothing else; what it adds to the interval is claimed."""
    assert covered.load(wanted(80, start_s=20, explicit=True)) == [("window", 20, 80)]
    assert claims(covered) == (20, 100, True)


def test_a_window_that_does_not_touch_is_loaded_and_not_claimed(covered: ToyChat) -> None:
    """One interval a chat: there is no gap in it."""
    assert covered.load(wanted(40, start_s=20, explicit=True)) == [("window", 20, 40)]
    assert covered.load(wanted(300, start_s=101)) == [("window", 101, 300)]
    assert claims(covered) == (50, 100, True)


def test_an_open_window_is_not_remembered(covered: ToyChat) -> None:
    """The next load may ask for other bounds; what was read of it counts where it touches."""
    assert covered.load(wanted(150, start_s=90, explicit=True), steps=2, page_s=20)[-1] == KILLED
    assert covered.state == ChatState(50, 130, threads_covered=True, polled_s=100)


@pytest.mark.parametrize(
    ("state", "want", "expected"),
    [
        (ChatState(), {"explicit": True}, False),
        (ChatState(), {"start_s": 150}, False),
        (ChatState(50, 100), {}, False),
        (ChatState(50, 100), {"start_s": 100}, False),
        (ChatState(50, 100), {"start_s": 101}, True),
        (ChatState(50, 100), {"explicit": True}, True),
    ],
)
def test_a_window_is_an_explicit_end_or_a_start_behind_what_is_covered(
    state: ChatState, want: dict[str, Any], expected: bool
) -> None:
    """A chat without coverage has a first load instead."""
    assert is_window(state, wanted(200, **want)) is expected


def test_replies_behind_an_explicit_end_make_the_threads_due_again(covered: ToyChat) -> None:
    """They were left out; the next load without that bound reads all threads again."""
    bound = wanted(80, start_s=50, explicit=True)
    assert covered.load(bound, replies_behind=True) == [("window", 50, 80)]
    assert claims(covered) == (50, 100, False)
    assert covered.load(wanted(200, start_s=50)) == [("head", 90, 200), ("first", 50, 200)]


def test_forgetting_threads_holds_for_the_walk_too() -> None:
    """So that its end does not claim them after all."""
    state, walk = ChatState(), OpenWalk("first", 0, 0, 100, 100, threads=True)
    forget_threads(state, walk)
    finish(state, walk)
    assert state == ChatState(0, 100, threads_covered=False)


def test_open_first_load_does_not_claim_the_threads_that_a_window_left_out(chat: ToyChat) -> None:
    """The window read further than the first load was to, and left replies behind it out."""
    chat.load(wanted(5, as_of_s=100, explicit=True), page_s=3, steps=1)
    chat.load(wanted(20, as_of_s=100, explicit=True), replies_behind=True)
    assert chat.load(wanted(100)) == [("head", 10, 100), ("first", 3, 5), ("first", 0, 100)]
    assert chat.false_claims() == set()


# claims


def test_an_advance_never_moves_back_nor_past_the_window() -> None:
    """Pages may end in an earlier second, or in the one asked for beyond the window."""
    state, walk = ChatState(), OpenWalk("first", 10, 10, 100, 100, threads=True)
    seen = []
    for at_s in (40, 30, 101):
        advance(state, walk, at_s)
        seen.append((walk.at_s, state.covered_until_s))
    assert seen == [(40, 40), (40, 40), (100, 100)]


@pytest.mark.parametrize(
    ("own", "stop_s", "known"),
    [(True, 100, {"first", "head", "window"}), (True, 101, {"first"}), (False, 100, set())],
)
def test_a_walk_of_this_load_that_reaches_its_end_is_its_head(
    own: bool, stop_s: int, known: set[Kind]
) -> None:
    """One that an earlier load opened never is, even if both pinned the same second."""
    done: dict[Kind, OpenWalk] = {}
    note_done(done, OpenWalk("first", 0, 0, 100, 100, threads=True), wanted(stop_s), own=own)
    assert done.keys() == known


def test_a_load_that_is_done_opens_nothing() -> None:
    """Whatever is covered, and where nothing could be."""
    assert next_walk("oc_1", ChatState(0, 100, True), wanted(100), {"head": WALK}) is None
    assert next_walk("oc_1", ChatState(), wanted(100, start_s=120), {"first": WALK}) is None


def test_a_state_survives_its_stored_form() -> None:
    """JSON types, shared with nobody; what is empty or false is left out, what is zero is not."""
    walk = OpenWalk("sweep", 0, 10, 50, 100, threads=False)
    state = ChatState(0, 100, False, {"sweep": walk}, {"86400": 90}, {"omt_1": 0, "omt_2": 7})
    stored = state.to_dict()
    assert ChatState.from_dict(json.loads(json.dumps(stored))) == state
    assert ChatState.from_dict({**stored, "unknown": 1}) == state
    assert ChatState(0).to_dict() == {"covered_from_s": 0}
    assert ChatState.from_dict({}) == ChatState()
    advance(state, state.walks["sweep"], 20)
    assert stored["walks"]["sweep"]["at_s"] == 10
    assert state.owed == ["omt_1"]
