"""The copy for readers: whole at any moment, and never what stops a load."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from feishu_source import holdings, load, loader
from feishu_source.cli import main
from feishu_source.cli.options import Options, parse
from feishu_source.duckdb_copy import NotPublished, publish
from feishu_source.errors import ConfigurationError, FeishuError
from feishu_source.sandbox import World
from tests.cli_tenant import Tenant, tenant, workplace
from tests.lab import Lab, held

__all__ = ["tenant", "workplace"]

PAGE = (Path(__file__).parents[2] / "docs" / "destinations" / "duckdb.md").read_text("utf-8")
COUNT = "select count(*) from feishu.messages"
READER = f"""
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in iter(sys.stdin.readline, ""):
    print(connection.execute("{COUNT}").fetchone()[0], flush=True)
"""


class Reader:
    """A process that has opened a file, and counts its messages as often as it is asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def count(self) -> int:
        """How many messages it sees."""
        assert self._process.stdin
        assert self._process.stdout
        print(file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def reader_of(path: Path) -> Iterator[Reader]:
    """A reader in a process of its own, as an analyst's."""
    words = [sys.executable, "-c", READER, str(path)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield Reader(process)
        process.communicate()


def count(path: Path) -> int:
    """How many messages a reader finds who opens the file now."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute(COUNT).fetchall()[0][0])


@pytest.fixture
def copy(lab: Lab, world: World, ann: str, team: str) -> Path:
    """The copy that a first load of one message has made."""
    world.post(team, ann, text="first")
    path = lab.folder / "read" / "copy.duckdb"
    report = lab.load(publish=path)
    assert (report.exit_code, report.published, report.warnings) == (0, str(path), [])
    world.advance(60)
    world.post(team, ann, text="second")
    return path


def test_each_load_puts_a_copy_of_its_rows_in_place(lab: Lab, copy: Path) -> None:
    """All tables, as the database has them; nothing else is left in the folder."""
    assert count(copy) == 1
    assert lab.load(publish=str(copy)).published == str(copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute(f"attach '{lab.database}' as original (read_only)")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'original'"
        ).fetchall()
        for (table,) in tables:
            if "staging" not in table and table != "_dlt_version":
                same = f"from copy.feishu.{table} except from original.feishu.{table}"
                assert connection.execute(same).fetchall() == []
    assert {"messages", "sync_runs", "_dlt_pipeline_state"} <= {table for (table,) in tables}
    assert count(copy) == 2
    assert os.listdir(copy.parent) == [copy.name]


def test_a_reader_that_has_the_old_copy_open_keeps_its_rows(lab: Lab, copy: Path) -> None:
    """Whoever opens the path next has the new ones."""
    with reader_of(copy) as reader:
        assert reader.count() == 1
        assert lab.load(publish=copy).published
        assert reader.count() == 1
        with reader_of(copy) as another:
            assert another.count() == 2
        assert reader.count() == 1


def test_the_copy_can_be_read_while_the_database_cannot(
    lab: Lab, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of a load, by another process."""
    seen: list[int] = []

    def checkpoint(pipeline: dlt.Pipeline) -> None:
        with reader_of(copy) as reader:
            seen.append(reader.count())
        with reader_of(lab.database) as locked_out, pytest.raises(ValueError, match="''"):
            locked_out.count()
        original(pipeline)

    original = holdings.checkpoint
    monkeypatch.setattr(loader, "checkpoint", checkpoint)
    assert lab.load(publish=copy).exit_code == 0
    assert seen == [1, 1]
    assert count(copy) == 2


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from feishu_source.duckdb_copy import publish

def half(source, target):
    whole = Path(source).read_bytes()
    Path(target).write_bytes(whole[: len(whole) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

shutil.copyfile = half
publish(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_kill_in_the_midst_leaves_the_old_copy_whole(lab: Lab, copy: Path) -> None:
    """What it had written is written anew by the next one."""
    lab.load()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lab.database), str(copy)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert sorted(os.listdir(copy.parent)) == [copy.name, f"{copy.name}.tmp"]
    assert count(copy) == 1
    publish(lab.database, copy)
    assert os.listdir(copy.parent) == [copy.name]
    assert count(copy) == 2


def test_a_full_disk_is_told_and_fails_no_load(
    lab: Lab, copy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The old copy stays, the room is given back, and the next load publishes."""

    def fill(source: Any, target: Any) -> None:
        Path(target).write_bytes(b"as much as there was room for")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", fill)
        report = lab.load(publish=copy)
    (warning,) = report.warnings
    assert (report.exit_code, report.new, report.published) == (0, 1, None)
    assert warning == (
        f"the copy {copy} could not be written (No space left on device); the one before stays. "
        "Next step: make room and leave to write in its folder; the next load publishes again."
    )
    assert warning in caplog.text
    assert os.listdir(copy.parent) == [copy.name]
    assert count(copy) == 1
    assert lab.load(publish=copy).published
    assert count(copy) == 2


def test_a_database_that_another_process_writes_is_not_copied(lab: Lab, copy: Path) -> None:
    """Half of what it writes could be in the file."""
    lab.load()
    with held(lab.database), pytest.raises(NotPublished, match="is open elsewhere"):
        publish(lab.database, copy)
    assert count(copy) == 1
    publish(lab.database, copy)
    assert count(copy) == 2


LEFT = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("create schema other")
os._exit(0)
"""


def test_a_database_with_a_log_that_is_not_in_the_file_is_not_copied(lab: Lab, copy: Path) -> None:
    """As another writer leaves it that is killed; the next load writes it into the file."""
    subprocess.run([sys.executable, "-c", LEFT, str(lab.database)], check=True)
    assert Path(f"{lab.database}.wal").exists()
    with pytest.raises(NotPublished):
        publish(lab.database, copy)
    assert lab.load(publish=copy).published
    assert count(copy) == 2


def test_the_copy_is_as_private_as_the_database_and_nobody_writes_it(lab: Lab, copy: Path) -> None:
    """A log that somebody left beside it, as root may, is none of the next copy's."""
    assert copy.stat().st_mode & 0o777 == lab.database.stat().st_mode & 0o444
    lab.database.chmod(0o600)
    Path(f"{copy}.wal").write_bytes(b"of another copy")
    lab.load(publish=copy)
    assert copy.stat().st_mode & 0o777 == 0o400
    assert os.listdir(copy.parent) == [copy.name]


def test_a_load_that_fails_publishes_nothing(lab: Lab, copy: Path) -> None:
    """The copy stays at the last load that ended."""
    with pytest.raises(FeishuError) as failure:
        lab.load(publish=copy, app_secret="wrong")
    assert failure.value.report is not None
    assert failure.value.report.published is None
    assert count(copy) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("a letter"), "the copy .* is not a DuckDB file"),
        (lambda path: duckdb.connect(str(path)).close(), "may be written"),
    ],
)
def test_what_is_no_copy_of_a_load_is_not_replaced(
    lab: Lab, tmp_path: Path, make: Any, words: str
) -> None:
    """Somebody else's file stays, and nothing is asked for."""
    path = tmp_path / "theirs.duckdb"
    make(path)
    with pytest.raises(ConfigurationError, match=words):
        lab.load(publish=path)
    assert lab.sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("history.duckdb", "the database itself"), ("feishu.duckdb", "--publish or --dataset")],
)
def test_a_copy_needs_a_name_of_its_own(lab: Lab, name: str, words: str) -> None:
    """Neither the database's nor one that DuckDB cannot tell from the dataset."""
    with pytest.raises(ConfigurationError, match=words):
        lab.load(publish=lab.folder / name)
    assert lab.sandbox.requests == []


@pytest.mark.parametrize("suffix", [".tmp", ".wal"])
@pytest.mark.parametrize("of_copy", [True, False])
def test_a_copy_has_no_file_in_common_with_the_database(
    lab: Lab, suffix: str, of_copy: bool
) -> None:
    """What is written or removed beside the one must not be the other."""
    copy = lab.folder / "read.duckdb"
    if of_copy:
        lab.database = lab.folder / f"read.duckdb{suffix}"
    else:
        copy = lab.folder / f"history.duckdb{suffix}"
    lab.load()
    with pytest.raises(ConfigurationError, match="would have a file in common"):
        lab.load(publish=copy)
    assert lab.sandbox.requests == []
    assert lab.load().exit_code == 0


def test_only_duckdb_is_published(lab: Lab) -> None:
    """Warehouses of other kinds let many read while one writes."""
    pipeline = dlt.pipeline("other", destination=dlt.destinations.filesystem("file:///nowhere"))
    with pytest.raises(ConfigurationError, match="not filesystem"):
        load(pipeline, publish="copy.duckdb", **lab.access)


def test_the_command_line_publishes(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """By a path from here, which the summary tells."""
    assert main(["--publish", "read/copy.duckdb"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "copied to     read/copy.duckdb"
    assert count(Path("read/copy.duckdb")) == 6


def test_the_page_on_duckdb_shows_what_works(
    lab: Lab, copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands are some, and its program counts what a copy holds."""
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    lines = [shlex.split(line) for line in blocks["sh"].splitlines()]
    place = Options(database="/srv/feishu/history.duckdb", publish="/srv/feishu/read.duckdb")
    assert [parse(words[1:]) for words in lines] == [Options(), place]
    monkeypatch.chdir(copy.parent)
    lab.load(publish="read.duckdb")
    exec(compile(blocks["python"], "duckdb.md", "exec"), {})
    assert capsys.readouterr().out == "[(2,)]\n"


def test_the_page_on_duckdb_quotes_duckdb(lab: Lab, copy: Path) -> None:
    """The words that a reader meets."""
    words = r"^IO Error: (Could not set lock on file) .*(Conflicting lock is held)"
    said = re.search(words, PAGE, re.MULTILINE)
    assert said
    with held(lab.database), pytest.raises(duckdb.IOException) as refused:
        count(lab.database)
    assert [each in str(refused.value) for each in said.groups()] == [True, True]


def test_nothing_is_written_where_no_copy_can_be(lab: Lab, copy: Path) -> None:
    """A file stands where its folder should be: told, and the load is loaded."""
    path = copy.parent / "file" / "copy.duckdb"
    path.parent.write_text("not a folder")
    report = lab.load(publish=path)
    assert (report.exit_code, report.new, report.published) == (0, 1, None)
    assert "could not be written" in report.warnings[0]
