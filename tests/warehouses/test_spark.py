"""Spark reads the Parquet files and the views as DuckDB does."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from feishu_source import latest_views
from tests.laboratory import Row
from tests.warehouses.stories import WarehouseLab, small_world, talk


class SparkLab(WarehouseLab):
    """A warehouse of Parquet files that Spark reads."""

    spark: SparkSession

    def rows(self, table: str) -> list[Row]:
        """All rows of a table's view."""
        for statement in latest_views(self.synced(), "spark"):
            self.spark.sql(statement)
        arrow = self.spark.table(f"feishu_{table}").toArrow()
        found: list[Row] = arrow.to_pylist()
        return found


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SparkLab]:
    """A folder of its own, and Spark in one process on this machine, which waits for nobody."""
    assert shutil.which("java") or "JAVA_HOME" in os.environ, "Spark needs a Java of 17 or later"
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path / "spark"))
        .getOrCreate()
    )
    try:
        with SparkLab(tmp_path, small_world(), {"destination": "filesystem"}) as lab:
            lab.spark = session
            yield lab
    finally:
        session.stop()


def test_spark_sees_edits_recalls_and_what_is_gone(warehouse: SparkLab) -> None:
    """Whole rows of all tables, after a first load and another one."""
    world = warehouse.world
    people = [world.add_user(f"Person {number}") for number in range(2)]
    chat = world.add_chat(name="shrinking", member_ids=people)
    many = world.post(chat, people[0], text=f"@<{people[0]}> @<{people[1]}>")
    assert warehouse.load(slice_messages=150, batch_rows=50).exit_code == 0
    world.edit(many, text="nobody")
    talk(world, random.Random(1))
    assert warehouse.load().exit_code == 0
    warehouse.assert_equals_truth()
