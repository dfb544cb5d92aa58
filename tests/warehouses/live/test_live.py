"""The stories in a warehouse of yours, in a dataset of their own that is dropped afterwards.

    FEISHU_LIVE_DESTINATION=bigquery python -m pytest tests/warehouses/live

dlt finds the credentials where it finds them for a load. Some minutes, some thousand rows.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.laboratory import Row
from tests.warehouses.stories import Stories, WarehouseLab, small_world


class LiveLab(WarehouseLab):
    """Rows as they come from whichever client."""

    def as_python(self, row: Row) -> Row:
        """Names in lower case, times in UTC."""
        return {name.lower(): _in_utc(value) for name, value in row.items()}

    def drop(self) -> None:
        """Leaves nothing behind."""
        with self.pipeline().sql_client("feishu") as client:
            for dataset in (client.dataset_name, client.staging_dataset_name):
                with client.with_alternative_dataset_name(dataset):
                    if client.has_dataset():
                        client.drop_dataset()


def _in_utc(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


@pytest.mark.timeout(3_600)
class TestLive(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path) -> Iterator[LiveLab]:
        """A dataset whose name nobody else has; a file where the destination is DuckDB."""
        where = {
            "destination": os.environ["FEISHU_LIVE_DESTINATION"],
            "dataset": f"feishu_test_{secrets.token_hex(6)}",
            "database": str(tmp_path / "history.duckdb"),
        }
        with LiveLab(tmp_path, small_world(), where) as lab:
            try:
                yield lab
            finally:
                lab.drop()
