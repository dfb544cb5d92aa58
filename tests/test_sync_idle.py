"""`skip_idle`: a load of chats in which nobody speaks asks for few of them, and misses nothing.

A tenant of many chats, each silent for longer than the one before; what is counted is everything
that the sandbox was asked for. What the unit of the rule decides is in `test_idle`.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from feishu_source.errors import FeishuError
from feishu_source.sandbox import Fault, Switches, World
from tests.belt import Belt
from tests.lab import Lab
from tests.laboratory import DAY_S, MESSAGES, at

HOUR_S = 3_600
CHATS = "/open-apis/im/v1/chats"
SKIP: dict[str, Any] = {"skip_idle": True}
HEADS: dict[str, Any] = {"skip_idle": True, "rungs": "off"}
"""No sweep stands beside the heads that are counted."""
OLDEST_D, NEWEST_D = 300, 2


def silent_chats(world: World, number: int) -> list[str]:
    """So many chats, the last one to speak first; each has one message, by an employee."""
    ann = world.add_user("Ann")
    now_ms = world.now_ms + OLDEST_D * DAY_S * 1_000
    chats = [world.add_chat(name=f"room {n}", member_ids=[ann]) for n in range(number)]
    Random(number).shuffle(chats)
    step_d = (OLDEST_D - NEWEST_D) / number
    for place, chat_id in enumerate(chats):
        age_s = (NEWEST_D + place * step_d) * DAY_S
        world.post(chat_id, ann, text="last words", at_ms=int(now_ms - age_s * 1_000))
    world.now_ms = now_ms
    return chats


def loaded(world: World, **arguments: Any) -> Belt:
    """A belt that has read everything once, and knows the chats' modes."""
    belt = Belt(world)
    belt.load(**arguments)
    belt.known = {one: {"mode": chat.mode} for one, chat in world.chats.items()}
    return belt


def read(belt: Belt) -> Counter[str]:
    """The chats that the last load read, with the requests for each."""
    timelines = [r.query for r in belt.sandbox.requests if r.path == MESSAGES]
    return Counter(query["container_id"] for query in timelines)


# what it costs


def test_idle_load_asks_once_a_chat_by_default(world: World) -> None:
    """Beside the list, a request per 100 chats, and the token; no sweep is due a moment later."""
    chats = silent_chats(world, 1_000)
    belt = loaded(world)
    world.advance(1)
    assert set(belt.load().values()) == {"complete"}
    assert read(belt) == Counter(chats)
    assert (belt.sandbox.count(), belt.sandbox.count(CHATS)) == (1_011, 10)


def test_idle_load_that_skips_asks_a_tenth_of_that_at_most(world: World) -> None:
    """The list twice, a token, and the chats that prove that the others are idle."""
    chats = silent_chats(world, 1_000)
    belt = loaded(world, **SKIP)
    world.advance(60)
    assert belt.load(**SKIP) == dict.fromkeys(belt.world.chats, "complete")
    assert read(belt) == Counter(chats[:8])
    assert (belt.sandbox.count(), belt.sandbox.count(CHATS)) == (29, 20)


def test_days_of_hourly_idle_loads_ask_a_tenth_on_average(world: World) -> None:
    """Chats that are due again and sweeps that reach a message included; no load takes more."""
    silent_chats(world, 400)
    belt = loaded(world, **SKIP)
    asked = []
    for _ in range(72):
        world.advance(HOUR_S)
        assert set(belt.load(**SKIP).values()) == {"complete"}
        asked.append(belt.sandbox.count())
    assert max(asked) <= 40
    assert sum(asked) <= 72 * 25


# what is said


def test_message_in_any_idle_chat_is_loaded_by_the_next_load(world: World) -> None:
    """Wherever it stood in the order; the chat's own claim never moved past it."""
    chats = silent_chats(world, 30)
    belt = loaded(world, **HEADS)
    for _ in range(3):
        world.advance(HOUR_S)
        belt.load(**HEADS)
    for chat_id in [chats[29], *chats[:29]]:
        world.advance(HOUR_S)
        message = world.post(chat_id, text="at last")
        belt.load(**HEADS)
        assert message in belt.message_ids()
        assert len(read(belt)) < 16
    belt.assert_equals_truth()


def test_idle_chat_is_complete_and_tells_up_to_when(world: World) -> None:
    """What is claimed stays where the last reading ended; there the next head begins."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    read_s = world.now_ms // 1_000
    world.advance(DAY_S / 4)
    belt.load(**HEADS)
    row = belt.tables["sync_coverage"][(chats[19],)]
    assert (row["status"], row["requests"]) == ("complete", 0)
    assert (row["covered_until"], row["idle_until"]) == (at(read_s), at(read_s + DAY_S / 4))
    assert row["last_synced_at"] == row["idle_until"]
    world.post(chats[19], text="at last")
    belt.load(**HEADS)
    row = belt.tables["sync_coverage"][(chats[19],)]
    assert (row["covered_until"], row["idle_until"]) == (at(read_s + DAY_S / 4), None)
    (head,) = belt.listings(chats[19])
    assert int(head.query["start_time"]) == read_s - 2 * HOUR_S - 2


def test_message_that_becomes_visible_late_is_not_behind_an_idle_chat(world: World) -> None:
    """Sent before a load that could not see it: what is proven is believed but for a look-back."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    late = world.post(chats[15], text="late", visible_after_ms=30 * 60_000)
    world.advance(60)
    belt.load(**HEADS)
    assert chats[15] not in read(belt)
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert late in belt.message_ids()


def test_messages_sent_while_the_list_is_paged_are_not_missed(world: World) -> None:
    """The chat moves up, out of the pages that are still to come, and is read like any other."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    said: list[str] = []

    def look() -> None:
        if belt.sandbox.count(CHATS) == 13 and not said:  # ten pages of the list, three by activity
            said.append(world.post(chats[15], text="just now"))

    world.on_look = look
    belt.load(list_page_size=2, **HEADS)
    assert said[0] in belt.message_ids()
    assert belt.sandbox.count(CHATS) == 20
    assert set(read(belt)) == {*chats[:8], chats[15]}


@pytest.mark.parametrize("activity", ["messages", "replies", "people"])
@pytest.mark.parametrize("change", ["reply", "recall", "edit"])
def test_change_of_an_old_message_is_seen_by_its_rung(
    world: World, change: str, activity: Any
) -> None:
    """Whether it moves its chat up or not: a rung that reaches a message is not put off."""
    chats = silent_chats(world, 20)
    world.switches = Switches(activity=activity)
    old = world.post(chats[9], text="old")
    world.advance(5 * DAY_S)
    belt = loaded(world, **SKIP)
    if change == "reply":
        world.reply_in_thread(old, text="first reply")
    elif change == "recall":
        world.recall(old)
    else:
        world.edit(old, text="other words")
    for _ in range(9):  # 7d/2d, plus one interval
        world.advance(DAY_S / 4)
        belt.load(**SKIP)
    belt.assert_equals_truth()


def test_hot_thread_is_polled_in_an_idle_chat(world: World) -> None:
    """In every load for a day, though its replies move nothing in the list."""
    chats = silent_chats(world, 20)
    root = world.post(chats[9], text="root")
    world.advance(5 * DAY_S)
    world.reply_in_thread(root, text="first")
    belt = loaded(world, **SKIP)
    for _ in range(5):
        world.advance(4 * HOUR_S)
        reply = world.reply_in_thread(root, text="next")
        belt.load(**HEADS)
        assert reply in belt.message_ids()


# what the order does not show


@pytest.mark.parametrize("chat", [0, 5, 12, 19])
def test_what_moves_no_chat_up_is_seen_before_its_silence_has_doubled(
    world: World, chat: int
) -> None:
    """A message of an app, in a tenant that counts only people as active."""
    chats = silent_chats(world, 20)
    world.switches = Switches(activity="people")
    belt = loaded(world, **HEADS)
    app, silent_s = world.add_bot("Alarm"), world.now_ms / 1_000
    silent_s -= next(
        r["create_time"].timestamp() for r in belt.rows("messages") if r["chat_id"] == chats[chat]
    )
    world.advance(60)
    message, said_s = world.post(chats[chat], app, text="alarm"), world.now_ms / 1_000
    while message not in belt.message_ids():
        world.advance(DAY_S)
        belt.load(**HEADS)
        assert world.now_ms / 1_000 - said_s <= min(silent_s, 30 * DAY_S) + DAY_S
    belt.assert_equals_truth()


REPLIED = range(1, 13)


@pytest.mark.parametrize("seed", range(5))
def test_replies_that_move_chats_up_hide_no_message(world: World, seed: int) -> None:
    """After the message somebody replies in an old thread of a dozen other chats: they stand above
    it with nothing new to show, and yet they prove nothing."""
    chats = silent_chats(world, 30)
    world.switches = Switches(activity="replies")
    roots = [world.chats[chat_id].timeline[0] for chat_id in chats]
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    message = world.post(chats[20], text="at last")
    for place in Random(seed).sample(REPLIED, len(REPLIED)):
        world.advance(60)
        world.reply_in_thread(world.id_of(roots[place]), text="reply")
    belt.load(**HEADS)
    assert message in belt.message_ids()


@pytest.mark.parametrize(("witnesses", "is_seen"), [(1, False), (2, True)])
def test_one_witness_is_not_enough(world: World, witnesses: int, is_seen: bool) -> None:
    """A reply in the chat that stands first anyway: its place tells nothing of what was after its
    last message. The next one below shows it, and if nobody asks that, the chat is read later."""
    chats = silent_chats(world, 20)
    world.switches = Switches(activity="replies")
    root = world.id_of(world.chats[chats[0]].timeline[0])
    rule = {**HEADS, "idle_witnesses": witnesses}
    belt = loaded(world, **rule)
    world.advance(HOUR_S)
    message = world.post(chats[10], text="hidden")
    world.advance(60)
    world.reply_in_thread(root, text="reply")
    belt.load(**rule)
    assert (message in belt.message_ids()) is is_seen
    world.advance(30 * DAY_S)
    belt.load(**rule)
    assert message in belt.message_ids()


# trouble


def test_refused_order_is_told_once_and_all_chats_are_read(lab: Lab) -> None:
    """By a code that nobody knows; the load is complete all the same."""
    chats = silent_chats(lab.world, 20)
    lab.load(skip_idle=True)
    lab.world.advance(HOUR_S)
    lab.sandbox.inject(Fault("unknown_code", path=CHATS, after=1, times=None))
    report = lab.load(skip_idle=True, rungs="off")
    assert (report.exit_code, report.chats_complete) == (0, 20)
    assert sum(len(lab.listings(chat_id)) for chat_id in chats) == 20
    (warning,) = report.warnings
    assert warning.startswith("no chat is left out as idle, all are read: Could not list chats by")
    lab.sandbox.clear_faults()
    lab.world.advance(HOUR_S)
    report = lab.load(skip_idle=True, rungs="off")
    assert (report.exit_code, report.chats_complete, report.warnings) == (0, 20, [])
    assert sum(len(lab.listings(chat_id)) for chat_id in chats) == 8
    lab.assert_equals_truth()


@pytest.mark.parametrize("kill_after", [0, 1])
def test_load_that_is_killed_proves_nothing_that_is_not_stored(
    world: World, kill_after: int
) -> None:
    """Neither the messages that it read nor the chats that it left out are missing after it."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    for number in (3, 11):
        world.advance(HOUR_S)
        world.post(chats[number], text="at last")
        belt.load(kill_after=kill_after, slice_messages=1, batch_rows=1, **HEADS)
        assert belt.kills
        world.advance(HOUR_S)
        world.post(chats[number + 5], text="at last")
        assert set(belt.load(**HEADS).values()) == {"complete"}
        belt.assert_equals_truth()


def test_load_that_fails_leaves_nothing_out(world: World) -> None:
    """The network is lost before a chat was read: no witness, so all is still to be read."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    message = world.post(chats[12], text="at last")
    belt.sandbox.inject(Fault("reset_connection", path=MESSAGES, times=None))
    statuses = belt.load(attempts=1, workers=1, **HEADS)
    assert isinstance(belt.stopped_by, FeishuError)
    assert Counter(statuses.values()) == {"failed": 5, "partial": 15}
    belt.sandbox.clear_faults()
    assert set(belt.load(**HEADS).values()) == {"complete"}
    assert message in belt.message_ids()


def test_chat_that_cannot_be_read_is_asked_in_every_load_and_proves_nothing(
    world: World,
) -> None:
    """It stands first in the order, with the chats that would vouch for the others."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    refused = chats[:9]
    for chat_id in refused:
        world.restrict(chat_id)
    for _ in range(3):
        world.advance(HOUR_S)
        statuses = belt.load(**HEADS)
        assert [one for one, status in statuses.items() if status == "skipped"] == sorted(
            refused, key=list(statuses).index
        )
        assert set(read(belt)) == set(chats[:17])
    for chat_id in refused:
        world.restrict(chat_id, False)
    world.advance(HOUR_S)
    assert set(belt.load(**HEADS).values()) == {"complete"}
    assert set(refused) < set(read(belt))


def test_chat_that_was_refused_is_asked_until_it_answers(world: World) -> None:
    """Far down in the order, where those above vouch for it: what is silent may still be shut."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.restrict(chats[15])
    world.advance(HOUR_S)
    assert belt.load(rungs="off")[chats[15]] == "skipped"
    for _ in range(2):
        world.advance(HOUR_S)
        assert belt.load(**HEADS)[chats[15]] == "skipped"
        assert set(read(belt)) == {*chats[:8], chats[15]}
    world.restrict(chats[15], False)
    for number in (9, 8):
        world.advance(HOUR_S)
        assert set(belt.load(**HEADS).values()) == {"complete"}
        assert len(read(belt)) == number


# how it is switched


def test_switched_off_all_chats_are_read(world: World) -> None:
    """Nothing remains of what was proven; switched on again, it works at once."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert sum("idle_until_s" in belt.claims[one] for one in chats) == 12
    world.advance(HOUR_S)
    belt.load(rungs="off")
    assert read(belt) == Counter(chats)
    assert not any("idle_until_s" in belt.claims[one] for one in chats)
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert len(read(belt)) == 8


def test_state_that_does_not_know_the_newest_messages_learns_them(world: World) -> None:
    """Each chat is read once more; then as much is known as its head can show."""
    chats = silent_chats(world, 20)
    belt = loaded(world, rungs="off")
    for claim in belt.claims.values():
        del claim["newest_s"]
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert read(belt) == Counter(chats)
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert len(read(belt)) == 8


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ({}, {"full": True}),
        ({"since": "2026-06-01"}, {}),
        ({"threads": False}, {}),
        ({}, {"until": "2026-10-01"}),
    ],
    ids=["full", "earlier start", "threads", "window"],
)
def test_what_is_asked_for_is_read_however_idle(
    world: World, before: dict[str, Any], then: dict[str, Any]
) -> None:
    """A whole rereading, an earlier start, threads that were left out, a window."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS, **before)
    world.advance(HOUR_S)
    belt.load(**HEADS, **then)
    assert read(belt).keys() == set(chats)
    belt.assert_equals_truth()


def test_chats_that_were_left_out_of_earlier_loads_are_read(world: World) -> None:
    """What was proven while they were not wanted says nothing of them: their claim is old."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    message = world.post(chats[19], text="nobody asks")
    for _ in range(3):
        world.advance(HOUR_S)
        belt.load(chat_ids=chats[:12], **HEADS)
        assert set(read(belt)) == set(chats[:8])
    world.advance(HOUR_S)
    belt.load(**HEADS)
    assert message in belt.message_ids()
    belt.assert_equals_truth()


@pytest.mark.parametrize(("chats_read", "pages"), [(2, 2), (3, 4)])
def test_few_chats_of_a_long_list_are_read_without_its_order(
    world: World, chats_read: int, pages: int
) -> None:
    """To list twenty chats in pages of ten once more takes as long as to read two of them."""
    chats = silent_chats(world, 20)
    belt = loaded(world, **HEADS)
    world.advance(HOUR_S)
    belt.load(chat_ids=chats[:chats_read], list_page_size=10, **HEADS)
    assert belt.sandbox.count(CHATS) == pages


@pytest.mark.parametrize("most_requests", [20, 40])
def test_load_of_few_requests_reads_what_is_new_of_many_idle_chats(
    world: World, most_requests: int
) -> None:
    """Where the list by activity is affordable: a quarter of all may go on lists."""
    chats = silent_chats(world, 300)
    belt = loaded(world, **HEADS)
    for number in (250, 100, 299):
        world.advance(HOUR_S)
        message = world.post(chats[number], text="at last")
        statuses = belt.load(max_requests=most_requests, list_page_size=100, **HEADS)
        if most_requests == 40:
            assert set(statuses.values()) == {"complete"}
            assert message in belt.message_ids()
        else:
            assert belt.sandbox.count(CHATS) == 3
            assert Counter(statuses.values()) == {"complete": 16, "partial": 284}
