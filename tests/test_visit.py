"""One chat in one load: when its pages may be claimed, and what it tells of itself."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.coverage import ChatState, OpenWalk
from feishu_source.errors import ChatRefused, Interrupted, RetriesExhausted, UnknownCode
from feishu_source.report import ChatProblem
from feishu_source.visit import PendingPage, Poll, Visit, is_reply_in_thread

SECOND_MS = 1_000
T_S = 1_700_000_000


def item(message_id: str, second: int, **more: Any) -> dict[str, Any]:
    """An item created so many seconds after the beginning."""
    return {"message_id": message_id, "create_time": str((T_S + second) * SECOND_MS)} | more


def visit(at_s: int = 0, stop_s: int = 100) -> Visit:
    """A visit that reads [0, 100) and got so far."""
    walk = OpenWalk("first", T_S, T_S + at_s, T_S + stop_s, T_S + stop_s, threads=True)
    return Visit("oc_1", "Room", ChatState(), walk=walk, slice_at_s=T_S)


# threads


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"root_id": "om_1"}, False),
        ({"thread_id": "", "root_id": "om_1"}, False),
        ({"thread_id": "omt_1"}, False),
        ({"thread_id": "omt_1", "root_id": "om_1"}, True),
        ({"thread_id": "omt_1", "root_id": "om_1", "thread_message_position": "-1"}, False),
        ({"thread_id": "omt_1", "thread_message_position": "0"}, True),
        ({"thread_id": "omt_1", "thread_message_position": 3}, True),
        ({"thread_id": "omt_1", "root_id": "om_1", "thread_message_position": "x"}, True),
    ],
)
def test_a_reply_in_a_thread_is_told_by_its_position_or_its_root(
    more: dict[str, Any], expected: bool
) -> None:
    """Positions are not documented; without one, a reply is what has a root."""
    assert is_reply_in_thread(item("om_2", 0, **more)) is expected


THREAD = [
    item("om_1", 0, thread_id="omt_1"),
    item("om_3", 9, thread_id="omt_1", root_id="om_1"),
    item("om_2", 5, thread_id="omt_1", root_id="om_1"),
]


@pytest.mark.parametrize("root_known", [True, False])
@pytest.mark.parametrize("root_listed", [True, False])
def test_a_poll_learns_its_root_and_its_newest_reply(root_known: bool, root_listed: bool) -> None:
    """From the timeline or the thread; a thread that hides its root names it in its replies."""
    poll = Poll("omt_1")
    if root_known:
        poll.set_root(THREAD[0])
    poll.note(THREAD if root_listed else THREAD[1:])
    root_time_ms = T_S * SECOND_MS if root_known or root_listed else None
    newest_ms = (T_S + 9) * SECOND_MS
    assert poll == Poll("omt_1", "om_1", root_time_ms, newest_ms)


def test_a_root_that_answers_a_message_is_known_from_the_timeline() -> None:
    """Its own root_id would make it seem a reply."""
    root = item("om_1", 0, thread_id="omt_1", root_id="om_0", parent_id="om_0")
    poll = Poll("omt_1")
    poll.set_root(root)
    poll.note([root])
    assert poll == Poll("omt_1", "om_1", T_S * SECOND_MS, 0)


def test_ids_and_times_that_are_none_teach_nothing() -> None:
    """What cannot be a row must not become part of one."""
    poll = Poll("omt_1")
    poll.set_root({"message_id": 5, "create_time": "5"})
    poll.note([{"message_id": [], "thread_id": "omt_1", "root_id": 7, "create_time": None}])
    assert poll == Poll("omt_1")


# pages


def test_a_page_is_claimed_up_to_its_last_message() -> None:
    """In whole seconds; an empty page, or one that ends without a time, claims nothing itself."""
    chat = visit()
    chat.note_page([item("om_1", 3), item("om_2", 7)], set())
    chat.note_page([], set())
    chat.note_page([item("om_3", 8), {"message_id": "om_4"}], set())
    assert [page.claim_s for page in chat.settled()] == [T_S + 7, None, None]
    assert (chat.range_start_s, chat.at_rest) == (T_S + 3, True)


def test_a_page_waits_for_its_threads_and_for_the_pages_before() -> None:
    """A thread that two pages show frees both."""
    chat = visit()
    chat.polls = {"omt_1": Poll("omt_1"), "omt_2": Poll("omt_2")}
    chat.note_page([item("om_1", 1)], {"omt_1"})
    chat.note_page([item("om_2", 2)], set())
    chat.note_page([item("om_3", 3)], {"omt_1", "omt_2"})
    assert (chat.settled(), chat.at_rest) == ([], False)
    chat.end_poll("omt_1")
    assert chat.settled() == [PendingPage(T_S + 1, set()), PendingPage(T_S + 2, set())]
    chat.end_poll("omt_2")
    chat.end_poll("unknown")
    assert (chat.settled(), chat.at_rest) == ([PendingPage(T_S + 3, set())], True)


def test_a_chat_at_rest_has_nothing_on_its_way() -> None:
    """No page, no thread, no claim."""
    chat = visit()
    assert chat.at_rest is True
    chat.fetching = True
    assert chat.at_rest is False


def test_a_chat_grew_if_this_slice_moved_its_claim() -> None:
    """Only then may it be cut: the next slice would read the same again."""
    assert [visit(0).grew, visit(1).grew] == [False, True]
    assert Visit("oc_1", None, ChatState()).grew is False


# what it tells


def test_a_visit_measures_its_window_from_the_first_message_it_met() -> None:
    """A chat is younger than 1970, where its first window begins."""
    chat = visit(at_s=60)
    assert chat.measure() == 0.0  # nothing was met yet
    chat.range_start_s = T_S + 20
    assert chat.measure() == 0.5
    chat.walk = None
    chat.share = 0.25
    assert chat.measure() == 0.25
    chat.status = "complete"
    assert chat.measure() == 1.0


def test_a_complete_chat_has_no_account() -> None:
    """Nothing stands in its way; one that is not finished has no reason but time."""
    chat = visit()
    assert chat.account() == ChatProblem("oc_1", "Room", "partial")
    chat.status = "complete"
    assert chat.account() is None


def test_a_refused_chat_is_skipped_and_says_why() -> None:
    """Feishu's code and words, what to do, and the log id."""
    chat = visit()
    chat.fail(ChatRefused("list messages of chat oc_1", code=230002, msg="out", log_id="log_1"))
    error = chat.problem
    assert isinstance(error, ChatRefused)
    assert chat.broken is True
    assert chat.account() == ChatProblem(
        "oc_1",
        "Room",
        "skipped",
        230002,
        error.words,
        error.advice_en,
        error.advice_zh,
        "log_1",
    )


@pytest.mark.parametrize("error", [UnknownCode("x", code=1), RetriesExhausted("x", network=True)])
def test_any_other_error_fails_the_chat(error: UnknownCode | RetriesExhausted) -> None:
    """It is not the platform that refuses it."""
    chat = visit()
    chat.fail(error)
    account = chat.account()
    assert account is not None
    assert (account.status, account.code) == ("failed", error.code)


def test_an_error_that_is_not_feishus_is_told_in_its_own_words() -> None:
    """There is no code, and no log id."""
    chat = visit()
    chat.fail(Interrupted(15))
    told = ChatProblem("oc_1", "Room", "failed", message="interrupted by SIGTERM")
    assert chat.account() == told
