"""The newest of appended rows are those that a merge of every load would have left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from dlt.common.storages.load_package import create_load_id
from hypothesis import given, settings
from hypothesis import strategies as st

from feishu_source.arrow import schema_of
from feishu_source.newest_rows import LOAD_ID, newest, view_statements
from feishu_source.tables import DELETED, Column, Table

ID, WORD = Column("id", "text", False, ""), Column("word", "bigint", True, "")
NTH, GONE = Column("nth", "bigint", False, ""), Column(DELETED, "bool", False, "")
PARENT = Table("parent", "", ("id",), (ID, WORD))
CHILD = Table("child", "", ("id", "nth"), (ID, NTH, WORD, GONE), replaces="id")


@dataclass
class Load:
    """What one load wrote: of each id a word, and so many children, none as a tombstone."""

    children: dict[str, int]
    finished: bool
    copied_twice: bool
    word: int
    load_id: str = field(default_factory=create_load_id)


LOADS = st.lists(
    st.builds(
        Load,
        children=st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), min_size=1),
        finished=st.booleans(),
        copied_twice=st.booleans(),
        word=st.integers(-999, 999),
    ),
    max_size=8,
)


def appended(table: Table, loads: list[Load]) -> list[tuple[Any, ...]]:
    """All rows as they stand in the files, in no order that matters."""
    rows: list[tuple[Any, ...]] = []
    for load in loads:
        written = [row for each in load.children for row in rows_of(table, load, each)]
        rows += written * (1 + load.copied_twice)
    return rows[::-1]


def rows_of(table: Table, load: Load, id_: str) -> list[tuple[Any, ...]]:
    """What a load wrote of an id."""
    if table is PARENT:
        return [(id_, load.word, load.load_id)]
    number = load.children[id_]
    some = [(id_, nth, load.word, False, load.load_id) for nth in range(number)]
    return some or [(id_, -1, None, True, load.load_id)]


def merged(table: Table, loads: list[Load]) -> list[tuple[Any, ...]]:
    """The rows that dlt's delete-insert would leave, load by load."""
    left: dict[str, list[tuple[Any, ...]]] = {}
    for load in loads:
        if load.finished:
            left |= {id_: rows_of(table, load, id_) for id_ in load.children}
    rows = [row for group in left.values() for row in group]
    return sorted(row for row in rows if table is PARENT or not row[-2])


@pytest.mark.parametrize("table", [PARENT, CHILD], ids=lambda table: str(table.name))
@settings(max_examples=60, deadline=None)
@given(loads=LOADS)
def test_the_newest_rows_are_those_of_a_merge(table: Table, loads: list[Load]) -> None:
    """Unfinished loads do not count, nor second copies; what a message lost is gone."""
    names = [*table.names, LOAD_ID]
    schema = schema_of(table).append(pa.field(LOAD_ID, pa.string()))
    rows = pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in appended(table, loads)], schema
    )
    finished = pa.table({"id": pa.array([x.load_id for x in loads if x.finished], pa.string())})
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        connection.register("finished", finished)
        found = connection.execute(newest(table, "rows", "SELECT id FROM finished")).fetchall()
    assert sorted(found) == merged(table, loads)


def test_load_ids_sort_as_texts_like_they_were_made() -> None:
    """Thousands in one second too, though a float is printed with as many digits as it takes."""
    made = [create_load_id() for _ in range(20_000)]
    assert sorted(made) == made
    assert len({len(load_id) for load_id in made}) > 1


@given(st.tuples(*[st.floats(1.6e9, 9.9e9, exclude_max=True)] * 2))
def test_any_two_load_ids_sort_as_texts_like_the_instants_they_are(
    two: tuple[float, float],
) -> None:
    """Until their seconds have eleven digits, in the year 2286."""
    assert sorted(map(str, two)) == [str(each) for each in sorted(two)]


@pytest.mark.parametrize("table", [PARENT, CHILD], ids=lambda table: str(table.name))
def test_the_query_means_the_same_to_spark(table: Table) -> None:
    """Both read it as the same tree, and nothing in it has to be written differently."""
    query = newest(table, "rows", "SELECT id FROM finished")
    assert sqlglot.parse_one(query, read="spark") == sqlglot.parse_one(query, read="duckdb")


def test_quotes_in_a_folders_name_stay_in_it() -> None:
    """Whoever named the folder."""
    for dialect in ("duckdb", "spark"):
        script = view_statements([PARENT], "/it's/here/", "feishu", dialect)
        assert any("'/it''s/here/parent" in statement for statement in script)


def test_spark_calls_a_bucket_by_its_own_name() -> None:
    """Hadoop's file system of S3."""
    script = "\n".join(view_statements([PARENT], "s3://lake/feishu", "feishu", "spark"))
    assert "'s3a://lake/feishu/parent'" in script
    assert "'s3://" not in script
