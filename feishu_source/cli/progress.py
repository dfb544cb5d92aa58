"""A load as it runs, on stderr: a bar on a terminal, a line per phase anywhere else.

In: the plain `Progress` that the load fills. Out: `watch`, a context that shows it. The bar is
drawn by rich's refresh thread, which only reads. Refuses to slow the load down or to know it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import progress as rich_progress
from rich.console import Console, RenderableType

from feishu_source.cli.terminal import Terminal
from feishu_source.report import Phase, Progress

Clock = Callable[[], float]

_PHASES: dict[Phase, str] = {
    "starting": "starting",
    "chats": "reading the chat list",
    "messages": "reading",
    "loading": "loading",
    "people": "asking about people",
    "files": "downloading files",
    "finished": "finished",
}


@contextmanager
def watch(terminal: Terminal, *, quiet: bool) -> Iterator[Progress]:
    """A `Progress` to give to a load, shown for as long as the context lasts."""
    if quiet:
        yield Progress()
    elif terminal.err.is_terminal:
        progress = Progress()
        with ProgressBar(progress, terminal.err):
            yield progress
    else:
        yield AnnouncedProgress(_announcer(terminal.err))


def describe(progress: Progress, elapsed_s: float) -> str:
    """The load in one line: phase, chats, messages, their rate, requests."""
    rows = progress.messages + progress.replies
    parts = [_PHASES[progress.phase]]
    if progress.slice > 1:
        parts.append(f"slice {progress.slice}")
    if progress.chats_total:
        parts.append(f"{progress.chats_done:,}/{progress.chats_total:,} chats")
    if rows:
        parts.append(f"{rows:,} messages")
        parts.append(f"{rows / max(elapsed_s, 1.0):,.0f}/s")
    if progress.files:
        parts.append(f"{progress.files:,} files")
    if progress.requests:
        parts.append(f"{progress.requests:,} requests")
    return " · ".join(parts)


class ProgressBar(rich_progress.Progress):
    """rich's bar over a `Progress` that somebody else fills; it looks whenever it draws."""

    def __init__(self, watched: Progress, console: Console, clock: Clock = time.monotonic) -> None:
        self._watched = watched
        self._clock = clock
        self._began = clock()
        super().__init__(
            rich_progress.SpinnerColumn(),
            rich_progress.BarColumn(bar_width=20),
            rich_progress.TaskProgressColumn(),
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,
            transient=True,
        )
        self._bar = self.add_task(describe(watched, 0.0), total=None)

    def get_renderable(self) -> RenderableType:
        """What is drawn now; rich calls this on its own thread."""
        if self.tasks:
            self.look()
        return super().get_renderable()

    def look(self) -> None:
        """Takes over the numbers as they stand; the bar pulses until the chats are known."""
        watched = self._watched
        self.update(
            self._bar,
            description=describe(watched, self._clock() - self._began),
            total=1.0 if watched.chats_total else None,
            completed=watched.range_share,
        )


class AnnouncedProgress(Progress):
    """A `Progress` that tells whenever its phase changes."""

    __slots__ = ("_announce",)
    _announce: Callable[[Progress], None]

    def __init__(self, announce: Callable[[Progress], None]) -> None:
        self._announce = announce
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:
        changed = name == "phase" and value != getattr(self, "phase", "starting")
        super().__setattr__(name, value)
        if changed:
            self._announce(self)


def _announcer(console: Console, clock: Clock = time.monotonic) -> Callable[[Progress], None]:
    began = clock()
    return lambda progress: console.print(describe(progress, clock() - began), soft_wrap=True)
