"""The stories in Delta tables, in a folder and in a bucket, read by the library deltalake."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from feishu_source.filesystem_destination import files_client
from tests.laboratory import Row
from tests.nursery import Nursery
from tests.warehouses.buckets import ENDPOINT, KEY, REGION, bucket
from tests.warehouses.open_table_stories import OpenTableStories
from tests.warehouses.stories import Stories, WarehouseLab, small_world, talk

WHERE = {"destination": "filesystem"}


class DeltaLab(WarehouseLab):
    """A warehouse of Delta tables."""

    options: dict[str, str] | None = None

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, by nothing but its place."""
        files = files_client(self.pipeline())
        assert files
        found = DeltaTable(f"{files.dataset_url}/{table}", storage_options=self.options)
        rows: list[Row] = found.to_pyarrow_table().to_pylist()
        return rows


class TestDelta(OpenTableStories):
    """What every such warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A folder of its own."""
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
        monkeypatch.setenv("DESTINATION__FILESYSTEM__TABLE_FORMAT", "delta")
        with DeltaLab(tmp_path, small_world(), WHERE) as lab:
            yield lab

    def test_that_the_files_of_messages_are_gone_is_told(
        self, warehouse: WarehouseLab, tmp_path: Path
    ) -> None:
        """The state claims what they held; reading all again brings it back."""
        assert warehouse.load().warnings == []
        shutil.rmtree(tmp_path / "lake" / "feishu" / "messages")
        (warning,) = warehouse.load(full=True).warnings
        assert "the files of messages are gone" in warning
        assert warehouse.load().warnings == []
        assert len(warehouse.rows("messages")) == 200


class TestDeltaInABucket(Stories):
    """The same over S3's API."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A bucket of its own."""
        with bucket() as environment, DeltaLab(tmp_path, small_world(), WHERE) as lab:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("DESTINATION__FILESYSTEM__TABLE_FORMAT", "delta")
            lab.options = {
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": KEY,
                "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL": environment[ENDPOINT],
                "AWS_ALLOW_HTTP": "true",
            }
            yield lab

    def test_merges_side_by_side_do_not_wait_for_each_other_for_ever(
        self, warehouse: WarehouseLab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With one thread of deltalake's own, which needs Python's lock for nothing it reads."""
        with monkeypatch.context() as patch:
            patch.setenv("TOKIO_WORKER_THREADS", "1")
            with Nursery() as narrow:
                for number in range(3):
                    narrow.start(warehouse.where, warehouse.access | {"slice_messages": 60})
                    assert narrow.wait() == 0
                    talk(warehouse.world, random.Random(number))
        assert warehouse.load().exit_code == 0
        warehouse.assert_equals_truth()
