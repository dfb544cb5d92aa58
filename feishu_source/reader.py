"""Asks for the pages and threads of the chats that are being read, takes in what comes back.

In: visits, and the answers to what was asked for them. Out: rows into the intake, and in each visit
what has settled, what is owed and what stands in the way. Refuses to know which chat comes next.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from feishu_source.api import Client, Page
from feishu_source.batch import Intake, Listed
from feishu_source.coverage import Wanted, forget_threads
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
from feishu_source.rows import Item
from feishu_source.settings import FALLBACK_START_S, MOST_NETWORK_FAILURES, MOST_OWED_THREADS
from feishu_source.status import thread_row
from feishu_source.tables import THREADS
from feishu_source.visit import Poll, Visit, is_reply_in_thread
from feishu_source.workers import Job, Workers

MOST_RESTARTS = 3
"""Times a listing is begun again in a slice because its page token was refused."""


class Modes(Protocol):
    """Who knows a chat's mode, and may have to ask for it."""

    def mode_of(self, chat_id: str) -> str | None:
        """`group`, `topic`, `p2p`, or None where the platform does not tell."""


class Reader:
    """Asks and takes in, for all visits of a load; `listed` counts the items that came."""

    def __init__(
        self, client: Client, wanted: Wanted, intake: Intake, modes: Modes, workers: Workers
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._modes = modes
        self._workers = workers
        self._start_refused = False
        self._network_failures = 0
        self.listed = 0
        self.stopped_by: FeishuError | None = None

    def begin(self, visit: Visit) -> None:
        """Asks for the threads the chat owes, once a load, and for the first page of its window."""
        if self._wanted.threads and not visit.owed_asked:
            visit.owed_asked = True
            for thread_id in visit.state.owed:
                self._open_poll(visit, Poll(thread_id, owed=True))
        if visit.mode is None:
            visit.fetching = True
            self._workers.add(Job("mode", visit, partial(self._modes.mode_of, visit.chat_id)))
        else:
            self.ask_page(visit)

    def ask_page(self, visit: Visit) -> None:
        """Asks for the next page of the open window, from the claim on if there is no token."""
        assert visit.walk is not None
        visit.fetching = True
        token = visit.page_token
        if token is None:  # a page token holds for its own query only
            visit.listed_from_s = max(0, visit.walk.at_s - 1)
        start_s, stop_s = visit.listed_from_s, visit.walk.stop_s + 1
        call = partial(self._fetch, visit.chat_id, start_s, stop_s, token)
        self._workers.add(Job("page", visit, call))

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

    def take_in(self, job: Job, result: Any) -> None:
        """Takes in a page, a thread's page or a mode, or the error that came in its place.

        Raises:
            BaseException: a worker ended with an error that is not one of this package.
        """
        visit = job.visit
        if isinstance(result, BaseException) and not isinstance(result, FeishuError):
            raise result
        if job.kind == "mode":
            self._take_mode(visit, result)
        elif job.poll is not None:
            visit.requests += 1
            self._take_thread(visit, job.poll, result)
        else:
            visit.requests += 1
            visit.fetching = False
            self._take_page(visit, result)

    def _take_mode(self, visit: Visit, result: str | FeishuError | None) -> None:
        visit.fetching = False
        if isinstance(result, StopError | Interrupted):
            self.stop(result)
        elif not isinstance(result, FeishuError):
            visit.mode = result
        if not visit.broken and not self.stopped_by:
            self.ask_page(visit)

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
        self.listed += len(page.items)
        server_ms = int((page.server_time_s or self._wanted.as_of_s) * 1_000)
        # What an earlier load began, or owes, claims more than what is wanted now.
        begun_s = visit.walk.start_s if visit.walk else self._wanted.start_s
        owed = begun_s < self._wanted.start_s or (poll is not None and poll.owed)
        self._intake.add(Listed(visit.chat_id, page.items, server_ms, poll is not None, owed))

    def _fail_page(self, visit: Visit, error: FeishuError) -> None:
        if isinstance(error, StopError | Interrupted):
            self.stop(error)
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
                self.stop(error)

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way; the first reason counts."""
        self.stopped_by = self.stopped_by or error

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
        fetch = self._client.fetch_messages
        call = partial(fetch, "thread", poll.thread_id, page_token=token)
        self._workers.add(Job("thread", visit, call, poll))

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
            self.stop(error)  # its page stays unclaimed
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
