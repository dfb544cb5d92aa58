"""All that a load leaves behind where somebody may look: written, logged, raised, filed, loaded.

In: loads as they end. Out: texts by place, and the places where a word stands. Refuses to know
which words are secret.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import logging
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

LOGGERS = ("", "dlt", "feishu_source", "urllib3", "filelock")
"""The root hears those that propagate; the others may be told not to."""


def plain(data: bytes) -> str:
    """The bytes as text, with what is inside if they are gzip, Parquet or dlt's packed state."""
    if data.startswith(b"\x1f\x8b"):
        return plain(gzip.decompress(data))
    if data.startswith(b"PAR1"):
        return repr(pq.read_table(io.BytesIO(data)).to_pylist())
    text = data.decode("utf-8", "backslashreplace")
    try:
        return text + zlib.decompress(base64.b64decode(data, validate=True)).decode()
    except (binascii.Error, zlib.error):
        return text


def raised(error: BaseException) -> str:
    """An exception with all it hangs on to: causes, contexts, arguments, notes, traceback."""
    texts, left, seen = [], [error], set[int]()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        texts += [str(each), repr(each), repr(each.args), repr(vars(each))]
        texts += traceback.format_exception(each)
        inner = (each.__cause__, each.__context__, *vars(each).values(), *each.args)
        left += [cause for cause in inner if isinstance(cause, BaseException)]
    return "\n".join(texts)


@dataclass
class Evidence:
    """Texts by the place where they were found, as (load, kind of place, name)."""

    texts: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def errors(self) -> dict[str, str]:
        """Of each load that ended with an error, its kind."""
        return {load: kind for load, where, kind in self.texts if where == "error"}

    def places(self, word: str) -> list[tuple[str, str, str]]:
        """Where the word stands."""
        return [place for place, text in self.texts.items() if word in text]

    @contextmanager
    def of_load(self, name: str, folder: Path) -> Iterator[None]:
        """Collects what is written, logged, raised and filed while the block runs.

        An exception ends the block and goes no further.
        """
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), heard() as log:
            try:
                yield
            except Exception as error:
                self.texts[name, "error", type(error).__name__] = raised(error)
        self.texts[name, "written", "stdout"] = out.getvalue()
        self.texts[name, "written", "stderr"] = err.getvalue()
        self.texts[name, "logged", "all loggers"] = log.getvalue()
        self.add_files(name, folder)

    def add_files(self, name: str, folder: Path) -> None:
        """Every file below a folder."""
        for path in filter(Path.is_file, folder.rglob("*")):
            self.texts[name, "file", path.relative_to(folder).as_posix()] = plain(path.read_bytes())

    def add_tables(self, name: str, database: Path) -> None:
        """Every column of every table of every schema."""
        with duckdb.connect(str(database), read_only=True) as connection:
            names = connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
            for schema, table in names:
                rows = connection.execute(f'select * from "{schema}"."{table}"').fetchall()
                cells = [plain(str(cell).encode()) for row in rows for cell in row]
                self.texts[name, "table", f"{schema}.{table}"] = "\n".join(cells)


@contextmanager
def heard() -> Iterator[io.StringIO]:
    """Everything that any logger says, at every level, with its exceptions."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    kept = [(one, one.level, one.handlers[:], one.propagate) for one in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    try:
        yield log
    finally:
        for logger, level, handlers, propagate in kept:  # the command line sets its own
            logger.setLevel(level)
            logger.handlers[:], logger.propagate = handlers, propagate
