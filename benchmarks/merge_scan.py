"""What a merge reads in a warehouse that bills by the bytes it reads, computed from measured rows.

`python -m benchmarks.merge_scan [--messages 20000] [--days 730] [--terabytes 1]` loads a tenant
into a DuckDB file, lets an hour of talk pass, and loads again. The widths of columns are those of
these rows by BigQuery's rule: a text is 2 bytes and its UTF-8, numbers and times are 8, a truth is
1, null is nothing. The days that a merge touches are those of the rows that the second load wrote.
Both are scaled to a table of so many terabytes. Nothing is asked of any warehouse.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb

from benchmarks.printing import Line, print_lines, print_machine
from feishu_source import load, open_pipeline
from feishu_source.sandbox import Sandbox, World, generate
from feishu_source.settings import SLICE_MESSAGES
from feishu_source.tables import MESSAGES, TABLES, Table

BY_DAY = [table for table in TABLES.values() if table.partition]
DOLLARS_A_TEBIBYTE = 6.25
"""BigQuery's price on demand in the US."""
MESSAGES_A_MINUTE = 50_000
"""Pages of 50 at the API's 1,000 requests a minute."""
JOBS_A_DAY = 1_500
"""Load jobs that BigQuery takes for a table in a day."""
FIXED = {"bool": "1", "bigint": "8", "double": "8", "ts": "8"}


@dataclass(frozen=True, slots=True)
class Widths:
    """Bytes of a table: all, what dlt's DELETEs compare, what ours does, the share of days touched.

    dlt deletes by the key, and in a child table by the message as well.
    """

    rows: int
    whole: float
    compared: float
    keys_and_times: float
    touched: float


@dataclass(frozen=True, slots=True)
class Scans:
    """Bytes that one merge of all these tables reads in BigQuery.

    A DELETE is billed for the columns it compares, in all partitions it scans, and for the whole
    size of those it updates. Whether those are the ones with a row that goes, or all that it might
    go from, the manual leaves open: `least` and `most` are dlt's own merge by both readings.
    `hour` is this package's, of a slice of the newest messages; each day that rows were staged of
    is taken for one that rows go from. `first` is this package's, of a slice of a first load, which
    may hold rows of every day and replaces none.
    """

    least: float
    most: float
    hour: float
    first: float


def main(arguments: list[str] | None = None) -> None:
    """Prints the account."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--terabytes", type=float, default=1.0)
    options = parser.parse_args(arguments)
    print_machine()
    world = generate(seed=3, messages=options.messages, days=options.days)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "history.duckdb"
        packages = _load_twice(world, database)
        with duckdb.connect(str(database), read_only=True) as connection:
            widths = {table.name: measure(connection, table, packages) for table in BY_DAY}
    _print_widths(widths)
    _print_scans(widths, options.terabytes * 1e12)
    _print_jobs(packages)


def _load_twice(world: World, database: Path) -> int:
    """Loads, lets an hour pass, loads again; how many packages the second load was."""
    pipeline = open_pipeline(
        database=str(database), pipelines_dir=str(database.parent / "pipelines")
    )
    with Sandbox(world) as sandbox:
        access: dict[str, Any] = {
            "base_url": sandbox.base_url,
            "app_id": sandbox.app_id,
            "app_secret": sandbox.app_secret,
            "requests_per_second": 1e6,
            "requests_per_minute": 6e7,
        }
        load(pipeline, **access)
        before = _packages(pipeline)
        _talk_for_an_hour(world)
        load(pipeline, **access)
        return _packages(pipeline) - before


def _packages(pipeline: dlt.Pipeline) -> int:
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM feishu._dlt_loads")
    assert rows
    return int(rows[0][0])


def _talk_for_an_hour(world: World) -> None:
    drawn = random.Random(1)
    people = [each for each, user in world.users.items() if not user.is_app]
    chats = [each for each, chat in world.chats.items() if chat.mode == "group"]
    for number in range(60):
        world.advance(60)
        said = world.post(drawn.choice(chats), drawn.choice(people), text=f"said {number}")
        if number % 10 == 0:
            world.reply_in_thread(said, drawn.choice(people), text="a reply")


def width(table: Table, names: Iterable[str]) -> str:
    """SQL for the bytes of these columns of a row."""
    sizes = {
        column.name: FIXED.get(column.type, f'2 + strlen("{column.name}")')
        for column in table.columns
        if column.name in names
    }
    return " + ".join(
        f'CASE WHEN "{name}" IS NULL THEN 0 ELSE {size} END' for name, size in sizes.items()
    )


def measure(connection: duckdb.DuckDBPyConnection, table: Table, packages: int) -> Widths:
    """The widths of a table, and the days in which the last packages wrote rows."""
    key, day = [table.replaces or table.key[0]], f"{table.partition}::date"
    compared = width(table, table.key)
    if table.replaces:
        compared += f" + {width(table, key)}"
    newest = f"SELECT load_id FROM feishu._dlt_loads ORDER BY load_id DESC LIMIT {packages}"
    days = f"SELECT {day} FROM feishu.{table.name} WHERE _dlt_load_id IN ({newest})"
    everything = width(table, table.names)
    found = connection.execute(
        f"SELECT count(*), sum({everything}), sum({compared}),"
        f" sum({width(table, [*key, str(table.partition)])}),"
        f" sum(CASE WHEN {day} IN ({days}) THEN {everything} ELSE 0 END)"
        f" FROM feishu.{table.name}"
    ).fetchone()
    assert found
    rows, whole, kept, keys_and_times, in_days = (float(value or 0) for value in found)
    return Widths(int(rows), whole, kept, keys_and_times, in_days / whole if whole else 0.0)


def scans(widths: Iterable[Widths], scale: float) -> Scans:
    """What one merge of each of these tables reads, all of them so many times as large."""
    each = list(widths)
    return Scans(
        least=scale * sum(w.compared + w.whole * w.touched for w in each),
        most=scale * sum(w.compared + w.whole for w in each),
        hour=scale * sum((w.keys_and_times + w.whole) * w.touched for w in each),
        first=scale * sum(w.keys_and_times for w in each),
    )


def _print_widths(widths: Mapping[str, Widths]) -> None:
    lines = [
        Line(
            name,
            f"{w.whole / max(w.rows, 1):,.0f} bytes a row, {w.keys_and_times / max(w.rows, 1):,.0f}"
            f" of them id and time; {w.touched:.2%} of all in the days of an hour's slice",
        )
        for name, w in widths.items()
    ]
    print_lines("measured rows", lines)


def _print_scans(widths: Mapping[str, Widths], size: float) -> None:
    messages = widths[MESSAGES.name]
    scale = size / messages.whole
    read = scans(widths.values(), scale)
    slices = messages.rows * scale / SLICE_MESSAGES
    compared = scale * sum(each.compared for each in widths.values())
    # A growing table is half as large on average.
    lines = [
        _cost("an hour's slice, dlt's own merge", read.least, read.most),
        _cost("an hour's slice, here", read.hour),
        _cost("a month of hourly loads, dlt's own", read.least * 720, read.most * 720),
        _cost("a month of hourly loads, here", read.hour * 720),
        _cost("the last slice of a first load, dlt's own", compared, read.most),
        _cost("the last slice of a first load, here", read.first),
        _cost(
            f"a first load, {slices:,.0f} slices, dlt's own",
            compared * slices / 2,
            read.most * slices / 2,
        ),
        _cost(f"a first load, {slices:,.0f} slices, here", read.first * slices / 2),
        _cost(f"a first load, {slices / 10:,.0f} slices, here", read.first * slices / 20),
    ]
    title = f"BigQuery, {size / 1e12:g} TB of messages ({messages.rows * scale:,.0f} rows)"
    print_lines(title, lines)
    keys = f"{compared / 1e9:,.0f} GB compared"
    print_lines(
        "elsewhere, one merge of any slice; time is billed, not bytes",
        [
            Line("Snowflake", f"{keys}, and micro-partitions with replaced rows written anew"),
            Line("Databricks", f"{keys}, and files with replaced rows, without deletion vectors"),
            Line("ClickHouse", f"{keys} at most: rows are sorted by the key"),
        ],
    )


def _cost(what: str, *read: float) -> Line:
    sizes = " to ".join(f"{each / 1e9:,.0f}" for each in read)
    dollars = " to ".join(f"{each / 2**40 * DOLLARS_A_TEBIBYTE:,.2f}" for each in read)
    return Line(what, f"{sizes} GB, {dollars} dollars")


def _print_jobs(packages: int) -> None:
    slices_a_day = MESSAGES_A_MINUTE * 1_440 // SLICE_MESSAGES
    print_lines(
        f"BigQuery's {JOBS_A_DAY:,} load jobs a table and day",
        [
            Line("load jobs of a table in a day of first load, at most", f"{slices_a_day:,}"),
            Line("packages of an hourly load, a load job of a table each, at most", f"{packages}"),
            Line("loads a day, at most", f"{JOBS_A_DAY // packages:,}"),
        ],
    )


if __name__ == "__main__":
    main()
