"""State: it belongs to one tenant and one destination, and the destination is authoritative."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from feishu_source import holdings, load, open_pipeline
from feishu_source.errors import ConfigurationError, DestinationError, LoadLocked
from feishu_source.sandbox import World
from tests.lab import DAY_S, Lab, held


def test_lost_working_folder_is_restored_from_the_destination(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A machine without local state goes on where the last one ended."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    lab.load()
    shutil.rmtree(lab.folder / "pipelines")
    world.advance(DAY_S)
    world.post(team, ann, text="second")
    report = lab.load(rungs="off")
    assert (report.messages, report.new) == (1, 1)
    lab.assert_equals_truth()


def test_deleted_database_is_filled_again(lab: Lab, world: World, ann: str, team: str) -> None:
    """Local claims about rows that are no longer there count for nothing."""
    world.post(team, ann, text="first")
    lab.load()
    world.advance(DAY_S)
    lab.load()
    lab.database.unlink()
    report = lab.load()
    assert report.new == 1
    lab.assert_equals_truth()


@pytest.mark.parametrize("loss", ["the file", "the dataset"])
def test_database_lost_while_a_package_was_pending_is_filled_in_one_go(
    lab: Lab, world: World, ann: str, team: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was extracted claims rows that went with the database: all of it is read again."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__WAIT_S", "0")
    world.post(team, ann, text="first")
    lab.load()
    world.advance(DAY_S)
    world.post(team, ann, text="second")
    with ExitStack() as others:

        def hold() -> None:
            if lab.listings(team) and world.on_look:
                world.on_look = None
                others.enter_context(held(lab.database))

        world.on_look = hold
        with pytest.raises(DestinationError):
            lab.load()
    pending = open_pipeline(database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines"))
    assert pending.has_pending_data
    if loss == "the file":
        lab.database.unlink()
    else:
        with duckdb.connect(str(lab.database)) as connection:
            connection.execute("drop schema feishu cascade")
    assert lab.load().new == 2
    lab.assert_equals_truth()


def test_older_copy_of_the_database_is_brought_up_to_date(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A restored backup knows less than the working folder: the backup is right."""
    world.post(team, ann, text="first")
    lab.load()
    backup = lab.folder / "backup.duckdb"
    shutil.copy(lab.database, backup)
    for day in range(3):
        world.advance(DAY_S)
        world.post(team, ann, text=f"day {day}")
        lab.load()
    shutil.copy(backup, lab.database)
    world.advance(30 * DAY_S)
    lab.load()
    lab.assert_equals_truth()


def test_working_folder_belongs_to_destination_database_and_dataset(tmp_path: Path) -> None:
    """And only its owner may read it: extracted messages lie in it."""
    folders = {
        open_pipeline(
            database=str(tmp_path / database), dataset=dataset, pipelines_dir=str(tmp_path)
        ).working_dir
        for database in ("a.duckdb", "b.duckdb")
        for dataset in ("one", "two")
    }
    assert len(folders) == 4
    assert {Path(folder).parent.stat().st_mode & 0o777 for folder in folders} == {0o700}


def test_database_named_like_its_dataset_is_refused(tmp_path: Path) -> None:
    """DuckDB cannot tell the two apart."""
    with pytest.raises(ConfigurationError, match="--database or --dataset"):
        open_pipeline(database=str(tmp_path / "Feishu.duckdb"), dataset="feishu")


def test_another_app_is_refused_before_any_request(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Each app sees other ids for the same people."""
    world.post(team, ann, text="first")
    lab.load()
    with pytest.raises(ConfigurationError, match="cli_other"):
        lab.load(app_id="cli_other")
    assert lab.sandbox.requests == []


def test_state_of_a_newer_version_is_refused(lab: Lab, world: World, ann: str, team: str) -> None:
    """An older version of the source would not know what the state claims."""
    world.post(team, ann, text="first")
    lab.load()
    pipeline = open_pipeline(
        database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
    )
    with pipeline.managed_state(extract_state=True) as state:
        state["sources"]["feishu"]["resources"]["messages"]["version"] = 99
    pipeline.run()
    with pytest.raises(ConfigurationError, match="newer version"):
        lab.load()


def test_second_load_at_the_same_time_is_refused(lab: Lab, world: World, team: str) -> None:
    """dlt does not protect two runs of one pipeline."""
    refused: list[LoadLocked] = []

    def load_once_more() -> None:
        world.on_look = None
        with pytest.raises(LoadLocked) as caught:
            lab_two_load()
        refused.append(caught.value)

    def lab_two_load() -> None:
        pipeline = open_pipeline(
            database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
        )
        load(pipeline, **lab.access)

    world.on_look = load_once_more
    assert lab.load().exit_code == 0
    assert "is running" in str(refused[0])


def test_states_at_the_destination_are_pruned(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlt keeps every version for ever; some are enough, and the newest is among them."""
    monkeypatch.setattr(holdings, "KEPT_STATES", 2)
    for day in range(3):
        world.advance(DAY_S)
        world.post(team, ann, text=f"day {day}")
        lab.load()
    versions = [
        row[0] for row in lab.query("select version from feishu._dlt_pipeline_state order by 1")
    ]
    assert len(versions) == 2
    shutil.rmtree(lab.folder / "pipelines")
    world.advance(DAY_S)
    assert lab.load(rungs="off").messages == 1  # the look-back's, nothing more


def test_state_is_small_and_plain(lab: Lab, world: World, ann: str, team: str) -> None:
    """What is kept of a chat is what its claims need."""
    world.post(team, ann, text="first")
    now_s = world.now_ms // 1_000
    lab.load()
    assert _stored(lab)["chats"] == {
        team: {
            "covered_from_s": 0,
            "covered_until_s": now_s,
            "newest_s": now_s,
            "polled_s": now_s,
            "threads_covered": True,
            "swept_s": dict.fromkeys(("86400", "604800", "2592000", "15552000"), now_s),
        }
    }


def _stored(lab: Lab) -> dict[str, Any]:
    pipeline = open_pipeline(
        database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
    )
    pipeline.sync_destination()
    stored: dict[str, Any] = pipeline.state["sources"]["feishu"]["resources"]["messages"]
    assert json.loads(json.dumps(stored)) == stored
    return stored
