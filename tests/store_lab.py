"""A laboratory for an app of the app store, whose callback writes the ticket into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feishu_source.sandbox import StoreApp, World, generate
from tests.lab import Lab

NOW_MS = 1_790_000_000_000


class StoreLab(Lab):
    """A tenant that has installed a store app, whose callback writes the ticket into a file."""

    def __init__(self, folder: Path, world: World) -> None:
        self.ticket_file = folder / "app_ticket"
        self.app = StoreApp(world, on_ticket=self.ticket_file.write_text)
        super().__init__(folder, world, store_app=self.app)

    @property
    def access(self) -> dict[str, Any]:
        """As a store app needs it."""
        ticket = {"app_ticket_file": str(self.ticket_file), "tenant_key": self.world.tenant_key}
        return super().access | ticket


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreLab]:
    """Three chats of all kinds, served to a store app."""
    world = generate(seed=9, chats=3, messages=200, days=30, now_ms=NOW_MS)
    with StoreLab(tmp_path, world) as lab:
        yield lab
