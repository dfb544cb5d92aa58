"""What a table is: its columns, and what dlt must be told of it.

In: a declaration. Out: its dlt hints. Refuses to know which tables there are, and Arrow: tables are
declared far more often than filled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

ColumnType = Literal["text", "bool", "bigint", "double", "ts", "json"]
"""`ts`: UTC, microseconds. `json`: text that holds JSON; BigQuery takes no json from Parquet."""

DLT: dict[ColumnType, str] = {
    "text": "text",
    "json": "text",
    "bool": "bool",
    "bigint": "bigint",
    "double": "double",
    "ts": "timestamp",
}

_QUARTER = "toStartOfQuarter({})"
"""ClickHouse refuses a block of rows of more than 100 partitions: quarters last for 25 years."""

DELETED = "_deleted"
"""Marks a row that only says: what stood under this key before is gone (dlt's hard delete)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, whether it may be null, and what it means."""

    name: str
    type: ColumnType
    nullable: bool
    description: str


@dataclass(frozen=True, eq=False)
class Table:
    """One table: rows are merged on `key`; `replaces` names the column whose rows go together.

    A table with `replaces` is a child: writing any row for a value of that column first removes
    what stood there, and a tombstone row (`_deleted` true) alone removes without adding.
    `partition` is a time by which a destination may divide the table, `cluster` the columns by
    which it may sort it, the most telling first.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    replaces: str | None = None
    partition: str | None = None
    cluster: tuple[str, ...] = field(default=())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def hints(self) -> dict[str, Any]:
        """What dlt must be told; every table states all of it, since variants inherit the rest."""
        return {
            "table_name": self.name,
            "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
            "primary_key": list(self.key),
            "merge_key": [self.replaces] if self.replaces else (),
            "columns": {column.name: self._column_hints(column) for column in self.columns},
            "additional_table_hints": self._layout(),
        }

    def _layout(self) -> dict[str, Any]:
        """Description and layout, by the name under which each destination looks for them.

        Not by dlt's hints for all, `partition` and `cluster` of a column: Databricks, ClickHouse
        and Delta make a partition of each instant of them, Redshift two DISTKEYs, Snowflake a key
        that begins with a random id, and BigQuery loses their order.
        """
        hints: dict[str, Any] = {
            "description": self.description,
            "x-bigquery-table-description": self.description,
        }
        if self.cluster:
            hints["x-bigquery-cluster-columns"] = list(self.cluster)
        if self.partition:
            hints["x-clickhouse-partition"] = _QUARTER.format(self.partition)
        return hints

    def _column_hints(self, column: Column) -> dict[str, Any]:
        hints: dict[str, Any] = {
            "name": column.name,
            "data_type": DLT[column.type],
            "nullable": column.nullable,
            "description": column.description,
        }
        if column.name == DELETED:
            hints["hard_delete"] = True
        if column.name == self.partition:
            hints["x-bigquery-partition"] = True
        if self.partition and column.name in (self.partition, *self.cluster[:1]):
            hints["x-databricks-cluster"] = True
        return hints


def columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    """Columns from (name, type with `?` where it may be null, description)."""
    return tuple(
        Column(name, kind.rstrip("?"), kind.endswith("?"), description)  # type: ignore[arg-type]
        for name, kind, description in rows
    )


TOMBSTONE = (DELETED, "bool", "Technical: true only in rows that remove what stood here before.")
CHILD: dict[str, Any] = {
    "replaces": "message_id",
    "partition": "create_time",
    "cluster": ("chat_id", "message_id"),
}
"""Of a table whose rows hang on a message."""
