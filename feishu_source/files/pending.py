"""Which resources are still to be decided on, asked of the warehouse in portions.

In: a dlt pipeline to a database. Out: resources, newest message first; those whose file is there
already under the same key. Refuses to know how files are fetched.

Every value in the SQL is a number, a word of this package, or an id whose shape was checked.

Decisions are kept by (message_id, resource_key), and the message is the one that is asked: for what
stands in a merged forward that is the outermost one. A table of such resources would be one more to
ask here, under that message_id.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable

from feishu_source.errors import ConfigurationError
from feishu_source.tables import MESSAGES, RESOURCE_FILES, RESOURCES

MOST_ATTEMPTS = 5
"""Loads that ask for a file which fails for a passing reason, before it is left alone."""

PORTION = 200
"""Resources that are asked for at once: what a kill makes a load ask for again, at most."""

_IDS_A_QUERY = 500
_NO_LIMIT = {"mssql", "synapse"}
"""Destinations whose SQL knows no LIMIT."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a message that is to be decided on; `attempts` were made by earlier loads."""

    message_id: str
    key: str
    kind: str
    chat_id: str
    create_ms: int
    file_name: str | None
    msg_type: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: of these types, of these chats (None: of all) but not of those left out."""

    types: tuple[str, ...]
    most_bytes: int
    run_id: str
    chats: Sequence[str] | None
    left_out: Collection[str]


def can_tell(destination: str) -> bool:
    """Whether SQL finds what is due in this kind of destination, as dlt calls it, if it has SQL."""
    return destination not in {"filesystem", *_NO_LIMIT}


def check_warehouse(pipeline: dlt.Pipeline) -> None:
    """What is due can be found there by SQL.

    Raises:
        ConfigurationError: it cannot.
    """
    kind = pipeline.destination.destination_type.rpartition(".")[2]
    try:
        if not can_tell(kind):
            raise SqlClientNotAvailable("pipeline", pipeline.pipeline_name, kind)
        pipeline.sql_client()
    except SqlClientNotAvailable:
        raise ConfigurationError(
            f"files are found by SQL in what is loaded, and {kind} cannot be asked so: leave "
            "--files out, or load into a database such as DuckDB, PostgreSQL or BigQuery."
        ) from None


class Pending:
    """The resources that are due in a pipeline's dataset, as the rows stand when they are asked."""

    def __init__(self, pipeline: dlt.Pipeline, due: Due) -> None:
        self._pipeline = pipeline
        self._due = due

    def portion(self) -> list[Resource]:
        """The next ones, each once; none when nothing is due any more."""
        found: dict[tuple[str, str], Resource] = {}
        with self._pipeline.sql_client() as client:
            for chats in self._chunks():
                for row in self._rows(client, self._query(client, chats)):
                    resource = _read(row)
                    found[resource.message_id, resource.key] = resource
                if found:
                    break
        return list(found.values())

    def known(self, keys: Collection[str]) -> Mapping[str, tuple[Any, ...]]:
        """Of these keys, those whose file is there: its path, size, hash and type."""
        if not keys:
            return {}
        with self._pipeline.sql_client() as client:
            files, name = self._files(client), client.escape_column_name
            if files is None:
                return {}
            columns = ("resource_key", "path", "size", "sha256", "content_type")
            rows = client.execute_sql(
                f"SELECT {', '.join(map(name, columns))} FROM {files} WHERE {name('status')} = "
                f"'stored' AND {name('resource_key')} IN ({_listed(keys)})"
            )
        return {row[0]: tuple(row[1:]) for row in rows or ()}

    def _chunks(self) -> Iterator[Sequence[str] | None]:
        chats = self._due.chats
        if chats is None:
            yield None
            return
        for start in range(0, len(chats), _IDS_A_QUERY):
            yield chats[start : start + _IDS_A_QUERY]

    def _query(self, client: Any, chats: Sequence[str] | None) -> str:
        due, name = self._due, client.escape_column_name
        resources = client.make_qualified_table_name(RESOURCES.name)
        messages = client.make_qualified_table_name(MESSAGES.name)
        files = self._files(client)
        columns = ", ".join(
            f"r.{name(column)}"
            for column in (
                *("message_id", "resource_key", "resource_type", "chat_id"),
                *("create_time", "file_name"),
            )
        )
        where = [f"r.{name('resource_type')} IN ({_listed(due.types)})"]
        if chats is not None:
            where.append(f"r.{name('chat_id')} IN ({_listed(chats)})")
        if due.left_out:
            where.append(f"r.{name('chat_id')} NOT IN ({_listed(due.left_out)})")
        joined, attempts = "", "0"
        if files is not None:
            status, tried = f"f.{name('status')}", f"f.{name('attempts')}"
            attempts = f"COALESCE({tried}, 0)"
            joined = (
                " LEFT JOIN "
                + files
                + " f ON "
                + " AND ".join(
                    f"f.{name(column)} = r.{name(column)}" for column in RESOURCE_FILES.key
                )
            )
            where.append(
                # Without a match ClickHouse gives an empty text, others nothing.
                f"(COALESCE({status}, '') = ''"
                f" OR ({status} = 'failed' AND {tried} < {MOST_ATTEMPTS}"
                f" AND f.{name('run_id')} <> '{due.run_id}')"
                f" OR ({status} = 'too_large' AND f.{name('size')} <= {due.most_bytes}"
                f" AND f.{name('run_id')} <> '{due.run_id}'))"
            )
        return (
            f"SELECT {columns}, m.{name('msg_type')}, {attempts} FROM {resources} r"
            f" LEFT JOIN {messages} m ON m.{name('message_id')} = r.{name('message_id')}{joined}"
            f" WHERE {' AND '.join(where)} ORDER BY r.{name('create_time')} DESC,"
            f" r.{name('message_id')}, r.{name('resource_index')} LIMIT {PORTION}"
        )

    def _files(self, client: Any) -> str | None:
        """The table of decisions, None while there is none."""
        table = str(client.make_qualified_table_name(RESOURCE_FILES.name))
        try:
            client.execute_sql(f"SELECT count(*) FROM {table} WHERE 1 = 0")
        except DestinationUndefinedEntity:
            return None
        return table

    def _rows(self, client: Any, sql: str) -> Sequence[tuple[Any, ...]]:
        try:
            return client.execute_sql(sql) or ()
        except DestinationUndefinedEntity:  # no message has had a resource yet
            return ()


def _listed(values: Collection[str]) -> str:
    """The values as SQL writes them, without any in which more than a word could hide."""
    plain = sorted(value for value in values if re.fullmatch(r"[A-Za-z0-9_.=~-]+", value))
    return ", ".join(f"'{value}'" for value in plain) or "''"


def _read(row: tuple[Any, ...]) -> Resource:
    message_id, key, kind, chat_id, create_time, file_name, msg_type, attempts = row
    create_ms = _to_ms(create_time)
    return Resource(
        *(message_id, key, kind, chat_id, create_ms, file_name, msg_type or None, int(attempts))
    )


def _to_ms(value: Any) -> int:
    """Clients of databases give times with a zone, without, or as texts, all of them UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000)
