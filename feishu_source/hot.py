"""Which threads are polled for new replies, how often, and how far back: plain values in and out.

In: a chat's `hot_threads`, thread_id to the newest reply (ms) of the last poll that reached its
stop; 0 for a thread that is owed whole, -T for one that is owed down to T (ms). Out: the threads
due in this load, and the entry a poll leaves. Refuses to know HTTP, dlt and the clock.

A thread's replies stand in no timeline and take no time range, so each poll costs a request. A
thread with a reply younger than a day is polled in every load; one that fell silent ever more
rarely, so that a reply is seen within a quarter of the silence before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from feishu_source.settings import DAY_S, MINUTE_S

OWED = 0
"""The entry of a thread that is known and was not read yet; entries below it are owed in part."""

LATE_MS = 10 * MINUTE_S * 1_000
"""A poll goes back this far behind the newest known reply: replies become visible seconds late."""


@dataclass(frozen=True, slots=True)
class HotRule:
    """How long a thread stays hot after its newest reply, and how many may be in one chat.

    `every_load_s`: for how long it is polled in every load; a longer look-back wants that too.
    `growth`: how much longer each silence is when the next poll comes; a reply is seen within
    growth - 1 of the silence before it. `most_owed`: threads known and not read, beside the hot.
    """

    hot_s: int = 14 * DAY_S
    every_load_s: int = DAY_S
    most: int = 2_000
    most_owed: int = 100
    growth: float = 1.25


def due(hot: dict[str, int], previous_s: int, now_s: int, rule: HotRule) -> list[str]:
    """The hot threads to poll in a load that pins `now_s`, the last one having pinned `previous_s`.

    No more state is needed: the instants at which a silent thread is polled follow from its newest
    reply. One that is about to cool is polled once more, however long no load ran.
    """
    return [
        thread_id
        for thread_id, newest_ms in hot.items()
        if newest_ms > OWED and _is_due(newest_ms / 1_000, previous_s, now_s, rule)
    ]


def _is_due(newest_s: float, previous_s: int, now_s: int, rule: HotRule) -> bool:
    silence_s = now_s - newest_s
    if silence_s < rule.every_load_s or silence_s >= rule.hot_s:
        return True
    instant_s = newest_s + rule.every_load_s
    while instant_s <= previous_s:
        instant_s = newest_s + (instant_s - newest_s) * rule.growth
    return instant_s <= now_s


def stop_ms(newest_ms: int, head_start_s: int) -> int:
    """A poll that reads newest first may end at a page with a message older than this.

    One that is owed in part goes down to where the poll should have gone that did not get there.
    """
    if newest_ms < OWED:
        return min(-newest_ms, head_start_s * 1_000)
    return min(newest_ms - LATE_MS, head_start_s * 1_000)


def owe(hot: dict[str, int], thread_id: str, stop_ms: int | None, *, begun: bool) -> None:
    """Remembers a thread whose poll did not reach its stop, as still to be read down to there.

    What is owed longest comes first. But one of which some pages were read goes to the end: should
    requests be bounded, it takes more than a load has, and the others would never have their turn.
    """
    before = hot.get(thread_id)
    entry = OWED if before in (None, OWED) else -(stop_ms or OWED)
    if begun or before is None or before > OWED:
        hot.pop(thread_id, None)
    hot[thread_id] = entry


def settle(hot: dict[str, int], thread_id: str, newest_ms: int, now_s: int, rule: HotRule) -> None:
    """Keeps or drops a thread after a poll that reached its stop; owed no longer."""
    if newest_ms and now_s - newest_ms / 1_000 < rule.hot_s:
        hot[thread_id] = newest_ms
    else:
        hot.pop(thread_id, None)


def refuse(hot: dict[str, int], thread_id: str, now_s: int, rule: HotRule) -> None:
    """After a refusal a thread is owed no longer; a hot one stays until its time is over.

    It may become visible again, with what was said meanwhile.
    """
    newest_ms = hot.get(thread_id, OWED)
    if newest_ms <= OWED or now_s - newest_ms / 1_000 >= rule.hot_s:
        hot.pop(thread_id, None)


def cool_early(hot: dict[str, int], rule: HotRule) -> int | None:
    """Drops the longest-silent threads over the cap; the newest reply (ms) among the dropped."""
    known = sorted((newest, one) for one, newest in hot.items() if newest > OWED)
    dropped = known[: max(0, len(known) - rule.most)]
    for _, thread_id in dropped:
        del hot[thread_id]
    return dropped[-1][0] if dropped else None
