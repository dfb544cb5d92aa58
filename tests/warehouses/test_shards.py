"""Shards that load at the same time, from processes of their own, into one dataset."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.impl.postgres.postgres import PostgresClient
from psycopg2.errors import DeadlockDetected

from feishu_source import load, open_pipeline
from feishu_source.sandbox import World, generate
from tests.warehouses.stories import NOW_MS, WarehouseLab, talk

LOADS = """
import json, sys
from feishu_source import load, open_pipeline
words = json.loads(sys.argv[1])
print(json.dumps(load(open_pipeline(**words["pipeline"]), **words["load"]).to_dict()))
"""


@pytest.fixture
def world() -> World:
    """A dozen chats of all kinds."""
    return generate(seed=11, chats=12, messages=600, days=30, now_ms=NOW_MS)


@pytest.fixture
def warehouse(tmp_path: Path, postgres: str, world: World) -> Iterator[WarehouseLab]:
    """An empty database."""
    with WarehouseLab(tmp_path, world, {"destination": "postgres"}) as lab:
        yield lab


def begin(lab: WarehouseLab, shard: str, **arguments: Any) -> subprocess.Popen[str]:
    """A process that loads one shard."""
    words = {"pipeline": lab.where | {"shard": shard}, "load": lab.access | {"shard": shard}}
    words["load"] |= arguments
    return subprocess.Popen(
        [sys.executable, "-c", LOADS, json.dumps(words)], stdout=subprocess.PIPE, text=True
    )


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The report of a load that went well."""
    printed, _ = process.communicate()
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return report


def test_shards_that_begin_at_once_load_everything_once(
    warehouse: WarehouseLab, world: World
) -> None:
    """The first load of each, when all of them make the same tables; then a second one."""
    shards = ["1/4", "2/4", "3/4", "4/4"]
    for number in range(2):
        reports = [end(each) for each in [begin(warehouse, shard) for shard in shards]]
        warehouse.assert_equals_truth()
        ids = [row["message_id"] for row in warehouse.rows("messages")]
        assert len(ids) == len(set(ids))
        assert sum(report["chats_complete"] for report in reports) == 12
        runs = [row["shard"] for row in warehouse.rows("sync_runs")]
        assert sorted(runs) == sorted(shards * (number + 1))
        assert len(warehouse.rows("sync_coverage")) == 12
        world.advance(3_600)
        talk(world, Random(number))


def test_a_shard_that_is_killed_holds_nobody_up(warehouse: WarehouseLab, world: World) -> None:
    """The others end; its next load brings what it owes; another division goes on from there."""
    processes = [begin(warehouse, shard, slice_messages=50) for shard in ("1/3", "2/3", "3/3")]
    while warehouse.sandbox.count() < 40:  # in the midst of reading, be it theirs or another's
        assert processes[1].poll() is None
    processes[1].send_signal(signal.SIGKILL)
    processes[1].communicate()  # closes its pipe as well
    assert processes[1].returncode == -signal.SIGKILL
    for process in (processes[0], processes[2]):
        end(process)
    world.advance(3_600)
    talk(world, Random(3))
    for process in [begin(warehouse, shard, rungs="off") for shard in ("1/2", "2/2")]:
        end(process)
    warehouse.assert_equals_truth()
    ids = [row["message_id"] for row in warehouse.rows("messages")]
    assert len(ids) == len(set(ids))


def test_a_deadlock_with_another_shard_is_no_end(
    warehouse: WarehouseLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL lets one of both go on and ends what the other did: that is done again."""
    told = "deadlock detected\nDETAIL:  Process 1 waits for AccessExclusiveLock"
    left = iter([False, True])  # the chats are loaded before the first messages
    original = PostgresClient.update_stored_schema

    def update(*arguments: Any, **more: Any) -> Any:
        if next(left, False):
            raise DatabaseTransientException(DeadlockDetected(told))
        return original(*arguments, **more)

    monkeypatch.setattr(PostgresClient, "update_stored_schema", update)
    for shard in ("1/2", "2/2"):
        pipeline = open_pipeline(**warehouse.where, shard=shard)
        assert load(pipeline, **warehouse.access, shard=shard).exit_code == 0
    assert next(left, None) is None
    warehouse.assert_equals_truth()
