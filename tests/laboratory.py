"""What the two laboratories share: a tenant on loopback, and the truth to compare rows with.

In: what happens in the tenant. Out: requests that were made, and whether the tables are right.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from feishu_source.sandbox import Request, Sandbox, World

Row = dict[str, Any]

START_MS = 1_767_225_600_000
"""2026-01-01 UTC, where the worlds of these tests begin."""
DAY_S = 86_400
MESSAGES = "/open-apis/im/v1/messages"

VOLATILE = {
    "last_listed_at",
    "content_hash",
    "last_polled_at",
    "_dlt_load_id",
    "_deleted",
    "log_id",
}
"""Columns that depend on the reader; tests of their own hold them."""
FROM_MESSAGES = (
    "messages",
    "message_mentions",
    "message_links",
    "message_resources",
    "message_reactions",
    "forwarded_messages",
    "threads",
)


class Laboratory:
    """One world and its sandbox; what loads it, and into what, is for those who inherit."""

    compared: tuple[str, ...] = FROM_MESSAGES

    def __init__(self, world: World, **sandbox: Any) -> None:
        self.world = world
        self.sandbox = Sandbox(world, **sandbox)

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sandbox.__exit__(kind, error, trace)

    @property
    def base_url(self) -> str:
        """Where the tenant is."""
        return self.sandbox.base_url

    @property
    def access(self) -> dict[str, Any]:
        """What a load needs to reach the tenant; no test waits between two attempts."""
        return {
            "base_url": self.base_url,
            "app_id": self.sandbox.app_id,
            "app_secret": self.sandbox.app_secret,
            "back_off_base_s": 0.0,
            "requests_per_second": 1_000_000,
            "requests_per_minute": 60_000_000,
        }

    def rows(self, table: str) -> list[Row]:
        """All rows of a table."""
        raise NotImplementedError

    def listings(self, chat_id: str) -> list[Request]:
        """The requests for a chat's timeline since the last load began."""
        return [
            request
            for request in self.sandbox.requests
            if request.path == MESSAGES and request.query.get("container_id") == chat_id
        ]

    def polls(self) -> list[str]:
        """The threads asked for since the last load began, a request each."""
        return [
            request.query["container_id"]
            for request in self.sandbox.requests
            if request.query.get("container_id_type") == "thread"
        ]

    def assert_equals_truth(
        self, *, chat_ids: list[str] | None = None, without: Collection[str] = (), **kind: Any
    ) -> None:
        """Every table equals the tenant's truth, in every column that it fixes, or `without`."""
        truth = self.world.truth(chat_ids, **kind)
        topics = {row["chat_id"] for row in truth["chats"] if row["chat_mode"] == "topic"}
        for table in self.compared:
            expected = {_key(row): row for row in map(_comparable, truth[table])}
            found = {_key(row): row for row in map(_comparable, self.rows(table))}
            if table == "threads":  # topic groups are polled until their first flat reply only
                expected, found = _without(topics, expected), _without(topics, found)
            assert not sorted(expected.keys() - found.keys())[:3], f"{table}: lost"
            assert not sorted(found.keys() - expected.keys())[:3], f"{table}: too many"
            different = {key: _difference(found[key], expected[key]) for key in expected}
            different = {k: {n: d[n] for n in d if n not in without} for k, d in different.items()}
            assert not [(key, d) for key, d in different.items() if d][:3], table


def _without(chat_ids: set[str], rows: dict[Any, Row]) -> dict[Any, Row]:
    return {key: row for key, row in rows.items() if row["chat_id"] not in chat_ids}


def _comparable(row: Mapping[str, Any]) -> Row:
    values = {name: value for name, value in row.items() if name not in VOLATILE}
    if isinstance(values.get("extra"), str):
        values["extra"] = json.loads(values["extra"])
    return values


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    if "thread_id" in row and "status" in row:
        return (row["thread_id"],)
    index = [value for name, value in row.items() if name.endswith("_index")]
    if "path" in row:
        return (row["container_message_id"], row["path"])
    if "message_id" in row:
        return (row["message_id"], *index, row.get("reaction_id"))
    return (row["chat_id"], row.get("member_id"))


def _difference(found: Row, expected: Row) -> Row:
    return {
        name: (found.get(name), expected.get(name))
        for name in found.keys() | expected.keys()
        if found.get(name) != expected.get(name)
    }


def at(seconds: float) -> datetime:
    """The instant so many seconds after the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
