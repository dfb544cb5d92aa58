"""The tables: one declaration each, from which Arrow schema, dlt hints and documentation follow.

In: nothing. Out: `TABLES`, and of each table its dlt hints and its descriptions.
Refuses to know where rows come from.
"""

from __future__ import annotations

from feishu_source.tables.chats import CHAT_ANNOUNCEMENTS, CHAT_MEMBERS, CHAT_PINS, CHAT_TABS, CHATS
from feishu_source.tables.messages import (
    FORWARDED,
    LINKS,
    MENTIONS,
    MESSAGES,
    REACTIONS,
    RESOURCE_FILES,
    RESOURCES,
    THREADS,
)
from feishu_source.tables.people import NAMES_SEEN, USERS
from feishu_source.tables.sync import REJECTED, SYNC_COVERAGE, SYNC_RUNS
from feishu_source.tables.table import DELETED, DLT, Column, ColumnType, Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CHATS,
        MESSAGES,
        MENTIONS,
        LINKS,
        RESOURCES,
        RESOURCE_FILES,
        REACTIONS,
        FORWARDED,
        THREADS,
        CHAT_MEMBERS,
        CHAT_PINS,
        CHAT_TABS,
        CHAT_ANNOUNCEMENTS,
        NAMES_SEEN,
        USERS,
        REJECTED,
        SYNC_COVERAGE,
        SYNC_RUNS,
    )
}

__all__ = [
    "CHATS",
    "CHAT_ANNOUNCEMENTS",
    "CHAT_MEMBERS",
    "CHAT_PINS",
    "CHAT_TABS",
    "DELETED",
    "DLT",
    "FORWARDED",
    "LINKS",
    "MENTIONS",
    "MESSAGES",
    "NAMES_SEEN",
    "REACTIONS",
    "REJECTED",
    "RESOURCES",
    "RESOURCE_FILES",
    "SYNC_COVERAGE",
    "SYNC_RUNS",
    "TABLES",
    "THREADS",
    "USERS",
    "Column",
    "ColumnType",
    "Table",
]
