"""What the warehouse holds: rows, and the versions of a pipeline's state.

In: a dlt pipeline. Out: counts and versions; None where the destination cannot be asked by SQL.
Refuses to know Feishu.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

import dlt
from dlt.common.destination.exceptions import (
    DestinationException,
    DestinationUndefinedEntity,
    SqlClientNotAvailable,
)
from dlt.common.versioned_state import decompress_state

from feishu_source.arrow import Row
from feishu_source.destination import database_of, describe
from feishu_source.errors import ConfigurationError
from feishu_source.filesystem_destination import FilesClient, files_client
from feishu_source.tables import MESSAGES, Table

KEPT_STATES = 10
"""Versions of the state kept at the destination: dlt keeps all, 3 GB a year for 10,000 chats."""


def count_rows(pipeline: dlt.Pipeline, table: Table) -> int | None:
    """Rows of a table, 0 if there is no such table, None where they cannot be counted.

    In Parquet files stand versions of rows.
    """
    if files := files_client(pipeline):
        return files.count_rows(table.name)
    try:
        with pipeline.sql_client() as client:
            name = client.make_qualified_table_name(table.name)
            rows = client.execute_sql(f"SELECT count(*) FROM {name}")
    except DestinationUndefinedEntity:
        return 0
    except SqlClientNotAvailable:
        return None
    return int(rows[0][0]) if rows else None


def newest_state(pipeline: dlt.Pipeline) -> tuple[int, set[str]] | None:
    """The newest version of this pipeline's state and what is stored under it, by hash.

    0 if there is none; two hashes if two machines made a version each, of which files show the one
    that dlt would take.
    """
    if files := files_client(pipeline):
        return _state_in_files(files, pipeline.pipeline_name)
    try:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name("_dlt_pipeline_state")
            version = client.escape_column_name("version")
            rows = client.execute_sql(
                f"SELECT {version}, version_hash FROM {table} WHERE pipeline_name = %s",
                pipeline.pipeline_name,
            )
    except DestinationUndefinedEntity:
        return 0, set()
    except SqlClientNotAvailable:
        return None
    newest = max((int(row[0]) for row in rows or ()), default=0)
    return newest, {row[1] for row in rows or () if row[0] == newest}


def stored_states(pipeline: dlt.Pipeline) -> Counter[str]:
    """How often each of this pipeline's states is stored, by hash.

    Nothing of files, to which rows go unstaged, nor of a DuckDB file, which nobody else enters
    while a package is loaded: there two loads at once cost requests and no rows.
    """
    if files_client(pipeline) or database_of(pipeline):
        return Counter()
    try:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name("_dlt_pipeline_state")
            rows = client.execute_sql(
                f"SELECT version_hash FROM {table} WHERE pipeline_name = %s", pipeline.pipeline_name
            )
    except (DestinationUndefinedEntity, SqlClientNotAvailable):
        return Counter()
    return Counter(row[0] for row in rows or ())


def other_states(pipeline: dlt.Pipeline) -> list[dict[str, Any]]:
    """Of each other pipeline that loaded into this dataset, its resources' newest state.

    Of finished loads only: their rows are there. Nothing where neither SQL nor files can be asked.
    """
    files = files_client(pipeline)
    try:
        packed = _others_in_files(files, pipeline) if files else _others_by_sql(pipeline)
    except (DestinationUndefinedEntity, SqlClientNotAvailable):
        return []
    sources = [decompress_state(state).get("sources", {}) for state in packed]
    return [source.get("feishu", {}).get("resources", {}) for source in sources]


def _others_in_files(files: FilesClient, pipeline: dlt.Pipeline) -> list[str]:
    states = files.newest_states()
    return [states[name] for name in states if name != pipeline.pipeline_name]


def _others_by_sql(pipeline: dlt.Pipeline) -> list[str]:
    with pipeline.sql_client() as client:
        states = client.make_qualified_table_name("_dlt_pipeline_state")
        loads = client.make_qualified_table_name("_dlt_loads")
        version, status = map(client.escape_column_name, ("version", "status"))
        finished = (
            f"FROM {states} AS s JOIN {loads} AS l ON l.load_id = s._dlt_load_id"
            f" WHERE l.{status} = 0 AND"
        )
        names = client.execute_sql(
            f"SELECT s.pipeline_name, max(s.{version}) {finished} s.pipeline_name <> %s"
            " GROUP BY s.pipeline_name",
            pipeline.pipeline_name,
        )
        newest = f"SELECT s.state {finished} s.pipeline_name = %s AND s.{version} = %s"
        return [row[0] for name in names or () for row in client.execute_sql(newest, *name) or ()]


def _state_in_files(files: FilesClient, pipeline_name: str) -> tuple[int, set[str]]:
    try:
        found = files.get_stored_state(pipeline_name)
    except DestinationUndefinedEntity:
        found = None
    return (found.version, {str(found.version_hash)}) if found else (0, set())


def check_clock(pipeline: dlt.Pipeline) -> None:
    """Files know their order by the ids of loads alone, which are what a clock said.

    Raises:
        ConfigurationError: the newest load there is ahead of this machine's clock.
    """
    files = files_client(pipeline)
    newest_s = max(map(float, files.finished_loads()), default=0.0) if files else 0.0
    if newest_s > (now_s := time.time()):
        raise ConfigurationError(
            f"this machine's clock is {newest_s - now_s:,.0f} s behind the newest load in "
            f"{describe(pipeline).dataset}, and what is loaded now would count as older: set the "
            "clock, or load again later."
        )


def are_files_gone(pipeline: dlt.Pipeline) -> bool:
    """True if `messages` is kept in files and there are none: a database refuses, files cannot."""
    files = files_client(pipeline)
    return files is not None and not files.has_files(MESSAGES.name)


def last_rows(pipeline: Any, table: Table, ids: Collection[str] | None = None) -> list[Row]:
    """The destination's rows of these ids, times in milliseconds; none where it cannot be asked.

    An id is the value of the table's first column; without any all rows are given.
    """
    try:
        return [row for row in _all_rows(pipeline, table) if ids is None or row[0] in ids]
    except (SqlClientNotAvailable, DestinationException):  # no SQL, or a table of older columns
        return []


def read_rows(pipeline: Any, table: Table) -> list[Row]:
    """All rows of a table, times in milliseconds; none if there is no such table.

    Raises:
        DestinationException, SqlClientNotAvailable: the destination cannot be asked.
    """
    try:
        return _all_rows(pipeline, table)
    except DestinationUndefinedEntity:
        return []


def _all_rows(pipeline: Any, table: Table) -> list[Row]:
    if files := files_client(pipeline):
        found = files.newest_rows(table)
    else:
        found = _rows_by_sql(pipeline, table)
    return [tuple(map(_to_ms, row)) for row in found]


def _rows_by_sql(pipeline: Any, table: Table) -> list[Row]:
    with pipeline.sql_client() as client:
        name = client.make_qualified_table_name(table.name)
        return client.execute_sql(f"SELECT {', '.join(table.names)} FROM {name}") or []


def _to_ms(value: Any) -> Any:
    return int(value.timestamp() * 1_000) if isinstance(value, datetime) else value


def prune_states(pipeline: dlt.Pipeline) -> None:
    """Deletes old versions of this pipeline's state; the newest are kept, dlt needs one.

    Among files dlt does so itself.
    """
    if files_client(pipeline):
        return
    newest = pipeline.state["_state_version"]
    try:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name("_dlt_pipeline_state")
            version = client.escape_column_name("version")
            client.execute_sql(
                f"DELETE FROM {table} WHERE pipeline_name = %s AND {version} <= %s",
                pipeline.pipeline_name,
                newest - KEPT_STATES,
            )
    except (DestinationUndefinedEntity, SqlClientNotAvailable):
        return


def checkpoint(pipeline: dlt.Pipeline) -> None:
    """Moves what DuckDB committed from its write-ahead log into the file; nothing elsewhere."""
    if database_of(pipeline):
        with pipeline.sql_client() as client:
            client.execute_sql("CHECKPOINT")
