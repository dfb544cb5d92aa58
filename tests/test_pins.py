"""Pinned messages of each chat: as often as its members, whole or not at all."""

from __future__ import annotations

import pytest

from feishu_source.sandbox import Fault, World
from tests.lab import DAY_S, Lab

PINS = "/open-apis/im/v1/pins"


def pinned(world: World, ann: str, number: int) -> tuple[str, list[str]]:
    """A chat, and so many pinned messages in it."""
    chat_id = world.add_chat(member_ids=[ann])
    posts = [world.post(chat_id, ann, text=f"number {n}") for n in range(number)]
    for post in posts:
        world.pin(post, ann)
    return chat_id, posts


def test_nothing_is_asked_where_they_are_off(lab: Lab, world: World, ann: str) -> None:
    """The table is there all the same, and is not written again by every load."""
    pinned(world, ann, 2)
    lab.load()
    assert (lab.sandbox.count(PINS), lab.rows("chat_pins")) == (0, [])
    jobs = "select count(*) from feishu._dlt_loads"
    before = lab.query(jobs)
    lab.load()
    assert lab.sandbox.count(PINS) == 0
    assert len(lab.query(jobs)) == len(before)


def test_pins_are_read_once_a_day_and_replaced_as_a_whole(lab: Lab, world: World, ann: str) -> None:
    """More than a page of them; those that are taken down go, the last one too."""
    one, posts = pinned(world, ann, 60)
    _, [only] = pinned(world, ann, 1)
    lab.load(pins=True)
    assert lab.sandbox.count(PINS) == 3
    lab.assert_equals_truth()
    world.unpin(posts[0])
    world.unpin(only)
    world.recall(posts[1])
    lab.load(pins=True)
    assert lab.sandbox.count(PINS) == 0
    world.advance(DAY_S)
    lab.load(pins=True)
    assert {row["chat_id"] for row in lab.rows("chat_pins")} == {one}
    lab.assert_equals_truth()


def test_a_missing_scope_is_met_by_few_and_told(lab: Lab, world: World, ann: str) -> None:
    """Messages go on; the next day asks again."""
    for _ in range(40):
        pinned(world, ann, 1)
    lab.sandbox.inject(Fault("missing_scope", path=PINS, times=None))
    report = lab.load(pins=True, workers=2)
    assert (report.exit_code, lab.rows("chat_pins")) == (0, [])
    assert lab.sandbox.count(PINS) <= 2
    [warning] = report.warnings
    assert warning.startswith("chat pins left out where refused")
    assert "im:message.pins:read" in warning
    lab.sandbox.clear_faults()
    world.advance(DAY_S)
    lab.load(pins=True)
    lab.assert_equals_truth()


@pytest.mark.parametrize("fault", ["html_502", "repeating_page_token"])
def test_trouble_leaves_the_old_pins_and_the_next_load_asks_again(
    lab: Lab, world: World, ann: str, fault: str
) -> None:
    """A list that breaks off is none: what it lacks would seem gone."""
    _, posts = pinned(world, ann, 60)
    lab.load(pins=True)
    world.advance(DAY_S)
    world.unpin(posts[0])
    lab.sandbox.inject(Fault(fault, path=PINS, times=None))
    report = lab.load(pins=True, attempts=1)
    assert (report.exit_code, len(lab.rows("chat_pins"))) == (0, 60)
    assert report.warnings[0].startswith("chat pins left out for now, the next load asks again")
    lab.sandbox.clear_faults()
    lab.load(pins=True)
    lab.assert_equals_truth()


def test_a_chat_that_refuses_its_pins_is_complete(lab: Lab, world: World, ann: str) -> None:
    """Its messages are what counts."""
    for _ in range(2):
        pinned(world, ann, 1)
    lab.sandbox.inject(Fault("unknown_code", path=PINS, code=230013, times=1))
    report = lab.load(pins=True, workers=1)
    assert (report.exit_code, len(lab.rows("chat_pins"))) == (0, 1)
    assert "230013" in report.warnings[0]
