"""How long it takes to import this package and to build the source, beside `import dlt`.

`python -m benchmarks.start [--rounds 9]` runs each of these in fresh processes, one after another,
and takes medians; what is timed begins after the interpreter has started. The source is built in a
process whose sockets refuse to connect. Every module's bytecode is kept, ours too, as where a
package was installed.

A file that uses this package, such as pipelines/load_history.py, is imported by orchestrators every
few seconds. What it takes beyond the third-party modules it loads, imported alone and in the same
order, is ours.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import cache
from typing import Any

from benchmarks.printing import Line, at_most, print_lines, print_machine
from benchmarks.processes import ROOT

MOST_TIMES = 1.3
MOST_OWN_S = 1.0

IMPORT_DLT = "import dlt"

BUILD_ANY = """
import dlt

@dlt.source
def any_source():
    return dlt.resource([1], name="numbers")

any_source()
"""
"""With its first source dlt starts its runtime, which imports `requests`."""

BUILD_SOURCE = """
from feishu_source import feishu_source
feishu_source(app_id="cli_0123456789abcdef", app_secret="0123456789abcdef0123456789abcdef")
"""

FILES = {
    "pipelines/load_history.py": "runpy.run_path('pipelines/load_history.py')",
    "a file with source, load and pipeline": (
        "from feishu_source import feishu_source, load, open_pipeline"
    ),
}

FRAME = """
import json, runpy, socket, sys, sysconfig, time

tried = []

def refuse(*address):
    tried.append(address)
    raise ConnectionRefusedError("this process has no network")

socket.socket.connect = socket.socket.connect_ex = refuse
before = set(sys.modules)
begun = time.perf_counter()
{work}
seconds = time.perf_counter() - begun
homes = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
new = [(name, module) for name, module in sys.modules.items() if name not in before]
origins = [(name, getattr(getattr(m, "__spec__", None), "origin", None) or "") for name, m in new]
third = [name for name, origin in origins if origin.startswith(homes)]
third = [name for name in third if not name.startswith("feishu_source")]
print(json.dumps({{"seconds": seconds, "tried": len(tried), "third": third}}))
"""

IMPORT_ALL = """
from contextlib import suppress
from importlib import import_module
for name in json.loads(sys.argv[1]):
    with suppress(ImportError):
        import_module(name)
"""


def main(arguments: list[str] | None = None) -> None:
    """Prints the account."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    print_machine()
    _print_source(options.rounds)
    for name, work in FILES.items():
        _print_file(name, work, options.rounds)


def _print_source(rounds: int) -> None:
    dlt_s, any_s, ours_s, tried = [], [], [], 0
    for _ in _rounds(rounds):
        dlt_s.append(_run(IMPORT_DLT)["seconds"])
        any_s.append(_run(BUILD_ANY)["seconds"])
        built = _run(BUILD_SOURCE)
        ours_s.append(built["seconds"])
        tried += built["tried"]
    bare, ours = _median(dlt_s), _median(ours_s)
    lines = [
        Line("import dlt", f"{bare:.3f} s"),
        Line("import dlt, build a source of one resource", f"{_median(any_s):.3f} s"),
        Line("import feishu_source, build its source", f"{ours:.3f} s"),
        at_most("  times as long as import dlt", ours / bare, MOST_TIMES),
        Line("  and the shortest round of each", f"{min(ours_s) / min(dlt_s):.2f}"),
        Line("  as building any source", f"{ours / _median(any_s):.2f}"),
        at_most("connections tried meanwhile", tried, 0, ",d"),
    ]
    print_lines("a source that is built", lines)


def _print_file(name: str, work: str, rounds: int) -> None:
    third = json.dumps(_run(work)["third"])
    whole_s, third_s = [], []
    for _ in _rounds(rounds):
        third_s.append(_run(IMPORT_ALL, third)["seconds"])
        whole_s.append(_run(work)["seconds"])
    whole, others = _median(whole_s), _median(third_s)
    lines = [
        Line("imported in", f"{whole:.3f} s"),
        Line(f"  of which {len(json.loads(third)):,} third-party modules", f"{others:.3f} s"),
        at_most("  our own", whole - others, MOST_OWN_S, ".3f", " s"),
    ]
    print_lines(name, lines)


def _rounds(number: int) -> range:
    return range(number + (number > 1))  # one more, which reads files that are not cached yet


def _median(rounds: list[float]) -> float:
    return statistics.median(rounds[1:] or rounds)


@cache
def _keep_bytecode() -> dict[str, str]:
    """The environment in which it is written and found, whatever this process was told."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder.name}


def _run(work: str, *words: str) -> dict[str, Any]:
    """What a fresh process tells of some work."""
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(work=work), *words],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        env=os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false"} | _keep_bytecode(),
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
