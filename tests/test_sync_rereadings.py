"""What is read again although it is covered: cut, gone on with, no more often than asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.laboratory import DAY_S

SMALL: dict[str, Any] = {"page_size": 2, "slice_messages": 1}


def _edited_long_ago(belt: Belt, world: World, chat_id: str, **arguments: Any) -> str:
    """A message that was loaded, and edited when no rung reached it any more."""
    posted = [world.post(chat_id, text=f"message {number}") for number in range(30)]
    world.advance(400 * DAY_S)
    belt.load(**arguments)
    world.edit(posted[25], text="edited")
    return posted[25]


def _is_updated(belt: Belt, message_id: str) -> bool:
    (row,) = (row for row in belt.rows("messages") if row["message_id"] == message_id)
    return bool(row["updated"])


def test_full_rereading_without_threads_is_gone_on_with(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Each load begins where the last one was cut, though none of them wants threads."""
    edited = _edited_long_ago(belt, world, team, threads=False)
    for _ in range(8):
        belt.load(threads=False, full=True, max_messages=6, **SMALL)
    assert _is_updated(belt, edited)


@pytest.mark.parametrize("threads_before", [True, False])
def test_full_rereading_is_gone_on_with_by_a_load_without_threads(
    belt: Belt, world: World, ann: str, team: str, threads_before: bool
) -> None:
    """Messages were wanted again, whether their threads are or not."""
    edited = _edited_long_ago(belt, world, team, threads=threads_before)
    belt.load(full=True, max_messages=6, **SMALL)
    assert belt.load(threads=False) == {team: "complete"}
    assert _is_updated(belt, edited)


@pytest.mark.parametrize("rolling", [False, True])
def test_later_start_leaves_the_rungs_their_periods(
    belt: Belt, world: World, ann: str, team: str, rolling: bool
) -> None:
    """A sweep that was cut at the start could not stamp its rung, and came back in every load."""

    def spend_a_day() -> None:
        for number in range(10):
            world.post(team, ann, text=f"message {number}")
        world.advance(DAY_S)

    for _ in range(60):
        spend_a_day()
    belt.load()
    since_ms, listed = world.now_ms - 20 * DAY_S * 1_000, 0
    for _ in range(60):
        spend_a_day()
        start_ms = world.now_ms - 20 * DAY_S * 1_000 if rolling else since_ms
        assert belt.load(since=datetime.fromtimestamp(start_ms / 1_000, UTC).isoformat())
        listed += belt.rows("sync_coverage")[0]["messages_listed"]
    # A day's own messages, twice with the look-back, and age / period of each rung.
    assert listed < 60 * 10 * (2 + 4 + 3.5 + 3 + 3)


@pytest.mark.parametrize("how", ["refused", "switched off"])
def test_topic_group_that_is_no_longer_read_flat_is_read_with_its_threads(
    belt: Belt, world: World, ann: str, how: str
) -> None:
    """Nobody knows since when its replies are left out of the timeline."""
    topics = world.add_chat(name="Topics", mode="topic", member_ids=[ann])
    root = world.post(topics, ann, text="root")
    world.reply_in_thread(root, ann, text="first")
    belt.load()
    world.advance(300 * DAY_S)
    world.reply_in_thread(root, ann, text="second")
    world.advance(60)
    belt.load()
    refused = how == "refused"
    world.switches = replace(
        world.switches, accept_only_thread_root=not refused, topic_default_roots_only=True
    )
    for _ in range(2):
        world.advance(5 * 3_600)
        reply = world.reply_in_thread(root, ann, text="later")
        world.advance(60)
        assert belt.load(flat_topics=refused) == {topics: "complete"}
        assert reply in belt.message_ids()


def test_thread_owed_in_a_topic_group_stays_owed_when_replies_show_in_its_timeline(
    belt: Belt, world: World, ann: str
) -> None:
    """Those of before were read by nobody."""
    topics = world.add_chat(name="Topics", mode="topic", member_ids=[ann])
    root = world.post(topics, ann, text="root")
    owed = world.reply_in_thread(root, ann, text="owed")
    world.advance(200 * DAY_S)
    broken = Fault("html_502", thread_id=world.thread_id_of(root), times=None)
    belt.sandbox.inject(broken)
    world.switches = replace(world.switches, topic_default_roots_only=True)
    assert belt.load(flat_topics=False) == {topics: "partial"}
    world.advance(3_600)
    other = world.post(topics, ann, text="other root")
    world.reply_in_thread(other, ann, text="reply in the timeline")
    world.advance(60)
    belt.load()
    belt.sandbox.clear_faults()
    assert belt.load() == {topics: "complete"}
    assert owed in belt.message_ids()
