"""The workers: requests under way side by side, and their answers in the order they come.

In: jobs, from the one thread that decides. Out: each job with its result, or with the error it
ended in. Refuses to know what is asked for; how fast is for the limiter to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal

from feishu_source.stretches import Stretch
from feishu_source.visit import Opening, Poll, Visit


@dataclass(slots=True)
class Job:
    """A request for a chat: a page of its timeline or of a thread, its mode, a merged forward.

    Or for reactions, of messages that may stand in other chats as well.
    """

    kind: Literal["page", "thread", "mode", "forward", "reactions"]
    visit: Visit
    call: Callable[[], Any]
    poll: Poll | None = None
    stretch: Stretch | None = None
    opening: Opening | None = None
    reactions: list[Any] | None = None

    def run(self) -> Any:
        """Its result, or the error it ended in: handed to the thread that decides, never lost."""
        try:
            return self.call()
        except BaseException as error:
            return error


class Workers(ABC):
    """At most `number` jobs at once; threads and forwards begin first, since pages wait for them.

    Which of them ends first is not promised.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._urgent: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self.in_flight = 0

    @property
    def idle(self) -> bool:
        """True if a worker is free and no job waits for it."""
        return self.in_flight < self.number and not (self._urgent or self._waiting)

    def add(self, job: Job) -> None:
        """Lines a job up; the next page of a thread stands before other threads."""
        if job.poll is not None and job.poll.pages:
            self._urgent.appendleft(job)
        else:
            (self._urgent if job.kind in ("thread", "forward") else self._waiting).append(job)

    def start(self) -> None:
        """Gives every free worker a job, as far as there are any."""
        while self.in_flight < self.number and (jobs := self._urgent or self._waiting):
            self.in_flight += 1
            self._begin(jobs.popleft())

    def take(self) -> tuple[Job, Any] | None:
        """The next job that ended, with its result or error; None if `wake` was called."""
        ended = self._next_ended()
        if ended is not None:
            self.in_flight -= 1
        return ended

    def drop_waiting(self) -> None:
        """Forgets the jobs that no worker has begun."""
        self._urgent.clear()
        self._waiting.clear()

    @abstractmethod
    def wake(self) -> None:
        """Makes `take` return; safe to call from a signal handler."""

    @abstractmethod
    def close(self) -> None:
        """Ends the workers; what they still fetch is thrown away."""

    @abstractmethod
    def _begin(self, job: Job) -> None:
        """Puts a job under way."""

    @abstractmethod
    def _next_ended(self) -> tuple[Job, Any] | None:
        """Waits until a job under way has ended, or until `wake`."""


class ThreadWorkers(Workers):
    """Workers that are threads: whatever is answered first ends first.

    Two queues and no pool: the futures of one cost a third of what a page does.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Job, Any] | None] = SimpleQueue()
        self._threads = 0

    def wake(self) -> None:
        """Makes `take` return; safe to call from a signal handler."""
        self._results.put(None)

    def close(self) -> None:
        """Ends the workers; what they still fetch is thrown away."""
        self.drop_waiting()
        for _ in range(self._threads):
            self._jobs.put(None)

    def _begin(self, job: Job) -> None:
        if self._threads < self.in_flight:  # as many as were ever needed at once
            self._threads += 1
            Thread(target=self._work, name=f"feishu-{self._threads}", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._results.put((job, job.run()))

    def _next_ended(self) -> tuple[Job, Any] | None:
        return self._results.get()
