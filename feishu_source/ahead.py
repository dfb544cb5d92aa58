"""Reading goes on while a slice is loaded: the rate limit of a minute not used is lost.

In: a walk. Out: the batches of its slices, one slice after the other, as whoever loads them asks.
Refuses to know what is in a batch, and dlt.

The walk runs whole on one thread of its own, a few batches ahead. It begins a slice when the one
before it was taken whole, so what a crash costs is still one slice: either the one that is being
extracted, or what was read ahead of one that is extracted and waits to be loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Semaphore, Thread
from typing import Protocol

from feishu_source.batch import Batch
from feishu_source.errors import FeishuError

PATIENCE_S = 5.0
"""Requests that are under way end in a fraction of this, as a rule."""


class Slices(Protocol):
    """What is read slice by slice: a walk, or one that is read ahead."""

    @property
    def finished(self) -> bool:
        """True if the slice that was read last was the last one."""

    def slice(self) -> Iterator[Batch]:
        """The batches of the next slice."""


class Stoppable(Slices, Protocol):
    """One that can be ended, and forget a slice of which nothing was loaded."""

    def stop(self, error: FeishuError) -> None:
        """Ends it after what is under way."""

    def rewind(self) -> None:
        """Forgets the slice that was begun last."""


@dataclass(frozen=True, slots=True)
class SliceEnd:
    """What stands behind the last batch of a slice."""

    finished: bool


class ReadAhead:
    """The slices of a walk, at most `most_batches` ahead of whoever takes them."""

    def __init__(self, walk: Stoppable, most_batches: int) -> None:
        self._walk = walk
        self._ready: Queue[Batch | SliceEnd | BaseException] = Queue(most_batches)
        self._taken = Semaphore(0)
        self._begun = self._ended = 0
        self._halted = False
        self._thread: Thread | None = None
        self._finished = False

    @property
    def finished(self) -> bool:
        """True if the slice that was taken last was the last one."""
        return self._finished

    def slice(self) -> Iterator[Batch]:
        """The batches of the next slice, as they were read; none if there is no further one.

        Raises:
            BaseException: what ended the walk's thread.
        """
        if self._finished or self._halted:
            return
        if self._thread is None:
            self._thread = Thread(target=self._run, name="feishu-walk", daemon=True)
            self._thread.start()
        while not isinstance(ready := self._ready.get(), SliceEnd):
            if isinstance(ready, BaseException):
                self._finished = True
                raise ready
            yield ready
        self._finished = ready.finished
        self._ended += 1
        self._taken.release()

    def halt(self, reason: FeishuError) -> None:
        """Ends the walk after what is under way, and throws away what nobody has taken.

        The walk stands then as it did after the last slice that was taken whole. One that takes
        longer to end than `PATIENCE_S` is left to itself: a second Ctrl-C does not wait for it.
        """
        if self._thread is None or self._finished:
            return
        self._halted = self._finished = True
        self._walk.stop(reason)
        self._taken.release()
        try:
            while True:  # a thread that waits for room finds it, and then that it was halted
                self._ready.get_nowait()
        except Empty:
            self._thread.join(PATIENCE_S)
        if self._begun > self._ended and not self._thread.is_alive():
            self._walk.rewind()

    def _run(self) -> None:
        try:
            while not self._halted:
                self._begun += 1
                for batch in self._walk.slice():
                    self._give(batch)
                finished = self._walk.finished
                self._give(SliceEnd(finished))
                if finished:
                    return
                self._taken.acquire()
        except BaseException as error:  # told where the slice is taken, never lost
            self._give(error)

    def _give(self, ready: Batch | SliceEnd | BaseException) -> None:
        if not self._halted:
            self._ready.put(ready)
