"""Rows that tell how things stand: of a thread that was polled, of a chat that was visited.

In: polls and visits. Out: tuples in the column order of `threads` and `sync_coverage`, times in
milliseconds. Refuses to know HTTP, dlt and the clock.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from feishu_source.errors import ApiError, FeishuError, ThreadRefused
from feishu_source.reaction_debt import owed_from_s
from feishu_source.settings import DAY_S
from feishu_source.visit import Poll, Visit

MESSAGE_DELETED = 230110
"""Code of a thread whose root was deleted; 230073 says that the thread is not visible."""


@dataclass(frozen=True, slots=True)
class EndedPoll:
    """A poll that finished, or that `error` ended."""

    chat_id: str
    poll: Poll
    at_ms: int
    error: FeishuError | None


def thread_row(ended: EndedPoll) -> tuple[Any, ...]:
    """A row of `threads`."""
    poll, error = ended.poll, ended.error
    refused = error if isinstance(error, ApiError) else None
    return (
        poll.thread_id,
        ended.chat_id,
        poll.root_id,
        poll.root_time_ms or None,
        (poll.newest_ms or None) if error is None else None,
        _thread_status(error),
        refused.code if refused else None,
        refused.words if refused else None,
        refused.log_id if refused else None,
        ended.at_ms,
    )


def _thread_status(error: FeishuError | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, ThreadRefused):
        return "deleted" if error.code == MESSAGE_DELETED else "invisible"
    return "failed"


def coverage_row(visit: Visit, as_of_s: int) -> tuple[Any, ...]:
    """A row of `sync_coverage`: what is claimed of a chat, and what stands in the way."""
    state, problem = visit.state, visit.account()
    sweep = state.walks.get("past") or state.walks.get("sweep") or visit.next_sweep
    return (
        visit.chat_id,
        visit.name,
        visit.status,
        _ms(state.covered_from_s),
        _ms(state.covered_until_s),
        state.threads_covered,
        _ms(state.idle_until_s),
        as_of_s * 1_000,
        _swept(state.swept_s),
        _ms(sweep.at_s) if sweep else None,
        _ms(sweep.stop_s) if sweep else None,
        len(state.hot_threads) - len(state.owed),
        len(state.owed),
        state.hot_since_ms,
        problem.code if problem else None,
        problem.message if problem else None,
        problem.advice_en if problem else None,
        problem.advice_zh if problem else None,
        problem.log_id if problem else None,
        visit.listed,
        visit.threads_polled,
        visit.requests,
        len(state.owed_forwards),
        _ms(owed_from_s(state)),
    )


def _swept(swept_s: dict[str, int]) -> str | None:
    if not swept_s:
        return None
    return json.dumps({f"{int(age) / DAY_S:g}": as_of for age, as_of in swept_s.items()})


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000
