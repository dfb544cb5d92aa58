"""docs/tenants.md: its commands and programs run as they stand, against tenants on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from feishu_source.cli.tenants import WORST_FIRST
from feishu_source.sandbox import Sandbox, StoreApp, World
from feishu_source.tenancy import PLACE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tenants.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code of every fence of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def replaced(text: str, by: Mapping[str, str]) -> str:
    """The text for these tenants: each placeholder stands in it, or the page has changed."""
    for placeholder, value in by.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    return text


def run(program: list[str], folder: Path, **environment: str) -> str:
    """What a program prints that ends well; `feishu-history` is the one of this checkout."""
    command = folder / "bin" / "feishu-history"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m feishu_source.cli "$@"\n')
    command.chmod(0o755)
    paths = {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(folder),
    }
    done = subprocess.run(
        program,
        cwd=folder,
        env=os.environ | paths | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configure(folder: Path, text: str) -> None:
    """Writes dlt's file."""
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "config.toml").write_text(text)


def world_of(seed: int, word: str) -> World:
    """A tenant of one chat with one message."""
    world = World(seed=seed)
    world.post(world.add_chat(name="chat"), world.add_user("Ann"), text=word)
    return world


def texts(folder: Path) -> dict[str, list[str]]:
    """The texts in each dataset that holds messages."""
    with duckdb.connect(str(folder / "feishu_history.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select table_schema from information_schema.tables where table_name = 'messages' "
            "and table_schema not like '%_staging' order by 1"
        ).fetchall()
        found = {}
        for (name,) in names:
            rows = connection.execute(f"select text from {name}.messages").fetchall()
            found[name] = [row[0] for row in rows]
        return found


def test_several_tenants(tmp_path: Path) -> None:
    """The first configuration, its commands, then the program."""
    (config, _), (commands, _), (program,) = blocks("toml"), blocks("sh"), blocks("python")
    with Sandbox(world_of(31, "你好")) as shanghai, Sandbox(world_of(32, "hallo")) as berlin:
        ids = {"cli_0123456789abcdef": shanghai.app_id, "cli_fedcba9876543210": berlin.app_id}
        configure(tmp_path, replaced(config, ids | {'"lark"': f'"{berlin.base_url}"'}))
        secrets = {
            "secret-of-shanghai": shanghai.app_secret,
            "secret-of-berlin": berlin.app_secret,
        }
        base = {"SOURCES__FEISHU__BASE_URL": shanghai.base_url}
        told = run(["sh", "-ec", replaced(commands, secrets)], tmp_path, **base)
        assert told.splitlines()[-1] == "2 tenants: berlin 0, shanghai 0 (exit code 0)"
        assert texts(tmp_path) == {"feishu_shanghai": ["你好"], "lark_berlin": ["hallo"]}
        base |= {
            f"SOURCES__FEISHU__TENANTS__{name}__APP_SECRET": sandbox.app_secret
            for name, sandbox in (("SHANGHAI", shanghai), ("BERLIN", berlin))
        }
        printed = run([sys.executable, "-W", "error", "-c", program], tmp_path, **base)
        assert [line.split()[:2] for line in printed.splitlines()] == [
            ["berlin", "0"],
            ["shanghai", "0"],
        ]


def test_store_app(tmp_path: Path) -> None:
    """The second configuration and its commands."""
    (_, config), (_, commands) = blocks("toml"), blocks("sh")
    worlds = [world_of(33, "acme"), world_of(34, "globex")]
    app = StoreApp(*worlds, on_ticket=(tmp_path / "app_ticket").write_text)
    with Sandbox(worlds[0], store_app=app) as sandbox:
        ids = {
            "cli_0123456789abcdef": sandbox.app_id,
            "736588c9260f175d": worlds[0].tenant_key,
            "2ed263bf32cf1651": worlds[1].tenant_key,
        }
        configure(tmp_path, replaced(config, ids))
        secret = {"secret-of-the-app": sandbox.app_secret}
        base = {"SOURCES__FEISHU__BASE_URL": sandbox.base_url}
        run(["sh", "-ec", replaced(commands, secret)], tmp_path, **base)
    assert texts(tmp_path) == {"feishu_acme": ["acme"], "feishu_globex": ["globex"]}


def rows_of(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    table = PAGE[PAGE.index(f"| {heading} |") :].partition("\n\n")[0]
    return [line.strip("| ").partition(" |")[0] for line in table.splitlines()[2:]]


def test_exit_codes_stand_in_the_order_of_the_code() -> None:
    """An interruption first, which is no code of a load."""
    assert rows_of("exit code") == ["130, 143", *map(str, WORST_FIRST)]


def test_every_key_of_a_place_is_told() -> None:
    """And no other."""
    assert {key.strip("`") for key in rows_of("key")} == set(PLACE)


@pytest.mark.parametrize("word", ["docs/tenants.md"])
def test_the_readmes_lead_here(word: str) -> None:
    """From the options."""
    for name in ("README.md", "README.zh-CN.md"):
        assert word in (ROOT / name).read_text("utf-8")
