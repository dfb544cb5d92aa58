"""A process that is killed at any instant loses nothing and doubles nothing.

Real processes are killed here with SIGKILL, at instants drawn from a fixed seed: after so many
requests were answered, or so many milliseconds after the last of them, which is where the rows are
extracted, normalised and loaded.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from feishu_source.sandbox import World, generate
from tests.lab import Lab

NOW_MS = 1_790_000_000_000
CHILD = """
import json, sys
from feishu_source import load, open_pipeline
arguments = json.loads(sys.argv[1])
pipeline = open_pipeline(**arguments["pipeline"])
load(pipeline, **arguments["load"])
"""


def _start(lab: Lab, **arguments: object) -> subprocess.Popen[bytes]:
    pipeline = {"database": str(lab.database), "pipelines_dir": str(lab.folder / "pipelines")}
    words = json.dumps({"pipeline": pipeline, "load": lab.access | arguments})
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, words], stderr=subprocess.PIPE, env=os.environ.copy()
    )


def _kill_after(child: subprocess.Popen[bytes], world: World, requests: int, then_s: float) -> None:
    """Kills the child once so many requests were answered and a little time has passed."""
    reached = threading.Event()
    answered = 0

    def count() -> None:
        nonlocal answered
        answered += 1
        if answered >= requests:
            reached.set()

    world.on_look = count
    while not reached.wait(0.02) and child.poll() is None:
        pass
    try:
        child.wait(then_s)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    child.communicate()
    world.on_look = None


KILLS = 200 if os.environ.get("FEISHU_THOROUGH") else 20


@pytest.mark.timeout(3_600)
def test_kills_at_random_instants_end_in_the_same_tables(tmp_path: Path) -> None:
    """Whatever was under way: listing, extracting, loading, the very first load."""
    world = generate(seed=9, chats=8, messages=400, days=30, now_ms=NOW_MS)
    drawn = random.Random(1)
    killed = 0
    with Lab(tmp_path, world) as lab:
        for _ in range(KILLS):
            child = _start(lab, slice_messages=60, page_size=10, workers=4)
            _kill_after(child, world, drawn.randint(1, 12), drawn.random() * 0.7)
            killed += child.returncode == -signal.SIGKILL
            _talk(world, drawn)
        assert lab.load(page_size=10).exit_code == 0
        lab.assert_equals_truth()
        ids = [row["message_id"] for row in lab.rows("messages")]
        assert len(ids) == len(set(ids)) == 400 + 20 * KILLS
    assert killed >= KILLS / 2, "most of the children should have been killed before they ended"


def _talk(world: World, drawn: random.Random) -> None:
    """Half an hour in which twenty messages are sent, some in threads of the last minutes."""
    people, chats, message = list(world.users), list(world.chats), ""
    for number in range(20):
        world.advance(90)
        if number % 5 == 4:
            world.reply_in_thread(message, drawn.choice(people), text="reply")
        else:
            message = world.post(drawn.choice(chats), drawn.choice(people), text="more")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_loads_what_is_in_hand(tmp_path: Path, number: signal.Signals) -> None:
    """The process ends by itself, with 128 and the signal, and the next load goes on."""
    world = generate(seed=9, chats=8, messages=400, days=30, now_ms=NOW_MS)
    with Lab(tmp_path, world) as lab:
        program = [sys.executable, "-m", "feishu_source.cli", "--json"]
        program += ["--database", str(lab.database), "--pipelines-dir", str(lab.folder / "p")]
        child = subprocess.Popen(
            program, stdout=subprocess.PIPE, env=os.environ | _environment(lab)
        )
        sent = threading.Event()
        pages = 0

        def interrupt() -> None:
            nonlocal pages
            pages += 1
            if pages == 40 and not sent.is_set():
                sent.set()
                child.send_signal(number)

        world.on_look = interrupt
        out, _ = child.communicate(timeout=60)
        world.on_look = None
        report = json.loads(out)
        assert child.returncode == report["exit_code"] == 128 + number
        rows = lab.rows("messages")
        assert 0 < len(rows) < 400
        assert lab.rows("sync_runs")[0]["exit_code"] == 128 + number
        lab.load()
        lab.assert_equals_truth()


def _environment(lab: Lab) -> dict[str, str]:
    access = {key.upper(): str(value) for key, value in lab.access.items()}
    settings = access | {"PAGE_SIZE": "5", "WORKERS": "2"}
    return {f"SOURCES__FEISHU__{key}": value for key, value in settings.items()}
