"""No endpoint is asked more often than it allows, whatever the latency.

In: who wants to ask which endpoint, a clock, a way to wait. Out: permission, in order of arrival.
Refuses to know HTTP.

The server counts a request when it arrives, somewhere between our sending it and our reading its
answer. So a request occupies its place from the moment it is let go until one whole window after
its answer. Then no window of the server's can hold more than the bound: were there one request too
many, all the others would still have held their places when the last one was let go.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from feishu_source.errors import Interrupted

Clock = Callable[[], float]
Sleep = Callable[[float], object]
Wait = Callable[[threading.Condition, float | None], object]
"""Waits on a condition, at most that many seconds; None means until it is notified."""

SLACK_S = 0.05
"""Added to each window: two machines' clocks do not tick alike, and timers round."""

DECREASE = 0.75
"""A refusal means that somebody else uses the same app: leave a quarter of our rate to them."""

LEAST_SHARE = 0.1
"""Refusals never push our rate below this, or a load would starve beside a busy bot."""

INCREASE_PER_S = 0.02
"""Back from the least share to all of it in three quarters of a minute without a refusal."""


class Window:
    """At most `bound` requests in `length_s`; less than one in that time means a longer window."""

    def __init__(self, bound: float, length_s: float) -> None:
        self.bound = max(1.0, bound)
        self.length_s = length_s * max(1.0, 1.0 / bound) + SLACK_S
        # The times at which places come free, so that a wait until then ends exactly there,
        # where recomputing a sum could leave a remainder too small to wait for.
        self._free_at_s: deque[float] = deque()

    def answered(self, now_s: float) -> None:
        """A request was answered now and keeps its place for one window more."""
        self._free_at_s.append(now_s + self.length_s)

    def delay_s(self, now_s: float, in_flight: int, share: float) -> float:
        """Seconds until one more fits; infinite if an answer must come first."""
        while self._free_at_s and self._free_at_s[0] <= now_s:
            self._free_at_s.popleft()
        # The epsilon forgives 1000 * 0.7 = 699.999…
        bound = max(1, math.floor(self.bound * share + 1e-9))
        leaving = in_flight + len(self._free_at_s) - bound
        if leaving < 0:
            return 0.0
        if leaving >= len(self._free_at_s):
            return math.inf
        return self._free_at_s[leaving] - now_s


class Lane:
    """One endpoint's windows, and how much of them is ours just now: arithmetic, no waiting."""

    def __init__(self, per_second: float, per_minute: float) -> None:
        self._windows = (Window(per_second, 1.0), Window(per_minute, 60.0))
        self._in_flight = 0
        self._paused_until_s = -math.inf
        self._share = 1.0
        self._share_at_s = -math.inf

    def delay_s(self, now_s: float) -> float:
        """Seconds until the next request may go: 0 means now, infinite after an answer."""
        pause_s = self._paused_until_s - now_s
        share = self.share(now_s)
        return max(0.0, pause_s, *(w.delay_s(now_s, self._in_flight, share) for w in self._windows))

    def start(self) -> None:
        """A request is on its way."""
        self._in_flight += 1

    def finish(self, now_s: float) -> None:
        """A request was answered, or lost."""
        self._in_flight -= 1
        for window in self._windows:
            window.answered(now_s)

    def refuse(self, started_s: float, now_s: float, pause_s: float) -> bool:
        """The server refused a request: pause, then go on more slowly; False if it pauses already.

        Requests that were already on their way when the rate was lowered do not lower it again.
        """
        is_new = self._paused_until_s <= now_s
        self._paused_until_s = max(self._paused_until_s, now_s + pause_s)
        if started_s >= self._share_at_s:
            self._share = max(LEAST_SHARE, self.share(now_s) * DECREASE)
            self._share_at_s = now_s
        return is_new

    def share(self, now_s: float) -> float:
        """The part of the bounds that is ours: it grows back as time passes."""
        if math.isinf(self._share_at_s):
            return 1.0
        quiet_s = max(0.0, now_s - max(self._share_at_s, self._paused_until_s))
        return min(1.0, self._share + quiet_s * INCREASE_PER_S)


class Limiter:
    """All threads pass here, first come, first served for each endpoint.

    `slower`: requests a second to endpoints that have a lower bound of their own.
    """

    def __init__(
        self,
        per_second: float,
        per_minute: float,
        *,
        clock: Clock,
        wait: Wait | None = None,
        slower: Mapping[str, float] | None = None,
    ) -> None:
        self._bounds = (per_second, per_minute)
        self._slower = slower or {}
        self._clock = clock
        self._wait: Wait = wait or threading.Condition.wait
        self._changed = threading.Condition()
        self._lanes: dict[str, Lane] = {}
        self._queues: dict[str, deque[object]] = {}
        self._interruption: Interrupted | None = None

    @contextmanager
    def slot(self, endpoint: str) -> Iterator[float]:
        """One request may be made inside; yields the time it was let go.

        Raises:
            Interrupted: `cancel` was called.
        """
        lane = self._pass(endpoint)
        try:
            yield self._clock()
        finally:
            with self._changed:
                lane.finish(self._clock())
                self._changed.notify_all()

    def refuse(self, endpoint: str, started_s: float, pause_s: float) -> bool:
        """The server refused a request that was let go at `started_s`; nobody asks meanwhile.

        False if the endpoint pauses already.
        """
        with self._changed:
            is_new = self._lane(endpoint).refuse(started_s, self._clock(), pause_s)
            self._changed.notify_all()
        return is_new

    def cancel(self, interruption: Interrupted) -> None:
        """Everybody who waits, or comes later, is turned away."""
        with self._changed:
            self._interruption = interruption
            self._changed.notify_all()

    def _lane(self, endpoint: str) -> Lane:
        if endpoint not in self._lanes:
            per_second, per_minute = self._bounds
            own = self._slower.get(endpoint, per_second)
            self._lanes[endpoint] = Lane(min(per_second, own), per_minute)
            self._queues[endpoint] = deque()
        return self._lanes[endpoint]

    def _pass(self, endpoint: str) -> Lane:
        """Waits for the turn, then for room; the turn passes on whatever happens."""
        ticket = object()
        with self._changed:
            lane = self._lane(endpoint)
            queue = self._queues[endpoint]
            queue.append(ticket)
            try:
                while (delay_s := self._delay_s(lane, queue[0] is ticket)) > 0:
                    self._wait(self._changed, None if math.isinf(delay_s) else delay_s)
                lane.start()
            finally:
                queue.remove(ticket)
                self._changed.notify_all()
        return lane

    def _delay_s(self, lane: Lane, first: bool) -> float:
        if self._interruption is not None:
            raise Interrupted(self._interruption.signal)
        return lane.delay_s(self._clock()) if first else math.inf


def wait_by(sleep: Sleep) -> Wait:
    """A wait on a condition that passes time by `sleep`, with the condition's lock given back."""

    def wait(condition: threading.Condition, timeout_s: float | None) -> None:
        if timeout_s is None:
            condition.wait()
            return
        condition.release()
        try:
            sleep(timeout_s)
        finally:
            condition.acquire()

    return wait
