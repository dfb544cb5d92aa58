"""Which chats there are: the chat list, details and members of each, and the like.

In: a client, and what was known of each chat before. Out: items of the API, and names and modes for
the walk. Refuses to know dlt, and what is read of a chat.

What is remembered of a chat, a plain dict: `name`, `mode`, and `read_s`, when its details were last
loaded as a row.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from feishu_source.api import Client, FetchPage, check_id
from feishu_source.api.context import UPGRADED, fetch_announcement, fetch_tabs, fetch_upgraded
from feishu_source.errors import (
    ApiError,
    MalformedId,
    ReplyBroken,
    RequestsSpent,
    RetriesExhausted,
    StopError,
)
from feishu_source.fields import text_or_none
from feishu_source.selection import Selection

T = TypeVar("T")

Known = dict[str, dict[str, Any]]

Listed = Sequence[Mapping[str, Any]]
Optional = Literal["chat details", "chat members", "chat pins", "chat tabs", "chat announcements"]
"""What messages can be read without."""


@dataclass
class Roster:
    """The chats of one load; asks for each thing once, from whichever thread needs it first.

    `order`: those listed by activity, the latest first; empty where it was not asked for, or in
    vain.
    """

    client: Client
    selection: Selection
    warnings: list[str] = field(default_factory=list)
    pinned_s: int = 0
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    _details: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ready: bool = False
    _warned: set[str] = field(default_factory=set)
    _refused: set[str] = field(default_factory=set)
    _failed: set[tuple[Optional, str]] = field(default_factory=set)

    def read_list(self) -> None:
        """Pages through the chat list, once.

        Raises:
            FeishuError: the list cannot be had, so there is nothing to load.
        """
        if self._ready:
            return
        for item in self._items("list chats", self.client.fetch_chats):
            self._note(item)
        self._ready = True

    def read_order(self, most_requests: int) -> None:
        """Pages through the chat list by activity: `order`, the most lately active chat first.

        While it is paged, a chat may move: one that is listed twice is left out, as is one that is
        not listed. Without the order, every chat is read; so it is where the list takes more
        requests than it may.

        Raises:
            StopError: the load cannot go on.
        """
        if len(self.listed) > most_requests * self.client.settings.list_page_size:
            return
        what = "list chats by activity"
        try:
            items = self._items(what, partial(self.client.fetch_chats, by_activity=True))
        except StopError:
            raise
        except (ApiError, RequestsSpent) as error:
            self.warnings.append(f"no chat is left out as idle, all are read: {error}")
            return
        times = Counter(text_or_none(item.get("chat_id")) for item in items)
        self.order = [chat_id for chat_id, number in times.items() if chat_id and number == 1]

    def _note(self, item: dict[str, Any]) -> None:
        try:
            self.listed[check_id("chat", item.get("chat_id"))] = item
        except MalformedId as error:
            self.warnings.append(f"an entry of the chat list was left out: {error}")

    def chats(self, known: Known) -> Iterator[tuple[str, str | None, str | None]]:
        """Id, name and mode of every chat to read: listed ones, those named, those known before.

        A known chat that is no longer listed is asked all the same: so a removed bot is seen.
        """
        self.read_list()
        for chat_id in dict.fromkeys([*self.listed, *self.selection.chat_ids, *known]):
            before = known.get(chat_id, {})
            item = self.listed.get(chat_id, {})
            name = text_or_none(item.get("name")) or before.get("name")
            if self.selection.wants(chat_id, name):
                yield chat_id, name, before.get("mode")

    def details_of(self, chat_id: str) -> dict[str, Any] | None:
        """The chat's details, None where the platform refuses them: messages go on without.

        Raises:
            StopError: the load cannot go on.
        """
        with self._lock:
            if chat_id in self._details:
                return self._details[chat_id]
        details = self._whole("chat details", chat_id, partial(self.client.fetch_chat, chat_id))
        with self._lock:
            return self._details.setdefault(chat_id, details)

    def mode_of(self, chat_id: str) -> str | None:
        """`group`, `topic` or `p2p`; None where the platform does not tell."""
        return text_or_none((self.details_of(chat_id) or {}).get("chat_mode"))

    def members_of(self, chat_id: str) -> Listed | None:
        """All members of a chat, None if its list could not be read to the end.

        Raises:
            StopError: the load cannot go on.
        """
        fetch = partial(self.client.fetch_members, chat_id)
        read = partial(self._items, f"list members of chat {chat_id}", fetch)
        return self._whole("chat members", chat_id, read)

    def pins_of(self, chat_id: str) -> Listed | None:
        """All pins of a chat, None if they could not be read to the end.

        Raises:
            StopError: the load cannot go on.
        """
        fetch = partial(self.client.fetch_pins, chat_id)
        read = partial(self._items, f"list pins of chat {chat_id}", fetch)
        return self._whole("chat pins", chat_id, read)

    def tabs_of(self, chat_id: str) -> Listed | None:
        """The tabs of a chat, None if they could not be had.

        Raises:
            StopError: the load cannot go on.
        """
        return self._whole("chat tabs", chat_id, partial(fetch_tabs, self.client, chat_id))

    def announcement_of(self, chat_id: str) -> Listed | None:
        """What a chat announces, nothing or one thing; None if it could not be had.

        Either form has an endpoint and scopes of its own: the app may lack one and have the other.

        Raises:
            StopError: the load cannot go on.
        """
        of: Optional = "chat announcements"
        told = self._whole(of, chat_id, partial(fetch_announcement, self.client, chat_id))
        if told != [UPGRADED]:
            return told
        read = partial(fetch_upgraded, self.client, chat_id)
        return self._whole(of, chat_id, read, scope="newer announcements")

    def _whole(
        self, of: Optional, chat_id: str, read: Callable[[], T], scope: str | None = None
    ) -> T | None:
        """What `read` gives; `scope`: what a missing scope keeps away, where not all of its kind.

        After one such refusal nobody else is asked: the next chat would be refused as well.
        """
        if (scope or of) in self._refused:
            return None
        try:
            return read()
        except StopError:
            raise
        except RequestsSpent:
            self._put_off(of, chat_id)
        except ApiError as error:
            if error.scope_missing:
                self._refused.add(scope or of)
            self._do_without(of, chat_id, error)
        return None

    def _items(self, what: str, fetch: FetchPage) -> list[dict[str, Any]]:
        """All items of a list; one that breaks off is none, or what it lacks would seem gone."""
        items: list[dict[str, Any]] = []
        for page in self.client.pages(fetch):
            items.extend(page.items)
            if page.stalled:
                raise page.broken_off(what)
        return items

    def failed(self, what: Optional, chat_id: str) -> bool:
        """True if what was in the way passes, trouble or a bound: the next load asks again.

        A refusal is an answer, and is asked for again as rarely as what was given.
        """
        return (what, chat_id) in self._failed

    def _put_off(self, what: Optional, chat_id: str) -> None:
        with self._lock:
            self._failed.add((what, chat_id))

    def _do_without(self, what: Optional, chat_id: str, error: ApiError) -> None:
        """Records, and tells once per kind, that something optional could not be had."""
        passes = isinstance(error, RetriesExhausted | ReplyBroken)
        with self._lock:
            if passes:
                self._failed.add((what, chat_id))
            kind = f"{what} {error.code}"
            if kind not in self._warned:
                self._warned.add(kind)
                why = "for now, the next load asks again" if passes else "where refused"
                self.warnings.append(f"{what} left out {why}: {error}")
