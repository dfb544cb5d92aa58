"""SQL that finds the newest rows where every load's rows were appended: Parquet files.

In: the folder of a dataset, and how DuckDB or Spark reads it. Out: statements that make a view for
each table. Refuses to know dlt, and to read anything.

A load writes its rows under its load id, `_dlt_load_id`. The rows that count are those of loads
that finished, of which dlt keeps a record; and of these the newest ones, as a merge would have left
them. Load ids are seconds since the epoch as Python prints a float: as texts they sort like the
numbers they are, until 2286, and no process gives one twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from feishu_source.tables import DELETED, Table

Dialect = Literal["duckdb", "spark"]

LOAD_ID = "_dlt_load_id"
LOADS = "_dlt_loads"
"""dlt's folder of one small file a finished load; its name ends with `__LOAD_ID.jsonl`."""

_LOAD_ID_IN_NAME = "__([0-9.]+)[.]jsonl$"


@dataclass(frozen=True, slots=True)
class DuckDbFiles:
    """How DuckDB reads the files of a dataset; its views are in a schema of the dataset's name."""

    url: str
    dataset: str

    def prepare(self) -> Iterable[str]:
        """What the views need."""
        yield f'CREATE SCHEMA IF NOT EXISTS "{self.dataset}"'

    def rows(self, table: Table) -> str:
        """All versions of all rows."""
        files = _quoted(f"{self.url}/{table.name}/**/*.parquet")
        return f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"

    def loads(self) -> str:
        """The ids of the loads that finished: names alone, of which there are many."""
        files, pattern = _quoted(f"{self.url}/{LOADS}/*.jsonl"), _quoted(_LOAD_ID_IN_NAME)
        return f"SELECT regexp_extract(file, {pattern}, 1) FROM glob({files})"

    def create(self, table: Table, select: str) -> Iterable[str]:
        """A view that every reader of the database sees."""
        yield f'CREATE OR REPLACE VIEW "{self.dataset}"."{table.name}" AS\n{select}'


@dataclass(frozen=True, slots=True)
class SparkFiles:
    """How Spark reads them; its views are temporary, since those alone may read a path."""

    url: str
    dataset: str

    @property
    def path(self) -> str:
        """Hadoop calls S3 by another name."""
        return self.url.replace("s3://", "s3a://", 1)

    def prepare(self) -> Iterable[str]:
        """The records of loads, without their content."""
        yield self._scan(f"{self.dataset}{LOADS}", "binaryFile", f"{self.path}/{LOADS}")

    def rows(self, table: Table) -> str:
        """All versions of all rows, by the view that `create` puts before."""
        return f"{self.dataset}_{table.name}_versions"

    def loads(self) -> str:
        """The ids of the loads that finished."""
        pattern = _quoted(_LOAD_ID_IN_NAME)
        return f"SELECT regexp_extract(path, {pattern}, 1) FROM {self.dataset}{LOADS}"

    def create(self, table: Table, select: str) -> Iterable[str]:
        """Two views: what is in the files, and what of it counts."""
        yield self._scan(self.rows(table), "parquet", f"{self.path}/{table.name}")
        yield f"CREATE OR REPLACE TEMPORARY VIEW {self.dataset}_{table.name} AS\n{select}"

    def _scan(self, name: str, kind: str, path: str) -> str:
        return (
            f"CREATE OR REPLACE TEMPORARY VIEW {name} USING {kind} OPTIONS (\n"
            f"  path {_quoted(path)}, recursiveFileLookup 'true', mergeSchema 'true')"
        )


READERS: dict[Dialect, type[DuckDbFiles | SparkFiles]] = {
    "duckdb": DuckDbFiles,
    "spark": SparkFiles,
}


def view_statements(tables: Iterable[Table], url: str, dataset: str, dialect: Dialect) -> list[str]:
    """The statements that make a view of the newest rows for each of these tables.

    Args:
        tables: those that have files: a view over none cannot be made.
        url: the folder of the dataset, without a slash at its end.
        dataset: its name, by which the views are called.
        dialect: who will read.
    """
    files = READERS[dialect](url.rstrip("/"), dataset)
    statements = [*files.prepare()]
    for table in tables:
        select = newest(table, files.rows(table), files.loads())
        statements += files.create(table, select)
    return statements


def newest(table: Table, rows: str, loads: str) -> str:
    """The query that leaves of all rows those that a merge of every load would have left.

    What a table `replaces` goes together: rows count only if they are of the newest load that
    wrote that value, a tombstone included, which counts by not being there. A row stands twice
    where a load was copied twice, or while files are compacted; then both are the same.
    """
    columns = ",\n  ".join([*table.names, LOAD_ID])
    key = ", ".join(table.key)
    conditions = ["_version = 1"]
    windows = [f"row_number() OVER (PARTITION BY {key} ORDER BY {LOAD_ID} DESC) AS _version"]
    if table.replaces:
        windows.append(f"max({LOAD_ID}) OVER (PARTITION BY {table.replaces}) AS _newest_load")
        conditions += [f"{LOAD_ID} = _newest_load", f"NOT {DELETED}"]
    return (
        f"SELECT\n  {columns}\nFROM (\n  SELECT *,\n    "
        + ",\n    ".join(windows)
        + f"\n  FROM {rows}\n  WHERE {LOAD_ID} IN ({loads})\n) AS versions\n"
        f"WHERE {' AND '.join(conditions)}"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
