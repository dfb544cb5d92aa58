"""What BigQuery would be told: no test reaches it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
import sqlglot
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dlt.destinations.impl.bigquery.bigquery import BigQueryMergeJob
from google.cloud.bigquery import LoadJobConfig
from sqlglot import exp

from feishu_source.sandbox import World
from feishu_source.tables import TABLES, Table
from tests.warehouses.stories import small_world, talk
from tests.warehouses.unreached import BY_DAY, EVERY_TABLE, EVERY_TABLE_BY_DAY, Told, Unreached
from tests.warehouses.unreached import told as told_of


def credentials() -> dict[str, str]:
    """A service account that nobody knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "project_id": "a-project",
        "client_email": "loader@a-project.iam.gserviceaccount.com",
        "private_key": pem.decode(),
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """After an extract; nothing is sent."""
    with told_of("bigquery", credentials(), tmp_path_factory.mktemp("bigquery")) as made:
        yield made


class TestBigQuery(Unreached):
    """The tables, column by column."""

    types: ClassVar = {
        "text": "STRING",
        "json": "STRING",
        "bool": "BOOL",
        "bigint": "INT64",
        "double": "FLOAT64",
        "ts": "TIMESTAMP",
    }
    load_id_type = "STRING(64)"

    def description_of(self, column: exp.ColumnDef) -> str | None:
        """An option of the column."""
        options = {each.name: each.args["value"].name for each in column.find_all(exp.Property)}
        return options.get("description")


@EVERY_TABLE
def test_a_table_is_described(told: Told, table: Table) -> None:
    """In the options of its DDL."""
    found = re.search(r"\nOPTIONS \(description='(.*)'\)$", told.ddl(table.name)[0])
    assert found
    assert found[1].replace("\\'", "'") == table.description


CLUSTERS = {table.name: ["chat_id", "message_id"] for table in BY_DAY} | {
    "forwarded_messages": ["container_message_id"],
}


@EVERY_TABLE
def test_messages_and_what_hangs_on_them_are_partitioned_by_day(told: Told, table: Table) -> None:
    """And clustered by chat first, then by message; what is forwarded by its forward alone."""
    properties = told.created(table.name).args["properties"]
    partition = properties.find(exp.PartitionedByProperty)
    day = partition and partition.this.sql("bigquery").replace("`", "")
    assert day == (table.partition and "DATE(create_time)")
    cluster = properties.find(exp.ClusterProperty)
    named = [each.name for each in cluster.expressions] if cluster else []
    assert named == CLUSTERS.get(table.name, [])


@EVERY_TABLE
def test_a_staging_table_has_no_partitions(told: Told, table: Table) -> None:
    """A load of many days into it would count as many changes of partitions."""
    created = told.created(table.name, staging=True)
    assert created.this.this.db == "feishu_staging"
    assert created.find(exp.PartitionedByProperty) is None


class FakeGoogle:
    """Takes down what a load job was asked for."""

    def load_table_from_file(
        self, file: Any, table: str, *, job_id: str, job_config: LoadJobConfig, timeout: float
    ) -> None:
        """As Google's client."""
        self.asked = (file.read(4), table, job_config.to_api_repr()["load"])


def test_a_load_job_appends_parquet_to_the_staging_table(told: Told, tmp_path: Path) -> None:
    """No schema is guessed, no table is made, no row is left out."""
    google = FakeGoogle()
    told.client.sql_client._client = google
    with told.client.sql_client.with_staging_dataset():
        table = told.client.prepare_load_table("messages")
        told.client._create_load_job(table, str(told.first["messages"][0]))
    told.client.sql_client._client = None
    asked = google.asked[2]
    assert google.asked[:2] == (b"PAR1", "a-project.feishu_staging.messages")
    assert {name: asked[name] for name in ("sourceFormat", "writeDisposition", "autodetect")} == {
        "sourceFormat": "PARQUET",
        "writeDisposition": "WRITE_APPEND",
        "autodetect": False,
    }
    assert asked["createDisposition"] == "CREATE_NEVER"
    assert (asked["maxBadRecords"], asked["ignoreUnknownValues"]) in ((0, False), ("0", False))
    assert asked.keys().isdisjoint({"timePartitioning", "clustering", "schema"})


@EVERY_TABLE
def test_a_merge_is_one_transaction(told: Told, table: Table) -> None:
    """Declared first, as a script demands; dlt must begin none around it, for they do not nest."""
    lines = told.merge(table.name)
    declared = [line for line in lines if line.startswith("DECLARE ")]
    assert lines[: len(declared)] == declared
    assert lines[len(declared)] == "BEGIN TRANSACTION"
    assert lines[-1] == "COMMIT TRANSACTION"
    capabilities = told.client.capabilities
    assert not capabilities.supports_transactions
    assert not capabilities.supports_ddl_transactions
    assert sum(len(line) for line in lines) < capabilities.max_query_length // 4


@EVERY_TABLE_BY_DAY
def test_a_merge_reads_the_days_it_changes(told: Told, table: Table) -> None:
    """Every reading of the table itself is bounded by variables, on the column as it is."""
    lines = [line for line in told.merge(table.name) if "`feishu`" in line]
    search, delete, insert = lines
    assert search.startswith("SET (oldest, newest, days) = ")
    assert delete.startswith("IF days IS NOT NULL THEN DELETE FROM ")
    assert delete.endswith("; END IF")
    assert insert.count("`feishu`") == 1  # the name of what it inserts into
    for line in (search, delete):
        assert " WHERE d.`create_time` BETWEEN oldest AND newest" in line
        assert " AND DATE(d.`create_time`) IN UNNEST(days) AND EXISTS (" in line


@pytest.mark.parametrize("name", ["oldest", "newest", "days"])
def test_no_column_hides_a_variable(name: str) -> None:
    """BigQuery takes a column before a variable of the same name."""
    assert not [table.name for table in TABLES.values() if name in table.names]


# The logic of the merge, in DuckDB: the same statements, translated, by a script's rules.

VARIABLES = ("oldest", "newest", "days")


class Replica:
    """The tables in DuckDB, twice: merged as dlt would, and as this package does."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.own = duckdb.connect()
        self.dlt = duckdb.connect()
        for name in TABLES:
            for connection in (self.own, self.dlt):
                for staging in (False, True):
                    created = told.created(name, staging=staging)
                    created.set("properties", None)
                    schema = "feishu_staging" if staging else "feishu"
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                    for column in created.find_all(exp.ColumnDef):
                        column.set("constraints", [])
                    connection.execute(duck(created))

    def merge(self, files: dict[str, list[Path]]) -> None:
        """Stages the files of a slice and merges them, in both."""
        for name, paths in files.items():
            if name not in TABLES:
                continue
            prepared = self.told.client.prepare_load_table(name)
            plain = BigQueryMergeJob.generate_sql([prepared], self.told.client.sql_client)
            for connection, lines in ((self.own, self.told.merge(name)), (self.dlt, plain)):
                connection.execute(f"TRUNCATE feishu_staging.{name}")
                listed = [str(path) for path in paths]
                connection.execute(
                    f"INSERT INTO feishu_staging.{name} BY NAME SELECT * FROM read_parquet(?)",
                    [listed],
                )
                run(connection, lines)

    def rows(self, connection: duckdb.DuckDBPyConnection, table: str) -> list[Any]:
        """All rows, in the order of the key."""
        keys = ", ".join(TABLES[table].key)
        return connection.execute(f"SELECT * FROM feishu.{table} ORDER BY {keys}").fetchall()


def run(connection: duckdb.DuckDBPyConnection, lines: list[str]) -> None:
    """A BigQuery script of declarations, assignments, IF and statements."""
    values: dict[str, Any] = dict.fromkeys(VARIABLES)
    for line in lines:
        if line.startswith("DECLARE "):
            continue
        if assigned := re.match(r"^SET \(oldest, newest, days\) = \((.*)\)$", line):
            query = assigned[1].replace("SELECT AS STRUCT", "SELECT")
            values = dict(zip(VARIABLES, execute(connection, query, values)[0], strict=True))
        elif guarded := re.match(r"^IF days IS NOT NULL THEN (.*); END IF$", line):
            if values["days"] is not None:
                execute(connection, guarded[1], values)
        else:
            execute(connection, line, values)


def execute(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> list[Any]:
    """One statement, its variables as parameters."""
    parsed = sqlglot.parse_one(" ".join(sql.split()), dialect="bigquery")
    used = set()
    for column in list(parsed.find_all(exp.Column)):
        if column.name in VARIABLES and not column.table:
            used.add(column.name)
            column.replace(exp.Placeholder(this=column.name))
    named = {name: values[name] for name in used}
    return connection.execute(duck(parsed), named or None).fetchall()


def duck(parsed: exp.Expr) -> str:
    """In DuckDB's words, without the project, which it has no name for."""
    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
    return parsed.sql("duckdb")


def test_the_narrower_merge_leaves_the_same_rows(tmp_path: Path) -> None:
    """First load, then days of edits, recalls, replies to old roots, mentions that shrink."""
    world, drawn = small_world(), random.Random(5)
    shrinking, people = shrinking_message(world)
    with told_of("bigquery", credentials(), tmp_path, world=world) as told:
        replica, files = Replica(told), told.first
        for text in (f"only @<{people[1]}>", "nobody", f"again @<{people[2]}>", "nobody"):
            replica.merge(files)
            for table in TABLES:
                own, plain = (replica.rows(c, table) for c in (replica.own, replica.dlt))
                assert own == plain, table
            counts = world.truth()
            for table in ("messages", "message_mentions", "message_links", "message_resources"):
                assert len(replica.rows(replica.own, table)) == len(counts[table]), table
            world.advance(600)
            talk(world, drawn)
            world.edit(shrinking, text=text)
            files = told.extract()


def shrinking_message(world: World) -> tuple[str, list[str]]:
    """A message with mentions that later edits take away, and who is mentioned."""
    people = [world.add_user(f"Person {number}") for number in range(3)]
    chat = world.add_chat(name="shrinking", member_ids=people)
    return world.post(chat, people[0], text=" ".join(f"@<{each}>" for each in people)), people
