"""What the schedules owe: sweeps of old messages, polls of silent threads.

In: moments (what was listed at the ends of loads), and the load that has just ended. Out: which
version of which message must be loaded by now. Refuses to know how a load decides what is due: it
goes by the table of promises alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from feishu_source.rungs import Rung
from feishu_source.sandbox.tenant import Message
from feishu_source.settings import DAY_S

SLACK_S = 1_200
"""Clocks step back and messages become visible late, in these histories by less in all."""


@dataclass(frozen=True)
class Moment:
    """An end of a load: what was listed then, and since when which rungs were swept."""

    time_s: int
    told: Mapping[str, Any]
    swept_s: Mapping[str, Mapping[str, int]]
    begins: bool


def swept_by_now(
    moments: list[Moment], ladder: tuple[Rung, ...], now_s: int, anchor: Callable[[str], Message]
) -> Iterator[tuple[str, list[Any]]]:
    """Messages that a rung has reached since they changed, with the versions it may have met.

    The last moment that lies a period back is the latest from which everything must be seen: what
    was listed then, and in every load since, of an age that the rung reaches.
    """
    for rung in ladder:
        since = _last_before(moments, now_s - rung.period_s - SLACK_S)
        if since is None:
            continue
        then, later = moments[since], moments[since:]
        for message_id in then.told:
            root = anchor(message_id)
            age_s = then.time_s - root.create_ms // 1_000
            swept = rung.key in then.swept_s.get(root.chat.chat_id, {})
            if not swept or age_s > rung.age_s - SLACK_S:
                continue
            versions = [each.told.get(message_id) for each in later]
            if None not in versions:
                yield message_id, versions


def _last_before(moments: list[Moment], time_s: int) -> int | None:
    """The last load that began by then."""
    places = range(len(moments) - 1, -1, -1)
    return next((n for n in places if moments[n].begins and moments[n].time_s <= time_s), None)


def is_reply_due(
    created_s: float, newest_s: float, now_s: float, schedules: Mapping[str, Any]
) -> bool:
    """Whether a reply must be loaded by now, the newest one loaded before being that old.

    After a silence of s it is seen within (poll_growth - 1) * s, or by the next load.
    """
    silence_s = created_s - newest_s + SLACK_S
    if silence_s >= schedules.get("hot_s", 0):
        return False
    if silence_s < schedules.get("poll_every_load_s", DAY_S):
        return True
    return now_s >= newest_s + silence_s * float(schedules.get("poll_growth", 1.25))
