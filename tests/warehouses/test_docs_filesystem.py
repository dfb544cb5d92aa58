"""What docs/destinations/filesystem.md tells to run does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from feishu_source.sandbox import World
from tests.laboratory import START_MS, Laboratory

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "destinations" / "filesystem.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of a language, as they stand there."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(script: str, folder: Path, environment: dict[str, str]) -> None:
    """A block of shell, where this package's commands are those of this interpreter."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name, words in {"python": "", "feishu-history": " -m feishu_source.cli"}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n', "utf-8")
        (commands / name).chmod(0o755)
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    script = script.replace("pipelines/", f"{ROOT}/pipelines/")
    subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=os.environ | environment | {"PATH": path, "PYTHONPATH": str(ROOT)},
        check=True,
    )


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Working folders of dlt that go with the test."""
    return {"DLT_DATA_DIR": str(tmp_path / "dlt")}


def test_the_first_block_loads_and_its_views_are_read(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the folder it names, but that it lies here."""
    world = World(now_ms=START_MS)
    person = world.add_user("Person")
    world.post(world.add_chat(name="chat", member_ids=[person]), person, text="hello")
    first = blocks("sh")[0].replace("/tmp/lake", str(tmp_path / "lake"))
    with Laboratory(world) as lab:
        known = {f"SOURCES__FEISHU__{k.upper()}": str(v) for k, v in lab.access.items()}
        run(first, tmp_path, environment | known)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(blocks("python")[0], names)
    connection = names["connection"]
    assert isinstance(connection, duckdb.DuckDBPyConnection)
    assert connection.execute("select count(*) from feishu.messages").fetchall() == [(1,)]
    connection.close()
