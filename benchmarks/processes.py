"""Processes of their own: a tenant, and each contestant fresh, so that none profits from another.

In: the size of a tenant, the name of a script. Out: how to reach the one, what the other printed.
Refuses to know what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

Account = dict[str, Any]
"""What a contestant prints at its end: `messages`, `seconds`, `rate`, `peak_mb`, and its own."""


@contextmanager
def tenant(**size: object) -> Iterator[dict[str, Any]]:
    """A tenant without rate limit in a process of its own: how to reach it, until the block ends.

    `size`: the options of `python -m feishu_source.sandbox`, as `messages=1000`.
    """
    words = [_option(name, value) for name, value in size.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "feishu_source.sandbox", "--port=0", *words],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


def _option(name: str, value: object) -> str:
    name = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"


def start(
    script: str,
    access: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A contestant in a process of its own, working in a folder."""
    words = [sys.executable, "-m", f"benchmarks.{script}", json.dumps(access), str(folder)]
    surroundings = os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false"} | dict(environment or {})
    return subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, env=surroundings)


def finish(process: subprocess.Popen[bytes]) -> Account:
    """Waits for a contestant, and takes what it printed.

    Raises:
        CalledProcessError: it failed.
    """
    printed, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    account: Account = json.loads(printed.splitlines()[-1])
    return account


def run_fresh(
    script: str,
    access: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Account:
    """One run of one contestant, in an empty folder unless one is given."""
    if folder is not None:
        return finish(start(script, access, folder, environment))
    with tempfile.TemporaryDirectory() as empty:
        return finish(start(script, access, Path(empty), environment))
