"""A warehouse that is asked: opened for reading, a statement run, its rows handed over.

In: the plan of a pipeline, SQL as DuckDB reads it. Out: names of columns and rows. Refuses to know
what is asked, and to change anything but the views it is told to make.

DuckDB files are opened read-only, so that they can be asked side by side; files of Parquet are read
by a DuckDB in memory, through the views of their newest rows; all others through dlt's client, with
the credentials that loads use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from sqlglot import exp

from feishu_source.analytics.dialects import nothing, render, say, tables_of
from feishu_source.analytics.questions import Question
from feishu_source.analytics.scope import Scope
from feishu_source.destination import NOT_CONFIGURED, Plan
from feishu_source.duckdb_destination import is_held
from feishu_source.errors import (
    ConfigurationError,
    DestinationError,
    FeishuError,
    LoadLocked,
    causes,
)
from feishu_source.filesystem_destination import files_client
from feishu_source.refusals import is_refusal, tell_refusal
from feishu_source.report import Place
from feishu_source.tables import MESSAGES
from feishu_source.views import latest_views

MEMORY_LIMIT = "512MB"
"""What DuckDB may take for an answer before it spills to disk; its own default is most of the
machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of columns, and rows of Python's values; instants in the zone that was asked for."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Warehouse:
    """A dataset that can be asked; `client` is dlt's, and open."""

    def __init__(self, client: Any, plan: Plan) -> None:
        self.client = client
        self.plan = plan

    @property
    def dialect(self) -> str:
        """sqlglot's name of what it speaks."""
        return str(self.client.capabilities.sqlglot_dialect or "")

    def statement(self, sql: str, values: Mapping[str, str]) -> str:
        """The SQL as this warehouse is asked, every parameter filled in."""
        return render(sql, self.dialect, values, self._name)

    def ask(self, sql: str, scope: Scope) -> Answer:
        """The rows of a statement; a table that no load has filled yet counts as empty.

        Raises:
            ConfigurationError: nothing was loaded here.
        """
        try:
            return self._run(self.statement(sql, scope.values), scope)
        except DestinationUndefinedEntity:
            missing = self._missing(tables_of(sql))
            if not missing:
                raise
        place = partial(_instead, missing, self._name)
        return self._run(render(sql, self.dialect, scope.values, place), scope)

    def create_view(self, view: Question) -> None:
        """Makes a view of the dataset anew, under the name of the file.

        Raises:
            ConfigurationError: nothing was loaded here.
        """
        missing = self._missing(tables_of(view.sql))
        select = render(view.sql, self.dialect, {}, partial(_instead, missing, self._name))
        name = self.client.make_qualified_table_name(view.name)
        can_undo = self.client.capabilities.supports_transactions
        with self.client.begin_transaction() if can_undo else nullcontext():
            # Not "or replace": PostgreSQL replaces no view by one of other columns.
            self.client.execute_sql(f"DROP VIEW IF EXISTS {name}")
            self.client.execute_sql(f"CREATE VIEW {name} AS\n{select}")

    def _run(self, statement: str, scope: Scope) -> Answer:
        with self.client.execute_query(statement) as cursor:
            columns = [str(column[0]).lower() for column in cursor.description or ()]
            rows = cursor.fetchall()
        return Answer(columns, [tuple(_as_python(value, scope) for value in row) for row in rows])

    def _name(self, table: str) -> exp.Table:
        path = self.client.make_qualified_table_name_path(table, quote=False)
        *above, name = (exp.to_identifier(part, quoted=True) for part in path)
        return exp.Table(this=name, **dict(zip(("db", "catalog"), reversed(above), strict=False)))

    def _missing(self, tables: list[str]) -> set[str]:
        """Those of the tables that are not there.

        Raises:
            ConfigurationError: there are no messages.
        """
        missing = {table for table in {MESSAGES.name, *tables} if not self._is_there(table)}
        if MESSAGES.name in missing:
            place = self.plan.place
            where = place.database or place.destination
            raise ConfigurationError(
                f"nothing is loaded yet in {where}, dataset {place.dataset}: run a load, or name "
                "another --dataset or --database."
            )
        return missing

    def _is_there(self, table: str) -> bool:
        name = self.client.make_qualified_table_name(table)
        try:
            self.client.execute_sql(f"SELECT 1 FROM {name} WHERE 1 = 0")
        except DestinationUndefinedEntity:
            return False
        return True


@contextmanager
def open_warehouse(plan: Plan, *, write: bool = False) -> Iterator[Warehouse]:
    """The dataset that a plan leads to, for as long as the block lasts.

    Raises:
        ConfigurationError: no such file, or a destination that takes no SQL.
        LoadLocked: another process has the file open.
        DestinationError: the destination refused; its words are told without values.
    """
    place = plan.place
    try:
        with _connected(plan, write) as client:
            yield Warehouse(client, plan)
    except FeishuError:
        raise
    except Exception as error:  # any destination raises its own kinds
        refused = _explain(error, place)
        if refused is None:
            raise
        raise refused from error


def _explain(error: Exception, place: Place) -> FeishuError | None:
    """What a refusal means for whoever asks; None if it is none."""
    chain = causes(error)
    root, where = chain[-1], place.database or f"{place.destination}, dataset {place.dataset}"
    words = tell_refusal(root, place)
    if any(isinstance(cause, SqlClientNotAvailable) for cause in chain):
        return ConfigurationError(f"{place.destination} takes no SQL: ask another destination.")
    if any(isinstance(cause, NOT_CONFIGURED) for cause in chain):
        return ConfigurationError(
            f"{where} cannot be asked as configured: {words}. Next step: set what is missing under "
            f"[destination.{place.destination}] in .dlt/secrets.toml, or in the environment."
        )
    if is_held(root):
        return LoadLocked(
            f"{where} is open in another process, such as a load: ask again when it is done, or "
            "ask the copy that `feishu-history --publish` puts beside it."
        )
    if is_refusal(error):
        return DestinationError(f"could not ask {where}: {type(root).__name__}: {words}.")
    return None


@contextmanager
def _connected(plan: Plan, write: bool) -> Iterator[Any]:
    if plan.place.database:
        path = Path(plan.place.database)
        if not path.exists():
            raise ConfigurationError(
                f"there is no database {path}: run a load, or name another with --database."
            )
        with duckdb.connect(str(path), read_only=not write) as connection:
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            with _client(plan, dlt.destinations.duckdb(connection)) as client:
                yield client
    elif plan.place.destination == "filesystem":
        with _scratch_pipeline(plan, plan.target) as pipeline:
            files = files_client(pipeline)
            statements = [] if files is None or files.table_format else latest_views(pipeline)
        if not statements:
            with _client(plan, plan.target) as client:
                yield client
            return
        with duckdb.connect() as connection:
            for statement in statements:
                connection.execute(statement)
            with _client(plan, dlt.destinations.duckdb(connection)) as client:
                yield client
    else:
        with _client(plan, plan.target) as client:
            yield client


@contextmanager
def _client(plan: Plan, target: Any) -> Iterator[Any]:
    with _scratch_pipeline(plan, target) as pipeline, pipeline.sql_client() as client:
        yield client


@contextmanager
def _scratch_pipeline(plan: Plan, target: Any) -> Iterator[dlt.Pipeline]:
    """A pipeline in a folder that goes again: the one that loads stays as it is."""
    with tempfile.TemporaryDirectory(prefix="feishu-query-") as folder:
        pipeline = dlt.pipeline(
            plan.name, destination=target, dataset_name=plan.place.dataset, pipelines_dir=folder
        )
        try:
            yield pipeline
        finally:
            pipeline.deactivate()


def create_views(plan: Plan, views: Mapping[str, Question]) -> list[str]:
    """Makes the views in the dataset of a plan; their qualified names.

    Raises:
        ConfigurationError: as `open_warehouse`, or the destination is a folder of files.
    """
    if plan.place.destination == "filesystem":
        raise ConfigurationError(
            "files hold no views: `python pipelines/latest_views.py` makes those of their newest "
            "rows, in a database that reads them."
        )
    with open_warehouse(plan, write=True) as warehouse:
        for view in views.values():
            warehouse.create_view(view)
        return [warehouse.client.make_qualified_table_name(name) for name in views]


def say_views(views: Mapping[str, Question], dialect: str, dataset: str) -> list[str]:
    """The statements that make the views, for somebody who runs them."""
    return [
        f"CREATE OR REPLACE VIEW {dataset}.{view.name} AS\n{say(view.sql, dialect, dataset, {})};"
        for view in views.values()
    ]


def _instead(missing: set[str], name: Callable[[str], exp.Expr], table: str) -> exp.Expr:
    return nothing(table) if table in missing else name(table)


def _as_python(value: Any, scope: Scope) -> Any:
    """Instants on the clock of the zone that was asked for; numbers as `int` or `float`."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(scope.zone)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
