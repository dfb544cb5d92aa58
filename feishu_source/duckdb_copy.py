"""A copy of the DuckDB file for those who read it while loads write: whole at any moment.

In: a database that this process has closed, and the copy's path. Out: the copy, or why there is
none. Refuses to know dlt, and what is in the database.

DuckDB lets nobody read a file that another process writes. The copy is written beside its path and
renamed onto it, so whoever opens the path finds the copy before or the one after. Who has one open
keeps it until he closes it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from feishu_source.duckdb_file import check_file, check_names
from feishu_source.errors import ConfigurationError
from feishu_source.report import Place

READABLE, WRITABLE = 0o444, 0o222
"""The copy may be read by whoever may read the database, and written by nobody: DuckDB opens a file
for writing where it can, and what was written there would go with the next copy. By this a copy is
told from a database that somebody works with."""


class NotPublished(Exception):
    """There is no new copy; the message says why, and what to do. The one before is whole."""


def check_copy(path: Path, place: Place) -> None:
    """A copy can stand at this path: what is there is a DuckDB file, and not the database.

    Raises:
        ConfigurationError: it cannot.
    """
    if place.database is None:
        raise ConfigurationError(
            f"only a DuckDB file can be published, not {place.destination}: leave out --publish."
        )
    database = Path(place.database).resolve()
    if path == database:
        raise ConfigurationError(
            f"{path} is the database itself: name another file with --publish."
        )
    if _files_of(path) & _files_of(database):
        raise ConfigurationError(
            f"the copy {path} and the database {database.name} would have a file in common, for "
            "each has others beside it that end in .tmp and .wal: name another with --publish."
        )
    check_names(path, place.dataset, "--publish")
    check_file(path, "copy", "--publish")
    if path.exists() and path.stat().st_mode & WRITABLE:
        raise ConfigurationError(
            f"{path} is a DuckDB file that may be written, so it is no copy that a load has made, "
            "and is not replaced: move it away, or name another file with --publish."
        )


def publish(database: Path, path: Path) -> None:
    """Writes a copy of the database, and puts it in the place of the one before.

    Raises:
        NotPublished: the database is written by another process, or the copy cannot be.
    """
    beside = _beside(path, ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(database, beside)
        # A copy that was opened for writing, as root may, leaves a log that is not the next one's.
        _beside(path, ".wal").unlink(missing_ok=True)
        if os.name == "nt" and path.exists():
            path.chmod(WRITABLE)  # else Windows refuses to replace it
        beside.replace(path)
    except OSError as error:
        _remove(beside)
        raise NotPublished(
            f"the copy {path} could not be written ({error.strerror}); the one before stays. Next "
            "step: make room and leave to write in its folder; the next load publishes again."
        ) from error
    except duckdb.Error as error:
        raise NotPublished(
            f"{database} is open elsewhere, or damaged, and was not copied to {path}; the copy "
            "before stays. Next step: close it; the next load publishes again."
        ) from error


def _write(database: Path, beside: Path) -> None:
    beside.unlink(missing_ok=True)  # of a load that was killed
    beside.touch(mode=0o600)
    # Who reads keeps others from writing: until the copy is closed, nothing changes in the file.
    # Closing it gives up the lock of this process, so nothing is read of it after that.
    with duckdb.connect(str(database), read_only=True):
        if _beside(database, ".wal").exists():
            raise duckdb.IOException("something was written since the load")
        shutil.copyfile(database, beside)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.chmod(database.stat().st_mode & READABLE)


def _files_of(path: Path) -> set[Path]:
    """A file, and what is written and removed beside it, by DuckDB or here."""
    return {path, _beside(path, ".tmp"), _beside(path, ".wal")}


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove(beside: Path) -> None:
    """What was written so far, as far as the system lets it: a full disk needs the room."""
    try:
        beside.unlink(missing_ok=True)
    except OSError:
        return
