"""The inverted index: plain tables in a schema of their own, beside the messages in DuckDB.

In: a connection that may write, and the dataset. Out: the index, up to date; how it stands. Refuses
to know dlt, and what is searched for.

    documents   one row a message that has a text: its number here, its length in terms
    postings    one row a term of a document: how often it stands there
    loads       the loads whose messages are all indexed

What is due are the messages of loads that are not noted, less those whose text is as it was
indexed. Each batch is a transaction of its own, and a load is noted after its last one: a kill at
any instant loses the batch at hand, and the next update goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from feishu_source.errors import ConfigurationError
from feishu_source.open_files import WRITE_LOG, is_out_of_memory
from feishu_source.report import Place
from feishu_source.search.terms import check_installed, terms_of, version

BATCH = 20_000
"""Messages that are cut and written at a time, if they are not long."""
BATCH_CHARS = 2_000_000
"""Of their texts: each character is about a term, of a hundred bytes while they are cut."""

LIMITS_MB = (256, 512, 1_024, 2_048, 4_096)
"""What DuckDB may take while it updates an index; the next one if it did not do, as where texts are
very long."""

_TABLES = """
create schema if not exists {index};
create table if not exists {index}.documents
  (document bigint not null, message_id varchar not null, text_hash ubigint not null,
   length integer not null);
create table if not exists {index}.postings
  (term varchar not null, document bigint not null, frequency integer not null);
create table if not exists {index}.loads (load_id varchar not null);
create table if not exists {index}.version (version varchar not null);
"""

_DUE = """
select m.message_id, m.text, md5_number_lower(m.text) as text_hash, d.document as old
from {messages} m left join {index}.documents d using (message_id)
where m._dlt_load_id not in (select load_id from {index}.loads)
  and (m.text is not null or d.document is not null)
  and md5_number_lower(m.text) is distinct from d.text_hash
"""

_DROP_OLD = """
delete from {index}.{table}
where document in (select old from batch) and document <= (select max(old) from batch)
"""

_ADD_DOCUMENTS = """
insert into {index}.documents
select document, message_id, text_hash, len(terms) from batch where text_hash is not null
"""

_ADD_POSTINGS = """
insert into {index}.postings
select term, document, count(*) from (select document, unnest(terms) as term from batch)
group by term, document order by term, document
"""

_GONE = """
select document from {index}.documents d
where not exists (
  select 1 from {messages} m where m.message_id = d.message_id and m.text is not null)
"""

_SURPLUS = """
select (select count(*) from {index}.documents) - (select count(text) from {messages})
"""

_BEHIND = """
select count(*) from {messages} where _dlt_load_id not in (select load_id from {index}.loads)
"""

_NOTE_LOADS = """
insert into {index}.loads
select distinct _dlt_load_id from {messages}
where _dlt_load_id not in (select load_id from {index}.loads)
"""


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update has done; `documents` is how many messages the index holds now."""

    indexed: int
    removed: int
    documents: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the index stands; `behind` counts messages of loads that are not indexed.

    `missing`: there is none, or one of another version, which counts for nothing.
    """

    state: Literal["current", "behind", "missing"]
    behind: int


class Names:
    """The tables of a dataset and of its index, quoted."""

    def __init__(self, dataset: str) -> None:
        self.schema = f"{dataset}_search"
        self.index = _quoted(self.schema)
        self.dataset = _quoted(dataset)
        self.messages = f"{self.dataset}.messages"

    def fill(self, sql: str, **more: str) -> str:
        """The SQL with its tables."""
        return sql.format(index=self.index, messages=self.messages, **more)


def check_searchable(place: Place) -> None:
    """An index can be kept at this place.

    Raises:
        ConfigurationError: it is no DuckDB file, or the extra is not installed.
    """
    if place.database is None:
        raise ConfigurationError(
            f"only a DuckDB file has a search index, not {place.destination}: leave out "
            "--search-index."
        )
    check_installed()


def update_file(database: Path, dataset: str) -> Updated:
    """Brings the index in a DuckDB file up to date; see `update`.

    Raises:
        ConfigurationError: the extra is not installed.
        duckdb.Error: another process has the file open, or there is no such dataset in it.
    """
    check_installed()
    for memory_mb in LIMITS_MB[:-1]:
        try:
            return _update_file(database, dataset, memory_mb)
        except duckdb.Error as error:
            if not is_out_of_memory(error):
                raise
    return _update_file(database, dataset, LIMITS_MB[-1])


def _update_file(database: Path, dataset: str, memory_mb: int) -> Updated:
    config = {"memory_limit": f"{memory_mb}MB", "checkpoint_threshold": WRITE_LOG}
    with duckdb.connect(str(database), config=dict(config)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        updated = update(connection, dataset)
        connection.execute("checkpoint")
    return updated


def update(connection: DuckDBPyConnection, dataset: str, batch: int = BATCH) -> Updated:
    """Indexes what loads have changed since the last update, `batch` messages at a time, or fewer.

    An edit replaces what was indexed of a message; one that was recalled or removed leaves.
    """
    names = Names(dataset)
    stands = standing(connection, dataset)
    if stands.state == "missing":
        _build_tables(connection, names)
    indexed, removed = _index_due(connection, names, batch) if stands.behind else (0, 0)
    removed += _remove_gone(connection, names)
    connection.execute(names.fill(_NOTE_LOADS))
    count = names.fill("select count(*) from {index}.documents")
    return Updated(indexed, removed, _number(connection, count))


def standing(connection: DuckDBPyConnection, dataset: str) -> Standing:
    """How the index stands beside the messages.

    Raises:
        ConfigurationError: there is no such dataset here.
    """
    names = Names(dataset)
    if not _has_table(connection, dataset, "messages"):
        raise ConfigurationError(f"there is no table {dataset}.messages here: load it first.")
    messages = names.fill("select count(*) from {messages}")
    if not _has_table(connection, names.schema, "version"):
        return Standing("missing", _number(connection, messages))
    found = connection.execute(names.fill("select version from {index}.version")).fetchall()
    if found != [(version(),)]:
        return Standing("missing", _number(connection, messages))
    behind = _number(connection, names.fill(_BEHIND))
    # Rows that somebody deleted by hand are of no load: the numbers tell.
    is_behind = behind or _number(connection, names.fill(_SURPLUS))
    return Standing("behind" if is_behind else "current", behind)


def _build_tables(connection: DuckDBPyConnection, names: Names) -> None:
    """Empty tables, in one transaction: with them stands the version they are of."""
    connection.begin()
    connection.execute(names.fill("drop schema if exists {index} cascade"))
    connection.execute(names.fill(_TABLES))
    connection.execute(names.fill("insert into {index}.version values (?)"), [version()])
    connection.commit()


def _index_due(connection: DuckDBPyConnection, names: Names, batch: int) -> tuple[int, int]:
    """How many messages were indexed, and how many had no text any more."""
    last = _number(
        connection, names.fill("select coalesce(max(document), 0) from {index}.documents")
    )
    indexed = removed = 0
    # The reader keeps what it saw when it began; what is written meanwhile does not disturb it.
    with connection.cursor() as reader:
        reader.execute(names.fill(_DUE))
        for due in _batches(reader, batch):
            _write(connection, names, _cut(due, last + 1))
            last += len(due)
            without = sum(text is None for _, text, _, _ in due)
            indexed, removed = indexed + len(due) - without, removed + without
    return indexed, removed


def _batches(reader: DuckDBPyConnection, most_rows: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of what was asked, as many at a time as may be cut together."""
    held: list[tuple[Any, ...]] = []
    chars = 0
    while row := reader.fetchone():
        held.append(row)
        chars += len(row[1] or "")
        if len(held) >= most_rows or chars >= BATCH_CHARS:
            yield held
            held, chars = [], 0
    if held:
        yield held


def _cut(due: list[tuple[Any, ...]], first: int) -> pa.Table:
    """The rows with the numbers of their documents, and terms in place of their texts."""
    ids, texts, hashes, old = zip(*due, strict=True)
    return pa.table(
        {
            "document": pa.array(range(first, first + len(due)), pa.int64()),
            "message_id": pa.array(ids, pa.string()),
            "text_hash": pa.array(hashes, pa.uint64()),
            "old": pa.array(old, pa.int64()),
            "terms": pa.array(
                [terms_of(text) if text else [] for text in texts], pa.list_(pa.string())
            ),
        }
    )


def _write(connection: DuckDBPyConnection, names: Names, rows: pa.Table) -> None:
    """One batch in place of what was there of its messages: all of it or nothing."""
    connection.register("batch", rows)
    connection.begin()
    try:
        if rows.column("old").null_count < rows.num_rows:
            for table in ("postings", "documents"):
                connection.execute(names.fill(_DROP_OLD, table=table))
        connection.execute(names.fill(_ADD_DOCUMENTS))
        connection.execute(names.fill(_ADD_POSTINGS))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("batch")


def _remove_gone(connection: DuckDBPyConnection, names: Names) -> int:
    """Documents of messages that are there no more; looked for only where the numbers differ."""
    if not _number(connection, names.fill(_SURPLUS)):
        return 0
    connection.begin()
    connection.execute(f"create or replace temp table gone as {names.fill(_GONE)}")
    for table in ("postings", "documents"):
        connection.execute(
            names.fill("delete from {index}.{table} where document in (from gone)", table=table)
        )
    removed = _number(connection, "select count(*) from gone")
    connection.execute("drop table gone")
    connection.commit()
    return removed


def _has_table(connection: DuckDBPyConnection, schema: str, table: str) -> bool:
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = ? and table_name = ?",
        [schema, table],
    )
    return bool(found.fetchall())


def _number(connection: DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    # Braces would be taken for the place of a table's name.
    if "{" in name or "}" in name:
        raise ConfigurationError(f"the dataset {name} cannot be searched: its name has a brace.")
    return f'"{doubled}"'
