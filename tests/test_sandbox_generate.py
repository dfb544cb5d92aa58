"""Generated tenants: equal for equal arguments, and with everything in them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from feishu_source.sandbox import Sandbox, World, demo_world, generate
from feishu_source.sandbox.demo import BEAT_MS, SHIFT_MS, founding_ms
from feishu_source.sandbox.phrases import HOSTILE_CHAT_NAMES
from tests.sandbox_api import CHATS, MESSAGES, Api

NOW_MS = 1_763_800_000_000

TYPES = {
    "audio",
    "calendar",
    "file",
    "folder",
    "general_calendar",
    "hologram",
    "hongbao",
    "image",
    "interactive",
    "location",
    "media",
    "merge_forward",
    "post",
    "share_calendar_event",
    "share_chat",
    "share_user",
    "sticker",
    "system",
    "text",
    "todo",
    "video",
    "video_chat",
    "vote",
}


@pytest.fixture(scope="module")
def world() -> World:
    """A generated tenant, for all tests of this module."""
    return generate(seed=1, chats=30, messages=8_000, days=365, now_ms=NOW_MS)


def test_chats_have_tabs_and_announcements_where_they_are_wanted() -> None:
    """Of both forms; nobody else's tenant changes by it."""

    def made(context: bool) -> dict[str, list[dict[str, Any]]]:
        world = generate(seed=1, chats=8, messages=200, days=30, now_ms=NOW_MS, context=context)
        world.scopes.add("im:chat.announcement:read")
        return world.truth()

    plain, furnished = made(False), made(True)
    context = ("chat_tabs", "chat_announcements")
    assert not any(plain[table] for table in context)
    assert {row["announcement_type"] for row in furnished["chat_announcements"]} == {"doc", "docx"}
    assert {row["tab_type"] for row in furnished["chat_tabs"]} == {"message", "url"}
    assert {table: rows for table, rows in furnished.items() if table not in context} == {
        table: rows for table, rows in plain.items() if table not in context
    }


def test_equal_arguments_make_equal_tenants() -> None:
    """And another seed another one, with other ids."""

    def made(seed: int) -> World:
        return generate(seed, chats=6, messages=400, days=30, now_ms=NOW_MS)

    first, second, other = made(1).truth(), made(1).truth(), made(2).truth()
    assert first == second
    ids = [{row["message_id"] for row in truth["messages"]} for truth in (first, other)]
    assert [len(each) for each in ids] == [400, 400]
    assert ids[0] & ids[1] == set()


@pytest.mark.parametrize(
    ("chats", "messages", "share"), [(0, 0, 0.1), (1, 1, 0.0), (3, 100, 0.9), (9, 1234, 0.3)]
)
def test_a_tenant_has_as_many_chats_and_messages_as_asked(
    chats: int, messages: int, share: float
) -> None:
    """Replies in threads count as messages; the share is theirs."""
    truth = generate(chats=chats, messages=messages, days=7, thread_share=share).truth()
    assert (len(truth["chats"]), len(truth["messages"])) == (chats, messages)


def test_a_tenant_has_everything_the_platform_knows(world: World) -> None:
    """All types, all kinds of senders, edits, recalls, copies, plain replies, unknown fields."""
    messages = world.truth()["messages"]
    assert {row["msg_type"] for row in messages} == TYPES
    assert {row["sender_type"] for row in messages} == {"user", "app", "anonymous", "unknown"}
    flags = Counter[str]()
    for row in messages:
        flags["edited"] += row["updated"]
        flags["recalled"] += row["deleted"]
        flags["copy"] += row["sync_to_chat_type"] == 1
        flags["plain reply"] += row["parent_id"] is not None and row["thread_id"] is None
        flags["everyone"] += row["mentions_all"]
        flags["many mentions"] += row["mention_count"] > 10
        flags["unknown field"] += "reaction_summary.total" in (row["extra"] or {})
    assert [name for name, number in flags.items() if number == 0] == []
    paths = {path for row in messages for path in (row["extra"] or {})}
    assert {"sender.open_bot_id", "sender.sender_i18n_names.zh_cn"} <= paths
    assert {"sync_to_chat_info.thread_id", "mentions.0.mentioned_type"} <= paths


def test_a_tenant_has_hostile_names_and_all_kinds_of_chats(world: World) -> None:
    """An empty chat among them."""
    truth = world.truth()
    assert set(HOSTILE_CHAT_NAMES) <= {chat.name for chat in world.chats.values()}
    assert {name or None for name in HOSTILE_CHAT_NAMES} <= {row["name"] for row in truth["chats"]}
    kinds = {(row["chat_mode"], row["group_message_type"]) for row in truth["chats"]}
    assert kinds == {("group", "chat"), ("group", "thread"), ("topic", None)}
    sizes = Counter(row["chat_id"] for row in truth["messages"])
    empty = [row["chat_id"] for row in truth["chats"] if sizes[row["chat_id"]] == 0]
    assert empty == [truth["chats"][-1]["chat_id"]]


def test_a_large_tenant_has_a_thread_of_two_hundred_replies() -> None:
    """And none longer."""
    world = generate(chats=3, messages=6_000, days=90, thread_share=0.3)
    assert max(len(thread.replies) for thread in world.threads.values()) >= 200


def test_many_messages_share_one_millisecond(world: World) -> None:
    """More than a page of them."""
    times = Counter((row["chat_id"], row["create_time"]) for row in world.truth()["messages"])
    assert max(times.values()) >= 60


def test_what_is_served_is_what_is_true(world: World) -> None:
    """Reading all chats and threads page by page finds each message once."""
    found: Counter[str] = Counter()
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        for chat in api.items(CHATS, page_size=7):
            listed = api.chat(chat["chat_id"], page_size=50)
            found.update(item["message_id"] for item in listed)
            flat = world.chats[chat["chat_id"]].mode == "topic"
            for item in [] if flat else listed:
                if "thread_id" in item:
                    replies = api.thread(item["thread_id"], page_size=50)[1:]
                    found.update(reply["message_id"] for reply in replies)
    assert found == Counter(row["message_id"] for row in world.truth()["messages"])


def test_every_message_can_be_got_by_its_id(world: World) -> None:
    """Ids are computed, not stored: all the more they must lead back."""
    rows = world.truth()["messages"][::50]
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        got = [api.data(f"{MESSAGES}/{row['message_id']}")["items"][0] for row in rows]
    assert [item["message_id"] for item in got] == [row["message_id"] for row in rows]


def test_ids_of_another_tenant_lead_nowhere(world: World) -> None:
    """Nor do ids that are none."""
    other = World(seed=99)
    message = other.post(other.add_chat(), text="x")
    assert [world.find(each) for each in (message, "om_1", "om_zz", "", message[:-1])] == [None] * 5


def test_the_demo_goes_on_by_itself() -> None:
    """Whoever looks later finds the same messages, and at least one new one every five seconds."""
    now = [NOW_MS]
    world = demo_world(seed=1, clock=lambda: now[0])
    seen = {row["message_id"] for row in world.truth()["messages"]}
    for _ in range(8):
        now[0] += 5_000
        later = {row["message_id"] for row in world.truth()["messages"]}
        assert seen < later
        seen = later
    assert BEAT_MS < 5_000


@pytest.mark.parametrize("passed_ms", [5_000, SHIFT_MS, 3 * SHIFT_MS])
def test_the_demo_depends_on_seed_and_clock_alone(passed_ms: int) -> None:
    """A tenant that moved on equals one that was made later: edits, recalls and replies too."""
    now = [NOW_MS]
    moved = demo_world(seed=1, clock=lambda: now[0])
    before = {row["message_id"]: row for row in moved.truth()["messages"]}
    now[0] += passed_ms
    later = demo_world(seed=1, clock=lambda: now[0]).truth()
    assert moved.truth() == later
    live = {row["chat_id"] for row in later["chats"] if "Live room" in (row["name"] or "")}
    still = {row["message_id"] for row in later["messages"]}
    assert {each for each, row in before.items() if row["chat_id"] not in live} <= still


def test_the_demo_changes_what_was_there() -> None:
    """Within a quarter of an hour something is edited, recalled, answered in a thread."""
    now = [NOW_MS]
    world = demo_world(seed=1, clock=lambda: now[0])
    before = {row["message_id"]: row for row in world.truth()["messages"]}
    now[0] += 900_000
    after = world.truth()["messages"]
    changed = Counter[str]()
    for row in after:
        earlier = before.get(row["message_id"])
        changed["edited"] += bool(earlier and row["updated"] and not earlier["updated"])
        changed["recalled"] += bool(earlier and row["deleted"] and not earlier["deleted"])
        changed["answered"] += earlier is None and row["thread_message_position"] not in (None, -1)
    assert [name for name in ("edited", "recalled", "answered") if changed[name] == 0] == []


def test_the_demo_has_about_a_dozen_chats_and_some_thousand_messages() -> None:
    """At any time of the day; what is said in the live room is kept for some hours."""
    sizes = []
    for minutes in (0, 33, 34, 93):  # from 8:26: before and after retention
        now_ms = NOW_MS + minutes * 60_000
        world = demo_world(seed=1, clock=lambda now_ms=now_ms: now_ms)  # type: ignore[misc]
        truth = world.truth()
        assert len(truth["chats"]) == 13
        sizes.append(len(truth["messages"]))
    assert 4_000 < min(sizes) <= max(sizes) < 9_000


def test_the_demo_was_founded_at_the_beginning_of_a_quarter() -> None:
    """The one before the last: the same date for a whole quarter."""
    assert founding_ms(1_763_800_000_000) == 1_743_465_600_000  # November 2025: 1 April 2025
    assert founding_ms(1_767_225_599_000) == 1_743_465_600_000  # the year's last second
    assert founding_ms(1_767_225_600_000) == 1_751_328_000_000  # the next one: 1 July
