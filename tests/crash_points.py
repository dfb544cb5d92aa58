"""The instants at which a load can die, by name, and how to make one die there.

In: a name, and the how-manieth time it is reached. Out: a process that is killed there, by SIGKILL
and by itself: nothing is closed, flushed or told. Only for processes that are meant to end so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

from dlt import Pipeline
from dlt.destinations.job_client_impl import SqlJobClientBase, SqlLoadJob
from dlt.load.load import Load

from feishu_source import (
    batch,
    duckdb_merge,
    filesystem_destination,
    loader,
    open_tables,
    parsing,
    reading,
)
from feishu_source.files import Downloads, Store, store
from feishu_source.files.spool import SpoolFile
from feishu_source.filesystem_destination import FilesClient, WholeFiles
from feishu_source.walk import Walk


def install(name: str, times: int) -> None:
    """From now on this process dies when it reaches that point so many times."""
    (POINTS | OF_FILES | OF_OPEN_TABLES | OF_DOWNLOADS)[name](times)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> Callable[[int], None]:
    """Dies as this is called."""

    original = getattr(owner, name)  # here, for a name that is no more to be seen on import

    def install_at(times: int) -> None:
        calls = iter(range(1, times + 1))

        def replaced(*arguments: Any, **more: Any) -> Any:
            if next(calls, 0) == times:
                _kill()
            return original(*arguments, **more)

        setattr(owner, name, replaced)

    return install_at


def _between(owner: Any, *names: str) -> Callable[[int], None]:
    """Dies as one of two was called that go together, and not the other, whichever comes first."""

    originals = {name: getattr(owner, name) for name in names}

    def install_at(times: int) -> None:
        calls = iter(range(1, 2 * times + 1))
        for name, original in originals.items():
            setattr(owner, name, replace(original, calls, 2 * times))

    def replace(original: Any, calls: Iterator[int], last: int) -> Any:
        def replaced(*arguments: Any, **more: Any) -> Any:
            if next(calls, 0) == last:
                _kill()
            return original(*arguments, **more)

        return replaced

    return install_at


def _after(owner: Any, name: str) -> Callable[[int], None]:
    """Dies as this has returned."""

    original = getattr(owner, name)  # here, for a name that is no more to be seen on import

    def install_at(times: int) -> None:
        calls = iter(range(1, times + 1))

        def replaced(*arguments: Any, **more: Any) -> Any:
            result = original(*arguments, **more)
            if next(calls, 0) == times:
                _kill()
            return result

        setattr(owner, name, replaced)

    return install_at


def _after_yield(times: int) -> None:
    original = Walk.slice

    def replaced(walk: Walk) -> Iterator[batch.PendingBatch]:
        for number, one in enumerate(original(walk), 1):
            yield one
            if number == times:
                _kill()

    Walk.slice = replaced  # type: ignore[method-assign, assignment]


def _either(*ways: Callable[[int], None]) -> Callable[[int], None]:
    """At one of several points, of which a destination has one."""

    def install_at(times: int) -> None:
        for way in ways:
            way(times)

    return install_at


POINTS: dict[str, Callable[[int], None]] = {
    "in the midst of a page": _before(parsing, "parse_item"),
    "before a yield": _before(reading, "mark"),
    "after a yield": _after_yield,
    "in the midst of the extract": _before(parsing, "to_table"),
    "between extract and normalize": _before(Pipeline, "normalize"),
    "between normalize and load": _before(Pipeline, "load"),
    "in the midst of the load": _before(duckdb_merge._MergeRequest, "from_table_chain"),
    "before rows are merged": _either(
        _before(SqlLoadJob, "run"),
        _before(duckdb_merge._Merge, "run"),
        _before(WholeFiles, "run"),
        _before(open_tables.DeltaReplace, "run"),
        _before(open_tables.IcebergReplace, "run"),
    ),
    "after rows were merged": _either(
        _after(SqlLoadJob, "run"), _after(duckdb_merge._Merge, "run")
    ),
    "before the package is complete": _before(Load, "complete_package"),
    "after the package is complete": _after(SqlJobClientBase, "complete_load"),
    "between load and bookkeeping": _before(loader, "checkpoint"),
    "in the bookkeeping": _before(loader, "prune_states"),
}

OF_FILES: dict[str, Callable[[int], None]] = {
    "while a file is copied": _before(filesystem_destination, "put_in_place"),
    "between the note of a load and its state": _between(
        FilesClient, "_store_load", "_store_current_state"
    ),
}
"""Instants that only a load into files passes."""

OF_OPEN_TABLES: dict[str, Callable[[int], None]] = {
    "while a table is written": _before(open_tables, "_distinct"),
    "between the commit of a table and its bookkeeping": _either(
        _after(open_tables.DeltaReplace, "run"),
        _after(open_tables.IcebergReplace, "run"),
    ),
}
"""Instants that only a load into tables of Delta or Iceberg passes."""

OF_DOWNLOADS: dict[str, Callable[[int], None]] = {
    "while a file comes": _after(SpoolFile, "write"),
    "before a file is stored": _before(Store, "put"),
    "while a file is stored": _before(store, "put_in_place"),
    "after a file was stored": _after(Store, "put"),
    "before rows of files are loaded": _after(Downloads, "_decide"),
}
"""Instants that only a load that downloads files passes."""
