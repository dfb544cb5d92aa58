"""The stories in Iceberg tables, with a catalog in SQLite, read by pyiceberg through a scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog import load_catalog

from tests.laboratory import Row
from tests.warehouses.open_table_stories import OpenTableStories
from tests.warehouses.stories import WarehouseLab, small_world


class IcebergLab(WarehouseLab):
    """A warehouse of Iceberg tables."""

    catalog: dict[str, str]

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, by its name in the catalog."""
        found = load_catalog("default", **self.catalog).load_table(f"feishu.{table}")
        rows: list[Row] = found.scan().to_arrow().to_pylist()
        return rows


class TestIceberg(OpenTableStories):
    """What every such warehouse has to do."""

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
