"""How a message, a chat and a member stand on the wire.

In: the things of the tenant and the switches. Out: the JSON of one item.
Refuses to know: which items a request asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from feishu_source.sandbox.bodies import FORWARD_SENTENCE, Body, Mention
from feishu_source.sandbox.switches import Switches
from feishu_source.sandbox.tenant import Chat, Message, User

if TYPE_CHECKING:
    from feishu_source.sandbox.world import World

RECALLED_SENTENCE = "This message was recalled"
"""The platform's fixed words in the body of a recalled message."""
EVERYONE = "所有人"
"""The name of the entry that stands for everyone, where there is one."""
KEPT_ITEMS = 250_000
"""So many items times forms are kept serialised, 150 MB of them; the others are made each time."""


def encode(value: object) -> bytes:
    """A value as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half of a surrogate pair: only an escape can carry it
        return json.dumps(value, separators=(",", ":")).encode()


class Items:
    """The items of one tenant, each serialised once per version and form it is asked for in."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept = 0

    def message(self, message: Message, with_name: bool, card_content: str | None) -> bytes:
        """The JSON of a message in a list."""
        form = (self._world.switches, with_name, card_content)
        key = self._world.forms.setdefault(form, len(self._world.forms))
        if message.wires is not None and (kept := message.wires.get(key)):
            return kept
        made = encode(message_item(self._world, message, with_name, card_content))
        if self._kept < KEPT_ITEMS:
            self._kept += 1
            message.wires = {**(message.wires or {}), key: made}
        return made


def is_deleted(message: Message, switches: Switches) -> bool:
    """Whether an item says `deleted: true`."""
    return message.recalled or (message.removed and not switches.hard_delete_missing)


def body_of(message: Message, card_content: str | None) -> Body:
    """The body in the form that was asked for; it exists whatever the item shows of it."""
    body = message.body
    return body.cards.get(card_content, body) if card_content else body


def content_of(message: Message, body: Body, switches: Switches) -> str | None:
    """The string in body.content; None when there is no body."""
    if is_deleted(message, switches):
        return {"sentence": RECALLED_SENTENCE, "missing": None, "empty": ""}[switches.recalled_body]
    if switches.merge_forward_bare and body.msg_type == "merge_forward":
        return FORWARD_SENTENCE
    return body.content_v2 if switches.content_v2 and body.content_v2 else body.content


def mention_items(body: Body, switches: Switches, tenant_key: str) -> list[dict[str, Any]]:
    """The entries of `mentions`."""
    entries = [_mention(mention) for mention in body.mentions]
    if body.mentions_all and switches.all_mention != "none":
        nobody = {"open_id": "", "union_id": "", "user_id": ""}
        everyone = "all" if switches.all_mention == "all" else nobody
        entries.append({"key": "@_all", "id": everyone, "name": EVERYONE, "tenant_key": tenant_key})
    return entries


def _mention(mention: Mention) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "key": mention.key,
        "id": mention.user_id,
        "id_type": "open_id",
        "name": mention.name,
        "tenant_key": mention.tenant_key,
    }
    return {**entry, **mention.more} if mention.more else entry


def sender_item(message: Message, body: Body, with_name: bool, tenant_key: str) -> dict[str, Any]:
    """The sender; nobody in particular has no id."""
    sender = message.sender
    if sender is None:
        kind = "unknown" if body.msg_type == "system" else "anonymous"
        return {"sender_type": kind, "tenant_key": tenant_key}
    item: dict[str, Any] = {
        "id": sender.user_id,
        "id_type": "app_id" if sender.is_app else "open_id",
        "sender_type": "app" if sender.is_app else "user",
        "tenant_key": sender.tenant_key,
    }
    if sender.open_bot_id:
        item["open_bot_id"] = sender.open_bot_id
    if with_name:
        item["sender_name"] = sender.name
        if sender.i18n_names:
            item["sender_i18n_names"] = sender.i18n_names
    return item


def app_link(message: Message) -> str:
    """The link that opens a message in the app."""
    chat_id, position = message.chat.chat_id, message.position
    return f"https://applink.example.com/client/chat/open?openChatId={chat_id}&position={position}"


def message_item(
    world: World, message: Message, with_name: bool, card_content: str | None
) -> dict[str, Any]:
    """A message as an item; what does not apply is left out."""
    switches = world.switches
    body = body_of(message, card_content)
    deleted = is_deleted(message, switches)
    item: dict[str, Any] = {"message_id": world.id_of(message)}
    root = message.root
    if root is not None:
        parent = root if message.is_reply_in_thread else message.parent
        item["root_id"] = world.id_of(root)
        item["parent_id"] = world.id_of(parent or root)
    if message.thread is not None:
        item["thread_id"] = message.thread.thread_id
    item |= {
        "msg_type": body.msg_type,
        "create_time": str(message.create_ms),
        "update_time": str(message.update_ms),
        "deleted": deleted,
        "updated": message.edits > 0,
        "chat_id": message.chat.chat_id,
        "sender": sender_item(message, body, with_name, world.tenant_key),
        "message_app_link": app_link(message),
    }
    content = content_of(message, body, switches)
    if content is not None:
        item["body"] = {"content": content}
    mentions = [] if deleted else mention_items(body, switches, world.tenant_key)
    if mentions:
        item["mentions"] = mentions
    positions = {"message_position": message.position}
    if message.thread is not None:
        positions["thread_message_position"] = message.thread_position
    item |= positions if switches.position_as_int else {k: str(v) for k, v in positions.items()}
    if message.related is not None:
        item["sync_to_chat_info"] = sync_info(world, message, message.related)
    return {**item, **message.more} if message.more else item


def sync_info(world: World, message: Message, related: Message) -> dict[str, Any]:
    """How a reply and its copy in the chat (type 1) point at each other."""
    info: dict[str, Any] = {"type": message.copy_type, "related_message_id": world.id_of(related)}
    if message.copy_type == 1 and related.thread is not None:
        info["thread_id"] = related.thread.thread_id
    return info


def chat_list_item(chat: Chat) -> dict[str, Any]:
    """A chat in the list of chats."""
    return {"chat_id": chat.chat_id, **chat_core(chat)}


def chat_core(chat: Chat) -> dict[str, Any]:
    """What the list of chats and the details of a chat both say."""
    item: dict[str, Any] = {"avatar": chat.avatar}
    if chat.name is not None:
        item["name"] = chat.name
    if chat.description is not None:
        item["description"] = chat.description
    if chat.owner is not None and not chat.owner.is_app:
        item |= {"owner_id": chat.owner.user_id, "owner_id_type": "open_id"}
    return item | {
        "external": chat.external,
        "tenant_key": chat.tenant_key,
        "chat_status": chat.status,
    }


def chat_details(chat: Chat) -> dict[str, Any]:
    """The details of a chat, which do not repeat its chat_id; to a stranger only a few."""
    counts = {"user_count": str(len(chat.members)), "bot_count": str(len(chat.bots))}
    if not chat.bot_in:
        name = {} if chat.name is None else {"name": chat.name}
        return {"avatar": chat.avatar, **name, "chat_status": chat.status, **counts}
    form = {} if chat.mode != "group" else {"group_message_type": chat.group_message_type}
    kind = {"chat_mode": chat.mode, "chat_type": "private"}
    return {**chat_core(chat), **form, **kind, **counts, **chat.details}


def member_item(member: User) -> dict[str, Any]:
    """A person in a list of members."""
    return {
        "member_id_type": "open_id",
        "member_id": member.user_id,
        "name": member.name,
        "tenant_key": member.tenant_key,
    }
