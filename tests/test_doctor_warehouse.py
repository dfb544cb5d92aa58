"""What can be known of a destination without changing a byte of it."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import duckdb
import fsspec  # type: ignore[import-untyped]
import pytest

from feishu_source import load, open_pipeline
from feishu_source.destination import Plan, plan_pipeline
from feishu_source.doctor import CheckReport, check
from feishu_source.doctor.findings import find
from feishu_source.doctor.warehouse import check_files, outcome_of
from feishu_source.report import Place
from feishu_source.sandbox import World
from tests.examined import amiss, examine, files_in, keys, skipped_by, the
from tests.lab import Lab


@pytest.fixture(autouse=True)
def message(world: World, ann: str, team: str) -> None:
    """There is something to load."""
    world.post(team, ann, text="hello")


def test_before_the_first_load_nothing_is_made(lab: Lab) -> None:
    """No database, no folder, no lock; the check says that they can be made."""
    before = files_in(lab.folder)
    report = examine(lab)
    assert {"destination.new", "working_folder.new", "state.none"} <= set(keys(report))
    assert files_in(lab.folder) == before


def test_after_a_load_no_byte_changes(lab: Lab) -> None:
    """The file can be written, its state is read, its bytes and those around it are the same."""
    lab.load()
    before = files_in(lab.folder)
    report = examine(lab)
    assert {"destination.ok", "state.ok"} <= set(keys(report))
    assert the(report, "state.ok").values["chats"] == 1
    assert files_in(lab.folder) == before


def test_a_log_that_a_killed_load_left_stays(lab: Lab) -> None:
    """Opening the file would tidy it up: whoever checks does not."""
    lab.load()
    code = (
        f"import duckdb, os; c = duckdb.connect({str(lab.database)!r});"
        "c.execute('pragma disable_checkpoint_on_shutdown');"
        "c.execute('create table killed as select 1'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    before = files_in(lab.folder)
    assert "history.duckdb.wal" in before
    assert "destination.ok" in keys(examine(lab))
    assert files_in(lab.folder) == before


@pytest.mark.parametrize("read_only", [True, False])
def test_another_process_has_the_database_open(lab: Lab, read_only: bool) -> None:
    """A reader too keeps a load from writing; then the state can be read all the same."""
    lab.load()
    code = (
        "import duckdb, sys;"
        f"c = duckdb.connect({str(lab.database)!r}, read_only={read_only});"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        report = examine(lab)
        holder.communicate("")
    assert (amiss(report), report.exit_code) == (["destination.locked"], 1)
    if read_only:
        assert "state.ok" in keys(report)
    else:
        assert skipped_by(report, "destination") == {"state"}


@pytest.mark.parametrize(
    ("head", "told"),
    [(b"something", ("destination.wrong", 2)), (b"8 bytes.DUCK", ("destination.damaged", 1))],
    ids=["another kind", "damaged"],
)
def test_a_file_that_is_no_database(lab: Lab, head: bytes, told: tuple[str, int]) -> None:
    """It stays what it is."""
    lab.database.write_bytes(head + b"something else" * 1_000)
    before = files_in(lab.folder)
    report = examine(lab)
    assert (*amiss(report), report.exit_code) == told
    assert files_in(lab.folder) == before


def test_a_database_whose_file_refuses_to_be_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the system says it, whatever its reason: here a file system mounted read-only."""
    lab.load()
    opened = Path.open

    def refuse(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if self == lab.database and mode == "r+b":
            raise OSError(30, "Read-only file system")
        return opened(self, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refuse)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["destination.unwritable"], 1)
    assert the(report, "destination.unwritable").values["reason"] == "Read-only file system"
    assert "state.ok" in keys(report)


def test_a_database_in_a_folder_that_cannot_be_made(lab: Lab) -> None:
    """A file stands in its way: a load would not begin."""
    (lab.folder / "file").touch()
    lab.database = lab.folder / "file" / "history.duckdb"
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["destination.nowhere"], 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"database": "feishu.duckdb"}, "the DuckDB file feishu.duckdb and the dataset feishu"),
        ({"destination": "no_such_thing"}, "no_such_thing"),
    ],
)
def test_a_destination_that_cannot_be_planned(
    lab: Lab, arguments: dict[str, str], words: str
) -> None:
    """Exit code 2; the tenant is asked all the same."""
    plan = partial(plan_pipeline, pipelines_dir=str(lab.folder / "pipelines"), **arguments)
    report = check(plan, clock=lambda: lab.world.now_ms / 1_000, **lab.access)
    assert (amiss(report), report.exit_code) == (["destination.wrong"], 2)
    assert words in the(report, "destination.wrong").found("en")
    assert "chats.all" in keys(report)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (
            "Trying to read a database file with version number 99, but we can only read versions "
            "between 64 and 68.\nThe database file was created with a newer version of DuckDB.",
            "newer",
        ),
        ('IO Error: Could not set lock on file "x.duckdb": Conflicting lock is held', "locked"),
        ("The process cannot access the file: it is being used by another process", "locked"),
        ("Corrupt database file: computed checksum 1 does not match", "damaged"),
        ('IO Error: Cannot open file "x.duckdb": Permission denied', "unwritable"),
        ('IO Error: Could not read enough bytes from file "x.duckdb"', "damaged"),
        ("password authentication failed for user", "refused"),
    ],
)
def test_databases_are_understood_by_their_words(words: str, outcome: str) -> None:
    """DuckDB's, as versions 1.4 to 2.0 say them; the rest is a refusal."""
    assert outcome_of(words) == outcome


def test_a_database_of_a_newer_duckdb(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is at hand: its words come from the place where DuckDB's come from."""

    def refuse(*_: object, **__: object) -> None:
        raise duckdb.IOException("Trying to read a database file with version number 99")

    lab.load()
    monkeypatch.setattr(duckdb, "connect", refuse)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["destination.newer"], 1)


@pytest.mark.parametrize(
    "target", ["duckdb", dlt.destinations.duckdb("x.duckdb", destination_name="mine")]
)
def test_a_pipeline_made_by_dlt_itself_is_checked_without_making_its_file(
    lab: Lab, target: Any
) -> None:
    """dlt names the file by its own rules; the check finds out which."""
    pipeline = dlt.pipeline("by_hand", destination=target, dataset_name="feishu")
    report = check(pipeline, clock=lambda: lab.world.now_ms / 1_000, **lab.access)
    assert amiss(report) == []
    where = Path(the(report, "destination.new").values["where"])
    assert (where.name, where.exists()) == (
        "by_hand.duckdb" if target == "duckdb" else "x.duckdb",
        False,
    )


# Elsewhere


def elsewhere(lab: Lab, target: Any, name: str = "duckdb") -> CheckReport:
    """A check of a destination that is not known to be a DuckDB file."""
    plan = Plan("feishu_history", Place(name, None, "feishu"), target, lab.folder / "pipelines")
    return check(lambda: plan, clock=lambda: lab.world.now_ms / 1_000, **lab.access)


def test_a_dataset_that_is_not_there_is_made_and_dropped_under_another_name(lab: Lab) -> None:
    """What the right to make schemas proves."""
    report = elsewhere(lab, dlt.destinations.duckdb(str(lab.database)))
    assert (amiss(report), "destination.new" in keys(report)) == ([], True)
    assert schemas(lab) == []


def test_a_scratch_table_is_made_and_dropped(lab: Lab) -> None:
    """Nothing else in the dataset is touched."""
    lab.load()
    before = tables(lab)
    report = elsewhere(lab, dlt.destinations.duckdb(str(lab.database)))
    assert {"destination.ok", "state.ok"} <= set(keys(report))
    assert tables(lab) == before


def test_a_destination_that_refuses(lab: Lab) -> None:
    """Its words, without what it quotes."""
    lab.database.write_bytes(b"no database" * 100)
    lab.database.chmod(0o644)
    target = dlt.destinations.duckdb(str(lab.folder / "no" / "such" / "folder" / "x.duckdb"))
    report = elsewhere(lab, target)
    assert (amiss(report), report.exit_code) == (["destination.refused"], 1)


def test_files_are_not_written_to_try(lab: Lab) -> None:
    """A bucket can be reached; the check says that it has not tried more."""
    bucket = lab.folder / "bucket"
    report = elsewhere(lab, dlt.destinations.filesystem(bucket.as_uri()), "filesystem")
    assert (amiss(report), "destination.reached" in keys(report)) == ([], True)
    assert not bucket.exists()


# State


def test_a_state_of_another_app(lab: Lab) -> None:
    """Exit code 2, as a load would end."""
    lab.load()
    report = examine(lab, app_id="cli_another")
    assert "state.other_app" in amiss(report)
    assert report.exit_code == 2


def test_a_state_of_another_host(lab: Lab) -> None:
    """The same tenant by another name."""
    lab.load()
    url = lab.sandbox.base_url.replace("127.0.0.1", "localhost")
    report = examine(lab, base_url=url)
    assert (amiss(report), report.exit_code) == (["state.other_host"], 2)


def test_a_state_of_another_app_in_another_pipeline(lab: Lab) -> None:
    """Whatever that one is called: a load would refuse the dataset as well."""
    where = {"database": str(lab.database), "pipelines_dir": str(lab.folder / "pipelines")}
    load(open_pipeline(**where, name="others"), **lab.access)
    assert amiss(examine(lab)) == []
    report = examine(lab, app_id="cli_another")
    assert ("state.other_app" in amiss(report), report.exit_code) == (True, 2)
    assert the(report, "state.other_app").values["theirs"] == lab.sandbox.app_id


def test_a_state_of_a_newer_version(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """This code is older than what wrote it."""
    lab.load()
    monkeypatch.setattr("feishu_source.doctor.warehouse.STATE_VERSION", 0)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["state.newer"], 2)


def schemas(lab: Lab) -> list[tuple[Any, ...]]:
    """Schemas of the laboratory's database that DuckDB did not make itself."""
    return lab.query("select schema_name from duckdb_schemas() where not internal")


def tables(lab: Lab) -> list[tuple[Any, ...]]:
    """Tables of the laboratory's database."""
    return lab.query("select schema_name, table_name from duckdb_tables() order by all")


def test_a_place_for_files_is_tried_and_not_made(lab: Lab, team: str) -> None:
    """A folder is made by the load; a bucket is written to, and nothing stays there."""
    report = examine(lab, files=str(lab.folder / "files"))
    assert the(report, "files.ok").values["where"].folder == lab.folder / "files"
    assert (amiss(report), (lab.folder / "files").exists()) == ([], False)
    report = examine(lab, files="memory:///checked")
    assert the(report, "files.ok").found("en") == "memory:///checked can be written"
    assert fsspec.filesystem("memory").find("/checked") == []
    assert not [key for key in keys(examine(lab)) if key.startswith("files.")]


@pytest.mark.parametrize("place", ["nowhere://bucket/folder", "/proc/none/files"])
def test_a_place_that_takes_no_files_is_told(lab: Lab, team: str, place: str) -> None:
    """As a load would refuse it."""
    report = examine(lab, files=place)
    assert (amiss(report), report.exit_code) == (["files.unwritable"], 2)


def test_files_that_the_destination_could_not_tell_of(lab: Lab, team: str) -> None:
    """What is due is found by SQL in what is loaded."""
    finding = check_files(plan_pipeline(destination="filesystem"), "files")
    assert finding == find("files.unfindable", destination="filesystem")
