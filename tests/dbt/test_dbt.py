"""The models, run again after each load, hold what a full refresh holds, and what is true."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from feishu_source.sandbox import World
from tests.lab import Lab

PROJECT = Path(__file__).parents[2] / "dbt"
VIEWS = Path(__file__).parents[2] / "pipelines" / "queries" / "views"
KEYS = {
    "message_with_names": "message_id",
    "conversation": "message_id",
    "thread_summary": "thread_id",
    "people": "person_id",
    "people_names": "person_id, name",
}


def dbt(lab: Lab, *words: str, code: int = 0) -> str:
    """Runs dbt as docs/dbt.md says; it must end with this exit code."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            *words,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(lab.folder / "target"), "--log-path", str(lab.folder / "logs")),
        ],
        env=os.environ | {"FEISHU_DATABASE": str(lab.database)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def rows(lab: Lab, sql: str) -> list[dict[str, Any]]:
    """The rows of a query, by the names of its columns."""
    with duckdb.connect(str(lab.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set search_path = 'feishu'")
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def models(lab: Lab) -> dict[str, list[dict[str, Any]]]:
    """All rows of all models."""
    return {
        name: rows(lab, f"from feishu_models.{name} order by {key}") for name, key in KEYS.items()
    }


def check(lab: Lab) -> dict[str, list[dict[str, Any]]]:
    """What was just run holds the rows of the views over the tables, and of a full refresh."""
    held = models(lab)
    for name, key in KEYS.items():
        view = (VIEWS / f"{name}.sql").read_text("utf-8")
        wanted = rows(lab, f"select * from ({view}) order by {key}")
        columns = list(wanted[0]) if wanted else []
        assert [{column: row[column] for column in columns} for row in held[name]] == wanted
    dbt(lab, "run", "--full-refresh")
    assert models(lab) == held
    return held


@pytest.fixture
def talk(lab: Lab, world: World, ann: str, team: str) -> dict[str, str]:
    """Two chats, a thread, a copy of a reply; loaded and run once."""
    bob = world.add_user("Bob")
    other = world.add_chat(name="Other", member_ids=[ann, bob])
    ids = {"bob": bob, "other": other}
    for name in ("root", "plain", "edited", "recalled"):
        world.advance(60)
        ids[name] = world.post(team, ann, text=name)
    world.advance(60)
    ids["reply"] = world.reply_in_thread(ids["root"], bob, text="reply")
    world.post(other, bob, text="elsewhere")
    world.advance(60)
    lab.load()
    dbt(lab, "build")
    check(lab)
    return ids


def test_changes_of_every_kind_arrive(
    lab: Lab, world: World, talk: dict[str, str], ann: str, team: str
) -> None:
    """An edit, a recall, a late reply, a new thread, a new chat: whole rows, three loads."""
    world.edit(talk["edited"], text="another text")
    world.recall(talk["recalled"])
    lab.load()
    dbt(lab, "run")
    held = {row["message_id"]: row for row in check(lab)["message_with_names"]}
    assert (held[talk["edited"]]["text"], held[talk["edited"]]["updated"]) == ("another text", True)
    assert (held[talk["recalled"]]["text"], held[talk["recalled"]]["deleted"]) == (None, True)
    world.advance(86_400)
    late = world.reply_in_thread(talk["root"], ann, text="late")
    first = world.reply_in_thread(talk["plain"], ann, text="first of a thread")
    world.post(world.add_chat(name="New", member_ids=[ann]), ann, text="new chat")
    world.advance(60)
    lab.load(full=True)
    dbt(lab, "run")
    order = [row for row in check(lab)["conversation"] if row["chat_id"] == team]
    order.sort(key=lambda row: int(row["reading_order"]))
    assert [row["message_id"] for row in order] == [
        *(talk[name] for name in ("root", "reply")),
        late,
        talk["plain"],
        first,
        talk["edited"],
        talk["recalled"],
    ]


def test_renames_arrive_with_the_rows_that_bear_the_name(
    lab: Lab, world: World, talk: dict[str, str], team: str
) -> None:
    """Of a chat on every message of it; no other row is written again."""
    world.chats[team].name = "改名 Renamed"
    world.advance(2 * 86_400)
    lab.load()
    dbt(lab, "run")
    held = check(lab)
    assert {row["chat_name"] for row in held["message_with_names"]} == {"改名 Renamed", "Other"}
    assert {row["chat_name"] for row in held["thread_summary"]} == {"改名 Renamed"}


def test_a_run_after_nothing_changed_writes_nothing(lab: Lab, talk: dict[str, str]) -> None:
    """Not even the rows that a look-back has not read again."""
    before = models(lab)
    dbt(lab, "run")
    assert models(lab) == before


def test_messages_that_were_removed_leave(lab: Lab, talk: dict[str, str]) -> None:
    """As a request for erasure wants it; the rest of the thread stays, and is counted anew."""
    with duckdb.connect(str(lab.database)) as connection:
        gone = [talk["reply"], talk["edited"]]
        connection.execute("delete from feishu.messages where list_contains(?, message_id)", [gone])
    dbt(lab, "run")
    assert [row["replies"] for row in check(lab)["thread_summary"]] == [0]


def test_the_tests_of_the_package_notice_what_is_wrong(lab: Lab, talk: dict[str, str]) -> None:
    """A mention of a message that is not there; freshness, of a world that ended in January."""
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute(
            "insert into feishu.message_links by name select 'om_none' as message_id, 0 as"
            " link_index, 'oc' as chat_id, now() as create_time, 'u' as url, 'x' as _dlt_load_id,"
            " false as _deleted"
        )
    assert "source_relationships_feishu_message_links" in dbt(lab, "test", code=1)
    assert "PASS freshness of feishu.sync_runs" in dbt(lab, "source", "freshness")
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("update feishu.sync_runs set finished_at = '2026-01-01'")
    assert "ERROR STALE freshness of feishu.sync_runs" in dbt(lab, "source", "freshness", code=1)


def test_descriptions_are_those_of_the_tables() -> None:
    """Made again after a change: python dbt/make_descriptions.py."""
    made = runpy.run_path(str(PROJECT / "make_descriptions.py"))
    for name in ("sources", "models"):
        assert (PROJECT / "models" / f"{name}.yml").read_text("utf-8") == made[name]()
