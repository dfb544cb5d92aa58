"""The whole of a load, into a DuckDB file, as the command line does it.

In: what happens in the tenant. Out: reports of loads, rows as the warehouse holds them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from feishu_source import load, open_pipeline
from feishu_source.report import LoadReport
from feishu_source.sandbox import World
from tests.laboratory import DAY_S, FROM_MESSAGES, MESSAGES, START_MS, Laboratory, Row, at

__all__ = ["DAY_S", "MESSAGES", "START_MS", "Lab", "at", "held"]


class Lab(Laboratory):
    """One world, its sandbox, one warehouse; loads as many times as a test wants."""

    compared = (
        *("chats", "chat_members", "chat_pins", "chat_tabs", "chat_announcements"),
        *FROM_MESSAGES,
    )

    def __init__(self, folder: Path, world: World, **sandbox: Any) -> None:
        super().__init__(world, **sandbox)
        self.folder = folder
        self.database = folder / "history.duckdb"

    def load(self, **arguments: Any) -> LoadReport:
        """One load, as the command line does it; requests are counted from its start."""
        self.sandbox.clear_requests()
        pipeline = open_pipeline(
            database=str(self.database), pipelines_dir=str(self.folder / "pipelines")
        )
        return load(pipeline, **(self.access | arguments))

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, whole, sorted by their columns."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.execute(f"select * from feishu.{table}")
            names = [column[0] for column in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return sorted(rows, key=lambda row: repr(list(row.values())))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(sql).fetchall()

    def message_ids(self) -> set[str]:
        """All message ids in the warehouse."""
        return {row[0] for row in self.query("select message_id from feishu.messages")}


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


@contextmanager
def held(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process has the database open, until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other
        other.communicate()
