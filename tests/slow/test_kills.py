"""A process that is killed at any instant loses nothing and doubles nothing.

Real processes are killed here with SIGKILL: at each of the named points, and at instants drawn from
a fixed seed, after so many requests were answered, or so many milliseconds after the last of them,
which is where the rows are extracted, normalised and loaded.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from feishu_source import load, open_pipeline
from feishu_source.sandbox import World, generate
from tests.crash_points import POINTS
from tests.lab import Lab
from tests.nursery import Nursery

NOW_MS = 1_790_000_000_000
ONCE_A_LOAD = ("in the bookkeeping",)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """Where processes come from."""
    with Nursery() as nursery:
        yield nursery


def _place(lab: Lab) -> dict[str, str]:
    return {"database": str(lab.database), "pipelines_dir": str(lab.folder / "pipelines")}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_instant_nothing_is_lost_or_doubled(
    tmp_path: Path, nursery: Nursery, point: str
) -> None:
    """In the very first load, then in a later one whose working folder is lost as well."""
    world = generate(seed=9, chats=3, messages=60, days=30, now_ms=NOW_MS)
    drawn = random.Random(point)
    sizes = {"page_size": 10, "slice_messages": 40, "batch_rows": 15, "workers": 2}
    with Lab(tmp_path, world) as lab:
        # The chats are loaded before the first slice: what counts runs of dlt dies in the second.
        for times in (1 if point in ONCE_A_LOAD else 2, 1):
            nursery.start(_place(lab), lab.access | sizes, point, times)
            assert nursery.wait() == -signal.SIGKILL
            _talk(world, drawn)
        shutil.rmtree(lab.folder / "pipelines")
        assert lab.load().exit_code == 0
        lab.assert_equals_truth()
        ids = [row["message_id"] for row in lab.rows("messages")]
        assert len(ids) == len(set(ids)) == 100


def _killed_before_it_loads(lab: Lab, nursery: Nursery) -> None:
    """A load whose slice is extracted and normalised, and pending."""
    access = lab.access | {"rungs": "off"}
    nursery.start(_place(lab), access, "between normalize and load", 2)
    assert nursery.wait() == -signal.SIGKILL


def test_package_of_a_killed_load_is_loaded_and_not_read_again(
    lab: Lab, world: World, ann: str, team: str, nursery: Nursery
) -> None:
    """What it claims goes on from what the destination holds."""
    for _ in range(3):
        world.post(team, ann, text="first")
        world.advance(5 * 3_600)
        _killed_before_it_loads(lab, nursery)
    lab.load(rungs="off")
    lab.assert_equals_truth()
    assert int(lab.listings(team)[0].query["start_time"]) > world.start_ms // 1_000 + 3_600


def test_pending_package_over_an_older_copy_of_the_database_is_given_up(
    lab: Lab, world: World, ann: str, team: str, nursery: Nursery
) -> None:
    """It claims what was loaded before it, and that copy does not have."""
    world.post(team, ann, text="first")
    lab.load()
    backup = lab.folder / "backup.duckdb"
    shutil.copy(lab.database, backup)
    for text in ("second", "third"):
        world.advance(30 * 86_400)
        world.post(team, ann, text=text)
        world.advance(86_400)  # beyond the look-back of the next load
        if text == "second":
            lab.load(rungs="off")
    _killed_before_it_loads(lab, nursery)
    shutil.copy(backup, lab.database)
    world.advance(60)
    lab.load(rungs="off")
    lab.assert_equals_truth()


def test_pending_package_that_another_machine_overtook_is_given_up(
    lab: Lab, world: World, ann: str, team: str, nursery: Nursery, tmp_path: Path
) -> None:
    """Both made a version of the state with the same number; the later one has the later rows."""
    world.post(team, ann, text="first")
    lab.load(rungs="off")
    world.advance(3_600)
    second = world.post(team, ann, text="second")
    _killed_before_it_loads(lab, nursery)
    world.advance(5 * 3_600)
    world.edit(second, text="edited")
    other = open_pipeline(database=str(lab.database), pipelines_dir=str(tmp_path / "other"))
    load(other, **(lab.access | {"rungs": "off"}))
    world.advance(5 * 3_600)
    lab.load(rungs="off")
    lab.assert_equals_truth()


def _kill_after(nursery: Nursery, child: int, world: World, requests: int, then_s: float) -> bool:
    """Kills the child once so many requests were answered and a little time has passed."""
    reached, ended = threading.Event(), threading.Event()
    answered = 0

    def count() -> None:
        nonlocal answered
        answered += 1
        if answered >= requests:
            reached.set()

    def kill() -> None:
        reached.wait()
        if not ended.wait(then_s):
            os.kill(child, signal.SIGKILL)

    world.on_look = count
    killer = threading.Thread(target=kill)
    killer.start()
    code = nursery.wait()
    world.on_look = None
    ended.set()
    reached.set()
    killer.join()
    return code == -signal.SIGKILL


KILLS = 200 if os.environ.get("FEISHU_THOROUGH") else 10


@pytest.mark.timeout(3_600)
def test_kills_at_random_instants_end_in_the_same_tables(tmp_path: Path, nursery: Nursery) -> None:
    """Whatever was under way: listing, extracting, loading, the very first load."""
    world = generate(seed=9, chats=8, messages=400, days=30, now_ms=NOW_MS)
    drawn = random.Random(1)
    killed = 0
    with Lab(tmp_path, world) as lab:
        for _ in range(KILLS):
            sizes = {"slice_messages": 60, "page_size": 10, "workers": 4}
            child = nursery.start(_place(lab), lab.access | sizes)
            killed += _kill_after(nursery, child, world, drawn.randint(1, 12), drawn.random() * 0.7)
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
