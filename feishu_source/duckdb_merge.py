"""DuckDB merges rows right from the files they were extracted into.

In: a load package whose files hold the rows of tables. Out: these rows in the tables, each table
as a whole or not at all. Refuses to know which tables, and how the database is opened.

Left alone, dlt copies the files into tables of a staging dataset and merges from there: each row is
written twice, most of what a load costs DuckDB. A kill at any moment leaves the files, and merging
them again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, cast

from dlt.common.destination.client import (
    FollowupJobRequest,
    HasFollowupJobs,
    LoadJob,
    RunnableLoadJob,
)
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema.typing import TColumnProp, TTableSchema
from dlt.common.schema.utils import get_columns_names_with_prop, get_nested_tables
from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.job_client_impl import SqlLoadJob
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlFollowupJob

from feishu_source.open_files import MEMORY_MB, MOST_THREADS, is_out_of_memory, open_files

_log = logging.getLogger(__name__)

_ROWS = "{rows of the files}"
"""In the statements of a merge: where its files stand is known when it runs."""
VECTOR_ROWS = 2_048
"""That DuckDB works on at once. Source: https://duckdb.org/docs/stable/internals/vector"""
MOST_ATTEMPTS = 4
"""With twice as much memory each time; a machine may not have much more."""
_POSITION = f"(file_index::BIGINT * {2**40} + file_row_number)"
"""Where a row stands among those of all files, as one number: pairs take DuckDB twice as long."""


class MergingClient(DuckDbClient):
    """dlt's client, which stages only what cannot be merged from files."""

    def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
        """False where the rows are merged from their files."""
        if self._merges(self.prepare_load_table(table_name)):
            return False
        return super().should_load_data_to_staging_dataset(table_name)

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """A file is left as it is, and merged once those of its table are together."""
        if not self._merges(table):
            return super().create_load_job(table, file_path, load_id, restore)
        if not SqlLoadJob.is_sql_job(file_path):
            return _Left(file_path)
        more_mb = _more_mb(_rows_beside(file_path, str(table["name"])))
        open_files.allow(self.config.credentials.database, MEMORY_MB + more_mb)
        return _Merge(file_path)

    def _create_merge_followup_jobs(
        self, table_chain: Sequence[PreparedTableSchema]
    ) -> list[FollowupJobRequest]:
        if not self._merges(table_chain[0]):
            return super()._create_merge_followup_jobs(table_chain)
        return [_MergeRequest.from_table_chain(table_chain, self.sql_client)]

    def complete_load(self, load_id: str) -> None:
        """What an older version left staged goes: dlt empties only what it stages into."""
        super().complete_load(load_id)
        with self.with_staging_dataset():
            if self.sql_client.has_dataset() and self._is_left_from_before():
                self.sql_client.drop_dataset()  # as a whole: dlt makes anew what it needs of it

    def _is_left_from_before(self) -> bool:
        """True if the staging dataset has tables whose rows are merged from their files."""
        found = self.sql_client.execute_sql(
            "SELECT table_name FROM duckdb_tables()"
            " WHERE database_name = current_database() AND schema_name = %s",
            self.sql_client.dataset_name,
        )
        staged = {row[0] for row in found or ()} & {*self.schema.data_table_names()}
        return any(self._merges(self.prepare_load_table(name)) for name in staged)

    def _merges(self, table: PreparedTableSchema) -> bool:
        """True of every table of this source; whatever else a pipeline loads is left to dlt."""
        keys = _columns(table, "primary_key")
        return (
            table["write_disposition"] == "merge"
            and table.get("x-merge-strategy") == "delete-insert"
            and table.get("file_format") == "parquet"
            and bool(keys)
            and {*_columns(table, "merge_key")} <= {*keys}
            and not _columns(table, "dedup_sort")
            and len(get_nested_tables(self.schema.tables, str(table["name"]))) == 1
        )


class _Left(RunnableLoadJob, HasFollowupJobs):
    """A file whose rows stay in it until all files of its table are there."""

    def run_managed(self, _client: Any, done_event: BoundedSemaphore, /) -> None:
        """Done at once, without a connection: many that open and close a file at once collide."""
        self._done_event = done_event
        self._release("completed")

    def run(self) -> None:
        """Nothing is copied."""


class _MergeRequest(SqlFollowupJob):
    """The statements of a merge, for the job that is begun behind the files of a table."""

    @classmethod
    def generate_sql(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any]
    ) -> list[str]:
        """Deletes what the rows replace, by their key or that of rows that go together; inserts
        one of each key, but none that only says that something goes."""
        table = table_chain[0]
        name = sql_client.make_qualified_table_name(str(table["name"]))

        def columns(hint: TColumnProp) -> list[str]:
            return [sql_client.escape_column_name(column) for column in _columns(table, hint)]

        keys = columns("primary_key")
        same = " AND ".join(f"d.{key} = s.{key}" for key in columns("merge_key") or keys)
        stays = "".join(f" AND {mark} IS NOT TRUE" for mark in columns("hard_delete"))
        return [
            f"DELETE FROM {name} AS d WHERE EXISTS (SELECT 1 FROM {_ROWS} AS s WHERE {same})",
            f"INSERT INTO {name} BY NAME SELECT * EXCLUDE (file_row_number) FROM {_ROWS}"
            f" WHERE {_POSITION} IN (SELECT max({_POSITION}) FROM {_ROWS}"
            f" GROUP BY {', '.join(keys)}){stays}",
        ]


class _Merge(SqlLoadJob):
    """A merge from the files of its table that stand beside it in the package."""

    def run(self) -> None:
        """Runs the statements in one transaction; again with more memory, if there was too little.

        DuckDB spills what it sorts and joins, but long texts are held until they are committed.
        """
        statements = Path(self._file_path).read_text("utf-8").splitlines()
        paths = _rows_beside(self._file_path, self.load_table_name)
        files = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in paths)
        rows = f"read_parquet([{files}], union_by_name=true, file_row_number=true)"
        statements = [statement.replace(_ROWS, rows) for statement in statements]
        attempts = 1 if self._credentials.is_limited else MOST_ATTEMPTS
        while not self._ran(statements, is_last=attempts == 1):
            attempts -= 1

    @property
    def _credentials(self) -> Any:
        return self._job_client.config.credentials

    def _ran(self, statements: Sequence[str], *, is_last: bool) -> bool:
        """True if they ran, False if they may run again with twice as much memory."""
        client = self._job_client.sql_client
        path = self._credentials.database
        given_mb = open_files.memory_mb(path)
        try:
            with client.begin_transaction():
                for statement in statements:
                    client.execute_sql(statement)
        except DatabaseException as error:
            if is_last or not is_out_of_memory(error):
                raise
            _log.info(
                "%d MB do not do to merge %s: once more with twice as much",
                given_mb,
                self.load_table_name,
            )
            open_files.allow(path, 2 * given_mb)
            client.execute_sql(f"SET GLOBAL memory_limit = '{open_files.memory_mb(path)}MB'")
            return False
        return True


def _rows_beside(file_path: str, table_name: str) -> list[Path]:
    """The files that a merge in the same package reads."""
    folder = Path(file_path).parents[1] / PackageStorage.COMPLETED_JOBS_FOLDER
    return [
        path
        for path in sorted(folder.glob("*.parquet"))
        if ParsedLoadJobFileName.parse(path.name).table_name == table_name
    ]


def _more_mb(paths: Iterable[Path]) -> int:
    """What the rows of files need beside what ordinary ones do, for which it is next to nothing.

    DuckDB holds the texts of a vector of rows up to three times, and each thread a group of rows
    that it reads. A file has equal texts once, so it may tell too little.
    """
    import pyarrow.parquet as pq  # not before rows are merged: whoever only builds a pipeline waits

    files = [pq.read_metadata(path) for path in paths]
    groups = [file.row_group(number) for file in files for number in range(file.num_row_groups)]
    sizes = [int(group.total_byte_size) for group in groups]
    rows = [max(1, group.num_rows) for group in groups]
    vector = max((VECTOR_ROWS * size // n for size, n in zip(sizes, rows, strict=True)), default=0)
    held, read = min(vector, sum(sizes)), min(vector, max(sizes, default=0))
    return (3 * held + MOST_THREADS * read) // 1_000_000


def _columns(table: PreparedTableSchema, hint: TColumnProp) -> list[str]:
    return get_columns_names_with_prop(cast(TTableSchema, table), hint)
