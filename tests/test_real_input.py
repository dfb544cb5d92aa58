"""Real input: what the platform's documentation and official clients show, down to the tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa

from feishu_source.batch import Intake, Listed
from feishu_source.configuration import set_dlt_defaults
from feishu_source.reading import mark
from feishu_source.sandbox import World
from tests.content_reading import NAMES
from tests.lab import Lab

DATA = Path(__file__).parent / "data"
SAMPLES: list[dict[str, Any]] = json.loads((DATA / "content_samples.json").read_text("utf-8"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_every_known_body_arrives_in_the_warehouse_as_expected(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Row by row: each sample is sent, listed, loaded, compared with what is written by hand."""
    sent = {}
    for sample in SAMPLES:
        world.advance(1)
        sent[world.post(team, ann, **_as_posted(sample))] = sample
    lab.load()
    rows = {row["message_id"]: row for row in lab.rows("messages")}
    assert rows.keys() == sent.keys()
    for message_id, sample in sent.items():
        columns = _columns(sample["expected"])
        assert {n: rows[message_id][n] for n in columns} == columns, sample["case"]
        assert rows[message_id]["body_content"] == _as_sent(sample), sample["case"]
        assert _children(lab, "message_links", message_id, "url, label") == [
            tuple(link) for link in sample["expected"].get("links", [])
        ], sample["case"]
        wanted = "resource_type, resource_key, file_name, duration_ms"
        assert _children(lab, "message_resources", message_id, wanted) == [
            tuple(resource) for resource in sample["expected"].get("resources", [])
        ], sample["case"]


def _as_sent(sample: dict[str, Any]) -> str:
    content = sample["content"]
    return json.dumps(content) if sample["is_json"] else str(content)


def _as_posted(sample: dict[str, Any]) -> dict[str, Any]:
    mentions = [{"key": key, "id": f"ou_{key}", "name": name} for key, name in NAMES.items()]
    more = {"mentions": mentions, "body": {"content": _as_sent(sample)}}
    return {
        "msg_type": sample["msg_type"],
        "content": _as_sent(sample),
        "more": more | {"deleted": bool(sample.get("deleted"))},
    }


def _columns(expected: dict[str, Any]) -> dict[str, Any]:
    """The expected values under the names of their columns; what is not named is null."""
    names = "text title image_key file_key file_name duration_ms shared_chat_id shared_user_id"
    names += " location_name longitude latitude event_summary task_id vote_topic vote_options"
    columns = {name: expected.get(name) for name in names.split()}
    for name in ("event_start", "event_end", "due_time"):
        moment = expected.get(f"{name}_ms")
        columns[name] = None if moment is None else EPOCH + timedelta(milliseconds=moment)
    return columns


def _children(lab: Lab, table: str, message_id: str, columns: str) -> list[tuple[Any, ...]]:
    return lab.query(
        f"select {columns} from feishu.{table} where message_id = '{message_id}' "
        f"order by {'link' if 'links' in table else 'resource'}_index"
    )


def test_documented_reply_becomes_the_rows_it_says(tmp_path: Path) -> None:
    """The example of the list-messages page, value by value, through Arrow into DuckDB."""
    reply = json.loads((DATA / "list_messages_reply.json").read_text("utf-8"))
    tables = _load_items(tmp_path, reply["data"]["items"])
    created = datetime(2021, 3, 10, 12, 49, 33, 411_000, tzinfo=UTC)
    message = tables["messages"][0]
    expected = {
        "message_id": "om_dc13264520392913993dd051dba21dcf",
        "chat_id": "oc_5ad11d72b830411d72b836c20",
        "thread_id": "omt_d4be107c616a",
        "root_id": "om_40eb06e7b84dc71c03e009ad3c754195",
        "parent_id": "om_d4be107c616aed9c1da8ed8068570a9f",
        "upper_message_id": "om_40eb06e7b84dc71c03e009ad3c754195",
        "msg_type": "interactive",
        "create_time": created,
        "update_time": created,
        "deleted": False,
        "updated": False,
        "sender_id": "cli_9f427eec54ae901b",
        "sender_id_type": "app_id",
        "sender_type": "app",
        "sender_tenant_key": "736588c9260f175e",
        "mention_count": 1,
        "mentions_all": False,
        "body_content": '{"text":"test content"}',
    }
    rest = message.keys() - expected.keys() - {"last_listed_at", "content_hash", "_dlt_load_id"}
    assert {name: message[name] for name in expected} == expected
    assert {name for name in rest if message[name] is not None} <= {"text"}
    mention = tables["message_mentions"][0]
    assert (mention["mention_key"], mention["mentioned_name"]) == ("@_user_1", "Tom")
    assert mention["mentioned_id"] == "ou_155184d1e73cbfb8973e5a9e698e74f2"
    assert tables["message_links"] == tables["message_resources"] == []


def _load_items(folder: Path, items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    set_dlt_defaults()
    intake = Intake()
    intake.begin_slice()
    intake.add(Listed(items[0]["chat_id"], items, 1_700_000_000_000))
    pending = intake.take()
    assert pending is not None
    batch = pending.result()

    @dlt.resource(name="messages", file_format="parquet")
    def resource() -> Any:
        for table, data in batch.tables:
            assert isinstance(data, pa.Table)
            yield mark(table, data)

    database = str(folder / "example.duckdb")
    destination = dlt.destinations.duckdb(database)
    dlt.pipeline(
        "example", destination=destination, dataset_name="feishu", pipelines_dir=str(folder)
    ).run(resource())
    tables: dict[str, list[dict[str, Any]]] = {}
    with duckdb.connect(database, read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for table, _ in batch.tables:
            found = connection.execute(f"select * from feishu.{table.name}")
            names = [column[0] for column in found.description]
            tables[table.name] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return tables
