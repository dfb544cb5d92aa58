"""The stories in Parquet files, in a folder and in a bucket, read by DuckDB through the views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from feishu_source import latest_views
from feishu_source.filesystem_destination import files_client
from tests.crash_points import OF_FILES
from tests.laboratory import Row
from tests.nursery import Nursery
from tests.warehouses.buckets import bucket
from tests.warehouses.stories import Stories, WarehouseLab, small_world

WHERE = {"destination": "filesystem"}


class ParquetLab(WarehouseLab):
    """A warehouse of Parquet files."""

    def rows(self, table: str) -> list[Row]:
        """All rows of a table's view."""
        pipeline = self.synced()
        files = files_client(pipeline)
        assert files
        with duckdb.connect() as connection:
            connection.execute("SET timezone = 'UTC'")
            if not files.is_local_filesystem:  # DuckDB's own S3 is an extension to be downloaded
                connection.register_filesystem(files.fs_client)
            for statement in latest_views(pipeline):
                connection.execute(statement)
            found = connection.execute(f"SELECT * FROM feishu.{table}")
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


class TestParquet(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A folder of its own."""
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
        with ParquetLab(tmp_path, small_world(), WHERE) as lab:
            yield lab

    @pytest.mark.parametrize("point", OF_FILES)
    def test_a_kill_that_only_files_know(
        self, warehouse: WarehouseLab, nursery: Nursery, point: str
    ) -> None:
        """Half a copy is no file of Parquet; a load that is noted is read again, not doubled."""
        self.kill_twice(warehouse, nursery, point)


class TestParquetInABucket(Stories):
    """The same over S3's API."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A bucket of its own."""
        with bucket() as environment, ParquetLab(tmp_path, small_world(), WHERE) as lab:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            yield lab
