"""An item as the API gives it becomes rows: one in `messages`, any number in its child tables.

In: an item of a message page (a dict) and when it was listed. Out: tuples in the column order of
`tables`, times still in milliseconds. A value that does not parse becomes null, its raw form stays
in `extra` or `body_content`, and it is counted. Refuses to know HTTP, dlt, Arrow and the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from feishu_source.content import parse_content
from feishu_source.fields import Leftovers, dump_json, parse_ms

Item = dict[str, Any]

_ITEM_KEYS = frozenset(
    (
        *("message_id", "root_id", "parent_id", "thread_id", "msg_type", "create_time"),
        *("update_time", "deleted", "updated", "chat_id", "upper_message_id", "sender", "body"),
        *("mentions", "message_app_link", "message_position", "thread_message_position"),
        "sync_to_chat_info",
    )
)
_SENDER_KEYS = frozenset(["id", "id_type", "sender_type", "tenant_key", "sender_name"])
_BODY_KEYS = frozenset(["content"])
_MENTION_KEYS = frozenset(["key", "id", "id_type", "name", "tenant_key"])
_SYNC_KEYS = frozenset(["type", "related_message_id"])
_CARD_KEYS = frozenset(["body", "mentions"])
_NAME_KEYS = frozenset(["sender_name", "sender_i18n_names"])


class Rejected(ValueError):
    """The item cannot become a row; the text says what is missing."""


class ItemRows(NamedTuple):
    """The rows of one message, in the column order of their tables, times in milliseconds."""

    message: tuple[Any, ...]
    mentions: list[tuple[Any, ...]]
    links: list[tuple[Any, ...]]
    resources: list[tuple[Any, ...]]
    unparsed: int


def identify(item: Item) -> tuple[str, int]:
    """The message's id and its create_time in milliseconds: without them there is no row.

    Raises:
        Rejected: no usable message_id, chat_id or create_time.
    """
    for key in ("message_id", "chat_id"):
        if not isinstance(item.get(key), str) or not item[key]:
            raise Rejected(f"no usable {key}")
    create_time = parse_ms(item.get("create_time"))
    if create_time is None:
        raise Rejected("no usable create_time (milliseconds since 1970 are expected)")
    return item["message_id"], create_time


def content_hash(item: Item) -> str:
    """32 hex digits that change when and only when the message changed; names are left out.

    People rename themselves, and names come only while an undocumented parameter is accepted.

    Of a card, body and mentions are left out: they depend on the form that was asked for. Its edit
    shows in `update_time`; what is lost is a card that is rendered otherwise without having been
    edited.
    """
    bare = item
    if item.get("msg_type") == "interactive":
        bare = {key: value for key, value in item.items() if key not in _CARD_KEYS}
    sender, mentions = bare.get("sender"), bare.get("mentions")
    if isinstance(sender, dict) and not _NAME_KEYS.isdisjoint(sender):
        bare = bare | {"sender": {k: v for k, v in sender.items() if k not in _NAME_KEYS}}
    if isinstance(mentions, list) and mentions:
        bare = bare | {"mentions": [_without_name(entry) for entry in mentions]}
    return blake2b(dump_json(bare), digest_size=16).hexdigest()


def _without_name(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {key: value for key, value in entry.items() if key != "name"}


def parse_item(item: Item, hash_: str, listed_at_ms: int) -> ItemRows:
    """All rows of one item.

    Args:
        item: one of `data.items`, as im/v1/messages gives it.
        hash_: its `content_hash`.
        listed_at_ms: server time of the reply that held it.

    Raises:
        Rejected: no usable message_id, chat_id or create_time.
    """
    message_id, created = identify(item)
    chat_id = item["chat_id"]
    left = Leftovers()
    left.unknown(item, _ITEM_KEYS)
    sender = left.nested(item, "sender", _SENDER_KEYS)
    sync = left.nested(item, "sync_to_chat_info", _SYNC_KEYS)
    body = left.text(left.nested(item, "body", _BODY_KEYS), "content", "body.")
    mentions = _parse_mentions(item.get("mentions"), left)
    deleted = bool(left.boolean(item, "deleted"))
    msg_type = left.text(item, "msg_type") or "unknown"
    content = parse_content(msg_type, body, _names(mentions), deleted)
    mentions_all = bool(mentions) and any(map(_is_all, mentions))
    if content.mentions_all and not mentions_all:
        mentions_all = True
        mentions.append(("@_all", "all", None, None, None))
    text = left.text
    message = (
        message_id,
        chat_id,
        text(item, "thread_id"),
        text(item, "root_id"),
        text(item, "parent_id"),
        text(item, "upper_message_id"),
        msg_type,
        created,
        left.milliseconds(item, "update_time"),
        deleted,
        bool(left.boolean(item, "updated")),
        listed_at_ms,
        hash_,
        text(sender, "id", "sender."),
        text(sender, "id_type", "sender."),
        text(sender, "sender_type", "sender."),
        text(sender, "tenant_key", "sender."),
        text(sender, "sender_name", "sender."),
        content.text,
        content.title,
        content.image_key,
        content.file_key,
        content.file_name,
        content.duration_ms,
        content.shared_chat_id,
        content.shared_user_id,
        content.location_name,
        content.longitude,
        content.latitude,
        content.event_summary,
        content.event_start_ms,
        content.event_end_ms,
        content.task_id,
        content.due_time_ms,
        content.vote_topic,
        content.vote_options,
        len(mentions),
        mentions_all,
        left.integer(sync, "type", "sync_to_chat_info."),
        text(sync, "related_message_id", "sync_to_chat_info."),
        left.integer(item, "message_position"),
        left.integer(item, "thread_message_position"),
        text(item, "message_app_link"),
        body,
        left.json(),
        content.card_form,
        None,  # of forwards
        None,
    )
    return ItemRows(
        message,
        _children(message_id, chat_id, created, mentions),
        _children(message_id, chat_id, created, content.links),
        _children(message_id, chat_id, created, content.resources),
        left.unparsed + content.unparsed,
    )


def _children(
    message_id: str, chat_id: str, created: int, rows: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    if not rows:  # as of most messages
        return []
    return [(message_id, i, chat_id, created, *row, False) for i, row in enumerate(rows)]


_Mention = tuple[str, str | None, str | None, str | None, str | None]


def _parse_mentions(entries: Any, left: Leftovers) -> list[_Mention]:
    if entries is None:
        return []
    if not isinstance(entries, list):
        left.unparsable("mentions", entries)
        return []
    rows: list[_Mention] = []
    for index, entry in enumerate(entries):
        path = f"mentions.{index}"
        if isinstance(entry, dict):
            rows.append(_parse_mention(entry, left, path + "."))
        else:
            left.unparsable(path, entry)
    return rows


def _parse_mention(entry: dict[str, Any], left: Leftovers, path: str) -> _Mention:
    left.unknown(entry, _MENTION_KEYS, path)
    key = left.text(entry, "key", path) or ""
    mentioned_id = _parse_mentioned_id(entry, left, path)
    if key == "@_all" and mentioned_id != "all":
        left.keep(path + "id", entry.get("id"))
        mentioned_id = "all"
    return (
        key,
        mentioned_id,
        left.text(entry, "id_type", path),
        left.text(entry, "name", path),
        left.text(entry, "tenant_key", path),
    )


def _parse_mentioned_id(entry: dict[str, Any], left: Leftovers, path: str) -> str | None:
    ids = entry.get("id")
    if not isinstance(ids, dict):
        return left.text(entry, "id", path)
    left.keep(path + "id", ids)  # the shape of event payloads, where one user has three ids
    for kind in ("open_id", "user_id", "union_id"):
        if isinstance(ids.get(kind), str) and ids[kind]:
            return str(ids[kind])
    left.unparsed += 1
    return None


def _is_all(mention: _Mention) -> bool:
    return mention[0] == "@_all" or mention[1] == "all"


def _names(mentions: list[_Mention]) -> Mapping[str, str]:
    return {mention[0]: mention[3] for mention in mentions if mention[3]} if mentions else {}
