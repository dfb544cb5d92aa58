"""The folder or bucket that files go to, through the filesystem layer that dlt itself uses.

In: a path or URL; credentials as dlt's filesystem destination finds them. Out: files under the hash
of their content. Refuses to know what they are.

A name is put in place in one step, behind a whole file: an object in a bucket appears when its last
part was taken, elsewhere a file is copied beside its place and moved there. So no half file ever
has a final name, whatever is killed when; and what was put twice is there once.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable
from os import replace as put_in_place
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.exceptions import DltException
from dlt.common.storages import fsspec_from_config
from dlt.common.storages.configuration import FilesystemConfiguration

from feishu_source.errors import ConfigurationError, DestinationError, first_line
from feishu_source.settings import DAY_S

T = TypeVar("T")

SECTIONS = ("destination", "filesystem")
"""Where the credentials of a bucket stand, the same as those of dlt's own destination."""

_BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "azure"}
"""Kinds of storage in which an object appears whole or not at all, and is never moved cheaply."""


UNFINISHED = ".part"
"""The folder of files that are still being copied; a killed load may leave one there."""


class Store:
    """Files under their hash, `ab/ab12…`; any thread may put one."""

    def __init__(self, config: FilesystemConfiguration, filesystem: Any, root: str) -> None:
        self._config = config
        self._fs = filesystem
        self._root = root.rstrip("/\\")
        self._is_local = config.is_local_filesystem
        self._is_bucket = config.protocol in _BUCKETS

    def __str__(self) -> str:
        return str(Path(self._root)) if self._is_local else str(self._config)

    @property
    def folder(self) -> Path | None:
        """Where files go on this machine; None for other storage."""
        return Path(self._root) if self._is_local else None

    def put(self, source: Path, digest: str, size: int) -> str:
        """Where the file with this hash is, once it is there: a path, or a URL.

        Raises:
            DestinationError: it could not be put there.
        """
        return self._guarded(lambda: self._put(source, digest, size))

    def try_to_write(self) -> None:
        """Puts a file there and takes it away again.

        Raises:
            DestinationError: that cannot be done.
        """
        self._guarded(self._try_to_write)

    def _put(self, source: Path, digest: str, size: int) -> str:
        folder = f"{self._root}/{digest[:2]}"
        target = f"{folder}/{digest}"
        if not self._holds(target, size):
            part = f"{self._root}/{UNFINISHED}/{secrets.token_hex(8)}"
            if self._is_local:
                _copy(source, Path(part))
                Path(folder).mkdir(exist_ok=True)
                put_in_place(part, target)
            elif self._is_bucket:
                self._fs.put_file(str(source), target)
            else:
                self._fs.makedirs(f"{self._root}/{UNFINISHED}", exist_ok=True)
                self._fs.makedirs(folder, exist_ok=True)
                self._fs.put_file(str(source), part)
                self._fs.mv(part, target)
            self._fs.invalidate_cache(folder)
            if not self._holds(target, size):
                raise OSError("what was written there is not there, or not all of it")
        if self._is_local:
            return str(Path(target))
        return _without_password(self._config.make_url(target))

    def _holds(self, target: str, size: int) -> bool:
        try:
            return bool(self._fs.info(target)["size"] == size)
        except FileNotFoundError:
            return False

    def _try_to_write(self) -> None:
        if not self._is_bucket:
            self._fs.makedirs(self._root, exist_ok=True)
        scratch = f"{self._root}/feishu_check_{secrets.token_hex(6)}"
        self._fs.pipe_file(scratch, b"")
        self._fs.rm_file(scratch)
        if self._is_local:
            for left in Path(self._root, UNFINISHED).glob("*"):
                if left.stat().st_mtime < time.time() - DAY_S:  # of a process that was killed
                    left.unlink(missing_ok=True)

    def _guarded(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except Exception as error:  # each kind of storage raises its own
            raise DestinationError(
                f"files cannot be written to {self}: {type(error).__name__}: {first_line(error)}. "
                "Next step: see that the place is there and may be written to; credentials of a "
                "bucket stand under [destination.filesystem.credentials]."
            ) from error


def open_store(place: str) -> Store:
    """The store at a path or URL; nothing is written yet.

    Raises:
        ConfigurationError: it cannot be a place for files, or what it needs is missing.
    """
    try:
        spec = FilesystemConfiguration(bucket_url=os.path.expanduser(place))
        config = resolve_configuration(spec, sections=SECTIONS)
        filesystem, root = fsspec_from_config(config)
    except (ConfigurationException, DltException, ValueError) as error:
        raise ConfigurationError(
            f"files cannot go to the place that is set: {type(error).__name__}: "
            f"{first_line(error)}. Write a folder, or a URL such as s3://bucket/folder; its "
            "credentials stand under [destination.filesystem.credentials]."
        ) from error
    return Store(config, filesystem, root)


def _without_password(url: str) -> str:
    """A URL that may be told: those of some kinds hold a password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}@{host}").geturl()


def _copy(source: Path, part: Path) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as whole, part.open("wb") as copy:
        shutil.copyfileobj(whole, copy, 1024 * 1024)
        copy.flush()
        os.fsync(copy.fileno())  # else a name may survive a loss of power, and its bytes not
