"""The API: a path and its parameters in, the JSON of `data` out.

In: a request that is let through. Out: bytes, or `Refused`.
Refuses to know: tokens, rate limits, faults, sockets (server.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from operator import itemgetter
from typing import TypeVar

from feishu_source.sandbox import items
from feishu_source.sandbox.contacts import CONTACT_SCOPE, users_of
from feishu_source.sandbox.context import (
    ANNOUNCEMENT_PATH,
    ANNOUNCEMENT_SCOPES,
    TAB_SCOPES,
    TABS_PATH,
    UPGRADED_PATH,
    UPGRADED_SCOPE,
    announcement_data,
    in_docx,
    tabs_data,
    upgraded_data,
)
from feishu_source.sandbox.files import file_reply
from feishu_source.sandbox.items import Items, encode
from feishu_source.sandbox.listing import (
    Place,
    Window,
    activity,
    creation,
    is_in_timeline,
    is_listed,
    page_token,
    place_of,
    walk,
    window,
)
from feishu_source.sandbox.loopback import HttpReply
from feishu_source.sandbox.parameters import (
    Query,
    one_of,
    page_size,
    required,
    seconds,
    sort_type,
)
from feishu_source.sandbox.reactions import (
    PIN_SCOPES,
    PINS_PATH,
    REACTION_SCOPES,
    REACTIONS_PATH,
    answer_batch,
)
from feishu_source.sandbox.refusals import Refused, invalid
from feishu_source.sandbox.tenant import Chat, Message
from feishu_source.sandbox.world import World

T = TypeVar("T")

TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"
APP_TOKEN_PATH = "/open-apis/auth/v3/app_access_token"
TENANT_TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token"
TICKET_PATH = "/open-apis/auth/v3/app_ticket/resend"
TOKEN_PATHS = (TOKEN_PATH, APP_TOKEN_PATH, TENANT_TOKEN_PATH, TICKET_PATH)
"""Each hands out tokens, or what is needed for one, and takes none itself."""
POSTED_PATHS = (*TOKEN_PATHS, REACTIONS_PATH)
MESSAGES_PATH = "/open-apis/im/v1/messages"
MESSAGE_PATH = "/open-apis/im/v1/messages/:message_id"
RESOURCE_PATH = "/open-apis/im/v1/messages/:message_id/resources/:file_key"
CHATS_PATH = "/open-apis/im/v1/chats"
CHAT_PATH = "/open-apis/im/v1/chats/:chat_id"
MEMBERS_PATH = "/open-apis/im/v1/chats/:chat_id/members"
MEMBERSHIP_PATH = "/open-apis/im/v1/chats/:chat_id/members/is_in_chat"
SCOPES_PATH = "/open-apis/application/v6/scopes"
USERS_PATH = "/open-apis/contact/v3/users/batch"

_TEMPLATES = tuple(
    (template, re.compile(re.sub(r":\w+", "([^/]+)", template) + r"\Z"))
    for template in (
        *(MESSAGES_PATH, MESSAGE_PATH, RESOURCE_PATH, REACTIONS_PATH, PINS_PATH),
        *(CHATS_PATH, CHAT_PATH, MEMBERS_PATH, MEMBERSHIP_PATH),
        *(TABS_PATH, ANNOUNCEMENT_PATH, UPGRADED_PATH),
        *(SCOPES_PATH, USERS_PATH, *TOKEN_PATHS),
    )
)
_MESSAGE_SCOPES = ("im:message", "im:message:readonly", "im:message.history:readonly")
_CHAT_SCOPES = ("im:chat", "im:chat:readonly", "im:chat:read")
_MEMBER_SCOPES = ("im:chat", "im:chat:readonly", "im:chat.members:read")
GROUP_SCOPE = "im:message.group_msg"
_MANAGE_SCOPE = "application:application:self_manage"
_OTHER_SCOPES = ("contact:user.base:readonly", "im:message:send_as_bot")
_MEMBERSHIP_REFUSALS = frozenset({232004, 232006, 232010, 232025, 232033, 232034})
"""Codes documented for `is_in_chat`: a chat that refuses its messages still answers there."""
_CARD_CONTENTS = (None, "user_card_content", "raw_card_content")


def match(path: str) -> tuple[str, str]:
    """The template of a path and the id in it, or two with a slash between.

    Raises:
        Refused: a path nobody serves.
    """
    for template, pattern in _TEMPLATES:
        found = pattern.match(path)
        if found:
            return template, "/".join(found.groups())
    raise Refused(99991201, status=404)


class Endpoints:
    """The reading endpoints of one tenant."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._items = Items(world)
        self._by_template: Mapping[str, Callable[[str, Query], bytes]] = {
            MESSAGES_PATH: self._messages,
            MESSAGE_PATH: self._message,
            CHATS_PATH: self._chats,
            CHAT_PATH: self._chat,
            MEMBERS_PATH: self._members,
            MEMBERSHIP_PATH: self._membership,
            PINS_PATH: self._pins,
            TABS_PATH: self._tabs,
            ANNOUNCEMENT_PATH: self._announcement,
            UPGRADED_PATH: self._upgraded,
            SCOPES_PATH: self._scopes,
            USERS_PATH: self._users,
        }

    def answer(self, template: str, ident: str, query: Query) -> bytes:
        """The JSON of `data`."""
        return self._by_template[template](ident, query)

    def download(self, ident: str, query: Query, headers: Mapping[str, str]) -> HttpReply:
        """A file of a message: no JSON, and no `data`."""
        self._need(_MESSAGE_SCOPES, 230006)
        message_id, _, key = ident.partition("/")
        return file_reply(self._world, message_id, key, query, headers)

    def reactions(self, query: Query, body: bytes) -> bytes:
        """The JSON of `data` of the one batch that is posted."""
        self._need(REACTION_SCOPES, 230006)
        one_of(query, "user_id_type", ("open_id", "union_id", "user_id"), "open_id")
        return answer_batch(self._world, body, self._refusal)

    def _refusal(self, message: Message) -> Refused | None:
        try:
            self._readable(message.chat.chat_id)
        except Refused as refused:
            return refused
        thread = message.thread
        hidden = thread is not None and message.is_reply_in_thread and thread.hidden
        return Refused(230050) if hidden else None

    # messages

    def _messages(self, _: str, query: Query) -> bytes:
        self._need(_MESSAGE_SCOPES, 230006)
        kind = one_of(query, "container_id_type", ("chat", "thread"), None)
        container_id = required(query, "container_id")
        size = page_size(query, 50)
        descending = sort_type(query) == "ByCreateTimeDesc"
        self._undocumented(query)
        if kind == "thread":
            found, wanted = self._thread(container_id, query, descending)
        else:
            found, wanted = self._timeline(container_id, query, descending)
        after = self._place(MESSAGES_PATH, query, 230001)
        listed = (each for each in walk(found, wanted, after) if self._shown(kind, each, wanted))
        return self._message_page(listed, size, query, after)

    def _timeline(
        self, chat_id: str, query: Query, descending: bool
    ) -> tuple[list[Message], Window]:
        chat = self._readable(chat_id)
        start_s, end_s = seconds(query, "start_time"), seconds(query, "end_time")
        switches = self._world.switches
        if start_s == 0 and not switches.start_zero_accepted:
            raise invalid(230001, "start_time", "0", "it must be greater than 0")
        if start_s is not None and start_s > (
            self._world.now_ms // 1000 if end_s is None else end_s
        ):
            raise Refused(230001, "end_time earlier than start_time")
        asked = query.get("only_thread_root_messages")
        roots = switches.topic_default_roots_only if asked is None else asked == "true"
        return chat.timeline, window(start_s, end_s, descending, roots, switches)

    def _thread(
        self, thread_id: str, query: Query, descending: bool
    ) -> tuple[list[Message], Window]:
        for name in ("start_time", "end_time"):
            if query.get(name):
                raise invalid(230001, name, query[name], "a thread takes no time range")
        thread = self._world.threads.get(thread_id)
        if thread is None:
            raise invalid(230001, "container_id", thread_id, "there is no such thread")
        self._readable(thread.root.chat.chat_id)
        if thread.deleted:
            raise Refused(230110)
        if thread.hidden:
            raise Refused(230073)
        root = [thread.root] if self._world.switches.thread_lists_root else []
        return [*root, *thread.replies], Window(descending=descending)

    def _shown(self, kind: str, message: Message, wanted: Window) -> bool:
        now_ms, switches = self._world.now_ms, self._world.switches
        if kind == "thread":
            return is_listed(message, now_ms, switches)
        return is_in_timeline(message, now_ms, switches, wanted.roots_only)

    def _message_page(
        self, listed: Iterator[Message], size: int, query: Query, after: Place | None
    ) -> bytes:
        named = query.get("with_sender_name") == "true"
        card = query.get("card_msg_content_type") or None
        if card not in _CARD_CONTENTS:
            raise invalid(230001, "card_msg_content_type", card or "", "it is no such form")
        shown, more = self._cut(listed, size, after)
        made = [self._items.message(message, named, card) for message in shown]
        place = Place(shown[-1].order) if shown else self._pause(after)
        return self._page(made, more, place, MESSAGES_PATH, query)

    def _message(self, message_id: str, query: Query) -> bytes:
        self._need(_MESSAGE_SCOPES, 230006)
        message = self._world.find(message_id)
        if message is None or message.visible_ms > self._world.now_ms:
            raise invalid(230001, "message_id", message_id, "there is no such message")
        self._readable(message.chat.chat_id)
        if message.removed:
            raise Refused(230110)
        if message.thread is not None and message.is_reply_in_thread and message.thread.hidden:
            raise Refused(230050)
        self._undocumented(query)
        named = query.get("with_sender_name") == "true"
        card = query.get("card_msg_content_type") or None
        found = [items.message_item(self._world, message, named, card)]
        if message.recalled:
            found[0].pop("body", None)
        for child, upper in self._descendants(message):
            item = items.message_item(self._world, child, named, card)
            found.append({**item, "upper_message_id": self._world.id_of(upper)})
        return encode({"items": found})

    def _descendants(self, container: Message) -> Iterator[tuple[Message, Message]]:
        for child in self._world.forwards.get(container.number, ()):
            yield child, container
            yield from self._descendants(child)

    # chats

    def _chats(self, _: str, query: Query) -> bytes:
        self._need(_CHAT_SCOPES, 232025)
        size = page_size(query, 100)
        orders = ("ByCreateTimeAsc", "ByActiveTimeDesc")
        by_activity = one_of(query, "sort_type", orders, orders[0]) == orders[1]
        after = self._place(CHATS_PATH, query, 232001)
        order = activity(self._world) if by_activity else creation
        listed = sorted(((order(c), c) for c in self._world.listed_chats()), key=itemgetter(0))
        if by_activity:  # a chat that moves up while this is paged stands on no later page
            listed.reverse()
            rest = (pair for pair in listed if after is None or pair[0] < after.order)
        else:
            rest = (pair for pair in listed if after is None or pair[0] > after.order)
        shown, more = self._cut(rest, size, after)
        made = [encode(items.chat_list_item(chat)) for _, chat in shown]
        place = Place(shown[-1][0]) if shown else self._pause(after)
        return self._page(made, more, place, CHATS_PATH, query)

    def _chat(self, chat_id: str, query: Query) -> bytes:
        self._need(_CHAT_SCOPES, 232025)
        return encode(items.chat_details(self._known(chat_id)))

    def _members(self, chat_id: str, query: Query) -> bytes:
        self._need(_MEMBER_SCOPES, 232025)
        size = page_size(query, 100)
        chat = self._known(chat_id)
        if chat.status != "normal":
            raise Refused(232009)
        if not chat.bot_in:
            raise Refused(232011)
        path = MEMBERS_PATH.replace(":chat_id", chat_id)
        after = self._place(path, query, 232001)
        members = list(chat.members.values())
        done = after.order[1] if after else 0
        shown, more = self._cut(iter(members[done:]), size, after)
        made = [encode(items.member_item(member)) for member in shown]
        place = Place((0, done + len(shown))) if shown else self._pause(after)
        total = b',"member_total":%d' % len(members)
        return self._page(made, more, place, path, query, total)

    def _membership(self, chat_id: str, query: Query) -> bytes:
        self._need(_MEMBER_SCOPES, 232025)
        chat = self._world.chats.get(chat_id)
        if chat is None:
            raise Refused(232006)
        if chat.refusal in _MEMBERSHIP_REFUSALS:
            raise Refused(chat.refusal)
        return encode({"is_in_chat": chat.bot_in and chat.status == "normal"})

    def _pins(self, _: str, query: Query) -> bytes:
        """Newest first; its times are milliseconds, and nobody here sends any."""
        self._need(PIN_SCOPES, 230006)
        chat_id, size = required(query, "chat_id"), page_size(query, 50)
        for name in {"start_time", "end_time"} & query.keys():
            raise invalid(230001, name, query[name], "the sandbox knows no window of pins")
        self._readable(chat_id)
        after = self._place(PINS_PATH, query, 230001)
        pins = self._world.pins_of(chat_id)
        done = after.order[1] if after else 0
        shown, more = self._cut(iter(pins[done:]), size, after)
        made = [encode(pin.item(self._world)) for pin in shown]
        place = Place((0, done + len(shown))) if shown else self._pause(after)
        return self._page(made, more, place, PINS_PATH, query)

    def _tabs(self, chat_id: str, _: Query) -> bytes:
        self._need(TAB_SCOPES, 232025)
        return encode(tabs_data(self._world, self._known(chat_id)))

    def _announcement(self, chat_id: str, query: Query) -> bytes:
        self._need(ANNOUNCEMENT_SCOPES, 232025)
        one_of(query, "user_id_type", ("open_id",), "open_id")
        return encode(announcement_data(self._world, self._known(chat_id)))

    def _upgraded(self, chat_id: str, query: Query) -> bytes:
        self._need((UPGRADED_SCOPE,), 1772025)
        one_of(query, "user_id_type", ("open_id",), "open_id")
        try:
            chat = self._known(chat_id)
        except Refused as refused:
            raise in_docx(refused) from refused
        return encode(upgraded_data(self._world, chat))

    def _users(self, _: str, query: Query) -> bytes:
        if CONTACT_SCOPE not in self._world.scopes:
            raise Refused(99991672, scopes=[CONTACT_SCOPE])
        return encode({"items": users_of(self._world, query)})

    # the app

    def _scopes(self, _: str, query: Query) -> bytes:
        """Every scope that was ever asked for: granted ones have 1, the others 2."""
        world = self._world
        if not world.installed:
            raise Refused(212100)
        if not (world.switches.scopes_open or _MANAGE_SCOPE in world.scopes):
            raise Refused(99991672, scopes=[_MANAGE_SCOPE])
        asked_for = dict.fromkeys([*world.asked_scopes, *_OTHER_SCOPES, *sorted(world.scopes)])
        listed = [
            {"scope_name": name, "grant_status": 1 if name in world.scopes else 2}
            for name in asked_for
        ]
        return encode({"scopes": listed})

    # what they share

    def _need(self, any_of: Iterable[str], bot_code: int) -> None:
        if not self._world.bot_ability:
            raise Refused(bot_code)
        if not self._world.scopes & set(any_of):
            raise Refused(99991672, scopes=list(any_of))

    def _known(self, chat_id: str) -> Chat:
        chat = self._world.chats.get(chat_id)
        if chat is None:
            raise Refused(232006)
        if chat.refusal is not None:
            raise Refused(chat.refusal)
        return chat

    def _readable(self, chat_id: str) -> Chat:
        if not chat_id.startswith("oc_"):
            raise invalid(230001, "container_id", chat_id, "it is no chat_id")
        chat = self._world.chats.get(chat_id)
        refusal = 230002 if chat is None else self._world.refusal_of(chat)
        if refusal == 230027 and (chat is None or chat.message_refusal != 230027):
            raise Refused(230027, "need scope: im:message.group_msg", scopes=[GROUP_SCOPE])
        if chat is None or refusal is not None:
            raise Refused(refusal or 230002)
        return chat

    def _undocumented(self, query: Query) -> None:
        switches = self._world.switches
        for name, accepted in (
            ("with_sender_name", switches.accept_with_sender_name),
            ("only_thread_root_messages", switches.accept_only_thread_root),
        ):
            if name in query and not accepted:
                raise invalid(switches.refusal_code, name, query[name], "unknown parameter")
            one_of(query, name, ("true", "false"), "false")

    def _place(self, path: str, query: Query, code: int) -> Place | None:
        token = query.get("page_token")
        return place_of(token, path, query, code) if token else None

    def _cut(self, rest: Iterator[T], size: int, after: Place | None) -> tuple[list[T], bool]:
        first = list(islice(rest, 1))
        if self._world.switches.empty_pages and first and after and not after.paused:
            return [], True
        shown = list(islice(chain(first, rest), size))
        return shown, next(rest, None) is not None

    def _pause(self, after: Place | None) -> Place | None:
        return Place(after.order, True) if after else None

    def _page(
        self,
        made: list[bytes],
        more: bool,
        place: Place | None,
        path: str,
        query: Query,
        rest: bytes = b"",
    ) -> bytes:
        token = b""
        if place is not None and (more or self._world.switches.last_page_token_present):
            token = b',"page_token":"%s"' % page_token(place, path, query).encode()
        flag = b"true" if more else b"false"
        return b'{"has_more":%s%s%s,"items":[%s]}' % (flag, token, rest, b",".join(made))
