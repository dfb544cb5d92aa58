"""A tenant of some size, twice: the tables equal what it holds, and little is asked for."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import dlt

from feishu_source import load
from feishu_source.sandbox import World, generate
from tests.lab import MESSAGES, Lab

NOW_MS = 1_790_000_000_000
LOOK_BACK_MS = 7_200_000


def test_twenty_thousand_messages_equal_the_truth_now_and_after_changes(tmp_path: Path) -> None:
    """All tables, all columns; then edits, recalls, replies and news inside the look-back."""
    world = generate(seed=1, chats=50, messages=20_000, days=365, now_ms=NOW_MS)
    with Lab(tmp_path, world) as lab:
        report = lab.load(hot_s=0)
        assert (report.exit_code, report.rows, report.new) == (0, 20_000, 20_000)
        lab.assert_equals_truth()
        _change(world)
        report = lab.load(rungs="off", hot_s=0)  # heads alone
        assert (report.exit_code, report.new) == (0, 80)
        lab.assert_equals_truth()
        assert lab.sandbox.count("/open-apis/im/v1/chats") == 1
        assert lab.sandbox.count(MESSAGES) == _least_requests(world)


def test_a_destination_that_takes_no_parquet_gets_what_dlt_prefers(
    lab: Lab, tmp_path: Path, world: World
) -> None:
    """One that forgets what it is given, in JSON; there is nothing to ask how much it holds."""
    world.post(world.add_chat(name="chat"), text="hello")
    forgetful = dlt.destinations.dummy(completed_prob=1.0)
    pipeline = dlt.pipeline("forgetful", destination=forgetful, pipelines_dir=str(tmp_path))
    report = load(pipeline, **lab.access)
    assert (report.exit_code, report.rows, report.new) == (0, 1, None)


def _change(world: World) -> None:
    """An hour in which sixty messages and twenty replies are sent, some edited, some recalled."""
    ann, chats = next(iter(world.users)), list(world.chats)
    for number in range(60):
        world.advance(60)
        message = world.post(chats[number % 20], ann, text=f"news {number} @<all>")
        if number % 3 == 0:
            world.reply_in_thread(message, ann, text="reply")
        elif number % 3 == 1:
            world.edit(message, text="edited")
        elif number % 9 == 2:
            world.recall(message)


def _least_requests(world: World) -> int:
    """A page of fifty at least for each chat's window, and for each thread of a root in it."""
    since_ms, requests = NOW_MS - LOOK_BACK_MS - 1_000, 0
    for chat in world.chats.values():
        listed = [one for one in chat.timeline if one.create_ms >= since_ms and not one.removed]
        requests += max(1, ceil(len(listed) / 50))
        if chat.mode != "topic":
            requests += sum(one.thread is not None for one in listed)
    return requests
