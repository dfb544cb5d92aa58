"""What each contestant prints at its end: messages, seconds, rate, peak memory of its process.

In: a function that loads. Out: one line of JSON on stdout. Refuses to know what is loaded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def run(load: Callable[[dict[str, Any], Path], dict[str, Any]]) -> None:
    """Times `load(access, folder)`, which returns its `messages` and what else it has to tell."""
    access, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    print(json.dumps(measured(load, access, folder)))


def measured(
    load: Callable[[dict[str, Any], Path], dict[str, Any]], access: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """The account of one load in this process."""
    begun = time.perf_counter()
    told = load(access, folder)
    seconds = time.perf_counter() - begun
    rate = told["messages"] / seconds
    return {**told, "seconds": seconds, "rate": rate, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory this process ever had resident.

    Linux tells it in VmHWM. `ru_maxrss` would count what the parent had when it started this one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1_024
    try:
        import resource
    except ImportError:  # Windows has no such account
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_024 if sys.platform != "darwin" else 1_024 * 1_024)
