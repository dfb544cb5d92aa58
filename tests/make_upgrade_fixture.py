"""Makes what a version leaves behind, for tests/slow/test_upgrades.py: at each release, once.

    python tests/make_upgrade_fixture.py CHECKOUT NAME

In: a folder in which a version of this project is checked out, as by `git worktree add`. Out:
tests/data/upgrades/NAME/, four archives of what its loads left, and about.json, which says what
made them:

- complete: the warehouse after one whole load of the tenant;
- interrupted: the warehouse after a first load that was killed in its second slice, so that walks
  stand open in its state;
- widened: the warehouse after a load with a start, and one with an earlier start that was killed in
  its second slice;
- pending: warehouse and working folder after a later load that was killed with a slice extracted
  and normalised, and not loaded.

A warehouse is kept as DuckDB exports it, in Parquet: a tenth of the file, and any later DuckDB
reads it. Nothing else of this project is imported than what CHECKOUT holds, and of that only what
every version has: `load`, `open_pipeline` and the sandbox.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from contextlib import chdir
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FIXTURES = HERE / "data" / "upgrades"
NOW_MS = 1_790_000_000_000
DAY_S = 86_400
WIDENED = (10, 35)
"""Days before the end at which the first start lies, and then the earlier one."""
DATABASE = "history.duckdb"
FOLDER = "@FOLDER@"
"""Stands in an archive for the folder in which it was made."""

SMALL = {"page_size": 5, "slice_messages": 40, "batch_rows": 10, "workers": 2}
"""Sizes with which a load has many pages, batches and slices."""


def old_world() -> Any:
    """The tenant of all fixtures; today's sandbox must make the one that the oldest did."""
    from feishu_source.sandbox import generate

    return generate(seed=77, chats=4, messages=150, days=40, now_ms=NOW_MS)


def say_more(world: Any) -> None:
    """Five hours later: a message in each group, a reply to the first of them."""
    world.advance(5 * 3_600)
    drawn = random.Random(5)
    people = [each for each, user in world.users.items() if not user.is_app]
    groups = [each for each, chat in world.chats.items() if chat.mode == "group"]
    posted = [world.post(each, drawn.choice(people), text="five hours later") for each in groups]
    world.advance(60)
    world.reply_in_thread(posted[0], drawn.choice(people), text="a reply to it")
    world.advance(60)


def access_to(sandbox: Any) -> dict[str, Any]:
    """What a load needs to reach the tenant."""
    names = ("base_url", "app_id", "app_secret")
    fast = {"back_off_base_s": 0.0, "requests_per_second": 1e6, "requests_per_minute": 6e7}
    return {name: getattr(sandbox, name) for name in names} | fast


def load_into(folder: Path, **arguments: Any) -> None:
    """One load of the version that is imported."""
    from feishu_source import load, open_pipeline

    place = {"database": str(folder / DATABASE), "pipelines_dir": str(folder / "pipelines")}
    load(open_pipeline(**place), **arguments)


def _complete(world: Any, access: dict[str, Any], folder: Path) -> None:
    load_into(folder, **access)
    shutil.rmtree(folder / "pipelines")


def _interrupted(world: Any, access: dict[str, Any], folder: Path) -> None:
    _kill_loading(access | SMALL, folder, slices=1)
    shutil.rmtree(folder / "pipelines")


def _widened(world: Any, access: dict[str, Any], folder: Path) -> None:
    now_s = NOW_MS // 1_000
    starts = [datetime.fromtimestamp(now_s - days * DAY_S, UTC).isoformat() for days in WIDENED]
    load_into(folder, **access, since=starts[0])
    _kill_loading(access | SMALL | {"since": starts[1]}, folder, slices=1)
    shutil.rmtree(folder / "pipelines")


def _pending(world: Any, access: dict[str, Any], folder: Path) -> None:
    load_into(folder, **access)
    say_more(world)
    _kill_loading(access, folder, slices=0)


def _kill_loading(access: dict[str, Any], folder: Path, *, slices: int) -> None:
    """A load, in a process of its own, that is killed when it has loaded so many slices."""
    import feishu_source

    checkout = Path(feishu_source.__file__).parents[1]
    words = ["--killed", str(checkout), str(folder), str(slices), json.dumps(access)]
    program = [sys.executable, str(HERE / Path(__file__).name), *words]
    code = subprocess.run(program, check=False).returncode
    if code != -signal.SIGKILL:
        raise RuntimeError(f"it was not killed, but ended with {code}")


def _load_and_die(folder: Path, slices: int, access: dict[str, Any]) -> None:
    from dlt import Pipeline

    original, left = Pipeline.load, iter(range(1 + slices))  # the chats come before the first

    def dying(*arguments: Any, **more: Any) -> Any:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **more)

    Pipeline.load = dying  # type: ignore[method-assign]
    load_into(folder, **access)


RECIPES = {
    "complete": _complete,
    "interrupted": _interrupted,
    "widened": _widened,
    "pending": _pending,
}


def pack(folder: Path, archive: Path) -> None:
    """The folder as an archive: the database exported, and without what nobody reads again."""
    import duckdb

    with duckdb.connect(str(folder / DATABASE)) as connection:
        exported = folder / "warehouse"
        connection.execute(
            f"EXPORT DATABASE '{exported}' (FORMAT parquet, COMPRESSION uncompressed)"
        )
    (folder / DATABASE).unlink()
    for path in [*folder.rglob("trace.pickle"), *folder.rglob("*.lock")]:
        path.unlink()
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            text = path.read_bytes()
            path.write_bytes(text.replace(str(folder).encode(), FOLDER.encode()))
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, arcname=".", filter=_nobodys)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An archive does not tell whose the files were."""
    return entry.replace(uid=0, gid=0, uname="", gname="", deep=False)


def unpack(archive: Path, folder: Path) -> Path:
    """Restores an archive in a folder; the DuckDB file, made by the DuckDB that is installed."""
    import duckdb

    folder = folder.resolve()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            text = path.read_bytes()
            path.write_bytes(text.replace(FOLDER.encode(), str(folder).encode()))
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute(f"IMPORT DATABASE '{folder / 'warehouse'}'")
    shutil.rmtree(folder / "warehouse")
    return folder / DATABASE


def _about(checkout: Path) -> dict[str, str]:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", checkout, *words], capture_output=True, check=True)
        return done.stdout.decode().strip()

    from feishu_source.version import VERSION

    return {
        "version": VERSION,
        "commit": git("rev-parse", "--short=12", "HEAD"),
        "committed": git("log", "-1", "--format=%cI"),
        **{name: version(name) for name in ("dlt", "duckdb", "pyarrow")},
    }


def main(checkout: Path, name: str) -> None:
    """Makes the archives of one version."""
    from feishu_source.sandbox import Sandbox

    target = FIXTURES / name
    target.mkdir(parents=True, exist_ok=True)
    for kind, make in RECIPES.items():
        world = old_world()
        with tempfile.TemporaryDirectory() as folder, Sandbox(world) as sandbox:
            with chdir(folder):  # dlt notes where it was
                make(world, access_to(sandbox), Path(folder).resolve())
            pack(Path(folder).resolve(), target / f"{kind}.tar.xz")
    about = json.dumps(_about(checkout), indent=2)
    (target / "about.json").write_text(f"{about}\n", "utf-8")


if __name__ == "__main__":
    words = sys.argv[1:]
    killed = words[0] == "--killed"
    sys.path[0] = str(Path(words[1 if killed else 0]).resolve())
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if killed:
        _load_and_die(Path(words[2]), int(words[3]), json.loads(words[4]))
    else:
        main(Path(words[0]), words[1])
