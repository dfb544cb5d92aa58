"""The item of the API's own documentation, and the whole row it becomes.

In: what a test changes. Out: items, rows by column name.
"""

from __future__ import annotations

from typing import Any

from feishu_source.rows import ItemRows, content_hash, parse_item
from feishu_source.tables import MESSAGES

CREATED_MS = 1_615_380_573_411
LISTED_MS = 1_700_000_000_000

DOCUMENTED: dict[str, Any] = {
    "message_id": "om_dc13264520392913993dd051dba21dcf",
    "root_id": "om_40eb06e7b84dc71c03e009ad3c754195",
    "parent_id": "om_d4be107c616aed9c1da8ed8068570a9f",
    "thread_id": "omt_d4be107c616a",
    "msg_type": "interactive",
    "create_time": "1615380573411",
    "update_time": "1615380573411",
    "deleted": False,
    "updated": False,
    "chat_id": "oc_5ad11d72b830411d72b836c20",
    "sender": {
        "id": "cli_9f427eec54ae901b",
        "id_type": "app_id",
        "sender_type": "app",
        "tenant_key": "736588c9260f175e",
    },
    "body": {"content": '{"text":"test content"}'},
    "mentions": [
        {
            "key": "@_user_1",
            "id": "ou_155184d1e73cbfb8973e5a9e698e74f2",
            "id_type": "open_id",
            "name": "Tom",
            "tenant_key": "736588c9260f175e",
        }
    ],
    "upper_message_id": "om_40eb06e7b84dc71c03e009ad3c754195",
}
"""The response example of the page on listing messages."""

MINIMAL: dict[str, Any] = {
    "message_id": "om_1",
    "chat_id": "oc_1",
    "msg_type": "text",
    "create_time": str(CREATED_MS),
}
"""The least that becomes a row."""


def item(**more: Any) -> dict[str, Any]:
    """A minimal item and what a test adds."""
    return MINIMAL | more


def text_item(text: str, **more: Any) -> dict[str, Any]:
    """A minimal item that says something."""
    return item(body={"content": f'{{"text":"{text}"}}'}, **more)


def parsed(values: dict[str, Any]) -> ItemRows:
    """The rows of an item."""
    return parse_item(values, content_hash(values), LISTED_MS)


def message_of(values: dict[str, Any]) -> dict[str, Any]:
    """The message row of an item, by column."""
    return dict(zip(MESSAGES.names, parsed(values).message, strict=True))


def row(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The message row of a minimal item, all of it, with the columns a test expects otherwise."""
    nothing = dict.fromkeys(MESSAGES.names)
    return (
        nothing
        | {
            "message_id": "om_1",
            "chat_id": "oc_1",
            "msg_type": "text",
            "create_time": CREATED_MS,
            "deleted": False,
            "updated": False,
            "last_listed_at": LISTED_MS,
            "content_hash": content_hash(values),
            "mention_count": 0,
            "mentions_all": False,
        }
        | more
    )
