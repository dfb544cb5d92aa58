"""What a complete reading of the tenant finds now.

In: the tenant's state. Out: the rows of each table, by name, in the order of the columns.
Refuses to know: JSON and HTTP: the rows come from the state and from what each body says about
its own reading, never from the items that the server sends. Left out are the columns that depend
on the reader: when it looked, what it was answered with, its hashes. An empty string is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from feishu_source.sandbox.bodies import ALL_NAME, Body, Resource, when
from feishu_source.sandbox.context import announcement_rows, tab_rows
from feishu_source.sandbox.forwarded import Forwarded, transcript
from feishu_source.sandbox.items import EVERYONE, app_link, body_of, content_of, is_deleted
from feishu_source.sandbox.listing import is_in_timeline, is_listed
from feishu_source.sandbox.reactions import pin_rows, reaction_rows
from feishu_source.sandbox.refusals import WORDS
from feishu_source.sandbox.tenant import Chat, Message, Thread

if TYPE_CHECKING:
    from feishu_source.sandbox.world import World

Row = dict[str, Any]

TABLES = (
    "chats",
    "messages",
    "message_mentions",
    "message_links",
    "message_resources",
    "message_reactions",
    "forwarded_messages",
    "threads",
    "chat_members",
    "chat_pins",
    "chat_tabs",
    "chat_announcements",
)
BODY_COLUMNS = (
    "text",
    "title",
    "image_key",
    "file_key",
    "file_name",
    "duration_ms",
    "shared_chat_id",
    "shared_user_id",
    "location_name",
    "longitude",
    "latitude",
    "event_summary",
    "event_start",
    "event_end",
    "task_id",
    "due_time",
    "vote_topic",
    "vote_options",
)


def paths(value: Mapping[str, Any], prefix: str = "") -> Row:
    """The leaves of nested objects by their paths; lists are leaves."""
    found: Row = {}
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            found |= paths(each, f"{prefix}{key}.")
        else:
            found[prefix + key] = each
    return found


def tell(
    world: World,
    chat_ids: Iterable[str] | None,
    with_name: bool,
    card_content: str | None,
    forwards: bool,
) -> dict[str, list[Row]]:
    """The rows of every table.

    Raises: ValueError, for a message whose raw body was posted without its reading.
    """
    listed = {chat.chat_id for chat in world.listed_chats()}
    wanted = listed if chat_ids is None else set(chat_ids)
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    with_name = with_name and world.switches.accept_with_sender_name
    reader = _Reader(world, with_name, card_content, forwards)
    for chat in world.chats.values():
        if chat.chat_id not in wanted or not chat.bot_in:
            continue
        rows["chats"].append(_chat(chat, chat.chat_id in listed))
        rows["chat_members"] += _members(chat)
        if chat.refusal is None:
            rows["chat_tabs"] += tab_rows(world, chat)
            rows["chat_announcements"] += announcement_rows(world, chat)
        if world.refusal_of(chat) is not None:
            continue
        rows["chat_pins"] += pin_rows(world, world.pins_of(chat.chat_id))
        rows["threads"] += reader.threads(chat)
        for message in reader.messages(chat):
            reader.read(message, rows)
    return rows


def _chat(chat: Chat, listed: bool) -> Row:
    owner = None if chat.owner is None or chat.owner.is_app else chat.owner.user_id
    told = chat.refusal is None
    return {
        "chat_id": chat.chat_id,
        "name": chat.name or None,
        "description": chat.description,
        "avatar": chat.avatar,
        "owner_id": owner,
        "owner_id_type": owner and "open_id",
        "external": chat.external,
        "tenant_key": chat.tenant_key,
        "chat_status": chat.status,
        "chat_mode": chat.mode if told else None,
        "group_message_type": chat.group_message_type if told and chat.mode == "group" else None,
        "chat_type": "private" if told else None,
        "user_count": len(chat.members) if told else None,
        "bot_count": len(chat.bots) if told else None,
        "listed": listed,
        "extra": (paths(chat.details) or None) if told else None,
    }


def _members(chat: Chat) -> Iterator[Row]:
    if chat.status != "normal" or chat.refusal is not None:
        return
    for member in chat.members.values():
        yield {
            "chat_id": chat.chat_id,
            "member_id": member.user_id,
            "member_id_type": "open_id",
            "name": member.name,
            "tenant_key": member.tenant_key,
            "extra": None,
        }


class _Reader:
    """Reads the messages of one tenant as one kind of request shows them."""

    def __init__(
        self, world: World, with_name: bool, card_content: str | None, forwards: bool
    ) -> None:
        self._world = world
        self._switches = world.switches
        self._now_ms = world.now_ms
        self._with_name = with_name
        self._card_content = card_content
        self._forwards = forwards

    def is_flat(self, chat: Chat) -> bool:
        """Whether the timeline itself holds the replies: only then nobody needs the threads."""
        asked = self._switches.accept_only_thread_root
        return chat.mode == "topic" and (asked or not self._switches.topic_default_roots_only)

    def _roots(self, chat: Chat) -> Iterator[Thread]:
        for message in chat.timeline:
            thread = message.thread
            if thread is None or thread.root is not message:
                continue
            if is_listed(message, self._now_ms, self._switches):
                yield thread

    def _replies(self, thread: Thread) -> list[Message]:
        if thread.hidden or thread.deleted:
            return []
        return [each for each in thread.replies if is_listed(each, self._now_ms, self._switches)]

    def messages(self, chat: Chat) -> Iterator[Message]:
        """Everything of a chat that can be read: its timeline, then its threads' replies."""
        flat = self.is_flat(chat)
        for message in chat.timeline:
            if is_in_timeline(message, self._now_ms, self._switches, not flat):
                yield message
        if not flat:
            for thread in self._roots(chat):
                yield from self._replies(thread)

    def threads(self, chat: Chat) -> Iterator[Row]:
        """The threads of a chat that have to be read one by one."""
        for thread in [] if self.is_flat(chat) else self._roots(chat):
            replies = self._replies(thread)
            code = 230110 if thread.deleted else 230073 if thread.hidden else None
            yield {
                "thread_id": thread.thread_id,
                "chat_id": chat.chat_id,
                "root_message_id": self._world.id_of(thread.root),
                "create_time": when(thread.root.create_ms),
                "last_reply_time": when(replies[-1].create_ms) if replies else None,
                "status": {None: "ok", 230073: "invisible", 230110: "deleted"}[code],
                "error_code": code,
                "error_message": code and WORDS[code],
            }

    def read(self, message: Message, rows: dict[str, list[Row]]) -> None:
        """Add the rows of a message to its tables."""
        body = body_of(message, self._card_content)
        deleted = is_deleted(message, self._switches)
        if body.columns is None and not deleted:
            which = self._world.id_of(message)
            raise ValueError(f"nobody said how the raw {body.msg_type} body of {which} reads")
        mentions = [] if deleted else list(self._mentions(body))
        row = self._message(message, body, deleted, len(mentions))
        rows["messages"].append(row)
        if not deleted:
            rows["message_reactions"] += reaction_rows(self._world, message)
        if self._forwards and body.msg_type == "merge_forward" and not deleted:
            within = Forwarded(self._world, self.forwarded).tell(message)
            rows["forwarded_messages"] += within
            row["text"] = "\n".join(transcript(within)) or row["text"]
            row["forward_status"] = "ok"
        place = {"chat_id": message.chat.chat_id, "create_time": when(message.create_ms)}
        links = [] if deleted else [{"url": url, "label": label} for url, label in body.links]
        resources = [] if deleted else [_resource(each) for each in body.resources]
        for table, index, found in (
            ("message_mentions", "mention_index", mentions),
            ("message_links", "link_index", links),
            ("message_resources", "resource_index", resources),
        ):
            message_id = self._world.id_of(message)
            for number, each in enumerate(found):
                rows[table].append({"message_id": message_id, index: number, **place, **each})

    def forwarded(self, message: Message) -> Row:
        """The row of a message by itself, as a forward holds it."""
        body = body_of(message, self._card_content)
        deleted = is_deleted(message, self._switches)
        mentions = [] if deleted else list(self._mentions(body))
        return self._message(message, body, deleted, len(mentions))

    def _mentions(self, body: Body) -> Iterator[Row]:
        for mention in body.mentions:
            yield _mention(
                mention.key, mention.user_id, "open_id", mention.name, mention.tenant_key
            )
        if body.mentions_all and self._switches.all_mention == "none":
            yield _mention("@_all", "all", None, None, None)
        elif body.mentions_all:
            yield _mention("@_all", "all", None, EVERYONE, self._world.tenant_key)

    def _message(self, message: Message, body: Body, deleted: bool, mentions: int) -> Row:
        root, sender, related = message.root, message.sender, message.related
        parent = root if message.is_reply_in_thread else message.parent
        thread, ids = message.thread, self._world.id_of
        anonymous = "unknown" if body.msg_type == "system" else "anonymous"
        kind = anonymous if sender is None else "app" if sender.is_app else "user"
        return {
            "message_id": ids(message),
            "chat_id": message.chat.chat_id,
            "thread_id": thread.thread_id if thread else None,
            "root_id": ids(root) if root else None,
            "parent_id": ids(parent) if parent else None,
            "upper_message_id": None,
            "msg_type": body.msg_type,
            "create_time": when(message.create_ms),
            "update_time": when(message.update_ms),
            "deleted": deleted,
            "updated": message.edits > 0,
            "sender_id": sender.user_id if sender else None,
            "sender_id_type": ("app_id" if sender.is_app else "open_id") if sender else None,
            "sender_type": kind,
            "sender_tenant_key": sender.tenant_key if sender else self._world.tenant_key,
            "sender_name": sender.name if sender and self._with_name else None,
            **self._body(body, deleted),
            "mention_count": mentions,
            "mentions_all": body.mentions_all and not deleted,
            "sync_to_chat_type": message.copy_type or None,
            "related_message_id": ids(related) if related else None,
            "message_position": message.position,
            "thread_message_position": message.thread_position if thread else None,
            "message_app_link": app_link(message),
            "body_content": content_of(message, body, self._switches) or None,
            "extra": self._extra(message, body, deleted) or None,
            "card_form": body.card_form if body.msg_type == "interactive" and not deleted else None,
            "forward_status": None,
            "forward_error_code": None,
        }

    def _body(self, body: Body, deleted: bool) -> Row:
        columns = {} if deleted or body.columns is None else body.columns
        everyone = "all" if self._switches.all_mention == "none" else EVERYONE
        row = {name: columns.get(name) for name in BODY_COLUMNS}
        if row["text"] is not None:
            row["text"] = row["text"].replace(ALL_NAME, everyone)
        return row

    def _extra(self, message: Message, body: Body, deleted: bool) -> Row:
        extra: Row = {}
        sender, related = message.sender, message.related
        if sender and sender.open_bot_id:
            extra["sender.open_bot_id"] = sender.open_bot_id
        if sender and sender.i18n_names and self._with_name:
            extra |= paths(sender.i18n_names, "sender.sender_i18n_names.")
        for index, mention in enumerate(() if deleted else body.mentions):
            extra |= paths(mention.more or {}, f"mentions.{index}.")
        if body.mentions_all and not deleted and self._switches.all_mention == "object":
            parts = dict.fromkeys(("open_id", "union_id", "user_id"), "")
            extra |= paths(parts, f"mentions.{len(body.mentions)}.id.")
        if message.copy_type == 1 and related and related.thread:
            extra["sync_to_chat_info.thread_id"] = related.thread.thread_id
        return extra | paths(message.more or {})


def _mention(
    key: str, user_id: str, id_type: str | None, name: str | None, tenant_key: str | None
) -> Row:
    return {
        "mention_key": key,
        "mentioned_id": user_id,
        "mentioned_id_type": id_type,
        "mentioned_name": name,
        "mentioned_tenant_key": tenant_key,
    }


def _resource(resource: Resource) -> Row:
    return {
        "resource_type": resource.resource_type,
        "resource_key": resource.resource_key,
        "file_name": resource.file_name,
        "duration_ms": resource.duration_ms,
    }
