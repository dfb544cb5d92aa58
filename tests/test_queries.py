"""`pipelines/queries/`: what each query answers, in DuckDB, and that its text is fit for others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from feishu_source import load, open_pipeline
from feishu_source.analytics import (
    PARAMETERS,
    create_views,
    open_warehouse,
    read_questions,
    read_views,
    say,
    tables_of,
)
from feishu_source.destination import Plan, plan_pipeline
from feishu_source.errors import ConfigurationError
from feishu_source.sandbox import Sandbox
from feishu_source.tables import TABLES
from tests.query_story import Rows, Story, answers, check_views, scope, tell

QUERIES = Path(__file__).parents[1] / "pipelines" / "queries"
QUESTIONS, VIEWS = read_questions(QUERIES), read_views(QUERIES)
ALL = QUESTIONS | {f"view {name}": view for name, view in VIEWS.items()}
DIALECTS = ("duckdb", "postgres", "bigquery", "snowflake")
EVERY_ONE = pytest.mark.parametrize("name", ALL)


class Loaded:
    """The story, loaded into a DuckDB file."""

    def __init__(self, folder: Path, **arguments: Any) -> None:
        self.story: Story = tell()
        self.folder, self.database = folder, folder / "story.duckdb"
        self.load(**arguments)

    def load(self, **arguments: Any) -> None:
        """One load, or one more."""
        work = str(self.folder / "work")
        with Sandbox(self.story.world) as sandbox:
            load(
                open_pipeline(database=str(self.database), pipelines_dir=work),
                base_url=sandbox.base_url,
                app_id=sandbox.app_id,
                app_secret=sandbox.app_secret,
                **arguments,
            )

    @property
    def plan(self) -> Plan:
        """The way there."""
        return plan_pipeline(database=str(self.database))

    def ask(self, sql: str, since: str | None = "2026-03-28") -> Rows:
        """The rows of a statement about that weekend."""
        with open_warehouse(self.plan) as warehouse:
            return warehouse.ask(sql, scope(since)).rows


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Loaded once: queries change nothing."""
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_DATA_DIR", str(folder))
        yield Loaded(folder)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_query_answers_as_was_written_by_hand(loaded: Loaded, name: str) -> None:
    """Whole tables, in order; who adds a query says what it answers here."""
    assert loaded.ask(QUESTIONS[name].sql) == answers(loaded.story)[name]


def test_a_query_changes_nothing(loaded: Loaded) -> None:
    """The file is opened read-only and keeps its bytes."""
    before = loaded.database.read_bytes()
    loaded.ask(QUESTIONS["daily_activity"].sql)
    with pytest.raises(Exception, match="read-only"):
        loaded.ask("drop table feishu.messages")
    assert loaded.database.read_bytes() == before


def test_the_views(tmp_path: Path) -> None:
    """They are made twice, as after an upgrade; a later load goes on beneath them."""
    loaded = Loaded(tmp_path)
    for _ in range(2):
        assert create_views(loaded.plan, VIEWS) == [f'"feishu"."{name}"' for name in VIEWS]
    check_views(loaded.ask, loaded.story)
    loaded.story.world.advance(60)
    loaded.story.world.post(
        loaded.story.ids["team"], loaded.story.ids["ann"], text="beneath the views"
    )
    loaded.load()
    last = "select text from feishu.conversation order by create_time desc limit 1"
    assert loaded.ask(last) == [("beneath the views",)]


def test_files_of_parquet_are_asked_for_their_newest_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two loads leave every message there twice."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "files"))
    story = tell()
    with Sandbox(story.world) as sandbox:
        for full in (False, True):
            load(
                open_pipeline("filesystem", pipelines_dir=str(tmp_path / "work")),
                base_url=sandbox.base_url,
                app_id=sandbox.app_id,
                app_secret=sandbox.app_secret,
                full=full,
            )
    plan = plan_pipeline("filesystem")
    with open_warehouse(plan) as warehouse:
        found = {name: warehouse.ask(each.sql, scope()).rows for name, each in QUESTIONS.items()}
    assert found == answers(story)
    with pytest.raises(ConfigurationError, match=r"files hold no views: .*latest_views\.py"):
        create_views(plan, VIEWS)


def test_a_copy_counts_where_its_thread_was_not_loaded(tmp_path: Path) -> None:
    """Without threads it is all there is of the reply; the topic group shows its replies."""
    loaded = Loaded(tmp_path, threads=False)
    rows = loaded.ask(QUESTIONS["daily_activity"].sql)
    assert [row[1:3] for row in rows] == [(4, 0), (7, 1), (7, 1)]


def test_a_table_that_is_not_there_counts_as_empty(tmp_path: Path) -> None:
    """No members: people have the names that stood on their messages."""
    loaded = Loaded(tmp_path)
    with duckdb.connect(str(loaded.database)) as connection:
        connection.execute("drop table feishu.chat_members")
        connection.execute("drop table feishu.message_links")
    expected = answers(loaded.story)
    assert loaded.ask(QUESTIONS["active_people"].sql) == expected["active_people"]
    assert loaded.ask(QUESTIONS["files_and_links"].sql) == expected["files_and_links"][1:2]
    create_views(loaded.plan, VIEWS)
    check_views(loaded.ask, loaded.story)


def test_without_a_range_everything_counts(loaded: Loaded) -> None:
    """From the beginning: Ann is new as well, with what she said before the weekend."""
    rows = loaded.ask(QUESTIONS["newcomers"].sql, since=None)
    assert [(row[0], row[3]) for row in rows] == [("Cleo", 3), ("Ben", 8), ("Ann", 8)]


# the texts


@EVERY_ONE
def test_a_heading_says_what_it_answers_and_what_to_mind(name: str) -> None:
    """How recalled messages, bots and copies are taken too; a query begins with a question."""
    heading = ALL[name].heading
    assert heading[0].endswith("." if name.startswith("view ") else "?")
    assert heading[1] == ""
    labels = [line.split(":")[0] for line in heading if re.match(r"[A-Z][a-z]+: ", line)]
    assert labels == ["Recalled", "Bots", "Copies", "Mind"]


@EVERY_ONE
def test_parameters_and_tables(name: str) -> None:
    """A query takes a range, and a zone where it shows days or hours; a view takes nothing."""
    sql = ALL[name].sql
    found = set(re.findall(r"\$(\w+)", sql))
    if name.startswith("view "):
        assert not found
    else:
        assert found | {"timezone"} == set(PARAMETERS)
        assert ("timezone" in found) == ("at time zone" in sql)
    assert set(tables_of(sql)) <= TABLES.keys()
    assert "messages" in tables_of(sql)


@EVERY_ONE
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_text_is_valid_in_each_dialect(name: str, dialect: str) -> None:
    """Written, read again in that dialect, and written the same."""
    values = scope().values
    said = say(ALL[name].sql, dialect, "feishu", values)
    (again,) = sqlglot.parse(said, read=dialect)
    assert again is not None
    # sqlglot writes the part of an EXTRACT as it found it.
    assert again.sql(dialect, pretty=True).upper() == said.upper()
    assert "$" not in said
    assert values["until"] in said or name.startswith("view ")


@EVERY_ONE
def test_nothing_stands_in_it_that_a_dialect_does_not_know(name: str) -> None:
    """sqlglot passes on what it does not know: functions are those that all four have."""
    sql = re.sub(r"--.*", "", ALL[name].sql)
    called = set(re.findall(r"(\w+)\s*\(", sql)) - {"in", "as", "over", "and", "when", "or", "not"}
    assert called <= {
        *("cast", "coalesce", "concat", "chr", "count", "max", "min", "floor", "date_diff"),
        *("extract", "row_number", "counted", "total"),
    }
    for word in ("filter", "qualify", "ilike", "//", "::", "using", "distinct on", "group by all"):
        assert word not in sql


DIFFERENCES = {
    "duckdb": "DATE_DIFF('MILLISECOND', MIN(r.create_time), MIN(a.create_time))",
    "postgres": (
        "CAST((EXTRACT(EPOCH FROM MIN(a.create_time)) - EXTRACT(EPOCH FROM MIN(r.create_time)))"
        " * 1000 AS BIGINT)"
    ),
    "bigquery": "TIMESTAMP_DIFF(MIN(a.create_time), MIN(r.create_time), MILLISECOND)",
    "snowflake": "DATEDIFF(MILLISECOND, MIN(r.create_time), MIN(a.create_time))",
}
DAYS = {
    "duckdb": "CAST(create_time AT TIME ZONE 'Europe/Berlin' AS DATE) AS day",
    "postgres": "CAST(create_time AT TIME ZONE 'Europe/Berlin' AS DATE) AS day",
    # A timestamp whose UTC clock shows Berlin's time: of that the day and the hour are taken.
    "bigquery": "CAST(TIMESTAMP(DATETIME(create_time, 'Europe/Berlin')) AS DATE) AS day",
    # Of a TIMESTAMP_TZ, as dlt makes it, the day on the clock of its own zone.
    "snowflake": "CAST(CONVERT_TIMEZONE('Europe/Berlin', create_time) AS DATE) AS day",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_instants_and_days_mean_the_same_in_each_dialect(dialect: str) -> None:
    """The two places where a translation could mean something else, word for word."""
    values = scope().values
    waits = say(QUESTIONS["response_times"].sql, dialect, "feishu", values)
    assert "".join(DIFFERENCES[dialect].split()) in "".join(waits.split())
    assert DAYS[dialect] in say(QUESTIONS["daily_activity"].sql, dialect, "feishu", values)


def test_who_has_no_name_is_no_person_at_any_hour(tmp_path: Path) -> None:
    """What is neither a person's nor a bot's counts as a message, even with an id or no type."""
    database = Loaded(tmp_path).database
    sql = say(QUESTIONS["busiest_hours"].sql, "duckdb", "feishu", scope().values)
    with duckdb.connect(str(database)) as connection:
        before = sum(row[2] for row in connection.execute(sql).fetchall())
        for kind in ("anonymous", None):
            connection.execute(
                "update feishu.messages set sender_type = ?"
                " where sender_type is distinct from 'app'",
                [kind],
            )
            rows = connection.execute(sql).fetchall()
            assert (sum(row[2] for row in rows), sum(row[3] for row in rows)) == (before, 0)
