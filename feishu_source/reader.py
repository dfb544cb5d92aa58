"""Asks for the pages and threads of the chats that are being read, takes in what comes back.

In: visits, and the answers to what was asked for them. Out: rows into the intake, and in each visit
what has settled, what is owed and what stands in the way. Refuses to know which chat comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from feishu_source.api import Client, Page
from feishu_source.batch import Intake, Listed
from feishu_source.coverage import ChatState, Wanted, forget_threads
from feishu_source.errors import (
    ChatRefused,
    FeishuError,
    Interrupted,
    MalformedId,
    PageTokenRefused,
    ParameterRefused,
    RequestsSpent,
    RetriesExhausted,
    ScopeMissing,
    StopError,
    ThreadRefused,
    is_lost,
)
from feishu_source.hot import OWED, cool_early, due, owe, refuse, settle, stop_ms
from feishu_source.opener import Opener
from feishu_source.reactions import Reactions
from feishu_source.rows import Item
from feishu_source.settings import FALLBACK_START_S
from feishu_source.status import EndedPoll, thread_row
from feishu_source.stretches import Stretch
from feishu_source.visit import Opening, Poll, Visit, is_flat_reply, is_reply_in_thread
from feishu_source.workers import Job, Workers

STEP_BACK_S = 2
"""A listing begins so long before what is claimed: one second because nobody tells whether a start
is inclusive, one because a start inside a second is claimed from the next one on."""

MOST_RESTARTS = 3
"""Times a listing is begun again in a slice because its page token was refused."""


class Modes(Protocol):
    """Who knows a chat's mode, and may have to ask for it."""

    def mode_of(self, chat_id: str) -> str | None:
        """`group`, `topic`, `p2p`, or None where the platform does not tell."""


class Reader:
    """Asks and takes in, for all visits of a load.

    `listed` counts the items that came.
    """

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
        self._ended: dict[str, EndedPoll] = {}
        self._threads_settled = 0
        self.opener = Opener(client, wanted, intake, workers)
        self.reactions = Reactions(client, wanted, intake, workers)
        self.listed = 0
        self.stopped_by: FeishuError | None = None

    @property
    def settled(self) -> int:
        """Polls that reached their stop, and forwards that were opened."""
        return self._threads_settled + self.opener.settled

    def open_held(self, visits: Mapping[str, Visit]) -> None:
        """Opens the forwards that the last slice had to hold."""
        for one in self._intake.take_unopened():
            self.opener.take_listed(visits[one.listed.chat_id], one)
        self.reactions.note_held(visits)

    def take_threads(self) -> list[tuple[Any, ...]]:
        """Rows of `threads` since the last call: one a thread, of its last poll."""
        ended, self._ended = self._ended, {}
        # One that never showed its root is left out: the thread's last row is worth more.
        return [thread_row(each) for each in ended.values() if each.poll.root_id is not None]

    def begin(self, visit: Visit) -> None:
        """Asks for threads that are owed or hot, once a load, and for the window's first page.

        An unknown mode is worth a request, since topic groups need no polls; but not one of few:
        each chat's could be asked for, and no page.
        """
        if visit.mode is None and not self._client.budget.bounded:
            visit.fetching, visit.asking_mode = visit.fetching + 1, True
            self._workers.add(Job("mode", visit, partial(self._modes.mode_of, visit.chat_id)))
        else:
            self.ask_first_page(visit)
        self._workers.start()  # what is new goes first, should requests run short
        self.opener.ask_owed(visit)
        if self._wanted.threads:
            self._ask_known(visit)

    def _ask_known(self, visit: Visit) -> None:
        """Owed threads, and with a head the hot ones.

        The head is not finished before they are read, and an open one is gone on with by the next
        load from the same start: so a load that dies in between skips no poll that was due.
        """
        state, walk = visit.state, visit.walk
        threads: list[Poll] = []
        if not visit.owed_asked:
            visit.owed_asked = True
            threads += [self._owed_poll(visit, thread_id) for thread_id in state.owed]
        if not visit.hot_asked and walk is not None and walk.kind == "head":
            visit.hot_asked = True
            wanted = self._wanted
            hot = due(state.hot_threads, visit.polled_s, wanted.as_of_s, wanted.hot)
            threads += [self._hot_poll(visit, thread_id) for thread_id in hot]
        for poll in threads:
            self._open_poll(visit, poll)

    def _owed_poll(self, visit: Visit, thread_id: str) -> Poll:
        """A poll of an owed thread: whole, or as far as the last one should have gone."""
        if visit.state.hot_threads[thread_id] < OWED:
            return self._hot_poll(visit, thread_id)
        return Poll(thread_id, None, visit.state.root_times_ms.get(thread_id), owed=True)

    def _hot_poll(self, visit: Visit, thread_id: str) -> Poll:
        """A poll of a hot thread: newest first, down to what was known and to the head's start."""
        head_start_s = visit.walk.start_s if visit.walk else 0
        return Poll(
            thread_id,
            root_time_ms=visit.state.root_times_ms.get(thread_id),
            owed=True,
            stop_ms=stop_ms(visit.state.hot_threads[thread_id], head_start_s),
        )

    def ask_first_page(self, visit: Visit) -> None:
        """Asks for the page with which a listing begins, if none of it has come yet."""
        now = visit.listing and visit.listing.now
        if now and not (now.pages or now.fetching):
            self.ask_page(visit, now)

    def ask_page(self, visit: Visit, stretch: Stretch) -> None:
        """Asks for the next page of a stretch of the open window."""
        visit.fetching += 1
        stretch.fetching = True
        start_s, stop_s = max(0, stretch.start_s - STEP_BACK_S), stretch.stop_s + 1
        call = partial(self._fetch, visit.chat_id, start_s, stop_s, stretch.page_token)
        self._workers.add(Job("page", visit, call, stretch=stretch))

    def _fetch(self, chat_id: str, start_s: int, stop_s: int, token: str | None) -> Page:
        """One page of a timeline; where the tenant refuses to begin at 0, from 2016 on."""
        if start_s == 0 and self._start_refused:
            start_s = min(FALLBACK_START_S, stop_s)
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
        # Any answer, a refusal too, shows that the network is up; a mode may have been known.
        if job.kind != "mode" and not is_lost(result):
            self._network_failures = 0
        if job.kind == "mode":
            self._take_mode(visit, result)
        elif job.opening is not None:
            visit.requests += result is not self.opener.refused
            self._take_forward(visit, job.opening, result)
        elif job.reactions is not None:
            if isinstance(result, StopError | Interrupted):
                self.stop(result)
            else:
                self.reactions.take(job.reactions, result)
        elif job.poll is not None:
            visit.requests += 1
            self._take_thread(visit, job.poll, result)
        elif job.stretch is not None:
            visit.requests += 1
            visit.fetching -= 1
            self._take_page(visit, job.stretch, result)

    def _take_mode(self, visit: Visit, result: str | FeishuError | None) -> None:
        visit.fetching, visit.asking_mode = visit.fetching - 1, False
        if isinstance(result, StopError | Interrupted):
            self.stop(result)
        elif not isinstance(result, FeishuError):
            visit.mode = result
        if not visit.broken and not self.stopped_by:
            self.ask_first_page(visit)

    def _take_page(self, visit: Visit, stretch: Stretch, page: Page | FeishuError) -> None:
        stretch.fetching = False
        listing = visit.listing
        if listing is None or stretch not in listing or stretch.listed:
            return  # the listing began again, or another stretch has overtaken this one
        is_ahead = stretch is not listing.now
        if isinstance(page, StopError | Interrupted):
            self.stop(page)
        elif is_ahead and (isinstance(page, FeishuError) or page.stalled):
            listing.drop(stretch)
        elif isinstance(page, FeishuError):
            self._fail_page(visit, page)
        else:
            listing.note(stretch, page)

    def take_page(self, visit: Visit) -> None:
        """Takes in the page whose turn it is: its rows, and the threads that it shows."""
        listing = visit.listing
        assert listing is not None
        stretch, page = listing.now, listing.take()
        forwards = self._receive(visit, page)
        if visit.broken:
            return
        threads = self._threads_of(visit, page.items)
        for poll in threads:
            self._tell_root(visit, poll)
            if poll.thread_id not in visit.polls and not visit.was_polled(poll):
                self._open_poll(visit, poll)
        waits_for = {poll.thread_id for poll in threads} & visit.polls.keys()
        visit.note_page(page.items, waits_for | forwards)
        if stretch.broken_off and not stretch.ready:
            self._fail_chat(visit, page.broken_off(f"list messages of chat {visit.chat_id}"))

    def _receive(self, visit: Visit, page: Page, poll: Poll | None = None) -> set[str]:
        """Takes the items in; the merged forwards among them that are still being opened."""
        visit.listed += len(page.items)
        self.listed += len(page.items)
        server_ms = int((page.server_time_s or self._wanted.as_of_s) * 1_000)
        # What an earlier load began, or owes, claims more than what is wanted now.
        begun_s = visit.walk.start_s if visit.walk else self._wanted.start_s
        owed = begun_s < self._wanted.start_s or (poll is not None and poll.owed)
        self._intake.add(Listed(visit.chat_id, page.items, server_ms, poll is not None, owed))
        for one in self._intake.take_unopened():
            self.opener.take_listed(visit, one)
        self.reactions.note(visit, poll)
        if not visit.openings:
            return set()
        ids = {
            message_id
            for each in page.items
            if isinstance(message_id := each.get("message_id"), str)
        }
        return ids & visit.openings.keys()

    def _fail_page(self, visit: Visit, error: FeishuError) -> None:
        if isinstance(error, PageTokenRefused) and visit.restarts < MOST_RESTARTS:
            visit.restarts += 1
            visit.listing = None  # begins again from the claim, once its pages are settled
        else:
            self._fail_chat(visit, error)

    def _fail_chat(self, visit: Visit, error: FeishuError) -> None:
        visit.fail(error)
        if is_lost(error):
            self._network_failures += 1
            if self._network_failures >= self._client.settings.most_chats_lost:
                self.stop(error)

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way; the first reason counts."""
        self.stopped_by = self.stopped_by or error
        self._client.cancel()  # nobody waits for another attempt

    # threads

    def _threads_of(self, visit: Visit, items: list[Item]) -> list[Poll]:
        """The threads that a page of the timeline shows, if they are to be polled."""
        if not self._wanted.threads:
            return []
        flat_asked = self._client.flat_topics
        if visit.state.flat and not flat_asked:  # nobody knows since when replies are left out
            visit.state.flat = False
            if visit.walk:
                forget_threads(visit.state, visit.walk)
        if flat_asked and visit.mode == "topic" and not visit.state.flat:
            visit.state.flat = any(map(is_flat_reply, items))
            if visit.state.flat:
                visit.state.hot_threads = dict.fromkeys(visit.state.owed, OWED)
        if flat_asked and visit.state.flat:
            return []
        polls: dict[str, Poll] = {}
        for item in items:
            thread_id = item.get("thread_id")
            if isinstance(thread_id, str) and thread_id:
                poll = polls.get(thread_id) or self._poll_of(visit, thread_id)
                polls[thread_id] = poll
                # The timeline of an ordinary group or a p2p chat shows nothing of a thread but
                # its root, even where that is itself a plain reply.
                if visit.mode in ("group", "p2p") or not is_reply_in_thread(item):
                    poll.set_root(item)
        return list(polls.values())

    def _tell_root(self, visit: Visit, shown: Poll) -> None:
        """Tells a poll of this slice, under way or ended, the root that the timeline shows."""
        ended = self._ended.get(shown.thread_id)
        poll = visit.polls.get(shown.thread_id) or (ended and ended.poll)
        if poll and shown.root_id:
            poll.root_id, poll.root_time_ms = shown.root_id, shown.root_time_ms
            if shown.thread_id in visit.state.root_times_ms:
                visit.state.root_times_ms[shown.thread_id] = shown.root_time_ms or 0

    def _poll_of(self, visit: Visit, thread_id: str) -> Poll:
        """In a head a hot thread is read down to what is known; any other is read whole."""
        is_head = visit.walk is not None and visit.walk.kind == "head"
        if is_head and visit.state.hot_threads.get(thread_id):
            return self._hot_poll(visit, thread_id)
        return Poll(thread_id)

    def _open_poll(self, visit: Visit, poll: Poll) -> None:
        visit.polled[poll.thread_id] = poll.stop_ms is None
        visit.polls[poll.thread_id] = poll
        visit.threads_polled += 1
        self._ask_thread(visit, poll, None)

    def _ask_thread(self, visit: Visit, poll: Poll, token: str | None) -> None:
        fetch = self._client.fetch_messages
        newest_first = poll.stop_ms is not None
        call = partial(fetch, "thread", poll.thread_id, descending=newest_first, page_token=token)
        self._workers.add(Job("thread", visit, call, poll))

    def _take_thread(self, visit: Visit, poll: Poll, page: Page | FeishuError) -> None:
        if isinstance(page, FeishuError):
            self._fail_thread(visit, poll, page)
            return
        for message_id in self._receive(visit, page, poll):
            visit.openings[message_id].polls.append(poll)
            poll.waits_for.add(message_id)
        poll.note(page.items)
        if page.stalled or page.next_page_token in poll.tokens:
            self._fail_thread(visit, poll, page.broken_off(f"list thread {poll.thread_id}"))
            return
        if page.next_page_token is not None and not poll.reached(page.items):
            poll.tokens.add(page.next_page_token)
            self._ask_thread(visit, poll, page.next_page_token)
            return
        poll.at_end = True
        if not poll.waits_for:
            self._conclude(visit, poll)

    def _conclude(self, visit: Visit, poll: Poll) -> None:
        """The thread was read, and what is forwarded in it."""
        self._settle(visit.state, poll)
        until_ms = self._intake.bounds.until_ms
        if until_ms is not None and poll.newest_ms >= until_ms and visit.walk:
            forget_threads(visit.state, visit.walk)
        self._end_poll(visit, poll, None)

    def _settle(self, state: ChatState, poll: Poll) -> None:
        """The thread was read to its stop: it is hot from its newest reply on, or no longer."""
        thread_id, rule = poll.thread_id, self._wanted.hot
        self._threads_settled += 1
        settle(state.hot_threads, thread_id, poll.newest_ms, self._wanted.as_of_s, rule)
        if thread_id in state.hot_threads and (poll.pages > 1 or not poll.root_listed):
            state.root_times_ms[thread_id] = poll.root_time_ms or 0
        if len(state.hot_threads) > rule.most + rule.most_owed:
            state.hot_since_ms = cool_early(state.hot_threads, rule) or state.hot_since_ms
        if len(state.root_times_ms) > len(state.hot_threads):
            known = state.root_times_ms.items()
            state.root_times_ms = {k: ms for k, ms in known if k in state.hot_threads}

    def _fail_thread(self, visit: Visit, poll: Poll, error: FeishuError) -> None:
        if isinstance(error, StopError | Interrupted):
            self.stop(error)  # its page stays unclaimed
            return
        if isinstance(error, ThreadRefused | MalformedId):
            wanted = self._wanted
            refuse(visit.state.hot_threads, poll.thread_id, wanted.as_of_s, wanted.hot)
        elif isinstance(error, ChatRefused) or not self._owe(visit, poll):
            visit.pages.clear()  # what waits for this thread cannot be claimed
            self._fail_chat(visit, error)
        else:
            visit.leave_owed(error)
        self._end_poll(visit, poll, error)

    def _owe(self, visit: Visit, poll: Poll) -> bool:
        """Remembers a thread as still to be read; False if the chat owes too many.

        One that is in the state already makes it no larger.
        """
        known = visit.state.hot_threads
        if len(visit.state.owed) >= self._wanted.hot.most_owed and poll.thread_id not in known:
            return False
        owe(known, poll.thread_id, poll.stop_ms, begun=poll.pages > 0)
        if poll.root_time_ms:  # by then the root may be older than what is listed
            visit.state.root_times_ms[poll.thread_id] = poll.root_time_ms
        return True

    def _end_poll(self, visit: Visit, poll: Poll, error: FeishuError | None) -> None:
        visit.end_poll(poll.thread_id)
        if isinstance(error, RequestsSpent):
            return  # nothing was learnt of it
        now_ms = int((self._client.server_time_s or self._wanted.as_of_s) * 1_000)
        self._ended[poll.thread_id] = EndedPoll(visit.chat_id, poll, now_ms, error)

    # merged forwards

    def _take_forward(self, visit: Visit, opening: Opening, result: Any) -> None:
        if isinstance(result, Interrupted | StopError) and not isinstance(result, ScopeMissing):
            self.stop(result)  # its page stays unclaimed
            return
        no_answer = isinstance(result, RetriesExhausted)
        may_owe = self.opener.may_owe(visit.state, opening.message_id)
        if isinstance(result, RequestsSpent) or (no_answer and not may_owe):
            self._leave_unopened(visit, opening, result)
            return
        self.opener.take(visit, opening, result)
        self.reactions.note(visit)
        for poll in visit.end_opening(opening.message_id):
            self._conclude(visit, poll)

    def _leave_unopened(self, visit: Visit, opening: Opening, error: FeishuError) -> None:
        """What it was listed in cannot be claimed: the next load lists it again."""
        in_page = any(opening.message_id in page.waits_for for page in visit.pages)
        polls = visit.polls_with(opening)
        visit.end_opening(opening.message_id)
        if in_page:
            visit.pages.clear()
            self._fail_chat(visit, error)
        for poll in polls:
            self._fail_thread(visit, poll, error)
