"""An answer in the form that was asked for: a table for people, CSV, JSON or Parquet for machines.

In: names of columns and rows. Out: text or bytes, on stdout or in a file. What strangers wrote is
made safe for terminals. In files it stands as it is: a spreadsheet that opens a CSV file takes a
text that begins with `=` for a formula, and no writer of CSV can know who will open it.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from feishu_source.analytics import Answer
from feishu_source.cli.terminal import PLAIN_WIDTH, Terminal, printable
from feishu_source.errors import ConfigurationError

MOST_ROWS = 50
"""Rows of a table for people; the other formats give all."""
MOST_CHARACTERS, MOST_WIDTH = 60, 200
_LEAST_WIDTH = 10
"""Of a column whose values are as long: a date is not broken in two."""


def write(answer: Answer, form: str, output: Path | None, terminal: Terminal) -> None:
    """Writes an answer to a file, or to stdout.

    Raises:
        ConfigurationError: Parquet was to go to a terminal, or the file cannot be written.
    """
    if output is not None:
        try:
            output.write_bytes(_as_bytes(answer, form))
        except OSError as error:
            raise ConfigurationError(f"{output} cannot be written: {error.strerror}.") from error
    elif form == "table":
        print_table(answer, terminal.out)
    elif form == "parquet":
        _write_parquet(answer, terminal)
    else:
        print(as_csv(answer, cell_writer(terminal)) if form == "csv" else as_json(answer), end="")


def draw(answer: Answer) -> Table:
    """The first rows, for people: without ids and links, and without columns that are empty."""
    table = Table()
    rows = answer.rows[:MOST_ROWS]
    shown = [
        place for place, column in enumerate(answer.columns) if _is_for_people(column, place, rows)
    ]
    for place in shown:
        values = [row[place] for row in rows if row[place] is not None]
        numbers = bool(values) and all(_is_number(value) for value in values)
        table.add_column(
            answer.columns[place],
            justify="right" if numbers else "left",
            overflow="fold",
            min_width=min(max((len(_shown(value)) for value in values), default=0), _LEAST_WIDTH),
        )
    for row in rows:
        table.add_row(*(Text(_shown(row[place])) for place in shown))
    return table


def print_table(answer: Answer, console: Console) -> None:
    """The first rows: on a terminal in its width; elsewhere no line has to be folded."""
    table = draw(answer)
    if not console.is_terminal:
        wide = console.options.update(max_width=MOST_WIDTH)
        console.width = max(console.width, Measurement.get(console, wide, table).maximum)
    console.print(table)
    if (more := len(answer.rows) - MOST_ROWS) > 0:
        console.print(f"and {more:,} more rows: --format csv gives all.")


def as_csv(answer: Answer, cell: Callable[[str], str] = str) -> str:
    """CSV with a heading, as RFC 4180 has it but for its line ends; null is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([cell(_plain(value)) for value in row] for row in answer.rows)
    return text.getvalue()


def as_json(answer: Answer) -> str:
    """A list of objects, one a line; times in ISO 8601, all characters in ASCII."""
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    lines = ",\n".join(json.dumps(row, default=_plain) for row in rows)
    return f"[{lines}]\n"


def as_parquet(answer: Answer) -> bytes:
    """A file of Parquet; times keep their zone, a column of nulls alone is one of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = []
    for number in range(len(answer.columns)):
        array = pa.array([row[number] for row in answer.rows])
        arrays.append(array.cast(pa.string()) if pa.types.is_null(array.type) else array)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=answer.columns), sink)
    return sink.getvalue()


def _as_bytes(answer: Answer, form: str) -> bytes:
    if form == "parquet":
        return as_parquet(answer)
    if form == "table":
        text = io.StringIO()
        print_table(answer, Console(file=text, width=PLAIN_WIDTH))
        return text.getvalue().encode()
    return (as_csv(answer) if form == "csv" else as_json(answer)).encode()


def _write_parquet(answer: Answer, terminal: Terminal) -> None:
    if terminal.out.is_terminal:
        raise ConfigurationError("Parquet is not for terminals: name a file with --output.")
    sys.stdout.flush()
    sys.stdout.buffer.write(as_parquet(answer))


def cell_writer(terminal: Terminal) -> Callable[[str], str]:
    """On a terminal no text of a stranger does anything; in a pipe it is what it is."""
    if not terminal.out.is_terminal:
        return str
    return lambda text: printable(text, most=len(text) + 1)


def _is_for_people(column: str, place: int, rows: list[tuple[Any, ...]]) -> bool:
    is_empty = bool(rows) and all(row[place] is None for row in rows)
    return not (is_empty or column.endswith("_id") or column == "link")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if _is_number(value):
        return f"{value:,}"
    return printable(_plain(value), most=MOST_CHARACTERS)
