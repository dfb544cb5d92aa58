"""Writes models/sources.yml and models/models.yml: what `feishu_source/tables` says of columns.

python dbt/make_descriptions.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from feishu_source.tables import DELETED, MESSAGES, TABLES, Table  # noqa: E402 - from a checkout

HEAD = """# Made by dbt/make_descriptions.py from feishu_source/tables: change it there.
version: 2
"""
PARENTS = {
    "message_mentions": ("message_id", "messages"),
    "message_links": ("message_id", "messages"),
    "message_resources": ("message_id", "messages"),
    "message_reactions": ("message_id", "messages"),
}

OF_MESSAGES = {column.name: column.description for column in MESSAGES.columns}
NAMES = {
    "chat_name": "The chat's name now.",
    "sender_name": "The name that stood on the message, else the member list's now.",
    "is_thread_reply": "True for what was said in a thread, false for the message it hangs from.",
    "_dlt_load_id": "The load that wrote it last.",
}
MODELS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "message_with_names": (
        "One row a message, with the names of its sender and its chat.",
        "message_id",
        "message_id chat_id chat_name chat_mode thread_id root_id parent_id msg_type create_time"
        " update_time deleted updated sender_id sender_type sender_name text title file_name"
        " mention_count mentions_all message_app_link is_thread_reply is_copy content_hash"
        " _dlt_load_id",
        {
            "chat_mode": "group, topic or p2p.",
            "is_copy": "True for the copy in the chat of a thread reply that is held too.",
        },
    ),
    "conversation": (
        "Every chat in reading order: replies in threads under the message they hang from.",
        "message_id",
        "chat_id chat_name reading_order message_id thread_id is_thread_reply create_time sender_id"
        " sender_type sender_name msg_type text deleted updated content_hash _dlt_load_id",
        {"reading_order": "From 1 in each chat."},
    ),
    "thread_summary": (
        "One row a thread of which a message is held: how it began, and how it went on.",
        "thread_id",
        "thread_id chat_id chat_name root_message_id started_at root_sender_id root_sender_type"
        " root_sender_name root_text root_recalled replies recalled_replies people first_reply_at"
        " last_reply_at messages_held root_content_hash _dlt_load_id",
        {
            "root_message_id": "The message it hangs from.",
            "started_at": "When that message was sent; null where it is not held.",
            "root_sender_id": OF_MESSAGES["sender_id"],
            "root_sender_type": OF_MESSAGES["sender_type"],
            "root_sender_name": "The name of who began it.",
            "root_text": OF_MESSAGES["text"],
            "root_recalled": OF_MESSAGES["deleted"],
            "replies": "Replies that were not recalled.",
            "recalled_replies": "Replies that were recalled.",
            "people": "People who replied, bots left out.",
            "first_reply_at": "When the first of the replies was sent.",
            "last_reply_at": "When the last of the replies was sent.",
            "messages_held": "Messages of the thread, its beginning and recalled ones included.",
            "root_content_hash": OF_MESSAGES["content_hash"],
        },
    ),
    "people": (
        "One row a person or a bot that wrote, was mentioned or is a member.",
        "person_id",
        "person_id id_type kind name tenant_key names first_seen_at last_seen_at is_sender"
        " is_mentioned is_member",
        {
            "person_id": "open_id of a person, app_id of a bot; a mentioned bot's open_id.",
            "id_type": "What kind of id that is.",
            "kind": "user or app; null of whom only mentions, forwards or an old name tell.",
            "name": "The name borne now; null if none was ever told.",
            "tenant_key": "The tenant they belong to.",
            "names": "How many names are known.",
            "first_seen_at": "When an answer of Feishu's first told of them.",
            "last_seen_at": "When one last told of them.",
            "is_sender": "True if a message of theirs is held.",
            "is_mentioned": "True if a message mentions them.",
            "is_member": "True if a list of members holds them.",
        },
    ),
    "people_names": (
        "One row a name that somebody bore, a person or a bot.",
        "",
        "person_id name first_seen_at last_seen_at is_current",
        {
            "person_id": "open_id of a person, app_id of a bot; a mentioned bot's open_id.",
            "name": "A name that they bore.",
            "first_seen_at": "When an answer of Feishu's first bore it.",
            "last_seen_at": "When one last bore it, as far as rows show.",
            "is_current": "True of one name of each.",
        },
    ),
}


def sources() -> str:
    """The tables that a load writes, as dbt's sources."""
    lines = [
        *HEAD.splitlines(),
        "sources:",
        "  - name: feishu",
        "    schema: \"{{ var('feishu_dataset') }}\"",
        "    description: Feishu / Lark chat history.",
        "    tables:",
    ]
    for table in TABLES.values():
        lines += [f"      - name: {table.name}", *_about(table.description, 8)]
        if table.name == "sync_runs":
            lines += [
                "        config:",
                "          loaded_at_field: finished_at",
                "          freshness:",
                "            warn_after: {count: 1, period: day}",
                "            error_after: {count: 3, period: day}",
            ]
        lines.append("        columns:")
        for column in table.columns:
            if column.name != DELETED:
                lines += [f"          - name: {column.name}", *_about(column.description, 12)]
                lines += _tests(list(_source_tests(table, column.name, column.nullable)), 12)
    return "\n".join(lines) + "\n"


def models() -> str:
    """The models, column by column."""
    lines = [*HEAD.splitlines(), "models:"]
    for name, (description, key, columns, own) in MODELS.items():
        lines += [f"  - name: {name}", *_about(description, 4), "    columns:"]
        for column in columns.split():
            told = own.get(column) or NAMES.get(column) or OF_MESSAGES[column]
            lines += [f"      - name: {column}", *_about(told, 8)]
            tests = ["unique", "not_null"] if column == key else []
            if column == "chat_id":
                tests = ["not_null"]
            if column == "message_id" and name == "conversation":
                tests.append("message_with_names")
            lines += _tests(tests, 8)
    return "\n".join(lines) + "\n"


def _source_tests(table: Table, column: str, nullable: bool) -> Iterator[str]:
    if table.key == (column,):
        yield "unique"
    if not nullable:
        yield "not_null"
    if PARENTS.get(table.name, ("",))[0] == column:
        yield PARENTS[table.name][1]


def _tests(tests: list[str], indent: int) -> list[str]:
    if not tests:
        return []
    lines = ["data_tests:"]
    for test in tests:
        if test in ("unique", "not_null"):
            lines.append(f"  - {test}")
        else:
            to = f"ref('{test}')" if test in MODELS else f"source('feishu', '{test}')"
            lines += [
                "  - relationships:",
                "      arguments:",
                f"        to: {to}",
                "        field: message_id",
            ]
    return [" " * indent + line for line in lines]


def _about(description: str, indent: int) -> list[str]:
    return [" " * indent + f"description: {json.dumps(description, ensure_ascii=False)}"]


if __name__ == "__main__":
    (FOLDER / "models" / "sources.yml").write_text(sources(), "utf-8")
    (FOLDER / "models" / "models.yml").write_text(models(), "utf-8")
