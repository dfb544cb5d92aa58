"""Each unknown of the platform, one switch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from feishu_source.sandbox import Sandbox, Switches, World, bodies
from tests.sandbox_api import CHATS, MESSAGES, Api, ids

NOW_MS = 1_760_000_000_000


@contextmanager
def served(world: World, **switches: Any) -> Iterator[Api]:
    """The world under these switches."""
    with Sandbox(world, switches=Switches(**switches)) as sandbox, Api(sandbox) as api:
        yield api


@pytest.mark.parametrize(
    ("start_inclusive", "end_inclusive", "first", "last"),
    [(True, True, 0, 3), (False, True, 1, 3), (True, False, 0, 2), (False, False, 1, 2)],
)
def test_either_edge_of_a_window_may_be_left_out(
    start_inclusive: bool, end_inclusive: bool, first: int, last: int
) -> None:
    """An edge that does not count leaves out its whole second."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    posted = [world.post(chat, text="x", at_ms=NOW_MS - 9500 + n * 1000) for n in range(3)]
    window = {"start_time": NOW_MS // 1000 - 10, "end_time": NOW_MS // 1000 - 8}
    with served(world, start_inclusive=start_inclusive, end_inclusive=end_inclusive) as api:
        assert ids(api.chat(chat, **window)) == posted[first:last]


def test_start_time_zero_may_be_refused() -> None:
    """With 230001; any later start is fine."""
    world = World(now_ms=NOW_MS)
    query = {"container_id_type": "chat", "container_id": world.add_chat()}
    with served(world, start_zero_accepted=False) as api:
        assert api.get(MESSAGES, **query, start_time=0)["code"] == 230001
        assert api.get(MESSAGES, **query, start_time=1)["code"] == 0
    with served(world) as api:
        assert api.get(MESSAGES, **query, start_time=0)["code"] == 0


@pytest.mark.parametrize("code", [230001, 99992402])
@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("accept_with_sender_name", "with_sender_name"),
        ("accept_only_thread_root", "only_thread_root_messages"),
    ],
)
def test_an_undocumented_parameter_may_be_refused(switch: str, name: str, code: int) -> None:
    """By either code; the other parameter is still accepted."""
    world = World(now_ms=NOW_MS)
    query = {"container_id_type": "chat", "container_id": world.add_chat()}
    names = {"with_sender_name", "only_thread_root_messages"}
    with served(world, **{switch: False}, refusal_code=code) as api:
        assert api.get(MESSAGES, **query, **{name: "false"})["code"] == code
        assert api.get(MESSAGES, **query, **{(names - {name}).pop(): "false"})["code"] == 0


def test_positions_may_be_numbers() -> None:
    """Strings by default."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.reply_in_thread(world.post(chat, text="x"), text="y")
    for as_int, expected in ((True, (1, -1)), (False, ("1", "-1"))):
        with served(world, position_as_int=as_int) as api:
            (item,) = api.chat(chat)
        assert (item["message_position"], item["thread_message_position"]) == expected


@pytest.mark.parametrize(
    ("switch", "entry_id"),
    [
        ("none", None),
        ("all", "all"),
        ("object", {"open_id": "", "union_id": "", "user_id": ""}),
    ],
)
def test_everyone_may_have_an_entry_among_the_mentions(switch: str, entry_id: object) -> None:
    """None, the id "all", or an object as id; the text is the same, its reading is not."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.post(chat, text="@<all> hi")
    entry = {"key": "@_all", "id": entry_id, "name": "所有人", "tenant_key": world.tenant_key}
    with served(world, all_mention=switch) as api:
        (item,) = api.chat(chat)
        truth = world.truth()
    assert item["body"] == {"content": '{"text":"@_all hi"}'}
    assert item.get("mentions") == (None if entry_id is None else [entry])
    (mention,) = truth["message_mentions"]
    name = None if entry_id is None else "所有人"
    assert (mention["mentioned_id"], mention["mentioned_name"]) == ("all", name)
    assert truth["messages"][0]["text"] == ("@all hi" if name is None else "@所有人 hi")


def test_a_last_page_may_carry_a_page_token() -> None:
    """Beside has_more=false."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.post(chat, text="x")
    query = {"container_id_type": "chat", "container_id": chat}
    for present in (True, False):
        with served(world, last_page_token_present=present) as api:
            page = api.data(MESSAGES, **query)
        assert (page["has_more"], "page_token" in page) == (False, present)


def test_an_empty_page_may_stand_between_two_pages() -> None:
    """With has_more=true and a token that goes on; messages, chats and members alike."""
    world = World(now_ms=NOW_MS)
    people = [world.add_user(str(number)) for number in range(3)]
    chats = [world.add_chat(str(number), member_ids=people) for number in range(3)]
    for number in range(3):
        world.post(chats[0], text=str(number))
    with served(world, empty_pages=True) as api:
        for path, query in (
            (MESSAGES, {"container_id_type": "chat", "container_id": chats[0]}),
            (CHATS, {}),
            (f"{CHATS}/{chats[0]}/members", {}),
        ):
            sizes = [len(page["items"]) for page in api.pages(path, **query, page_size=1)]
            assert sizes == [1, 0, 1, 0, 1]


def test_a_post_may_have_a_second_content() -> None:
    """content_v2 beside content, which stays as it is."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.post(chat, body=bodies.post_body("t", [[bodies.words("a")]]))
    contents = []
    for present in (False, True):
        with served(world, content_v2=present) as api:
            contents.append(json.loads(api.chat(chat)[0]["body"]["content"]))
        assert world.truth()["messages"][0]["text"] == "a"
    assert contents[1] == {**contents[0], "content_v2": [[{"tag": "md", "text": "a"}]]}


def test_history_before_the_bot_joined_may_be_missing() -> None:
    """Messages and threads from before are then neither listed nor true."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    before = world.post(chat, text="before")
    world.reply_in_thread(before, text="reply")
    world.advance(60)
    world.leave(chat)
    world.join(chat)
    after = world.post(chat, text="after")
    for told, expected in ((True, [before, after]), (False, [after])):
        with served(world, history_before_join=told) as api:
            assert ids(api.chat(chat)) == expected
            truth = world.truth()
        assert {m["message_id"] for m in truth["messages"]} >= set(expected)
        assert [len(truth["messages"]), len(truth["threads"])] == ([3, 1] if told else [1, 0])


@pytest.mark.parametrize(
    ("switch", "body"),
    [
        ("sentence", {"content": "This message was recalled"}),
        ("missing", None),
        ("empty", {"content": ""}),
    ],
)
def test_a_recalled_body_has_three_forms(switch: str, body: dict[str, str] | None) -> None:
    """The fixed sentence, no body, an empty string."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.recall(world.post(chat, text="x"))
    with served(world, recalled_body=switch) as api:
        assert api.chat(chat)[0].get("body") == body
        told = world.truth()["messages"][0]["body_content"]
    assert told == (body["content"] or None if body else None)


def test_a_hard_delete_may_leave_a_row() -> None:
    """With deleted=true, like a recall."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    message = world.post(chat, text="x")
    world.remove(message)
    with served(world, hard_delete_missing=False) as api:
        assert [(m["message_id"], m["deleted"]) for m in api.chat(chat)] == [(message, True)]
        assert [m["deleted"] for m in world.truth()["messages"]] == [True]


def test_a_merge_forward_body_may_be_the_bare_sentence() -> None:
    """Then it is not JSON."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.forward(chat, None, [world.post(chat, text="x")])
    with served(world, merge_forward_bare=True) as api:
        assert api.chat(chat)[1]["body"] == {"content": "Merged and Forwarded Message"}
        # What a load makes of it holds what the endpoint of the single message gives.
        assert world.truth()["messages"][1]["text"] == "[2025-10-09 08:53:20] anonymous: x"


def test_the_date_header_may_be_missing() -> None:
    """Otherwise it is the world's time."""
    world = World(now_ms=NOW_MS)
    with served(world) as api:
        assert api.raw(CHATS).headers["Date"] == "Thu, 09 Oct 2025 08:53:20 GMT"
    with served(world, date_header=False) as api:
        assert "Date" not in api.raw(CHATS).headers


@pytest.mark.parametrize(
    ("activity", "order"),
    [
        ("messages", ["said", "alarmed", "replied", "silent", "made"]),
        ("replies", ["replied", "said", "alarmed", "silent", "made"]),
        ("people", ["said", "replied", "silent", "alarmed", "made"]),
    ],
)
def test_what_moves_a_chat_up_in_the_list_by_activity(activity: str, order: list[str]) -> None:
    """Messages, whoever sent them; replies in threads as well; or only what people say."""
    world = World(start_ms=NOW_MS, now_ms=NOW_MS)
    tom, app = world.add_user("Tom"), world.add_bot("Bot")
    chats = {
        name: world.add_chat(name) for name in ["alarmed", "made", "replied", "said", "silent"]
    }
    for seconds, name in [(-9, "alarmed"), (1, "silent"), (2, "replied"), (3, "said")]:
        world.post(chats[name], tom, text="x", at_ms=NOW_MS + seconds * 1_000)
    world.post(chats["alarmed"], app, text="x", at_ms=NOW_MS + 2_500)
    root = world.id_of(world.chats[chats["replied"]].timeline[0])
    world.reply_in_thread(root, tom, text="x", at_ms=NOW_MS + 4_000)
    world.chats[chats["made"]].create_ms = NOW_MS - 10_000
    world.now_ms = NOW_MS + 5_000
    with served(world, activity=activity) as api:
        listed = api.items(CHATS, sort_type="ByActiveTimeDesc", page_size=2)
        assert [chat["name"] for chat in listed] == order
