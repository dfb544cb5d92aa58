"""How things stand, as whole rows: of a polled thread, of a visited chat."""

from __future__ import annotations

import pytest

from feishu_source.arrow import to_arrow
from feishu_source.coverage import ChatState, OpenWalk
from feishu_source.errors import ChatRefused, FeishuError, Interrupted, ThreadRefused, UnknownCode
from feishu_source.status import EndedPoll, coverage_row, thread_row
from feishu_source.tables import SYNC_COVERAGE, THREADS
from feishu_source.visit import Poll, Visit

AT_MS = 1_700_000_000_000
POLL = Poll("omt_1", "om_1", 1_600_000_000_000, 1_650_000_000_000)
INVISIBLE = ThreadRefused("list thread omt_1", code=230073, msg="invisible", log_id="log_1")
DELETED = ThreadRefused("list thread omt_1", code=230110, msg="deleted", log_id="log_1")
UNKNOWN = UnknownCode("list thread omt_1", code=987654, msg="odd", log_id="log_1")


def test_a_thread_that_was_read_is_ok() -> None:
    """With its root, and the newest reply seen."""
    root = ("om_1", 1_600_000_000_000)
    row = ("omt_1", "oc_1", *root, 1_650_000_000_000, "ok", None, None, None, AT_MS)
    assert thread_row(EndedPoll("oc_1", POLL, AT_MS, None)) == row
    assert to_arrow(THREADS, [row]).num_rows == 1


def test_a_thread_without_replies_has_no_last_reply() -> None:
    """Its root alone was listed."""
    nothing = [None] * 3
    row = ("omt_1", "oc_1", *nothing, "ok", *nothing, AT_MS)
    assert thread_row(EndedPoll("oc_1", Poll("omt_1"), AT_MS, None)) == row


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (INVISIBLE, ("invisible", 230073, INVISIBLE.words, "log_1")),
        (DELETED, ("deleted", 230110, DELETED.words, "log_1")),
        (UNKNOWN, ("failed", 987654, UNKNOWN.words, "log_1")),
        (Interrupted(), ("failed", None, None, None)),
    ],
)
def test_a_thread_that_was_not_read_says_why(
    error: FeishuError, told: tuple[str | int | None, ...]
) -> None:
    """Its last reply is not known: a part of it may have been seen."""
    row = ("omt_1", "oc_1", "om_1", 1_600_000_000_000, None, *told, AT_MS)
    assert thread_row(EndedPoll("oc_1", POLL, AT_MS, error)) == row


def test_a_chat_that_was_never_read_has_a_row() -> None:
    """Nothing is claimed of it; it is partial."""
    row = (
        *("oc_1", None, "partial"),
        *(None, None, False, None),
        AT_MS,
        None,  # swept_at
        *(None, None),  # backlog
        *(0, 0, None),  # threads
        *[None] * 5,  # problem
        *(0, 0, 0),
        0,  # owed forwards
        None,  # owed reactions
    )
    assert coverage_row(Visit("oc_1", None, ChatState()), AT_MS // 1_000) == row
    assert to_arrow(SYNC_COVERAGE, [row]).num_rows == 1


def test_a_chat_tells_its_claims_its_debts_and_its_problem() -> None:
    """Times in milliseconds; rungs in days; owed threads are not hot."""
    sweep = OpenWalk("sweep", 5, 20, 50, 100, threads=True)
    hot = {"omt_1": 0, "omt_2": 7, "omt_3": 8}
    swept = {"86400": 90, "43200": 80}
    state = ChatState(50, 100, True, {"sweep": sweep}, swept, hot, idle_until_s=120)
    state.owed_forwards = {"om_1": [1, 130, 230050]}
    state.reactions_owed = [30, 40, 130, 1]
    visit = Visit("oc_1", "Room", state, listed=7, threads_polled=5, requests=6)
    error = ChatRefused("list messages of chat oc_1", code=230002, msg="out", log_id="log_1")
    visit.fail(error)
    row = (
        *("oc_1", "Room", "skipped"),
        *(50_000, 100_000, True, 120_000),
        AT_MS,
        '{"1": 90, "0.5": 80}',
        *(20_000, 50_000),
        *(2, 1, None),
        *(230002, error.words, error.advice_en, error.advice_zh, "log_1"),
        *(7, 5, 6),
        *(1, 30_000),
    )
    assert coverage_row(visit, AT_MS // 1_000) == row
    assert to_arrow(SYNC_COVERAGE, [row]).num_rows == 1
