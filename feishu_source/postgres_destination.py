"""PostgreSQL as a destination: rows copied from Parquet through ADBC, whatever text they hold.

In: settings of dlt's destination. Out: dlt's PostgreSQL destination with these manners. Refuses to
know what is loaded.

dlt's own copy fails on a file without rows, by which a table is made that has none yet, and on a
password with a blank in it. PostgreSQL's text holds every character but U+0000; in its place stands
U+FFFD, in `body_content` and `extra` as well, where JSON writes it as an escape and is not touched.

And two merges that bring the same row at once would leave it twice: neither sees what the other
has inserted and not yet committed. So one waits for the other, table by table; who reads does not.

A second load that would stage its rows where the first does is kept out by an advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from adbc_driver_manager import dbapi
from dlt.common.destination.client import FollowupJobRequest
from dlt.destinations.impl.postgres.factory import get_adbc_driver_location
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from feishu_source.load_lock import ConnectionLock, LoadLock, key_of


class _CopyJob(PostgresParquetCopyJob):
    """Copies a file in one transaction."""

    def run(self) -> None:
        with pq.ParquetFile(self._file_path) as file:
            if not file.metadata.num_rows:
                return
            rows = pa.RecordBatchReader.from_batches(file.schema_arrow, _batches(file))
            catalog, schema = self._set_catalog_and_schema()
            place: dict[str, Any] = {"catalog_name": catalog, "db_schema_name": schema}
            with self._connect() as connection, connection.cursor() as cursor:
                cursor.adbc_ingest(self.load_table_name, rows, mode="append", **place)
                connection.commit()

    def _connect(self) -> Any:
        credentials: Any = self._job_client.config.credentials
        uri = credentials.to_native_representation().replace(" ", "%20")
        return dbapi.connect(driver=get_adbc_driver_location(), db_kwargs={"uri": uri})


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """A row group at a time: it holds the words of one batch, many would not fit into an array."""
    for number in range(file.num_row_groups):
        yield from map(without_nul, file.read_row_group(number).to_batches())


class _Merge(SqlMergeFollowupJob):
    """dlt's merge, one at a time in each table."""

    @classmethod
    def gen_merge_sql(cls, table_chain: Sequence[Any], sql_client: Any) -> list[str]:
        table = sql_client.make_qualified_table_name(table_chain[0]["name"])
        lock = f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;"
        return [lock, *super().gen_merge_sql(table_chain, sql_client)]


class _Client(PostgresClient):
    """dlt's, with that copy and that merge."""

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[FollowupJobRequest]:
        return [_Merge.from_table_chain(table_chain, self.sql_client)]

    def create_load_job(
        self, table: Any, file_path: str, load_id: str, restore: bool = False
    ) -> Any:
        job = super().create_load_job(table, file_path, load_id, restore)
        return _CopyJob(file_path) if isinstance(job, PostgresParquetCopyJob) else job


class _Postgres(dlt.destinations.postgres):
    """dlt's, with that client."""

    @property
    def client_class(self) -> type[PostgresClient]:
        return _Client

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.postgres"


def postgres_destination(**settings: Any) -> Any:
    """The dlt destination `postgres`.

    Args:
        settings: of dlt's destination; what is left out, configuration gives.
    """
    return _Postgres(**settings)


def load_lock(client: Any) -> LoadLock:
    """What keeps other loads out of the client's staging dataset.

    A lock of a transaction, not of a session: a pooler that lends connections for a transaction
    would give a session's to whoever comes next. It holds no snapshot, so nothing that is deleted
    meanwhile has to be kept for it, and servers that end idle transactions leave it alone.
    """
    number = int.from_bytes(key_of(client.staging_dataset_name)[:8], "big", signed=True)
    take = (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        "SET LOCAL application_name = 'feishu-history'",
        f"SELECT pg_try_advisory_xact_lock({number})",
    )
    return ConnectionLock(client, take, is_transaction=True)


def without_nul(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows, with U+FFFD for each U+0000; a batch without any is given back as it is."""
    columns = dict(_cleaned(batch))
    if not columns:
        return batch
    arrays = [
        columns.get(name, array) for name, array in zip(batch.schema.names, batch, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _cleaned(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    for name, array in zip(batch.schema.names, batch, strict=True):
        if pa.types.is_string(array.type) and pc.any(pc.match_substring(array, "\0")).as_py():
            yield name, pc.replace_substring(array, "\0", "\ufffd")
