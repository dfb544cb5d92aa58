"""`--max-requests`: a load asks no oftener than it may, and loads that may ask little get on."""

from __future__ import annotations

import pytest

from feishu_source.errors import RequestsSpent
from feishu_source.sandbox import Fault, World, generate
from tests.belt import Belt
from tests.lab import DAY_S, MESSAGES, Lab

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize("most", [9, 20])
def test_loads_that_may_ask_little_end_in_the_same_tables(most: int) -> None:
    """Never one request more; what a load left, threads too, is read by the next ones.

    A thread is read whole or again, so the bound must leave room for the longest beside the heads.
    """
    world = generate(seed=5, chats=4, messages=60, days=60, now_ms=NOW_MS)
    with Belt(world) as belt:
        for _ in range(300 // (most - 2)):
            belt.load(max_requests=most, page_size=3, workers=4)
            assert belt.sandbox.count() <= most
        belt.assert_equals_truth()


def test_page_with_more_threads_than_requests_gets_on(world: World, ann: str) -> None:
    """Threads that no request was left for are owed, so that the page is not read in vain."""
    topics = world.add_chat(name="Topics", member_ids=[ann], group_message_type="thread")
    for number in range(50):
        world.reply_in_thread(world.post(topics, ann, text=f"root {number}"), ann, text="reply")
    with Belt(world) as belt:
        for _ in range(15):
            belt.load(max_requests=10)
        belt.assert_equals_truth()


def test_more_hot_threads_than_requests_get_on(world: World, ann: str, team: str) -> None:
    """However many are due in one chat, each load reads some that none before has read."""
    roots = [world.post(team, ann, text=f"root {number}") for number in range(150)]
    for root in roots:
        world.reply_in_thread(root, ann, text="reply")
    with Belt(world) as belt:
        world.advance(3 * 3_600)
        belt.load()
        world.advance(60)
        for root in roots:
            world.reply_in_thread(root, ann, text="later")
        world.post(team, ann, text="new")
        belt.load(max_requests=20)
        assert len(belt.rows("messages")) == 301 + 17  # a token, the list, a page, and threads
        for _ in range(16):
            belt.load(max_requests=20)
        belt.assert_equals_truth()


def test_thread_longer_than_a_load_may_ask_for_leaves_the_others_their_turn(
    world: World, ann: str, team: str
) -> None:
    """It stays owed, and is told; what is new elsewhere arrives all the same."""
    long, short = world.post(team, ann, text="long"), world.post(team, ann, text="short")
    for _ in range(1_000):
        world.reply_in_thread(long, ann, text="reply")
    with Belt(world) as belt:
        replies = []
        for _ in range(6):
            world.advance(3_600)
            replies.append(world.reply_in_thread(short, ann, text="reply"))
            belt.load(max_requests=15)
        assert set(replies[:-1]) <= belt.message_ids()
        assert belt.rows("sync_coverage")[0]["owed_threads"] >= 1


def test_poll_that_was_cut_goes_down_to_what_it_knew_and_no_further(
    world: World, ann: str, team: str
) -> None:
    """A hot thread of many pages is not read whole because a load could not finish its poll."""
    roots = [world.post(team, ann, text=text) for text in ("long", "short")]
    for _ in range(300):
        world.reply_in_thread(roots[0], ann, text="reply")
        world.advance(30)
    world.reply_in_thread(roots[1], ann, text="reply")
    thread_ids = [world.thread_id_of(root) for root in roots]
    world.advance(3 * 3_600)  # out of the look-back's sight
    with Belt(world) as belt:
        belt.load()
        world.advance(DAY_S)
        for _ in range(120):  # three pages, more than are left
            world.reply_in_thread(roots[0], ann, text="new")
        world.advance(60)
        belt.load(max_requests=5, rungs="off")
        assert min(belt.claims[team]["hot_threads"].values()) < 0
        world.advance(3 * 3_600)
        belt.load(rungs="off")
        polls = [thread_id for thread_id in belt.polls() if thread_id == thread_ids[0]]
        assert len(polls) == 3  # not nine
        belt.assert_equals_truth()


def test_what_is_new_comes_before_what_is_read_again(world: World, ann: str) -> None:
    """Heads take the requests; the sweeps that are due wait, and `sync_coverage` shows it."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(4)]
    for chat_id in chats:
        world.post(chat_id, ann, text="old")
    with Belt(world) as belt:
        belt.load()
        world.advance(10 * DAY_S)
        for chat_id in chats:
            world.post(chat_id, ann, text="new")
        heads = 2 + len(chats)  # a token, the list, a page of each chat
        assert set(belt.load(max_requests=heads + 1).values()) == {"complete"}
        assert len(belt.message_ids()) == 8
        backlogs = [row["sweep_backlog_from"] for row in belt.rows("sync_coverage")]
        assert sum(backlog is not None for backlog in backlogs) == 3
        belt.load()
        backlogs = [row["sweep_backlog_from"] for row in belt.rows("sync_coverage")]
        assert backlogs == [None] * 4


def test_long_threads_are_finished_one_after_the_other(world: World, ann: str, team: str) -> None:
    """Half of each would be none of them, in every load anew."""
    for number in range(8):
        root = world.post(team, ann, text=f"root {number}")
        for _ in range(5):
            world.reply_in_thread(root, ann, text="reply")
        world.advance(60)
    with Belt(world) as belt:
        for _ in range(8):  # a token, the list, a page, and the three pages of a thread
            belt.load(max_requests=6, page_size=2, hot_s=0)
        assert len(belt.rows("messages")) >= 8 * 6 - 2
        belt.load(hot_s=0)
        belt.assert_equals_truth()


def test_every_chat_has_its_turn(world: World, ann: str) -> None:
    """First loads too go oldest claim first."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(3)]
    for chat_id in chats:
        for number in range(8):
            world.post(chat_id, ann, text=f"message {number}")
            world.advance(60)
    with Belt(world) as belt:
        for _ in range(3):
            belt.load(max_requests=4, page_size=2)
        told = [row["chat_id"] for row in belt.rows("messages")]
        assert sorted(map(told.count, chats)) == [4, 4, 4]


def test_bound_under_which_no_load_can_get_on_is_told(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A second cannot be read in parts, nor can a thread."""
    for _ in range(9):
        world.post(team, ann, text="all at once")
    assert lab.load(max_requests=5, page_size=2).warnings == []
    report = lab.load(max_requests=5, page_size=2)
    assert "allow more" in report.warnings[0]
    assert lab.load(max_requests=9, page_size=2).warnings == []


def test_refusal_is_told_whatever_the_bound_left_undone(world: World, ann: str, team: str) -> None:
    """The chat is skipped, with Feishu's code, though its threads were not even asked for."""
    world.reply_in_thread(world.post(team, ann, text="root"), ann, text="reply")
    with Belt(world) as belt:
        belt.load()
        world.leave(team)
        belt.load(max_requests=3)  # a token, the list, the refused page
        row = belt.rows("sync_coverage")[0]
        assert (row["status"], row["error_code"]) == ("skipped", 230002)


def test_a_bounded_load_says_that_there_is_more(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Exit code 3, the bound named at each chat it left, and every attempt counted."""
    for _ in range(12):
        world.post(team, ann, text="hello")
    lab.sandbox.inject(Fault("html_502", MESSAGES, times=1))
    report = lab.load(max_requests=6, page_size=3)
    assert lab.sandbox.count() == report.requests == 6
    assert (report.exit_code, report.chats_partial) == (3, 1)
    assert "max_requests is 6" in str(report.problems[0].message)
    assert "max_requests is 6" in lab.rows("sync_coverage")[0]["error_message"]
    lab.load()
    lab.assert_equals_truth()


def test_details_and_members_leave_requests_for_messages(lab: Lab, world: World, ann: str) -> None:
    """A quarter is for all that; a chat without its details has a row all the same, until then."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(20)]
    for chat_id in chats:
        world.post(chat_id, ann, text="hello")
    lab.load(max_requests=40)
    assert lab.sandbox.count("/open-apis/im/v1/chats/") == 10 - 2  # a token, the list
    assert len(lab.rows("messages")) == 20
    assert sorted(row["chat_id"] for row in lab.rows("chats")) == sorted(chats)
    assert sum(row["chat_mode"] is not None for row in lab.rows("chats")) == 8
    lab.load(max_requests=60)
    assert sum(row["chat_mode"] is not None for row in lab.rows("chats")) == 20
    lab.load()
    lab.assert_equals_truth()


def test_bound_that_the_chat_list_exceeds_is_told(lab: Lab, world: World, team: str) -> None:
    """There is nothing to load without the list, so the load fails and says why."""
    with pytest.raises(RequestsSpent, match="max_requests is 1"):
        lab.load(max_requests=1)


def test_long_lists_of_members_leave_requests_for_messages(
    lab: Lab, world: World, ann: str
) -> None:
    """A list of members costs a request a page, and how many there are shows only as it is read."""
    people = [world.add_user(f"Person {number}") for number in range(900)]
    for number in range(6):
        chat_id = world.add_chat(name=f"Chat {number}", member_ids=[ann, *people])
        world.post(chat_id, ann, text="hello")
    assert lab.load(max_requests=40).exit_code == 0
    assert len(lab.rows("messages")) == 6
    assert lab.sandbox.count() == 10 + 6  # the share of lists and details, and a page of each chat
    lab.load()
    lab.assert_equals_truth()


def test_details_that_are_asked_for_in_vain_leave_requests_for_messages(
    lab: Lab, world: World, ann: str
) -> None:
    """Further attempts count as well; chats without their details are asked for again."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(6)]
    for chat_id in chats:
        world.post(chat_id, ann, text="hello")
    lab.sandbox.inject(Fault("html_502", "/open-apis/im/v1/chats/:chat_id", times=None))
    assert lab.load(max_requests=30).exit_code == 0
    assert len(lab.rows("messages")) == 6
    lab.sandbox.clear_faults()
    lab.load()
    lab.assert_equals_truth()
