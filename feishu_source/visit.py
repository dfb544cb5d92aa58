"""One chat in one load: what is being read of it, and what has still to come back.

In: pages as they arrive. Out: how far the chat's claim may move. Refuses to do I/O; the walk owns
all visits and touches them on one thread only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from feishu_source.batch import Unopened
from feishu_source.coverage import ChatState, Kind, OpenWalk
from feishu_source.errors import ApiError, ChatRefused, FeishuError, RequestsSpent
from feishu_source.fields import parse_int, parse_ms, text_or_none
from feishu_source.report import ChatProblem, Status
from feishu_source.rows import Item
from feishu_source.stretches import Listing

ROOT_POSITION = -1
"""`thread_message_position` of a root; replies count from 0 (undocumented, may be missing)."""


def is_reply_in_thread(item: Item) -> bool:
    """True if the item is a reply in its thread, as far as the item itself can tell."""
    if not item.get("thread_id"):
        return False
    position = parse_int(item.get("thread_message_position"))
    return position != ROOT_POSITION if position is not None else bool(item.get("root_id"))


def is_flat_reply(item: Item) -> bool:
    """True for a reply in the timeline itself, not for the copy of one that was sent there too."""
    return is_reply_in_thread(item) and not item.get("sync_to_chat_info")


@dataclass(slots=True)
class Poll:
    """One thread while it is being read, page by page.

    Whole, the oldest message first; or, if there is a `stop_ms`, the newest first down to a page
    with a message older than that.

    `root_id`, `root_time_ms`: from the timeline where it shows the root; an owed thread learns
    them from the thread itself. `newest_ms`: the newest reply seen. `owed`: what it brings was due
    before this load. `at_end`: its last page came, `waits_for`: merged forwards in it that are not
    opened yet.
    """

    thread_id: str
    root_id: str | None = None
    root_time_ms: int | None = None
    newest_ms: int = 0
    owed: bool = False
    stop_ms: int | None = None
    pages: int = field(default=0, compare=False)
    root_listed: bool = field(default=False, compare=False)
    tokens: set[str] = field(default_factory=set)
    at_end: bool = field(default=False, compare=False)
    waits_for: set[str] = field(default_factory=set, compare=False)

    def set_root(self, item: Item) -> None:
        """Learns the root from the timeline."""
        self.root_id = text_or_none(item.get("message_id"))
        self.root_time_ms = parse_ms(item.get("create_time"))

    def note(self, items: list[Item]) -> None:
        """Learns root and newest reply from items of the thread."""
        self.pages += 1
        for item in items:
            if self._is_root(item):
                self.set_root(item)
                self.root_listed = True
            else:
                self.newest_ms = max(self.newest_ms, parse_ms(item.get("create_time")) or 0)
                self.root_id = self.root_id or text_or_none(item.get("root_id"))

    def reached(self, items: list[Item]) -> bool:
        """True if a poll that reads newest first may end with these items."""
        if self.stop_ms is None or self.root_time_ms is None:
            return False
        times = (parse_ms(item.get("create_time")) for item in items)
        return any(created is not None and created < self.stop_ms for created in times)

    def _is_root(self, item: Item) -> bool:
        # A root may itself be a plain reply to another message, so its root_id tells nothing.
        if self.root_id is not None:
            return text_or_none(item.get("message_id")) == self.root_id
        return not is_reply_in_thread(item)


@dataclass(slots=True)
class Opening:
    """A merged forward that was asked for: as it was listed, None if only the state knows of it.

    `polls`: threads in which it was listed.
    """

    message_id: str
    listed: Unopened | None = None
    polls: list[Poll] = field(default_factory=list)


@dataclass(slots=True)
class PendingPage:
    """A page whose rows are on their way; its claim waits for the threads and forwards in it."""

    claim_s: int | None
    waits_for: set[str]


@dataclass(slots=True)
class Visit:
    """A chat's part of a load.

    `walk` is the open window, None between two. `own`: this load opened it. `polled_s`: as of when
    the hot threads were polled before this load. `polled`: threads of this slice, and whether they
    were read whole. `problem` is what ended the chat, or left a thread or a forward owed.
    `newest_s`: the newest message of the timeline that this load has listed. `fetching`: requests
    for pages, or for the chat's mode, on their way; the mode comes before the first page.
    `listing`: None where it has to begin again from the claim.
    """

    chat_id: str
    name: str | None
    state: ChatState
    mode: str | None = None
    walk: OpenWalk | None = None
    own: bool = False
    done: dict[Kind, OpenWalk] = field(default_factory=dict)
    status: Status = "partial"
    problem: FeishuError | None = None
    broken: bool = False
    fetching: int = 0
    asking_mode: bool = False
    listing: Listing | None = None
    restarts: int = 0
    slice_at_s: int = 0
    range_start_s: int | None = None
    share: float = 0.0
    pages: deque[PendingPage] = field(default_factory=deque)
    polls: dict[str, Poll] = field(default_factory=dict)
    polled: dict[str, bool] = field(default_factory=dict)
    polled_s: int = 0
    openings: dict[str, Opening] = field(default_factory=dict)
    owed_asked: bool = False
    forwards_asked: bool = False
    hot_asked: bool = False
    listed: int = 0
    threads_polled: int = 0
    requests: int = 0
    newest_s: int | None = None

    def begin_slice(self) -> None:
        """What was polled may be polled again."""
        self.restarts = 0
        self.polled.clear()

    def was_polled(self, poll: Poll) -> bool:
        """True if this slice has read as much of that thread as this poll would."""
        whole = self.polled.get(poll.thread_id)
        return whole is not None and (whole or poll.stop_ms is not None)

    def begin_listing(self) -> None:
        """Begins a slice: no page token is kept from the last one, unless pages wait beside it."""
        if self.walk is not None:
            self.slice_at_s = self.walk.at_s
            if self.listing is None or not self.listing.holds:
                self.list_from_claim()

    def list_from_claim(self) -> None:
        """Lists what is not claimed of the open window."""
        if self.walk is not None:
            self.listing = Listing(self.walk.at_s, self.walk.stop_s)

    @property
    def exhausted(self) -> bool:
        """True if the open window was listed to its end, and all of it taken in."""
        return self.listing is not None and self.listing.exhausted

    @property
    def next_sweep(self) -> OpenWalk | None:
        """The sweep that is due and was not begun."""
        return self.walk if self.walk and self.walk.kind in ("past", "sweep") else None

    @property
    def at_rest(self) -> bool:
        """True if nothing of this chat is on its way or waits for something that is."""
        return not (self.fetching or self.polls or self.pages or self.openings)

    @property
    def grew(self) -> bool:
        """True if this slice moved the claim: only then may the chat be cut."""
        return self.walk is not None and self.walk.at_s > self.slice_at_s

    def note_page(self, items: list[Item], waits_for: set[str]) -> None:
        """Records a page of the timeline: ascending, so its last time bounds what came before."""
        created = parse_ms(items[-1].get("create_time")) if items else None
        created_s = created // 1_000 if created else None
        self.pages.append(PendingPage(created_s, waits_for))
        if self.listing is not None:
            self.listing.note_taken(created_s)
        if self.range_start_s is None and created:
            first = parse_ms(items[0].get("create_time")) or created
            self.range_start_s = first // 1_000
        if items and self.walk is not None:  # what tells no time may be the newest of all
            self._note_newest(self.walk.stop_s if created_s is None else created_s)

    def _note_newest(self, listed_s: int) -> None:
        self.newest_s = max(self.newest_s or 0, listed_s)
        if self.state.newest_s is not None:
            self.state.newest_s = max(self.state.newest_s, listed_s)

    def settled(self) -> list[PendingPage]:
        """The pages whose threads and forwards came back, in order, taken off the queue."""
        ready = []
        while self.pages and not self.pages[0].waits_for:
            ready.append(self.pages.popleft())
        return ready

    def end_opening(self, message_id: str) -> list[Poll]:
        """The forward is settled: no page waits for it; the polls that waited for nothing else."""
        opening = self.openings.pop(message_id)
        for page in self.pages:
            page.waits_for.discard(message_id)
        for poll in opening.polls:
            poll.waits_for.discard(message_id)
        return [p for p in self.polls_with(opening) if p.at_end and not p.waits_for]

    def polls_with(self, opening: Opening) -> list[Poll]:
        """The polls under way in which the forward was listed."""
        return [p for p in opening.polls if self.polls.get(p.thread_id) is p]

    def end_poll(self, thread_id: str) -> None:
        """The thread was read, refused, or is owed now: pages wait for it no longer."""
        self.polls.pop(thread_id, None)
        for page in self.pages:
            page.waits_for.discard(thread_id)

    def fail(self, error: FeishuError) -> None:
        """Ends the chat: what its pages brought so far stays claimed, the rest is still due."""
        self.broken = True
        self.listing = None
        if isinstance(error, RequestsSpent):  # nothing is wrong with the chat
            self.problem = self.problem or error
            return
        self.problem = error
        self.status = "skipped" if isinstance(error, ChatRefused) else "failed"

    def leave_owed(self, error: FeishuError) -> None:
        """A thread could not be read, or a forward opened: it is due in a later load."""
        self.problem = self.problem or error
        if self.status == "complete" and not isinstance(error, RequestsSpent):
            self.status = "partial"

    def measure(self) -> float:
        """The part of the open window's time range that is read, 0.0 to 1.0."""
        walk = self.walk
        if walk is None:
            return 1.0 if self.status == "complete" else self.share
        start = max(walk.start_s, self.range_start_s or walk.stop_s)
        if walk.at_s <= start:
            return 0.0
        return (walk.at_s - start) / max(1, walk.stop_s - start)

    def account(self) -> ChatProblem | None:
        """What stands in the way of this chat, None if it is complete."""
        if self.status == "complete":
            return None
        error = self.problem if isinstance(self.problem, ApiError) else None
        return ChatProblem(
            self.chat_id,
            self.name,
            self.status,
            code=error.code if error else None,
            message=error.words if error else _words(self.problem),
            advice_en=error.advice_en if error else None,
            advice_zh=error.advice_zh if error else None,
            log_id=error.log_id if error else None,
        )


def _words(error: FeishuError | None) -> str | None:
    return str(error) if error else None
