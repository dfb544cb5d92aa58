"""What each contestant prints at its end: messages, seconds, rate, peak memory.

In: a function that loads. Out: one line of JSON on stdout. Refuses to know what is loaded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.resident import peak_mb


def run(load: Callable[[dict[str, Any], Path], dict[str, Any]]) -> None:
    """Times `load(access, folder)`, which returns its `messages` and what else it has to tell."""
    access, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    print(json.dumps(measured(load, access, folder)))


def measured(
    load: Callable[[dict[str, Any], Path], dict[str, Any]], access: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """The account of one load in this process, and in those it has begun: `children_mb`."""
    begun = time.perf_counter()
    told = load(access, folder)
    seconds = time.perf_counter() - begun
    rate = told["messages"] / seconds
    peak = own_peak_mb() + told.get("children_mb", 0.0)
    return {**told, "seconds": seconds, "rate": rate, "peak_mb": peak}


def own_peak_mb() -> float:
    """The most memory this process ever had resident.

    Linux tells it in VmHWM. `ru_maxrss` would count what the parent had when it started this one.
    """
    if told := peak_mb():
        return told
    try:
        import resource
    except ImportError:  # Windows has no such account
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_024 if sys.platform != "darwin" else 1_024 * 1_024)
