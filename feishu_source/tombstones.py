"""Rows that only remove: of a message whose children in a table are gone, or never were.

In: a table of children, its rows, messages without any. Out: an Arrow table. Pure.
"""

from __future__ import annotations

import pyarrow as pa

from feishu_source.arrow import ARROW, Row, schema_of, to_array, to_arrow
from feishu_source.tables import MESSAGES, Table


def to_table(table: Table, rows: list[Row], childless: list[Row] | None) -> pa.Table | None:
    """The rows of a table, then a tombstone for each message without any; None if that is none."""
    parts = [to_arrow(table, rows)] if rows else []
    if childless:
        parts.append(_tombstones(table, childless))
    return pa.concat_tables(parts) if parts else None


def _tombstones(table: Table, messages: list[Row]) -> pa.Table:
    """A row a message without children in this table: it only removes what stood there before.

    Most messages have none, so these are made column by column; index -1 is no child's.
    """
    number, schema = len(messages), schema_of(table)
    known = {name: [message[at] for message in messages] for name, at in _OF_MESSAGE.items()}
    arrays = [
        to_array(column.type, known[column.name])
        if column.name in known
        else pa.nulls(number, column.type)
        if column.nullable
        else pa.repeat(pa.scalar(_NOTHING[column.type], column.type), number)
        for column in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def stub(message_id: str, chat_id: str, create_ms: int) -> Row:
    """So much of a row of `messages` as a tombstone takes from it."""
    known = {"message_id": message_id, "chat_id": chat_id, "create_time": create_ms}
    return tuple(map(known.get, MESSAGES.names))


_OF_MESSAGE = {n: MESSAGES.names.index(n) for n in ("message_id", "chat_id", "create_time")}
_OF_MESSAGE["container_message_id"] = _OF_MESSAGE["message_id"]
_NOTHING = {pa.string(): "", pa.int64(): -1, pa.bool_(): True, ARROW["ts"]: 0}
