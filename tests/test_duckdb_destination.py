"""The DuckDB file while a load writes it: when it is open, checkpointed, and merged into."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

from feishu_source import holdings, loader, reading
from feishu_source.sandbox import World
from tests.lab import Lab


@pytest.fixture
def history(lab: Lab, world: World, ann: str, team: str) -> Lab:
    """Twelve messages, each mentioning her."""
    for _ in range(12):
        world.advance(60)
        world.post(team, ann, text="see https://example.com")
    return lab


def test_a_slice_is_checkpointed_once_when_all_of_it_is_loaded(
    history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the file is as the last slice left it: a kill finds no half of a checkpoint."""
    log = Path(f"{history.database}.wal")
    sizes: list[tuple[int, int]] = []

    def checkpoint(pipeline: dlt.Pipeline) -> None:
        written = history.database.stat().st_size
        assert log.stat().st_size > 0
        original(pipeline)
        sizes.append((written, history.database.stat().st_size))
        assert not log.exists()

    original = holdings.checkpoint
    monkeypatch.setattr(loader, "checkpoint", checkpoint)
    report = history.load(slice_messages=5, page_size=2, batch_rows=2)
    assert (report.exit_code, len(sizes)) == (0, 1 + report.slices)
    for before, after in pairwise(sizes):
        assert after[0] == before[1]
    history.assert_equals_truth()


def test_the_file_can_be_read_while_a_slice_is_fetched(
    history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is open from the first thing written on: fetching takes minutes, loading seconds."""
    seen: list[int] = []

    def mark(*arguments: Any) -> Any:
        seen.append(history.query("select count(*) from feishu.chats")[0][0])
        return original(*arguments)

    original = reading.mark
    monkeypatch.setattr(reading, "mark", mark)
    history.load(slice_messages=5, page_size=2, batch_rows=2)
    assert len(seen) > 3
    assert set(seen) == {1}


def test_a_file_that_was_copied_twice_is_merged_once(
    history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between copying rows into the staging dataset and noting that."""

    def run(job: DuckDbCopyJob) -> None:
        original(job)
        original(job)

    original = DuckDbCopyJob.run
    monkeypatch.setattr(DuckDbCopyJob, "run", run)
    history.load()
    history.assert_equals_truth()
    history.load(full=True)
    history.assert_equals_truth()
