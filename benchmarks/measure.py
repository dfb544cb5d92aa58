"""What each contestant prints at its end: rows, seconds, peak memory of its process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(load: Callable[[dict[str, Any], Path], int]) -> None:
    """Times `load(access, folder)`, which returns how many messages it stored."""
    access, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    begun = time.perf_counter()
    messages = load(access, folder)
    seconds = time.perf_counter() - begun
    print(json.dumps({"rate": messages / seconds, "peak_mb": _peak_mb(), "seconds": seconds}))


def _peak_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows has no such account
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_024 if sys.platform != "darwin" else 1_024 * 1_024)
