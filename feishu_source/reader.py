"""Asks for the pages of the chats that are being read; whatever comes back is handed on from here.

In: visits, and the answers to what was asked for them. Out: rows into the intake, and in each visit
what has settled, what is owed and what stands in the way. Refuses to know which chat comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from feishu_source.api import Client, Page
from feishu_source.batch import Intake
from feishu_source.coverage import Wanted
from feishu_source.errors import (
    FeishuError,
    Interrupted,
    PageTokenRefused,
    ParameterRefused,
    RequestsSpent,
    RetriesExhausted,
    ScopeMissing,
    StopError,
)
from feishu_source.opener import Opener
from feishu_source.reactions import Reactions
from feishu_source.reception import Reception
from feishu_source.settings import FALLBACK_START_S
from feishu_source.stretches import Stretch
from feishu_source.threads import Threads
from feishu_source.visit import Opening, Visit
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
    """Asks and takes in, for all visits of a load."""

    def __init__(
        self, client: Client, wanted: Wanted, intake: Intake, modes: Modes, workers: Workers
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._modes = modes
        self._workers = workers
        self._start_refused = False
        self.opener = Opener(client, wanted, intake, workers)
        self.reactions = Reactions(client, wanted, intake, workers)
        self.reception = Reception(client, wanted, intake, self.opener, self.reactions)
        self.threads = Threads(client, wanted, intake, workers, self.reception)

    @property
    def settled(self) -> int:
        """Polls that reached their stop, and forwards that were opened."""
        return self.threads.settled + self.opener.settled

    def open_held(self, visits: Mapping[str, Visit]) -> None:
        """Opens the forwards that the last slice had to hold."""
        for one in self._intake.take_unopened():
            self.opener.take_listed(visits[one.listed.chat_id], one)
        self.reactions.note_held(visits)

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
        self.threads.ask_known(visit)

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
        if job.kind != "mode":  # which may have been known
            self.reception.note_answer(result)
        if job.kind == "mode":
            self._take_mode(visit, result)
        elif job.opening is not None:
            visit.requests += result is not self.opener.closed
            self._take_forward(visit, job.opening, result)
        elif job.reactions is not None:
            if isinstance(result, StopError | Interrupted):
                self.reception.stop(result)
            else:
                self.reactions.take(job.reactions, result)
        elif job.poll is not None:
            visit.requests += 1
            self.threads.take(visit, job.poll, result)
        elif job.stretch is not None:
            visit.requests += 1
            visit.fetching -= 1
            self._take_page(visit, job.stretch, result)

    def _take_mode(self, visit: Visit, result: str | FeishuError | None) -> None:
        visit.fetching, visit.asking_mode = visit.fetching - 1, False
        if isinstance(result, StopError | Interrupted):
            self.reception.stop(result)
        elif not isinstance(result, FeishuError):
            visit.mode = result
        if not visit.broken and not self.reception.stopped_by:
            self.ask_first_page(visit)

    def _take_page(self, visit: Visit, stretch: Stretch, page: Page | FeishuError) -> None:
        stretch.fetching = False
        listing = visit.listing
        if listing is None or stretch not in listing or stretch.listed:
            return  # the listing began again, or another stretch has overtaken this one
        is_ahead = stretch is not listing.now
        if isinstance(page, StopError | Interrupted):
            self.reception.stop(page)
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
        forwards = self.reception.receive(visit, page)
        if visit.broken:
            return
        visit.note_page(page.items, self.threads.show(visit, page.items) | forwards)
        if stretch.broken_off and not stretch.ready:
            self.reception.fail(visit, page.broken_off(f"list messages of chat {visit.chat_id}"))

    def _fail_page(self, visit: Visit, error: FeishuError) -> None:
        if isinstance(error, PageTokenRefused) and visit.restarts < MOST_RESTARTS:
            visit.restarts += 1
            visit.listing = None  # begins again from the claim, once its pages are settled
        else:
            self.reception.fail(visit, error)

    # merged forwards

    def _take_forward(self, visit: Visit, opening: Opening, result: Any) -> None:
        if isinstance(result, Interrupted | StopError) and not isinstance(result, ScopeMissing):
            self.reception.stop(result)  # its page stays unclaimed
            return
        no_answer = isinstance(result, RetriesExhausted)
        may_owe = self.opener.may_owe(visit.state, opening.message_id)
        if isinstance(result, RequestsSpent) or (no_answer and not may_owe):
            self._leave_unopened(visit, opening, result)
            return
        self.opener.take(visit, opening, result)
        self.reactions.note(visit)
        for poll in visit.end_opening(opening.message_id):
            self.threads.conclude(visit, poll)

    def _leave_unopened(self, visit: Visit, opening: Opening, error: FeishuError) -> None:
        """What it was listed in cannot be claimed: the next load lists it again."""
        in_page = any(opening.message_id in page.waits_for for page in visit.pages)
        polls = visit.polls_with(opening)
        visit.end_opening(opening.message_id)
        if in_page:
            visit.pages.clear()
            self.reception.fail(visit, error)
        for poll in polls:
            self.threads.fail(visit, poll, error)
