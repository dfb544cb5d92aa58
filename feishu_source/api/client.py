"""Feishu's chat history, asked for politely: one request, one retry policy, one limiter.

In: ids, times in seconds, page tokens. Out: pages and objects as the API gave them.
Refuses to know what is in a message, what has been loaded before, and dlt.

Only the calls in `feishu_source.api.endpoints` can be made, and none of them writes to a tenant.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import random as random_share
from typing import Any, Literal, TypeVar, cast

from feishu_source.api.auth import Clock, Grant, Identity, parse_grant
from feishu_source.api.budget import Budget
from feishu_source.api.endpoints import (
    ENDPOINTS,
    SLOWER,
    TOKEN_ENDPOINTS,
    Call,
    TokenName,
    check_id,
    is_resource_key,
    resolve_base_url,
)
from feishu_source.api.limiter import Limiter, Sleep, wait_by
from feishu_source.api.listing import UndocumentedParameters, check_window
from feishu_source.api.patience import Patience, Stats
from feishu_source.api.reactions import (
    ReactionAnswer,
    ReactionQuery,
    parse_reactions,
    reaction_call,
)
from feishu_source.api.replies import (
    Answer,
    Page,
    Refusal,
    parse_data,
    parse_items,
    parse_membership,
    parse_page,
    parse_scopes,
    read_failure,
    read_reply,
)
from feishu_source.api.stream import Download, Sink
from feishu_source.api.transport import (
    Carrier,
    FileCarrier,
    Reply,
    Transport,
    TransportFailure,
)
from feishu_source.errors import CredentialsRefused, Interrupted
from feishu_source.settings import Settings

__all__ = ["Client", "Page", "Stats", "resolve_base_url"]

T = TypeVar("T")
FetchPage = Callable[[str | None], Page]

MOST_PINS = 50
"""Pins a page; the platform's bound."""

LONG_WAIT_S = 10.0
"""Who watches a load asks after so long why nothing happens."""

_log = logging.getLogger(__name__)


class Client:
    """One tenant, read by one identity; safe to share between threads.

    `budget` bounds all attempts. `carrier` takes requests another way than over HTTP. `sleep`
    replaces every wait, so that a test never waits; without it, `cancel` wakes whoever waits.
    `server_time_s` is the last `Date` header seen, in epoch seconds. `warnings` tells once what the
    API no longer accepts.
    """

    def __init__(
        self,
        identity: Identity,
        base_url: str,
        settings: Settings,
        *,
        budget: Budget | None = None,
        carrier: Carrier | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep | None = None,
        random: Callable[[], float] = random_share,
    ) -> None:
        self.settings = settings
        self.stats = Stats()
        self.budget = budget or Budget()
        self.warnings: list[str] = []
        self.server_time_s: float | None = None
        self._identity = identity
        self._clock = clock
        self._random = random
        self._cancelled = threading.Event()
        self._sleep: Sleep = sleep or self._cancelled.wait
        origin = base_url.rstrip("/").removesuffix("/open-apis")
        self._carrier = carrier or Transport(origin, settings)
        self._limiter = Limiter(
            settings.requests_per_second * settings.rate_share,
            settings.requests_per_minute * settings.rate_share,
            clock=clock,
            wait=wait_by(sleep) if sleep else None,
            slower={name: most * settings.rate_share for name, most in SLOWER.items()},
        )
        self._downloads = False
        self._undocumented = UndocumentedParameters(settings, self._warn)
        of_one = replace(settings, flat_topics=False)
        self._undocumented_of_one = UndocumentedParameters(of_one, self._warn)

    @property
    def flat_topics(self) -> bool:
        """Whether topic groups are still asked for flat, replies among their roots."""
        return self._undocumented.sends("only_thread_root_messages")

    def fetch_messages(
        self,
        container_id_type: Literal["chat", "thread"],
        container_id: str,
        *,
        start_time_s: int | None = None,
        end_time_s: int | None = None,
        descending: bool = False,
        page_token: str | None = None,
    ) -> Page:
        """One page of a chat's timeline, or of a thread with its root.

        Whether the two times are inclusive is not documented: ask for a second more on each side.

        Raises:
            PageTokenRefused: the page token no longer holds; list the window again.
            ValueError: start after end, times for a thread, or times that are no seconds.

        Source: https://open.feishu.cn/document/server-docs/im-v1/message/list
        """
        params = {
            "container_id_type": container_id_type,
            "container_id": check_id(container_id_type, container_id),
            **check_window(container_id_type, start_time_s, end_time_s),
            "sort_type": "ByCreateTimeDesc" if descending else "ByCreateTimeAsc",
            "page_size": str(self.settings.page_size),
            **self._card_params(),
        }
        what = f"list messages of {container_id_type} {container_id}"

        def fetch(undocumented: dict[str, str]) -> Page:
            call = Call("messages", what, params=_paged({**params, **undocumented}, page_token))
            return self._fetch_page(call)

        return self._undocumented.fetch(fetch, container_id_type, page_token)

    def fetch_message(self, message_id: str) -> list[dict[str, Any]]:
        """One message; a merge_forward comes with all it holds, flat, by `upper_message_id`.

        Source: https://open.feishu.cn/document/server-docs/im-v1/message/get
        """
        ident = check_id("message", message_id)

        def fetch(undocumented: dict[str, str]) -> list[dict[str, Any]]:
            params = self._card_params() | undocumented
            return self.ask(Call("message", f"get message {ident}", ident, params), parse_items)

        return self._undocumented_of_one.fetch(fetch, "message", None)

    def fetch_chats(self, page_token: str | None = None, *, by_activity: bool = False) -> Page:
        """One page of the groups the bot is in; p2p chats are never listed.

        By creation time, or the most lately active first: in that order a busy chat can be skipped
        or repeated while it is paged, and what counts as activity is not documented.

        Source: https://open.feishu.cn/document/server-docs/group/chat/list
        """
        params = self._list_params(page_token)
        if by_activity:
            params["sort_type"] = "ByActiveTimeDesc"
        what = "list chats by activity" if by_activity else "list chats"
        return self._fetch_page(Call("chats", what, params=params))

    def fetch_chat(self, chat_id: str) -> dict[str, Any]:
        """A chat's details; the reply does not repeat its chat_id.

        Source: https://open.feishu.cn/document/server-docs/group/chat/get-2
        """
        call = Call("chat", f"get details of chat {chat_id}", check_id("chat", chat_id))
        return self.ask(call, parse_data)

    def fetch_members(self, chat_id: str, page_token: str | None = None) -> Page:
        """One page of a chat's members; bots are left out, and pages vary in length.

        Source: https://open.feishu.cn/document/server-docs/group/chat-member/get
        """
        params = self._list_params(page_token)
        params.pop("sort_type")
        what = f"list members of chat {chat_id}"
        return self._fetch_page(Call("members", what, check_id("chat", chat_id), params))

    def fetch_pins(self, chat_id: str, page_token: str | None = None) -> Page:
        """One page of a chat's pinned messages, the newest pin first.

        Source: https://open.feishu.cn/document/server-docs/im-v1/pin/list
        """
        params = {
            "chat_id": check_id("chat", chat_id),
            "page_size": str(min(self.settings.list_page_size, MOST_PINS)),
        }
        call = Call("pins", f"list pins of chat {chat_id}", params=_paged(params, page_token))
        return self._fetch_page(call)

    def fetch_reactions(self, queries: Sequence[ReactionQuery]) -> ReactionAnswer:
        """Reactions to at most 20 messages, at most 10 each; further ones by a page token.

        Source: https://open.feishu.cn/document/server-docs/im-v1/message-reaction/batch_query
        """
        return self.ask(reaction_call(queries), parse_reactions)

    def fetch_membership(self, chat_id: str) -> bool:
        """Whether who asks is in the chat; a chat that refuses its messages still answers this.

        Source: https://open.feishu.cn/document/server-docs/group/chat-member/is_in_chat
        """
        what = f"ask for membership of chat {chat_id}"
        return self.ask(Call("membership", what, check_id("chat", chat_id)), parse_membership)

    def fetch_scopes(self) -> frozenset[str]:
        """The scopes the tenant has granted to the app; it needs none to ask. Not for users.

        Source: https://open.feishu.cn/document/server-docs/application-v6/scope/list
        """
        return self.ask(Call("scopes", "list the app's scopes"), parse_scopes)

    def download(
        self, message_id: str, key: str, kind: Literal["image", "file"], sink: Sink
    ) -> Download:
        """A file of a message, into a sink, at most 100 MB; what the sink holds is not asked again.

        What stands in a merged forward is asked for by the message_id of the outermost one.

        Raises:
            FileRefused: this file cannot be had.
            ValueError: no key of a resource.

        Source: https://open.feishu.cn/document/server-docs/im-v1/message/get-2
        """
        if not is_resource_key(key):
            raise ValueError("not a key of a resource")
        what = f"download {kind} {key} of message {message_id}"
        call = Call("resource", what, check_id("message", message_id), {"type": kind}, key=key)
        carrier = cast("FileCarrier", self._carrier)
        self._downloads = True
        return self.ask(call, _no_file, lambda call, token: carrier.stream(call, token, sink))

    def authenticate(self) -> None:
        """Has a token to send: an app's is fetched, a user's is what was given.

        Raises:
            ApiError: the credentials are refused, or no answer came.
        """
        self._identity.token(self._post, self._clock, self.settings.token_margin_s)

    def pages(self, fetch: FetchPage) -> Iterator[Page]:
        """Every page of a listing; a page without items does not end it, a repeated token does."""
        sent: set[str] = set()
        token: str | None = None
        while True:
            page = fetch(token)
            if page.next_page_token in sent:
                page = replace(page, next_page_token=None, stalled=True)
            yield page
            token = page.next_page_token
            if token is None:
                return
            sent.add(token)

    def cancel(self, signal: int | None = None) -> None:
        """Wakes whoever waits; every request from now on raises Interrupted."""
        self._limiter.cancel(Interrupted(signal))
        self._cancelled.set()
        if self._downloads:
            cast("FileCarrier", self._carrier).interrupt()

    def close(self) -> None:
        """Closes the idle connections."""
        self._carrier.close()

    def _fetch_page(self, call: Call) -> Page:
        page = self.ask(call, lambda answer: parse_page(answer, call.params.get("page_token")))
        if page.stalled:
            _log.warning("%s: more is promised, but no new page token was given", call.what)
        return page

    def ask(
        self,
        call: Call,
        read: Callable[[Answer], T],
        exchange: Callable[[Call, str | None], Reply | T] | None = None,
    ) -> T:
        """The answer to a call, after as many attempts as the policy grants.

        `exchange` takes it another way than to have a reply read: what is no reply is the answer.

        Raises:
            ApiError: what Feishu refused, or what kept going wrong.
            Interrupted: `cancel` was called.
            RequestsSpent: the load's bound is reached.
        """
        patience = Patience(self.settings, self._random)
        renewed = False
        while True:
            token = self._find_token(call)
            result, started_s = self._attempt(call, token, read, exchange or self._carrier.send)
            if not isinstance(result, Refusal):
                return result
            if result.reaction == "rate":
                self.stats.count("refused", str(ENDPOINTS[call.endpoint]))
            if isinstance(result.error, CredentialsRefused):
                self._identity.explain(result.error)
            if result.reaction == "renew" and token and not renewed and self._identity.drop(token):
                renewed = True
                wait_s = 0.0
            else:
                wait_s = patience.wait_s(result)
            self._hold(call, result, started_s, wait_s)

    def _attempt(
        self,
        call: Call,
        token: str | None,
        read: Callable[[Answer], T],
        exchange: Callable[[Call, str | None], Reply | T],
    ) -> tuple[T | Refusal, float]:
        """One request through the limiter, and when it was let go."""
        endpoint = str(ENDPOINTS[call.endpoint])
        self.budget.take()
        with self._limiter.slot(endpoint) as started_s:
            self.stats.count("requests", endpoint)
            try:
                reply = exchange(call, token)
            except TransportFailure as failure:
                return read_failure(call, failure), started_s
        if not isinstance(reply, Reply):
            return reply, started_s
        secrets = (*self._identity.secrets(), token or "")
        return read_reply(call, reply, secrets, lambda answer: self._note(answer, read)), started_s

    def _note(self, answer: Answer, read: Callable[[Answer], T]) -> T:
        if answer.server_time_s is not None:
            self.server_time_s = answer.server_time_s
        return read(answer)

    def _hold(self, call: Call, refusal: Refusal, started_s: float, wait_s: float) -> None:
        """Waits before the next attempt: for a rate limit in the limiter, where all wait."""
        endpoint = str(ENDPOINTS[call.endpoint])
        error = refusal.error
        self.stats.count("retries", endpoint)
        _log.info(
            "%s: %s, code %s, HTTP %s, log id %s; again in %.1f s",
            *(endpoint, error.meaning, error.code, error.http_status, error.log_id, wait_s),
        )
        if refusal.reaction == "rate":
            is_new = self._limiter.refuse(endpoint, started_s, wait_s)
            if is_new and wait_s >= LONG_WAIT_S:
                until = datetime.fromtimestamp(time.time() + wait_s, UTC)
                _log.warning(
                    "%s: rate limit used up, waiting until %s", endpoint, f"{until:%T} UTC"
                )
        elif wait_s > 0:
            self._sleep(wait_s)

    def _find_token(self, call: Call) -> str | None:
        """The token a call carries; the call that asks for a token carries none."""
        if call.endpoint in TOKEN_ENDPOINTS:
            return None
        return self._identity.token(self._post, self._clock, self.settings.token_margin_s)

    def _post(self, name: TokenName, body: Mapping[str, str]) -> Grant:
        call = Call(name, TOKEN_ENDPOINTS[name], body=body)
        return self.ask(call, lambda answer: parse_grant(answer.body, name))

    def _card_params(self) -> dict[str, str]:
        content = self.settings.card_content
        return {} if content is None else {"card_msg_content_type": content}

    def _list_params(self, page_token: str | None) -> dict[str, str]:
        params = {"page_size": str(self.settings.list_page_size), "sort_type": "ByCreateTimeAsc"}
        return _paged(params, page_token)

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)
        _log.warning("%s", warning)


def _no_file(answer: Answer) -> Download:
    raise ValueError("an answer came where a file was asked for")


def _paged(params: dict[str, str], page_token: str | None) -> dict[str, str]:
    return params if page_token is None else {**params, "page_token": page_token}
