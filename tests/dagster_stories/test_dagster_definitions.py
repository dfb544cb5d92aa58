"""The definitions as Dagster reads them: what they are, and that reading them costs nothing."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from feishu_source.tables import TABLES, Table
from pipelines.dagster_definitions import POOL, feishu_definitions
from pipelines.dagster_history import PARENTS, FeishuHistory

ROOT = Path(__file__).parents[2]

LOADED = """
import socket, sys
def refuse(event, arguments):
    assert event not in ("socket.connect", "socket.getaddrinfo"), event
sys.addaudithook(refuse)
from pipelines.dagster_definitions import defs
defs.resolve_asset_graph()
heavy = {"dlt", "duckdb", "pyarrow", "requests", "feishu_source.loader"} & sys.modules.keys()
print(*sorted(heavy))
"""


def specs() -> dict[str, dg.AssetSpec]:
    """The asset of each table."""
    graph = feishu_definitions(FeishuHistory()).resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    return {node.key.path[-1]: node.to_asset_spec() for node in nodes}


def run(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that ends, with an instance of its own."""
    own = {"DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        words,
        cwd=ROOT,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_table_is_an_asset_with_its_columns_and_parents(table: Table) -> None:
    """As feishu_source.tables declares it."""
    spec = specs()[table.name]
    assert spec.description == table.description
    columns: Any = spec.metadata["dagster/column_schema"]
    assert [
        (one.name, one.type, one.description, one.constraints.nullable) for one in columns.columns
    ] == [(one.name, one.type, one.description, one.nullable) for one in table.columns]
    keys = [one.name for one in columns.columns if one.constraints.other == ["key"]]
    assert set(keys) == set(table.key)
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {each.name for each in PARENTS[table]}


def test_lineage_knows_every_table_and_begins_with_the_chats() -> None:
    """A child of messages hangs from them, as its declaration says."""
    assert set(PARENTS) == set(TABLES.values())
    assert [table.name for table, parents in PARENTS.items() if not parents] == ["chats"]
    for table in TABLES.values():
        if table.replaces:
            parent_key = table.replaces.removeprefix("container_")
            assert [parent.key for parent in PARENTS[table]] == [(parent_key,)]


def test_loads_and_checks_share_one_pool() -> None:
    """Its limit keeps to the rate, and a check from a DuckDB file that is being written."""
    job = feishu_definitions(FeishuHistory()).resolve_job_def("feishu_load")
    assert {node.name: node.definition.pool for node in job.nodes} == {
        "feishu_history": POOL,
        "feishu_coverage": POOL,
    }


def test_the_schedule_asks_for_each_shard_whose_last_run_has_ended(tmp_path: Path) -> None:
    """A load that takes longer than the interval is not queued a second time."""
    definitions = feishu_definitions(
        FeishuHistory(destination="postgres"), shards=2, cron="5 * * * *"
    )
    schedule = definitions.resolve_schedule_def("feishu_schedule")
    assert schedule.cron_schedule == "5 * * * *"
    instance = dg.DagsterInstance.local_temp(str(tmp_path))

    def asked() -> list[str | None]:
        now = datetime.now(UTC)
        with dg.build_schedule_context(
            instance,
            scheduled_execution_time=now,
            repository_def=definitions.get_repository_def(),
        ) as context:
            return [one.partition_key for one in schedule.evaluate_tick(context).run_requests or ()]

    def begin(shard: str) -> dg.DagsterRun:
        return instance.create_run_for_job(
            definitions.resolve_job_def("feishu_load"),
            tags={"dagster/partition": shard},
            status=dg.DagsterRunStatus.STARTED,
        )

    assert asked() == ["1/2", "2/2"]
    run = begin("1/2")
    assert asked() == ["2/2"]
    begin("2/2")
    assert asked() == []
    instance.report_run_failed(run)
    assert asked() == ["1/2"]


def test_reading_the_definitions_imports_little_and_asks_nobody(tmp_path: Path) -> None:
    """No dlt, no warehouse; no secret is needed either."""
    done = run([sys.executable, "-c", LOADED], tmp_path)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


@pytest.mark.parametrize(
    "environment",
    [{}, {"FEISHU_DESTINATION": "postgres", "FEISHU_SHARDS": "4"}],
    ids=["plain", "shards"],
)
def test_dagster_finds_the_definitions_valid(tmp_path: Path, environment: dict[str, str]) -> None:
    """By its own command."""
    words = ["-m", "dagster", "definitions", "validate", "-f", "pipelines/dagster_definitions.py"]
    done = run([sys.executable, *words], tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr
