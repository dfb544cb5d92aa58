"""The belt: reads chats and threads side by side, yields batches with the claims they carry.

In: a client, the chats with their states, what is wanted. Out: batches, slice by slice.
Refuses to know dlt. Requests run on a pool of workers; everything else, the states and all
decisions, on the one thread that iterates a slice, so nothing here needs a lock.

A page's rows go out as they come. Its claim waits until the threads of its roots were read, or are
owed, and until all earlier pages are claimed.
"""

from __future__ import annotations

import queue
import sys
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from feishu_source.api.client import Client, Page
from feishu_source.batch import Batch, Intake, Listed
from feishu_source.coverage import (
    ChatState,
    Wanted,
    advance,
    finish,
    forget_threads,
    next_walk,
    note_done,
    prepare,
)
from feishu_source.errors import (
    ChatRefused,
    FeishuError,
    Interrupted,
    PageTokenRefused,
    ParameterRefused,
    ReplyBroken,
    RetriesExhausted,
    StopError,
    ThreadRefused,
)
from feishu_source.report import Progress
from feishu_source.rows import Item
from feishu_source.settings import (
    FALLBACK_START_S,
    MOST_NETWORK_FAILURES,
    MOST_OWED_THREADS,
    Settings,
)
from feishu_source.status import coverage_row, thread_row
from feishu_source.tables import SYNC_COVERAGE, THREADS
from feishu_source.visit import Poll, Visit, is_reply_in_thread

MOST_RESTARTS = 3
"""Times a listing is begun again in a slice because its page token was refused."""


class Modes(Protocol):
    """Who knows a chat's mode, and may have to ask for it."""

    def mode_of(self, chat_id: str) -> str | None:
        """`group`, `topic`, `p2p`, or None where the platform does not tell."""


@dataclass(slots=True)
class _Job:
    """A request under way, or waiting for a worker."""

    visit: Visit
    call: Callable[[], Any]
    poll: Poll | None = None
    is_mode: bool = False


class Walk:
    """All that one load reads; lives as long as the load, and is read slice by slice."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        wanted: Wanted,
        intake: Intake,
        modes: Modes,
        progress: Progress | None = None,
        most_messages: int | None = None,
        *,
        bounded: bool = True,
    ) -> None:
        self._client = client
        self._settings = settings
        self._wanted = wanted
        self._intake = intake
        self._modes = modes
        self._progress = progress or Progress()
        self._budget = most_messages
        self._most_in_slice = settings.slice_messages if bounded else sys.maxsize
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="feishu")
        self._results: queue.SimpleQueue[tuple[_Job | None, Any]] = queue.SimpleQueue()
        self._urgent: deque[_Job] = deque()
        self._jobs: deque[_Job] = deque()
        self._in_flight = 0
        self._due: list[Visit] = []
        self._touched: dict[str, Visit] = {}
        self._told: set[str] = set()
        self._start_refused = False
        self._network_failures = 0
        self._listed_in_slice = 0
        self.visits: dict[str, Visit] = {}
        self.stopped_by: FeishuError | None = None

    # what is to be read

    def add(self, chats: Iterable[tuple[str, str | None, str | None, ChatState]]) -> None:
        """Adds chats (id, name, mode, state) in the order in which ties are broken."""
        for chat_id, name, mode, state in chats:
            prepare(state, self._wanted)
            visit = Visit(chat_id, name, state, mode)
            self.visits[chat_id] = visit
            self._due.append(visit)
            self._open_next(visit)
        self._progress.chats_total = len(self.visits)

    @property
    def finished(self) -> bool:
        """True if no further slice is needed, or possible."""
        if self.stopped_by or (self._budget is not None and self._budget <= 0):
            return True
        return not self._due and not self._intake.holds

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way; safe to call from a signal handler."""
        self.stopped_by = self.stopped_by or error
        self._client.cancel()
        self._results.put((None, None))

    def close(self) -> None:
        """Ends the workers; what they still fetch is thrown away."""
        self._urgent.clear()
        self._jobs.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # a slice

    def slice(self) -> Iterator[Batch]:
        """Reads until the slice is full or nothing is due, and yields what was read.

        Each batch's claims must be stored before its tables are given away.
        """
        self._begin_slice()
        while True:
            self._schedule()
            if not self._in_flight:
                break
            job, result = self._results.get()
            if job is not None:
                self._in_flight -= 1
                self._take_in(job, result)
            if self._intake.full and (batch := self._intake.take()):
                yield batch
        self._tell_why()
        self._intake.add_rows(
            SYNC_COVERAGE,
            [coverage_row(visit, self._wanted.as_of_s) for visit in self._touched.values()],
        )
        if batch := self._intake.take():
            yield batch

    def coverage_rows(self) -> list[tuple[Any, ...]]:
        """Rows of `sync_coverage` for the chats that no slice reached."""
        told = self._told | self._touched.keys()
        rest = (visit for visit in self.visits.values() if visit.chat_id not in told)
        return [coverage_row(visit, self._wanted.as_of_s) for visit in rest]

    def _tell_why(self) -> None:
        """What ended the walk stands in the way of every chat that was not read to its end."""
        for visit in self.visits.values():
            if self.stopped_by and visit.status == "partial":
                visit.problem = visit.problem or self.stopped_by

    def _begin_slice(self) -> None:
        self._told |= self._touched.keys()
        self._touched = {}
        self._listed_in_slice = 0
        self._intake.begin_slice()
        self._due.sort(key=_urgency)
        for visit in self._due:
            visit.restarts = 0

    @property
    def _slice_full(self) -> bool:
        most = self._most_in_slice
        if self._budget is not None:
            most = min(most, self._budget + self._listed_in_slice)
        return self._listed_in_slice >= most

    def _schedule(self) -> None:
        """Gives every free worker a request: threads first, then pages, then further chats."""
        if self.stopped_by:
            self._urgent.clear()
            self._jobs.clear()
            return
        while self._in_flight < self._settings.workers:
            if not (self._urgent or self._jobs) and not self._activate_next():
                return
            if jobs := self._urgent or self._jobs:
                self._in_flight += 1
                self._pool.submit(self._run, jobs.popleft())

    def _run(self, job: _Job) -> None:
        try:
            result = job.call()
        except BaseException as error:  # handed to the thread that iterates, never lost
            result = error
        self._results.put((job, result))

    # a chat

    def _activate_next(self) -> bool:
        """Begins with the most urgent chat that is due; False if there is none, or no room."""
        if self._slice_full or not self._due:
            return False
        visit = self._due.pop(0)
        visit.active = True
        visit.exhausted, visit.page_token = False, None
        visit.tokens.clear()
        visit.polled.clear()
        self._touched[visit.chat_id] = visit
        if visit.walk is not None:
            visit.slice_at_s = visit.walk.at_s
        if self._wanted.threads and not visit.owed_asked:
            visit.owed_asked = True
            for thread_id in visit.state.owed:
                self._open_poll(visit, Poll(thread_id, owed=True))
        if visit.mode is None:
            visit.fetching = True
            self._jobs.append(_Job(visit, lambda: self._modes.mode_of(visit.chat_id), is_mode=True))
        else:
            self._ask_page(visit)
        return True

    def _ask_page(self, visit: Visit) -> None:
        assert visit.walk is not None
        visit.fetching = True
        token = visit.page_token
        if token is None:  # a page token holds for its own query only
            visit.listed_from_s = max(0, visit.walk.at_s - 1)
        start_s, stop_s = visit.listed_from_s, visit.walk.stop_s + 1
        self._jobs.append(_Job(visit, lambda: self._fetch(visit.chat_id, start_s, stop_s, token)))

    def _fetch(self, chat_id: str, start_s: int, stop_s: int, token: str | None) -> Page:
        """One page of a timeline; where the tenant refuses to begin at 0, from 2016 on."""
        if start_s == 0 and self._start_refused:
            start_s = FALLBACK_START_S
        try:
            return self._client.fetch_messages(
                "chat", chat_id, start_time_s=start_s, end_time_s=stop_s, page_token=token
            )
        except ParameterRefused as refused:
            if start_s != 0 or token is not None or isinstance(refused, PageTokenRefused):
                raise
            page = self._client.fetch_messages(
                "chat", chat_id, start_time_s=min(FALLBACK_START_S, stop_s), end_time_s=stop_s
            )
            self._start_refused = True
            return page

    def _take_in(self, job: _Job, result: Any) -> None:
        visit = job.visit
        if isinstance(result, BaseException) and not isinstance(result, FeishuError):
            raise result
        if job.is_mode:
            self._take_mode(visit, result)
        elif job.poll is not None:
            visit.requests += 1
            self._take_thread(visit, job.poll, result)
        else:
            visit.requests += 1
            visit.fetching = False
            self._take_page(visit, result)
        self._proceed(visit)

    def _take_mode(self, visit: Visit, result: str | FeishuError | None) -> None:
        visit.fetching = False
        if isinstance(result, StopError | Interrupted):
            self._stop(result)
        elif not isinstance(result, FeishuError):
            visit.mode = result
        if not visit.broken and not self.stopped_by:
            self._ask_page(visit)

    def _take_page(self, visit: Visit, page: Page | FeishuError) -> None:
        if isinstance(page, FeishuError):
            self._fail_page(visit, page)
            return
        self._network_failures = 0
        self._receive(visit, page)
        if visit.broken:
            return
        threads = self._threads_of(visit, page.items)
        for poll in threads:
            if poll.thread_id not in visit.polled:
                self._open_poll(visit, poll)
        visit.note_page(page.items, {p.thread_id for p in threads} & visit.polls.keys())
        if page.stalled or page.next_page_token in visit.tokens:
            self._fail_chat(visit, _no_way_on(f"list messages of chat {visit.chat_id}", page))
            return
        visit.page_token = page.next_page_token
        visit.exhausted = page.next_page_token is None
        if page.next_page_token is not None:
            visit.tokens.add(page.next_page_token)

    def _receive(self, visit: Visit, page: Page, poll: Poll | None = None) -> None:
        visit.listed += len(page.items)
        self._listed_in_slice += len(page.items)
        if self._budget is not None:
            self._budget -= len(page.items)
        server_ms = int((page.server_time_s or self._wanted.as_of_s) * 1_000)
        # What an earlier load began, or owes, claims more than what is wanted now.
        begun_s = visit.walk.start_s if visit.walk else self._wanted.start_s
        owed = begun_s < self._wanted.start_s or (poll is not None and poll.owed)
        self._intake.add(Listed(visit.chat_id, page.items, server_ms, poll is not None, owed))

    def _fail_page(self, visit: Visit, error: FeishuError) -> None:
        if isinstance(error, StopError | Interrupted):
            self._stop(error)
        elif isinstance(error, PageTokenRefused) and visit.restarts < MOST_RESTARTS:
            visit.restarts += 1
            visit.tokens.clear()
            visit.page_token = None  # begins again from the claim, once its pages are settled
        else:
            self._fail_chat(visit, error)

    def _fail_chat(self, visit: Visit, error: FeishuError) -> None:
        visit.fail(error)
        if isinstance(error, RetriesExhausted) and error.network:
            self._network_failures += 1
            if self._network_failures >= MOST_NETWORK_FAILURES:
                self._stop(error)

    def _stop(self, error: FeishuError) -> None:
        self.stopped_by = self.stopped_by or error

    def _proceed(self, visit: Visit) -> None:
        """Claims what is settled, then asks on, cuts, finishes or ends the chat."""
        walk = visit.walk
        if walk is None:
            return
        for page in visit.settled():
            if page.claim_s is not None:
                advance(visit.state, walk, page.claim_s)
            self._intake.claim(visit.chat_id, visit.state)
        if visit.broken or self.stopped_by:
            if visit.at_rest and visit.broken:
                self._end(visit)
        elif not visit.exhausted and not self._may_cut(visit):
            self._ask_on(visit)
        elif visit.at_rest:
            self._finish_or_cut(visit)
        self._tell(visit)

    def _may_cut(self, visit: Visit) -> bool:
        return self._slice_full and visit.grew

    def _ask_on(self, visit: Visit) -> None:
        if visit.fetching or len(visit.pages) >= self._settings.pages_ahead:
            return
        if visit.page_token is None and not visit.at_rest:
            return  # to begin again, the pages under way must be settled first
        self._ask_page(visit)

    def _finish_or_cut(self, visit: Visit) -> None:
        walk = visit.walk
        assert walk is not None
        visit.active = False
        if not visit.exhausted:
            self._due.append(visit)  # cut: the next slice lists again from the claim
            return
        finish(visit.state, walk)
        note_done(visit.done, walk, self._wanted, own=visit.own)
        self._intake.claim(visit.chat_id, visit.state)
        if self._open_next(visit):
            insort(self._due, visit, key=_urgency)
        else:
            self._end(visit)

    def _open_next(self, visit: Visit) -> bool:
        """Opens the chat's next window; False if there is none in this load."""
        visit.walk = next_walk(visit.state, self._wanted, visit.done)
        visit.range_start_s = None
        visit.own = visit.walk is not None and visit.walk not in visit.state.walks.values()
        return visit.walk is not None

    def _end(self, visit: Visit) -> None:
        """The chat's part of this load is over: complete, or with what stands in the way."""
        visit.active = False
        if not visit.broken and visit.problem is None:
            visit.status = "complete"
        visit.walk = None
        self._intake.claim(visit.chat_id, visit.state)
        self._progress.chats_done += 1

    def _tell(self, visit: Visit) -> None:
        progress, counts = self._progress, self._intake.counts
        share = visit.measure()
        progress.range_share += (share - visit.share) / max(1, len(self.visits))
        visit.share = share
        progress.messages, progress.replies = counts.messages, counts.replies
        progress.requests = self._client.stats.requests
        progress.refused = self._client.stats.refused

    # threads

    def _threads_of(self, visit: Visit, items: list[Item]) -> list[Poll]:
        """The threads that a page of the timeline shows, if they are to be polled."""
        if not self._wanted.threads:
            return []
        flat_asked = self._client.flat_topics
        if flat_asked and visit.mode == "topic" and not visit.state.flat:
            visit.state.flat = any(map(_is_flat_reply, items))
        if flat_asked and visit.state.flat:
            return []
        polls: dict[str, Poll] = {}
        for item in items:
            thread_id = item.get("thread_id")
            if isinstance(thread_id, str) and thread_id:
                poll = polls.setdefault(thread_id, Poll(thread_id))
                # The timeline of an ordinary group or a p2p chat shows nothing of a thread but
                # its root, even where that is itself a plain reply.
                if visit.mode in ("group", "p2p") or not is_reply_in_thread(item):
                    poll.set_root(item)
        return list(polls.values())

    def _open_poll(self, visit: Visit, poll: Poll) -> None:
        visit.polled.add(poll.thread_id)
        visit.polls[poll.thread_id] = poll
        visit.threads_polled += 1
        self._ask_thread(visit, poll, None)

    def _ask_thread(self, visit: Visit, poll: Poll, token: str | None) -> None:
        thread_id = poll.thread_id
        self._urgent.append(
            _Job(
                visit,
                lambda: self._client.fetch_messages("thread", thread_id, page_token=token),
                poll,
            )
        )

    def _take_thread(self, visit: Visit, poll: Poll, page: Page | FeishuError) -> None:
        if isinstance(page, FeishuError):
            self._fail_thread(visit, poll, page)
            return
        self._network_failures = 0
        self._receive(visit, page, poll)
        poll.note(page.items)
        if page.stalled or page.next_page_token in poll.tokens:
            self._fail_thread(visit, poll, _no_way_on(f"list thread {poll.thread_id}", page))
            return
        if page.next_page_token is not None:
            poll.tokens.add(page.next_page_token)
            self._ask_thread(visit, poll, page.next_page_token)
            return
        visit.state.hot_threads.pop(poll.thread_id, None)
        until_ms = self._intake.bounds.until_ms
        if until_ms is not None and poll.newest_ms >= until_ms and visit.walk:
            forget_threads(visit.state, visit.walk)
        self._end_poll(visit, poll, None)

    def _fail_thread(self, visit: Visit, poll: Poll, error: FeishuError) -> None:
        if isinstance(error, StopError | Interrupted):
            self._stop(error)  # its page stays unclaimed
            return
        if isinstance(error, ThreadRefused):
            visit.state.hot_threads.pop(poll.thread_id, None)
        elif isinstance(error, ChatRefused) or not self._owe(visit, poll):
            visit.pages.clear()  # what waits for this thread cannot be claimed
            self._fail_chat(visit, error)
        else:
            visit.problem = visit.problem or error
        self._end_poll(visit, poll, error)

    def _owe(self, visit: Visit, poll: Poll) -> bool:
        """Remembers a thread as still to be read; False if the chat owes too many."""
        owed = visit.state.hot_threads
        if len(visit.state.owed) >= MOST_OWED_THREADS and owed.get(poll.thread_id) != 0:
            return False
        owed[poll.thread_id] = 0
        return True

    def _end_poll(self, visit: Visit, poll: Poll, error: FeishuError | None) -> None:
        visit.end_poll(poll.thread_id)
        now_ms = int((self._client.server_time_s or self._wanted.as_of_s) * 1_000)
        self._intake.add_rows(THREADS, [thread_row(visit.chat_id, poll, now_ms, error)])


def _no_way_on(what: str, page: Page) -> ReplyBroken:
    """The server promises more and gives no new page token: what follows cannot be claimed."""
    return ReplyBroken(what, msg="has_more without a new page_token", log_id=page.log_id)


def _is_flat_reply(item: Item) -> bool:
    """True for a reply in the timeline itself, not for the copy of one that was sent there too."""
    return is_reply_in_thread(item) and not item.get("sync_to_chat_info")


def _urgency(visit: Visit) -> tuple[int, int]:
    """Heads first, oldest claim first; then first loads; then rereadings, open ones first."""
    walk, state = visit.walk, visit.state
    if walk is not None and walk.kind in ("head", "window"):
        return 0, state.covered_until_s or 0
    if not state.finished_before:
        return 1, 0
    return 2, 0 if walk is not None and walk.kind in state.walks else 1
