"""The one place of a plan that asks Feishu: at most three requests a chat, for a sample of chats.

In: a session. Out: what each chat showed. Refuses to estimate.

The first request of a chat is for its newest page. If that is not all of it, the second is for its
oldest, and the third is spent where it tells most: on a page from the middle, on a thread, or on
the details, which say how many members there are. A chat that was seen whole has two left: for a
thread, and for details. Which chats spend theirs on what goes by their rank in the sample, so that
a plan is the same whatever comes back first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b

from feishu_source.api import Client, Page, check_id
from feishu_source.coverage import Wanted
from feishu_source.errors import ApiError, MalformedId, RetriesExhausted, StopError
from feishu_source.fields import parse_int, text_or_none
from feishu_source.forecast.looks import Look, ThreadLook, read_items, read_thread, shows_replies
from feishu_source.forecast.profile import FORM, build_profile, share_of, touch
from feishu_source.settings import FALLBACK_START_S

MOST_DETAILS = 30
"""Chats whose details are asked for: enough to know how many have more than 100 members."""

MOST_THREADS = 100
"""Chats of which a thread is asked for."""


@dataclass(slots=True)
class Seen:
    """What one chat showed in at most three requests, or the error it ended in."""

    chat_id: str
    name: str | None
    looks: list[Look] = field(default_factory=list)
    thread: ThreadLook | None = None
    users: int | None = None
    mode: str | None = None
    error: ApiError | None = None

    @property
    def flat(self) -> bool | None:
        """Whether replies stand in its timeline; None where only its mode can tell.

        Where every message is the root of a thread, it may be a topic group that shows no reply.
        """
        if self.mode is not None:
            return self.mode == "topic"
        shows = shows_replies(item for look in self.looks for item in look.items)
        return None if shows is False and share_of(self.looks) > FORM else shows


def draw(chat_ids: Iterable[str], most: int) -> list[str]:
    """A sample drawn by chance, and the same whenever the same chats are there."""
    return sorted(chat_ids, key=_lot)[:most]


def _lot(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8, person=b"plan").digest()


class Asking:
    """One round of questions; several chats side by side.

    `file_types`: those of files that are counted. `full_pages`: how many messages stood on each
    page that another one follows.
    """

    def __init__(self, client: Client, wanted: Wanted, file_types: Collection[str] = ()) -> None:
        self._client = client
        self._file_types = file_types
        self._start_s = max(wanted.start_s, FALLBACK_START_S)
        self._stop_s = max(wanted.stop_s, self._start_s)
        self._threads = wanted.threads
        self._lost = 0
        self.full_pages: list[int] = []

    def ask(self, chats: Iterable[tuple[str, str | None]]) -> list[Seen]:
        """What each of these chats (id, name) shows.

        Raises:
            FeishuError: asking on would be of no use: credentials, the quota, the network.
        """
        ranked = [Seen(chat_id, name) for chat_id, name in chats]
        with ThreadPoolExecutor(self._client.settings.workers) as pool:
            try:
                return list(pool.map(self._look_at, range(len(ranked)), ranked))
            except BaseException:
                self._client.cancel()  # nobody waits for the others
                raise

    def _look_at(self, rank: int, seen: Seen) -> Seen:
        try:
            self._ask_of(rank, seen)
            self._lost = 0
        except StopError:
            raise
        except ApiError as error:
            seen.error = error
            seen.looks.clear()  # a part of it would pass for the whole
            self._note_lost(error)
        return seen

    def _note_lost(self, error: ApiError) -> None:
        if isinstance(error, RetriesExhausted) and error.network:
            self._lost += 1
            if self._lost >= self._client.settings.most_chats_lost:
                raise error

    def _ask_of(self, rank: int, seen: Seen) -> None:
        newest, whole = self._newest(seen.chat_id)
        seen.looks.append(newest)
        if not whole:
            oldest = self._oldest(seen.chat_id)
            seen.looks.append(oldest)
            if not touch(oldest, newest):
                self._spend_third(rank, seen, oldest, newest)
                return
        left = 2 if whole else 1
        if self._needs_mode(seen) or (rank < MOST_DETAILS and whole):
            left -= 1
            self._ask_details(seen)
        if left and rank < MOST_THREADS:
            self._ask_thread(seen)

    def _spend_third(self, rank: int, seen: Seen, oldest: Look, newest: Look) -> None:
        """Positions tell how many stand between two pages, so that the middle tells less then."""
        if self._needs_mode(seen):
            self._ask_details(seen)
            return
        known = build_profile(seen.looks, newest.to_ms).gaps[0].placed
        turn = rank % 3
        if ((known and turn != 2) or turn == 1) and rank < MOST_THREADS and self._ask_thread(seen):
            return
        if known and turn == 2 and rank < MOST_DETAILS:
            self._ask_details(seen)
            return
        seen.looks.append(self._middle(seen.chat_id, oldest, newest))

    def _needs_mode(self, seen: Seen) -> bool:
        """Whether threads are to be polled at all is worth more than anything else."""
        return self._threads and seen.flat is None

    # pages

    def _newest(self, chat_id: str) -> tuple[Look, bool]:
        page = self._fetch(chat_id, self._start_s, descending=True)
        items, whole = read_items(page.items, self._file_types), page.next_page_token is None
        from_ms = self._start_s * 1_000 if whole or not items else items[0].create_ms
        return Look(items, from_ms, self._stop_s * 1_000, whole, True), whole

    def _oldest(self, chat_id: str) -> Look:
        page = self._fetch(chat_id, self._start_s)
        items, whole = read_items(page.items, self._file_types), page.next_page_token is None
        to_ms = items[-1].create_ms if items and not whole else self._stop_s * 1_000
        return Look(items, self._start_s * 1_000, to_ms, True, whole)

    def _middle(self, chat_id: str, oldest: Look, newest: Look) -> Look:
        """A page from where half of what is between may lie, by how dense either side is."""
        gap_ms = newest.from_ms - oldest.to_ms
        before, behind = (max(1, each.to_ms - each.items[0].create_ms) for each in (oldest, newest))
        # The denser side holds more: the shorter a page took, the nearer to it.
        part = min(0.9, max(0.1, (before**0.5) / (before**0.5 + behind**0.5)))
        from_ms = oldest.to_ms + int(gap_ms * part)
        page = self._fetch(chat_id, from_ms // 1_000)
        items, whole = read_items(page.items, self._file_types), page.next_page_token is None
        to_ms = items[-1].create_ms if items and not whole else self._stop_s * 1_000
        return Look(items, from_ms // 1_000 * 1_000, to_ms, False, whole)

    def _fetch(self, chat_id: str, start_s: int, *, descending: bool = False) -> Page:
        page = self._client.fetch_messages(
            "chat",
            chat_id,
            start_time_s=start_s,
            end_time_s=self._stop_s + 1,
            descending=descending,
        )
        if page.next_page_token is not None:
            self.full_pages.append(len(page.items))
        return page

    # what else may be asked for

    def _ask_thread(self, seen: Seen) -> bool:
        """Looks at one of the threads that the pages show, drawn by chance; True if it asked."""
        items = [item for look in seen.looks for item in look.items]
        roots = {item.thread_id: item.create_ms for item in items if item.thread_id}
        if not self._threads or not roots or seen.flat:
            return False
        thread_id = min(roots, key=_lot)
        try:
            page = self._client.fetch_messages(
                "thread", check_id("thread", thread_id), descending=True
            )
        except MalformedId:
            return False
        except StopError:
            raise
        except ApiError:
            return True  # a thread that refuses tells nothing
        seen.thread = read_thread(
            page.items,
            self._client.settings.page_size,
            roots[thread_id],
            complete=page.next_page_token is None,
        )
        return True

    def _ask_details(self, seen: Seen) -> None:
        try:
            details = self._client.fetch_chat(seen.chat_id)
        except StopError:
            raise
        except ApiError:
            return  # messages go on without
        seen.users = parse_int(details.get("user_count"))
        seen.mode = text_or_none(details.get("chat_mode"))
