"""A chat that knows what was really read of it, and a load that reads it as the walk does.

In: what a load wants, when it is killed. Out: the windows it read; what was read stays for tests
to compare with the claims. Refuses to know requests, pages and rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from feishu_source.coverage import (
    ChatState,
    Kind,
    OpenWalk,
    Wanted,
    advance,
    finish,
    forget_threads,
    next_walk,
    note_done,
    prepare,
)

LOOK_BACK_S = 10

Read = tuple[Kind, int, int]
"""Kind of a window, where its reading began in this load, and where the window stops."""


def wanted(stop_s: int, **more: Any) -> Wanted:
    """What a load wants that is pinned at `stop_s`, or whose bound that is."""
    return replace(Wanted(0, stop_s, stop_s, LOOK_BACK_S), **more)


class Killed(Exception):
    """The process is gone; what it had stored stays."""


@dataclass
class ToyChat:
    """`stored`: the claims as they survive a kill. `read_s`, `threads_s`: seconds really read."""

    stored: dict[str, Any] = field(default_factory=dict)
    read_s: set[int] = field(default_factory=set)
    threads_s: set[int] = field(default_factory=set)
    windows: list[Read] = field(default_factory=list)
    posts: list[tuple[int, int]] = field(default_factory=list)
    """Messages: when created, and from when on they are listed."""
    loaded: set[tuple[int, int]] = field(default_factory=set)

    @property
    def state(self) -> ChatState:
        """The claims, as the next load finds them."""
        return ChatState.from_dict(self.stored)

    def load(
        self,
        want: Wanted,
        *,
        steps: int = 1_000,
        page_s: int = 1_000,
        now_s: int | None = None,
        replies_behind: bool = False,
    ) -> list[Read]:
        """One load that reads `page_s` seconds a page, killed after so many steps.

        A step is a page that was claimed, or a window that was finished. `replies_behind`: threads
        have replies behind the wanted end, which are left out.
        """
        self.windows = []
        state, done = self.state, dict[Kind, OpenWalk]()
        prepare(state, want)
        try:
            while (walk := next_walk("oc_1", state, want, done)) is not None:
                own = walk not in state.walks.values()
                self.windows.append((walk.kind, walk.at_s, walk.stop_s))
                while walk.at_s < walk.stop_s:
                    steps = self._count_down(steps)
                    if replies_behind:
                        forget_threads(state, walk)
                    stop_s = min(walk.at_s + page_s, walk.stop_s)
                    self._read(walk, stop_s, now_s, want.threads and not replies_behind)
                    advance(state, walk, stop_s)
                    self._store(state)
                steps = self._count_down(steps)
                finish(state, walk, want.ladder)
                note_done(done, walk, want, own=own)
                self._store(state)
        except Killed:
            self.windows.append(("window", -1, -1))
        return self.windows

    @property
    def killed(self) -> bool:
        """True if the last load did not reach its end."""
        return self.windows[-1:] == [("window", -1, -1)]

    def _count_down(self, steps: int) -> int:
        if steps == 0:
            raise Killed
        return steps - 1

    def _read(self, walk: OpenWalk, stop_s: int, now_s: int | None, threads: bool) -> None:
        seconds = range(walk.at_s, stop_s)
        self.read_s |= set(seconds)
        if threads:
            self.threads_s |= set(seconds)
        self.loaded |= {
            (created_s, visible_s)
            for created_s, visible_s in self.posts
            if created_s in seconds and (now_s is None or visible_s <= now_s)
        }

    def _store(self, state: ChatState) -> None:
        self.stored = json.loads(json.dumps(state.to_dict()))

    def false_claims(self) -> set[int]:
        """Seconds that are claimed and were not read; with their threads, if those are claimed."""
        state = self.state
        claimed = set(range(state.covered_from_s or 0, state.covered_until_s or 0))
        false = claimed - self.read_s
        return false | (claimed - self.threads_s) if state.threads_covered else false
