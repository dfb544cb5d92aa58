"""A file while it comes, on this machine's disk: the sink that the door writes into.

In: chunks. Out: a whole file with its length and hash. Refuses to know where it goes from here.

What a killed process leaves is thrown away: how much of it reached the disk nobody knows. What was
ended in order is kept for the next load, if the server named the version: the rest of another
version would not fit behind it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest, sha256
from io import BufferedRandom
from pathlib import Path

from feishu_source.errors import FeishuError

COMING, KEPT = ".part", ".rest"
_KEPT_FILES = 64
"""Beginnings of files that are kept at most: so many hundred megabytes of disk, and no more."""


class TooLarge(FeishuError):
    """The file is larger than this load takes; `size` is its length, as far as it is known."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size:,} bytes or more")
        self.size = size


class NoRoom(FeishuError):
    """This machine's disk does not take it."""


class Spool:
    """A folder for files while they come; one process at a time uses it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in folder.glob(f"*{COMING}"):
                left.unlink()
            kept = sorted(folder.glob(f"*{KEPT}"), key=lambda path: path.stat().st_mtime)
            for left in kept[:-_KEPT_FILES]:
                left.unlink()
        except OSError as error:
            raise NoRoom(f"the folder for files under way, {folder}, cannot be used") from error

    def open(self, key: str, most_bytes: int, heed: Callable[[int], None]) -> SpoolFile:
        """A sink for the file of a key, with what an earlier load kept of it.

        `heed` is told the bytes that will follow, and may refuse them.
        """
        return SpoolFile(self._folder, sha256(key.encode()).hexdigest()[:32], most_bytes, heed)


class SpoolFile:
    """One file on its way; the bytes are in `path`."""

    def __init__(
        self, folder: Path, stem: str, most_bytes: int, heed: Callable[[int], None]
    ) -> None:
        self.path = folder / f"{stem}{COMING}"
        self._folder, self._stem = folder, stem
        self._most_bytes = most_bytes
        self._heed = heed
        self._size = 0
        self._announced = 0
        self._etag: str | None = None
        self._file = self._open()

    @property
    def size(self) -> int:
        """Bytes it holds."""
        return self._size

    @property
    def etag(self) -> str | None:
        """The version they are of."""
        return self._etag

    def begin(self, total: int | None, etag: str | None) -> None:
        """Bytes follow. Raises: TooLarge; whatever `heed` raises."""
        self._etag = etag
        if total is not None:
            self._check(total)
            self._announce(total - self._size)

    def write(self, chunk: bytes) -> None:
        """The next bytes. Raises: TooLarge, NoRoom; whatever `heed` raises."""
        self._check(self._size + len(chunk))
        self._announced -= len(chunk)
        self._announce(max(self._announced, 0))  # of a file whose length nobody told, some more
        try:
            self._file.write(chunk)
        except OSError as error:
            raise NoRoom(f"this machine's disk took no more: {error.strerror}") from error
        self._size += len(chunk)

    def restart(self) -> None:
        """Throws away what it holds."""
        self._file.seek(0)
        self._file.truncate()
        self._size, self._etag, self._announced = 0, None, 0

    def finish(self) -> str:
        """Everything is there: its hash, as hex digits of SHA-256, of what the disk holds.

        Raises:
            NoRoom: the disk does not hold it.
        """
        try:
            self._file.seek(0)  # which writes what is still in memory
            digest = file_digest(self._file, "sha256").hexdigest()
            self._file.close()
        except OSError as error:
            raise NoRoom(f"this machine's disk took no more: {error.strerror}") from error
        return digest

    def keep(self) -> None:
        """Ends here, for now: the next load goes on, where that can be done rightly."""
        try:
            if self._size and self._etag and len(self._etag) <= 64:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                name = f"{self._stem}.{self._etag.encode().hex()}{KEPT}"
                self.path.replace(self._folder / name)
        except (OSError, ValueError):  # then it comes whole, another time; as one that is closed
            pass
        self.discard()

    def discard(self) -> None:
        """Nothing of it is needed any more."""
        with suppress(OSError):  # of a disk that is full
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _open(self) -> BufferedRandom:
        try:
            for kept in sorted(self._folder.glob(f"{self._stem}.*{KEPT}")):
                self._etag = bytes.fromhex(kept.name.split(".")[1]).decode()
                kept.replace(self.path)
            # Not for appending, which would write behind what is thrown away.
            file = self.path.open("r+b" if self._etag else "w+b")
        except (OSError, ValueError) as error:
            raise NoRoom(
                f"the folder for files under way, {self._folder}, is not usable"
            ) from error
        self._size = file.seek(0, os.SEEK_END)
        return file

    def _announce(self, more: int) -> None:
        """Tells what will follow beyond what was told before."""
        fresh = max(more - max(self._announced, 0), -min(self._announced, 0), 0)
        self._announced = max(more, 0)
        self._heed(fresh)

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise TooLarge(size)
