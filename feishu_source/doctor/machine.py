"""What this machine has: versions, folders, the lock.

In: paths. Out: findings. Nothing is left behind: a scratch file
is removed at once, a folder that is missing is not made. Refuses to know Feishu.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from filelock import FileLock, Timeout
from packaging.requirements import Requirement

from feishu_source.doctor.findings import Finding, find
from feishu_source.version import VERSION

SHOWN = ("dlt", "duckdb", "pyarrow")


def check_versions() -> Finding:
    """Versions for a bug report; a warning where one lies outside what the package declares."""
    versions = [f"feishu-source {VERSION}", f"Python {platform.python_version()}"]
    versions += [f"{name} {metadata.version(name)}" for name in SHOWN]
    outside = [
        f"{each.name} {metadata.version(each.name)} ({each.specifier})"
        for each in _requirements()
        if not each.specifier.contains(metadata.version(each.name), prereleases=True)
    ]
    told = ", ".join(versions)
    if outside:
        return find("versions.outside", versions=told, outside=", ".join(outside))
    return find("versions.ok", versions=told)


def _requirements() -> Iterator[Requirement]:
    """What the package needs at run time; nothing where it runs from a bare checkout."""
    try:
        declared = metadata.requires("feishu-source") or []
    except metadata.PackageNotFoundError:
        return
    for line in declared:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def check_working_folder(folder: Path) -> Finding:
    """Whether packages can be written there, or in the folder that it would be made in."""
    reason = refusal_to_write(folder)
    if reason:
        return find("working_folder.unwritable", folder=folder, reason=reason)
    return find("working_folder.ok" if folder.is_dir() else "working_folder.new", folder=folder)


def refusal_to_write(folder: Path) -> str | None:
    """Why no file can be made in a folder, in the system's words; None if one can.

    A folder that is missing is judged by the nearest one above it that is there.
    """
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        # Asked by doing it: permissions alone do not tell of read-only file systems and quotas.
        with tempfile.TemporaryFile(prefix=".feishu-check-", dir=there):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def check_lock(path: Path) -> Finding:
    """Whether another load holds the lock. It is held for an instant here, and never made."""
    try:
        if path.exists():
            FileLock(path).acquire(timeout=0).lock.release()
    except Timeout:
        return find("lock.held")
    except OSError:
        return find("lock.unreadable", path=path)
    return find("lock.free")
