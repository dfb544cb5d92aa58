"""The dlt resources: names and hints, declared; what reads them is imported when one is read.

In: options, or a session that its caller keeps. Out: the resources `chats`, `chat_members`,
`chat_pins`, `chat_tabs`, `chat_announcements`, `messages`, `threads`. Refuses to know how
they are read: an orchestrator builds a source every few seconds, and reads it once an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource

from feishu_source.options import Options
from feishu_source.tables import (
    CHAT_ANNOUNCEMENTS,
    CHAT_MEMBERS,
    CHAT_PINS,
    CHAT_TABS,
    CHATS,
    MESSAGES,
    THREADS,
    Table,
)

if TYPE_CHECKING:
    from feishu_source.session import Session

Read = Callable[[], Iterator[Any]]


def make_resources(asked: Options | Session) -> list[DltResource]:
    """The resources of one source; they share a session, made when the first of them is read."""

    @cache
    def readers() -> Mapping[str, Read]:
        from feishu_source.reading import readers_of  # with Arrow and most of this package

        return readers_of(asked)

    return [
        declare(CHATS, lambda: readers()[CHATS.name]()),
        declare(CHAT_MEMBERS, lambda: readers()[CHAT_MEMBERS.name]()),
        declare(CHAT_PINS, lambda: readers()[CHAT_PINS.name]()),
        declare(CHAT_TABS, lambda: readers()[CHAT_TABS.name]()),
        declare(CHAT_ANNOUNCEMENTS, lambda: readers()[CHAT_ANNOUNCEMENTS.name]()),
        # Its tables inherit what hints it has, columns and all: so each of them brings its own.
        dlt.resource(lambda: readers()[MESSAGES.name](), name=MESSAGES.name, file_format="parquet"),
        declare(THREADS, lambda: readers()[THREADS.name]()),
    ]


def declare(table: Table, data: Any) -> DltResource:
    """A resource that fills one table, with all hints of that table."""
    hints = {key: value for key, value in table.hints.items() if value != ()}
    layout = hints.pop("additional_table_hints")
    resource: DltResource = dlt.resource(data, name=table.name, file_format="parquet", **hints)
    resource.apply_hints(additional_table_hints=layout)
    return resource
