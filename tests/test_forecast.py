"""A plan is right: what loads take in requests lies inside the interval that was told before.

The shapes below were drawn once and are no others than these; what was tried out while the plan was
built had other seeds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from feishu_source.errors import (
    ConfigurationError,
    CredentialsRefused,
    QuotaExhausted,
    RetriesExhausted,
)
from feishu_source.forecast import LoadPlan, plan
from feishu_source.forecast.report import Amount
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE
from feishu_source.sandbox.endpoints import USERS_PATH
from tests.belt import Belt
from tests.determinism import Direct
from tests.examined import files_in
from tests.lab import DAY_S, MESSAGES, Lab
from tests.tenants_planned import (
    Complete,
    Shape,
    come_to_pass,
    most_requests_of_a_chat,
    plan_of,
    tenant_of,
)

HOUR_S = 3_600

SHAPES = {
    "many small chats": Shape(9_001, 40, 600, 200),
    "many small chats, daily": Shape(9_002, 40, 600, 200, every_s=DAY_S),
    "many small chats without positions": Shape(9_003, 40, 600, 200, positions=False),
    "one huge chat": Shape(9_004, 1, 6_000, 300),
    "one huge chat without positions": Shape(9_005, 1, 6_000, 300, positions=False),
    "one small chat": Shape(9_006, 1, 30, 100),
    "a usual team": Shape(9_007, 20, 3_000, 365),
    "a usual team without positions": Shape(9_008, 20, 3_000, 365, positions=False),
    "a young and busy team": Shape(9_009, 12, 2_500, 7, every_s=4 * HOUR_S),
    "no threads": Shape(9_010, 15, 2_000, 90, thread_share=0.0),
    "no threads without positions": Shape(9_011, 15, 2_000, 90, 0.0, positions=False),
    "many threads": Shape(9_012, 15, 2_000, 90, thread_share=0.6),
    "many threads without positions": Shape(9_013, 15, 2_000, 90, 0.6, positions=False),
    "empty chats": Shape(9_014, 30, 20, 50),
    "a sample of the chats": Shape(9_015, 60, 2_000, 200, most_chats=20, every_s=4 * HOUR_S),
    "since the last month": Shape(
        9_016, 20, 3_000, 365, settings={"since": "2025-12-01", "rungs": "1d/6h 7d/2d"}
    ),
    "until the month before": Shape(
        9_017, 10, 1_000, 365, every_s=4 * HOUR_S, settings={"until": "2025-11-30"}
    ),
    "threads left out": Shape(9_018, 20, 3_000, 365, 0.3, settings={"threads": False}),
    "small pages, a long look-back": Shape(
        9_019, 10, 1_000, 60, settings={"page_size": 20, "look_back_s": DAY_S}
    ),
    "with reactions and pins": Shape(
        9_021, 20, 3_000, 365, 0.2, settings={"reactions": True, "pins": True}
    ),
    "with tabs and announcements": Shape(9_026, 20, 2_000, 100, settings={"chat_context": True}),
    "a small team with reactions": Shape(9_022, 4, 300, 30, 0.2, settings={"reactions": True}),
    "a busy team with reactions": Shape(
        9_023, 12, 2_500, 7, 0.3, every_s=4 * HOUR_S, settings={"reactions": True}
    ),
    "a sample of the chats with reactions": Shape(
        9_024, 60, 2_000, 200, most_chats=20, settings={"reactions": True}
    ),
    "polls and sweeps of its own": Shape(
        9_020,
        *(12, 1_500, 60, 0.3),
        settings={
            **{"hot_s": 3 * DAY_S, "poll_every_load_s": HOUR_S * 6, "poll_growth": 2.0},
            **{"rungs": "2d/12h", "details_period_s": 6 * HOUR_S, "slice_messages": 400},
        },
    ),
}


def holds(told: Amount, number: float) -> bool:
    """True if the number lies inside."""
    return told.low <= number <= told.high and told.low <= told.point <= told.high


@pytest.mark.parametrize("name", SHAPES)
def test_the_truth_lies_inside_the_interval(name: str) -> None:
    """Requests of the first load, and of a day of loads while people go on talking."""
    came = come_to_pass(SHAPES[name])
    assert holds(came.told.first_load.requests, came.first)
    assert holds(came.told.day.requests, came.day)


@pytest.mark.parametrize("name", SHAPES)
def test_a_plan_makes_at_most_three_requests_a_chat(name: str) -> None:
    """Beside the token and the pages of the chat list; it tells how many it made."""
    shape = SHAPES[name]
    belt = tenant_of(shape)
    told = plan_of(belt, shape)
    assert most_requests_of_a_chat(belt.sandbox) <= 3
    assert told.spent == len(belt.sandbox.requests)
    assert told.spent <= 2 + 3 * min(shape.chats, shape.most_chats)
    assert told.asked == min(shape.chats, shape.most_chats)
    assert {request.method for request in belt.sandbox.requests[1:]} == {"GET"}


def test_the_intervals_are_of_use() -> None:
    """Not by being wide do they hold the truth, where there are chats enough to add up."""
    usual = [shape for shape in SHAPES.values() if shape.chats >= 10]
    told = [plan_of(tenant_of(shape), shape) for shape in usual]
    assert median(ratio(each.first_load.requests) for each in told) < 1.6
    assert median(ratio(each.day.requests) for each in told) < 3.0


def ratio(amount: Amount) -> float:
    """How far the ends of an interval lie apart."""
    return amount.high / amount.low


def test_a_whole_load_takes_what_was_told(tmp_path: Path) -> None:
    """Through dlt into a DuckDB file, over HTTP: chats, members, messages; nobody counts twice."""
    world = tenant_of(Shape(9_101, 12, 900, 90, thread_share=0.2)).world
    with Lab(tmp_path, world) as lab:
        told = plan(every_s=DAY_S, **lab.access)
        assert holds(told.first_load.requests, lab.load().requests)
        world.now_ms += DAY_S * 1_000
        assert holds(told.day.requests, lab.load().requests)


def test_nothing_is_written(tmp_path: Path) -> None:
    """No folder, no file, no database; and a tenant is only read from."""
    with Lab(tmp_path, tenant_of(Shape(9_102, 6, 200)).world) as lab:
        before = files_in(tmp_path)
        plan(**lab.access)
        assert files_in(tmp_path) == before


def told_of(belt: Belt, **arguments: Any) -> LoadPlan:
    """A plan of the tenant, asked for the short way."""
    return plan(carrier=Direct(belt.sandbox), **(belt.access | arguments))


def test_a_small_tenant_is_counted(belt: Belt, world: World, ann: str, team: str) -> None:
    """Chats of which every message was seen leave nothing to guess but members and threads."""
    for _ in range(80):
        world.post(team, ann, text="hello")
        world.advance(60)
    told = told_of(belt)
    assert (told.chats, told.asked, told.counted) == (1, 1, 1)
    assert told.messages == Amount(80, 80, 80)
    assert told.first_load.by_kind["messages"] == Amount(2, 2, 2)
    belt.load()
    assert told.first_load.requests.low == len(belt.sandbox.requests) + 1  # the belt has no members


def test_merged_forwards_are_counted_where_they_are_opened(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """One request each, once; none where they are off."""
    post = world.post(team, ann, text="hello")
    for _ in range(7):
        world.forward(team, ann, [post])
    assert told_of(belt).first_load.by_kind["forwards"] == Amount(7, 7, 7)
    assert told_of(belt, forwards=False).first_load.by_kind["forwards"] == Amount(0, 0, 0)
    before = told_of(belt).first_load.requests.low
    belt.load()
    assert before == len(belt.sandbox.requests) + 1  # the belt has no members


def test_reactions_and_pins_are_told_where_they_are_wanted(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """20 messages a request, and one a chat; no row of either where they are off."""
    for _ in range(80):
        world.post(team, ann, text="hello")
    off = told_of(belt).first_load.by_kind
    assert not {"reactions", "pins"} & off.keys()
    on = told_of(belt, reactions=True, pins=True)
    assert (on.first_load.by_kind["reactions"].high, on.first_load.by_kind["pins"].low) == (6, 1)
    assert on.day.by_kind["pins"].point == 1
    belt.load(reactions=True)
    made = belt.sandbox.count(MESSAGES + "/reactions/batch_query")
    assert holds(on.first_load.by_kind["reactions"], made)


def test_tabs_and_announcements_are_told_where_they_are_wanted(
    belt: Belt, world: World, team: str
) -> None:
    """Two requests a chat, or three: nothing tells beforehand of which form they are."""
    assert "context" not in told_of(belt).first_load.by_kind
    on = told_of(belt, chat_context=True)
    for told in (on.first_load, on.day):
        assert (told.by_kind["context"].low, told.by_kind["context"].high) == (2, 3)


def test_details_of_people_are_foretold_where_they_are_asked_for(tmp_path: Path) -> None:
    """By the members of the chats that were looked at; a day asks again for a part of them."""
    world = tenant_of(Shape(9_103, 12, 900, 90, thread_share=0.2)).world
    world.scopes |= {CONTACT_SCOPE}
    more = [world.add_user(f"Person {number}") for number in range(130)]
    for number, chat_id in enumerate(world.chats):
        for person in more[number * 10 : number * 10 + 30]:
            world.add_member(chat_id, person)
    with Lab(tmp_path, world) as lab:
        assert "people" not in plan(every_s=DAY_S, **lab.access).first_load.by_kind
        told = plan(every_s=DAY_S, user_details=True, **lab.access)
        assert lab.sandbox.count(USERS_PATH) == 0
        loaded = lab.load(user_details=True)
        assert holds(told.first_load.by_kind["people"], lab.sandbox.count(USERS_PATH))
        assert holds(told.first_load.requests, loaded.requests)
        assert told.first_load.by_kind["people"].high < 20
        days = []
        for _ in range(8):
            world.now_ms += DAY_S * 1_000
            lab.load(user_details=True)
            days.append(lab.sandbox.count(USERS_PATH))
        assert (sum(days) > 0, all(holds(told.day.by_kind["people"], day) for day in days)) == (
            True,
            True,
        )


def test_minutes_and_shares_follow_from_requests(belt: Belt, team: str) -> None:
    """By the configured rate, the share of it that is ours, and the quota that was named."""
    told = told_of(
        belt, monthly_quota=1_000, requests_per_minute=10, requests_per_second=50, rate_share=0.5
    )
    assert told.requests_per_minute == 5
    assert told.first_load.minutes.point == told.first_load.requests.point / 5
    assert told.first_load.quota_share == told.first_load.requests.times(1 / 1_000)
    assert told.month == told.day.requests.times(30)
    assert told.to_dict()["month"]["quota_share"]["low"] == told.month.low / 1_000
    assert told_of(belt).first_load.quota_share is None


def test_refused_chats_are_told_and_counted(belt: Belt, world: World, ann: str, team: str) -> None:
    """Each is asked once in every load, and stands in nobody's way."""
    world.post(team, ann, text="hello")
    refused = world.add_chat(name="Finance", member_ids=[ann])
    world.restrict(refused)
    told = told_of(belt)
    assert [(each.chat_id, each.code, each.status) for each in told.problems] == [
        (refused, 231203, "skipped")
    ]
    assert told.first_load.by_kind["messages"] == Amount(2, 2, 2)
    assert told.day.by_kind["heads"].low == 48


def test_wrong_credentials_end_the_plan(belt: Belt, team: str) -> None:
    """There is nothing to tell, and the error is that of a load."""
    with pytest.raises(CredentialsRefused):
        told_of(belt, app_secret="wrong")


def test_a_quota_that_is_used_up_ends_the_plan(belt: Belt, world: World, team: str) -> None:
    """No further chat is asked about."""
    world.quota_used_up = True
    with pytest.raises(QuotaExhausted):
        told_of(belt)


def test_a_network_that_is_down_ends_the_plan(belt: Belt, world: World, ann: str) -> None:
    """After as many chats in a row as end a load; one alone is told."""
    for name in "abc":
        world.add_chat(name=name, member_ids=[ann])
    belt.sandbox.inject(Fault("reset_connection", path=MESSAGES, times=2))
    patient = {"workers": 1, "attempts": 1, "most_chats_lost": 3}
    told = told_of(belt, **patient)
    assert [each.status for each in told.problems] == ["failed", "failed"]
    assert told.first_load.by_kind["messages"].point == 3  # they may hold as much as the third
    belt.sandbox.inject(Fault("reset_connection", path=MESSAGES, times=None))
    with pytest.raises(RetriesExhausted):
        told_of(belt, **patient)


@pytest.mark.parametrize(
    "arguments",
    [{"every_s": 59}, {"every_s": DAY_S + 1}, {"most_chats": 0}, {"monthly_quota": 0}],
    ids=str,
)
def test_arguments_that_cannot_be_meant_are_refused(belt: Belt, arguments: dict[str, Any]) -> None:
    """By name and bounds, and nothing is asked."""
    (name,) = arguments
    with pytest.raises(ConfigurationError, match=f"{name} is .*, it must lie between"):
        told_of(belt, **arguments)
    assert not belt.sandbox.requests


def test_a_sample_is_the_same_each_time_and_widens_the_interval() -> None:
    """Which chats are asked about goes by their ids; fewer tell less."""
    shape = Shape(9_103, 40, 1_500, 100)
    belt = tenant_of(shape)
    few = replace(shape, most_chats=10)
    assert plan_of(belt, few).first_load == plan_of(belt, few).first_load
    some, every = plan_of(belt, few), plan_of(belt, shape)
    assert (some.asked, every.asked) == (10, 40)
    assert some.spent < every.spent
    assert ratio(some.first_load.requests) > ratio(every.first_load.requests)


def test_positions_that_count_something_else_are_not_believed() -> None:
    """Where they grow by leaps they are those of a whole tenant, and say nothing of one chat."""
    shape = Shape(9_104, 1, 2_000, 100)
    belt = tenant_of(shape)
    honest = plan_of(belt, shape).messages
    for message in belt.world.messages:
        message.position *= 1_000
        message.wires = None
    leaping = plan_of(belt, shape).messages
    assert leaping == plan_of(belt, replace(shape, positions=False)).messages
    assert ratio(leaping) > ratio(honest)
    belt.load()
    listed = sum(message.position >= 0 for message in belt.world.messages)
    assert holds(honest, listed) or honest.high / listed > 0.9


@pytest.mark.parametrize(
    ("cheaper", "kind"),
    [
        ({"threads": False}, "polls"),
        ({"hot_s": 0}, "polls"),
        ({"poll_every_load_s": 0, "poll_growth": 10.0}, "polls"),
        ({"rungs": "off"}, "sweeps"),
        ({"rungs": "1d/1d"}, "sweeps"),
        ({"details_period_s": 2 * DAY_S}, "details"),
        ({"details_period_s": 2 * DAY_S}, "members"),
    ],
    ids=str,
)
def test_a_setting_that_saves_requests_is_seen_in_the_day(
    cheaper: dict[str, Any], kind: str
) -> None:
    """In the kind of request that it is about."""
    shape = Shape(9_105, 8, 1_200, 30, thread_share=0.3)
    belt = tenant_of(shape)
    usual = plan_of(belt, shape).day.by_kind[kind].point
    assert plan_of(belt, replace(shape, settings=cheaper)).day.by_kind[kind].point < usual


def test_only_the_chats_that_would_be_loaded_are_asked_about(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """By id, by name, and by name left out."""
    other = world.add_chat(name="Other", member_ids=[ann])
    for chosen in ({"chat_ids": [team]}, {"include": ["Te*"]}, {"exclude": ["Oth*"]}):
        belt.sandbox.clear_requests()
        assert told_of(belt, **chosen).chats == 1
        assert not belt.listings(other)


def test_a_tenant_without_chats_says_what_to_do(belt: Belt) -> None:
    """As a load does."""
    told = told_of(belt)
    assert told.chats == 0
    assert [w for w in told.warnings if "add the bot to a group" in w]


def test_a_tenant_that_refuses_what_nobody_documented_is_planned_all_the_same(
    world: World, ann: str
) -> None:
    """Topic groups are then polled thread by thread, which the plan knows as a load does."""
    world.switches = Switches(accept_only_thread_root=False, accept_with_sender_name=False)
    topics = world.add_chat(name="Topics", mode="topic", member_ids=[ann])
    for _ in range(5):
        world.reply_in_thread(world.post(topics, ann, text="root"), ann, text="reply")
        world.advance(600)
    belt = Complete(world)
    told = told_of(belt)
    belt.load()
    assert told.first_load.by_kind["threads"].point == 5
    assert told.warnings


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [({"mode": "group", "group_message_type": "thread"}, 100, 250), ({"mode": "topic"}, 0, 0)],
    ids=["group", "topic"],
)
def test_a_group_in_which_every_message_is_a_root_costs_a_request_a_message(
    world: World, ann: str, kind: dict[str, Any], least: int, most: int
) -> None:
    """A topic group looks alike where few have answered: which it is, its mode tells."""
    chat = world.add_chat(name="x", member_ids=[ann], **kind)
    for number in range(120):
        root = world.post(chat, ann, text="root")
        world.advance(600)
        if number == 20:
            world.reply_in_thread(root, ann, text="reply")
    belt = Complete(world)
    told = told_of(belt).first_load
    belt.load()
    assert holds(told.requests, len(belt.sandbox.requests))
    threads = told.by_kind["threads"]
    assert least <= threads.low <= threads.high <= most
