"""What a destination says when it refuses, told so that somebody can act and no message is quoted.

In: any exception that a load ended with. Out: an error of this package with its next step.
Refuses to know Feishu.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import dlt
from dlt.common.destination.exceptions import DestinationException

from feishu_source.destination import NOT_CONFIGURED, describe
from feishu_source.duckdb_destination import is_held
from feishu_source.errors import ConfigurationError, DestinationError, FeishuError, causes
from feishu_source.open_files import is_out_of_memory
from feishu_source.report import Place
from feishu_source.tables import TABLES

_ERRORS_OF_DRIVERS = ("DatabaseError", "InterfaceError")
"""As every driver for Python calls them. Source: https://peps.python.org/pep-0249/#exceptions"""

_SIGNS_OF_RACES = (
    *("already exists", "duplicate key value", "concurrently updated"),
    *("deadlock detected", "deadlock found"),  # PostgreSQL's and MySQL's words: one of both goes on
)
_SIGNS_OF_NO_ENTRY = (
    *("connection refused", "could not connect", "failed to connect", "could not translate host"),
    *("connection to server", "invalid dsn", "authentication failed", "access denied"),
    *("no pg_hba.conf entry", "timeout expired"),
)

_SIGNS_OF_A_LOST_CONNECTION = (
    *("server closed the connection", "terminating connection", "connection already closed"),
    *("connection has been closed", "connection is closed", "connection reset", "broken pipe"),
    *("lost connection to", "server has gone away", "no connection to the server"),
    *("could not receive data from server", "could not send data to server"),
    *("the database system is shutting down", "the database system is starting up"),
)
"""Words of PostgreSQL, its client libpq, MySQL's clients, and the operating system."""

_KEPT_OUT = re.compile(r'connection to server at ".*?", port \d+ failed: (?P<why>.*)')
"""How PostgreSQL's client says that it was not let in: no message has been sent by then."""

_NO_TABLE = re.compile(r"no such table|(relation|table) .*(does not|doesn't) exist")
"""How databases say, in lower case, that there is no such table."""

_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}

_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_FIRST_TO_LAST_QUOTE = re.compile(r"""["'].*["']""")


def is_refusal(error: BaseException) -> bool:
    """True if a destination's exception is among the causes: its words may quote messages."""
    return any(
        isinstance(cause, DestinationException)
        or any(base.__name__ in _ERRORS_OF_DRIVERS for base in type(cause).__mro__)
        for cause in causes(error)
    )


def is_race(error: BaseException) -> bool:
    """True if another process made or wrote the same tables at the same moment, and came first."""
    return any(sign in str(cause).lower() for cause in causes(error) for sign in _SIGNS_OF_RACES)


@contextmanager
def discreet_logs() -> Iterator[None]:
    """While this lasts, dlt logs a destination's exception without its text, which `explain` tells.

    That text may quote what could not be loaded: the words of a message.
    """
    logger = logging.getLogger("dlt")
    logger.addFilter(_keep_first_line)
    try:
        yield
    finally:
        logger.removeFilter(_keep_first_line)


def _keep_first_line(record: logging.LogRecord) -> bool:
    record.msg, record.args = (record.getMessage().splitlines() or [""])[0], ()
    record.exc_info = record.exc_text = None
    return True


def explain(error: BaseException, pipeline: dlt.Pipeline) -> FeishuError:
    """What a destination's refusal means for whoever runs the load.

    Only its first line is told, for what follows may hold SQL with the words of messages, and of
    that line nothing in quotes that is not the name of a thing here.
    """
    chain = causes(error)
    root = chain[-1]
    place = describe(pipeline)
    where = place.database or f"{place.destination}, dataset {place.dataset}"
    words = tell_refusal(root, place)
    if any(isinstance(cause, NOT_CONFIGURED) for cause in chain):
        return ConfigurationError(
            f"{where} cannot be loaded into as configured: {words}. Next step: set what is missing "
            f"under [destination.{place.destination}] in .dlt/secrets.toml, or in the environment "
            f"as DESTINATION__{place.destination.upper()}__…"
        )
    if not is_refusal(error) and isinstance(root, OSError) and root.errno in _OF_A_DISK:
        return DestinationError(
            f"could not write to {pipeline.pipelines_dir}: {words}. What was loaded before stays. "
            "Next step: make room there, or let this user write there, and run the load again: "
            "what was not loaded is read again."
        )
    if not is_refusal(error):
        return FeishuError(
            f"this was not foreseen: {type(root).__name__}: {words}. What was loaded before "
            "stays. Next step: run the load again; if it fails again, report it with what "
            "--log-level debug shows."
        )
    return DestinationError(
        f"could not load into {where}: {type(root).__name__}: {words}. {_advice(root, place)}"
    )


def tell_refusal(error: BaseException, place: Place) -> str:
    """The first line of a destination's words, without quoted values that are no names of ours."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    where = place.database or f"{place.destination}, dataset {place.dataset}"
    line = (str(error).strip().splitlines() or [""])[0]
    tables = {f"{place.dataset}.{table}" for table in TABLES}
    return _without_values(line, {where, place.dataset} | tables)[:300].rstrip(".")


def _without_values(line: str, names: set[str]) -> str:
    known = names | TABLES.keys() | {name for table in TABLES.values() for name in table.names}
    if kept_out := _KEPT_OUT.match(line):
        # A password with signs that a URL has for itself may stand for a host, no name has those.
        line = _QUOTED.sub(lambda match: _if_a_name(match[0]), kept_out["why"])
        return f"the server could not be entered: {line}"
    quoted = {match[2] for match in _QUOTED.finditer(line)}
    # A value may hold quotes itself, so nothing between the first and the last one is kept.
    return line if quoted <= known else _FIRST_TO_LAST_QUOTE.sub("[…]", line)


def _if_a_name(quoted: str) -> str:
    return quoted if re.fullmatch(r"[\w.-]+", quoted[1:-1]) else "[…]"


def is_damage(words: str) -> bool:
    """True if DuckDB says, in lower case, that the file itself is broken."""
    signs = ("corrupt", "not a valid duckdb", "could not read enough bytes", "checksum")
    return any(sign in words for sign in signs)


def _advice(error: BaseException, place: Place) -> str:
    words = str(error).lower()
    if is_damage(words):
        return (
            "Next step: the database file is damaged, as DuckDB's can be when its process is "
            "killed while it writes. Restore a copy, or move the file away: the next load brings "
            "up to date what it finds."
        )
    if place.destination == "duckdb" and is_out_of_memory(error):
        return (
            "Next step: give DuckDB more memory with "
            "DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT, and run the load again: it begins "
            "with what could not be loaded. Shorter slices, with SOURCES__FEISHU__SLICE_MESSAGES, "
            "need less from then on."
        )
    if is_held(error):
        return "Next step: another process has the database open; close it and run again."
    if any(sign in words for sign in _SIGNS_OF_A_LOST_CONNECTION):
        return (
            "Next step: none but the next load, which goes on from what was loaded: the server "
            "ended the connection. If it happens again, see in the server's log why: a restart, an "
            "administrator, a time limit, or a firewall in between."
        )
    if any(sign in words for sign in _SIGNS_OF_NO_ENTRY):
        return (
            "Next step: see that the server runs and can be reached, and that host, port, "
            "database, user and password are right, under [destination.….credentials] in "
            ".dlt/secrets.toml or in the environment as DESTINATION__…__CREDENTIALS."
        )
    if _NO_TABLE.search(words):
        return (
            "Next step: a table that earlier loads made is gone. Restore it from a copy, or drop "
            "the whole dataset: the next load fills it anew."
        )
    if "permission" in words and place.database is None:
        return "Next step: let this user make schemas and tables there, and change them."
    if "unable to open database file" in words:  # SQLite's
        return "Next step: make the folder of the database, and let this user write in it."
    if "permission" in words or "read-only" in words or "cannot open" in words:
        return "Next step: make the database and its folder writable, or name another --database."
    return "Next step: mend this and run the load again; what was loaded before stays."
