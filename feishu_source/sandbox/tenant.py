"""The things of a tenant: users, chats, threads, messages, and their ids.

In: numbers and names. Out: objects that hold a state and nothing else.
Refuses to know: how that state changes (world.py) and how it looks on the wire (items.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from feishu_source.sandbox.bodies import Body

_MASK = (1 << 64) - 1
# Odd, therefore invertible modulo 2^64: ids look random, yet a number is found without an index.
_STRIDE = 0x9E3779B97F4A7C15
_UNSTRIDE = pow(_STRIDE, -1, 1 << 64)


class Ids:
    """Numbers and ids of one kind correspond, without a table, differently for every seed."""

    __slots__ = ("_prefix", "_salt")

    def __init__(self, prefix: str, seed: int) -> None:
        self._prefix = prefix
        self._salt = int.from_bytes(blake2b(f"{prefix}{seed}".encode(), digest_size=8).digest())

    def id_of(self, number: int) -> str:
        """The id of a number: the prefix and 32 hex digits."""
        mixed = ((number + self._salt) * _STRIDE) & _MASK
        return f"{self._prefix}{mixed:016x}{(mixed ^ self._salt) * _STRIDE & _MASK:016x}"

    def number_of(self, text: str) -> int | None:
        """The number of an id; None when this tenant never gave out such an id."""
        try:
            mixed = int(text[len(self._prefix) : len(self._prefix) + 16], 16)
        except ValueError:
            return None
        number = (mixed * _UNSTRIDE - self._salt) & _MASK
        return number if self.id_of(number) == text else None


@dataclass(slots=True)
class User:
    """Somebody who sends: a person (`ou_`) or an app (`cli_`)."""

    user_id: str
    name: str
    tenant_key: str
    is_app: bool = False
    open_bot_id: str | None = None
    i18n_names: dict[str, str] | None = None
    resigned: bool = False
    in_range: bool = True
    """Whether the reading app's range of contacts holds this person."""
    contact: dict[str, Any] = field(default_factory=dict)
    """What the contacts tell of a person beside ids and name, as the API's fields."""


@dataclass(slots=True, eq=False)
class Chat:
    """A chat, its members and its timeline, oldest message first."""

    number: int
    chat_id: str
    name: str | None
    mode: Literal["group", "topic", "p2p"]
    group_message_type: Literal["chat", "thread"]
    create_ms: int
    joined_ms: int
    owner: User | None
    members: dict[str, User] = field(default_factory=dict)
    bots: dict[str, User] = field(default_factory=dict)
    bot_in: bool = True
    restricted: bool = False
    status: str = "normal"
    refusal: int | None = None
    message_refusal: int | None = None
    description: str | None = None
    avatar: str = ""
    external: bool = False
    tenant_key: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    timeline: list[Message] = field(default_factory=list)
    next_position: int = 1
    draw: Callable[[Message], Body] | None = None
    """Makes the body of a generated message when it is first asked for."""


@dataclass(slots=True, eq=False)
class Thread:
    """A root and its replies, oldest first."""

    thread_id: str
    root: Message
    replies: list[Message] = field(default_factory=list)
    hidden: bool = False
    deleted: bool = False


class Message:
    """One message in its present state.

    A tenant may hold a million of them: hence the slots, the ids that are computed, and bodies
    that are made when they are first read.
    """

    __slots__ = (
        "_body",
        "chat",
        "copy_type",
        "create_ms",
        "edits",
        "more",
        "number",
        "parent",
        "position",
        "recalled",
        "related",
        "removed",
        "sender",
        "thread",
        "thread_position",
        "update_ms",
        "visible_ms",
        "wires",
    )

    def __init__(
        self, number: int, chat: Chat, sender: User | None, create_ms: int, body: Body | None
    ) -> None:
        self.number = number
        self.chat = chat
        self.sender = sender
        self.create_ms = create_ms
        self.update_ms = create_ms
        self.visible_ms = create_ms
        self._body = body
        self.edits = 0
        self.recalled = False
        self.removed = False
        self.parent: Message | None = None
        self.thread: Thread | None = None
        self.position = 0
        self.thread_position = -1
        self.copy_type = 0
        self.related: Message | None = None
        self.more: dict[str, Any] | None = None
        self.wires: dict[int, bytes] | None = None

    @property
    def body(self) -> Body:
        """The present body; a generated one is made on the way and not kept."""
        if self._body is not None:
            return self._body
        if self.chat.draw is None:
            raise ValueError("a message without a body stands in a chat that makes none")
        return self.chat.draw(self)

    @body.setter
    def body(self, body: Body) -> None:
        self._body = body

    @property
    def is_reply_in_thread(self) -> bool:
        """Whether it belongs to a thread without being its root."""
        return self.thread is not None and self.thread.root is not self

    @property
    def root(self) -> Message | None:
        """The first message of the chain or thread it answers in; None when it answers nothing."""
        if self.thread is not None and self.thread.root is not self:
            return self.thread.root
        root = self.parent
        while root is not None and root.parent is not None:
            root = root.parent
        return root

    @property
    def order(self) -> tuple[int, int]:
        """Its place in any listing: by time, then by the order of posting."""
        return (self.create_ms, self.number)
