"""`query.py`: forms of an answer, and what is said where there is none."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from feishu_source.analytics import Answer
from feishu_source.cli import main as load_history
from feishu_source.cli import query_output
from feishu_source.cli.query import FORMATS, main
from feishu_source.cli.terminal import Terminal
from feishu_source.errors import ConfigurationError
from tests import query_page
from tests.cli_tenant import Tenant, tenant, workplace
from tests.lab import held

__all__ = ["tenant", "workplace"]

PIPELINES = query_page.ROOT / "pipelines"
QUERIES = PIPELINES / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))
Said = pytest.CaptureFixture[str]


@pytest.fixture
def loaded(tenant: Tenant, capsys: Said) -> Tenant:
    """Loaded into feishu_history.duckdb, which is where a query looks."""
    assert load_history(["--quiet"]) == 0
    capsys.readouterr()
    return tenant


def answer(*words: str) -> int:
    """The exit code of a command line."""
    return main(QUERIES, words)


@pytest.mark.usefixtures("loaded")
def test_every_query_can_be_asked(tmp_path: Path) -> None:
    """From the words alone, into a file each, in one form or another."""
    for number, name in enumerate(NAMES):
        form = FORMATS[number % len(FORMATS)]
        path = tmp_path / f"{name}.{form}"
        assert answer(name, "--format", form, "--output", str(path)) == 0
        assert path.stat().st_size > 0


@pytest.mark.usefixtures("loaded")
def test_the_same_rows_in_each_form(capsys: Said, tmp_path: Path) -> None:
    """A table for people, CSV, JSON, Parquet; days as days, numbers as numbers."""
    words = ("daily_activity", "--until", "2026-01-02")
    assert answer(*words) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.strip("│ ").split() for line in table if line.startswith("│")] == [
        ["2026-01-01", *["│", "2", "│", "0", "│", "2", "│", "1", "│", "0", "│", "0"]],
        ["2026-01-02", *["│", "1", "│", "0", "│", "1", "│", "1", "│", "0", "│", "0"]],
    ]
    columns = ["day", "messages", "thread_replies", "chats", "people", "by_bots", "recalled"]
    assert answer(*words, "--format", "csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [columns, ["2026-01-01", *"202100"], ["2026-01-02", *"101100"]]
    assert answer(*words, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[1] == dict(
        zip(columns, ["2026-01-02", 1, 0, 1, 1, 0, 0], strict=True)
    )
    path = tmp_path / "days.parquet"
    assert answer(*words, "--format", "parquet", "--output", str(path)) == 0
    assert pq.read_table(path).to_pylist()[1] == dict(
        zip(columns, [date(2026, 1, 2), 1, 0, 1, 1, 0, 0], strict=True)
    )


@pytest.mark.usefixtures("loaded")
def test_times_are_on_the_clock_that_was_asked_for(capsys: Said) -> None:
    """In ISO 8601 with its offset for machines."""
    assert answer("active_people", "--timezone", "Asia/Shanghai", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["last_message"] == "2026-01-05T08:00:00+08:00"


def test_texts_of_strangers(loaded: Tenant, capsys: Said) -> None:
    """Shown safely in a table; in CSV as they are."""
    text = "=1+1 \x1b[31m red?"
    loaded.world.post(loaded.other, None, text="hello")
    loaded.world.post(loaded.other, next(iter(loaded.world.users)), text="no")
    ann = next(u for u in loaded.world.users.values() if u.name == "Ann").user_id
    loaded.world.post(loaded.other, ann, text=text)
    assert load_history(["--quiet"]) == 0
    capsys.readouterr()
    loaded_until = ("unanswered_questions", "--until", "2026-12-31")
    assert answer(*loaded_until) == 0
    shown = capsys.readouterr().out
    assert "=1+1 \ufffd[31m red?" in shown
    assert "[/red] Other" in shown
    assert "\x1b" not in shown
    assert answer(*loaded_until, "--format", "csv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["chat"], row["question"]) == ("[/red] Other", text)


def test_what_a_terminal_is_given() -> None:
    """No control characters in CSV either, and no Parquet."""
    screen = io.StringIO()
    terminal = Terminal(out=Console(file=screen, force_terminal=True))
    assert query_output.cell_writer(terminal)("a\x1b[31m") == "a\ufffd[31m"
    with pytest.raises(ConfigurationError, match="Parquet is not for terminals"):
        query_output.write(Answer(["a"], [(1,)]), "parquet", None, terminal)


def test_a_table_shows_fifty_rows_and_no_ids() -> None:
    """Nor columns in which nothing stands; what is left out is told."""
    screen = io.StringIO()
    rows = [(number, "oc_1", None, 1234.5) for number in range(52)]
    query_output.print_table(Answer(["n", "chat_id", "note", "much"], rows), Console(file=screen))
    lines = screen.getvalue().splitlines()
    assert lines[1].split() == ["┃", "n", "┃", "much", "┃"]
    assert len(lines) == 50 + 5
    assert lines[3].split() == ["│", "0", "│", "1,234.5", "│"]
    assert lines[-1] == "and 2 more rows: --format csv gives all."


def test_parquet_keeps_zones_and_takes_columns_of_nulls() -> None:
    """A column without a value is one of text."""
    rows = [(datetime(2026, 1, 1, tzinfo=UTC), None, "x"), (None, None, None)]
    table = pq.read_table(io.BytesIO(query_output.as_parquet(Answer(["t", "nothing", "s"], rows))))
    assert [str(kind) for kind in table.schema.types] == [
        "timestamp[us, tz=UTC]",
        "string",
        "string",
    ]


MISTAKES: list[tuple[list[str], str]] = [
    (["dayly"], "there is no query 'dayly': did you mean daily_activity?"),
    (["xyz"], f"there is no query 'xyz': there are {', '.join(NAMES)}, create-views."),
    (["newcomers", "--database", "x.duckdb"], "x.duckdb: run a load, or name another"),
    (["newcomers", "--dataset", "other"], "dataset other: run a load, or name another"),
    (["newcomers", "--timezone", "Mars"], "timezone 'Mars' is not known"),
    (["newcomers", "--since", "yesterday"], "since is 'yesterday', not ISO 8601"),
    (
        ["newcomers", "--since", "2026-02-02", "--until", "2026-02-01"],
        "since (2026-02-02) is not before until (2026-02-01)",
    ),
    (["newcomers", "--since", "2999-01-01"], "since (2999-01-01) is not before now ("),
    (["newcomers", "--destination", "nowhere"], "'nowhere' is no destination"),
    (["newcomers", "--output", "no/such/folder"], "cannot be written: No such file"),
    (["newcomers", "--format", "xml"], "'xml' is not one of"),
    (["create-views", "--database", "x.duckdb"], "x.duckdb: run a load, or name another"),
]


@pytest.mark.usefixtures("loaded")
def test_what_cannot_be_answered_is_told(capsys: Said) -> None:
    """In a line, with what to do; nothing on stdout, nothing made."""
    for words, told in MISTAKES:
        assert answer(*words) == 2, words
        said = capsys.readouterr()
        assert said.out == ""
        assert told in said.err
    assert not Path("x.duckdb").exists()


@pytest.mark.usefixtures("workplace")
def test_a_database_without_tables(capsys: Said) -> None:
    """As one that somebody has just made."""
    duckdb.connect("feishu_history.duckdb").close()
    assert answer("coverage") == 2
    assert "nothing is loaded yet in " in capsys.readouterr().err


@pytest.mark.usefixtures("loaded")
def test_a_database_that_a_load_holds(capsys: Said) -> None:
    """The copy for readers is named; exit code 4, as of a load that meets another."""
    with held(Path("feishu_history.duckdb")):
        assert answer("coverage") == 4
    assert "is open in another process, such as a load" in capsys.readouterr().err


@pytest.mark.usefixtures("loaded")
def test_views_are_created_and_their_sql_is_printed(capsys: Said) -> None:
    """What is printed runs as it stands, too."""
    assert answer("create-views") == 0
    assert capsys.readouterr().out.splitlines() == [
        'created "feishu"."conversation"',
        'created "feishu"."message_with_names"',
        'created "feishu"."people"',
        'created "feishu"."people_names"',
        'created "feishu"."thread_summary"',
    ]
    assert answer("create-views", "--sql", "duckdb") == 0
    assert answer("daily_activity", "--sql", "duckdb") == 0
    with duckdb.connect("feishu_history.duckdb") as connection:
        days = connection.execute(capsys.readouterr().out).fetchall()
        count = connection.execute("select count(*) from feishu.conversation").fetchone()
    assert [row[1] for row in days] == [2, 1, 1, 1, 1]
    assert count == (6,)


def test_the_list_and_the_help(workplace: Path, capsys: Said) -> None:
    """Each query with what it answers; the heading is the help."""
    assert answer("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert lines[0].endswith(" Who writes the most, in how many chats and on how many days?")
    assert answer("newcomers", "--help") == 0
    assert "  Recalled: counted, for something was said." in capsys.readouterr().out


def test_the_script_runs_from_a_checkout(workplace: Path) -> None:
    """As the page says."""
    done = subprocess.run(
        [sys.executable, str(PIPELINES / "query.py"), "--list"],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(query_page.ROOT)},
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES


def test_the_page_is_in_step(tmp_path: Path) -> None:
    """`python -m tests.query_page` writes it; every option and view stands before."""
    text, begin, made = query_page.PAGE.read_text("utf-8").partition(query_page.BEGIN)
    assert begin
    assert made == query_page.sections(tmp_path)
    for view in (QUERIES / "views").glob("*.sql"):
        assert f"| `{view.stem}` |" in text
    for option in ("destination", "database", "dataset", "tenant", "since", "until", "timezone"):
        assert f"`--{option}`" in text
    for command in (line for line in text.splitlines() if line.startswith("python ")):
        assert command.split()[2] in {*NAMES, "--list", "create-views"}
