"""What Snowflake would be told: no test reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlglot
from dlt.destinations.impl.snowflake.utils import gen_copy_sql
from dlt.destinations.job_client_impl import SqlLoadJob
from sqlglot import exp

from feishu_source.tables import Table
from tests.warehouses.unreached import EVERY_TABLE, EVERY_TABLE_BY_DAY, Told, Unreached
from tests.warehouses.unreached import told as told_of

CREDENTIALS = {
    "database": "HISTORY",
    "host": "an-account",
    "username": "LOADER",
    "password": "not a password",
    "warehouse": "LOADING",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """After an extract; nothing is sent."""
    with told_of("snowflake", CREDENTIALS, tmp_path_factory.mktemp("snowflake")) as made:
        yield made


class TestSnowflake(Unreached):
    """The tables, column by column."""

    types: ClassVar = {
        "text": "VARCHAR",
        "json": "VARCHAR",
        "bool": "BOOLEAN",
        "bigint": "DECIMAL(19, 0)",
        "double": "DOUBLE",
        "ts": "TIMESTAMPLTZ",
    }
    load_id_type = "VARCHAR(64)"


@EVERY_TABLE
def test_no_clustering_key_is_set(told: Told, table: Table) -> None:
    """It would be maintained at a price; whoever has terabytes sets one."""
    (created,) = told.ddl(table.name)
    assert "CLUSTER" not in created


@EVERY_TABLE
def test_each_statement_of_a_merge_is_one_line(told: Told, table: Table) -> None:
    """A child table's rows go by the key and then by the message: the first is spare."""
    counts = [len(sqlglot.parse(line, dialect="snowflake")) for line in told.merge(table.name)]
    assert counts == [1] * (3 if table.replaces else 2)


@EVERY_TABLE_BY_DAY
def test_messages_are_merged_in_one_transaction(told: Told, table: Table) -> None:
    """dlt begins one for what it takes for DDL: it finds `create` in `create_time`."""
    job = SqlLoadJob(f"./{table.name}.0123456789.0.sql")
    assert told.client.capabilities.supports_ddl_transactions
    assert job._string_contains_ddl_statements("\n".join(told.merge(table.name)))


def test_a_file_is_copied_by_the_names_of_its_columns_and_removed(told: Told) -> None:
    """Parquet with its own types, times included; what was uploaded holds the words of messages."""
    config: Any = told.client.config
    assert config.keep_staged_files is False
    copy = gen_copy_sql(
        file_url=str(told.first["messages"][0]),
        qualified_table_name='"FEISHU_STAGING"."MESSAGES"',
        loader_file_format="parquet",
        is_case_sensitive=told.client.capabilities.generates_case_sensitive_identifiers(),
        local_stage_file_path=f"@%MESSAGES/{Path(told.first['messages'][0]).name}",
        use_vectorized_scanner=config.use_vectorized_scanner,
    )
    parsed = sqlglot.parse_one(copy, dialect="snowflake")
    assert isinstance(parsed, exp.Copy)
    assert "TYPE = 'PARQUET'" in copy
    assert "USE_LOGICAL_TYPE = TRUE" in copy
    assert "MATCH_BY_COLUMN_NAME='CASE_INSENSITIVE'" in copy
