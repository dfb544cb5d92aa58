"""What the warehouse holds: rows, and the versions of a pipeline's state.

In: a dlt pipeline. Out: counts and versions; None where the destination cannot be asked by SQL.
Refuses to know Feishu.
"""

from __future__ import annotations

from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.common.versioned_state import decompress_state

from feishu_source.destination import describe
from feishu_source.tables import MESSAGES

KEPT_STATES = 10
"""Versions of the state kept at the destination: dlt keeps all, 3 GB a year for 10,000 chats."""


def count_messages(pipeline: dlt.Pipeline) -> int | None:
    """Rows of `messages`, 0 if there is no such table, None where SQL cannot be asked."""
    try:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name(MESSAGES.name)
            rows = client.execute_sql(f"SELECT count(*) FROM {table}")
    except DestinationUndefinedEntity:
        return 0
    except SqlClientNotAvailable:
        return None
    return int(rows[0][0]) if rows else None


def newest_state(pipeline: dlt.Pipeline) -> tuple[int, set[str]] | None:
    """The newest version of this pipeline's state and what is stored under it, by hash.

    0 if there is none; two hashes if two machines made a version each.
    """
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


def other_states(pipeline: dlt.Pipeline) -> list[dict[str, Any]]:
    """Of each other pipeline that loaded into this dataset, its resources' newest state.

    Of finished loads only: their rows are there. Nothing where SQL cannot be asked.
    """
    try:
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
            rows = [row for name in names or () for row in client.execute_sql(newest, *name) or ()]
    except (DestinationUndefinedEntity, SqlClientNotAvailable):
        return []
    sources = [decompress_state(row[0]).get("sources", {}) for row in rows]
    return [source.get("feishu", {}).get("resources", {}) for source in sources]


def prune_states(pipeline: dlt.Pipeline) -> None:
    """Deletes old versions of this pipeline's state; the newest are kept, dlt needs one."""
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
    if describe(pipeline).database:
        with pipeline.sql_client() as client:
            client.execute_sql("CHECKPOINT")
