"""What docs/destinations/filesystem.md tells to run does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from feishu_source.sandbox import World
from tests.laboratory import START_MS, Laboratory

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "destinations" / "filesystem.md").read_text("utf-8")


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
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A tenant of one message, and working folders of dlt that go with the test."""
    world = World(now_ms=START_MS)
    person = world.add_user("Person")
    world.post(world.add_chat(name="chat", member_ids=[person]), person, text="hello")
    with Laboratory(world) as lab:
        known = {f"SOURCES__FEISHU__{k.upper()}": str(v) for k, v in lab.access.items()}
        yield known | {"DLT_DATA_DIR": str(tmp_path / "dlt")}


def block_after(heading: str, language: str, folder: Path) -> str:
    """The first block of a language under a heading, with its places moved into a folder."""
    text = PAGE[PAGE.index(f"\n{heading}\n") :]
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1].replace("/tmp/", f"{folder}/")


def test_the_first_block_loads_and_its_views_are_read_and_compacted(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the folder it names, but that it lies here."""
    run(block_after("## Parquet in a folder", "sh", tmp_path), tmp_path, environment)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(block_after("## Parquet in a folder", "python", tmp_path), names)
    connection = names["connection"]
    assert isinstance(connection, duckdb.DuckDBPyConnection)
    before = connection.execute("select * from feishu.messages").fetchall()
    files = sorted((tmp_path / "lake" / "feishu" / "messages").iterdir())
    connection.execute(block_after("## Compaction", "sql", tmp_path))
    assert connection.execute("select * from feishu.messages").fetchall() == before
    for file in files:
        file.unlink()
        assert connection.execute("select * from feishu.messages").fetchall() == before
    connection.close()
    assert len(before) == 1


@pytest.mark.parametrize("heading", ["## Delta Lake", "## Iceberg"])
def test_tables_are_configured_and_read_as_told(
    heading: str, tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One message, loaded twice."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(block_after(heading, "toml", tmp_path), "utf-8")
    for _ in range(2):
        run("feishu-history --destination filesystem", tmp_path, environment)
    exec(block_after(heading, "python", tmp_path), {})
    assert capsys.readouterr().out == "1\n"


def test_every_extra_that_is_named_is_there() -> None:
    """By the names that pip takes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"feishu-source\[(\w+)\]", PAGE))
    assert named == {"s3", "delta", "iceberg"}
    assert named < project["optional-dependencies"].keys()
