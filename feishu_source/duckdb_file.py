"""A DuckDB file as a destination: what it may be called, what it must be, how it is opened.

In: a path and a dataset. Out: a dlt destination that waits while another process holds the file,
or why there can be none. Refuses to know what is loaded into it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import configspec
from dlt.common.runtime import signals
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
    DuckDbCredentials,
)
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed

from feishu_source.errors import ConfigurationError

WAIT_S = 30.0
"""Somebody who looks into the file holds it for seconds; who holds it for longer has to act."""

LOOK_AGAIN_S = 0.1

MEMORY_LIMIT = "192MB"
"""A slice of ordinary messages is merged without spilling; a long one is merged more slowly."""

_log = logging.getLogger(__name__)

_told: set[str] = set()
"""The files of this process that were waited for, and of which that was said."""

_MAGIC_AT, _MAGIC = 8, b"DUCK"
"""Where a DuckDB file says that it is one. Source: https://duckdb.org/docs/internals/storage"""

_DATASETS_OF_DUCKDB = frozenset({"information_schema", "pg_catalog", "system", "temp"})
"""Schemas and catalogs that refuse every `create schema` or `create table`."""


def check_names(path: Path, dataset: str) -> None:
    """DuckDB can tell the file's catalog from every schema that a load reads or writes.

    Raises:
        ConfigurationError: it cannot, or the dataset is one of DuckDB's own.
    """
    if dataset.lower() in _DATASETS_OF_DUCKDB:
        raise ConfigurationError(
            f"the dataset {dataset} is DuckDB's own and cannot hold tables: choose another "
            "--dataset."
        )
    # DuckDB names the catalog by the file's name up to its first dot.
    catalog = next(filter(None, path.name.split(".")), "").lower()
    schemas = (dataset, f"{dataset}_staging", "information_schema")
    if taken := next((schema for schema in schemas if schema.lower() == catalog), None):
        what = "dataset" if taken == dataset else "schema"
        raise ConfigurationError(
            f"the DuckDB file {path.name} and the {what} {taken} have the same name, which "
            "DuckDB cannot tell apart: choose another --database or --dataset."
        )


def check_file(path: Path) -> None:
    """The path is that of a DuckDB file, or of none yet.

    Raises:
        ConfigurationError: something else stands there, and is left as it is.
    """
    if path.name == ":memory:":
        raise ConfigurationError(
            "a database in memory is gone when the load ends: name a file with --database."
        )
    if path.is_dir():
        raise ConfigurationError(f"the database {path} is a folder: name a file in it.")
    if path.exists() and not _is_duckdb(path):
        is_empty = path.is_file() and path.stat().st_size == 0
        raise ConfigurationError(
            f"the database {path} is "
            + ("an empty file: delete it" if is_empty else "not a DuckDB file: move it away")
            + ", or name another with --database."
        )


def _is_duckdb(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return True  # who may not read it is told so when it is opened


def is_held(error: BaseException) -> bool:
    """True if the file cannot be opened because another process has it open."""
    words = str(error).lower()
    return "set lock" in words or "being used by another process" in words


class _PatientPool(DuckDbConnectionPool):
    """Connections to a file that other processes hold for short moments."""

    credentials: PatientCredentials

    def borrow_conn(self, *arguments: Any, **more: Any) -> Any:
        """A connection, as soon as no other process holds the file.

        dlt opens and closes the file a dozen times a slice, so that others can read it meanwhile:
        each time somebody may have been quicker.
        """
        trying = Retrying(
            retry=retry_if_exception(is_held),
            stop=stop_after_delay(self.credentials.wait_s),
            wait=wait_fixed(LOOK_AGAIN_S),
            sleep=signals.sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        return trying(super().borrow_conn, *arguments, **more)

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
    """A DuckDB file that is waited for, and checkpointed by `holdings.checkpoint` alone.

    dlt opens and closes the file a dozen times a slice, and each closing would checkpoint; a
    process killed while one is written can leave a damaged file (seen with 1.5.6 and 2.0.0, about
    once in two hundred kills). What is committed is safe in the write-ahead log until then.

    `wait_s`: how long at most, each time; `DESTINATION__DUCKDB__CREDENTIALS__WAIT_S` sets it.
    `memory_limit`: what DuckDB may take before it spills to disk, beside the file; its own default
    is most of the machine. `DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT` sets it.
    """

    wait_s: float = WAIT_S
    memory_limit: str = MEMORY_LIMIT

    def on_resolved(self) -> None:
        """Opens connections patiently, and with bounded memory."""
        super().on_resolved()
        self.global_config = {**(self.global_config or {}), "memory_limit": self.memory_limit}
        self.conn_pool = _PatientPool(self)


@configspec(init=False)
class _PatientConfiguration(DuckDbClientConfiguration):
    credentials: PatientCredentials = None  # type: ignore[assignment]  # as dlt declares it


class _PatientDuckDb(dlt.destinations.duckdb):
    spec = _PatientConfiguration

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.duckdb"


def duckdb_destination(path: Path) -> Any:
    """The dlt destination that loads into this file."""
    return _PatientDuckDb(
        PatientCredentials(
            str(path),
            global_config={"checkpoint_threshold": "4GB"},
            pragmas=["disable_checkpoint_on_shutdown"],
        )
    )
