"""What the platform's documentation leaves open: the tables are right either way."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feishu_source.sandbox import Switches, World, generate
from tests.belt import Belt
from tests.lab import DAY_S, Lab

NOW_MS = 1_790_000_000_000

READINGS: list[dict[str, Any]] = [
    {"start_inclusive": False},
    {"end_inclusive": False},
    {"start_inclusive": False, "end_inclusive": False, "empty_pages": True},
    {"start_zero_accepted": False},
    {"code_http_status": 200},
    {"position_as_int": True},
    {"all_mention": "all"},
    {"all_mention": "object"},
    {"last_page_token_present": True},
    {"accept_with_sender_name": False, "refusal_code": 99992402},
    {"accept_only_thread_root": False},
    {"accept_only_thread_root": False, "topic_default_roots_only": True},
    {"thread_lists_root": False},
    {"content_v2": True},
    {"history_before_join": False},
    {"recalled_body": "missing"},
    {"recalled_body": "empty", "hard_delete_missing": False},
    {"merge_forward_bare": True, "log_id_key": "logid"},
    {"gzip": False},
]


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: "+".join(reading))
def test_tables_equal_the_truth_under_every_reading(reading: dict[str, Any]) -> None:
    """Two loads in small slices, with changes inside the look-back in between."""
    world = generate(seed=5, chats=6, messages=150, days=30, now_ms=NOW_MS)
    with Belt(world, switches=replace(Switches(), **reading)) as belt:
        belt.load(page_size=7, slice_messages=60)
        belt.assert_equals_truth()
        world.now_ms = NOW_MS + 600_000
        ann, chats = next(iter(world.users)), list(world.chats)
        for chat_id in chats[:3]:
            root = world.post(chat_id, ann, text="new @<all>")
            world.reply_in_thread(root, ann, text="reply")
            world.recall(world.post(chat_id, ann, text="oops"))
        world.now_ms = NOW_MS + 660_000
        assert set(belt.load(page_size=7).values()) == {"complete"}
        belt.assert_equals_truth()


def test_without_a_date_header_this_machines_clock_pins_the_end(tmp_path: Path) -> None:
    """There is nothing better; the look-back covers a clock that is a little off."""
    world = World(seed=1, clock=lambda: int(time.time() * 1_000))
    ann = world.add_user("Ann")
    team = world.add_chat(name="Team", member_ids=[ann])
    with Lab(tmp_path, world, switches=Switches(date_header=False)) as lab:
        world.post(team, ann, text="first")
        lab.load()
        world.post(team, ann, text="second")
        lab.load()
        lab.assert_equals_truth()
        covered = lab.rows("sync_coverage")[0]["covered_until"]
        assert abs(covered.timestamp() - time.time()) < DAY_S
