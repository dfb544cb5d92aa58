"""Arrow tables of one name are put together until they are worth their way.

In: tables as they are read. Out: the same rows in fewer tables, each name's in its order. Pure.
dlt works through a schema for each table it is given, which takes milliseconds for ten rows as for
ten thousand; most child tables of a batch are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from feishu_source.tables import Table

MOST_BYTES = 8_000_000
"""What is held of one table."""


class Gathered:
    """The tables of one slice: `add` gives back those that are large enough, `rest` all others."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: dict[Table, list[pa.Table]] = {}
        self._bytes: dict[Table, int] = {}

    def add(self, tables: Iterable[tuple[Table, pa.Table]]) -> Iterator[tuple[Table, pa.Table]]:
        """Takes the tables in, and gives back what would be too much to hold."""
        for table, data in tables:
            self._held.setdefault(table, []).append(data)
            self._bytes[table] = self._bytes.get(table, 0) + data.nbytes
            if self._bytes[table] >= self._most_bytes:
                yield table, self._take(table)

    def rest(self) -> Iterator[tuple[Table, pa.Table]]:
        """What is still held."""
        for table in [*self._held]:
            yield table, self._take(table)

    def _take(self, table: Table) -> pa.Table:
        del self._bytes[table]
        return pa.concat_tables(self._held.pop(table))
