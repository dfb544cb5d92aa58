"""Breaks each rule of the synchronisation on purpose, and demands that a test notices.

    python -m tests.mutate [WORDS]

In: words that the rules to be broken contain; none for all. Out: a table, and exit code 1 if a rule
can be broken unseen. The tree itself is left alone: each rule is broken in a copy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".hypothesis", "*_cache", "*.duckdb*")
MOST_S = 900
"""A broken rule may make a load endless; every test has a timeout of its own."""

SUITE = (
    "test_names_seen.py",
    "test_user_rows.py",
    "test_people_histories.py",
    "test_histories_found.py",
    "test_counterexamples.py",
    "test_chat_context.py",
    "test_forwards*.py",
    "test_reactions.py",
    "test_coverage*.py",
    "test_batch.py",
    "test_idle.py",
    "test_sync_ladder.py",
    "test_sync_slices.py",
    "test_histories.py",
    "test_sync_*.py",
)
"""In this order, up to the first test that fails: the fast ones first."""


def try_one(mutation: Mutation) -> tuple[Mutation, str | None, float]:
    """The rule, the test that noticed (None if none did), and how long that took.

    Raises:
        RuntimeError: the tests did not even run.
    """
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=NOT_COPIED)
        mutation.apply(root)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *_suite(root)],
            cwd=root,
            env=os.environ | {"FEISHU_NO_SHRINKING": "1"},
            capture_output=True,
            text=True,
            timeout=MOST_S,
            check=False,
        )
    noticed = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(noticed):
        raise RuntimeError(f"{mutation.rule}: the tests did not run\n{done.stdout[-2_000:]}")
    return mutation, noticed and noticed[1], time.monotonic() - started_s


def _suite(root: Path) -> list[str]:
    found = [path for name in SUITE for path in sorted((root / "tests").glob(name))]
    return [str(path.relative_to(root)) for path in dict.fromkeys(found)]


def main(words: list[str]) -> int:
    """Tries the rules, two at a time, and prints what noticed."""
    chosen = [m for m in MUTATIONS if all(word in m.rule for word in words)]
    survived = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for mutation, noticed, took_s in pool.map(try_one, chosen):
            survived += noticed is None
            print(f"{mutation.rule:<64} {noticed or 'NOBODY NOTICED'}  {took_s:.0f} s", flush=True)
    print(f"{len(chosen)} rules broken, {survived} unseen")
    return 1 if survived or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
