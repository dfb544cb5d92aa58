"""The DuckDB file while a load writes it: when it is open, checkpointed, and merged into."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration import resolve_configuration
from dlt.common.destination import reference

from feishu_source import holdings, loader, open_pipeline, reading
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


def test_the_destinations_settings_are_looked_up_once_and_connections_are_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlt asks for them over a hundred times a load; each client borrows connections of its own."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__WAIT_S", "7")
    looked_up: list[object] = []

    def look_up(*arguments: Any, **named: Any) -> Any:
        looked_up.append(arguments)
        return original(*arguments, **named)

    original = resolve_configuration
    monkeypatch.setattr(reference, "resolve_configuration", look_up)
    pipeline = open_pipeline(database=str(tmp_path / "a.duckdb"), pipelines_dir=str(tmp_path))
    looked_up.clear()
    configurations: list[Any] = [pipeline.destination_client().config for _ in range(5)]
    assert len(looked_up) == 1
    credentials = [one.credentials for one in configurations]
    assert {(one.wait_s, one.memory_limit) for one in credentials} == {(7.0, None)}
    assert len({id(one.conn_pool) for one in credentials}) == 5
    assert all(one.conn_pool.credentials is one for one in credentials)
    configurations[0].dataset_name = "another"  # what one client does to its settings, none sees
    again: Any = pipeline.destination_client().config
    assert again.dataset_name == "feishu"


def test_duckdb_takes_no_more_memory_and_threads_than_it_is_given(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own bounds follow the machine; what a user sets in dlt's way stands."""
    world.post(team, ann, text="x")
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    settings = "SELECT current_setting('memory_limit'), current_setting('threads')"
    pipeline = open_pipeline(database=str(lab.database), pipelines_dir=str(lab.folder / "p"))
    with pipeline.sql_client() as client:
        assert client.execute_sql(settings) == [("137.3 MiB", 4)]
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT", "1GB")
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG", '{"threads": 3}')
    pipeline = open_pipeline(database=str(lab.database), pipelines_dir=str(lab.folder / "q"))
    with pipeline.sql_client() as client:
        assert client.execute_sql(settings) == [("953.6 MiB", 3)]
