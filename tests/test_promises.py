"""Every row of the README's table of promises is a story, counted: loads, requests of each kind.

A story tells what changes, in which load it is seen, that no load before saw it where the promise
leaves time, and exactly what each of them asked for. The table and the stories are held together
by the rows' own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from feishu_source.rungs import RUNGS, parse_ladder
from feishu_source.sandbox import Fault, Switches, World
from tests.belt import Belt
from tests.laboratory import DAY_S, MESSAGES, at
from tests.test_readme import ENGLISH, tables_in

HOUR_S = 3_600
LOOK_BACK_S = 2 * HOUR_S

HEADS: dict[str, Any] = {"rungs": "off"}
"""No sweep stands beside the heads that are counted."""

QUIET = {"chat list": 1, "timeline": 1}
"""What a load asks for where nothing is to be polled: the list, and a page of the one chat."""

KINDS: dict[str, dict[str, Any]] = {
    "ordinary group": {},
    "thread display": {"group_message_type": "thread"},
    "topic group": {"mode": "topic"},
}
"""In the second every message is the root of a thread; in the third replies stand in the chat."""
of_each_kind = pytest.mark.parametrize("kind", KINDS)
of_groups = pytest.mark.parametrize("kind", ["ordinary group", "thread display"])


class Counted(Belt):
    """A belt that tells what each load asked for; like dlt's state it remembers chats' modes."""

    def ask(self, **arguments: Any) -> dict[str, int]:
        """One load, which every chat must survive; its requests by kind."""
        assert set(self.load(**arguments).values()) == {"complete"}
        return self.asked()

    def asked(self) -> dict[str, int]:
        """The requests of the last load, by kind."""
        read = self.claims.keys()
        self.known = {one: {"mode": self.world.chats[one].mode} for one in read}
        kinds = (_kind(request.path, request.query) for request in self.sandbox.requests)
        return dict(Counter(kind for kind in kinds if kind))

    @property
    def is_true(self) -> bool:
        """Whether every table equals the tenant's truth."""
        try:
            self.assert_equals_truth()
        except AssertionError:
            return False
        return True


def _kind(path: str, query: dict[str, str]) -> str | None:
    if path == MESSAGES:
        return {"chat": "timeline", "thread": "thread"}[query["container_id_type"]]
    names = {"chats": "chat list", "members": "members", "internal": None}
    names |= {"batch_query": "reactions"}
    return names.get(path.rsplit("/", 1)[-1], "details")


@pytest.fixture
def belt(world: World) -> Iterator[Counted]:
    """The tenant, loaded into dictionaries."""
    with Counted(world) as belt:
        yield belt


@pytest.fixture
def make(world: World, ann: str) -> Callable[[str], str]:
    """Makes a chat of a kind."""
    return lambda kind: world.add_chat(name=kind, member_ids=[ann], **KINDS[kind])


Make = Callable[[str], str]


# the next load


@of_each_kind
def test_new_message(belt: Counted, world: World, make: Make, kind: str) -> None:
    """A page; where a message is a root and no reply was seen yet, a look into its thread."""
    chat_id = make(kind)
    world.post(chat_id, text="first")
    world.advance(DAY_S)
    belt.ask()
    world.advance(DAY_S)
    world.post(chat_id, text="new")
    threads = {"ordinary group": {}, "thread display": {"thread": 1}, "topic group": {"thread": 1}}
    assert belt.ask(**HEADS) == QUIET | threads[kind]
    belt.assert_equals_truth()


@pytest.mark.parametrize("replied_before", [True, False])
def test_reply_in_a_topic_group(
    belt: Counted, world: World, make: Make, replied_before: bool
) -> None:
    """However old the root: it stands in the chat's timeline, and no thread is asked for."""
    root = world.post(make("topic group"), text="topic")
    if replied_before:
        world.reply_in_thread(root, text="first")
    belt.ask()
    world.advance(400 * DAY_S)
    world.reply_in_thread(root, text="late")
    assert belt.ask(**HEADS) == QUIET
    belt.assert_equals_truth()


@of_groups
def test_reply_to_a_root_younger_than_the_look_back(
    belt: Counted, world: World, make: Make, kind: str
) -> None:
    """Its root is listed again, and then tells its thread; an older root is not."""
    root = world.post(make(kind), text="root")
    for seconds in (0, LOOK_BACK_S - 60):
        world.advance(seconds)
        belt.ask()
    world.reply_in_thread(root, text="first")
    world.advance(120)
    assert belt.ask(**HEADS) == QUIET | {"thread": 1}
    belt.assert_equals_truth()


@of_groups
def test_reply_in_a_thread_with_a_reply_younger_than_a_day(
    belt: Counted, world: World, make: Make, kind: str
) -> None:
    """However old the root, however long the thread: a page of its newest in every load."""
    root = world.post(make(kind), text="root")
    world.advance(400 * DAY_S)
    for _ in range(120):
        world.advance(600)
        world.reply_in_thread(root, text="one of many")
    assert belt.ask(**HEADS) == {"chat list": 1, "details": 1, "timeline": 1, "thread": 3}
    for _ in range(3):
        world.advance(DAY_S - 60)
        world.reply_in_thread(root, text="next")
        assert belt.ask(**HEADS) == QUIET | {"thread": 1}
        belt.assert_equals_truth()
        assert belt.ask(**HEADS) == QUIET | {"thread": 1}


SILENCES = [(24, 1, 6), (47, 1, 12), (312, 1, 24), (192, 168, 1)]
"""Hours of silence, hours between loads, and the load that sees the reply: within a quarter of the
silence, at the end of the 14 days, or by the next load."""


@of_groups
@pytest.mark.parametrize(("silence_h", "interval_h", "loads"), SILENCES)
def test_reply_after_a_silence(
    belt: Counted, world: World, make: Make, kind: str, silence_h: int, interval_h: int, loads: int
) -> None:
    """Right after a poll; until the next one a load asks for the heads alone."""
    root = world.post(make(kind), text="root")
    world.advance(400 * DAY_S)
    world.reply_in_thread(root, text="last")
    belt.ask(**HEADS)
    world.advance(silence_h * HOUR_S)
    belt.ask(**HEADS)
    world.reply_in_thread(root, text="at last")
    for _ in range(loads - 1):
        world.advance(interval_h * HOUR_S)
        assert (belt.ask(**HEADS), belt.is_true) == (QUIET, False)
    world.advance(interval_h * HOUR_S)
    assert belt.ask(**HEADS) == QUIET | {"thread": 1}
    belt.assert_equals_truth()
    assert loads <= max(1, silence_h / 4 + 1)


@of_each_kind
def test_change_of_what_is_younger_than_the_look_back(
    belt: Counted, world: World, make: Make, kind: str
) -> None:
    """Messages and replies, edited and recalled; a moment later it would take a rung."""
    chat_id = make(kind)
    root = world.post(chat_id, text="root")
    world.advance(400 * DAY_S)
    messages = [world.post(chat_id, text="before") for _ in range(2)]
    replies = [world.reply_in_thread(root, text="before") for _ in range(2)]
    for seconds in (0, LOOK_BACK_S - 60):
        world.advance(seconds)
        belt.ask(**HEADS)
    for edited, recalled in (messages, replies):
        world.edit(edited, text="after")
        world.recall(recalled)
    world.advance(120)
    threads = {"ordinary group": {"thread": 1}, "thread display": {"thread": 3}, "topic group": {}}
    assert belt.ask(**HEADS) == QUIET | threads[kind]
    belt.assert_equals_truth()
    world.edit(messages[0], text="too late")
    world.advance(60)
    belt.ask(**HEADS)
    assert not belt.is_true


# by a rung


def _after_a_sweep(belt: Counted, rungs: str, chat_id: str) -> int:
    """Loads until a sweep has just been made, with a load every third of the rung's period.

    In: everything was loaded. Out: that third, in seconds. The next sweep is three loads away.
    """
    (rung,) = parse_ladder(rungs)
    third_s = rung.period_s // 3
    belt.world.advance(int(rung.age_s * 0.9) - 4 * third_s)
    belt.ask(rungs=rungs)
    before = belt.claims[chat_id]["swept_s"]
    for _ in range(4):
        belt.world.advance(third_s)
        belt.ask(rungs=rungs)
        if belt.claims[chat_id]["swept_s"] != before:
            return third_s
    raise AssertionError("no sweep within a period and an interval")


def _assert_seen_by_the_third(
    belt: Counted, rungs: str, interval_s: int, threads: dict[str, int]
) -> None:
    for _ in range(2):
        belt.world.advance(interval_s)
        assert (belt.ask(rungs=rungs), belt.is_true) == (QUIET, False)
    belt.world.advance(interval_s)
    assert belt.ask(rungs=rungs) == QUIET | {"timeline": 2} | threads
    belt.assert_equals_truth()


@of_each_kind
@pytest.mark.parametrize("rungs", RUNGS.split())
def test_change_of_an_older_message(
    belt: Counted, world: World, make: Make, rungs: str, kind: str
) -> None:
    """Edit and recall, right after a sweep of their rung: a period later, and not before."""
    chat_id = make(kind)
    edited, recalled = (world.post(chat_id, text="before") for _ in range(2))
    if kind == "topic group":
        world.reply_in_thread(edited, text="from now on read flat")
    belt.ask(rungs=rungs)
    interval_s = _after_a_sweep(belt, rungs, chat_id)
    world.edit(edited, text="after")
    world.recall(recalled)
    threads = {"thread": 2} if kind == "thread display" else {}
    _assert_seen_by_the_third(belt, rungs, interval_s, threads)


@of_groups
@pytest.mark.parametrize("rungs", RUNGS.split())
def test_first_reply_on_an_older_message(
    belt: Counted, world: World, make: Make, rungs: str, kind: str
) -> None:
    """Only then does the message name its thread; in a thread group it did, and it was empty."""
    chat_id = make(kind)
    root = world.post(chat_id, text="root")
    belt.ask(rungs=rungs)
    interval_s = _after_a_sweep(belt, rungs, chat_id)
    world.reply_in_thread(root, text="first")
    _assert_seen_by_the_third(belt, rungs, interval_s, {"thread": 1})


@of_groups
@pytest.mark.parametrize("rungs", RUNGS.split()[2:])
def test_reply_in_a_thread_that_cooled(
    belt: Counted, world: World, make: Make, rungs: str, kind: str
) -> None:
    """Silent for more than 14 days, it is polled no more until its root is listed again."""
    chat_id = make(kind)
    root = world.post(chat_id, text="root")
    world.reply_in_thread(root, text="first")
    belt.ask(rungs=rungs)
    interval_s = _after_a_sweep(belt, rungs, chat_id)
    world.reply_in_thread(root, text="second")
    _assert_seen_by_the_third(belt, rungs, interval_s, {"thread": 1})


def test_loads_rarer_than_the_period_see_a_change_by_the_next(
    belt: Counted, world: World, make: Make
) -> None:
    """One interval between loads: every daily load sweeps the day before."""
    chat_id = make("ordinary group")
    for _ in range(3):
        message = world.post(chat_id, text="before")
        world.advance(DAY_S / 2)
        belt.ask(rungs="1d/6h")
        world.edit(message, text="after")
        world.advance(DAY_S)
        assert belt.ask(rungs="1d/6h") == QUIET | {"timeline": 2}
        belt.assert_equals_truth()


@of_groups
@pytest.mark.parametrize("rungs", RUNGS.split()[2:])
def test_change_of_an_older_reply(
    belt: Counted, world: World, make: Make, rungs: str, kind: str
) -> None:
    """Its thread is read whole when the root is listed again."""
    chat_id = make(kind)
    root = world.post(chat_id, text="root")
    edited, recalled = (world.reply_in_thread(root, text="before") for _ in range(2))
    belt.ask(rungs=rungs)
    interval_s = _after_a_sweep(belt, rungs, chat_id)
    world.edit(edited, text="after")
    world.recall(recalled)
    _assert_seen_by_the_third(belt, rungs, interval_s, {"thread": 1})


# older


@of_each_kind
@pytest.mark.parametrize("how", [{"full": True}, {"rungs": RUNGS + " ever/60d"}])
def test_change_of_what_no_rung_reaches(
    belt: Counted, world: World, make: Make, kind: str, how: dict[str, Any]
) -> None:
    """Loads whose every rung is due do not see it; a whole reading does, at once."""
    chat_id = make(kind)
    edited, recalled, opened = (world.post(chat_id, text="before") for _ in range(3))
    if kind == "topic group":
        world.reply_in_thread(edited, text="from now on read flat")
    belt.ask()
    world.advance(400 * DAY_S)
    belt.ask()
    world.edit(edited, text="after")
    world.recall(recalled)
    if kind != "topic group":
        world.reply_in_thread(opened, text="first")
    for _ in range(3):
        world.advance(60 * DAY_S)
        assert (belt.ask(), belt.is_true) == (QUIET | {"timeline": 2}, False)
    threads = {"ordinary group": {"thread": 1}, "thread display": {"thread": 3}, "topic group": {}}
    assert belt.ask(**how) == QUIET | {"timeline": 2} | threads[kind]
    belt.assert_equals_truth()


# chats and threads that come, and come back


@of_each_kind
def test_chat_that_was_just_joined(belt: Counted, world: World, make: Make, kind: str) -> None:
    """From its beginning, though another chat is covered up to now: five pages of it."""
    here, joined = make("ordinary group"), make(kind)
    world.leave(joined)
    for _ in range(9):
        world.advance(DAY_S)
        message = world.post(joined, text="long ago")
    world.reply_in_thread(message, text="reply")
    world.advance(400 * DAY_S)
    assert belt.ask(page_size=2) == {"chat list": 1, "details": 1, "timeline": 1}
    assert belt.claims.keys() == {here}
    world.join(joined)
    threads = {"ordinary group": 1, "thread display": 9, "topic group": 8}
    asked = belt.ask(page_size=2, **HEADS)
    assert asked == {"chat list": 1, "details": 1, "timeline": 6, "thread": threads[kind]}
    belt.assert_equals_truth()


@of_each_kind
def test_chat_that_could_not_be_read(belt: Counted, world: World, make: Make, kind: str) -> None:
    """It is asked once in every load, and once it answers, it is read with what it missed."""
    chat_id = make(kind)
    root = world.post(chat_id, text="before")
    world.reply_in_thread(root, text="before")
    belt.ask()
    world.restrict(chat_id)
    for _ in range(2):
        world.advance(5 * DAY_S)
        world.reply_in_thread(world.post(chat_id, text="meanwhile"), text="meanwhile")
        assert belt.load(**HEADS) == {chat_id: "skipped"}
        asked = belt.asked()
        assert (asked.pop("thread", 0), asked) == (int(kind != "topic group"), QUIET)
    world.restrict(chat_id, False)
    threads = {} if kind == "topic group" else {"thread": 3}
    assert belt.ask(**HEADS) == QUIET | threads
    belt.assert_equals_truth()


@of_groups
def test_thread_that_could_not_be_read(belt: Counted, world: World, make: Make, kind: str) -> None:
    """It is owed: the next load asks for it, though no poll and no rung would."""
    root = world.post(make(kind), text="root")
    world.reply_in_thread(root, text="reply")
    broken = Fault("internal_2200", thread_id=world.thread_id_of(root), times=2)
    belt.sandbox.inject(broken)
    world.advance(400 * DAY_S)
    assert set(belt.load(attempts=2).values()) == {"partial"}
    assert (belt.asked()["thread"], belt.is_true) == (2, False)
    world.advance(DAY_S)
    assert belt.ask(**HEADS) == QUIET | {"thread": 1}
    belt.assert_equals_truth()


@of_groups
@pytest.mark.parametrize("rungs", RUNGS.split())
def test_thread_that_was_invisible(
    belt: Counted, world: World, make: Make, rungs: str, kind: str
) -> None:
    """Refused when its root was listed, it is asked for again when the root is."""
    chat_id = make(kind)
    root = world.post(chat_id, text="root")
    world.reply_in_thread(root, text="reply")
    thread_id = str(world.thread_id_of(root))
    world.hide_thread(thread_id)
    belt.ask(rungs=rungs)
    interval_s = _after_a_sweep(belt, rungs, chat_id)
    belt.assert_equals_truth()
    world.show_thread(thread_id)
    _assert_seen_by_the_third(belt, rungs, interval_s, {"thread": 1})


@of_each_kind
def test_message_that_is_no_longer_listed(
    belt: Counted, world: World, make: Make, kind: str
) -> None:
    """Neither a head nor a whole reading takes it away; it shows when it was listed last."""
    chat_id = make(kind)
    gone, kept = (world.post(chat_id, text="here") for _ in range(2))
    listed_at = at(world.now_ms / 1_000)
    belt.ask()
    world.remove(gone)
    world.advance(60)
    threads = {"ordinary group": {}, "thread display": {"thread": 1}, "topic group": {"thread": 1}}
    assert belt.ask(**HEADS) == QUIET | threads[kind]
    belt.ask(full=True)
    rows = {row["message_id"]: row for row in belt.rows("messages")}
    assert rows[gone]["last_listed_at"] == listed_at
    assert rows[kept]["last_listed_at"] == listed_at + timedelta(seconds=60)
    assert rows[gone]["text"] == "here"


@of_each_kind
@pytest.mark.parametrize(("silence_s", "seen_s"), [(HOUR_S, 2 * DAY_S), (9 * DAY_S, 18 * DAY_S)])
def test_message_that_moves_no_chat_up(
    belt: Counted, world: World, make: Make, kind: str, silence_s: int, seen_s: int
) -> None:
    """Of an app, where only people count as active; until then one chat vouches for the other."""
    silent, witness = make(kind), make("ordinary group")
    world.switches = Switches(activity="people")
    skip = {"skip_idle": True, "idle_witnesses": 1, "hot_s": 0, "look_back_s": 600, **HEADS}
    app, ann = world.add_bot("Alarm"), world.add_user("Ann")
    world.post(silent, ann, text="last")
    world.post(witness, ann, text="last")
    world.advance(silence_s)
    belt.ask(**skip)
    world.post(silent, app, text="alarm")
    asked: list[dict[str, int]] = []
    while not belt.is_true and len(asked) < 100:
        world.advance(DAY_S / 4)
        asked.append(belt.ask(**skip))
    assert 1 < len(asked) <= (seen_s - silence_s) / (DAY_S / 4)
    assert asked[:-1] == [QUIET | {"chat list": 2}] * (len(asked) - 1)


# the table


@of_each_kind
def test_reactions_change(belt: Counted, world: World, make: Make, ann: str, kind: str) -> None:
    """Of what is read again, a message or a reply; where nothing is, they stay as they were."""
    chat_id = make(kind)
    old = world.post(chat_id, text="old")
    world.advance(30 * DAY_S)
    root = world.post(chat_id, text="root")
    reply = world.reply_in_thread(root, ann, text="reply")
    taken = world.react(root, ann, "OK")
    belt.ask(reactions=True, **HEADS)
    belt.assert_equals_truth()
    world.take_back(root, taken)
    world.react(reply, ann, "DONE")
    world.advance(120)
    threads = {} if kind == "topic group" else {"thread": 1}
    assert belt.ask(reactions=True, **HEADS) == QUIET | threads | {"reactions": 1}
    belt.assert_equals_truth()
    world.react(old, ann, "OK")
    world.advance(120)
    belt.ask(reactions=True, **HEADS)
    assert not belt.is_true
    world.advance(10 * DAY_S)
    belt.ask(reactions=True)  # by its rung, as an edit of it would be
    belt.assert_equals_truth()


STORIES: dict[tuple[str, str], list[Callable[..., None]]] = {
    ("new message in a chat", "the next load"): [test_new_message],
    ("reply in a topic group", "the next load"): [test_reply_in_a_topic_group],
    (
        "reply in a thread whose root is younger than the look-back (2 hours), or whose last reply "
        "is younger than a day",
        "the next load",
    ): [
        test_reply_to_a_root_younger_than_the_look_back,
        test_reply_in_a_thread_with_a_reply_younger_than_a_day,
    ],
    ("reply in a thread silent for s, up to 14 days", "within s / 4, or the next load"): [
        test_reply_after_a_silence
    ],
    ("edit or recall of a message or reply younger than the look-back", "the next load"): [
        test_change_of_what_is_younger_than_the_look_back
    ],
    (
        "edit or recall of an older message, first reply on it, anything in a thread silent for "
        "longer, by the age of the root: 1 day, 7, 30, 180 days",
        "within 6 hours, 2, 10, 60 days, plus one interval between loads",
    ): [
        test_change_of_an_older_message,
        test_first_reply_on_an_older_message,
        test_reply_in_a_thread_that_cooled,
        test_loads_rarer_than_the_period_see_a_change_by_the_next,
    ],
    ("edit or recall of an older reply", "the same, by the age of the root"): [
        test_change_of_an_older_reply
    ],
    ("with `reactions`: a reaction set or taken back", "as an edit of its message or reply"): [
        test_reactions_change
    ],
    ("anything older", "`--full`, or a rung of your own"): [test_change_of_what_no_rung_reaches],
    ("a chat the bot has just joined", "the next load, from its beginning"): [
        test_chat_that_was_just_joined
    ],
    (
        "a chat or a thread that could not be read",
        "after it heals, with what it missed",
    ): [test_chat_that_could_not_be_read, test_thread_that_could_not_be_read],
    (
        "what was said in a thread that was invisible",
        "once it is visible, by the age of the root",
    ): [test_thread_that_was_invisible],
    ("a message the API no longer lists", "stays, with its `last_listed_at`"): [
        test_message_that_is_no_longer_listed
    ],
    (
        "with `skip_idle`: a message that does not move its chat up in the chat list, the chat "
        "silent for s",
        "within s, but 2 days if s is less and 30 if it is more, plus one interval between loads",
    ): [test_message_that_moves_no_chat_up],
}


def test_every_promise_is_a_story_and_every_story_a_promise() -> None:
    """Row by row, in the words of the README; the rungs it names are those that are configured."""
    (promised,) = (rows for rows in tables_in(ENGLISH) if rows[0][0] == "new message in a chat")
    assert [tuple(row) for row in promised] == list(STORIES)
    told = {getattr(story, "__name__", "") for stories in STORIES.values() for story in stories}
    here = {name for name in globals() if name.startswith("test_")}
    assert here - told == {test_every_promise_is_a_story_and_every_story_a_promise.__name__}
    assert RUNGS == "1d/6h 7d/2d 30d/10d 180d/60d"
