"""A chat and its members as the API gives them become rows.

In: an item of the chat list, the chat's details, its members. Out: tuples in the column order of
`chats` and `chat_members`, times in milliseconds. Refuses to know HTTP, dlt and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from feishu_source.fields import Leftovers, text_or_none
from feishu_source.tables import CHATS

_TEXT = (
    "name",
    "description",
    "avatar",
    "owner_id",
    "owner_id_type",
    "tenant_key",
    "chat_status",
    "chat_mode",
    "group_message_type",
    "chat_type",
)
_COUNTS = ("user_count", "bot_count")
_CHAT_KEYS = frozenset([*_TEXT, *_COUNTS, "chat_id", "external"])
_MEMBER_KEYS = frozenset(["member_id", "member_id_type", "name", "tenant_key"])


def chat_row(
    chat_id: str,
    item: Mapping[str, Any] | None,
    details: Mapping[str, Any] | None,
    at_ms: int,
) -> tuple[Any, ...]:
    """A row of `chats`; details win over the list's item, which is None if the list lacks it."""
    chat = dict(item or {}) | {k: v for k, v in (details or {}).items() if v is not None}
    left = Leftovers()
    left.unknown(chat, _CHAT_KEYS)
    values: dict[str, Any] = {key: text_or_none(left.text(chat, key)) for key in _TEXT}
    values |= {key: left.integer(chat, key) for key in _COUNTS}
    values |= {
        "chat_id": chat_id,
        "external": left.boolean(chat, "external"),
        "listed": item is not None,
        "last_listed_at": at_ms if item is not None else None,
        "extra": left.json(),
    }
    return tuple(values[name] for name in CHATS.names)


def member_rows(
    chat_id: str, members: Iterable[Mapping[str, Any]], at_ms: int
) -> list[tuple[Any, ...]]:
    """Rows of `chat_members` that replace the chat's: a tombstone if nobody is left."""
    rows: dict[str, tuple[Any, ...]] = {}
    for member in members:
        left = Leftovers()
        left.unknown(member, _MEMBER_KEYS)
        member_id = left.text(member, "member_id")
        if member_id is not None:
            kind = left.text(member, "member_id_type") or ""
            name, tenant_key = left.text(member, "name"), left.text(member, "tenant_key")
            told = kind, name, tenant_key, left.json()
            rows[member_id] = (chat_id, member_id, *told, at_ms, False)
    return list(rows.values()) or [(chat_id, "", "", None, None, None, at_ms, True)]


def unlisted(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same row of a chat that the list no longer shows."""
    return tuple(
        False if name == "listed" else value for name, value in zip(CHATS.names, row, strict=True)
    )
