"""The batches of a slice are put together until they are worth their way.

In: a walk. Out: the same rows in fewer batches, each table's in its order; the claims in the last
one of a slice, behind all rows they tell of. Refuses to know what the rows mean, and dlt.

Some batches are read on while one is parsed elsewhere, and waited for in their order.

dlt works through a schema for each table it is given, which takes milliseconds for ten rows as for
ten thousand; most child tables of a batch are small.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa

from feishu_source.batch import Batch, Claim, PendingBatch
from feishu_source.errors import FeishuError
from feishu_source.tables import Table
from feishu_source.walk import Walk

MOST_BYTES = 5_000_000
"""From so much on a table is given away, each by itself: what is held of all is a little more."""

MOST_WAITING = 3
"""Batches that are read on while one is parsed elsewhere: with one, reading stood still a tenth of
its time."""
MOST_WAITING_BYTES = 16_000_000
"""Of the bodies of these; ordinary messages have a tenth of it."""


class Gathered:
    """A walk that gives its rows in few batches."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    @property
    def finished(self) -> bool:
        """True if the slice that was read last was the last one."""
        return self._walk.finished

    def slice(self) -> Iterator[Batch]:
        """The next slice; its last batch has the claims."""
        return gathered(self._walk.slice(), MOST_BYTES)

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way."""
        self._walk.stop(error)

    def rewind(self) -> None:
        """Forgets the slice that was begun last."""
        self._walk.rewind()


def gathered(batches: Iterable[PendingBatch], most_bytes: int) -> Iterator[Batch]:
    """The rows of these batches in fewer; all claims in the last."""
    held: dict[Table, list[pa.Table]] = {}
    held_bytes: dict[Table, int] = {}
    claims: dict[str, Claim] = {}
    for batch in _results(batches):
        claims |= batch.claims
        for table, data in batch.tables:
            held.setdefault(table, []).append(data)
            held_bytes[table] = held_bytes.get(table, 0) + data.nbytes
        large = [table for table, size in held_bytes.items() if size >= most_bytes]
        if large:
            yield Batch([(table, pa.concat_tables(held.pop(table))) for table in large], {})
            for table in large:
                del held_bytes[table]
    if held or claims:
        yield Batch([(table, pa.concat_tables(parts)) for table, parts in held.items()], claims)


def _results(batches: Iterable[PendingBatch]) -> Iterator[Batch]:
    """Each batch once it is parsed, or enough were read behind it meanwhile."""
    waiting: deque[PendingBatch] = deque()
    for batch in batches:
        waiting.append(batch)
        while waiting and (waiting[0].done or _are_many(waiting)):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _are_many(waiting: Collection[PendingBatch]) -> bool:
    size = sum(batch.size for batch in waiting)
    return len(waiting) > MOST_WAITING or size > MOST_WAITING_BYTES
