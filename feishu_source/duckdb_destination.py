"""DuckDB as a destination: opened patiently, with bounded memory, checkpointed once a slice.

In: a path. Out: dlt's DuckDB destination with these manners, and the time in which a file is kept
open. Refuses to know what is loaded into it.

Left alone, dlt opens and closes the file a dozen times a slice. Each closing would checkpoint, and
a process killed while one is written can leave a damaged file (seen with 1.5.6 and 2.0.0, about
once in two hundred kills); each opening would read again what was only logged. So the file stays
open from the first thing written until one checkpoint at the end. What is committed is safe in the
write-ahead log until then.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, cast

import dlt
from dlt.common.configuration import configspec
from dlt.common.runtime import signals
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from duckdb import DuckDBPyConnection
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed

from feishu_source.duckdb_merge import MergingClient
from feishu_source.open_files import MOST_THREADS, WRITE_LOG, open_files

WAIT_S = 30.0
"""Somebody who looks into the file holds it for seconds; who holds it for longer has to act."""

LOOK_AGAIN_S = 0.1

_log = logging.getLogger(__name__)

_told: set[str] = set()
"""The files of this process that were waited for, and of which that was said."""


def is_held(error: BaseException) -> bool:
    """True if the file cannot be opened because another process has it open."""
    words = str(error).lower()
    return "set lock" in words or "being used by another process" in words


def _pause(seconds: float) -> None:
    """Waits, unless the load is to end."""
    signals.sleep(seconds)
    signals.raise_if_signalled()


class _PatientPool(DuckDbConnectionPool):
    """Connections to a file that other processes hold for short moments."""

    credentials: PatientCredentials
    _conn: DuckDBPyConnection | None  # type: ignore[assignment]  # None while it is closed

    def borrow_conn(
        self,
        global_config: dict[str, Any] | None = None,
        local_config: dict[str, Any] | None = None,
        pragmas: list[str] | None = None,
    ) -> Any:
        """A connection, as soon as no other process holds the file.

        Each time the file is opened somebody may have been quicker.
        """
        path = self.credentials.database
        limit = self.credentials.memory_limit or f"{open_files.memory_mb(path)}MB"
        of_ours = {"memory_limit": limit, "threads": min(MOST_THREADS, os.cpu_count() or 1)}
        global_config = of_ours | (self.credentials.global_config or {}) | (global_config or {})
        if open_files.wants(path):
            global_config["checkpoint_threshold"] = WRITE_LOG
            pragmas = ["disable_checkpoint_on_shutdown"]  # where dlt would enable it
        trying = Retrying(
            retry=retry_if_exception(is_held),
            stop=stop_after_delay(self.credentials.wait_s),
            wait=wait_fixed(LOOK_AGAIN_S),
            sleep=_pause,
            before_sleep=self._tell,
            reraise=True,
        )
        return trying(super().borrow_conn, global_config, local_config, pragmas)

    def _close_conn(self) -> None:
        if self._conn is not None and open_files.keep(self.credentials.database, self._conn):
            self._conn = None
        super()._close_conn()

    def _tell(self, state: RetryCallState) -> None:
        """The first wait is worth a warning; who polls a file makes a load wait a dozen times."""
        if state.attempt_number > 1:
            return
        path = self.credentials.database
        level = logging.INFO if path in _told else logging.WARNING
        _told.add(path)
        wait_s = self.credentials.wait_s
        _log.log(level, "%s is open in another process: waiting for up to %g s", path, wait_s)


@configspec(init=False)
class PatientCredentials(DuckDbCredentials):
    """A DuckDB file that is waited for.

    `wait_s`: how long at most, each time; `DESTINATION__DUCKDB__CREDENTIALS__WAIT_S` sets it.
    `memory_limit`: what DuckDB may take before it spills to disk, beside the file; its own default
    is most of the machine. None: 144 MB, and more while a slice of long messages is loaded.
    `DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT` sets it, as "1GB" does; it stands then.
    """

    wait_s: float = WAIT_S
    memory_limit: str | None = None

    @property
    def is_limited(self) -> bool:
        """True if somebody set what DuckDB may take, here or in dlt's `global_config`."""
        return self.memory_limit is not None or "memory_limit" in (self.global_config or {})

    def on_resolved(self) -> None:
        """Opens connections patiently, and with bounded memory."""
        super().on_resolved()
        self.conn_pool = _PatientPool(self)

    def copy(self) -> PatientCredentials:
        """The same settings, with connections of their own."""
        copied = cast(PatientCredentials, super().copy())
        copied.conn_pool = _PatientPool(copied) if copied.is_resolved() else None
        return copied


@configspec(init=False)
class _PatientConfiguration(DuckDbClientConfiguration):
    credentials: PatientCredentials = None  # type: ignore[assignment]  # as dlt declares it


class _PatientDuckDb(dlt.destinations.duckdb):
    spec = _PatientConfiguration

    def __init__(self, credentials: PatientCredentials) -> None:
        super().__init__(credentials)
        self._resolved: dict[str, DuckDbClientConfiguration] = {}

    def configuration(
        self, initial_config: Any, accept_partial: bool = False
    ) -> DuckDbClientConfiguration:
        """Settings are looked up once for all that a pipeline binds, and copied from then on.

        dlt asks over a hundred times a load, which was a quarter of what a small load costs.
        """
        bound = {name: value for name, value in initial_config.items() if name != "credentials"}
        key = repr((accept_partial, bound))
        found = self._resolved.get(key)
        if found is None:
            found = super().configuration(initial_config, accept_partial)
            self._resolved[key] = found
        return found.copy()  # credentials too, which hold connections

    @property
    def client_class(self) -> type[DuckDbClient]:
        return MergingClient

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.duckdb"


def duckdb_destination(path: Path) -> Any:
    """The dlt destination that loads into this file."""
    return _PatientDuckDb(PatientCredentials(str(path)))
