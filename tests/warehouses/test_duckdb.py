"""The stories in a DuckDB file, the default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouses.stories import Stories, WarehouseLab, small_world


class TestDuckDb(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path) -> Iterator[WarehouseLab]:
        """A file of its own."""
        where = {"database": str(tmp_path / "history.duckdb")}
        with WarehouseLab(tmp_path, small_world(), where) as lab:
            yield lab
