"""Tables are put together by name: no row is lost, none changes its place, none is held on to."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source import reading
from feishu_source.gathered import Gathered
from feishu_source.sandbox import World
from feishu_source.tables import LINKS, MENTIONS, MESSAGES, Table
from tests.lab import Lab

_NAMES = st.sampled_from([MESSAGES, MENTIONS, LINKS])
_PARTS = st.lists(st.tuples(_NAMES, st.integers(0, 5)), max_size=20)


def _number(parts: list[tuple[Table, int]]) -> list[tuple[Table, pa.Table]]:
    """Tables of so many rows, numbered through: eight bytes each."""
    numbered, first = [], 0
    for table, rows in parts:
        numbered.append((table, pa.table({"n": pa.array(range(first, first + rows), pa.int64())})))
        first += rows
    return numbered


@given(_PARTS, st.integers(1, 100))
def test_rows_come_whole_and_in_order(parts: list[tuple[Table, int]], most_bytes: int) -> None:
    """Whatever is enough: rest gives what add held back."""
    given_, gathered = _number(parts), Gathered(most_bytes)
    out: list[tuple[Table, pa.Table]] = []
    for one in given_:
        larger = list(gathered.add([one]))
        assert all(data.nbytes >= most_bytes for _, data in larger)
        out += larger
    rest = list(gathered.rest())
    assert all(data.nbytes < most_bytes for _, data in rest)
    assert not list(gathered.rest())
    for table in (MESSAGES, MENTIONS, LINKS):
        before, after = (
            [n for name, data in tables if name is table for n in data["n"].to_pylist()]
            for tables in (given_, out + rest)
        )
        assert after == before


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
    assert len(given_) == len({*given_})
    lab.assert_equals_truth()
