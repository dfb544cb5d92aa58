"""What processes have resident, as Linux tells; elsewhere nothing.

In: the number of a process. Out: megabytes. Refuses to know what it does.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def resident_mb(process: str = "self") -> float:
    """What a process has resident now, nothing if it has ended."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576
    return 0.0


def unshared_mb(process: str) -> float:
    """What a process has resident beside files, as its libraries are; nothing if it has ended."""
    return _told(process, "RssAnon:")


def peak_mb(process: str = "self") -> float:
    """The most that a process ever had resident, nothing if it has ended."""
    return _told(process, "VmHWM:")


def _told(process: str, name: str) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1_024
    return 0.0


def children() -> list[str]:
    """Those that any thread of this process has begun, and that run a program of their own.

    At first one has all that this process has, for the moment until its program begins.
    """
    found: list[str] = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # which may have ended
            found += (thread / "children").read_text("ascii").split()
    ours = _words_of("self")
    return [process for process in found if _words_of(process) != ours]


def _words_of(process: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""
