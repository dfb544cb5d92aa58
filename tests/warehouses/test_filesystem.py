"""The stories in Parquet files, in a folder and in a bucket, read by DuckDB through the views."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from feishu_source import latest_views
from feishu_source.filesystem_destination import files_client
from tests.crash_points import OF_FILES
from tests.laboratory import Row
from tests.nursery import Nursery
from tests.warehouses.buckets import bucket
from tests.warehouses.stories import Stories, WarehouseLab, small_world, talk

WHERE = {"destination": "filesystem"}


class ParquetLab(WarehouseLab):
    """A warehouse of Parquet files."""

    lake: Path
    _open: duckdb.DuckDBPyConnection | None = None

    def assert_equals_truth(self, **kind: Any) -> None:
        """All tables are looked at through the same views: making them asks the bucket a lot."""
        with self._views() as self._open:
            try:
                super().assert_equals_truth(**kind)
            finally:
                self._open = None

    def rows(self, table: str) -> list[Row]:
        """All rows of a table's view."""
        return self.run(f"SELECT * FROM feishu.{table}")

    def run(self, sql: str) -> list[Row]:
        """A statement of DuckDB's over the views."""
        with nullcontext(self._open) if self._open else self._views() as connection:
            found = connection.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    @contextmanager
    def _views(self) -> Iterator[duckdb.DuckDBPyConnection]:
        pipeline = self.synced()
        files = files_client(pipeline)
        assert files
        with duckdb.connect() as connection:
            connection.execute("SET timezone = 'UTC'")
            if not files.is_local_filesystem:  # DuckDB's own S3 is an extension to be downloaded
                connection.register_filesystem(files.fs_client)
            for statement in latest_views(pipeline):
                connection.execute(statement)
            yield connection


class TestParquet(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A folder of its own."""
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
        with ParquetLab(tmp_path, small_world(), WHERE) as lab:
            lab.lake = tmp_path / "lake"
            yield lab

    @pytest.mark.parametrize("point", OF_FILES)
    def test_a_kill_that_only_files_know(
        self, warehouse: WarehouseLab, nursery: Nursery, point: str
    ) -> None:
        """Half a copy is no file of Parquet; a load that is noted is read again, not doubled."""
        self.kill_twice(warehouse, nursery, point, at=(3, 3))  # the second time in a slice

    def test_compacted_files_hold_the_same(self, warehouse: ParquetLab) -> None:
        """At every instant of it, and for what is loaded afterwards."""
        drawn = random.Random(1)
        warehouse.load(slice_messages=100)
        for _ in range(2):
            talk(warehouse.world, drawn)
            warehouse.load()
        for table in warehouse.compared:
            folder = warehouse.lake / "feishu" / table
            files = sorted(folder.iterdir())  # oldest first
            before = sorted(warehouse.rows(table), key=repr)
            warehouse.run(f"COPY (SELECT * FROM feishu.{table}) TO '{folder}/compacted.parquet'")
            assert sorted(warehouse.rows(table), key=repr) == before
            for file in files:
                file.unlink()
                assert sorted(warehouse.rows(table), key=repr) == before
        talk(warehouse.world, drawn)
        warehouse.load()
        warehouse.assert_equals_truth()


class TestParquetInABucket(Stories):
    """The same over S3's API."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A bucket of its own."""
        with bucket() as environment, ParquetLab(tmp_path, small_world(), WHERE) as lab:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            yield lab
