"""How much memory a first load takes, and that a larger history takes no more.

`python -m benchmarks.memory [--messages 1000000] [--shape NAME]...` loads so many messages, and a
fifth of them, into empty DuckDB files, each load in a fresh process beside a tenant in a process of
its own: spread over many chats, and all in one chat. The peak is the process's VmHWM, and what the
one it begins for parsing has at most beside the libraries of both. Where it comes is sampled: while
messages are only read, or while the destination takes a slice in, when the reading goes on ahead;
and what was resident at the begin of the first slice and of the last one tells whether anything
heaps up.
"""

from __future__ import annotations

import argparse

from benchmarks.printing import Line, at_most, print_lines, print_machine
from benchmarks.processes import Account, run_fresh, tenant

MOST_MB = 600.0
MOST_GROWTH = 1.15
FEWER = 5

SHAPES = {"many chats": 500, "one chat": 1}


def main(arguments: list[str] | None = None) -> None:
    """Measures each shape with few and with many messages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--shape", action="append", choices=SHAPES, help="default: all")
    options = parser.parse_args(arguments)
    print_machine()
    for shape in options.shape or SHAPES:
        few, many = (
            _measure(number, SHAPES[shape])
            for number in (options.messages // FEWER, options.messages)
        )
        lines = [
            *_lines(options.messages // FEWER, few),
            *_lines(options.messages, many),
            at_most("growth of the peak", many["peak_mb"] / few["peak_mb"], MOST_GROWTH),
        ]
        print_lines(f"memory of a first load: {shape}", lines)


def _measure(messages: int, chats: int) -> Account:
    with tenant(seed=7, messages=messages, chats=chats) as access:
        return run_fresh("feishu_source", access)


def _lines(messages: int, account: Account) -> list[Line]:
    peaks, slices = account["peaks_mb"], account["slices_mb"]
    lines = [at_most(f"{messages:,} messages: peak", account["peak_mb"], MOST_MB, ",.0f", " MB")]
    for phase, what in (("messages", "while reading"), ("loading", "while loading")):
        if phase in peaks:  # a short load may pass unsampled
            lines.append(Line(f"  {what}", f"{peaks[phase]:,.0f} MB"))
    children = account["children_mb"]
    lines.append(Line("  of the peak, the process that parses", f"{children:,.0f} MB"))
    if slices:
        ends = f"{slices[0]:,.0f}, {slices[-1]:,.0f} MB"
        lines.append(Line(f"  at the begin of the first of {len(slices)} slices, the last", ends))
    lines.append(Line("  seconds", f"{account['seconds']:,.0f}", f"({account['rate']:,.0f}/s)"))
    return lines


if __name__ == "__main__":
    main()
