"""The stories in a PostgreSQL server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from dlt import Pipeline

from feishu_source.cli import main
from feishu_source.errors import DestinationError
from feishu_source.postgres_destination import without_nul
from tests.warehouses.pages import commands_of
from tests.warehouses.postgres_server import PASSWORD
from tests.warehouses.stories import Stories, WarehouseLab, small_world


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
        ("postgresql://loader:hush-hush@127.0.0.1:{port}/postgres", "password are right"),
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
