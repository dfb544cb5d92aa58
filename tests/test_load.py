"""Loads as stories: the tables equal what the tenant holds."""

from __future__ import annotations

from pathlib import Path

from feishu_source.sandbox import generate
from tests.lab import Lab

NOW_MS = 1_790_000_000_000


def test_first_load_of_a_generated_tenant_equals_its_truth(tmp_path: Path) -> None:
    """All tables, all columns, every documented type of message."""
    world = generate(seed=1, chats=10, messages=2_000, days=365, now_ms=NOW_MS)
    with Lab(tmp_path, world) as lab:
        report = lab.load()
        assert (report.exit_code, report.rows, report.new) == (0, 2_000, 2_000)
        lab.assert_equals_truth()
