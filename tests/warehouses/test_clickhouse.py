"""What ClickHouse would be told, and what its engine, here in this process, makes of it.

No test reaches a server: how dlt connects and sends files is not tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from chdb import session as chdb_session
from sqlglot import exp

from feishu_source.tables import TABLES, Table
from tests.warehouses.stories import small_world, talk
from tests.warehouses.unreached import EVERY_TABLE, Told, Unreached
from tests.warehouses.unreached import told as told_of

CREDENTIALS = {
    "host": "clickhouse.example",
    "database": "history",
    "username": "loader",
    "password": "not a password",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """After an extract; nothing is sent."""
    with told_of("clickhouse", CREDENTIALS, tmp_path_factory.mktemp("clickhouse")) as made:
        yield made


class TestClickHouse(Unreached):
    """The tables, column by column."""

    types: ClassVar = {
        "text": "String",
        "json": "String",
        "bool": "Bool",
        "bigint": "Int64",
        "double": "Float64",
        "ts": "DateTime64(6, 'UTC')",
    }
    load_id_type = "String"
    describes_columns = False

    def type_of(self, column: Any) -> str:
        """What may be null is a type of its own."""
        kind = self.types[column.type]
        return f"Nullable({kind})" if column.nullable else kind

    def is_nullable(self, column: exp.ColumnDef) -> bool:
        """By its type."""
        return str(column.args["kind"].sql("clickhouse")).startswith("Nullable(")

    def compared(self, delete: exp.Expression) -> set[str]:
        """The columns of `(…) IN (…)`."""
        return {column.name for column in delete.args["where"].this.this.find_all(exp.Column)}


@EVERY_TABLE
def test_a_table_is_sorted_by_its_key(told: Told, table: Table) -> None:
    """Rows are found by it when they are merged."""
    ddl = told.ddl(table.name)[0]
    keys = ", ".join(f"`{name}`" for name in table.key)
    assert "\nENGINE = MergeTree\n" in ddl
    assert f"\nPRIMARY KEY ({keys})" in ddl


@EVERY_TABLE
def test_messages_and_what_hangs_on_them_are_partitioned_by_quarter(
    told: Told, table: Table
) -> None:
    """Not by the instant, nor by the month: a block of a hundred partitions is refused."""
    _, _, partition = told.ddl(table.name)[0].partition("\nPARTITION BY ")
    assert partition == ("toStartOfQuarter(create_time)" if table.partition else "")


class Engine:
    """ClickHouse in this process: the tables, and what is loaded into them."""

    def __init__(self, told: Told, folder: Path) -> None:
        self.told = told
        untyped: Any = chdb_session
        self.session = untyped.Session(str(folder))
        self.session.query("CREATE DATABASE history")
        for name in TABLES:
            for staging in (False, True):
                for statement in told.ddl(name, staging=staging):
                    self.session.query(statement)

    def merge(self, files: dict[str, list[Path]]) -> None:
        """Stages the files of a slice and merges them."""
        for name, paths in files.items():
            if name not in TABLES:
                continue
            self.session.query(f"TRUNCATE TABLE history.feishu_staging___{name}")
            for path in paths:
                self.session.query(
                    f"INSERT INTO history.feishu_staging___{name}"
                    f" SELECT * FROM file('{path}', 'Parquet')"
                )
            for statement in self.told.merge(name):
                self.session.query(statement)

    def keys(self, table: str) -> list[str]:
        """The keys of all rows."""
        keys = ", ".join(TABLES[table].key)
        found = self.session.query(f"SELECT {keys} FROM history.feishu___{table}", "CSV")
        return sorted(str(found).splitlines())


def test_its_engine_merges_what_the_tenant_holds(tmp_path: Path) -> None:
    """First load, then edits, recalls and replies; a slice that is merged twice changes nothing."""
    world, drawn = small_world(), random.Random(3)
    with told_of("clickhouse", CREDENTIALS, tmp_path / "dlt", world=world) as told:
        engine, files = Engine(told, tmp_path / "engine"), told.first
        try:
            for _ in range(3):
                for _ in range(2):
                    engine.merge(files)
                    truth = world.truth()
                    for name in ("messages", "message_mentions", "message_links"):
                        rows = [[row[key] for key in TABLES[name].key] for row in truth[name]]
                        assert engine.keys(name) == sorted(map(as_csv, rows)), name
                world.advance(600)
                talk(world, drawn)
                files = told.extract()
        finally:
            engine.session.close()


def as_csv(values: list[Any]) -> str:
    """As ClickHouse writes a row of texts and numbers."""
    return ",".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
