"""Which table refers to which, and a diagram of it that GitHub draws.

In: the tables. Out: references, and Mermaid. Refuses to know a language: names are names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from feishu_source.tables import TABLES, Table


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that holds the key of another table's row, which need not be there."""

    table: str
    column: str
    target: str
    target_column: str


_HOMES = {"chat_id": "chats", "message_id": "messages", "thread_id": "threads"}
"""Where the row of an id is; a column of that name anywhere else refers to it."""

_OTHERS = {
    "root_id": "message_id",
    "parent_id": "message_id",
    "upper_message_id": "message_id",
    "related_message_id": "message_id",
    "root_message_id": "message_id",
    "shared_chat_id": "chat_id",
}
"""Columns of another name than the id they hold."""

_PEOPLE = ("sender_id", "mentioned_id", "owner_id", "operator_id", "modifier_id")
"""Columns that hold a person's id: together with the chat's, that of a member."""


def references() -> Iterator[Reference]:
    """All of them, table by table, column by column."""
    for table in TABLES.values():
        for column in table.names:
            key = _OTHERS.get(column, column)
            if key in _HOMES and (table.name, column) != (_HOMES[key], key):
                yield Reference(table.name, column, _HOMES[key], key)
            elif column in _PEOPLE:
                yield Reference(table.name, column, "chat_members", "member_id")


def draw() -> str:
    """An entity relationship diagram: keys and references, which are not enforced."""
    lines = ["```mermaid", "erDiagram"]
    lines += [_line(reference) for reference in references()]
    for table in TABLES.values():
        lines += [f"    {table.name} {{", *_attributes(table), "    }"]
    return "\n".join([*lines, "```"])


def _line(reference: Reference) -> str:
    """The row that is referred to may be missing; `o{` any number refer to it, `o|` at most one."""
    table = TABLES[reference.table]
    many = "o|" if table.key == (reference.column,) else "o{"
    one = "|o" if _may_be_missing(reference) else "||"
    return f"    {reference.target} {one}--{many} {reference.table} : {reference.column}"


def _may_be_missing(reference: Reference) -> bool:
    """A child stands and goes with its message; all other rows are loaded on their own."""
    return (reference.table, reference.column) not in {
        (table.name, table.replaces) for table in TABLES.values() if table.replaces == "message_id"
    }


def _attributes(table: Table) -> Iterator[str]:
    referring = {each.column for each in references() if each.table == table.name}
    for column in table.columns:
        marks = [*["PK"] * (column.name in table.key), *["FK"] * (column.name in referring)]
        if marks:
            yield f"        {column.type} {column.name} {', '.join(marks)}"
