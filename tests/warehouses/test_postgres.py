"""The stories in a PostgreSQL server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import psycopg2
import pyarrow as pa
import pytest
from dlt import Pipeline
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from feishu_source.cli import main
from feishu_source.errors import DestinationError
from feishu_source.holdings import KEPT_STATES
from feishu_source.postgres_destination import without_nul
from feishu_source.tables import TABLES
from tests.evidence import Evidence
from tests.slow.test_secrets import PACKAGES
from tests.warehouses.pages import commands_of
from tests.warehouses.postgres_server import PASSWORD
from tests.warehouses.stories import Stories, WarehouseLab, small_world, talk


class TestPostgres(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, postgres: str) -> Iterator[WarehouseLab]:
        """An empty database."""
        with WarehouseLab(tmp_path, small_world(), {"destination": "postgres"}) as lab:
            yield lab


@pytest.fixture
def warehouse(tmp_path: Path, postgres: str) -> Iterator[WarehouseLab]:
    """An empty database."""
    with WarehouseLab(tmp_path, small_world(), {"destination": "postgres"}) as lab:
        yield lab


def test_text_that_holds_a_nul_is_loaded(warehouse: WarehouseLab) -> None:
    """PostgreSQL's text knows no U+0000; U+FFFD stands in its place, nothing else is lost."""
    world = warehouse.world
    ann = world.add_user("Ann\0")
    chat = world.add_chat(name="odd", member_ids=[ann])
    message_id = world.post(chat, ann, text="a\0b")
    assert warehouse.load().exit_code == 0
    (row,) = [row for row in warehouse.rows("messages") if row["message_id"] == message_id]
    assert (row["text"], row["body_content"]) == ("a\ufffdb", '{"text":"a\\u0000b"}')
    assert "Ann\ufffd" in {row["name"] for row in warehouse.rows("chat_members")}


def test_a_batch_without_a_nul_is_not_copied() -> None:
    """Only columns that hold one are made anew."""
    clean = pa.RecordBatch.from_pydict({"a": ["x", None], "n": [1, 2]})
    assert without_nul(clean) is clean
    odd = pa.RecordBatch.from_pydict({"a": ["x\0y\0", None], "b": ["z", ""], "n": [1, 2]})
    assert without_nul(odd).to_pydict() == {
        "a": ["x\ufffdy\ufffd", None],
        "b": ["z", ""],
        "n": [1, 2],
    }


def test_the_tables_can_be_read_while_a_load_runs(
    warehouse: WarehouseLab, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader sees what the last slice left, whole: each message with all of its mentions."""
    seen: list[int] = []
    consistent = (
        "select count(*), count(*) filter (where mention_count <> (select count(*) from "
        "feishu.message_mentions n where n.message_id = m.message_id)) from feishu.messages m"
    )

    def load(pipeline: Pipeline, *arguments: Any, **more: Any) -> Any:
        with psycopg2.connect(postgres) as reader, reader.cursor() as cursor:
            cursor.execute("select to_regclass('feishu.messages') is not null")
            if cursor.fetchone() == (True,):
                cursor.execute(consistent)
                number, wrong = cursor.fetchone() or (0, 1)
                assert wrong == 0
                seen.append(number)
        reader.close()
        return original(pipeline, *arguments, **more)

    original = Pipeline.load
    monkeypatch.setattr(Pipeline, "load", load)
    report = warehouse.load(slice_messages=60, page_size=10, batch_rows=20)
    assert report.slices > 2
    assert seen == sorted(seen)
    assert 0 < seen[-1] < report.rows
    warehouse.assert_equals_truth()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgresql://loader:hush-hush@127.0.0.1:{port}/postgres",
            "password authentication failed",
        ),
        ("postgresql://loader:hush-hush@127.0.0.1:1/postgres", "see that the server runs"),
    ],
)
def test_a_server_that_lets_nobody_in(
    warehouse: WarehouseLab,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str,
    said: str,
) -> None:
    """What to look at is told; the password is not; nothing was asked of Feishu."""
    port = postgres.rpartition(":")[2].partition("/")[0]
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url.format(port=port))
    with caplog.at_level(logging.DEBUG), pytest.raises(DestinationError) as failed:
        warehouse.load()
    assert said in str(failed.value)
    assert "hush" not in str(failed.value) + caplog.text
    assert warehouse.sandbox.requests == []


@pytest.mark.parametrize("dataset", ["feishu", "feishu-2026"])
def test_the_commands_of_the_page(
    warehouse: WarehouseLab,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dataset: str,
) -> None:
    """With the credentials in the environment; an odd name of a dataset is normalised."""
    for name, value in warehouse.access.items():
        monkeypatch.setenv(f"SOURCES__FEISHU__{name.upper()}", str(value))
    words = [command.split()[1:] for command in commands_of("postgres", "feishu-history")]
    assert len(words) == 3
    for command in words:
        named = [dataset if word == "feishu" else word for word in command]
        assert main([*named, "--quiet"]) == 0
    assert PASSWORD not in "".join(capsys.readouterr())
    warehouse.where = {"destination": "postgres", "dataset": dataset}
    warehouse.assert_equals_truth()


def test_every_column_has_the_type_that_is_declared(warehouse: WarehouseLab, postgres: str) -> None:
    """And may be null where that is declared; no table is without its columns."""
    warehouse.load()
    types = {
        **{"text": "character varying", "json": "character varying", "bool": "boolean"},
        **{"bigint": "bigint", "double": "double precision", "ts": "timestamp with time zone"},
    }
    declared = {
        (table.name, column.name): (types[column.type], "YES" if column.nullable else "NO")
        for table in TABLES.values()
        for column in table.columns
    }
    found = ask(
        postgres,
        "select table_name, column_name, data_type, is_nullable from information_schema.columns"
        " where table_schema = 'feishu' and table_name not like '\\_dlt%' and column_name not like"
        " '\\_dlt%'",
    )
    assert {row[:2]: row[2:] for row in found} == declared


def test_long_texts_and_halves_of_characters(warehouse: WarehouseLab) -> None:
    """Far beyond what an index or a page holds; a lone surrogate is U+FFFD before it comes here."""
    world = warehouse.world
    ann = world.add_user("Ann")
    chat = world.add_chat(name="long", member_ids=[ann])
    long = world.post(chat, ann, text="长🚄" * 1_000_000)
    half = world.post(chat, ann, text="a\ud83db")
    assert warehouse.load().exit_code == 0
    found = {row["message_id"]: row["text"] for row in warehouse.rows("messages")}
    assert (found[long], found[half]) == ("长🚄" * 1_000_000, "a\ufffdb")


def test_what_only_serves_the_merge_does_not_stay(warehouse: WarehouseLab, postgres: str) -> None:
    """No tombstone, no staged row, no more than ten versions of the state."""
    for number in range(KEPT_STATES + 3):
        talk(warehouse.world, Random(number))
        assert warehouse.load(rungs="off").exit_code == 0
    counts = {
        (schema, table): count_of(postgres, f"{schema}.{table}")
        for schema, table in ask(
            postgres,
            "select table_schema, table_name from information_schema.tables"
            " where table_schema like 'feishu%'",
        )
    }
    assert {table for (schema, table), n in counts.items() if schema != "feishu" and n} <= {
        "_dlt_version"
    }
    assert counts["feishu", "_dlt_pipeline_state"] == KEPT_STATES
    for table in ("message_mentions", "message_links", "message_resources", "chat_members"):
        assert ask(postgres, f"select count(*) from feishu.{table} where _deleted") == [(0,)]
        assert counts["feishu", table] == len(warehouse.rows(table))


def test_a_merge_is_seen_whole_or_not_at_all(
    warehouse: WarehouseLab, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was until the commit; a reader who began before it sees that on and on."""
    world = warehouse.world
    warehouse.load()
    (chat, *_) = world.chats
    edited = world.post(chat, text="before")
    warehouse.load()
    world.edit(edited, text="after")
    words = "select text, (select count(*) from feishu.messages) from feishu.messages where"
    words = f"{words} message_id = '{edited}'"
    (before,) = ask(postgres, words)
    seen: list[tuple[Any, ...]] = []
    original = Psycopg2SqlClient.commit_transaction

    def commit(client: Psycopg2SqlClient) -> None:
        seen.extend(ask(postgres, words))
        original(client)
        seen.extend(ask(postgres, words))

    monkeypatch.setattr(Psycopg2SqlClient, "commit_transaction", commit)
    with psycopg2.connect(postgres) as reader, reader.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read")
        cursor.execute(words)
        assert cursor.fetchall() == [before]
        assert warehouse.load().exit_code == 0
        cursor.execute(words)
        assert cursor.fetchall() == [before]
    reader.close()
    after = ("after", before[1])
    assert before[0] == "before"
    assert (seen[0], seen[-1]) == (before, after)
    assert seen == [before] * seen.count(before) + [after] * seen.count(after)


def test_a_table_that_somebody_dropped_is_named(warehouse: WarehouseLab, postgres: str) -> None:
    """With what helps, and that helps."""
    warehouse.load()
    ask(postgres, "drop table feishu.message_mentions")
    warehouse.world.advance(60)
    talk(warehouse.world, Random(1))
    with pytest.raises(DestinationError) as refused:
        warehouse.load()
    told = str(refused.value)
    assert 'relation "feishu.message_mentions" does not exist. Next step: a table that' in told
    ask(postgres, "drop schema feishu cascade")
    assert warehouse.load().exit_code == 0
    warehouse.assert_equals_truth()


def test_a_server_that_ends_all_connections_in_the_midst_of_a_load(
    warehouse: WarehouseLab, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when it is restarted; there is nothing to mend, and the next load goes on."""
    warehouse.load()
    warehouse.world.advance(60)
    talk(warehouse.world, Random(1))
    original = PostgresClient.complete_load

    def complete(*arguments: Any, **more: Any) -> None:
        ask(
            postgres,
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where"
            " usename = current_user and pid <> pg_backend_pid()",
        )
        original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresClient, "complete_load", complete)
        with pytest.raises(DestinationError) as ended:
            warehouse.load()
    assert "Next step: none but the next load, which goes on from what" in str(ended.value)
    assert "the server ended the connection" in str(ended.value)
    assert warehouse.load().exit_code == 0
    warehouse.assert_equals_truth()


def test_a_row_that_another_load_writes_as_well_is_there_once(
    warehouse: WarehouseLab, postgres: str
) -> None:
    """A merge waits for one that has written and not yet committed, and then sees its rows."""
    warehouse.load()
    (chat, *_) = warehouse.world.chats
    message_id = warehouse.world.post(chat, text="once")
    warehouse.load()
    with ThreadPoolExecutor() as pool, psycopg2.connect(postgres) as other:
        cursor = other.cursor()
        cursor.execute(
            "with gone as (delete from feishu.messages where message_id = %s returning *) "
            "insert into feishu.messages select * from gone",
            (message_id,),
        )
        loaded = pool.submit(warehouse.load)
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        while ask(postgres, waiting) == [(0,)]:
            assert not loaded.done()
        other.commit()
        assert loaded.result().exit_code == 0
    other.close()
    ids = [row["message_id"] for row in warehouse.rows("messages")]
    assert (ids.count(message_id), len(ids)) == (1, len(set(ids)))


def test_neither_words_nor_passwords_are_left_behind(
    warehouse: WarehouseLab, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL quotes the row that it refuses; no log, no trace and no error repeats it."""
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    evidence, folder = Evidence(), tmp_path / "pipelines"
    world, (chat, *_) = warehouse.world, warehouse.world.chats
    warehouse.load()
    ask(postgres, "alter table feishu.messages add check (text not like '%Zaubermarke%')")
    refused = world.post(chat, text="Zaubermarke")
    with evidence.of_load("refused", folder):
        warehouse.load()
    with evidence.of_load("wrong password", folder), pytest.MonkeyPatch.context() as patch:
        wrong = f"postgresql://loader:hush-hush@{postgres.partition('@')[2]}"
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", wrong)
        warehouse.load()
    ends = [(load, kind) for load, where, kind in evidence.texts if where == "error"]
    assert ends == [(load, "DestinationError") for load in ("refused", "wrong password")]
    assert (
        "CheckViolation: new row for relation"
        in evidence.texts["refused", "error", "DestinationError"]
    )
    waiting = [name for _, _, name in evidence.places("Zaubermarke") if name.endswith(".parquet")]
    assert waiting
    elsewhere = [
        (load, where, name)
        for load, where, name in evidence.places("Zaubermarke")
        if not any(part in f"/{name}" for part in PACKAGES)
    ]
    assert elsewhere == []
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "hush-hush"):
        assert evidence.places(secret) == []
    ask(postgres, "alter table feishu.messages drop constraint messages_text_check")
    assert warehouse.load().exit_code == 0
    assert refused in {row["message_id"] for row in warehouse.rows("messages")}


def test_a_destination_of_another_name(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configured as a PostgreSQL server, it has the same manners."""
    monkeypatch.setenv("DESTINATION__ARCHIVE__DESTINATION_TYPE", "postgres")
    monkeypatch.setenv("DESTINATION__ARCHIVE__CREDENTIALS", postgres)
    monkeypatch.delenv("DESTINATION__POSTGRES__CREDENTIALS")
    where = {"destination": "archive", "dataset": "feishu_archive"}
    with WarehouseLab(tmp_path, small_world(), where) as lab:
        assert lab.load().exit_code == 0
        lab.assert_equals_truth()


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    """One statement, committed, in a connection of its own, and what it gives."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


def count_of(url: str, table: str) -> int:
    """Rows of a table."""
    ((number,),) = ask(url, f"select count(*) from {table}")
    return int(number)
