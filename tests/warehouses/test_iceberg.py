"""The stories in Iceberg tables, with a catalog in SQLite, read by pyiceberg through a scan."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog import load_catalog

from tests.crash_points import OF_OPEN_TABLES
from tests.laboratory import Row
from tests.nursery import Nursery
from tests.warehouses.stories import Stories, WarehouseLab, small_world, talk


class IcebergLab(WarehouseLab):
    """A warehouse of Iceberg tables."""

    catalog: dict[str, str]

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, by its name in the catalog."""
        found = load_catalog("default", **self.catalog).load_table(f"feishu.{table}")
        rows: list[Row] = found.scan().to_arrow().to_pylist()
        return rows


class TestIceberg(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseLab]:
        """A folder and a catalog of its own."""
        lake = tmp_path / "lake"
        catalog = {
            "type": "sql",
            "uri": f"sqlite:///{tmp_path}/catalog.db",
            "warehouse": lake.as_uri(),
        }
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(lake))
        monkeypatch.setenv("DESTINATION__FILESYSTEM__TABLE_FORMAT", "iceberg")
        monkeypatch.setenv("ICEBERG_CATALOG__ICEBERG_CATALOG_CONFIG", json.dumps(catalog))
        with IcebergLab(tmp_path, small_world(), {"destination": "filesystem"}) as lab:
            lab.catalog = catalog
            yield lab

    def test_new_messages_are_counted(self, warehouse: WarehouseLab) -> None:
        """Those that the table has gained; one that was edited is none."""
        assert warehouse.load().new == 200
        talk(warehouse.world, random.Random(1))
        assert warehouse.load().new == 7

    def test_a_chat_that_left_the_list_keeps_its_details(self, warehouse: WarehouseLab) -> None:
        """They are read back from the table."""
        chat_id = next(iter(warehouse.world.chats))
        warehouse.load()
        (before,) = (row for row in warehouse.rows("chats") if row["chat_id"] == chat_id)
        warehouse.world.leave(chat_id)
        warehouse.load()
        (after,) = (row for row in warehouse.rows("chats") if row["chat_id"] == chat_id)
        later = {"listed": False, "_dlt_load_id": after["_dlt_load_id"]}
        assert after == before | later

    @pytest.mark.parametrize("point", OF_OPEN_TABLES)
    def test_a_kill_around_a_commit(
        self, warehouse: WarehouseLab, nursery: Nursery, point: str
    ) -> None:
        """A table is as it was, or as it will be; a commit that is repeated doubles nothing."""
        self.kill_twice(warehouse, nursery, point)
