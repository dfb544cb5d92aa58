"""How fast a first load is, beside other ways to do it.

`python -m benchmarks.first_load [--messages 100000] [--rounds 3]` starts a tenant in a process of
its own, without rate limit, and loads it in turn by each contestant, each in a fresh process into
an empty DuckDB file. It prints the median of the rounds, and ratios. What everybody imports is
imported before the clock starts.

There are two tenants: one whose groups are ordinary, where a tenth of the messages are replies in
threads, which the targets are for; and one where one chat in seven is a group in the form of
threads, each message a thread to be asked for, so that requests weigh most.

The bare loop is the floor: one thread, requests, orjson, pyarrow, DuckDB; no parsing of bodies, no
child tables, no state, no merge. `rest_api` is what dlt's own declarative source does, as most
would write it, and told to load through Parquet: types are inferred, bodies are not parsed.
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.printing import Line, at_least, print_lines, print_machine
from benchmarks.processes import Account, run_fresh, tenant
from feishu_source.sandbox.items import KEPT_ITEMS

CONTESTANTS: dict[str, tuple[str, dict[str, str]]] = {
    "feishu_source": ("feishu_source", {}),
    "bare loop": ("bare_loop", {}),
    "rest_api": ("rest_api", {}),
    "rest_api, Parquet": ("rest_api", {"PARQUET": "1"}),
}
"""Each with its script and what it finds in the environment."""

WARM_UP = ("feishu_source", "bare_loop")
"""Who asks for every item before the rounds, with names of senders and without them: the tenant
makes an item when it is first asked for in a form, which costs whoever asks first."""

MOST_MESSAGES = KEPT_ITEMS // 2
"""The tenant keeps no more in two forms; others are made in each round."""

TARGETS = {"bare loop": 0.6, "rest_api": 7.0, "rest_api, Parquet": 2.0}
"""How many times as fast as these this source is to be."""

TENANTS: dict[str, dict[str, bool]] = {
    "a tenth in threads": {"thread_groups": False},
    "groups in the form of threads": {},
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the rounds and prints a table for each tenant."""
    options = _parse(arguments)
    print_machine()
    for name, shape in TENANTS.items():
        results: dict[str, list[Account]] = {name: [] for name in CONTESTANTS}
        size = {"seed": 1, "messages": options.messages, "chats": 50, "days": 365}
        with tenant(**size, **shape) as access:
            for script in WARM_UP:
                run_fresh(script, access)
            for _ in range(options.rounds):
                for contestant, (script, environment) in CONTESTANTS.items():
                    results[contestant].append(run_fresh(script, access, environment))
        what = f"first load of {options.messages:,} messages, {name}, {options.rounds} rounds"
        print_lines(what, _lines(results, is_judged=shape != {}))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    if options.messages > MOST_MESSAGES:
        parser.error(f"at most {MOST_MESSAGES:,} messages: of more the tenant keeps none ready")
    return options


def _lines(results: dict[str, list[Account]], is_judged: bool) -> list[Line]:
    rates = {name: _median(rounds, "rate") for name, rounds in results.items()}
    lines = [
        Line(f"{name}, messages/s and peak MB", f"{rates[name]:,.0f} {peak:,.0f}")
        for name in CONTESTANTS
        for peak in [_median(results[name], "peak_mb")]
    ]
    for name, target in TARGETS.items():
        ratio, what = rates["feishu_source"] / rates[name], f"feishu_source to {name}"
        lines.append(at_least(what, ratio, target) if is_judged else Line(what, f"{ratio:.2f}"))
    return lines


def _median(rounds: list[Account], name: str) -> float:
    return float(statistics.median(one[name] for one in rounds))


if __name__ == "__main__":
    main()
