"""Delta and Iceberg tables: what a load writes takes the place of what stood there, in one commit.

In: a table as dlt prepared it, and the Parquet files of one load. Out: a commit of the table.
Refuses to know what the rows mean.

This is dlt's delete-insert, which dlt itself does in databases only: rows go whose key is written
anew, or whose `merge_key` is; rows that are marked as deleted are not put there. A commit that is
repeated leaves the same rows.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.filesystem.filesystem import (
    DeltaLoadFilesystemJob,
    IcebergLoadFilesystemJob,
)

_MATCH = "_match_"
"""Begins the names of columns that say which rows go; they are in no table."""


def _key(table: Any) -> list[str]:
    """The columns whose values decide which rows go: the merge key holds the primary key's."""
    merge_key = get_columns_names_with_prop(table, "merge_key")
    return merge_key or get_columns_names_with_prop(table, "primary_key")


def _staying(table: Any) -> ds.Expression | None:
    """Which of the written rows are put there: all but those that only remove."""
    marks = get_columns_names_with_prop(table, "hard_delete")
    return ~ds.field(marks[0]) if marks else None


def _rows_in(files: Sequence[str]) -> ds.Dataset:
    """What the files hold; dlt's load ids come as dictionaries, which no table has."""
    schema = ds.dataset(files).schema
    for number, field in enumerate(schema):
        if pa.types.is_dictionary(field.type):
            schema = schema.set(number, field.with_type(field.type.value_type))
    return ds.dataset(files, schema)


def _distinct(rows: ds.Dataset, key: list[str]) -> pa.Table:
    """The keys that are written, each once."""
    return rows.to_table(key).group_by(key).aggregate([]).select(key)


# Delta


class DeltaReplace(DeltaLoadFilesystemJob):
    """Writes a load's rows into a Delta table, by one merge.

    Its source are the keys that go, and then the rows that come, whose own key is hidden from the
    match: so they are inserted whatever stands there.
    """

    def run(self) -> None:
        """One commit; the first load makes the table before it."""
        rows, key = _rows_in(self.file_paths), _key(self._load_table)
        table = self._open(rows.schema)
        merge = table.merge(
            _keys_and_rows(rows, key, _staying(self._load_table)),
            " AND ".join(f"target.{column} = source.{_MATCH}{column}" for column in key),
            source_alias="source",
            target_alias="target",
            streamed_exec=self._job_client.config.deltalake_streamed_exec,
        )
        merge.when_matched_delete().when_not_matched_insert(
            {column: f"source.{column}" for column in rows.schema.names},
            predicate=f"source.{_MATCH}{key[0]} IS NULL",
        ).execute()

    def _open(self, schema: pa.Schema) -> Any:
        """The table, with every column that is to be written."""
        from deltalake import DeltaTable
        from dlt.common.libs.deltalake import deltalake_storage_options, evolve_delta_table_schema

        client, name = self._job_client, self.load_table_name
        try:
            return evolve_delta_table_schema(client.load_open_table("delta", name), schema)
        except DestinationUndefinedEntity:
            config = client.config
            return DeltaTable.create(
                client.get_open_table_location("delta", name),
                schema,
                configuration=config.deltalake_configuration,
                storage_options=deltalake_storage_options(
                    config.credentials, config.deltalake_storage_options
                ),
            )


def _keys_and_rows(rows: ds.Dataset, key: list[str], staying: ds.Expression | None) -> pa.Table:
    """The keys that go, then the rows that come, of one slice.

    A table, not a reader over a generator: deltalake's few threads would wait for Python's lock
    with each batch, while another merge, or the opening of a table, holds that lock and waits for
    those threads. Loads hung for ever so.
    """
    marks = [pa.field(_MATCH + column, rows.schema.field(column).type) for column in key]
    schema = pa.schema([field.with_nullable(True) for field in [*rows.schema, *marks]])
    gone, coming = _distinct(rows, key), rows.to_table(filter=staying)
    nothing = [pa.nulls(len(gone), field.type) for field in rows.schema]
    hidden = [pa.nulls(len(coming), mark.type) for mark in marks]
    return pa.concat_tables(
        [
            pa.table([*nothing, *gone.columns], schema=schema),
            pa.table([*coming.columns, *hidden], schema=schema),
        ]
    )


# Iceberg


class IcebergReplace(IcebergLoadFilesystemJob):
    """Writes a load's rows into an Iceberg table, by one overwrite of what they replace."""

    def run(self) -> None:
        """One commit; the first load makes the table before it."""
        from pyiceberg.table.upsert_util import create_match_filter

        rows, key = _rows_in(self.file_paths), _key(self._load_table)
        table, gone = self._open(rows.schema), _distinct(rows, key)
        coming = rows.scanner(filter=_staying(self._load_table)).to_reader()
        # Neither that nothing is replaced nor that a column holds nothing is news here.
        warnings.filterwarnings("ignore", "Delete operation did not match any records")
        logging.getLogger("pyiceberg.io.pyarrow").setLevel(logging.ERROR)
        if table.current_snapshot() is None or not len(gone):
            table.append(coming)
        else:
            table.overwrite(coming, create_match_filter(gone, key))

    def _open(self, schema: pa.Schema) -> Any:
        """The table, with every column that is to be written."""
        from dlt.common.libs.pyiceberg import create_table

        client, name = self._job_client, self.load_table_name
        try:
            return client.load_open_table("iceberg", name, schema=schema)
        except DestinationUndefinedEntity:
            create_table(
                client.get_open_table_catalog("iceberg"),
                f"{client.dataset_name}.{name}",
                table_location=client.get_open_table_location("iceberg", name),
                schema=schema,
                properties=client.config.iceberg_table_properties,
            )
            return client.load_open_table("iceberg", name)


# What is there


def count_rows(table: Any) -> int:
    """How many rows a Delta or Iceberg table has, by what it notes of its files."""
    return int(table.count() if hasattr(table, "count") else table.scan().count())


def read_columns(table: Any, names: Sequence[str]) -> pa.Table:
    """These columns of all rows of a Delta or Iceberg table."""
    if hasattr(table, "to_pyarrow_table"):
        return table.to_pyarrow_table(columns=list(names))
    return table.scan(selected_fields=tuple(names)).to_arrow()
