"""How fast a first load is, beside other ways to do it.

`python -m benchmarks.first_load [--messages 100000] [--rounds 3]` starts a tenant in a process of
its own, without rate limit, and loads it in turn by each contestant, each in a fresh process into
an empty DuckDB file. It prints the median of the rounds, and ratios.

The bare loop is the floor: one thread, requests, orjson, pyarrow, DuckDB; no parsing of bodies, no
child tables, no state, no merge. `rest_api` is what dlt's own declarative source does, as most
would write it, and told to load through Parquet: types are inferred, bodies are not parsed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CONTESTANTS: dict[str, tuple[str, dict[str, str]]] = {
    "feishu_source": ("feishu_source", {}),
    "bare loop": ("bare_loop", {}),
    "rest_api": ("rest_api", {}),
    "rest_api, Parquet": ("rest_api", {"PARQUET": "1"}),
}
"""Each with its script and what it finds in the environment."""


def main() -> None:
    """Runs the rounds and prints the table."""
    options = _parse()
    tenant = subprocess.Popen(
        [
            *(sys.executable, "-m", "feishu_source.sandbox", "--port", "0", "--seed", "1"),
            *("--messages", str(options.messages), "--chats", "50", "--days", "365"),
        ],
        stdout=subprocess.PIPE,
    )
    assert tenant.stdout is not None
    access = json.loads(tenant.stdout.readline())
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    try:
        for _ in range(options.rounds):
            for name in CONTESTANTS:
                results[name].append(_measure(name, access))
    finally:
        tenant.terminate()
        tenant.communicate()
    _print(results, options)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _measure(name: str, access: dict[str, Any]) -> dict[str, float]:
    """One run of one contestant: messages, seconds, peak memory in MB."""
    script, environment = CONTESTANTS[name]
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", f"benchmarks.{script}", json.dumps(access), folder]
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parent.parent,
            env=os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false"} | environment,
        )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _print(results: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}")
    print(f"first load of {options.messages:,} messages into DuckDB, {options.rounds} rounds\n")
    print(f"{'':18}{'messages/s':>12}{'of ours':>10}{'peak MB':>10}")
    ours = _median(results["feishu_source"], "rate")
    for name in CONTESTANTS:
        rate, peak = _median(results[name], "rate"), _median(results[name], "peak_mb")
        print(f"{name:18}{rate:12,.0f}{rate / ours:10.2f}{peak:10,.0f}")


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(one[name] for one in rounds)


if __name__ == "__main__":
    main()
