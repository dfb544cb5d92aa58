"""The DuckDB files that this process keeps open while it loads, and the memory they are given.

In: paths, connections that were to be closed, how long the rows are that come. Out: whether a
connection is kept, and what DuckDB may take. Refuses to know dlt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from duckdb import DuckDBPyConnection

MEMORY_MB = 144
"""A slice of ordinary messages is merged as fast as with more, which would be filled with what was
once read of a file that grows."""
WRITE_LOG = "4GB"
"""More than what is written until somebody asks for a checkpoint: DuckDB begins none of its own."""
MOST_THREADS = 4
"""Each needs memory of its own; with 16 of them that did not do."""


class OpenFiles:
    """The files that are to stay open, each by one connection once it is needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted: set[str] = set()
        self._kept: dict[str, DuckDBPyConnection] = {}
        self._limits_mb: dict[str, int] = {}

    def want(self, path: str) -> None:
        """From the first thing that is written, it stays open."""
        with self._lock:
            self._wanted.add(path)

    def wants(self, path: str) -> bool:
        """True if it is to stay open."""
        return path in self._wanted

    def keep(self, path: str, connection: DuckDBPyConnection) -> bool:
        """Takes a connection that was to be closed, if something was written and none is kept.

        Not a duplicate of it: with the first one closed, DuckDB opens the file a second time.
        """
        log = Path(f"{path}.wal")
        with self._lock:
            is_wanted = path in self._wanted and path not in self._kept
            if not (is_wanted and log.exists() and log.stat().st_size):
                return False
            self._kept[path] = connection
            return True

    def let_go(self, path: str) -> None:
        """Closes it."""
        with self._lock:
            self._wanted.discard(path)
            self._limits_mb.pop(path, None)
            if kept := self._kept.pop(path, None):
                kept.close()

    def allow(self, path: str, megabytes: int) -> None:
        """DuckDB may take so much at least, until the file is closed."""
        with self._lock:
            self._limits_mb[path] = max(megabytes, self.memory_mb(path))

    def memory_mb(self, path: str) -> int:
        """What DuckDB may take."""
        return self._limits_mb.get(path, MEMORY_MB)


open_files = OpenFiles()


def is_out_of_memory(error: BaseException) -> bool:
    """True if DuckDB may not take as much memory as it would need."""
    words = str(error).lower()
    if "max_temp_directory_size" in words:  # it may not spill as much as it would have to
        return False
    return "out of memory" in words or "failed to pin block" in words


@contextmanager
def kept_open(database: str | None) -> Iterator[None]:
    """From the first thing that is written in the block to its end, the file stays open.

    Until then others can read it. Nothing is checkpointed but by whoever asks for it. None: no
    file, nothing is done.
    """
    if database is None:
        yield
        return
    open_files.want(database)
    try:
        yield
    finally:
        open_files.let_go(database)
