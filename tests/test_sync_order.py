"""The order of a load: what is new before what is old, whoever waited longest before the others.

A worker and slices of one message make the order strict. Chats are listed by the tenant in the
order in which they were made, which in each story is the wrong one.
"""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.laboratory import DAY_S, MESSAGES

STRICT: dict[str, Any] = {"slice_messages": 1, "workers": 1}


def chats(world: World, *names: str) -> list[str]:
    """Chats with a message each."""
    made = [world.add_chat(name=name) for name in names]
    for chat_id in made:
        world.post(chat_id, text="hello")
    return made


def order(belt: Belt) -> list[str]:
    """The chats' names in the order in which their windows were begun; threads are left out."""
    asked = [request.query for request in belt.sandbox.requests if request.path == MESSAGES]
    first_pages = [query for query in asked if "page_token" not in query]
    names = {chat_id: str(chat.name) for chat_id, chat in belt.world.chats.items()}
    return [names[query["container_id"]] for query in first_pages]


@pytest.mark.parametrize("slice_messages", [1, 100])
def test_heads_go_oldest_claim_first_then_first_loads_then_sweeps(
    belt: Belt, world: World, slice_messages: int
) -> None:
    """Sweeps that were opened before go before those that are due now."""
    _, later, earlier, begun = chats(world, "new", "later", "earlier", "begun")
    for number in range(5):
        world.advance(DAY_S)
        world.post(begun, text=f"day {number}")
    belt.load(chat_ids=[begun, earlier, later])
    world.advance(10 * DAY_S)
    for chat_id in (earlier, later):
        world.advance(600)
        belt.load(chat_ids=[chat_id], rungs="off")
    world.advance(600)
    belt.load(chat_ids=[begun], page_size=1, kill_after=3, **STRICT)
    assert belt.claims[begun]["walks"].keys() == {"sweep"}
    world.advance(600)
    belt.load(workers=1, slice_messages=slice_messages)
    heads, sweeps = ["earlier", "later", "begun"], ["begun", "earlier", "later"]
    assert order(belt) == [*heads, "new", *sweeps]
    belt.assert_equals_truth()


def test_first_load_holds_up_nobody_who_waits_for_news(belt: Belt, world: World) -> None:
    """A huge chat is added: its slices come after the heads of all others."""
    (huge,) = chats(world, "huge")
    for _ in range(5):
        world.advance(60)
        world.post(huge, text="one of many")
    quick = chats(world, "quick", "quicker")
    world.leave(huge)
    world.advance(DAY_S)
    belt.load()
    world.join(huge)
    world.advance(DAY_S)
    for chat_id in quick:
        world.post(chat_id, text="news")
    belt.load(max_messages=2, rungs="off", **STRICT)
    assert order(belt) == ["quick", "quicker"]
    belt.load(page_size=2, rungs="off", **STRICT)
    assert order(belt)[:3] == ["quick", "quicker", "huge"]
    belt.assert_equals_truth()


def test_first_load_that_was_begun_comes_after_the_heads_too(belt: Belt, world: World) -> None:
    """What it claims so far is older than what any head goes on from, and yet it is no head."""
    (huge,) = chats(world, "huge")
    for _ in range(5):
        world.advance(60)
        world.post(huge, text="one of many")
    (quick,) = chats(world, "quick")
    belt.load(chat_ids=[huge], max_messages=3, page_size=2)
    belt.load(chat_ids=[quick])
    world.advance(DAY_S)
    belt.load(rungs="off", **STRICT)
    assert order(belt) == ["quick", "huge", "huge"]  # the rest, and then its own head
    belt.assert_equals_truth()


# the network


def lose(belt: Belt, chat_ids: list[str]) -> None:
    """Whatever is asked of these chats' timelines is lost."""
    belt.sandbox.inject(*(Fault("reset_connection", chat_id=one, times=None) for one in chat_ids))


ONE_BY_ONE: dict[str, Any] = {"workers": 1, "attempts": 1, "rungs": "off"}


def test_five_chats_in_a_row_that_the_network_loses_end_the_load(belt: Belt, world: World) -> None:
    """Not four, and nobody after the fifth is asked."""
    made = chats(world, *"abcdefg")
    lose(belt, made[:4])
    assert [*belt.load(**ONE_BY_ONE).values()] == ["failed"] * 4 + ["complete"] * 3
    assert belt.stopped_by is None
    lose(belt, made)
    world.advance(DAY_S)
    assert [*belt.load(**ONE_BY_ONE).values()].count("failed") == 5
    assert (len(order(belt)), type(belt.stopped_by).__name__) == (5, "RetriesExhausted")


def test_how_many_chats_the_network_may_lose_is_a_setting(belt: Belt, world: World) -> None:
    """After that many in a row the load stops."""
    made = chats(world, *"abcdefg")
    lose(belt, made)
    assert [*belt.load(most_chats_lost=2, **ONE_BY_ONE).values()].count("failed") == 2
    assert [*belt.load(most_chats_lost=100, **ONE_BY_ONE).values()] == ["failed"] * 7


@pytest.mark.parametrize("answer", ["page", "thread", "refusal"])
def test_any_answer_in_between_shows_that_the_network_is_up(
    belt: Belt, world: World, answer: str
) -> None:
    """Four chats are lost, something is answered, and four more are lost: the load goes on."""
    made = chats(world, *"abcdefghij")
    middle = made[4]
    root = world.post(middle, text="root")
    if answer == "thread":
        world.reply_in_thread(root, text="reply")
    belt.load()
    world.advance(600)
    if answer == "refusal":
        world.restrict(middle)
    lost = [one for one in made[:9] if one != middle]
    lose(belt, lost if answer != "thread" else made[:8])
    statuses = belt.load(**ONE_BY_ONE)
    middle_is = {"page": "complete", "thread": "failed", "refusal": "skipped"}[answer]
    assert (statuses[middle], statuses[made[9]]) == (middle_is, "complete")
    assert belt.stopped_by is None
