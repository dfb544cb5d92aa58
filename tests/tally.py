"""What the random histories of a run amounted to: counted where it happens, told at its end.

In: names, one for each thing that happened. Out: a line for the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

COUNTED: Counter[str] = Counter()
"""In this process; `tests.conftest` adds up what the processes of a run counted."""

NAMES = (
    "histories",
    "loads",
    "slices",
    "kills",
    "faults",
    "requests",
    "refused or lost",
    "judged late",
)


def sentence(counted: Mapping[str, int]) -> str:
    """All figures in one line."""
    return ", ".join(f"{counted.get(name, 0):,} {name}" for name in NAMES)
