"""What a reader of the DuckDB file meets while a first load writes it.

`python -m benchmarks.readers [--messages 250000] [--tenant NAME]...` loads a tenant in a process of
its own. Meanwhile this process opens the file to read it, as an analyst's script does, twenty times
a second, and notes whether it could. One tenant enforces the API's limit, 1,000 requests a minute,
and answers in 50 to 300 ms; the other one answers as fast as it can. At the end the file is copied
for readers, as `--publish` does.

A reader that has the file open keeps the load waiting, a tenth of a second each time: so these
loads take a little longer than others.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.at_the_limit import DEFAULTS, LATENCY_MS, many_chats
from benchmarks.printing import Line, print_lines, print_machine
from benchmarks.processes import finish, start, tenant
from feishu_source.duckdb_copy import publish
from feishu_source.sandbox import Sandbox

PERIOD_S = 0.05
MEGABYTE = 1_048_576


@dataclass(frozen=True, slots=True)
class Look:
    """One attempt to open the file: when, in monotonic seconds, and whether it was locked."""

    at_s: float
    locked: bool


@contextmanager
def at_the_limit(messages: int) -> Iterator[dict[str, Any]]:
    """A tenant with the API's limit; how to reach it, and the source's default settings."""
    with Sandbox(many_chats(messages), rate_limit=True, latency_ms=LATENCY_MS) as sandbox:
        names = ("base_url", "app_id", "app_secret")
        yield {name: getattr(sandbox, name) for name in names} | {"settings": DEFAULTS}


def without_limit(messages: int) -> AbstractContextManager[dict[str, Any]]:
    """A tenant in a process of its own."""
    return tenant(seed=1, messages=messages, chats=50, days=365, thread_groups=False)


TENANTS: dict[str, Callable[[int], AbstractContextManager[dict[str, Any]]]] = {
    "at the API's limit": at_the_limit,
    "without limit": without_limit,
}


def look(database: Path, process: subprocess.Popen[bytes]) -> list[Look]:
    """Opens the file again and again from when it is there to the end of the load."""
    looks: list[Look] = []
    while process.poll() is None:
        if database.exists():
            looks.append(Look(time.monotonic(), _is_locked(database)))
        time.sleep(PERIOD_S)
    return looks


def _is_locked(database: Path) -> bool:
    try:
        with duckdb.connect(str(database), read_only=True):
            return False
    except duckdb.IOException:
        return True


def locked_spans(looks: list[Look]) -> list[float]:
    """For how long each time nobody could open the file: to the attempt after, in seconds."""
    spans, ends = [], [*(one.at_s for one in looks[1:]), looks[-1].at_s + PERIOD_S]
    for locked, group in groupby(zip(looks, ends, strict=True), key=lambda pair: pair[0].locked):
        members = list(group)
        if locked:
            spans.append(members[-1][1] - members[0][0].at_s)
    return spans


def measure(name: str, messages: int) -> None:
    """One load with a reader beside it, and a copy at its end."""
    with tempfile.TemporaryDirectory() as folder, TENANTS[name](messages) as access:
        process = start("feishu_source", access, Path(folder))
        database = Path(folder) / "history.duckdb"
        looks = look(database, process)
        account = finish(process)
        begun = time.perf_counter()
        publish(database, Path(folder) / "copy.duckdb")
        copied_s = time.perf_counter() - begun
        size_mb = database.stat().st_size / MEGABYTE
    spans = locked_spans(looks)
    all_s = looks[-1].at_s - looks[0].at_s
    slices = len(account["slices_mb"])
    lines = [
        Line("time of the load, slices", f"{all_s:,.1f} s, {slices}"),
        Line("share in which the file is locked", f"{sum(spans) / all_s:.1%}"),
        Line("locked for, a slice", f"{sum(spans) / max(1, slices):.1f} s"),
        Line("  at most without a break", f"{max(spans, default=0.0):.1f} s"),
        Line("attempts, refused", f"{len(looks):,}, {sum(one.locked for one in looks):,}"),
        Line("copy of the file at the end", f"{copied_s:.2f} s for {size_mb:,.0f} MB"),
    ]
    print_lines(f"a reader beside a first load of {account['messages']:,} messages, {name}", lines)


def main(arguments: list[str] | None = None) -> None:
    """Measures the tenants one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=250_000)
    parser.add_argument("--tenant", action="append", choices=TENANTS, help="default: all")
    options = parser.parse_args(arguments)
    print_machine()
    for name in options.tenant or TENANTS:
        measure(name, options.messages)


if __name__ == "__main__":
    main()
