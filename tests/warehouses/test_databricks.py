"""What Databricks would be told: no test reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from sqlglot import exp

from feishu_source.tables import Table
from tests.warehouses.unreached import EVERY_TABLE, Told, Unreached
from tests.warehouses.unreached import told as told_of

CREDENTIALS = {
    "catalog": "main",
    "server_hostname": "a-workspace.example",
    "http_path": "/sql/1.0/warehouses/1",
    "access_token": "not a token",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """After an extract; nothing is sent."""
    with told_of("databricks", CREDENTIALS, tmp_path_factory.mktemp("databricks")) as made:
        yield made


class TestDatabricks(Unreached):
    """The tables, column by column."""

    types: ClassVar = {
        "text": "STRING",
        "json": "STRING",
        "bool": "BOOLEAN",
        "bigint": "BIGINT",
        "double": "DOUBLE",
        "ts": "TIMESTAMP",
    }
    load_id_type = "STRING"


@EVERY_TABLE
def test_messages_and_what_hangs_on_them_are_clustered(told: Told, table: Table) -> None:
    """By chat and time, of liquid clustering; never partitioned, which excludes it."""
    created = told.created(table.name)
    cluster = created.find(exp.Cluster) or created.find(exp.ClusterProperty)
    found = sorted(c.name for c in cluster.find_all(exp.Column)) if cluster else []
    assert found == (["chat_id", "create_time"] if table.partition else [])
    assert created.find(exp.PartitionedByProperty) is None
    assert "PARTITIONED" not in told.ddl(table.name)[0]


@EVERY_TABLE
def test_a_table_is_described(told: Told, table: Table) -> None:
    """By a statement of its own."""
    comment = told.ddl(table.name)[1]
    assert comment.startswith(f"COMMENT ON TABLE `main`.`feishu`.`{table.name}` IS '")
    assert comment.endswith(f"'{table.description}'".replace("'", "\\'")[2:-2] + "'")


def test_what_was_uploaded_is_removed(told: Told) -> None:
    """It holds the words of messages."""
    assert told.client.config.keep_staged_files is False
