"""The people and chats of a tenant, its app, and its clock.

In: who joins, leaves, renames, dissolves. Out: a changed state.
Refuses to know: messages (world.py adds them), HTTP, JSON.
Every change happens under `lock`; whoever reads the state over HTTP holds the same lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from threading import RLock
from typing import Any, Literal

from feishu_source.sandbox.context import Announcement, Tab
from feishu_source.sandbox.switches import Switches
from feishu_source.sandbox.tenant import Chat, Ids, User
from feishu_source.sandbox.tokens import Tokens

DEFAULT_NOW_MS = 1_760_000_000_000
"""9 October 2025: the time of a world that was given neither a time nor a clock."""
ALL_SCOPES = ("im:message:readonly", "im:message.group_msg", "im:chat:read", "im:chat.members:read")


class Community:
    """A tenant with one app in it: the bot that reads.

    Without a `clock` the time stands still until `now_ms` is set or `advance` is called.
    `start_ms` is when the tenant was founded, by default now.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        start_ms: int | None = None,
        now_ms: int | None = None,
        clock: Callable[[], int] | None = None,
        switches: Switches | None = None,
    ) -> None:
        self.seed = seed
        self.lock = RLock()
        self.clock = clock
        self._now_ms = DEFAULT_NOW_MS if now_ms is None else now_ms
        self.start_ms = self.now_ms if start_ms is None else start_ms
        self.switches = switches or Switches()
        self.names = Random(f"names{seed}")
        self.tenant_key = f"{self.names.getrandbits(64):016x}"
        self.chat_ids = Ids("oc_", seed)
        self.user_ids = Ids("ou_", seed)
        self.chats: dict[str, Chat] = {}
        self.users: dict[str, User] = {}
        self.tabs: dict[str, list[Tab]] = {}
        self.announcements: dict[str, Announcement] = {}
        self.scopes: set[str] = set(ALL_SCOPES)
        self.asked_scopes: tuple[str, ...] = ALL_SCOPES
        """What the app asks for; what it was granted is `scopes`."""
        self.installed = True
        self.ip_allowed = True
        self.bot_ability = True
        self.quota_used_up = False
        self.on_look: Callable[[], None] | None = None
        """Called before anybody looks: a world that moves by itself catches up here."""
        self.bot = self._new_app("Chat Archive")
        secret = f"{self.names.getrandbits(128):032x}"
        user_token = f"u-{self.names.getrandbits(96):024x}"
        self.tokens = Tokens(seed, self.bot.user_id, secret, user_token)

    # time

    @property
    def now_ms(self) -> int:
        """The time in this world, in milliseconds since 1970."""
        return self._now_ms if self.clock is None else self.clock()

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        if self.clock is not None:
            raise ValueError("this world goes by a clock; turn that")
        self._now_ms = value

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms = self.now_ms + round(seconds * 1000)

    # tokens

    def expire_tokens(self) -> None:
        """End the life of every tenant token now."""
        with self.lock:
            self.tokens.expire(self.now_ms)

    def revoke_tokens(self) -> None:
        """Make every tenant token unknown."""
        with self.lock:
            self.tokens.revoke()

    def take_app(self, app_id: str, app_secret: str) -> None:
        """The reading bot belongs to another app, one of the app store; call before it is served.

        Such an app has the same id in every tenant that installed it.
        """
        with self.lock:
            own_id = self.bot.user_id
            self.users = {app_id if i == own_id else i: user for i, user in self.users.items()}
            for chat in self.chats.values():
                chat.bots = {app_id if i == own_id else i: bot for i, bot in chat.bots.items()}
            self.bot.user_id = app_id
            self.tokens.app_id, self.tokens.app_secret = app_id, app_secret

    # people

    def add_user(self, name: str, *, i18n_names: dict[str, str] | None = None) -> str:
        """A new person; returns the open_id."""
        with self.lock:
            user_id = self.user_ids.id_of(len(self.users) + 1)
            self.users[user_id] = User(user_id, name, self.tenant_key, i18n_names=i18n_names)
            return user_id

    def describe(self, user_id: str, **contact: Any) -> None:
        """What the contacts tell of a person: fields of the API's object, such as `en_name`."""
        with self.lock:
            self.users[user_id].contact |= contact

    def hide_contact(self, user_id: str, hidden: bool = True) -> None:
        """Take a person out of the app's range of contacts, or put them back."""
        with self.lock:
            self.users[user_id].in_range = not hidden

    def add_bot(self, name: str) -> str:
        """Another app of the tenant, which may post; returns its app_id."""
        with self.lock:
            return self._new_app(name).user_id

    def _new_app(self, name: str) -> User:
        app_id = f"cli_{self.names.getrandbits(64):016x}"
        open_bot_id = self.user_ids.id_of(len(self.users) + 1)
        app = User(app_id, name, self.tenant_key, is_app=True, open_bot_id=open_bot_id)
        self.users[app_id] = app
        return app

    def resign(self, user_id: str) -> None:
        """Somebody leaves the company: their p2p chat answers 230013 from now on."""
        with self.lock:
            self.users[user_id].resigned = True

    # chats

    def add_chat(
        self,
        name: str | None = "chat",
        *,
        mode: Literal["group", "topic", "p2p"] = "group",
        group_message_type: Literal["chat", "thread"] = "chat",
        member_ids: Iterable[str] = (),
        owner_id: str | None = None,
        description: str | None = None,
        bot_in: bool = True,
        external: bool = False,
        create_ms: int | None = None,
        joined_ms: int | None = None,
        details: Mapping[str, Any] | None = None,
        number: int | None = None,
    ) -> str:
        """A new chat; `joined_ms` is when the bot joined, by default when the chat was made.

        The `number` decides its id; by default it is the next one.
        """
        with self.lock:
            number = len(self.chats) + 1 if number is None else number
            made_ms = self.now_ms if create_ms is None else create_ms
            chat = Chat(
                number=number,
                chat_id=self.chat_ids.id_of(number),
                name=name,
                mode=mode,
                group_message_type=group_message_type,
                create_ms=made_ms,
                joined_ms=made_ms if joined_ms is None else joined_ms,
                owner=self.users[owner_id] if owner_id else None,
                bot_in=bot_in,
                description=description,
                avatar=f"https://avatars.example.com/{number}.png",
                external=external,
                tenant_key=self.tenant_key,
                details=dict(details or {}),
            )
            self.chats[chat.chat_id] = chat
            if bot_in:
                chat.bots[self.bot.user_id] = self.bot
            for member_id in member_ids:
                self.add_member(chat.chat_id, member_id)
            return chat.chat_id

    def listed_chats(self) -> list[Chat]:
        """The chats in the bot's list, in the order they were made; a p2p chat never is."""
        return [chat for chat in self.chats.values() if chat.bot_in and chat.mode != "p2p"]

    def refusal_of(self, chat: Chat) -> int | None:
        """The code that refuses the messages of a chat to the bot, or None."""
        if not chat.bot_in or chat.status != "normal":
            return 230002
        if chat.refusal is not None:
            return chat.refusal
        if chat.message_refusal is not None:
            return chat.message_refusal
        if chat.restricted:
            return 231203
        if chat.mode == "p2p":
            return 230013 if any(each.resigned for each in chat.members.values()) else None
        return None if "im:message.group_msg" in self.scopes else 230027

    def rename_chat(self, chat_id: str, name: str | None) -> None:
        """Give a chat another name, or take its name away."""
        with self.lock:
            self.chats[chat_id].name = name

    def leave(self, chat_id: str) -> None:
        """Take the bot out of a chat."""
        with self.lock:
            self.chats[chat_id].bot_in = False
            self.chats[chat_id].bots.pop(self.bot.user_id, None)

    def join(self, chat_id: str) -> None:
        """Put the bot into a chat, now."""
        with self.lock:
            chat = self.chats[chat_id]
            chat.bot_in, chat.joined_ms = True, self.now_ms
            chat.bots[self.bot.user_id] = self.bot

    def restrict(self, chat_id: str, restricted: bool = True) -> None:
        """Turn the restricted mode of a chat on: its messages answer 231203."""
        with self.lock:
            self.chats[chat_id].restricted = restricted

    def dissolve(self, chat_id: str) -> None:
        """Dissolve a chat for good."""
        with self.lock:
            self.chats[chat_id].status = "dissolved"

    def refuse(self, chat_id: str, code: int | None) -> None:
        """Answer every request about a chat with a code, until None ends it."""
        with self.lock:
            self.chats[chat_id].refusal = code

    def refuse_messages(self, chat_id: str, code: int | None) -> None:
        """Answer requests for a chat's messages with a code; its details and members stay open."""
        with self.lock:
            self.chats[chat_id].message_refusal = code

    def show_tabs(self, chat_id: str, *tabs: Tab) -> None:
        """These are the tabs of a chat from now on."""
        with self.lock:
            self.tabs[chat_id] = list(tabs)

    def announce(
        self,
        chat_id: str,
        user_id: str,
        content: str = "{}",
        *,
        form: Literal["doc", "docx"] = "docx",
        readable: bool = True,
    ) -> None:
        """Somebody writes the announcement of a chat, the first or the next version of it."""
        with self.lock:
            before, who, now_s = self.announcements.get(chat_id), self.users[user_id], self._now_s()
            self.announcements[chat_id] = Announcement(
                form,
                content,
                before.revision + 1 if before else 1,
                before.owner if before else who,
                who,
                before.create_s if before else now_s,
                now_s,
                readable,
            )

    def withdraw_announcement(self, chat_id: str) -> None:
        """A chat announces nothing any more."""
        with self.lock:
            del self.announcements[chat_id]

    def _now_s(self) -> int:
        return self.now_ms // 1_000

    def add_member(self, chat_id: str, user_id: str) -> None:
        """Somebody (a person or an app) joins a chat."""
        with self.lock:
            chat, user = self.chats[chat_id], self.users[user_id]
            (chat.bots if user.is_app else chat.members)[user_id] = user

    def remove_member(self, chat_id: str, user_id: str) -> None:
        """Somebody leaves a chat."""
        with self.lock:
            chat = self.chats[chat_id]
            (chat.bots if user_id in chat.bots else chat.members).pop(user_id)
