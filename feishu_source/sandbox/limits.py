"""How often one API may be called.

In: the name of an API and a monotonic time. Out: how long to wait, or nothing.
Refuses to know: HTTP; what is called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil

WINDOWS = ((1.0, 50), (60.0, 1000))
"""Seconds and calls: both bounds hold at once, for each API, in any window of that length."""


class Limits:
    """Sliding windows over the accepted calls of each API; a refused call uses nothing up."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._accepted: dict[str, deque[float]] = {}

    def refusal(self, api: str) -> int | None:
        """None and the call counts, or the whole seconds after which to come again."""
        now = self._monotonic()
        calls = self._accepted.setdefault(api, deque())
        while calls and calls[0] <= now - WINDOWS[-1][0]:
            calls.popleft()
        waits = [
            calls[-bound] + length - now
            for length, bound in WINDOWS
            if len(calls) >= bound and calls[-bound] > now - length
        ]
        if waits:
            return max(1, ceil(max(waits)))
        calls.append(now)
        return None
