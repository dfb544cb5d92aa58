"""The list of chats, a chat's details, its members."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feishu_source.sandbox import Sandbox, World
from tests.sandbox_api import CHATS, Api

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=3, now_ms=NOW_MS)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def test_the_list_shows_the_groups_the_bot_is_in(world: World, api: Api) -> None:
    """Oldest first; no p2p chat, no chat without the bot; a field that is absent is left out."""
    tom = world.add_user("Tom")
    newer = world.add_chat("newer", create_ms=NOW_MS + 1, owner_id=tom, description="d")
    older = world.add_chat(None, create_ms=NOW_MS, owner_id=world.bot.user_id)
    world.add_chat("p2p", mode="p2p", member_ids=[tom])
    world.add_chat("elsewhere", bot_in=False)
    common = {"external": False, "tenant_key": world.tenant_key, "chat_status": "normal"}
    assert api.items(CHATS) == [
        {"chat_id": older, "avatar": "https://avatars.example.com/2.png", **common},
        {
            "chat_id": newer,
            "avatar": "https://avatars.example.com/1.png",
            "name": "newer",
            "description": "d",
            "owner_id": tom,
            "owner_id_type": "open_id",
            **common,
        },
    ]


def test_the_list_has_pages(world: World, api: Api) -> None:
    """Chats of equal age stand on one page each, once."""
    made = [world.add_chat(f"chat {number}") for number in range(5)]
    pages = [[chat["chat_id"] for chat in page["items"]] for page in api.pages(CHATS, page_size=2)]
    assert pages == [made[:2], made[2:4], made[4:]]


def test_the_details_of_a_chat_do_not_repeat_its_id(world: World, api: Api) -> None:
    """Counts are strings; only an ordinary group has a group_message_type."""
    tom, bot = world.add_user("Tom"), world.add_bot("Bot")
    chat = world.add_chat("chat", member_ids=[tom, bot], details={"chat_tag": "inner"})
    assert api.data(f"{CHATS}/{chat}") == {
        "avatar": "https://avatars.example.com/1.png",
        "name": "chat",
        "external": False,
        "tenant_key": world.tenant_key,
        "chat_status": "normal",
        "group_message_type": "chat",
        "chat_mode": "group",
        "chat_type": "private",
        "user_count": "1",
        "bot_count": "2",
        "chat_tag": "inner",
    }
    topic = api.data(f"{CHATS}/{world.add_chat('topic', mode='topic')}")
    assert (topic["chat_mode"], "group_message_type" in topic) == ("topic", False)


def test_a_stranger_sees_a_chats_name_and_counts_only(world: World, api: Api) -> None:
    """After the bot left; the members are refused with 232011."""
    chat = world.add_chat("chat")
    world.leave(chat)
    assert api.data(f"{CHATS}/{chat}") == {
        "avatar": "https://avatars.example.com/1.png",
        "name": "chat",
        "chat_status": "normal",
        "user_count": "0",
        "bot_count": "0",
    }
    assert api.get(f"{CHATS}/{chat}/members")["code"] == 232011
    world.join(chat)
    assert api.data(f"{CHATS}/{chat}")["bot_count"] == "1"


def test_members_are_people_page_by_page(world: World, api: Api) -> None:
    """Bots are left out; each page tells the total."""
    people = [world.add_user(f"user {number}") for number in range(5)]
    chat = world.add_chat("chat", member_ids=[*people, world.add_bot("Bot")])
    pages = list(api.pages(f"{CHATS}/{chat}/members", page_size=2))
    assert [page["member_total"] for page in pages] == [5, 5, 5]
    listed = [member for page in pages for member in page["items"]]
    assert listed == [
        {
            "member_id_type": "open_id",
            "member_id": user_id,
            "name": f"user {number}",
            "tenant_key": world.tenant_key,
        }
        for number, user_id in enumerate(people)
    ]
    world.remove_member(chat, people[0])
    assert [m["member_id"] for m in api.items(f"{CHATS}/{chat}/members")] == people[1:]


def test_a_renamed_chat_shows_its_new_name(world: World, api: Api) -> None:
    """In the list and in the details."""
    chat = world.add_chat("old")
    world.rename_chat(chat, "new")
    assert api.items(CHATS)[0]["name"] == "new"
    assert api.data(f"{CHATS}/{chat}")["name"] == "new"


def test_a_dissolved_chat_stays_listed_as_dissolved(world: World, api: Api) -> None:
    """Its members are refused with 232009."""
    chat = world.add_chat("chat")
    world.dissolve(chat)
    assert api.items(CHATS)[0]["chat_status"] == "dissolved"
    assert api.get(f"{CHATS}/{chat}/members")["code"] == 232009


def test_the_list_by_activity_shows_the_newest_message_that_can_be_seen(
    world: World, api: Api
) -> None:
    """Not one that is still invisible or was removed; a chat without any counts from its making."""
    made = [world.add_chat(f"chat {n}", create_ms=NOW_MS - 9_000 + n) for n in range(4)]
    world.post(made[0], text="x", at_ms=NOW_MS - 5_000)
    world.post(made[2], text="x", at_ms=NOW_MS - 4_000)
    world.post(made[3], text="x", at_ms=NOW_MS - 3_000, visible_after_ms=10_000)
    world.remove(world.post(made[1], text="x", at_ms=NOW_MS - 2_000))
    listed = api.items(CHATS, sort_type="ByActiveTimeDesc")
    assert [chat["name"] for chat in listed] == ["chat 2", "chat 0", "chat 3", "chat 1"]


def test_a_chat_that_moves_up_while_the_list_is_paged_is_on_no_later_page(
    world: World, api: Api
) -> None:
    """As the documentation warns; by creation time all are listed."""
    made = [world.add_chat(f"chat {n}", create_ms=NOW_MS - n) for n in range(5)]
    for order, found in (("ByActiveTimeDesc", 4), ("ByCreateTimeAsc", 5)):
        pages = api.pages(CHATS, sort_type=order, page_size=2)
        names = [chat["name"] for chat in next(pages)["items"]]
        world.post(made[3], text="x")
        names += [chat["name"] for page in pages for chat in page["items"]]
        assert len(names) == found
        world.message(world.id_of(world.chats[made[3]].timeline[0])).removed = True
