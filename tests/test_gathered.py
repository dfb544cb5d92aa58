"""Tables are put together by name: no row is lost, none changes its place, none is held on to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source import feishu_source, open_pipeline, reading
from feishu_source import gathered as module
from feishu_source.batch import Batch, Counts, PendingBatch
from feishu_source.gathered import MOST_BYTES, MOST_WAITING_BYTES, gathered
from feishu_source.parsing import Parsed, Ready
from feishu_source.sandbox import World
from feishu_source.tables import LINKS, MENTIONS, MESSAGES, Table
from tests.lab import DAY_S, Lab

_NAMES = st.sampled_from([MESSAGES, MENTIONS, LINKS])
_PARTS = st.lists(st.lists(st.tuples(_NAMES, st.integers(0, 5)), max_size=4), max_size=8)


def _number(parts: list[list[tuple[Table, int]]]) -> list[Batch]:
    """Batches of tables of so many rows, numbered through: eight bytes each; a claim a batch."""
    batches, first = [], 0
    for number, part in enumerate(parts):
        tables = []
        for table, rows in part:
            data = pa.table({"n": pa.array(range(first, first + rows), pa.int64())})
            tables.append((table, data))
            first += rows
        batches.append(Batch(tables, {f"chat {number}": {}}))
    return batches


def _pending(batch: Batch) -> PendingBatch:
    return PendingBatch(batch.claims, Counts(), batch.tables, Ready(Parsed([], 0)), size=0)


@given(_PARTS, st.integers(1, 100))
def test_rows_come_whole_and_in_order(
    parts: list[list[tuple[Table, int]]], most_bytes: int
) -> None:
    """Whatever is enough; the claims come with the last of them."""
    given_ = _number(parts)
    out = list(gathered(map(_pending, given_), most_bytes))
    assert all(data.nbytes >= most_bytes for batch in out[:-1] for _, data in batch.tables)
    assert not any(batch.claims for batch in out[:-1])
    assert len(out[-1].claims if out else {}) == len(parts)
    for table in (MESSAGES, MENTIONS, LINKS):
        before, after = (
            [
                n
                for batch in batches
                for name, data in batch.tables
                if name is table
                for n in data["n"].to_pylist()
            ]
            for batches in (given_, out)
        )
        assert after == before


class _Slow:
    """A batch that tells when it is waited for; parsed only then, or before."""

    def __init__(self, events: list[str], number: int, *, done: bool) -> None:
        self._events, self._number, self._done = events, number, done

    def done(self) -> bool:
        return self._done

    def result(self) -> Parsed:
        self._events.append(f"asked for {self._number}")
        return Parsed([], 0)


def _order_of(done: list[bool], size: int = 0) -> list[str]:
    """In which order batches are read, and waited for."""
    events: list[str] = []

    def read() -> Iterator[PendingBatch]:
        for number, is_done in enumerate(done):
            events.append(f"read {number}")
            slow = _Slow(events, number, done=is_done)
            yield PendingBatch({}, Counts(), [], slow, size)

    assert list(gathered(read(), MOST_BYTES)) == []
    return events


def test_reading_goes_on_while_a_batch_is_parsed() -> None:
    """Three batches further; then the oldest is waited for, and at the end all in their order."""
    assert _order_of([False] * 5) == [
        *("read 0", "read 1", "read 2", "read 3", "asked for 0"),
        *("read 4", "asked for 1", "asked for 2", "asked for 3", "asked for 4"),
    ]


def test_batch_that_is_parsed_is_given_at_once() -> None:
    """Nothing is held that nobody would wait for, and none overtakes another."""
    assert _order_of([True, True]) == ["read 0", "asked for 0", "read 1", "asked for 1"]
    assert _order_of([False, True]) == ["read 0", "read 1", "asked for 0", "asked for 1"]


def test_few_batches_of_long_messages_wait() -> None:
    """What waits is held as it came."""
    assert _order_of([False] * 3, size=MOST_WAITING_BYTES) == [
        *("read 0", "read 1", "asked for 0", "read 2", "asked for 1", "asked for 2"),
    ]


@pytest.mark.parametrize("most_bytes", [1, MOST_BYTES])
@pytest.mark.parametrize("items", [1, 2, 5])
def test_who_takes_a_few_items_only_is_told_of_no_more(
    lab: Lab,
    world: World,
    ann: str,
    team: str,
    monkeypatch: pytest.MonkeyPatch,
    items: int,
    most_bytes: int,
) -> None:
    """`add_limit` closes a resource early, and dlt commits its state."""
    monkeypatch.setattr(module, "MOST_BYTES", most_bytes)
    root = world.post(team, ann, text="root")
    for number in range(9):
        world.post(team, ann, text=f"@<{ann}> https://example.com/{number}")
        world.reply_in_thread(root, ann, text="reply")
    world.advance(60 * DAY_S)  # none of it is read again
    source = feishu_source(**lab.access, page_size=2, batch_rows=2)
    source.resources["messages"].add_limit(items)
    pipeline = open_pipeline(
        database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
    )
    pipeline.run(source)
    lab.load(rungs="off")
    lab.assert_equals_truth()


def test_a_slice_gives_each_table_once(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as there is little of it, in however many batches it was read."""
    given_: list[str] = []

    def mark(table: Table, data: pa.Table) -> Any:
        given_.append(table.name)
        return original(table, data)

    original = reading.mark
    monkeypatch.setattr(reading, "mark", mark)
    for number in range(9):
        world.post(team, ann, text=f"https://example.com/{number}")
    lab.load(page_size=2, batch_rows=2)
    assert {"messages", "message_links", "message_mentions"} <= {*given_}
    assert {name for name in given_ if given_.count(name) > 1} <= {"sync_coverage"}  # at the end
    lab.assert_equals_truth()
