"""Files as a destination: what is configured, and what a load minds before it reads anything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feishu_source import latest_views, open_pipeline
from feishu_source.errors import ConfigurationError
from feishu_source.filesystem_destination import FilesClient, files_client
from feishu_source.sandbox import World
from feishu_source.tables import CHATS
from tests.laboratory import DAY_S, START_MS
from tests.warehouses.stories import WarehouseLab


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that dlt's configuration names."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    return tmp_path / "lake"


@pytest.fixture
def lab(tmp_path: Path, lake: Path) -> Iterator[WarehouseLab]:
    """A tenant of one chat, and that folder."""
    world = World(now_ms=START_MS)
    person = world.add_user("Person")
    world.post(world.add_chat(name="chat", member_ids=[person]), person, text="hello")
    with WarehouseLab(tmp_path, world, {"destination": "filesystem"}) as one:
        yield one


def client(lab: WarehouseLab) -> FilesClient:
    """The client of that folder."""
    found = files_client(lab.synced())
    assert found
    return found


def test_each_bucket_has_a_working_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of them still has to load is nothing that the other should get."""
    folders = set()
    for url in ("one", "two", "s3://one"):
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", url)
        folders.add(open_pipeline("filesystem", pipelines_dir=str(tmp_path)).pipelines_dir)
    assert len(folders) == 3


def test_a_dataset_is_written_as_dlt_writes_it(
    lab: WarehouseLab, lake: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a warning at each of a hundred looks; a name that nothing is left of is refused."""
    lab.where["dataset"] = "My-data"
    assert lab.load().dataset == "my_data"
    assert (lake / "my_data" / "messages").is_dir()
    assert "normalization" not in caplog.text
    lab.where["dataset"] = "\u4e0a\u6d77"
    with pytest.raises(ConfigurationError, match="cannot be told from others"):
        lab.load()


def test_an_unknown_table_format_is_refused_before_any_request(
    lab: WarehouseLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a sentence that names the setting and what it takes."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__TABLE_FORMAT", "hudi")
    with pytest.raises(ConfigurationError, match="table_format is none of delta, iceberg"):
        lab.load()
    assert lab.sandbox.requests == []


def test_a_clock_that_is_behind_the_newest_load_is_refused(lab: WarehouseLab) -> None:
    """What it would load would count as older than what is there."""
    assert lab.load().exit_code == 0
    client(lab)._store_load(str(time.time() + DAY_S))
    with pytest.raises(ConfigurationError, match="s behind the newest load in feishu"):
        lab.load()
    assert lab.sandbox.requests == []


def test_what_shards_loaded_is_gone_on_with(lab: WarehouseLab) -> None:
    """By another division, from the files of their states: only the look-back is read again."""
    for shard in ("1/2", "2/2"):
        lab.where["shard"] = shard
        assert lab.load(shard=shard).exit_code == 0
    lab.world.advance(DAY_S)
    del lab.where["shard"]
    assert lab.load(rungs="off").exit_code == 0
    starts = [
        int(request.query["start_time"])
        for each in lab.world.chats
        for request in lab.listings(each)
    ]
    assert min(starts) > START_MS // 1_000 - DAY_S


def test_that_the_files_of_messages_are_gone_is_told(lab: WarehouseLab, lake: Path) -> None:
    """The state claims what they held; reading all again brings it back."""
    assert lab.load().warnings == []
    assert lab.load().warnings == []
    shutil.rmtree(lake / "feishu" / "messages")
    (warning,) = lab.load(full=True).warnings
    assert "the files of messages are gone" in warning
    assert lab.load().warnings == []


def test_the_last_row_of_a_chat_that_left_the_list_is_found_among_its_versions(
    lab: WarehouseLab,
) -> None:
    """It keeps its details, and is marked as gone."""
    (chat_id,) = lab.world.chats
    assert lab.load().exit_code == 0
    lab.world.rename_chat(chat_id, "renamed")
    assert lab.load().exit_code == 0
    lab.world.leave(chat_id)
    lab.load()
    (row,) = client(lab).newest_rows(CHATS)
    named = dict(zip(CHATS.names, row, strict=True))
    assert (named["name"], named["listed"], named["user_count"]) == ("renamed", False, 1)


def test_views_are_for_plain_parquet_files_only(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database has tables, and so have Delta and Iceberg."""
    database = str(tmp_path / "history.duckdb")
    with pytest.raises(ConfigurationError, match="only plain Parquet files need views"):
        latest_views(open_pipeline(database=database, pipelines_dir=str(tmp_path)))
    monkeypatch.setenv("DESTINATION__FILESYSTEM__TABLE_FORMAT", "delta")
    with pytest.raises(ConfigurationError, match="only plain Parquet files need views"):
        latest_views(open_pipeline("filesystem", pipelines_dir=str(tmp_path)))
