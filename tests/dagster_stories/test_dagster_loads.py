"""Runs of the job: what they load, and what they tell."""

import random

from feishu_source.tables import TABLES
from tests.dagster_stories.dagster_lab import DagsterLab, checks, metadata
from tests.laboratory import DAY_S
from tests.warehouses.stories import talk


def test_a_run_loads_everything_and_the_next_what_came_since(lab: DagsterLab) -> None:
    """Every table is an asset of the run; the second run asks for the look-back only."""
    first = lab.run()
    assert first.success
    lab.assert_equals_truth()
    keys = {event.asset_key.path[-1] for event in first.get_asset_materialization_events()}
    assert keys == set(TABLES)
    lab.world.advance(5 * DAY_S)
    talk(lab.world, random.Random(1))
    second = lab.run()
    assert second.success
    lab.assert_equals_truth()
    assert metadata(second, "messages")["new"] == 7
    assert checks(second) == {"no_chat_is_skipped": (True, ""), "no_chat_is_stale": (True, "")}


def test_a_run_tells_rows_requests_and_coverage(lab: DagsterLab) -> None:
    """As numbers, on the tables that they are about."""
    result = lab.run()
    for name in TABLES:
        assert metadata(result, name)["dagster/row_count"] == len(lab.rows(name)), name
    told = metadata(result, "messages")
    assert (told["messages"], told["replies"], told["new"]) == (20, 0, 20)
    told = metadata(result, "sync_runs")
    (row,) = lab.rows("sync_runs")
    beside = {"dagster/row_count": 1, "seconds": told["seconds"]}
    assert told == {key: row[key] for key in told.keys() - beside.keys()} | beside
    assert told["requests"] == len(lab.sandbox.requests)
    told = metadata(result, "sync_coverage")
    counted = ("complete", "partial", "skipped", "failed")
    assert [told[f"chats_{status}"] for status in counted] == [4, 0, 0, 0]
    assert told["pinned_end"] == lab.world.now_ms // 1_000


def test_a_run_can_be_asked_for_less_and_for_everything_again(lab: DagsterLab) -> None:
    """The launchpad's configuration reaches the load."""
    team = next(iter(lab.world.chats))
    for number in range(100):
        lab.world.post(team, text=f"more {number}")
    first = lab.run(config={"max_messages": 10})
    assert metadata(first, "sync_coverage")["chats_partial"] == 1
    lab.run()
    lab.assert_equals_truth()
    assert metadata(lab.run(config={"full": True}), "messages")["messages"] == 120
    again = lab.run(config={"reset_chats": [team], "max_requests": 1_000})
    assert again.success
    lab.assert_equals_truth()
