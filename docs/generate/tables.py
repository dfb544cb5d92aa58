"""The page of the tables: a diagram, then every table with its key and its columns.

In: `feishu_source.tables`. Out: Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator

from docs.generate.diagram import draw, references
from docs.generate.markdown import code, page, table
from docs.generate.words import Words
from feishu_source.tables import DELETED, DLT, TABLES, Column, Table

TYPES = {
    "text": "Text in Unicode.",
    "bool": "True or false.",
    "bigint": "A whole number of 64 bits.",
    "double": "A floating-point number of 64 bits.",
    "ts": "An instant in UTC, to the microsecond.",
    "json": "Text that holds JSON.",
}
LOAD_ID = "The load that wrote the row, as in `_dlt_loads`; dlt adds it."


def write(words: Words) -> str:
    """The page."""
    return page(
        f"# {words('Tables and columns')}",
        words(
            "Rows are merged on the key: what is read again replaces its row. Every time is UTC. "
            "Columns are only ever added until 2.0."
        ),
        f"## {words('Diagram')}",
        words(
            "Keys (PK) and the columns that hold another row's key (FK). No destination enforces "
            "them: the row that is referred to may not be loaded, as of a chat that is left out."
        ),
        draw(),
        f"## {words('Types')}",
        table(
            [words("type"), words("dlt's type"), words("meaning")],
            [[code(name), code(DLT[name]), words(TYPES[name])] for name in DLT],
        ),
        *(_section(each, words) for each in TABLES.values()),
    )


def _section(each: Table, words: Words) -> str:
    rows = [_row(each, column, words) for column in each.columns]
    rows.append([code("_dlt_load_id"), code("text"), "", words(LOAD_ID), ""])
    heading = ["column", "type", "may be null", "description", "notes"]
    return page(
        f"## {each.name}",
        words(each.description),
        "\n".join(f"- {note}" for note in _notes(each, words)),
        table([words(name) for name in heading], rows),
    ).rstrip()


def _notes(each: Table, words: Words) -> Iterator[str]:
    yield words.colon("Key", words.list(map(code, each.key)))
    if each.replaces:
        yield words(
            "Rows of one `{column}` go together: when they are read again, all that stood there "
            "are replaced, and where there are none any more, they are removed."
        ).format(column=each.replaces)
    if each.partition:
        yield words(
            "Divided by `{partition}` (BigQuery: days, ClickHouse: quarters) and sorted by "
            "{cluster} where the destination can."
        ).format(partition=each.partition, cluster=words.list(map(code, each.cluster)))


def _row(each: Table, column: Column, words: Words) -> list[str]:
    nullable = words("yes") if column.nullable else ""
    notes = [words("key")] if column.name in each.key else []
    if column.name == DELETED:
        notes.append(words("never true in the table: such a row is not kept"))
    notes += [
        f"→ [{found.target}](#{found.target}).{found.target_column}"
        for found in references()
        if (found.table, found.column) == (each.name, column.name)
    ]
    return [
        code(column.name),
        code(column.type),
        nullable,
        words(column.description),
        words.pair("; ", "；").join(notes),
    ]
