"""What older versions left behind is loaded on with this one: warehouses, states, working folders.

Each folder of tests/data/upgrades holds what the loads of one version left of the same tenant, made
by tests/make_upgrade_fixture.py. The tenant is made anew by today's sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from feishu_source import open_pipeline
from feishu_source.cli.options import Options, parse
from feishu_source.destination import plan_pipeline
from feishu_source.report import LoadReport
from feishu_source.sandbox import Sandbox, World
from feishu_source.tables import DLT, TABLES
from tests.lab import DAY_S, MESSAGES, Lab, at
from tests.make_upgrade_fixture import (
    FIXTURES,
    NOW_MS,
    RECIPES,
    WIDENED,
    access_to,
    old_world,
    pack,
    say_more,
    unpack,
)

ROOT = Path(__file__).parents[2]
VERSIONS = sorted(path.name for path in FIXTURES.iterdir())
BEFORE_RUNGS = "0.1.0-66fda44"
"""It read nothing again and polled no thread, so the first load after it does both."""
NOW_S = NOW_MS // 1_000
LOOK_BACK_S = 2 * 3_600
TYPES = {"text": "VARCHAR", "bool": "BOOLEAN", "bigint": "BIGINT", "double": "DOUBLE"}
TYPES["timestamp"] = "TIMESTAMP WITH TIME ZONE"

OLD_ROWS: dict[str, Any] = {"forwards": False, "without": {"card_form", "content_hash"}}
"""No version whose loads are kept opened merged forwards, or told the form of a card."""

Restore = Callable[[str, str], Lab]


class OldLab(Lab):
    """Loads as an older version did, as far as that can be asked for."""

    def load(self, **arguments: Any) -> LoadReport:
        """One load that opens no merged forward, unless it is told to."""
        return super().load(**({"forwards": False} | arguments))


@pytest.fixture
def restore(tmp_path: Path) -> Iterator[Restore]:
    """Makes a laboratory of what a version left; the working folder is where it belongs."""
    labs: list[Lab] = []

    def made(name: str, kind: str) -> Lab:
        lab = OldLab(tmp_path, old_world())
        database = unpack(FIXTURES / name / f"{kind}.tar.xz", tmp_path)
        if (tmp_path / "pipelines").exists():
            (old,) = (tmp_path / "pipelines").iterdir()
            place = {"database": str(database), "pipelines_dir": str(tmp_path / "pipelines")}
            old.rename(plan_pipeline(**place).folder)
        labs.append(lab.__enter__())
        return lab

    yield made
    for lab in labs:
        lab.__exit__(None, None, None)


def claims(lab: Lab) -> dict[str, Any]:
    """What the state in the warehouse claims, by chat."""
    folder = str(lab.folder / "looking")
    pipeline = open_pipeline(database=str(lab.database), pipelines_dir=folder)
    pipeline.sync_destination()
    state: dict[str, Any] = pipeline.state["sources"]["feishu"]["resources"]["messages"]
    return dict(state["chats"])


def columns(lab: Lab) -> dict[tuple[str, str], tuple[str, bool]]:
    """Type and nullability of each column in the warehouse that is of our tables."""
    found = lab.query(
        "select table_name, column_name, data_type, is_nullable from information_schema.columns "
        "where table_schema = 'feishu' order by all"
    )
    return {
        (table, name): (kind, nullable == "YES")
        for table, name, kind, nullable in found
        if table in TABLES
    }


def earliest(lab: Lab, chat_id: str) -> int:
    """From where on a chat's timeline was asked for in the last load, in seconds."""
    return min(int(request.query["start_time"]) for request in lab.listings(chat_id))


def newest_thread(world: World) -> tuple[str, int]:
    """The root of the thread of an ordinary group that was answered last, and when (ms)."""
    last, root = max(
        (thread.replies[-1].create_ms, world.id_of(thread.root))
        for thread in world.threads.values()
        if thread.replies and thread.root.chat.mode == "group"
    )
    return root, last


@pytest.mark.parametrize("name", VERSIONS)
def test_what_is_kept_was_loaded_from_the_tenant_that_is_made_today(
    restore: Restore, name: str
) -> None:
    """The generator stays as it is with these arguments; else the other stories prove nothing."""
    lab = restore(name, "complete")
    truth = lab.world.truth()["messages"]
    kept = lab.query("select message_id, create_time, body_content from feishu.messages")
    assert len(kept) == len(truth) == 150
    assert {(row["message_id"], row["create_time"], row["body_content"]) for row in truth} == set(
        kept
    )


@pytest.mark.parametrize("name", VERSIONS)
def test_columns_are_only_added_and_are_null_in_old_rows(restore: Restore, name: str) -> None:
    """An old column keeps its type; rows of chats that are not read keep what they had."""
    lab = restore(name, "complete")
    before, old = columns(lab), {row["chat_id"]: row for row in lab.rows("sync_coverage")}
    one, *others = lab.world.chats
    lab.world.advance(60)
    assert lab.load(chat_ids=[one], rungs="off").exit_code == 0
    after, new = columns(lab), {row["chat_id"]: row for row in lab.rows("sync_coverage")}
    assert {key: after[key] for key in before} == before
    declared = {
        (table.name, column.name): (TYPES[DLT[column.type]], column.nullable)
        for table in TABLES.values()
        for column in table.columns
        if any(table.name == found for found, _ in after)
    }
    assert {key: after[key] for key in declared} == declared
    old_tables = {table for table, _ in before}
    added = [key for key in after.keys() - before.keys() if key[0] in old_tables]
    assert [key for key in added if not after[key][1]] == []
    assert "idle_until" in new[one]
    assert new[one]["last_synced_at"] > old[one]["last_synced_at"]
    for chat_id in others:
        assert new[chat_id] == old[chat_id] | dict.fromkeys(new[one].keys() - old[one].keys())


@pytest.mark.parametrize("name", VERSIONS)
def test_old_warehouse_loads_on_without_its_working_folder(restore: Restore, name: str) -> None:
    """What is new and the look-back are read, a request a chat; the account goes on too."""
    lab = restore(name, "complete")
    known = {each for claim in claims(lab).values() for each in claim.get("hot_threads", {})}
    say_more(lab.world)
    report = lab.load(rungs="off")
    assert (report.exit_code, report.new) == (0, 4)
    lab.assert_equals_truth(**OLD_ROWS)
    assert {chat_id: len(lab.listings(chat_id)) for chat_id in lab.world.chats} == dict.fromkeys(
        lab.world.chats, 1
    )
    assert {earliest(lab, chat_id) for chat_id in lab.world.chats} == {NOW_S - LOOK_BACK_S - 2}
    polls = lab.polls()
    assert len(set(polls) - known) == 1  # the one that was begun since
    assert len(polls) == len(set(polls))
    assert len(lab.rows("sync_runs")) == 2


@pytest.mark.parametrize("name", VERSIONS)
def test_forwards_of_an_old_warehouse_are_opened_when_they_are_read_again(
    restore: Restore, name: str
) -> None:
    """As `--full` does; from then on they are known."""
    lab = restore(name, "complete")
    lab.world.advance(60)
    assert lab.load(forwards=True, full=True).exit_code == 0
    lab.assert_equals_truth()
    lab.world.advance(60)
    lab.load(forwards=True)
    assert lab.sandbox.count(MESSAGES + "/") == 0


@pytest.mark.parametrize("name", VERSIONS)
def test_edit_recall_and_late_reply_arrive_in_an_old_warehouse(restore: Restore, name: str) -> None:
    """Within the look-back, and in the threads that the old state knows to be hot, or will read."""
    lab = restore(name, "complete")
    world = lab.world
    person = next(each for each, user in world.users.items() if not user.is_app)
    chat_id = next(each for each, chat in world.chats.items() if chat.mode == "group")
    edited, recalled = (world.post(chat_id, person, text=text) for text in ("one", "two"))
    assert lab.load().exit_code == 0
    world.advance(600)
    world.edit(edited, text="changed")
    world.recall(recalled)
    root, last_ms = newest_thread(world)
    silent_s = (world.now_ms - last_ms) // 1_000
    world.advance(silent_s // 2)
    world.reply_in_thread(root, person, text="a late reply")
    report = lab.load()
    assert (report.exit_code, report.new) == (0, 1)
    lab.assert_equals_truth(**OLD_ROWS)


@pytest.mark.parametrize("name", VERSIONS)
def test_interrupted_load_is_gone_on_with(restore: Restore, name: str) -> None:
    """Each chat from where its open walk stood; nothing before it is read again."""
    lab = restore(name, "interrupted")
    before = claims(lab)
    begun = {chat_id: claim["walks"]["first"]["at_s"] for chat_id, claim in before.items()}
    assert 0 < len(begun) < len(lab.world.chats)
    say_more(lab.world)
    kept = len(lab.message_ids())
    report = lab.load()
    assert (report.exit_code, report.new) == (0, 154 - kept)
    lab.assert_equals_truth(**OLD_ROWS)
    assert {chat_id: earliest(lab, chat_id) for chat_id in begun} == {
        chat_id: at_s - 2 for chat_id, at_s in begun.items()
    }


@pytest.mark.parametrize("name", VERSIONS)
def test_start_that_was_moved_back_is_gone_on_with(restore: Restore, name: str) -> None:
    """What lies before it too, in the end; nothing that an open walk has claimed is read again."""
    lab = restore(name, "widened")
    open_walks = {
        chat_id: walk
        for chat_id, claim in claims(lab).items()
        for walk in claim.get("walks", {}).values()
    }
    assert open_walks
    assert {walk["kind"] for walk in open_walks.values()} == {
        "sweep" if name == BEFORE_RUNGS else "past"
    }
    report = lab.load(since="2026-08-18", rungs="off")
    assert report.exit_code == 0
    assert {chat_id: earliest(lab, chat_id) for chat_id in open_walks} == {
        chat_id: walk["at_s"] - 2 for chat_id, walk in open_walks.items()
    }
    assert lab.load().exit_code == 0
    lab.assert_equals_truth(**OLD_ROWS)


def test_walk_that_was_called_sweep_before_there_were_rungs_sweeps_none(restore: Restore) -> None:
    """So an edit that no version has looked for is seen by the load that goes on with it."""
    lab = restore(BEFORE_RUNGS, "widened")
    world = lab.world
    walking = next(chat_id for chat_id, claim in claims(lab).items() if "walks" in claim)
    edited = next(
        row["message_id"]
        for row in reversed(world.truth([walking])["messages"])
        if row["msg_type"] == "text"
        and not row["thread_id"]
        and not row["deleted"]
        and row["create_time"] < at(NOW_S - DAY_S)
    )
    world.edit(edited, text="changed")
    assert lab.load(since=at(NOW_S - WIDENED[1] * DAY_S).isoformat()).exit_code == 0
    query = f"select text from feishu.messages where message_id = '{edited}'"
    assert lab.query(query) == [("changed",)]


@pytest.mark.parametrize("name", VERSIONS)
def test_package_that_an_old_version_left_is_loaded_and_not_read_again(
    restore: Restore, name: str
) -> None:
    """Its working folder stands where this version looks for it."""
    lab = restore(name, "pending")
    say_more(lab.world)
    assert len(lab.message_ids()) == 150
    report = lab.load(rungs="off")
    assert report.exit_code == 0
    lab.assert_equals_truth(**OLD_ROWS)
    asked = {chat_id: earliest(lab, chat_id) for chat_id in lab.world.chats}
    assert min(asked.values()) > NOW_S
    assert report.new == 0


def test_fixture_of_this_version_can_be_made(tmp_path: Path) -> None:
    """As it will be when it is released: what is packed holds what was left."""
    folder, again = tmp_path / "made", tmp_path / "again"
    folder.mkdir()
    world = old_world()
    with Sandbox(world) as sandbox:
        RECIPES["pending"](world, access_to(sandbox), folder)
    pack(folder, tmp_path / "pending.tar.xz")
    database = unpack(tmp_path / "pending.tar.xz", again)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from feishu.messages").fetchall() == [(150,)]
    (place,) = (again / "pipelines").iterdir()
    assert list(place.glob("feishu_history/load/normalized/*/new_jobs/messages.*"))


def test_working_folder_keeps_its_name(tmp_path: Path) -> None:
    """Else what an old version left in it would be forgotten: it is a digest of three words."""
    plan = plan_pipeline(database="/srv/feishu/history.duckdb", pipelines_dir=str(tmp_path))
    assert plan.folder.name == "duckdb-f6ca614116b8"


@pytest.mark.parametrize("name", VERSIONS)
def test_what_made_a_fixture_is_told(name: str) -> None:
    """Versions of whatever wrote files, and the commit to make it again from."""
    about = json.loads((FIXTURES / name / "about.json").read_text("utf-8"))
    assert about.keys() == {"version", "commit", "committed", "dlt", "duckdb", "pyarrow"}
    assert name.startswith(about["version"])


def test_the_page_on_upgrades_names_what_is_there() -> None:
    """Its commands, and every fixture that is kept."""
    page = (ROOT / "docs" / "upgrades.md").read_text("utf-8")
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    scripts = re.findall(r"python (\S+\.py)", blocks)
    assert scripts == ["tests/make_upgrade_fixture.py"]
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    named = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert named == VERSIONS
    programs = [line.split() for line in blocks.splitlines() if "feishu-history" in line]
    assert [parse(words[1:]) for words in programs] == [Options(check=True), Options()]
