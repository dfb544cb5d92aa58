"""Warehouses that no test reaches: what dlt would tell them, parsed and held against the tables.

In: a destination's name, credentials that are made up. Out: its DDL, its merges, and the files that
it would be given, after a real extract of the sandbox; and the checks that all destinations share.
Not collected by itself: a class `TestSomething(Unreached)` beside a fixture `told` is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import dlt
import pytest
import sqlglot
from dlt.common.storages.load_package import ParsedLoadJobFileName
from sqlglot import exp

from feishu_source import feishu_source, open_pipeline
from feishu_source.loader import _ledger_source
from feishu_source.sandbox import Sandbox, World
from feishu_source.tables import DELETED, SYNC_RUNS, TABLES, Table
from tests.warehouses.stories import small_world

EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
CHILDREN = [table for table in TABLES.values() if table.replaces]
EVERY_CHILD = pytest.mark.parametrize("table", CHILDREN, ids=lambda table: table.name)
BY_DAY = [table for table in TABLES.values() if table.partition]
EVERY_TABLE_BY_DAY = pytest.mark.parametrize("table", BY_DAY, ids=lambda table: table.name)

LOAD_ID = "_dlt_load_id"
SAMPLES: dict[str, Any] = {"text": "1", "bigint": 1, "ts": 1_790_000_000_000}
"""A value of each type in `sync_runs`, which only a whole load writes."""


@dataclass
class Told:
    """A pipeline that has extracted and normalised, and dlt's client, which is never entered."""

    pipeline: dlt.Pipeline
    client: Any
    sandbox: Sandbox
    dialect: str
    first: dict[str, list[Path]] = field(default_factory=dict)
    """The Parquet files of the first slice, by table."""

    def extract(self) -> dict[str, list[Path]]:
        """The Parquet files of a slice that loads all that is new, by table."""
        before = set(self.pipeline.list_normalized_load_packages())
        source = feishu_source(
            base_url=self.sandbox.base_url,
            app_id=self.sandbox.app_id,
            app_secret=self.sandbox.app_secret,
            requests_per_second=1_000_000,
            requests_per_minute=60_000_000,
        )
        self.pipeline.extract(source, loader_file_format="parquet")
        row = tuple(SAMPLES[column.type] for column in SYNC_RUNS.columns)
        self.pipeline.extract(_ledger_source([(SYNC_RUNS, [row])]), loader_file_format="parquet")
        self.pipeline.normalize()
        files: dict[str, list[Path]] = {}
        for load_id in sorted(set(self.pipeline.list_normalized_load_packages()) - before):
            for job in self.pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
                if job.file_path.endswith("parquet"):
                    name = job.job_file_info.table_name
                    files.setdefault(name, []).append(Path(job.file_path))
        return files

    def ddl(self, table: str, *, staging: bool = False) -> list[str]:
        """The statements that create a table."""
        columns = list(self.pipeline.default_schema.get_table_columns(table).values())
        if not staging:
            return list(self.client._get_table_update_sql(table, columns, False))
        with self.client.sql_client.with_staging_dataset():
            return list(self.client._get_table_update_sql(table, columns, False))

    def created(self, table: str, *, staging: bool = False) -> exp.Create:
        """The statement that creates a table, parsed."""
        parsed = sqlglot.parse_one(self.ddl(table, staging=staging)[0], dialect=self.dialect)
        assert isinstance(parsed, exp.Create)
        return parsed

    def merge(self, table: str) -> list[str]:
        """The statements of a merge, as they would be sent."""
        prepared = self.client.prepare_load_table(table)
        (job,) = self.client._create_merge_followup_jobs([prepared])
        return Path(job.new_file_path()).read_text("utf-8").splitlines()

    def merged(self, table: str) -> list[exp.Expression]:
        """The same, parsed, each deletion and insertion; what surrounds them is left out."""
        found: list[exp.Expression] = []
        for line in self.merge(table):
            line = re.sub(r"^IF .* THEN (DELETE .*); END IF$", r"\1", line)
            parsed = sqlglot.parse_one(line, dialect=self.dialect)
            assert not isinstance(parsed, exp.Command), line
            if isinstance(parsed, exp.Delete | exp.Insert):
                found.append(parsed)
        return found


@contextmanager
def told(
    destination: str,
    credentials: Mapping[str, str],
    folder: Path,
    dialect: str = "",
    world: World | None = None,
) -> Iterator[Told]:
    """What a destination would be told of a small tenant."""
    prefix = f"DESTINATION__{destination.upper()}__CREDENTIALS__"
    with pytest.MonkeyPatch.context() as patch, Sandbox(world or small_world()) as sandbox:
        for name in [name for name in os.environ if name.startswith("DESTINATION__")]:
            patch.delenv(name)
        for name, value in credentials.items():
            patch.setenv(prefix + name.upper(), value)
        pipeline = open_pipeline(destination, pipelines_dir=str(folder))
        made = Told(pipeline, None, sandbox, dialect or destination)
        made.first = made.extract()
        made.client = pipeline.destination_client()
        yield made


class Unreached:
    """What holds in every one of them: the tables are those of the declaration."""

    types: ClassVar[dict[str, str]]
    """How the destination calls each type of `feishu_source.tables`, as sqlglot writes it."""
    load_id_type: ClassVar[str]
    describes_columns: ClassVar[bool] = True

    @EVERY_TABLE
    def test_columns_are_those_of_the_declaration(self, told: Told, table: Table) -> None:
        """Names in order, types, and dlt's own column at the end."""
        found = [
            (column.name.lower(), column.args["kind"].sql(told.dialect))
            for column in told.created(table.name).find_all(exp.ColumnDef)
        ]
        kinds = [(column.name, self.type_of(column)) for column in table.columns]
        assert found == [*kinds, (LOAD_ID, self.load_id_type)]

    def type_of(self, column: Any) -> str:
        """The destination's type of a column."""
        return self.types[column.type]

    @EVERY_TABLE
    def test_what_may_be_null_is_declared_so(self, told: Told, table: Table) -> None:
        """And nothing else."""
        found = {
            column.name.lower(): self.is_nullable(column)
            for column in told.created(table.name).find_all(exp.ColumnDef)
        }
        assert found == {column.name: column.nullable for column in table.columns} | {
            LOAD_ID: False
        }

    def is_nullable(self, column: exp.ColumnDef) -> bool:
        """True unless a constraint says otherwise."""
        return column.find(exp.NotNullColumnConstraint) is None

    @EVERY_TABLE
    def test_every_column_is_described(self, told: Told, table: Table) -> None:
        """Where the destination can show it."""
        wanted = {column.name: column.description for column in table.columns}
        created = told.created(table.name)
        found = {
            column.name.lower(): self.description_of(column)
            for column in created.find_all(exp.ColumnDef)
            if column.name.lower() != LOAD_ID
        }
        assert found == (wanted if self.describes_columns else dict.fromkeys(wanted))

    def description_of(self, column: exp.ColumnDef) -> str | None:
        """The comment of a column."""
        comment = column.find(exp.CommentColumnConstraint)
        return comment.this.name if comment else None

    def test_parquet_can_hold_every_type(self, told: Told) -> None:
        """dlt's own check before a load: BigQuery takes no json from Parquet."""
        jobs = [
            ParsedLoadJobFileName.parse(f"{name}.0123456789.0.parquet") for name in sorted(TABLES)
        ]
        loaded = told.client.verify_schema(only_tables=list(TABLES), new_jobs=jobs)
        assert {table["name"] for table in loaded} == TABLES.keys()
        kinds = {
            column["data_type"]
            for name in TABLES
            for column in told.pipeline.default_schema.get_table_columns(name).values()
        }
        assert kinds == {"text", "bool", "bigint", "double", "timestamp"}

    @EVERY_TABLE
    def test_a_merge_inserts_all_columns_of_one_staged_row_of_each_key(
        self, told: Told, table: Table
    ) -> None:
        """A file that was copied twice after a kill leaves two."""
        insert = told.merged(table.name)[-1]
        assert isinstance(insert, exp.Insert)
        names = [column.name.lower() for column in insert.this.expressions]
        assert names == [*table.names, LOAD_ID]
        window = insert.find(exp.Window)
        assert window
        assert [column.name.lower() for column in window.args["partition_by"]] == list(table.key)

    @EVERY_TABLE
    def test_a_merge_deletes_by_the_columns_whose_rows_go_together(
        self, told: Told, table: Table
    ) -> None:
        """A message that is read again loses all its child rows, however many come after it."""
        *deletes, _ = told.merged(table.name)
        wanted = {table.replaces} if table.replaces else set(table.key)
        compared = [self.compared(delete) for delete in deletes]
        assert wanted in compared
        assert all(isinstance(delete, exp.Delete) for delete in deletes)

    def compared(self, delete: exp.Expression) -> set[str]:
        """The columns by which a deletion finds rows; of alternatives the widest."""
        exists = delete.find(exp.Exists)
        assert exists
        condition = exists.this.args["where"].this
        while isinstance(condition, exp.Or):
            condition = condition.expression
        return {column.name.lower() for column in condition.find_all(exp.Column)}

    @EVERY_CHILD
    def test_a_row_that_only_removes_is_not_inserted(self, told: Told, table: Table) -> None:
        """`_deleted` is a mark for the merge."""
        insert = told.merged(table.name)[-1]
        condition = insert.expression.args["where"].this
        marks = [c for c in condition.find_all(exp.Column) if c.name.lower() == DELETED]
        assert len(marks) == 2
        assert "false" in condition.sql(told.dialect).lower()
