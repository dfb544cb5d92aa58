"""What Dagster is told of a history: how it is loaded, its tables, what a load did, what is amiss.

In: an app, a warehouse; reports and rows. Out: a resource, and the words of `dagster_definitions`.
What takes long to import is imported by a run: definitions are loaded far more often.
"""

# No `from __future__ import annotations`: Dagster reads the types of resources as they stand.

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from feishu_source.tables import (
    CHAT_ANNOUNCEMENTS,
    CHAT_MEMBERS,
    CHAT_PINS,
    CHAT_TABS,
    CHATS,
    FORWARDED,
    LINKS,
    MENTIONS,
    MESSAGES,
    NAMES_SEEN,
    REACTIONS,
    REJECTED,
    RESOURCE_FILES,
    RESOURCES,
    SYNC_COVERAGE,
    SYNC_RUNS,
    TABLES,
    THREADS,
    USERS,
    Table,
)

if TYPE_CHECKING:
    from feishu_source import LoadReport

PARENTS: Mapping[Table, Sequence[Table]] = {
    CHATS: (),
    CHAT_MEMBERS: (CHATS,),
    CHAT_PINS: (CHATS,),
    CHAT_TABS: (CHATS,),
    CHAT_ANNOUNCEMENTS: (CHATS,),
    MESSAGES: (CHATS,),
    MENTIONS: (MESSAGES,),
    LINKS: (MESSAGES,),
    RESOURCES: (MESSAGES,),
    RESOURCE_FILES: (RESOURCES,),
    REACTIONS: (MESSAGES,),
    FORWARDED: (MESSAGES,),
    THREADS: (MESSAGES,),
    NAMES_SEEN: (CHAT_MEMBERS, MESSAGES, MENTIONS),
    USERS: (NAMES_SEEN,),
    REJECTED: (CHATS,),
    SYNC_COVERAGE: (MESSAGES, THREADS),
    SYNC_RUNS: (SYNC_COVERAGE,),
}
"""What each table is read from, or tells about."""

MOST_NAMED = 20
"""Chats whose names a check's description tells; all of them stand in its metadata."""


class FeishuHistory(dg.ConfigurableResource):
    """The app that reads, and the warehouse that is loaded; dlt's configuration has the rest.

    The secret is an `EnvVar`, so that Dagster stores its name only. Without app_id and app_secret,
    credentials are those of dlt's configuration, such as a user's token or a store app's ticket.
    """

    app_id: str | None = None
    app_secret: str | None = None
    destination: str = "duckdb"
    database: str = "feishu_history.duckdb"
    dataset: str = "feishu"
    pipelines_dir: str | None = None

    def load(
        self, shard: str | None, **arguments: Any
    ) -> tuple["LoadReport", dict[str, int | None]]:
        """One load, and how many rows each table holds after it, None where nobody can count.

        Raises:
            FeishuError: as `feishu_source.load` does.
        """
        from feishu_source import load, open_pipeline
        from feishu_source.holdings import count_rows

        pipeline = open_pipeline(**self._place(shard), pipelines_dir=self.pipelines_dir)
        access: dict[str, Any] = {
            "app_id": self.app_id,
            "app_secret": self.app_secret,
            "shard": shard,
        }
        report = load(pipeline, **access, **arguments)
        return report, {name: count_rows(pipeline, table) for name, table in TABLES.items()}

    def coverage(self, shard: str | None) -> list[dict[str, Any]]:
        """All rows of `sync_coverage`, times in milliseconds; nothing before the first load."""
        from feishu_source.destination import plan_pipeline
        from feishu_source.holdings import read_rows

        plan = plan_pipeline(**self._place(shard))
        if plan.place.database and not Path(plan.place.database).exists():
            return []  # looking would make the file
        # A folder of its own: that of the pipeline may be in use.
        with tempfile.TemporaryDirectory() as folder:
            pipeline = plan.open(Path(folder))
            pipeline.sync_destination()
            rows = read_rows(pipeline, SYNC_COVERAGE)
        return [dict(zip(SYNC_COVERAGE.names, row, strict=True)) for row in rows]

    def _place(self, shard: str | None) -> dict[str, Any]:
        return {
            "destination": self.destination,
            "database": self.database,
            "dataset": self.dataset,
            "shard": shard,
        }


def spec_of(table: Table, history: FeishuHistory) -> dg.AssetSpec:
    """A table as it is declared, which is how the warehouse has it."""
    columns = [
        dg.TableColumn(
            column.name,
            column.type,
            column.description,
            dg.TableColumnConstraints(
                nullable=column.nullable,
                other=["key"] if column.name in table.key else [],
            ),
        )
        for column in table.columns
    ]
    return dg.AssetSpec(
        [history.dataset, table.name],
        deps=[[history.dataset, parent.name] for parent in PARENTS[table]],
        description=table.description,
        group_name="feishu",
        kinds={"dlt", history.destination},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns),
            "dagster/table_name": f"{history.dataset}.{table.name}",
        },
    )


def account_of(report: "LoadReport") -> dict[str, Any]:
    """What a load did and what it cost, as `sync_runs` has it."""
    names = ("run_id", "exit_code", "requests", "refused", "retries", "slices", "rejected")
    return {name: getattr(report, name) for name in names} | {"seconds": report.seconds}


def metadata_of(
    report: "LoadReport", counts: Mapping[str, int | None]
) -> dict[str, dict[str, Any]]:
    """Of each table: how many rows it has, and its part of what the load did."""
    metadata: dict[str, dict[str, Any]] = {
        name: {} if count is None else {"dagster/row_count": count}
        for name, count in counts.items()
    }
    metadata[MESSAGES.name] |= {"messages": report.messages, "replies": report.replies}
    if report.new is not None:
        metadata[MESSAGES.name]["new"] = report.new
    names = ("chats_complete", "chats_partial", "chats_skipped", "chats_failed")
    metadata[SYNC_COVERAGE.name] |= {name: getattr(report, name) for name in names}
    if report.pinned_end:
        end = dg.MetadataValue.timestamp(report.pinned_end)
        metadata[SYNC_COVERAGE.name]["pinned_end"] = end
    metadata[SYNC_RUNS.name] |= account_of(report)
    return metadata


def is_skipped(row: Mapping[str, Any]) -> bool:
    """True of a chat that could not be read when it was last tried."""
    return row["status"] in ("skipped", "failed")


def covered_until(row: Mapping[str, Any]) -> datetime:
    """Up to when everything of a chat is loaded, or known to be nothing."""
    end_ms = max(row["covered_until"] or 0, row["idle_until"] or 0)
    return datetime.fromtimestamp(end_ms / 1_000, UTC)


def result_of(
    name: str, asset: dg.AssetKey, rows: Sequence[Any], bad: Sequence[Mapping[str, Any]]
) -> dg.AssetCheckResult:
    """Failed if there are such chats, or no chats at all; it names them."""
    words = [f"{row['chat_name'] or 'a chat without a name'} ({row['chat_id']})" for row in bad]
    more = [f"and {len(words) - MOST_NAMED:,} more"] if len(words) > MOST_NAMED else []
    metadata: dict[str, Any] = {"chats": len(rows), "failing": len(bad)}
    if bad:
        metadata["which"] = dg.MetadataValue.table([dg.TableRecord(_told(row)) for row in bad])
    return dg.AssetCheckResult(
        passed=bool(rows) and not bad,
        asset_key=asset,
        check_name=name,
        description=", ".join([*words[:MOST_NAMED], *more]) if rows else "no chat was ever loaded",
        metadata=metadata,
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a chat that is amiss; Dagster's tables take no null."""
    shown = ("chat_id", "chat_name", "status", "error_code", "error_message", "advice_en")
    told = {key: "" if row[key] is None else row[key] for key in shown}
    return told | {"covered_until": str(covered_until(row)), "log_id": row["log_id"] or ""}
