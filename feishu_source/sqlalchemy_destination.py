"""SQLite, MySQL, MariaDB through SQLAlchemy: long texts fit, and a merge costs what it brings.

In: settings of dlt's destination. Out: dlt's SQLAlchemy destination with these manners. Refuses to
know what is loaded into it.

Left alone, dlt's merge looks through all staged rows for each row of a table: there are no indexes,
and these databases make none for a statement. Ten thousand messages take seconds, a million days.
And in MySQL its texts end at 64 KB, in whatever alphabet the server has by default.

A second load that would stage its rows where the first does is kept out: by a lock of the server,
and where there is none by one of a file beside that of the database.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dlt
import sqlalchemy as sa
from dlt.common.destination.client import FollowupJobRequest
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.sqlalchemy.merge_job import SqlalchemyMergeFollowupJob
from dlt.destinations.impl.sqlalchemy.sqlalchemy_job_client import SqlalchemyJobClient
from filelock import FileLock, Timeout
from sqlalchemy.dialects import mysql

from feishu_source.load_lock import ConnectionLock, LoadLock, key_of

_MYSQL = ("mysql", "mariadb")
_BYTES = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
"""All of Unicode; two texts are equal if their bytes are, not if they sound alike."""

_LONG = sa.Text().with_variant(mysql.LONGTEXT(**_BYTES), *_MYSQL)
_KEY = sa.Text().with_variant(mysql.VARCHAR(191, **_BYTES), *_MYSQL)
"""What MySQL can index; Feishu's ids are a third as long at most."""


class _Merge(SqlalchemyMergeFollowupJob):
    """dlt's merge, whose rows to delete are found by an index."""

    @classmethod
    def gen_merge_sql(cls, table_chain: Sequence[Any], sql_client: Any) -> list[str]:
        with warnings.catch_warnings():
            # dlt numbers staged rows in no order, which it writes as a query of nothing.
            warnings.filterwarnings("ignore", "implicitly coercing SELECT", sa.exc.SAWarning)
            delete, *rest = super().gen_merge_sql(table_chain, sql_client)
        (table,) = table_chain  # no table of this source has nested ones
        keys = _replaced_by(table)
        if len(keys) > 1:  # of rejected messages, which are few
            return [delete, *rest]
        loaded = sql_client.get_existing_table(table["name"])
        staged = sql_client.to_dataset_table(loaded, staging=True)
        key, staged_key = loaded.c[keys[0]], staged.c[keys[0]]
        # A list of keys is looked up by SQLite, and gone through for each row by MariaDB.
        is_mysql = sql_client.dialect_name in _MYSQL
        found = key == staged_key if is_mysql else key.in_(sa.select(staged_key))
        return [str(loaded.delete().where(found).compile(sql_client.engine)), *rest]


def _replaced_by(table: Any) -> list[str]:
    """The columns by whose values rows that stand there are replaced."""
    keys = get_columns_names_with_prop(table, "merge_key")
    return list(keys or get_columns_names_with_prop(table, "primary_key"))


class _Client(SqlalchemyJobClient):
    def _to_column_object(self, schema_column: Any, table: Any) -> sa.Column[Any]:
        column = super()._to_column_object(schema_column, table)
        if isinstance(column.type, sa.Text):
            column.type = _KEY if schema_column["name"] in _replaced_by(table) else _LONG
        return column

    def _to_table_object(self, schema_table: Any) -> sa.Table:
        table = super()._to_table_object(schema_table)
        keys = _replaced_by(schema_table)
        name = f"{schema_table['name']}_{keys[0]}" if keys else None
        if name and name not in {index.name for index in table.indexes}:
            sa.Index(name, *(table.c[key] for key in keys))  # which tells its table
        return table

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[FollowupJobRequest]:
        for table in table_chain:
            self._to_table_object(table)
        return [_Merge.from_table_chain(table_chain, self.sql_client)]


class _Sqlalchemy(dlt.destinations.sqlalchemy):
    @property
    def client_class(self) -> type[SqlalchemyJobClient]:
        return _Client

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.sqlalchemy"


def sqlalchemy_destination(**settings: Any) -> Any:
    """The dlt destination `sqlalchemy`.

    Args:
        settings: of dlt's destination; what is left out, configuration gives.
    """
    return _Sqlalchemy(**settings)


def load_lock(client: Any) -> LoadLock | None:
    """What keeps other loads out of the client's staging dataset; None where nothing can."""
    staging = client.staging_dataset_name
    if client.dialect_name in _MYSQL:
        name = key_of(staging).hex()[:40]  # MySQL's names of locks end at 64 signs
        take, give = f"SELECT GET_LOCK('{name}', 0)", f"SELECT RELEASE_LOCK('{name}')"
        return ConnectionLock(client, [take], give)
    if client.dialect_name != "sqlite" or client._sqlite_is_memory_db():
        return None
    database = Path(client.database_name).resolve()
    if not database.parent.is_dir():  # which SQLite tells, and a lock would make
        return None
    return _BesideFile(database.with_name(f"{database.name}.{staging}.lock"))


class _BesideFile:
    """A lock of a file, which the operating system takes from a process that ends."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def hold(self) -> bool:
        if not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        return True

    def release(self) -> None:
        self._lock.release()
