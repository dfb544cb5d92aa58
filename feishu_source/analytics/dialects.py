"""One text of SQL, said in the dialect of each warehouse.

In: SQL as DuckDB reads it, values of its parameters, where its tables are. Out: SQL. Refuses to run
it.

sqlglot translates. A difference of instants in milliseconds it would make into something else:
PostgreSQL would compare clocks of the session's zone, on which an hour is skipped or doubled, and
BigQuery's DATE_DIFF takes no instants. Values are put in as literals, which every dialect reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

from feishu_source.tables import TABLES, ColumnType

PARAMETERS = ("timezone", "since", "until")

SOURCE = "duckdb"

_TYPES: dict[ColumnType, str] = {
    "text": "text",
    "json": "text",
    "bool": "boolean",
    "bigint": "bigint",
    "double": "double",
    "ts": "timestamptz",
}


def render(
    sql: str,
    dialect: str,
    values: Mapping[str, str] | None = None,
    place: Callable[[str], exp.Expr] | None = None,
) -> str:
    """The statement in a dialect.

    Args:
        sql: one statement in DuckDB's dialect; `$name` is a parameter.
        dialect: sqlglot's name of it.
        values: what stands for the parameters, as text; without them parameters stay.
        place: where a table of this source is: its qualified name, or a query in its place.
    """
    statement = sqlglot.parse_one(sql, read=SOURCE)
    if values is not None:
        _fill(statement, values)
    if place is not None:
        _place(statement, place)
    for difference in list(statement.find_all(exp.DateDiff)):
        if difference.unit and difference.unit.name.upper() == "MILLISECOND":
            _compare_instants(difference, dialect)
    return statement.sql(dialect, comments=False, pretty=True)


def say(sql: str, dialect: str, dataset: str, values: Mapping[str, str]) -> str:
    """The statement for somebody who knows no more of the warehouse than the dataset's name."""
    return render(sql, dialect, values, lambda table: exp.table_(table, dataset))


def tables_of(sql: str) -> list[str]:
    """The tables of this source that a statement reads, in the order of their names."""
    statement = sqlglot.parse_one(sql, read=SOURCE)
    return sorted({table.name for table in _tables(statement)})


def nothing(table: str) -> exp.Expr:
    """A query that gives no rows, with the columns of a table: what stands for one that is not."""
    columns = ", ".join(
        f"cast(null as {_TYPES[column.type]}) as {column.name}" for column in TABLES[table].columns
    )
    # BigQuery takes no WHERE without a FROM.
    return sqlglot.parse_one(f"select * from (select {columns}) as no_rows where false", SOURCE)


def _fill(statement: exp.Expr, values: Mapping[str, str]) -> None:
    for parameter in list(statement.find_all(exp.Placeholder, exp.Parameter)):
        parameter.replace(exp.Literal.string(values[parameter.name]))


def _tables(statement: exp.Expr) -> list[exp.Table]:
    own = {cte.alias for cte in statement.find_all(exp.CTE)}
    return [
        table
        for table in statement.find_all(exp.Table)
        if not table.db and table.name in TABLES and table.name not in own
    ]


def _place(statement: exp.Expr, place: Callable[[str], exp.Expr]) -> None:
    for table in _tables(statement):
        found = place(table.name)
        alias = exp.TableAlias(this=exp.to_identifier(table.alias or table.name))
        if isinstance(found, exp.Table):
            found.set("alias", alias)
            table.replace(found)
        else:
            table.replace(exp.Subquery(this=found, alias=alias))


def _compare_instants(difference: exp.DateDiff, dialect: str) -> None:
    later, earlier = difference.this, difference.expression
    if dialect == "postgres":
        words = "cast((extract(epoch from later_) - extract(epoch from earlier_)) * 1000 as bigint)"
        made = sqlglot.parse_one(words, read=dialect)
        for column in list(made.find_all(exp.Column)):
            column.replace((later if column.name == "later_" else earlier).copy())
        difference.replace(made)
    elif dialect == "bigquery":
        difference.replace(
            exp.TimestampDiff(
                this=later.copy(), expression=earlier.copy(), unit=exp.var("MILLISECOND")
            )
        )
