"""A long window is listed in several places at once: one listing costs a round trip a page.

In: the pages of each place as they come. Out: the same pages in the order of time, as if there were
one listing, and where else to list. Refuses to do I/O, and to know what is in a message.

A page token leads to one next page, so a huge chat would be read at the pace of the latency,
however much the rate limit leaves. Further stretches of it are listed meanwhile; their pages wait
for their turn. How long a stretch is, follows from how dense the messages before it were; where it
proves to hold fewer pages, the one after it is longer. Two stretches overlap by seconds, never
leave a gap, and cost about half a page more than one where people write evenly.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field

from feishu_source.api import Page
from feishu_source.settings import MINUTE_S

PAGES_BEFORE = 12
"""So many pages come before each of the first stretches is opened."""


@dataclass(slots=True, eq=False)
class Stretch:
    """[start_s, stop_s) of a window, listed from its start on.

    `fetching`: its next page is on its way. `listed`: there is none. `ready`: pages whose turn has
    not come. `broken_off`: the last of them promises more and gives no way to ask for it.
    """

    start_s: int
    stop_s: int
    page_token: str | None = None
    fetching: bool = False
    listed: bool = False
    broken_off: bool = False
    pages: int = 0
    ready: deque[Page] = field(default_factory=deque)
    _tokens: set[str] = field(default_factory=set)

    def note(self, page: Page) -> None:
        """The next page came."""
        token = page.next_page_token
        self.pages += 1
        self.ready.append(page)
        self.broken_off = page.stalled or token in self._tokens
        self.listed = token is None or self.broken_off
        self.page_token = token
        if token is not None:
            self._tokens.add(token)

    def end_at(self, stop_s: int) -> None:
        """What follows is listed by another stretch."""
        self.stop_s, self.listed, self.broken_off = stop_s, True, False
        self.ready.clear()

    def next_length_s(self, pages: int) -> int:
        """How long a stretch of so many pages is, to judge by this one."""
        length_s = self.stop_s - self.start_s
        return length_s * pages // max(1, self.pages) if self.listed else length_s


class Listing:
    """One window: the stretch whose turn it is, `now`, and those ahead of it.

    They are in order and do not overlap, and all of them begin after `now` does.
    """

    def __init__(self, start_s: int, stop_s: int) -> None:
        self.now = Stretch(start_s, stop_s)
        self.ahead: list[Stretch] = []
        self._stop_s = stop_s
        self._taken_s: deque[int] = deque(maxlen=8)
        self._pages = 0
        self._opened = 0
        self._spoiled = False

    def __contains__(self, stretch: Stretch) -> bool:
        return stretch is self.now or stretch in self.ahead

    @property
    def exhausted(self) -> bool:
        """True if every page was taken."""
        return self.now.listed and not self.now.ready and self.now.stop_s >= self._stop_s

    @property
    def holds(self) -> bool:
        """True if pages wait that would have to be asked for again."""
        return bool(self.now.ready or self.ahead)

    @property
    def held_bytes(self) -> int:
        """Of the pages that wait, as they came."""
        stretches = (self.now, *self.ahead)
        return sum(page.size for stretch in stretches for page in stretch.ready)

    @property
    def holds_more(self) -> bool:
        """True if pages wait behind the one whose turn it is."""
        return len(self.now.ready) > 1 or bool(self.ahead)

    def take(self) -> Page:
        """The page whose turn it is."""
        return self.now.ready.popleft()

    def note(self, stretch: Stretch, page: Page) -> None:
        """The next page of a stretch came."""
        stretch.note(page)
        self._pages += bool(page.items)  # an empty one pays for nothing

    def note_taken(self, created_s: int | None) -> None:
        """A page was taken, whose last message was sent then; goes on to the next stretch."""
        if created_s is not None:
            self._taken_s.append(created_s)
            if self.ahead and created_s >= self.ahead[0].start_s:
                self.now.end_at(self.ahead[0].start_s)
        while self.now.listed and not (self.now.ready or self.now.broken_off or self.exhausted):
            reached_s = self.now.stop_s
            if self.ahead and self.ahead[0].start_s <= reached_s:
                self.now = self.ahead.pop(0)
            else:
                self.now = Stretch(reached_s, self.ahead[0].start_s if self.ahead else self._stop_s)

    def drop(self, stretch: Stretch) -> None:
        """A stretch ahead met trouble: it is listed when its turn comes, and meets it again."""
        del self.ahead[self.ahead.index(stretch) :]
        self._spoiled = True

    def open_ahead(self, pages: int, most: int, most_bytes: int = sys.maxsize) -> Stretch | None:
        """A further stretch of about so many pages; None if there are enough, or nothing is left.

        It stands in the first place that nobody lists, or that `now` would reach only later. The
        pages that came bound how many are opened: a small chat gets none, and a chat whose messages
        lie where nobody expects them does not pay for many that prove empty. Nor are further ones
        opened where the pages that wait hold `most_bytes`.
        """
        if self._spoiled or len(self.ahead) >= most - 1 or len(self._taken_s) < 2:
            return None
        if self.held_bytes >= most_bytes:
            return None
        first = min(most - 1, self._pages // PAGES_BEFORE)
        if self._opened >= first + 3 * self._pages // (2 * pages):
            return None
        start_s, length_s = self._after_now(pages)
        for place, following in enumerate([*self.ahead, None]):
            end_s = following.start_s if following else self._stop_s
            if start_s + length_s // 2 < end_s:
                stop_s = start_s + length_s
                found = Stretch(start_s, stop_s if stop_s + length_s // 2 < end_s else end_s)
                self.ahead.insert(place, found)
                self._opened += 1
                return found
            if following is not None:
                start_s = following.stop_s
                length_s = max(MINUTE_S, following.next_length_s(pages))
        return None

    def _after_now(self, pages: int) -> tuple[int, int]:
        """Where the first stretch ahead would begin, and how long it would be."""
        if self.now.listed:
            return self.now.stop_s, max(MINUTE_S, self.now.next_length_s(pages))
        taken_s = self._taken_s[-1] - self._taken_s[0]
        length_s = max(MINUTE_S, pages * taken_s // (len(self._taken_s) - 1))
        reached_s = max(self._taken_s[-1], self.now.start_s)  # nothing of `now` may have come yet
        return min(reached_s + length_s, self.now.stop_s), length_s
