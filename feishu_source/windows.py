"""A chat is read window by window: what may be claimed of it, and whether it is cut, or at its end.

In: visits, and what the reader took in for them. Out: states whose claims hold, and what is to
become of the chat. Refuses to know which chat comes next.

A page's rows go out as they come. Its claim waits until the threads of its roots were read and its
merged forwards opened, or are owed, and until all earlier pages are claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from feishu_source.api import Client
from feishu_source.batch import Intake
from feishu_source.coverage import (
    OpenWalk,
    Wanted,
    advance,
    finish,
    next_walk,
    note_done,
    note_newest,
)
from feishu_source.idle import IdleChats
from feishu_source.reaction_debt import give_back, open_again
from feishu_source.reader import Reader
from feishu_source.settings import Settings
from feishu_source.visit import Visit

Outcome = Literal["cut", "next", "end"] | None
"""What became of a chat: its window is cut here, or finished with another one due, or nothing more
is due in this load. None: it is still being read."""


class Windows:
    """Reads the open window of each chat; `is_full` tells whether the slice is.

    `got_on`: a page, a window or a thread was done.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        wanted: Wanted,
        intake: Intake,
        reader: Reader,
        idle: IdleChats,
        is_full: Callable[[], bool],
    ) -> None:
        self._client = client
        self._settings = settings
        self._wanted = wanted
        self._intake = intake
        self._reader = reader
        self._idle = idle
        self._is_full = is_full
        self.got_on = False

    def open_next(self, visit: Visit) -> bool:
        """Opens the chat's next window; False if there is none in this load."""
        visit.walk = next_walk(visit.chat_id, visit.state, self._wanted, visit.done)
        if visit.walk is None and not self._reader.reactions.out:
            visit.walk = open_again(visit.state, self._wanted)
        visit.range_start_s, visit.listing = None, None
        if visit.walk and visit.walk.kind in ("sweep", "again") and visit.problem is None:
            visit.status = "complete"  # up to the pinned end; what is older is only read again
        visit.own = visit.walk is not None and visit.walk not in visit.state.walks.values()
        return visit.walk is not None

    def proceed(self, visit: Visit) -> Outcome:
        """Claims what is settled, then asks on, cuts, finishes or ends the chat."""
        walk = visit.walk
        if walk is None:
            return None
        self._claim_settled(visit, walk)
        while self._may_take(visit):
            self._reader.take_page(visit)
            self._claim_settled(visit, walk)
        self.got_on = self.got_on or visit.grew or self._reader.settled > 0
        if visit.broken or self._reader.reception.stopped_by:
            return "end" if visit.at_rest and visit.broken else None
        if walk.kind == "again" and self._reader.reactions.out:
            return self._give_up(visit, walk) if visit.at_rest else None
        if not visit.exhausted and not self._may_cut(visit):
            self._ask_on(visit)
            return None
        return self._finish_or_cut(visit, walk) if visit.at_rest else None

    def _give_up(self, visit: Visit, walk: OpenWalk) -> Outcome:
        """Reads no further what is read for its reactions alone, since none are given now."""
        give_back(visit.state, walk)
        visit.listing = visit.walk = None
        return "end"

    def _claim_settled(self, visit: Visit, walk: OpenWalk) -> None:
        for page in visit.settled():
            if page.claim_s is not None:
                advance(visit.state, walk, page.claim_s)
            self._intake.claim(visit.chat_id, visit.state)

    def _may_take(self, visit: Visit) -> bool:
        """True if the page whose turn it is has come; one that was read ahead waits for its slice.

        Nor are more taken than may wait for their threads.
        """
        listing = visit.listing
        if (
            listing is None
            or not listing.now.ready
            or visit.broken
            or self._reader.reception.stopped_by
        ):
            return False
        if visit.asking_mode or self._reader.reactions.behind:
            return False
        if len(visit.pages) >= self._settings.pages_ahead:
            return False
        return not (listing.holds_more and self._may_cut(visit))

    def _may_cut(self, visit: Visit) -> bool:
        return bool(self._client.budget.spent) or (self._is_full() and visit.grew)

    def _ask_on(self, visit: Visit) -> None:
        if visit.asking_mode:
            return
        if visit.listing is None:
            if not visit.at_rest:
                return  # to begin again, the pages under way must be settled first
            visit.list_from_claim()
        listing, settings = visit.listing, self._settings
        assert listing is not None
        holds_a_batch = listing.held_bytes >= settings.batch_bytes
        for stretch in (listing.now, *listing.ahead):
            waiting, most = len(stretch.ready), settings.stretch_pages
            if stretch is listing.now:
                waiting, most = waiting + len(visit.pages), settings.pages_ahead
            elif holds_a_batch:
                return  # of long messages; more would be no faster, and heap up
            if not (stretch.fetching or stretch.listed) and waiting < most:
                self._reader.ask_page(visit, stretch)

    def _finish_or_cut(self, visit: Visit, walk: OpenWalk) -> Outcome:
        if not visit.exhausted:
            return "cut"
        finish(visit.state, walk, self._wanted.ladder)
        self.got_on = True
        note_done(visit.done, walk, self._wanted, own=visit.own)
        if visit.own and walk.kind in ("first", "head", "sweep"):
            note_newest(visit.state, walk, visit.newest_s)
        if walk.kind == "head" and visit.own:
            self._idle.learn(visit.chat_id)
        self._intake.claim(visit.chat_id, visit.state)
        return "next" if self.open_next(visit) else "end"

    def end(self, visit: Visit) -> None:
        """The chat's part of this load is over: complete, or with what stands in the way."""
        if not visit.broken:
            visit.walk = None  # else it tells what is still to be read
            if visit.problem is None:
                visit.status = "complete"
        self._idle.give_up(visit.chat_id)
        self._reader.opener.forget(visit.state)
        if visit.status != "partial":
            visit.state.troubled = visit.status != "complete"
        self.claim(visit)

    def claim(self, visit: Visit) -> None:
        """Notes what stands in the chat's state, if anything is claimed in it."""
        state = visit.state
        known = state.hot_threads or state.forwards or state.owed_forwards
        if state.covered_until_s is not None or known:  # a mistyped id is not kept
            self._intake.claim(visit.chat_id, state)
