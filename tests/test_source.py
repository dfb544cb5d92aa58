"""The source as dlt users know it: resources, selection, pipeline.run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from feishu_source import feishu_source
from feishu_source.errors import ConfigurationError
from feishu_source.sandbox import Fault, World, generate
from tests.lab import DAY_S, MESSAGES, Lab

NOW_MS = 1_790_000_000_000


def _pipeline(lab: Lab) -> dlt.Pipeline:
    return dlt.pipeline(
        "bare",
        destination=dlt.destinations.duckdb(str(lab.database)),
        dataset_name="feishu",
        pipelines_dir=str(lab.folder / "bare"),
    )


def _source(lab: Lab, **arguments: Any) -> Any:
    return feishu_source(**(lab.access | arguments))


def test_source_is_built_without_credentials_and_without_network() -> None:
    """They are looked for at the first request."""
    source = feishu_source()
    assert list(source.resources) == [
        *("chats", "chat_members", "chat_pins", "chat_tabs", "chat_announcements"),
        *("messages", "threads"),
    ]
    assert (source.name, source.section) == ("feishu", "feishu")


def test_a_source_is_built_without_importing_what_reads_and_what_loads() -> None:
    """An orchestrator builds it every few seconds: to name resources and to check arguments."""
    code = (
        "import sys, feishu_source as f; f.feishu_source(); "
        "print(*{name.removeprefix('feishu_source.').split('.')[0] for name in sys.modules})"
    )
    words, root = [sys.executable, "-c", code], Path(__file__).parents[1]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=root)
    imported = set(done.stdout.split())
    assert imported & {"duckdb", "pyarrow", "session", "walk", "batch", "content"} == set()
    assert imported >= {"dlt", "resources", "options"}


def test_a_pipeline_is_made_without_importing_arrow() -> None:
    """An orchestrator does it whenever it looks at its files, and merges rows once an hour."""
    code = "import feishu_source.destination, sys; print('pyarrow' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_missing_credentials_name_the_settings(tmp_path: Path) -> None:
    """And where they belong."""
    pipeline = dlt.pipeline("none", destination="duckdb", pipelines_dir=str(tmp_path))
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline.run(feishu_source())
    words = str(caught.value)
    for name in (".dlt/secrets.toml", "SOURCES__FEISHU__APP_ID", "SOURCES__FEISHU__APP_SECRET"):
        assert name in words


def test_configuration_is_found_the_dlt_way(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flat names: SOURCES__FEISHU__APP_ID; lists as JSON."""
    other = world.add_chat(name="Other", member_ids=[ann])
    for chat_id in (team, other):
        world.post(chat_id, ann, text="here")
    for name, value in lab.access.items():
        monkeypatch.setenv(f"SOURCES__FEISHU__{name.upper()}", str(value))
    monkeypatch.setenv("SOURCES__FEISHU__EXCLUDE", '["oth*"]')
    _pipeline(lab).run(feishu_source())
    assert {row["chat_id"] for row in lab.rows("messages")} == {team}


def test_bare_run_loads_everything_in_one_slice(tmp_path: Path) -> None:
    """And a second one, of the same source object, only what is new."""
    world = generate(seed=4, chats=6, messages=200, days=30, now_ms=NOW_MS)
    with Lab(tmp_path, world) as lab:
        source = _source(lab, slice_messages=10, rungs="off")
        _pipeline(lab).run(source)
        lab.assert_equals_truth()
        world.advance(DAY_S)
        chat_id = next(iter(world.chats))
        world.post(chat_id, next(iter(world.users)), text="new")
        lab.sandbox.clear_requests()
        _pipeline(lab).run(source)
        lab.assert_equals_truth()
        assert len(lab.listings(chat_id)) == 1


def test_messages_alone_are_read_without_threads(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """`threads` in the selection means that threads are read."""
    root = world.post(team, ann, text="root")
    reply = world.reply_in_thread(root, ann, text="reply")
    _pipeline(lab).run(_source(lab).with_resources("messages"))
    assert (lab.message_ids(), lab.polls()) == ({root}, [])
    _pipeline(lab).run(_source(lab).with_resources("messages", "threads"))
    assert lab.message_ids() == {root, reply}


def test_threads_without_messages_are_refused(lab: Lab, team: str) -> None:
    """The replies would have nowhere to go, and nothing would say so."""
    with pytest.raises(PipelineStepFailed) as caught:
        _pipeline(lab).run(_source(lab).with_resources("threads"))
    assert isinstance(caught.value.__cause__.__cause__, ConfigurationError)  # type: ignore[union-attr]


def test_refresh_drops_claims_and_tables_together(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """dlt's own way to start over works."""
    world.post(team, ann, text="first")
    _pipeline(lab).run(_source(lab))
    world.advance(30 * DAY_S)
    _pipeline(lab).run(_source(lab), refresh="drop_sources")
    lab.assert_equals_truth()


def test_no_table_is_missing_after_the_first_load(lab: Lab, team: str) -> None:
    """Queries find all of them, rows or not."""
    lab.load()
    sql = "select table_name from information_schema.tables where table_schema = 'feishu'"
    tables = {row[0] for row in lab.query(sql)}
    assert {name for name in tables if not name.startswith("_dlt")} == {
        "chats",
        "chat_members",
        "chat_pins",
        "chat_tabs",
        "chat_announcements",
        "messages",
        "message_mentions",
        "message_links",
        "message_resources",
        "message_reactions",
        "resource_files",
        "forwarded_messages",
        "threads",
        "names_seen",
        "users",
        "rejected_messages",
        "sync_coverage",
        "sync_runs",
    }
    for table in tables - {"_dlt_version", "_dlt_loads", "_dlt_pipeline_state"}:
        columns = {row[0] for row in lab.query(f"describe feishu.{table}")}
        assert "_dlt_load_id" in columns, table


def test_bare_run_asks_the_warehouse_nothing_and_keeps_no_names(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Which names are known, only a load asks; the table stands there for queries."""
    world.post(team, ann, text="here")
    _pipeline(lab).run(_source(lab))
    assert (lab.rows("names_seen"), len(lab.rows("messages"))) == ([], 1)


def test_bare_run_that_ends_early_tells_of_every_chat(lab: Lab, world: World, ann: str) -> None:
    """Of those it did not reach, too: a bare run cannot raise without losing what it read."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(4)]
    for chat_id in chats:
        world.post(chat_id, ann, text="here")
    lab.sandbox.inject(Fault("quota", MESSAGES, after=2))
    _pipeline(lab).run(_source(lab, workers=1))
    rows = {row["chat_id"]: row for row in lab.rows("sync_coverage")}
    assert rows.keys() == set(chats)
    assert sorted(row["status"] for row in rows.values()) == ["complete"] * 2 + ["partial"] * 2
    told = [row["error_code"] for row in rows.values() if row["status"] == "partial"]
    assert told == [99991403] * 2
    assert len(lab.message_ids()) == 2


BARE = """
import json, sys, dlt
from feishu_source import feishu_source
access, database, folder = json.loads(sys.argv[1])
dlt.pipeline(
    "bare", destination=dlt.destinations.duckdb(database), dataset_name="feishu",
    pipelines_dir=folder,
).run(feishu_source(**access))
"""


def test_bare_run_in_a_process_of_its_own_has_load_ids_and_leaves_no_copies(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What a correct load needs of dlt is set by building the source, nothing else."""
    world.post(team, ann, text="words nobody else should read")
    folder = lab.folder / "bare"
    given = json.dumps([lab.access, str(lab.database), str(folder)])
    environment = {k: v for k, v in os.environ.items() if k != "RUNTIME__DLTHUB_TELEMETRY"}
    subprocess.run([sys.executable, "-c", BARE, given], env=environment, check=True)
    loads = {row[0] for row in lab.query("select load_id from feishu._dlt_loads")}
    assert {row["_dlt_load_id"] for row in lab.rows("messages")} <= loads
    assert not list(folder.rglob("*.parquet"))
