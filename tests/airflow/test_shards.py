"""Shards: one mapped task each, into a destination that takes several writers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from feishu_source.sandbox import World, generate
from tests.airflow.runs import AirflowLab
from tests.laboratory import Row
from tests.warehouses.postgres_server import postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An empty PostgreSQL server."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def world() -> World:
    """A few chats of all kinds."""
    return generate(seed=11, chats=6, messages=150, days=30, now_ms=1_790_000_000_000)


class PostgresLab(AirflowLab):
    """A laboratory whose warehouse is that server."""

    url = ""

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, whole."""
        connection = psycopg2.connect(self.url)
        with connection, connection.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            cursor.execute(f"select * from feishu.{table}")
            names = [column.name for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        connection.close()
        return found


def test_each_shard_is_a_task(
    tmp_path: Path,
    world: World,
    server: str,
    metadata_database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Two of them load everything once; the connection's password is told nobody."""
    with PostgresLab(tmp_path, world, metadata_database.parent, monkeypatch, capfd) as lab:
        lab.url = server
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server)
        lab.connect()
        lab.configure(destination="postgres", shards=2, destination_connection="warehouse")
        run = lab.run()
        assert run.state == "success"
        accounts = [run.xcom["load_shard", number] for number in (0, 1)]
        assert [account["shard"] for account in accounts] == ["1/2", "2/2"]
        assert [account["destination"] for account in accounts] == ["postgres", "postgres"]
        total = run.xcom["summarise", -1]
        assert total["chats_complete"] == 6
        assert total["messages"] == sum(account["messages"] for account in accounts)
        lab.assert_equals_truth()
        ids = [row["message_id"] for row in lab.rows("messages")]
        assert len(ids) == len(set(ids))
        password = server.partition("loader:")[2].partition("@127")[0]
        for kept in (lab.told(), lab.kept().decode("utf-8", "replace")):
            assert password not in kept
            assert "p@ss:w/rd#of%the?tests" not in kept
