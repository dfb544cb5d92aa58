"""`pipelines/queries/` in a PostgreSQL server: the answers that were written by hand."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from feishu_source import load, open_pipeline
from feishu_source.analytics import (
    create_views,
    open_warehouse,
    read_questions,
    read_views,
    say,
)
from feishu_source.cli.query import main
from feishu_source.destination import plan_pipeline
from feishu_source.sandbox import Sandbox
from tests.query_story import Rows, Story, answers, check_views, scope, tell

QUERIES = Path(__file__).parents[2] / "pipelines" / "queries"


def load_story(story: Story, folder: Path) -> None:
    """One load of it, or one more."""
    with Sandbox(story.world) as sandbox:
        load(
            open_pipeline("postgres", pipelines_dir=str(folder / "work")),
            base_url=sandbox.base_url,
            app_id=sandbox.app_id,
            app_secret=sandbox.app_secret,
        )


@pytest.fixture
def story(tmp_path: Path, postgres: str) -> Story:
    """The story, loaded into an empty database."""
    story = tell()
    load_story(story, tmp_path)
    return story


def ask(sql: str) -> Rows:
    """The rows of a statement about that weekend."""
    with open_warehouse(plan_pipeline("postgres")) as warehouse:
        return warehouse.ask(sql, scope()).rows


# The server's clock shows what a session asks for, and no answer may depend on it.
@pytest.mark.parametrize("session_zone", ["UTC", "America/New_York"])
def test_every_query_answers_as_in_duckdb(
    story: Story, session_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole tables, in order, of the same types."""
    monkeypatch.setenv("PGTZ", session_zone)
    expected = answers(story)
    found = {name: ask(query.sql) for name, query in read_questions(QUERIES).items()}
    assert found == expected
    assert {name: kinds(rows) for name, rows in found.items()} == {
        name: kinds(rows) for name, rows in expected.items()
    }


def kinds(rows: Rows) -> list[list[type]]:
    """The types of the values: `1.0 == 1`, and still they are not the same."""
    return [[type(value) for value in row] for row in rows]


def test_views_are_made_and_made_again(story: Story, tmp_path: Path) -> None:
    """A later load goes on beneath them, and they show what it brings."""
    views = read_views(QUERIES)
    for _ in range(2):
        assert create_views(plan_pipeline("postgres"), views) == [
            f'"feishu"."{name}"' for name in views
        ]
    check_views(ask, story)
    story.world.advance(60)
    story.world.post(story.ids["team"], story.ids["ann"], text="beneath the views")
    load_story(story, tmp_path)
    last = "select text from feishu.conversation order by create_time desc limit 1"
    assert ask(last) == [("beneath the views",)]


def test_nothing_loaded_and_no_entry(
    postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty database has no tables; a wrong password is told, and not which."""
    words = ["daily_activity", "--destination", "postgres"]
    assert main(QUERIES, words) == 2
    assert (
        "nothing is loaded yet in postgres, dataset feishu: run a load" in capsys.readouterr().err
    )
    url = postgres.replace("p%40ss", "wrong")
    assert url != postgres
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    assert main(QUERIES, words) == 1
    told = capsys.readouterr().err
    assert "could not ask postgres, dataset feishu" in told
    assert "wrong" not in told


def test_the_printed_sql_runs_as_it_stands(story: Story, postgres: str) -> None:
    """What `--sql postgres` prints is for whoever pastes it."""
    sql = read_questions(QUERIES)["daily_activity"].sql
    with psycopg2.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute(say(sql, "postgres", "feishu", scope().values))
        rows = cursor.fetchall()
    connection.close()
    assert rows == answers(story)["daily_activity"]
