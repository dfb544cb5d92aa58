"""The one place of the check that asks Feishu: a bounded number of requests, each answer kept.

In: a client, and which chats a load would read. Out: `Answers`. Refuses to judge: a refusal is an
answer like any other, and what words stand in a message is looked at by nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeVar

from feishu_source.api import Client, Page, check_id
from feishu_source.api.context import UPGRADED, fetch_announcement, fetch_tabs, fetch_upgraded
from feishu_source.api.people import fetch_users
from feishu_source.api.reactions import ReactionQuery
from feishu_source.errors import ApiError, MalformedId, ScopeMissing, StopError
from feishu_source.fields import text_or_none
from feishu_source.selection import Selection
from feishu_source.settings import FALLBACK_START_S

MOST_LIST_PAGES = 10
"""Pages of the chat list, 100 chats each: a check of a huge tenant must not cost as a load does."""

MOST_TRIED = 10
"""Chats whose messages are asked for when nobody names any, spread over the list."""

MOST_NAMED = 100
"""Chats that are tried when they are named: a request each, or two."""

MEMBERSHIP_DOUBTFUL = frozenset({230002, 230027})
"""Refusals after which it is asked whether the bot is in the chat: 230027 may hide either."""

T = TypeVar("T")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Tried:
    """A chat whose newest messages were asked for; `is_member` is None where that was not told."""

    chat_id: str
    name: str | None
    external: bool
    error: ApiError | None = None
    is_member: bool | None = None
    is_group: bool = True
    thread_id: str | None = None
    message_id: str | None = None


@dataclass(slots=True)
class Answers:
    """What Feishu answered. None stands for what was not asked.

    `person`: what was told of one member; empty if nothing was.
    """

    first: ApiError | None = None
    skew_s: float | None = None
    scopes: frozenset[str] | ApiError | None = None
    listed: Mapping[str, dict[str, Any]] | ApiError | None = None
    list_goes_on: bool = False
    wanted: int = 0
    details: ApiError | bool | None = None
    members: ApiError | bool | None = None
    person: ApiError | dict[str, Any] | None = None
    tried: list[Tried] = field(default_factory=list)
    stopped: ApiError | None = None
    thread: ApiError | bool | None = None
    pins: ApiError | bool | None = None
    tabs: ApiError | bool | None = None
    announcement: ApiError | bool | None = None
    reactions: ApiError | bool | None = None
    warnings: list[str] = field(default_factory=list)
    refused: int = 0


class Inquiry:
    """One round of questions, in the order in which a load would ask them."""

    def __init__(
        self, client: Client, selection: Selection, known: Collection[str], clock: Clock = time.time
    ) -> None:
        self._client = client
        self._selection = selection
        self._known = known
        self._clock = clock
        self._answers = Answers()

    def ask(self, *, is_user: bool, threads: bool, extras: Collection[str] = ()) -> Answers:
        """All answers that could be had; what makes the rest pointless ends the round."""
        answers = self._answers
        try:
            self._ask_all(is_user, threads, extras)
        finally:
            answers.warnings = self._client.warnings
            answers.refused = self._client.stats.refused
        return answers

    def _ask_all(self, is_user: bool, threads: bool, extras: Collection[str]) -> None:
        answers, client = self._answers, self._client
        answers.first = _refusal(self._timed(client.authenticate))
        if answers.first:
            return
        answers.scopes = None if is_user else self._timed(client.fetch_scopes)
        answers.listed = self._timed(self._list)
        if isinstance(answers.listed, StopError) and not isinstance(answers.listed, ScopeMissing):
            return
        chats = answers.listed if isinstance(answers.listed, dict) else {}
        wanted = self._wanted(chats)
        answers.wanted = len(wanted)
        self._try_optional([chat_id for chat_id in wanted if chat_id in chats] or wanted, extras)
        self._try_chats(wanted, chats)
        if threads and not answers.stopped:
            self._try_thread()
        if "reactions" in extras and not answers.stopped:
            self._try_reactions()

    def _timed(self, fetch: Callable[[], T]) -> T | ApiError:
        """The answer; the first that carries the server's time tells how the clocks differ."""
        before_s, answer, after_s = self._clock(), attempt(fetch), self._clock()
        server_s = self._client.server_time_s
        if self._answers.skew_s is None and server_s is not None:
            # The header has whole seconds: half of one is added on average.
            self._answers.skew_s = server_s + 0.5 - (before_s + after_s) / 2
        return answer

    def _list(self) -> dict[str, dict[str, Any]]:
        chats: dict[str, dict[str, Any]] = {}
        pages = list(islice(self._client.pages(self._client.fetch_chats), MOST_LIST_PAGES))
        for page in pages:
            chats |= {item["chat_id"]: item for item in page.items if _has_id(item)}
        self._answers.list_goes_on = bool(pages and pages[-1].next_page_token)
        return chats

    def _wanted(self, chats: Mapping[str, dict[str, Any]]) -> list[str]:
        """Ids of the chats a load would read: those named, those listed, those it knows."""
        ids = dict.fromkeys([*self._selection.chat_ids, *chats, *self._known])
        names = {chat_id: text_or_none(chats.get(chat_id, {}).get("name")) for chat_id in ids}
        return [chat_id for chat_id in ids if self._selection.wants(chat_id, names[chat_id])]

    def _try_optional(self, chat_ids: list[str], extras: Collection[str]) -> None:
        """One chat but for its messages, and one person: what a load can do without."""
        for chat_id in chat_ids[:1]:
            details = attempt(partial(self._client.fetch_chat, chat_id))
            members = attempt(partial(self._client.fetch_members, chat_id))
            self._answers.details = _refusal(details) or True
            self._answers.members = _refusal(members) or True
            if "chat_pins" in extras:
                found = attempt(partial(self._client.fetch_pins, chat_id))
                self._answers.pins = _refusal(found) or True
            if "chat_tabs" in extras:
                self._answers.tabs = _refusal(self._try_tabs(chat_id)) or True
            if "announcement" in extras:
                self._answers.announcement = _refusal(self._try_announcement(chat_id)) or True
            if "user_details" in extras and isinstance(members, Page):
                self._try_person(members)

    def _try_tabs(self, chat_id: str) -> object:
        return attempt(partial(fetch_tabs, self._client, chat_id))

    def _try_announcement(self, chat_id: str) -> object:
        found = attempt(partial(fetch_announcement, self._client, chat_id))
        if found != [UPGRADED]:
            return found
        return attempt(partial(fetch_upgraded, self._client, chat_id))

    def _try_person(self, members: Page) -> None:
        ids = (text_or_none(each.get("member_id")) for each in members.items)
        if open_id := next(filter(None, ids), None):
            told = attempt(partial(fetch_users, self._client, [open_id]))
            self._answers.person = told if isinstance(told, ApiError) else next(iter(told), {})

    def _try_chats(self, wanted: list[str], chats: Mapping[str, dict[str, Any]]) -> None:
        for chat_id in self._choose(wanted, chats):
            tried = self._try_chat(chat_id, chats.get(chat_id, {}), listed=chat_id in chats)
            if isinstance(tried.error, StopError):
                self._answers.stopped = tried.error
                return
            self._answers.tried.append(tried)

    def _choose(self, wanted: list[str], chats: Mapping[str, dict[str, Any]]) -> list[str]:
        """Chats to try: those named, or some of the list and some that left it."""
        if self._selection.chat_ids:
            return sample(wanted, MOST_NAMED)
        gone = [chat_id for chat_id in wanted if chat_id not in chats]
        if self._answers.list_goes_on:  # they may stand on a page that was not read
            gone = []
        listed = [chat_id for chat_id in wanted if chat_id in chats]
        return [*sample(gone, MOST_TRIED // 2), *sample(listed, MOST_TRIED)]

    def _try_chat(self, chat_id: str, item: Mapping[str, Any], *, listed: bool) -> Tried:
        client, until_s = self._client, int(self._client.server_time_s or self._clock())
        page: Page | ApiError = attempt(
            lambda: client.fetch_messages(
                "chat",
                chat_id,
                start_time_s=FALLBACK_START_S,
                end_time_s=max(until_s, FALLBACK_START_S),
                descending=True,
            )
        )
        name, external = text_or_none(item.get("name")), item.get("external") is True
        if not isinstance(page, ApiError):
            thread_id, message_id = _id_in(page, "thread"), _id_in(page, "message")
            shown = (None, None, listed, thread_id, message_id)
            return Tried(chat_id, name, external, *shown)
        member: bool | ApiError | None = None
        if page.code in MEMBERSHIP_DOUBTFUL:
            member = attempt(lambda: client.fetch_membership(chat_id))
        is_member = member if isinstance(member, bool) else None
        return Tried(chat_id, name, external, page, is_member, is_group=listed)

    def _try_thread(self) -> None:
        threads = (tried.thread_id for tried in self._answers.tried if tried.thread_id)
        for thread_id in islice(threads, 1):
            fetch = partial(self._client.fetch_messages, "thread", thread_id, descending=True)
            page: Page | ApiError = attempt(fetch)
            self._answers.thread = _refusal(page) or True

    def _try_reactions(self) -> None:
        messages = (tried.message_id for tried in self._answers.tried if tried.message_id)
        for message_id in islice(messages, 1):
            answer = attempt(partial(self._client.fetch_reactions, [ReactionQuery(message_id)]))
            self._answers.reactions = _refusal(answer) or True


def attempt(fetch: Callable[[], T]) -> T | ApiError:
    """What `fetch` returns, or the refusal it ended in."""
    try:
        return fetch()
    except ApiError as error:
        return error


def sample(ids: list[str], most: int) -> list[str]:
    """At most so many of them, spread evenly, in their order; the first one is always there."""
    if len(ids) <= most:
        return ids
    return [ids[place * len(ids) // most] for place in range(most)]


def _refusal(answer: object) -> ApiError | None:
    return answer if isinstance(answer, ApiError) else None


def _has_id(item: Mapping[str, Any]) -> bool:
    try:
        return bool(check_id("chat", item.get("chat_id")))
    except MalformedId:
        return False


def _id_in(page: Page, kind: Literal["thread", "message"]) -> str | None:
    """The first thread or message that a page of messages speaks of."""
    for item in page.items:
        try:
            return check_id(kind, item.get(f"{kind}_id"))
        except MalformedId:
            continue
    return None
