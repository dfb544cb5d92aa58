"""Downloads that end early: what came is gone on with, no half file is claimed."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from feishu_source.errors import DestinationError, Interrupted
from feishu_source.files import Downloads, spool, store
from feishu_source.files.spool import SpoolFile
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.bodies import media_body
from feishu_source.sandbox.files import StoredFile
from tests.crash_points import OF_DOWNLOADS
from tests.files_lab import (
    RESOURCE,
    assert_true,
    files_in,
    statuses,
)
from tests.lab import Lab
from tests.nursery import Nursery


def test_a_disk_that_is_full_ends_the_load_and_messages_are_there(
    lab: Lab, world: World, team: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row claims anything; once there is room, all of it comes."""

    def refuse(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    world.post(team, body=media_body("file", "file_1"))
    for owner, name in ((spool, "file_digest"), (store, "put_in_place")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, refuse)
            with pytest.raises(DestinationError, match="No space left") as ended:
                lab.load(files=str(place))
        assert (ended.value.report.exit_code, files_in(place)) == (1, {})
        assert len(lab.rows("messages")) == 1
    lab.load(files=str(place))
    assert statuses(lab) == {"file_1": "stored"}
    assert_true(lab, place)


def test_a_scope_that_is_taken_away_meanwhile_decides_nothing(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Messages are there, the load is complete, and says what waits."""
    world.post(team, body=media_body("file", "file_1"))
    lab.sandbox.inject(Fault("missing_scope", path=RESOURCE, times=None))
    report = lab.load(files=str(place))
    assert (report.exit_code, report.rows, report.files and report.files.missing) == (0, 1, 0)
    assert ["99991672" in warning for warning in report.warnings] == [True]
    lab.sandbox.clear_faults()
    lab.load(files=str(place))
    assert statuses(lab) == {"file_1": "stored"}


def test_what_an_earlier_load_began_is_gone_on_with(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """The version is the same: half of it is not asked for again."""
    content = bytes(range(256)) * 8_192
    world.files["file_1"] = StoredFile(content)
    world.post(team, body=media_body("file", "file_1"))
    lab.sandbox.inject(Fault("cut_file", path=RESOURCE))
    lab.load(files=str(place), attempts=1)
    assert statuses(lab) == {"file_1": "failed"}
    lab.load(files=str(place))
    assert (statuses(lab), list(files_in(place).values())) == ({"file_1": "stored"}, [content])
    (request,) = (each for each in lab.sandbox.requests if "/resources/" in each.path)
    assert request.status == 206


def test_a_beginning_whose_version_nobody_named_is_not_gone_on_with(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Another load cannot know that the rest fits."""
    lab.sandbox.switches = Switches(file_etag=False)
    world.post(team, body=media_body("file", "file_1"))
    lab.sandbox.inject(Fault("cut_file", path=RESOURCE))
    lab.load(files=str(place), attempts=1)
    lab.load(files=str(place))
    (request,) = (each for each in lab.sandbox.requests if "/resources/" in each.path)
    assert (request.status, statuses(lab)) == (200, {"file_1": "stored"})
    assert_true(lab, place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_downloads_and_what_came_is_told(
    lab: Lab,
    world: World,
    team: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    """It comes while files do: the rows of those that are there are loaded."""
    for one in range(9):
        world.post(team, body=media_body("file", f"file_{one}"))
    collect, left = Downloads._collect, [number]

    def raising(*arguments: Any) -> None:
        collect(*arguments)
        if left:
            signal.raise_signal(left.pop())

    monkeypatch.setattr(Downloads, "_collect", raising)
    with pytest.raises(Interrupted) as ended:
        lab.load(files=str(place), files_workers=1)
    report = ended.value.report
    assert (report.exit_code, report.rows) == (128 + number, 9)
    assert 0 < report.files.stored == len(lab.rows("resource_files")) == len(files_in(place)) < 9
    assert [row["exit_code"] for row in lab.rows("sync_runs")] == [128 + number]
    lab.load(files=str(place))
    assert len(lab.rows("resource_files")) == 9
    assert_true(lab, place)


def test_a_signal_does_not_wait_for_a_file_of_which_nothing_comes(
    lab: Lab, world: World, team: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is broken off: without that, the load would end after ten minutes."""
    world.post(team, body=media_body("file", "file_1"))
    lab.sandbox.inject(Fault("stalled_file", path=RESOURCE, times=None))
    begin, left = SpoolFile.begin, [signal.SIGTERM]

    def raising(*arguments: Any) -> None:
        begin(*arguments)
        if left:  # once: a second one would meet whatever runs then
            os.kill(os.getpid(), left.pop())

    monkeypatch.setattr(SpoolFile, "begin", raising)
    with pytest.raises(Interrupted) as ended:
        lab.load(files=str(place), read_timeout_s=600.0)
    assert ended.value.report.exit_code == 143
    assert files_in(place) == {}


@pytest.mark.parametrize("point", OF_DOWNLOADS)
def test_a_kill_at_any_instant_leaves_no_half_file_and_no_false_row(
    lab: Lab, world: World, team: str, place: Path, point: str
) -> None:
    """The next load brings what is missing, and nothing is there twice."""
    for one in range(6):
        world.advance(60)
        world.files[f"file_{one}"] = StoredFile(bytes([one]) * 200_000)
        world.post(team, body=media_body("file", f"file_{one}"))
    pipeline = {"database": str(lab.database), "pipelines_dir": str(lab.folder / "pipelines")}
    lab.load()
    times = 1 if point == "before rows of files are loaded" else 2
    with Nursery() as nursery:
        nursery.start(pipeline, lab.access | {"files": str(place)}, point, times)
        assert nursery.wait() == -signal.SIGKILL
    if lab.query("select 1 from information_schema.tables where table_name = 'resource_files'"):
        assert_true(lab, place)
    report = lab.load(files=str(place))
    assert (report.exit_code, len(lab.rows("resource_files"))) == (0, 6)
    assert set(statuses(lab).values()) == {"stored"}
    assert_true(lab, place)
