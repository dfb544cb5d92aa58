"""What is in a merged forward becomes rows and a transcript, and is asked for once."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.forwards import MOST_DEPTH, parse_forward
from feishu_source.opener import AGAIN_S, MOST_OWED
from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.laboratory import MESSAGES, START_MS

GET = MESSAGES + "/:message_id"
SENTENCE = "Merged and Forwarded Message"
HOUR_S = 3_600
NO_SWEEPS: dict[str, Any] = {"rungs": "off"}


def gets(belt: Belt) -> list[str]:
    """The messages asked for by their id since the last load began."""
    paths = [request.path for request in belt.sandbox.requests]
    return [path.removeprefix(MESSAGES + "/") for path in paths if path.startswith(MESSAGES + "/")]


def row(belt: Belt, message_id: str) -> dict[str, Any]:
    """One row of `messages`."""
    return belt.tables["messages"][(message_id,)]


def told(belt: Belt, message_id: str) -> tuple[Any, ...]:
    """What a row says of a merged forward."""
    return tuple(
        row(belt, message_id)[name] for name in ("text", "forward_status", "forward_error_code")
    )


def one_forward(world: World, words: str = "hello") -> tuple[str, str]:
    """A chat, and a merged forward in it of a message from a chat without the bot."""
    ann = world.add_user("Ann")
    here = world.add_chat("here", member_ids=[ann])
    there = world.add_chat("there", member_ids=[ann], bot_in=False)
    return here, world.forward(here, ann, [world.post(there, ann, text=words)])


# what is in it


def test_a_forward_in_a_forward_reads_with_senders_and_times(belt: Belt, world: World) -> None:
    """Nested ones are indented, and never asked for: they live in chats the bot is not in."""
    ann, bob = world.add_user("Ann"), world.add_user("Bob")
    here = world.add_chat("here", member_ids=[ann, bob])
    there = world.add_chat("there", member_ids=[ann, bob], bot_in=False)
    first = world.post(there, ann, text="two\nlines")
    recalled = world.post(there, bob, text="never mind")
    world.recall(recalled)
    inner = world.forward(there, bob, [first, recalled])
    world.advance(60)
    outer = world.forward(here, ann, [inner, world.post(there, bob, text="see above")])
    belt.load()
    assert gets(belt) == [outer]
    assert row(belt, outer)["text"].splitlines() == [
        "[2026-01-01 00:00:00] Bob: merged forward:",
        "  [2026-01-01 00:00:00] Ann: two",
        "    lines",
        "  [2026-01-01 00:00:00] Bob: [recalled]",
        "[2026-01-01 00:01:00] Bob: see above",
    ]
    held = [
        (each["path"], each["depth"], each["chat_id"]) for each in belt.rows("forwarded_messages")
    ]
    assert sorted(held) == [("0", 0, there), ("0.0", 1, there), ("0.1", 1, there), ("1", 0, there)]
    assert row(belt, outer)["body_content"] == '{"content":"Merged and Forwarded Message"}'
    belt.assert_equals_truth(chat_ids=[here])


def test_more_than_a_page_of_messages_comes_with_one_request(belt: Belt, world: World) -> None:
    """A hundred and more, whatever they are."""
    ann = world.add_user("Ann")
    chat = world.add_chat(member_ids=[ann])
    posts = [world.post(chat, ann, text=f"number {n}") for n in range(120)]
    outer = world.forward(chat, ann, posts)
    belt.load()
    assert (gets(belt), len(belt.rows("forwarded_messages"))) == ([outer], 120)
    belt.assert_equals_truth()


def test_what_is_no_message_is_kept_as_it_came_and_counted() -> None:
    """Each beside its reason; the others stand in the tree."""
    good = {"message_id": "om_1", "chat_id": "oc_1", "create_time": "1767225600000"}
    bad = {"message_id": "om_2", "chat_id": "oc_1", "upper_message_id": "om_0"}
    forward = parse_forward("om_0", [{"message_id": "om_0"}, bad, good], START_MS)
    reason = "in a merged forward: no usable create_time (milliseconds since 1970 are expected)"
    assert forward.rejected == [(bad, reason)]
    assert [each[:4] for each in forward.rows] == [("om_0", "0", 0, "om_1")]


def test_a_child_without_a_time_goes_to_the_rejected(belt: Belt, world: World) -> None:
    """The load is complete all the same, and the next one asks no more."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    there = world.add_chat(member_ids=[ann], bot_in=False)
    lost = world.post(there, ann, text="when?", more={"create_time": "soon"})
    outer = world.forward(here, ann, [lost, world.post(there, ann, text="now")])
    assert belt.load()[here] == "complete"
    assert row(belt, outer)["text"] == "[2026-01-01 00:00:00] Ann: now"
    [rejected] = belt.rows("rejected_messages")
    assert rejected["reason"].startswith("in a merged forward: no usable create_time")


def test_a_circle_and_a_chain_without_end_are_no_trouble() -> None:
    """Each message stands once; what lies too deep stands at the top."""

    def item(number: int, upper: int) -> dict[str, Any]:
        sent = {"chat_id": "oc_1", "create_time": "1767225600000"}
        return {"message_id": f"om_{number}", "upper_message_id": f"om_{upper}", **sent}

    chain = [item(n, n - 1) for n in range(1, 101)]
    forward = parse_forward("om_0", chain, START_MS)
    assert len(forward.rows) == 100
    assert max(each[2] for each in forward.rows) == MOST_DEPTH
    circle = parse_forward("om_0", [item(8, 9), item(9, 8)], START_MS)
    assert sorted(each[1] for each in circle.rows) == ["0", "0.0"]


# once, and no more


def test_what_is_listed_again_unchanged_costs_nothing_and_keeps_its_words(
    belt: Belt, world: World
) -> None:
    """By the look-back and by rungs, also by a load that begins with the stored state."""
    here, outer = one_forward(world)
    belt.load()
    before = row(belt, outer)
    for wait_s in (60, 2 * HOUR_S, 8 * 86_400):
        world.advance(wait_s)
        belt.load()
        assert gets(belt) == []
    assert row(belt, outer) == before
    belt.assert_equals_truth(chat_ids=[here])


def test_a_recalled_forward_loses_its_words_and_what_it_held(belt: Belt, world: World) -> None:
    """Nobody asks for it again."""
    here, outer = one_forward(world)
    belt.load()
    world.recall(outer)
    belt.load()
    assert (gets(belt), belt.rows("forwarded_messages")) == ([], [])
    assert told(belt, outer) == (None, None, None)
    belt.assert_equals_truth(chat_ids=[here])


def test_a_forward_that_becomes_a_root_is_opened_again(belt: Belt, world: World) -> None:
    """Its item changed, and with it its content_hash."""
    here, outer = one_forward(world)
    belt.load()
    world.reply_in_thread(outer, None, text="what is this?")
    belt.load()
    assert gets(belt) == [outer]
    belt.assert_equals_truth(chat_ids=[here])


def test_a_full_load_opens_it_again_once(belt: Belt, world: World) -> None:
    """As it reads everything again."""
    _, outer = one_forward(world)
    belt.load()
    world.advance(HOUR_S)
    belt.load(full=True)
    assert gets(belt) == [outer]


def test_nothing_is_asked_where_forwards_are_off(belt: Belt, world: World) -> None:
    """The fixed sentence stands there; what was opened before keeps its words."""
    here, outer = one_forward(world)
    belt.load(forwards=False)
    assert (gets(belt), told(belt, outer)) == ([], (SENTENCE, None, None))
    belt.load()
    belt.load(forwards=False)
    assert gets(belt) == []
    belt.assert_equals_truth(chat_ids=[here])


# when it cannot be opened


def test_a_refused_forward_is_loaded_and_tried_again_until_it_is_given_up(
    belt: Belt, world: World
) -> None:
    """Six times in two weeks; the chat is complete, since nothing else is missing."""
    here, outer = one_forward(world)
    belt.sandbox.inject(Fault("unknown_code", path=GET, code=230050, times=None))
    asked = 0
    for wait_s in (0, *AGAIN_S):
        world.advance(wait_s)
        assert belt.load(**NO_SWEEPS)[here] == "complete"
        asked += len(gets(belt))
        assert told(belt, outer) == (SENTENCE, "failed", 230050)
        belt.load(**NO_SWEEPS)  # at once: nothing is due
        assert gets(belt) == []
    assert (asked, belt.claims[here].get("owed_forwards")) == (1 + len(AGAIN_S), None)
    world.advance(100 * 86_400)
    belt.load(**NO_SWEEPS)
    assert gets(belt) == []


def test_trouble_leaves_the_chat_partial_and_the_state_says_what_is_owed(
    belt: Belt, world: World
) -> None:
    """A later load heals it, however old the message is by then."""
    here, outer = one_forward(world)
    belt.sandbox.inject(Fault("html_502", path=GET, times=None))
    assert belt.load(attempts=1, **NO_SWEEPS)[here] == "partial"
    assert told(belt, outer) == (SENTENCE, "failed", None)
    assert belt.tables["sync_coverage"][(here,)]["owed_forwards"] == 1
    belt.sandbox.clear_faults()
    world.advance(30 * 86_400)
    assert belt.load(**NO_SWEEPS)[here] == "complete"
    assert gets(belt) == [outer]
    assert belt.tables["sync_coverage"][(here,)]["owed_forwards"] == 0
    belt.assert_equals_truth(chat_ids=[here])


def test_a_chat_that_refuses_them_all_owes_no_more_than_a_few(belt: Belt, world: World) -> None:
    """The state is written whole; the rest is tried when it is listed again."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    post = world.post(here, ann, text="x")
    for _ in range(MOST_OWED + 1):
        world.forward(here, ann, [post])
    belt.sandbox.inject(Fault("unknown_code", path=GET, code=230110, times=None))
    assert belt.load()[here] == "complete"
    assert len(belt.claims[here]["owed_forwards"]) == MOST_OWED


def test_a_missing_scope_is_met_once_and_stops_nothing(belt: Belt, world: World) -> None:
    """Each other forward would be refused the same way."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    first = world.forward(here, ann, [world.post(here, ann, text="x")])
    for _ in range(100):
        last = world.forward(here, ann, [first])
    belt.sandbox.inject(Fault("missing_scope", path=GET, times=None))
    assert belt.load(workers=1)[here] == "partial"
    assert len(gets(belt)) <= 50
    assert told(belt, last)[2] == 99991672


# kills and bounds


def test_a_load_that_may_ask_little_gets_on_and_loses_nothing(belt: Belt, world: World) -> None:
    """A page with more forwards than requests is claimed later, and none is paid twice."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    post = world.post(here, ann, text="x")
    forwards = [world.forward(here, ann, [post]) for _ in range(20)]
    asked: list[str] = []
    for _ in range(30):
        status = belt.load(max_requests=6)
        asked += gets(belt)
        if status.get(here) == "complete":
            break
    assert sorted(asked) == sorted(forwards)
    belt.assert_equals_truth()


@pytest.mark.parametrize("batches", range(4))
def test_a_kill_loses_no_forward_in_a_thread(belt: Belt, world: World, batches: int) -> None:
    """A thread counts as read only when what was forwarded in it was opened."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    root = world.post(here, ann, text="root")
    post = world.post(here, ann, text="x")
    for _ in range(3):
        reply = world.reply_in_thread(root, ann, text="reply")
        world.forwards[world.message(reply).number] = (world.message(post),)
        world.message(reply).body = world.message(world.forward(here, ann, [post])).body
    belt.load(kill_after=batches, batch_rows=1, slice_messages=2)
    belt.load(batch_rows=1, slice_messages=2)
    belt.assert_equals_truth()


@pytest.mark.parametrize("order", range(8))
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_load_that_has_to_stop_claims_nothing_that_is_not_opened(
    belt: Belt, world: World, in_thread: bool, order: int
) -> None:
    """The month's calls end at the forward; long after that its message is still to be read."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    root = world.post(here, ann, text="root")
    outer = world.forward(here, ann, [root])
    if in_thread:  # a reply in the thread that is a forward
        container = world.message(outer)
        container.chat.timeline.remove(container)
        world.attach(container, world.thread_of(world.message(root)))
        for _ in range(4):  # what a poll of what is new would read, and no more
            world.advance(HOUR_S)
            world.reply_in_thread(root, ann, text="reply")
    world.advance(60)
    world.post(here, ann, text="what a load goes on from")
    belt.sandbox.inject(Fault("quota", path=GET, times=1))
    belt.chance.seed(order)
    belt.load(page_size=2, **NO_SWEEPS)
    assert (outer,) not in belt.tables["messages"]
    world.advance(30 * 86_400)
    belt.load(page_size=2, **NO_SWEEPS)
    belt.assert_equals_truth()


def test_a_version_that_was_held_is_opened_in_the_next_slice(belt: Belt, world: World) -> None:
    """It became a root between two listings; the claim of its chat waits."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    root = world.post(here, ann, text="root")
    outer = world.forward(here, ann, [root])
    for _ in range(3):
        world.reply_in_thread(outer, ann, text="first")
    happened: list[str] = []

    def meddle() -> None:
        if (
            not happened
            and belt.sandbox.requests[-1:]
            and belt.sandbox.requests[-1].path == MESSAGES
        ):
            happened.append(outer)
            world.message(outer).more = {"new": 1}
            world.message(outer).wires = None

    world.on_look = meddle
    assert belt.load()[here] == "complete"
    world.on_look = None
    assert (happened, belt.slices) == ([outer], 2)
    belt.assert_equals_truth()
