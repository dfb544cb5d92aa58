"""A chat of messages as long as they may be: as many as fill two slices, and a few more."""

from __future__ import annotations

import random

import pytest

from feishu_source.sandbox import World
from tests.lab import Lab

LENGTH = 140_000
"""Of a text, whose body is to be at most 150 KB."""


def test_a_chat_of_the_longest_messages_is_loaded(
    lab: Lab, world: World, ann: str, team: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the memory that is given, told by the files: no merge had to be tried twice."""
    words = random.Random(1)
    for _ in range(600):
        world.advance(60)
        world.post(team, ann, text=words.randbytes(LENGTH // 2).hex())
    with caplog.at_level("INFO", "feishu_source"):
        report = lab.load()
    assert (report.exit_code, report.slices, report.new) == (0, 3, 600)
    assert "once more" not in caplog.text
    lab.assert_equals_truth()
