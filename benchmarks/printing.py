"""Tables of figures, each beside its target: what was measured, what was seen, whether it is met.

In: lines. Out: text for people. Refuses to know how anything was measured.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One figure; without a target it is there for comparison."""

    what: str
    seen: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        return {None: "", True: "met", False: "MISSED"}[self.met]


def at_most(what: str, seen: float, bound: float, form: str = ".2f", unit: str = "") -> Line:
    """A figure that must not exceed a bound."""
    return Line(what, f"{seen:{form}}{unit}", f"<= {bound:{form}}{unit}", seen <= bound)


def at_least(what: str, seen: float, bound: float, form: str = ".2f", unit: str = "") -> Line:
    """A figure that must reach a bound."""
    return Line(what, f"{seen:{form}}{unit}", f">= {bound:{form}}{unit}", seen >= bound)


def print_machine() -> None:
    """When and where this was measured, and how busy the machine was with other things."""
    parts = [f"{datetime.now(UTC):%Y-%m-%d}", f"{os.cpu_count()} x {_processor()}"]
    parts.append(f"Python {platform.python_version()}")
    parts += [f"{name} {version(name)}" for name in ("duckdb", "dlt")]
    with suppress(AttributeError, OSError):  # Windows does not tell
        parts.append(f"load average {os.getloadavg()[0]:.1f}")
    print(", ".join(parts), flush=True)


def print_lines(title: str, lines: Sequence[Line]) -> None:
    """A table under its title."""
    print(f"\n{title}")
    columns = [[line.what, line.seen, line.target, line.verdict] for line in lines]
    widths = [max(len(row[place]) for row in columns) for place in range(3)]
    for what, seen, target, verdict in columns:
        row = f"  {what:{widths[0]}}  {seen:>{widths[1]}}  {target:<{widths[2]}}  {verdict}"
        print(row.rstrip())
    print(flush=True)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
