"""Whether a load costs more where there is more already: rows in the warehouse, chats in a tenant.

`python -m benchmarks.growth [--rows 1000000] [--changes 10000] [--rounds 3]` loads a small tenant,
then lets half the changes be new messages and half be edits inside the look-back, and loads again:
into the warehouse as it is, and into one with many more rows. Those are copies of the rows of the
first load, made by SQL with ids and chats of their own; schema, state and the rows of the tenant
itself are those of a real load. Each load is a fresh process on a fresh copy of the file.

What DuckDB itself needs to merge so many rows into a table of that size is measured bare: the rows
that the load merged, deleted by id and inserted, in one transaction, in tables of the same columns.

Then the same number of messages is loaded from few chats and from many, [--messages 100000]
[--chats 10000], beside the bare loop, which makes the same requests one after the other.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.printing import Line, at_most, print_lines, print_machine
from benchmarks.processes import Account, run_fresh, tenant
from feishu_source.sandbox import Sandbox, World, generate

MOST_GROWTH = 1.5
FEW_CHATS = 10
HOUR_MS = 3_600_000
LATER_S = 600
DATABASE = "history.duckdb"
IDS = (
    *("message_id", "chat_id", "thread_id", "root_id", "parent_id", "root_message_id"),
    "related_message_id",
)
MERGED = ("messages", "message_mentions", "message_links", "message_resources")


def main(arguments: list[str] | None = None) -> None:
    """Measures both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--chats", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    print_machine()
    measure_rows(options.rows, options.changes, options.rounds)
    measure_chats(options.messages, options.chats, options.rounds)


# rows


def measure_rows(rows: int, changes: int, rounds: int) -> None:
    """The same changes into few rows and into many."""
    with tempfile.TemporaryDirectory() as name:
        folder, world = Path(name), _world(changes)
        with Sandbox(world) as sandbox:
            access = _access(sandbox)
            few, many = folder / "few", folder / "many"
            few.mkdir()
            run_fresh("feishu_source", access, folder=few)
            shutil.copytree(few, many)
            _fill(many / DATABASE, rows)
            world.advance(LATER_S)
            _change(world, changes)
            loads: dict[Path, list[Account]] = {few: [], many: []}
            merges: dict[Path, list[float]] = {few: [], many: []}
            for _ in range(rounds):
                for before in (few, many):
                    account, merge_s = _load_again(access, before)
                    loads[before].append(account)
                    merges[before].append(merge_s)
        lines = _row_lines(
            {count(path / DATABASE): loads[path] for path in loads},
            {count(path / DATABASE): merges[path] for path in merges},
        )
    print_lines(f"a load that brings {changes:,} changes into rows that are there", lines)


def _row_lines(loads: Mapping[int, list[Account]], merges: Mapping[int, list[float]]) -> list[Line]:
    lines, own_s, whole_s = [], [], []
    for rows in loads:
        load_s = _median(loads[rows], "load_seconds")
        merge_s = statistics.median(merges[rows])
        read = f"({loads[rows][0]['messages']:,} messages read)"
        lines.append(Line(f"into {rows:,} rows", f"{load_s:.2f} s", read))
        lines.append(Line("  of which DuckDB merges, bare", f"{merge_s:.2f} s"))
        own_s.append(load_s - merge_s)
        whole_s.append(load_s)
    grown = at_most("times as long, apart from the merge", own_s[1] / own_s[0], MOST_GROWTH)
    return [*lines, grown, Line("  with it", f"{whole_s[1] / whole_s[0]:.2f}")]


def _world(changes: int) -> World:
    """As many messages as there will be changes; half of them are of the last hour."""
    world = generate(8, chats=FEW_CHATS, messages=changes - changes // 2)
    _say(world, changes // 2, HOUR_MS)
    return world


def _say(world: World, number: int, within_ms: int) -> None:
    """New messages of all kinds in ordinary groups, evenly up to now."""
    groups = [
        chat
        for chat in world.listed_chats()
        if (chat.mode, chat.group_message_type) == ("group", "chat") and chat.draw
    ]
    for place in range(number):
        chat = groups[place % len(groups)]
        at_ms = world.now_ms - within_ms + within_ms * (place + 1) // number
        world.list_in_chat(world.new(chat, next(iter(chat.members)), None, at_ms))


def _change(world: World, changes: int) -> None:
    """Edits every message of the last hour before the first load, and posts as many new ones."""
    for message in world.messages[-(changes // 2) :]:
        world.edit(world.id_of(message), text=f"once more, number {message.number}")
    _say(world, changes - changes // 2, LATER_S * 1_000)


def _access(sandbox: Sandbox) -> dict[str, Any]:
    return {name: getattr(sandbox, name) for name in ("base_url", "app_id", "app_secret")}


def _fill(database: Path, rows: int) -> None:
    """Copies of all rows, under other ids, until there are so many messages."""
    with duckdb.connect(str(database)) as connection:
        copies = rows // count(database, connection) - 1
        for table, columns in _tables(connection).items():
            ids = [name for name in IDS if name in columns]
            other = ", ".join(f"left({c}, -4) || printf('%04x', copy) as {c}" for c in ids)
            connection.execute(
                f"insert into feishu.{table} select * exclude (copy) replace ({other}) "
                f"from feishu.{table}, range(1, {copies + 1}) copies(copy)"
            )
        connection.execute("checkpoint")


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The tables with rows of chats, each with its columns."""
    found = connection.execute(
        "select table_name, list(column_name) from information_schema.columns "
        "where table_schema = 'feishu' group by table_name"
    )
    return {table: columns for table, columns in found.fetchall() if "chat_id" in columns}


def count(database: Path, connection: duckdb.DuckDBPyConnection | None = None) -> int:
    """Messages in a warehouse."""
    if connection is None:
        with duckdb.connect(str(database), read_only=True) as opened:
            return count(database, opened)
    row = connection.execute("select count(*) from feishu.messages").fetchone()
    assert row
    return int(row[0])


def _load_again(access: Mapping[str, Any], before: Path) -> tuple[Account, float]:
    """A load into a copy of a warehouse, and the bare merge of its rows into another copy."""
    with _copy(before) as loaded, _copy(before) as bare:
        account = run_fresh("feishu_source", access, folder=loaded)
        return account, _merge(bare / DATABASE, loaded / DATABASE)


@contextmanager
def _copy(before: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(before / DATABASE, name)
        yield Path(name)


def _merge(database: Path, loaded: Path) -> float:
    """Seconds in which plain SQL merges what the load merged.

    Its rows are those with a load id that was not there before; they are staged untimed.
    """
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"attach '{loaded}' as loaded (read_only)")
        for table in MERGED:
            connection.execute(
                f"create temp table staged_{table} as select * from loaded.feishu.{table} "
                "where _dlt_load_id not in (select load_id from feishu._dlt_loads)"
            )
        begun = time.perf_counter()
        connection.execute("begin")
        for table in MERGED:
            connection.execute(
                f"delete from feishu.{table} where message_id in "
                "(select message_id from staged_messages)"
            )
            connection.execute(f"insert into feishu.{table} select * from staged_{table}")
        connection.execute("commit")
        connection.execute(f"checkpoint {database.stem}")
        return time.perf_counter() - begun


# chats


def measure_chats(messages: int, chats: int, rounds: int) -> None:
    """The same number of messages in few chats and in many, each beside the bare loop."""
    ours: dict[int, list[Account]] = {FEW_CHATS: [], chats: []}
    bare: dict[int, list[Account]] = {FEW_CHATS: [], chats: []}
    size = {"seed": 9, "messages": messages}
    with tenant(**size, chats=FEW_CHATS) as few, tenant(**size, chats=chats) as many:
        for _ in range(rounds):
            for number, access in ((FEW_CHATS, few), (chats, many)):
                ours[number].append(run_fresh("feishu_source", access))
                bare[number].append(run_fresh("bare_loop", access | {"members": True}))
    lines = [
        line
        for number in ours
        for name, rounds_ in (("", ours), (", bare loop", bare))
        for line in _chat_lines(f"{number:,} chats{name}", rounds_[number])
    ]
    grown, unavoidable = (
        _per_message(rounds_[chats]) / _per_message(rounds_[FEW_CHATS]) for rounds_ in (ours, bare)
    )
    lines += [
        Line("times as long a message", f"{grown:.2f}"),
        Line("  the bare loop", f"{unavoidable:.2f}"),
        at_most("  beyond what the requests cost", grown / unavoidable, 1.0),
    ]
    print_lines(f"first loads of {messages:,} messages from few chats and many", lines)


def _chat_lines(what: str, rounds: list[Account]) -> list[Line]:
    per_request = _seconds(rounds) / rounds[0]["requests"]
    return [
        Line(f"{what}: a message", f"{_per_message(rounds) * 1_000:.3f} ms"),
        Line(f"  a request, of {rounds[0]['requests']:,}", f"{per_request * 1_000:.3f} ms"),
    ]


def _per_message(rounds: list[Account]) -> float:
    return _seconds(rounds) / float(rounds[0]["messages"])


def _seconds(rounds: list[Account]) -> float:
    return _median(rounds, "load_seconds" if "load_seconds" in rounds[0] else "seconds")


def _median(rounds: list[Account], name: str) -> float:
    return float(statistics.median(one[name] for one in rounds))


if __name__ == "__main__":
    main()
