"""Replies: they never stand in the timeline of an ordinary group."""

from __future__ import annotations

from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.lab import Lab


def test_thread_of_more_than_a_page_is_read_whole(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """The thread container is paged as well."""
    root = world.post(team, ann, text="root")
    for number in range(7):
        world.reply_in_thread(root, ann, text=f"reply {number}")
    belt.load(page_size=3)
    assert len(belt.polls()) == 3
    belt.assert_equals_truth()


def test_root_that_is_a_plain_reply_itself_is_the_threads_root(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """Its root_id names the first message of the reply chain, not the thread's root."""
    first = world.post(team, ann, text="first")
    answer = world.reply(first, ann, text="plain reply")
    world.reply_in_thread(answer, ann, text="in its thread")
    belt.load()
    assert [row["root_message_id"] for row in belt.rows("threads")] == [answer]
    belt.assert_equals_truth()


def test_chat_that_owes_too_many_threads_fails_and_heals(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A hundred debts are kept; with more, what was read is claimed only up to there."""
    for _ in range(120):
        world.advance(60)
        world.reply_in_thread(world.post(team, ann, text="root"), ann, text="reply")
    threads = world.threads  # each refuses both attempts of the first load
    lab.sandbox.inject(*(Fault("internal_2200", thread_id=one, times=2) for one in threads))
    report = lab.load(attempts=2)
    assert (report.exit_code, report.chats_failed) == (3, 1)
    assert lab.rows("sync_coverage")[0]["owed_threads"] == 100
    lab.load()
    lab.assert_equals_truth()
