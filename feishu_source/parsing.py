"""Messages that are wanted become the Arrow tables of a batch: their rows and their children's.

In: items, each with its hash and when it was listed. Out: tables, and how many values of them no
column could hold. Refuses to know which messages are wanted, and what is claimed. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa

from feishu_source.arrow import Row
from feishu_source.rows import Item, ItemRows, parse_item
from feishu_source.tables import LINKS, MENTIONS, MESSAGES, RESOURCES, TABLES, Table
from feishu_source.tombstones import to_table

Tables = list[tuple[Table, pa.Table]]

Picked = tuple[Item, str, int]
"""A message that is wanted: the item, its content_hash, when it was listed (ms)."""


class Parsed(NamedTuple):
    """The tables of a batch, and how many values of it did not parse."""

    tables: Tables
    unparsed: int


class Pending(Protocol):
    """A batch that may still be being parsed."""

    def done(self) -> bool:
        """True if nobody would wait for it."""

    def result(self) -> Parsed:
        """What it gave, waited for; to be asked once."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch that is parsed."""

    parsed: Parsed

    def done(self) -> bool:
        """It is."""
        return True

    def result(self) -> Parsed:
        """What it gave."""
        return self.parsed


class Parser(Protocol):
    """Whoever makes rows of messages; one batch after the other."""

    def add(self, picked: list[Picked]) -> None:
        """Takes messages into the batch; each must have passed `identify`."""

    def end_batch(self) -> Pending:
        """Ends the batch; it is waited for where its result is asked for."""

    def close(self) -> None:
        """Nothing further is wanted, nor what was not yet asked for."""


class Collected:
    """Rows of several tables, until they are taken.

    `rows`: by table, in the order of its columns.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._childless: dict[str, list[Row]] = {}

    def add(self, rows: ItemRows) -> None:
        """The rows of a message."""
        self.rows[MESSAGES.name].append(rows.message)
        self.add_children(MENTIONS, rows.message, rows.mentions)
        self.add_children(LINKS, rows.message, rows.links)
        self.add_children(RESOURCES, rows.message, rows.resources)

    def add_children(self, table: Table, message: Row, rows: list[Row]) -> None:
        """What a message has in a table of children; nothing removes what stood there."""
        if rows:
            self.rows[table.name].extend(rows)
        else:
            self._childless.setdefault(table.name, []).append(message)

    def take(self) -> Tables:
        """The tables of what was added since the last call, without those that are empty."""
        tables = [
            (TABLES[name], table)
            for name, rows in self.rows.items()
            if (table := to_table(TABLES[name], rows, self._childless.get(name))) is not None
        ]
        self.rows = {name: [] for name in TABLES}
        self._childless = {}
        return tables


class InlineParser:
    """Parses at once, on the thread that adds."""

    def __init__(self) -> None:
        self._collected = Collected()
        self._unparsed = 0

    def add(self, picked: list[Picked]) -> None:
        """Takes messages into the batch."""
        for item, hash_, listed_at_ms in picked:
            rows = parse_item(item, hash_, listed_at_ms)
            self._collected.add(rows)
            self._unparsed += rows.unparsed

    def end_batch(self) -> Ready:
        """What was added since the last call."""
        parsed, self._unparsed = Parsed(self._collected.take(), self._unparsed), 0
        return Ready(parsed)

    def close(self) -> None:
        """Nothing is under way."""
