"""A sandbox that is watched: whose request came when, and what became of it.

In: a tenant, and requests for its messages. Out: how much of what is allowed a load has used, and
in which seconds nothing was under way. Refuses to know how it was made to load.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.windows import Span, blocked, length, most_allowed, without
from feishu_source.sandbox import Sandbox, World
from feishu_source.sandbox.endpoints import MESSAGES_PATH
from feishu_source.sandbox.loopback import HttpReply, HttpRequest

OTHER = "another client"
"""The user agent of whoever is not the load."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request for messages as the server saw it; times are monotonic seconds."""

    begun: float
    ended: float
    by_other: bool
    refused: bool
    in_thread: bool


class WatchedSandbox(Sandbox):
    """A sandbox that also notes when a request ended, and whose it was."""

    def __init__(self, world: World, **how: Any) -> None:
        super().__init__(world, **how)
        self.seen: list[Seen] = []

    def answer(self, request: HttpRequest) -> HttpReply:
        """One request."""
        begun = time.monotonic()
        reply = super().answer(request)
        if request.path == MESSAGES_PATH:
            self.seen.append(
                Seen(
                    begun,
                    time.monotonic(),
                    by_other=request.headers.get("user-agent") == OTHER,
                    refused=reply.status == 429 and b"99991400" in reply.body,
                    in_thread=request.query.get("container_id_type") == "thread",
                )
            )
        return reply


@dataclass(frozen=True)
class Measured:
    """What the server saw in the time of one measurement."""

    seen: Sequence[Seen]
    whole: Span
    counted: list[Seen] = field(init=False)
    """The load's own requests that were let through, inside that time."""

    def __post_init__(self) -> None:
        inside = [one for one in self.seen if self.whole[0] <= one.ended < self.whole[1]]
        own = [one for one in inside if not (one.refused or one.by_other)]
        object.__setattr__(self, "counted", own)

    @property
    def refused(self) -> int:
        """How many of the load's own requests were refused, ever."""
        return sum(one.refused and not one.by_other for one in self.seen)

    def share(self, thirds: Sequence[int] = (0, 1, 2)) -> float:
        """The load's part of what is allowed in these thirds of the time."""
        begin, third_s = self.whole[0], (self.whole[1] - self.whole[0]) / 3
        own = [int((one.ended - begin) // third_s) for one in self.counted]
        number = sum(place in thirds for place in own)
        return number / most_allowed(third_s * len(thirds))

    def idle_s(self) -> tuple[float, float]:
        """Seconds in which no request was under way, and those in which one more was allowed."""
        busy = [(one.begun, one.ended) for one in self.seen if not one.by_other]
        idle = without(self.whole, busy)
        let_through = sorted(one.ended for one in self.seen if not one.refused)
        closed = blocked(let_through)
        open_ = [part for span in idle for part in without(span, closed)]
        return length(idle), length(open_)
