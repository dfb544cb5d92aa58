"""A workplace and a tenant for tests that run the command line in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from feishu_source.sandbox import Sandbox, World

START_MS = 1_767_225_600_000  # 2026-01-01 UTC
DAY_MS = 86_400_000


@dataclass
class Tenant:
    """A tenant of two chats, five messages a day apart in the first, one in the second."""

    world: World
    sandbox: Sandbox
    team: str
    other: str


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, no locale, no terminal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def tenant(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant that the environment names, as the README says."""
    world = World(seed=1, start_ms=START_MS, now_ms=START_MS + 10 * DAY_MS)
    ann = world.add_user("Ann")
    team, other = world.add_chat(name="Team"), world.add_chat(name="[/red] Other")
    for day in range(5):
        world.post(team, ann, text=f"day {day}", at_ms=START_MS + day * DAY_MS)
    world.post(other, ann, text="hello", at_ms=START_MS)
    with Sandbox(world) as sandbox:
        monkeypatch.setenv("SOURCES__FEISHU__BASE_URL", sandbox.base_url)
        monkeypatch.setenv("SOURCES__FEISHU__APP_ID", sandbox.app_id)
        monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", sandbox.app_secret)
        yield Tenant(world, sandbox, team, other)
