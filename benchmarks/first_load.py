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
import statistics

from benchmarks.printing import print_machine
from benchmarks.processes import Account, run_fresh, tenant

CONTESTANTS: dict[str, tuple[str, dict[str, str]]] = {
    "feishu_source": ("feishu_source", {}),
    "bare loop": ("bare_loop", {}),
    "rest_api": ("rest_api", {}),
    "rest_api, Parquet": ("rest_api", {"PARQUET": "1"}),
}
"""Each with its script and what it finds in the environment."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the rounds and prints the table."""
    options = _parse(arguments)
    print_machine()
    results: dict[str, list[Account]] = {name: [] for name in CONTESTANTS}
    with tenant(seed=1, messages=options.messages, chats=50, days=365) as access:
        for _ in range(options.rounds):
            for name, (script, environment) in CONTESTANTS.items():
                results[name].append(run_fresh(script, access, environment))
    _print(results, options)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(arguments)


def _print(results: dict[str, list[Account]], options: argparse.Namespace) -> None:
    print(f"\nfirst load of {options.messages:,} messages into DuckDB, {options.rounds} rounds")
    print(f"  {'':18}{'messages/s':>12}{'of ours':>10}{'peak MB':>10}")
    ours = _median(results["feishu_source"], "rate")
    for name in CONTESTANTS:
        rate, peak = _median(results[name], "rate"), _median(results[name], "peak_mb")
        print(f"  {name:18}{rate:12,.0f}{rate / ours:10.2f}{peak:10,.0f}")
    print(flush=True)


def _median(rounds: list[Account], name: str) -> float:
    return float(statistics.median(one[name] for one in rounds))


if __name__ == "__main__":
    main()
