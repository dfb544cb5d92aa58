"""The belt: which chat is read when, and when a slice is full; yields batches, slice by slice.

In: a client, the chats with their states, what is wanted. Out: batches with the claims they carry.
Refuses to know dlt, and how a chat is read. Requests run on workers; everything else, the states
and all decisions, on the one thread that iterates a slice, so nothing here needs a lock.
"""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from feishu_source.api import Client
from feishu_source.batch import Counts, Intake, PendingBatch
from feishu_source.coverage import ChatState, Wanted, is_window, leave_out, prepare
from feishu_source.errors import DestinationError, FeishuError
from feishu_source.idle import IdleChats
from feishu_source.reaction_debt import forget
from feishu_source.reader import Modes, Reader
from feishu_source.report import Progress, Status
from feishu_source.settings import Settings
from feishu_source.status import coverage_row
from feishu_source.stretches import Stretch
from feishu_source.tables import SYNC_COVERAGE, THREADS
from feishu_source.visit import Visit
from feishu_source.windows import Windows
from feishu_source.workers import Job, Workers

SCARCE = 32
"""Requests left of a bound, from which on they are made one after the other."""


class Walk:
    """All that one load reads; lives as long as the load, and is read slice by slice.

    `behind_gaps`: chats that are read from a start behind what is covered, and so not claimed.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        wanted: Wanted,
        intake: Intake,
        modes: Modes,
        workers: Workers,
        progress: Progress | None = None,
        most_messages: int | None = None,
        *,
        idle: IdleChats,
        bounded: bool = True,
    ) -> None:
        self._client = client
        self._settings = settings
        self._wanted = wanted
        self._intake = intake
        self._progress = progress or Progress()
        self._most_messages = sys.maxsize if most_messages is None else most_messages
        self._bounded = bounded
        self._most_in_slice = settings.slice_messages if bounded else sys.maxsize
        self._workers = workers
        self._reader = Reader(client, wanted, intake, modes, workers)
        self._windows = Windows(client, settings, wanted, intake, self._reader, idle, self._is_full)
        self._idle = idle
        self._due: list[Visit] = []
        self._touched: dict[str, Visit] = {}
        self._open: dict[str, Visit] = {}
        self._before: dict[str, tuple[dict[str, Any], Status, FeishuError | None, int]] = {}
        self._counts_before = Counts()
        self._told: set[str] = set()
        self._slice_ends_at = 0
        self._begun_urgency = 0
        self.visits: dict[str, Visit] = {}
        self.behind_gaps = 0

    # what is to be read

    def add(self, chats: Iterable[tuple[str, str | None, str | None, ChatState]]) -> None:
        """Adds chats (id, name, mode, state) in the order in which ties are broken."""
        for chat_id, name, mode, state in chats:
            prepare(state, self._wanted)
            if not self._wanted.reactions:
                forget(state)
            visit = Visit(chat_id, name, state, mode, polled_s=state.polled_s or 0)
            self.visits[chat_id] = visit
            self._windows.open_next(visit)
            self.behind_gaps += is_window(state, self._wanted) and not self._wanted.explicit
        wait = self._idle.enter({chat_id: visit.state for chat_id, visit in self.visits.items()})
        self._due = [visit for chat_id, visit in self.visits.items() if chat_id not in wait]
        self._progress.chats_total = len(self.visits)

    @property
    def finished(self) -> bool:
        """True if no further slice is needed, or possible."""
        if self._intake.holds:  # newer versions, already listed: they cost no request
            return False
        return bool(self.stopped_by) or self._is_spent or not (self._due or self._idle.waiting)

    @property
    def stopped_by(self) -> FeishuError | None:
        """What ended the walk before everything was read."""
        return self._reader.reception.stopped_by

    @property
    def _is_spent(self) -> bool:
        """True if the load may read no more."""
        return (
            bool(self._client.budget.spent) or self._reader.reception.listed >= self._most_messages
        )

    @property
    def starved(self) -> bool:
        """True if all requests it may make were spent, and no page, window or thread was done."""
        return bool(self._client.budget.spent) and not self._windows.got_on

    @property
    def warnings(self) -> list[str]:
        """What was done without."""
        return self._reader.reactions.warnings

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way; safe to call from any thread or signal handler."""
        self._reader.reception.stop(error)
        self._workers.wake()

    def rewind(self) -> None:
        """Forgets the slice that was begun last, of which nothing was loaded, once it has ended."""
        for chat_id, (stored, status, problem, threads_polled) in self._before.items():
            visit = self.visits[chat_id]
            visit.state = ChatState.from_dict(stored)
            visit.openings = {}
            visit.status, visit.problem, visit.threads_polled = status, problem, threads_polled
        self._intake.counts = self._counts_before
        self._touched = {}

    def close(self) -> None:
        """Ends the workers; what they still fetch is thrown away."""
        self._workers.close()

    # a slice

    def slice(self) -> Iterator[PendingBatch]:
        """Reads until the slice is full or nothing is due, and yields what was read.

        Each batch's claims must be stored in the same package as its tables.
        """
        self._begin_slice()
        while True:
            self._schedule()
            if not self._workers.in_flight:
                if self.stopped_by or not self._reader.reactions.flush():
                    break
                continue
            if ended := self._workers.take():
                job, result = ended
                self._reader.take_in(job, result)
                for visit in self._open_after(job):
                    self._proceed(visit)
            if self._intake.full and (batch := self._intake.take()):
                yield batch
        self._tell_why()
        self._reader.reactions.leave()
        for visit in self._touched.values():
            self._windows.claim(visit)  # threads too that were read for a page that was not
        self._intake.add_rows(THREADS, self._reader.threads.take_rows())
        self._intake.add_rows(
            SYNC_COVERAGE,
            [coverage_row(visit, self._wanted.as_of_s) for visit in self._touched.values()],
        )
        if batch := self._intake.take():
            yield batch

    def _open_after(self, job: Job) -> list[Visit]:
        """The chats that may go on now: any of them may have waited for reactions."""
        if job.kind == "reactions":
            return list(self._open.values())
        return [job.visit] if job.visit.chat_id in self._open else []

    def coverage_rows(self) -> list[tuple[Any, ...]]:
        """Rows of `sync_coverage` for the chats that no slice reached."""
        told = self._told | self._touched.keys()
        rest = (visit for visit in self.visits.values() if visit.chat_id not in told)
        return [coverage_row(visit, self._wanted.as_of_s) for visit in rest]

    def _tell_why(self) -> None:
        """What ended the walk stands in the way of every chat that was not read to its end."""
        reason = self.stopped_by or self._client.budget.spent
        if isinstance(reason, DestinationError):
            return  # no chat's trouble, and told once
        for visit in self.visits.values():
            if visit.status == "partial":
                visit.problem = visit.problem or reason

    def _begin_slice(self) -> None:
        self._told |= self._touched.keys()
        self._touched, self._before = {}, {}
        self._counts_before = replace(self._intake.counts)
        self._slice_ends_at = min(
            self._reader.reception.listed + self._most_in_slice, self._most_messages
        )
        self._intake.begin_slice()
        self._reader.open_held(self.visits)
        self._due.sort(key=_urgency)
        for visit in self._due:
            visit.begin_slice()

    def _is_full(self) -> bool:
        """True if the slice is: no further chat is begun, and what may be cut is."""
        if self._reader.reception.listed >= self._slice_ends_at:
            return True
        return self._bounded and self._intake.slice_bytes >= self._settings.most_slice_bytes

    @property
    def _ends(self) -> bool:
        """True if no further chat is begun in this slice."""
        return bool(self.stopped_by or self._client.budget.spent) or self._is_full()

    def _schedule(self) -> None:
        """Gives every free worker a request: threads first, then pages, then further chats."""
        if self.stopped_by:
            self._workers.drop_waiting()
        if self._client.budget.left < SCARCE:
            self._workers.number = 1  # what is begun is finished: half of ten threads is none
        self._workers.start()
        self._decide_idle()
        while not self._ends and self._workers.idle and self._due and self._may_begin(self._due[0]):
            self._activate(self._due.pop(0))
            self._workers.start()
        if self._settings.stretches > 1:
            self._list_ahead()

    def _list_ahead(self) -> None:
        """While no other chat wants the workers, one is listed in several places at once.

        Not where requests or messages are counted: what is read ahead would be read for nothing.
        """
        is_counted = self._client.budget.bounded or self._most_messages < sys.maxsize
        if is_counted or self._due or self._idle.waiting or self._ends:
            return
        for visit in self._open.values():
            while self._workers.idle and (stretch := self._open_stretch(visit)):
                self._reader.ask_page(visit, stretch)
                self._workers.start()

    def _open_stretch(self, visit: Visit) -> Stretch | None:
        settings = self._settings
        if visit.listing is None:
            return None
        return visit.listing.open_ahead(
            settings.stretch_pages, settings.stretches, settings.batch_bytes
        )

    def _may_begin(self, visit: Visit) -> bool:
        """Where requests are bounded, what is less urgent waits until all that is more so was read.

        Where few are left, every chat waits for the one before it. While it is not known of every
        chat whether there is something new in it, nothing but heads is begun.
        """
        if self._idle.waiting and _urgency(visit)[0] > 0:
            return False
        if not self._client.budget.bounded or not self._workers.in_flight:
            return True
        return _urgency(visit)[0] <= self._begun_urgency

    def _decide_idle(self) -> None:
        """Leaves out the chats that are proven idle, and begins those that may prove it."""
        while found := self._idle.next():
            chat_id, verdict = found
            visit = self.visits[chat_id]
            if verdict == "ask" and (self._ends or not self._workers.idle):
                return
            self._idle.take(verdict)
            if verdict == "ask":
                self._activate(visit)
                self._workers.start()
            elif verdict == "due":
                insort(self._due, visit, key=_urgency)
            else:
                self._leave_out(visit)

    # a chat

    def _leave_out(self, visit: Visit) -> None:
        """The chat is complete without a request, and its row of `sync_coverage` says how."""
        self._touch(visit)
        leave_out(visit.state, self._wanted.as_of_s)
        self._end(visit)
        self._tell(visit)

    def _touch(self, visit: Visit) -> None:
        if visit.chat_id not in self._touched:
            self._touched[visit.chat_id] = visit
            stands = visit.state.to_dict(), visit.status, visit.problem, visit.threads_polled
            self._before[visit.chat_id] = stands

    def _activate(self, visit: Visit) -> None:
        assert visit.walk is not None
        self._touch(visit)
        self._begun_urgency = _urgency(visit)[0]
        self._open[visit.chat_id] = visit
        visit.begin_listing()
        self._reader.begin(visit)
        if visit.listing and visit.listing.holds:  # pages that were read ahead of the last slice
            self._proceed(visit)

    def _proceed(self, visit: Visit) -> None:
        """Goes on with a chat; what is still due of it is lined up again."""
        outcome = self._windows.proceed(visit)
        if outcome is not None:
            self._open.pop(visit.chat_id, None)
        if outcome == "cut":
            self._due.append(visit)  # the next slice lists again from the claim
        elif outcome == "next":
            insort(self._due, visit, key=_urgency)
        elif outcome == "end":
            self._end(visit)
        self._tell(visit)

    def _end(self, visit: Visit) -> None:
        """The chat's part of this load is over."""
        self._windows.end(visit)
        self._progress.chats_done += 1

    def _tell(self, visit: Visit) -> None:
        progress, counts = self._progress, self._intake.counts
        share = visit.measure()
        progress.range_share += (share - visit.share) / max(1, len(self.visits))
        visit.share = share
        progress.messages, progress.replies = counts.messages, counts.replies
        progress.requests = self._client.stats.requests
        progress.refused = self._client.stats.refused


def _urgency(visit: Visit) -> tuple[int, int]:
    """Heads first, then first loads, the oldest claim first; then rereadings, open ones first."""
    walk, state = visit.walk, visit.state
    if walk is not None and walk.kind in ("head", "window"):
        return 0, state.covered_until_s or 0
    if not state.finished_before:
        return 1, state.covered_until_s or 0
    return 2, 0 if walk is not None and walk.kind in state.walks else 1
