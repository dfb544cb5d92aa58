"""Shards are partitions: each loads its part, and a check sees the whole."""

import random

import dagster as dg
import pytest

from feishu_source.errors import ConfigurationError
from pipelines.dagster_definitions import feishu_definitions
from pipelines.dagster_history import FeishuHistory
from tests.dagster_stories.dagster_lab import DagsterLab, checks, metadata
from tests.laboratory import DAY_S
from tests.warehouses.stories import talk


def test_each_partition_loads_its_part_of_the_chats(sharded: DagsterLab) -> None:
    """Into one dataset; the second round brings what came since."""
    sharded.world.advance(5 * DAY_S)
    for number in range(2):
        results = [sharded.run(shard) for shard in ("1/2", "2/2")]
        assert [result.success for result in results] == [True, True]
        sharded.assert_equals_truth()
        found = [metadata(result, "sync_coverage")["chats_complete"] for result in results]
        assert sum(found) == 4
        assert min(found) > 0
        assert sorted(row["shard"] for row in sharded.rows("sync_runs")) == sorted(
            ["1/2", "2/2"] * (number + 1)
        )
        sharded.world.advance(60)
        talk(sharded.world, random.Random(number))
    partitions = sharded.instance.get_materialized_partitions(dg.AssetKey(["feishu", "messages"]))
    assert partitions == {"1/2", "2/2"}


def test_a_shard_that_nobody_loads_any_more_goes_stale(sharded: DagsterLab) -> None:
    """The other one's run names its chats."""
    sharded.run("1/2")
    sharded.run("2/2")
    before = {row["chat_id"]: row for row in sharded.rows("sync_coverage")}
    sharded.world.advance(5 * DAY_S)
    result = sharded.run("1/2")
    after = {row["chat_id"]: row for row in sharded.rows("sync_coverage")}
    left = [row for chat, row in after.items() if row == before[chat]]
    assert 0 < len(left) < 4
    passed, told = checks(result)["no_chat_is_stale"]
    assert not passed
    assert told
    assert sorted(told.split(", ")) == sorted(f"{c['chat_name']} ({c['chat_id']})" for c in left)


def test_duckdb_takes_no_shards() -> None:
    """Told when the code location is loaded."""
    with pytest.raises(ConfigurationError, match="one writer"):
        feishu_definitions(FeishuHistory(), shards=2)


@pytest.mark.parametrize("shards", [0, 101])
def test_a_number_of_shards_that_cannot_be_is_refused(shards: int) -> None:
    """As `--shard` refuses it."""
    with pytest.raises(ConfigurationError, match="no part of a whole"):
        feishu_definitions(FeishuHistory(destination="postgres"), shards=shards)
