"""The tenant and everything that can be said in it.

In: what somebody does (posts, replies, edits, recalls, forwards). Out: a changed state.
Refuses to know: HTTP, JSON, pages, and how a message is to be read.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from feishu_source.sandbox import bodies
from feishu_source.sandbox.bodies import Body
from feishu_source.sandbox.community import Community
from feishu_source.sandbox.files import StoredFile
from feishu_source.sandbox.marks import marked_text
from feishu_source.sandbox.reactions import Pin, Reaction
from feishu_source.sandbox.switches import Switches
from feishu_source.sandbox.tenant import Chat, Ids, Message, Thread
from feishu_source.sandbox.truth import tell


class World(Community):
    """A tenant with its chats and messages.

    Without a `clock` the time stands still until `now_ms` is set or `advance` is called.
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
        super().__init__(seed, start_ms=start_ms, now_ms=now_ms, clock=clock, switches=switches)
        self.message_ids = Ids("om_", seed)
        self.thread_ids = Ids("omt_", seed)
        self.messages: list[Message] = []
        self._numbered: dict[int, Message] = {}
        self.threads: dict[str, Thread] = {}
        self.forwards: dict[int, tuple[Message, ...]] = {}
        self.reaction_ids = Ids("rct_", seed)
        self.reactions: dict[int, list[Reaction]] = {}
        """Of a message, by its number, in the order in which they were set."""
        self.reactions_set = 0
        self.pins: dict[str, list[Pin]] = {}
        """Of a chat, the newest first."""
        self.files: dict[str, StoredFile] = {}
        """What keys stand for, where somebody said it; other keys stand for a few bytes."""
        self.forms: dict[object, int] = {}
        """The forms in which items were serialised so far; a message remembers itself in some."""

    def look(self) -> None:
        """Let a world that moves by itself catch up with its clock."""
        if self.on_look is not None:
            self.on_look()

    def truth(
        self,
        chat_ids: Iterable[str] | None = None,
        *,
        with_sender_name: bool = True,
        card_content: str | None = None,
        forwards: bool = True,
    ) -> dict[str, list[dict[str, Any]]]:
        """The rows of every table if the bot read everything it can read, now.

        Without `chat_ids`: of the chats in the bot's list; p2p chats are in no list.
        """
        with self.lock:
            self.look()
            return tell(self, chat_ids, with_sender_name, card_content, forwards)

    # finding

    def id_of(self, message: Message) -> str:
        """The message_id of a message."""
        return self.message_ids.id_of(message.number)

    def find(self, message_id: str) -> Message | None:
        """The message with an id, or None."""
        number = self.message_ids.number_of(message_id)
        if number is None or not 0 < number <= len(self.messages):
            return self._numbered.get(number or 0)
        return self.messages[number - 1]

    def message(self, message_id: str) -> Message:
        """The message with an id. Raises: KeyError."""
        message = self.find(message_id)
        if message is None:
            raise KeyError(message_id)
        return message

    def thread_id_of(self, message_id: str) -> str | None:
        """The thread_id a message carries now, or None."""
        thread = self.message(message_id).thread
        return thread.thread_id if thread else None

    # talking

    def post(self, chat_id: str, sender_id: str | None = None, **what: Any) -> str:
        """A new message; returns its message_id.

        `what` is one of `text` (where `@<user id>` and `@<all>` are mentions), `body`, or
        `msg_type` with raw `content` (and its reading, as `bodies.raw_body` takes it); further
        `at_ms`, `visible_after_ms` and `more`: fields of the item that nobody has modelled.
        Without a `sender_id` the sender is anonymous.
        """
        with self.lock:
            message = self._prepare(self.chats[chat_id], sender_id, **what)
            self.list_in_chat(message)
            return self.id_of(message)

    def reply(self, message_id: str, sender_id: str | None = None, **what: Any) -> str:
        """A plain reply, which stands in the timeline; in a thread, a reply in that thread."""
        with self.lock:
            parent = self.message(message_id)
            if parent.is_reply_in_thread or parent.chat.mode == "topic":
                return self.reply_in_thread(message_id, sender_id, **what)
            reply = self._prepare(parent.chat, sender_id, **what)
            reply.parent = parent
            self.list_in_chat(reply)
            return self.id_of(reply)

    def reply_in_thread(
        self,
        message_id: str,
        sender_id: str | None = None,
        *,
        also_to_chat: bool = False,
        **what: Any,
    ) -> str:
        """A reply in the thread of a message, which becomes a root if it was none.

        `also_to_chat` puts a copy with an id of its own into the chat.
        """
        with self.lock:
            thread = self.thread_of(self.message(message_id))
            reply = self._prepare(thread.root.chat, sender_id, **what)
            self.attach(reply, thread)
            if also_to_chat:
                self.copy_to_chat(reply)
            return self.id_of(reply)

    def attach(self, reply: Message, thread: Thread) -> None:
        """Put a new message into a thread; in a native topic group the timeline has it too."""
        reply.thread = thread
        reply.position = -1
        reply.thread_position = len(thread.replies)
        insert(thread.replies, reply)
        if reply.chat.mode == "topic":
            insert(reply.chat.timeline, reply)

    def forward(
        self, chat_id: str, sender_id: str | None, message_ids: Sequence[str], **what: Any
    ) -> str:
        """Forward messages, merged into one, as they are now; returns the id of the container."""
        with self.lock:
            children = tuple(copy(self.message(message_id)) for message_id in message_ids)
            container_id = self.post(chat_id, sender_id, body=bodies.forward_body(), **what)
            self.forwards[self.message(container_id).number] = children
            return container_id

    def edit(
        self,
        message_id: str,
        *,
        text: str | None = None,
        content: object = None,
        body: Body | None = None,
        **reading: Any,
    ) -> None:
        """Replace the body of a message, now."""
        with self.lock:
            message = self.message(message_id)
            message.body = self._body(message.body.msg_type, text, content, body, reading)
            message.edits += 1
            self._touch(message)

    def recall(self, message_id: str) -> None:
        """Recall a message, now: it stays listed, without its words."""
        with self.lock:
            message = self.message(message_id)
            message.recalled = True
            self._touch(message)

    def remove(self, message_id: str) -> None:
        """Delete a message for good: it is no longer listed (`hard_delete_missing`)."""
        with self.lock:
            message = self.message(message_id)
            message.removed = True
            message.wires = None

    def react(self, message_id: str, user_id: str, emoji_type: str = "THUMBSUP") -> str:
        """Somebody, a person or an app, reacts to a message; returns the reaction_id."""
        with self.lock:
            self.reactions_set += 1
            reaction_id = self.reaction_ids.id_of(self.reactions_set)
            reaction = Reaction(reaction_id, self.users[user_id], emoji_type, self.now_ms)
            number = self.message(message_id).number
            self.reactions.setdefault(number, []).append(reaction)
            return reaction_id

    def take_back(self, message_id: str, reaction_id: str) -> None:
        """A reaction is removed; the message itself does not change."""
        with self.lock:
            reactions = self.reactions[self.message(message_id).number]
            reactions[:] = [each for each in reactions if each.reaction_id != reaction_id]

    def pin(self, message_id: str, user_id: str) -> None:
        """Somebody pins a message in its chat."""
        with self.lock:
            message = self.message(message_id)
            pin = Pin(message, self.users[user_id], self.now_ms)
            self.pins.setdefault(message.chat.chat_id, []).insert(0, pin)

    def unpin(self, message_id: str) -> None:
        """A message is pinned no more."""
        with self.lock:
            message = self.message(message_id)
            pins = self.pins[message.chat.chat_id]
            pins[:] = [pin for pin in pins if pin.message is not message]

    def pins_of(self, chat_id: str) -> list[Pin]:
        """The pins that a chat shows: one of a message that is gone is gone with it."""
        pins = self.pins.get(chat_id, [])
        return [pin for pin in pins if not (pin.message.removed or pin.message.recalled)]

    def hide_thread(self, thread_id: str) -> None:
        """Make a thread invisible to the bot: it answers 230073."""
        with self.lock:
            self.threads[thread_id].hidden = True

    def show_thread(self, thread_id: str) -> None:
        """Make a hidden thread visible again."""
        with self.lock:
            self.threads[thread_id].hidden = False

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread: it answers 230110."""
        with self.lock:
            self.threads[thread_id].deleted = True

    def rename_user(self, user_id: str, name: str) -> None:
        """Somebody has another name from now on, as a sender too; mentions keep that of then."""
        with self.lock:
            user = self.users[user_id]
            user.name = name
            for message in (*self.messages, *self._numbered.values()):
                if message.sender is user:
                    message.wires = None

    # making

    def _prepare(
        self,
        chat: Chat,
        sender_id: str | None,
        *,
        msg_type: str = "text",
        text: str | None = None,
        content: object = None,
        body: Body | None = None,
        at_ms: int | None = None,
        visible_after_ms: int = 0,
        more: Mapping[str, Any] | None = None,
        **reading: Any,
    ) -> Message:
        made = self._body(msg_type, text, content, body, reading)
        message = self.new(chat, sender_id, made, self.now_ms if at_ms is None else at_ms)
        message.visible_ms = message.create_ms + visible_after_ms
        message.more = dict(more) if more else None
        return message

    def new(
        self,
        chat: Chat,
        sender_id: str | None,
        body: Body | None,
        at_ms: int,
        number: int | None = None,
    ) -> Message:
        """A message that stands in no listing yet.

        It has the next number, or one far beyond any count: whoever gives numbers decides which
        ids the messages have, whatever else happens in the tenant.
        """
        sender = self.users[sender_id] if sender_id else None
        if number is None:
            message = Message(len(self.messages) + 1, chat, sender, at_ms, body)
            self.messages.append(message)
        else:
            message = self._numbered[number] = Message(number, chat, sender, at_ms, body)
        return message

    def list_in_chat(self, message: Message) -> None:
        """Put a new message into its chat's timeline, as a topic where every message is one."""
        chat = message.chat
        message.position = chat.next_position
        chat.next_position += 1
        insert(chat.timeline, message)
        if chat.mode == "topic" or (chat.mode == "group" and chat.group_message_type == "thread"):
            self.thread_of(message)

    def thread_of(self, message: Message) -> Thread:
        """The thread of a message, which begins now if there was none."""
        if message.thread is None:
            thread_id = self.thread_ids.id_of(message.number)
            message.thread = self.threads[thread_id] = Thread(thread_id, message)
            message.wires = None
        return message.thread

    def copy_to_chat(self, reply: Message) -> Message:
        """The copy of a thread reply that was also sent to its chat, with an id of its own."""
        sender_id = reply.sender.user_id if reply.sender else None
        copy = self.new(reply.chat, sender_id, reply.body, reply.create_ms)
        copy.visible_ms = reply.visible_ms
        copy.copy_type, copy.related = 1, reply
        reply.copy_type, reply.related = 2, copy
        self.list_in_chat(copy)
        return copy

    def _touch(self, message: Message) -> None:
        message.update_ms = max(self.now_ms, message.create_ms)
        message.wires = None

    def _body(
        self,
        msg_type: str,
        text: str | None,
        content: object,
        body: Body | None,
        reading: Mapping[str, Any],
    ) -> Body:
        if body is not None:
            return body
        if text is not None:
            return marked_text(text, self.users)
        return bodies.raw_body(msg_type, content, **reading)


def insert(listing: list[Message], message: Message) -> None:
    """Put a message where its time belongs; usually that is the end."""
    if not listing or listing[-1].order <= message.order:
        listing.append(message)
    else:
        insort(listing, message, key=lambda each: each.order)
