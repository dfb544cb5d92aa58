"""What a rate limit allows: pure arithmetic on times in seconds.

In: times of counted requests, spans of time. Out: how many more there could have been, and when.
Refuses to know clocks and requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Bounds = Sequence[tuple[float, int]]
"""Seconds and requests: so many in any window of that length, all bounds at once."""

Span = tuple[float, float]
"""From a time up to another one, which is not included."""

LIMITS: Bounds = ((1.0, 50), (60.0, 1_000))
"""Per app, tenant and API. Source: the rate limit on each page of the API."""


def most_allowed(seconds: float, bounds: Bounds = LIMITS) -> int:
    """The most requests that fit into so many seconds, the end not included.

    Each bound, the shorter ones within the longer ones: as many whole windows as there are, full,
    and what the next shorter bound allows in the rest, or all of one more. That many is reached by
    asking as early as the bounds permit.
    """
    *shorter, (length, most) = sorted(bounds)

    def fit(part: float) -> int:
        return min(most, most_allowed(part, shorter)) if shorter else most

    whole, rest = divmod(seconds, length)
    return int(whole) * fit(length) + (fit(rest) if rest > 0 else 0)


def blocked(counted: Sequence[float], bounds: Bounds = LIMITS) -> list[Span]:
    """The spans in which one request more would have been refused, given those that were counted.

    `counted` is ascending. The request that fills a window blocks from its own time on, until the
    first one in the window is as old as the window is long.
    """
    spans = []
    for length, most in bounds:
        for first, last in zip(counted, counted[most - 1 :], strict=False):
            if last < first + length:
                spans.append((last, first + length))
    return union(spans)


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time, as spans that neither touch nor overlap, in order."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def without(whole: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of a span without others."""
    rest, begin = [], whole[0]
    for taken_from, taken_until in union(taken):
        if begin < min(taken_from, whole[1]):
            rest.append((begin, min(taken_from, whole[1])))
        begin = max(begin, taken_until)
    if begin < whole[1]:
        rest.append((begin, whole[1]))
    return rest


def length(spans: Iterable[Span]) -> float:
    """How long spans are in all, none of which overlap."""
    return math.fsum(end - begin for begin, end in spans)
