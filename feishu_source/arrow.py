"""Rows become Arrow tables.

In: a table as it is declared, and rows in the order of its columns. Out: an Arrow table.
Refuses to know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pyarrow as pa

from feishu_source.tables import ColumnType, Table

Row = tuple[Any, ...]

ARROW: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "bool": pa.bool_(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "ts": pa.timestamp("us", tz="UTC"),
}


@cache
def schema_of(table: Table) -> pa.Schema:
    """The Arrow schema, with nullability as declared: dlt warns of keys that may be null."""
    return pa.schema([pa.field(c.name, ARROW[c.type], nullable=c.nullable) for c in table.columns])


def to_arrow(table: Table, rows: list[Row]) -> pa.Table:
    """An Arrow table of rows in column order, whose times are milliseconds since the epoch."""
    schema = schema_of(table)
    columns = zip(*rows, strict=True) if rows else ([] for _ in table.columns)
    arrays = [to_array(field.type, values) for field, values in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def to_array(type_: pa.DataType, values: Iterable[Any]) -> pa.Array:
    """One column, times in milliseconds as above."""
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.timestamp("ms", tz="UTC")).cast(type_)
    return pa.array(values, type_)
