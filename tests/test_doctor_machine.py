"""What this machine has and what is configured, as the check tells it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from filelock import FileLock

from feishu_source import check, load, open_pipeline
from feishu_source.destination import lock_path, plan_pipeline
from feishu_source.doctor import machine
from feishu_source.doctor.findings import CheckReport, find
from feishu_source.doctor.judging import EXTRAS
from feishu_source.doctor.texts_feishu import CHECKS as FEISHU_CHECKS
from feishu_source.sandbox import World
from tests.examined import amiss, examine, files_in, keys, skipped_by, the
from tests.lab import Lab

FEISHU = set(FEISHU_CHECKS) - {"chat", *EXTRAS}


def alone(**arguments: Any) -> CheckReport:
    """A check that has no credentials, so that nobody is asked."""
    return check(partial(plan_pipeline, pipelines_dir="pipelines"), **arguments)


# Settings


def test_no_credentials_are_told_before_anything_is_asked() -> None:
    """What can be checked without them is checked."""
    report = alone()
    assert (amiss(report), report.exit_code) == (["credentials.missing"], 2)
    assert skipped_by(report, "credentials") == FEISHU - {"credentials"}
    assert dict(report.requests) == {}


@pytest.mark.parametrize(
    "given", [{"app_id": "cli_1"}, {"app_secret": "two words"}, {"user_access_token": "Bearer u-1"}]
)
def test_credentials_that_cannot_be_any(given: dict[str, str]) -> None:
    """Their value is not repeated."""
    report = alone(**given)
    assert (amiss(report), report.exit_code) == (["credentials.wrong"], 2)
    assert "two words" not in str(report.to_dict())


@pytest.mark.parametrize(
    "given",
    [
        {"since": "1767225600"},
        {"chat_ids": ["not an id"]},
        {"look_back_s": 3},
        {"timezone": "Mars/Phobos"},
        {"rungs": "1d"},
    ],
)
def test_a_wrong_setting_stops_nothing_else(lab: Lab, team: str, given: dict[str, Any]) -> None:
    """Exit code 2; the tenant is asked with the defaults of the rest."""
    report = examine(lab, **given)
    assert (amiss(report), report.exit_code) == (["settings.wrong"], 2)
    assert "chats.all" in keys(report)


def test_a_value_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """dlt refuses it; without values nothing behind can be asked."""
    monkeypatch.setenv("SOURCES__FEISHU__PAGE_SIZE", "many")
    report = alone()
    assert (amiss(report), report.exit_code) == (["settings.wrong"], 2)
    assert skipped_by(report, "settings") == {"host", "state", *FEISHU}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder for dlt's files, which dlt reads once: anew here, and anew when they are gone."""
    folder = tmp_path / ".dlt"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
    Container()[PluggableRunContext].reload()


def test_misspelt_names_are_found_wherever_they_stand(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both files and in the environment; the nearest name is offered, no value is shown."""
    (project / "config.toml").write_text("[sources.feishu]\nlook_bak_s = 7200\n")
    (project / "secrets.toml").write_text(
        "[sources.feishu]\napp_secrt = 'a-secret'\n[sources.feishu.chats]\nx = 1\n"
    )
    monkeypatch.setenv("SOURCES__FEISHU__WORKRES", "3")
    Container()[PluggableRunContext].reload()
    found = the(alone(), "setting_names.near")
    assert set(found.values["names"].split(", ")) == {"look_bak_s", "app_secrt", "workres"}
    assert set(found.values["near"].split(", ")) == {"look_back_s", "app_secret", "workers"}
    assert "a-secret" not in str(found.to_dict("en"))


def test_a_name_that_resembles_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told without a guess; a warning only."""
    monkeypatch.setenv("SOURCES__FEISHU__ZZZ", "1")
    report = alone()
    assert "setting_names.unknown" in amiss(report)


@pytest.mark.parametrize(
    ("base_url", "allowed", "key"),
    [
        ("feishu", [], "host.feishu"),
        ("lark", [], "host.lark"),
        ("http://127.0.0.1:9", [], "host.here"),
        ("https://proxy.example.com", ["proxy.example.com"], "host.allowed"),
        ("https://proxy.example.com", [], "host.refused"),
        ("http://example.com", [], "host.wrong"),
        ("not a url", [], "host.wrong"),
    ],
)
def test_the_host_is_named(base_url: str, allowed: list[str], key: str) -> None:
    """No request is made: there are no credentials."""
    report = alone(base_url=base_url, allowed_hosts=allowed)
    assert key in keys(report)
    if key in ("host.refused", "host.wrong"):
        assert report.exit_code == 2
        assert skipped_by(report, "host") == {"state", *FEISHU}


def test_a_host_that_somebody_has_confirmed_is_trusted() -> None:
    """As the command line remembers them."""
    report = alone(base_url="https://proxy.example.com", trusts={"proxy.example.com"}.__contains__)
    assert "host.allowed" in keys(report)


# This machine


def test_versions_outside_what_is_declared_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by name, with what is declared."""
    installed = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.1" if name == "pyarrow" else installed(name)
    )
    report = alone()
    found = the(report, "versions.outside")
    assert (found.values["outside"], found.exit_code) == ("pyarrow 0.1 (>=19)", 0)
    assert f"dlt {installed('dlt')}" in found.values["versions"]


def test_another_load_holds_the_lock(lab: Lab, team: str) -> None:
    """Exit code 4; the destination is that load's for the moment, the tenant is asked."""
    plan = plan_of(lab)
    plan.folder.mkdir(parents=True)
    with FileLock(lock_path(plan.folder, plan.name)):
        report = examine(lab)
    assert (amiss(report), report.exit_code) == (["lock.held"], 4)
    assert skipped_by(report, "lock") == {"destination", "state"}
    assert "chats.all" in keys(report)
    assert "lock.free" in keys(examine(lab))


@pytest.mark.skipif(sys.platform == "win32", reason="a folder opens as a file nowhere else")
def test_a_lock_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to somebody else, perhaps."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.lock"
    path.touch()
    monkeypatch.setattr(os, "open", refuse)
    assert machine.check_lock(path) == find("lock.unreadable", path=path)


def test_a_working_folder_that_cannot_be_made(lab: Lab) -> None:
    """A file stands where the folder would be."""
    (lab.folder / "file").touch()
    report = check(
        partial(plan_pipeline, database=str(lab.database), pipelines_dir=str(lab.folder / "file")),
    )
    assert "working_folder.unwritable" in amiss(report)
    assert report.exit_code == 2


def test_a_working_folder_that_is_there_stays_as_it_is(lab: Lab, team: str) -> None:
    """A load has made it; a check changes no byte of it."""
    lab.load()
    before = files_in(lab.folder)
    report = examine(lab)
    assert "working_folder.ok" in keys(report)
    assert files_in(lab.folder) == before


def test_what_nobody_foresaw_is_told_and_stops_nothing(
    lab: Lab, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of one check leaves the others."""

    def stumble() -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(machine, "check_versions", stumble)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["versions.unforeseen"], 1)
    assert the(report, "versions.unforeseen").found("en") == (
        "the check itself failed: KeyError: 'a defect'"
    )
    assert "chats.all" in keys(report)


def test_a_pipeline_in_hand_can_be_checked_too(lab: Lab, world: World, team: str) -> None:
    """As Airflow has it; it is the current one afterwards, and can load."""
    pipeline = open_pipeline(
        database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
    )
    before = files_in(lab.folder)
    report = check(pipeline, clock=lambda: world.now_ms / 1_000, **lab.access)
    assert (amiss(report), report.exit_code) == ([], 0)
    assert dlt.current.pipeline() is pipeline
    assert files_in(lab.folder) == before
    assert load(pipeline, **lab.access).exit_code == 0
    again = check(pipeline, clock=lambda: world.now_ms / 1_000, **lab.access)
    assert the(again, "state.ok").values["chats"] == 1


def plan_of(lab: Lab) -> Any:
    """The plan by which the laboratory loads."""
    return plan_pipeline(database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines"))
