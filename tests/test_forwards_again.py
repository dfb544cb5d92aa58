"""Merged forwards that are listed again: what is asked for once more, what stands as it is."""

from __future__ import annotations

import pytest

from feishu_source.opener import MOST_KNOWN, MOST_LOST, MOST_OWED
from feishu_source.sandbox import Fault, World
from tests.belt import Belt
from tests.laboratory import MESSAGES
from tests.test_forwards import GET, NO_SWEEPS, SENTENCE, gets, one_forward, told

HOUR_S = 3_600
DAY_S = 86_400


def chat_with_forwards(world: World, number: int, apart_s: int = 0) -> str:
    """A chat, and so many merged forwards in it of one message."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    post = world.post(here, ann, text="x")
    for _ in range(number):
        world.advance(apart_s)
        world.forward(here, ann, [post])
    return here


# what was opened keeps its words


def test_a_full_load_without_forwards_leaves_what_was_opened(belt: Belt, world: World) -> None:
    """Else the sentence would stand there for good: the state knows it as opened."""
    here, _ = one_forward(world)
    belt.load()
    world.advance(HOUR_S)
    belt.load(full=True, forwards=False)
    assert gets(belt) == []
    belt.assert_equals_truth(chat_ids=[here])


def test_full_loads_that_cannot_open_it_leave_what_was_opened(belt: Belt, world: World) -> None:
    """The second one too, by which time it is owed; each asks for it once."""
    here, outer = one_forward(world)
    belt.load()
    belt.sandbox.inject(Fault("html_502", path=GET, times=None))
    for _ in range(3):
        world.advance(60)
        assert belt.load(full=True, attempts=1)[here] == "partial"
        assert gets(belt) == [outer]
        belt.assert_equals_truth(chat_ids=[here])


def test_a_full_load_does_not_wait_for_what_is_owed(belt: Belt, world: World) -> None:
    """Whoever has mended something asks for all of it."""
    here, outer = one_forward(world)
    belt.sandbox.inject(Fault("html_502", path=GET))
    belt.load(attempts=1)
    assert told(belt, outer) == (SENTENCE, "failed", None)
    world.advance(60)
    assert belt.load(full=True)[here] == "complete"
    assert belt.tables["sync_coverage"][(here,)]["owed_forwards"] == 0
    belt.assert_equals_truth(chat_ids=[here])


def test_more_than_the_state_keeps_are_not_all_opened_again(belt: Belt, world: World) -> None:
    """Only the ones beyond its bound, however often the look-back lists them all."""
    here = chat_with_forwards(world, MOST_KNOWN + 100)
    belt.load()
    for _ in range(3):
        world.advance(60)
        belt.load()
        assert len(gets(belt)) <= MOST_KNOWN + 100 - MOST_KNOWN * 4 // 5
        assert len(belt.claims[here]["forwards"]) <= MOST_KNOWN


# what is owed


def test_a_missing_scope_is_met_by_few_of_those_that_are_owed(belt: Belt, world: World) -> None:
    """As many as are asked for side by side, however many chats owe however many."""
    for _ in range(5):
        chat_with_forwards(world, 40)
    belt.sandbox.inject(Fault("missing_scope", path=GET, times=None))
    for _ in range(3):
        belt.load(workers=4)
        assert len(gets(belt)) <= 2 * 4
        told_of = sum(each["requests"] for each in belt.rows("sync_coverage"))
        assert told_of == sum(each.path.startswith(MESSAGES) for each in belt.sandbox.requests)
        assert [len(claim["owed_forwards"]) for claim in belt.claims.values()] == [40] * 5
        world.advance(8 * HOUR_S)
    belt.sandbox.clear_faults()
    assert set(belt.load().values()) == {"complete"}
    belt.assert_equals_truth()


def test_what_is_owed_is_opened_by_a_load_with_other_bounds(belt: Belt, world: World) -> None:
    """Its row stands in the warehouse: no bound of this load is about it."""
    here, outer = one_forward(world)
    belt.sandbox.inject(Fault("html_502", path=GET))
    belt.load(attempts=1)
    world.advance(HOUR_S)
    assert belt.load(since="2025-01-01", until="2025-02-01")[here] == "complete"
    assert gets(belt) == [outer]
    assert belt.claims[here].get("owed_forwards") is None
    belt.assert_equals_truth(chat_ids=[here])


def test_an_outage_that_leaves_too_many_closed_ends_their_chat(belt: Belt, world: World) -> None:
    """What nobody would remember is not claimed; long after that it is still to be read."""
    here = chat_with_forwards(world, MOST_OWED + 60, apart_s=1)
    belt.sandbox.inject(Fault("html_502", path=GET, times=None))
    assert belt.load(attempts=1, workers=4, **NO_SWEEPS)[here] == "failed"
    assert len(belt.claims[here]["owed_forwards"]) == MOST_OWED
    assert len(gets(belt)) <= MOST_LOST + 2 * 4  # the others would wait as long for nothing
    belt.sandbox.clear_faults()
    world.advance(30 * DAY_S)
    assert belt.load(**NO_SWEEPS)[here] == "complete"
    belt.assert_equals_truth(chat_ids=[here])


def test_an_id_that_cannot_be_asked_for_is_no_trouble_of_its_chat(belt: Belt, world: World) -> None:
    """Nothing goes out, and the message is loaded with its sentence."""
    here, outer = one_forward(world)
    world.message(outer).more = {"message_id": "om/../x y"}
    world.message(outer).wires = None
    assert belt.load()[here] == "complete"
    assert (gets(belt), told(belt, "om/../x y")) == ([], (SENTENCE, "failed", None))


# in threads that are polled


def thread_with_a_forward(world: World) -> tuple[str, str]:
    """A chat, and the root of a thread in it, with a reply that is a merged forward."""
    ann = world.add_user("Ann")
    here = world.add_chat(member_ids=[ann])
    root = world.post(here, ann, text="root")
    container = world.message(world.forward(here, ann, [root]))
    container.chat.timeline.remove(container)
    world.attach(container, world.thread_of(world.message(root)))
    return here, root


@pytest.mark.parametrize("rungs", ["off", "1d/6h"])
def test_an_old_forward_in_a_busy_thread_is_opened_once(
    belt: Belt, world: World, rungs: str
) -> None:
    """Every poll lists it, long after the last rung has left it behind."""
    here, root = thread_with_a_forward(world)
    belt.load(rungs=rungs)
    asked: list[str] = []
    for _ in range(20):
        world.advance(2 * DAY_S)
        world.reply_in_thread(root, None, text="more")
        belt.load(rungs=rungs)
        asked += gets(belt)
    assert asked == []
    belt.assert_equals_truth(chat_ids=[here])


def test_a_forward_in_a_thread_that_falls_silent_is_opened_once(belt: Belt, world: World) -> None:
    """Between two polls lie days; when the thread has cooled, the state forgets it."""
    here, _ = thread_with_a_forward(world)
    belt.load(rungs="off")
    asked: list[str] = []
    for _ in range(4 * 32):
        world.advance(6 * HOUR_S)
        belt.load(rungs="off")
        asked += gets(belt)
    assert (asked, belt.claims[here].get("forwards")) == ([], None)
    belt.assert_equals_truth(chat_ids=[here])
