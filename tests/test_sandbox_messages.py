"""The list of messages: windows, order, pages, items."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feishu_source.sandbox import Sandbox, Switches, World
from feishu_source.sandbox.cards import card_2
from tests.sandbox_api import CHATS, MESSAGES, Api, ids

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=7, now_ms=NOW_MS)


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """The tenant, served."""
    with Sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    """A caller that has a token."""
    with Api(sandbox) as api:
        yield api


def test_an_item_has_every_field_that_applies_and_no_other(world: World, api: Api) -> None:
    """A first text message without mentions, spelled out."""
    tom = world.add_user("Tom")
    chat = world.add_chat("chat", member_ids=[tom])
    message = world.post(chat, tom, text="hello")
    assert api.chat(chat) == [
        {
            "message_id": message,
            "msg_type": "text",
            "create_time": "1760000000000",
            "update_time": "1760000000000",
            "deleted": False,
            "updated": False,
            "chat_id": chat,
            "sender": {
                "id": tom,
                "id_type": "open_id",
                "sender_type": "user",
                "tenant_key": world.tenant_key,
            },
            "message_app_link": "https://applink.example.com/client/chat/open"
            f"?openChatId={chat}&position=1",
            "body": {"content": '{"text":"hello"}'},
            "message_position": "1",
        }
    ]


def test_a_reply_names_its_parent_and_the_first_of_its_chain(world: World, api: Api) -> None:
    """root_id is the first message, parent_id the one that was answered."""
    chat = world.add_chat()
    first = world.post(chat, text="1")
    second = world.reply(first, text="2")
    third = world.reply(second, text="3")
    links = [(item.get("root_id"), item.get("parent_id")) for item in api.chat(chat)]
    assert links == [(None, None), (first, first), (first, second)]
    assert ids(api.chat(chat)) == [first, second, third]


def test_a_mention_stands_in_the_text_by_its_key(world: World, api: Api) -> None:
    """The same person twice is one entry; an app stands there by its open_id."""
    tom, bot = world.add_user("Tom"), world.add_bot("Bot")
    chat = world.add_chat()
    world.post(chat, tom, text=f"@<{tom}> and @<{bot}> and @<{tom}> @<all>")
    (item,) = api.chat(chat)
    assert item["body"] == {"content": '{"text":"@_user_1 and @_user_2 and @_user_1 @_all"}'}
    key = world.tenant_key
    first = {"key": "@_user_1", "id": tom, "id_type": "open_id", "name": "Tom", "tenant_key": key}
    assert item["mentions"] == [
        first,
        {**first, "key": "@_user_2", "id": world.users[bot].open_bot_id, "name": "Bot"},
    ]


def test_a_sender_is_a_person_an_app_or_nobody(world: World, api: Api) -> None:
    """An anonymous or system sender has no id."""
    bot = world.add_bot("Bot")
    chat = world.add_chat()
    world.post(chat, bot, text="from an app")
    world.post(chat, None, text="from nobody")
    world.post(chat, None, msg_type="system", content={"template": "x"}, columns={"text": "x"})
    key = world.tenant_key
    assert [item["sender"] for item in api.chat(chat)] == [
        {
            "id": bot,
            "id_type": "app_id",
            "sender_type": "app",
            "tenant_key": key,
            "open_bot_id": world.users[bot].open_bot_id,
        },
        {"sender_type": "anonymous", "tenant_key": key},
        {"sender_type": "unknown", "tenant_key": key},
    ]


def test_names_of_senders_come_when_they_are_asked_for(world: World, api: Api) -> None:
    """with_sender_name adds the name and the names in other languages."""
    tom = world.add_user("Tom", i18n_names={"en_us": "Tom", "zh_cn": "汤姆"})
    chat = world.add_chat()
    world.post(chat, tom, text="x")
    (item,) = api.chat(chat, with_sender_name="true")
    assert item["sender"]["sender_name"] == "Tom"
    assert item["sender"]["sender_i18n_names"] == {"en_us": "Tom", "zh_cn": "汤姆"}
    assert "sender_name" not in api.chat(chat)[0]["sender"]


def test_an_edit_changes_the_body_and_moves_the_update_time(world: World, api: Api) -> None:
    """The creation stays where it was."""
    chat = world.add_chat()
    message = world.post(chat, text="before")
    world.advance(5)
    world.edit(message, text="after")
    (item,) = api.chat(chat)
    assert item["body"] == {"content": '{"text":"after"}'}
    assert (item["create_time"], item["update_time"]) == ("1760000000000", "1760000005000")
    assert (item["updated"], item["deleted"]) == (True, False)


def test_a_recalled_message_stays_listed_without_its_words(world: World, api: Api) -> None:
    """Its type stays, its body is a fixed sentence, its mentions are gone."""
    tom = world.add_user("Tom")
    chat = world.add_chat()
    message = world.post(chat, tom, text=f"secret @<{tom}>")
    world.recall(message)
    (item,) = api.chat(chat)
    assert (item["deleted"], item["msg_type"]) == (True, "text")
    assert item["body"] == {"content": "This message was recalled"}
    assert "mentions" not in item


def test_a_removed_message_is_no_longer_listed(world: World, api: Api) -> None:
    """A hard delete takes the message out of the list; by id it answers 230110."""
    chat = world.add_chat()
    kept, gone = world.post(chat, text="a"), world.post(chat, text="b")
    world.remove(gone)
    assert ids(api.chat(chat)) == [kept]
    assert api.get(f"{MESSAGES}/{gone}")["code"] == 230110


def test_a_late_message_appears_long_after_its_creation(world: World, api: Api) -> None:
    """It becomes visible behind messages that were listed before."""
    chat = world.add_chat()
    late = world.post(chat, text="late", visible_after_ms=3500)
    world.advance(1)
    prompt = world.post(chat, text="prompt")
    assert ids(api.chat(chat)) == [prompt]
    world.advance(3)
    assert ids(api.chat(chat)) == [late, prompt]


@pytest.mark.parametrize("size", [1, 2, 7, 20, 50])
@pytest.mark.parametrize("order", ["ByCreateTimeAsc", "ByCreateTimeDesc"])
def test_equal_times_across_a_page_border_are_neither_lost_nor_doubled(
    world: World, api: Api, size: int, order: str
) -> None:
    """Messages of one millisecond come in the order of posting, or backwards."""
    chat = world.add_chat()
    posted = [
        world.post(chat, text=str(number), at_ms=NOW_MS - 9 + number // 23) for number in range(60)
    ]
    expected = posted if order == "ByCreateTimeAsc" else posted[::-1]
    assert ids(api.chat(chat, page_size=size, sort_type=order)) == expected


def test_a_page_goes_on_after_the_last_item_although_earlier_ones_appear(
    world: World, api: Api
) -> None:
    """What is inserted behind a page border belongs to no later page."""
    chat = world.add_chat()
    posted = [world.post(chat, text=str(n), at_ms=NOW_MS - 9 + n) for n in range(4)]
    query = {"container_id_type": "chat", "container_id": chat, "page_size": 2}
    first = api.data(MESSAGES, **query)
    world.post(chat, text="behind", at_ms=NOW_MS - 9)
    second = api.data(MESSAGES, **query, page_token=first["page_token"])
    assert ids(first["items"]) + ids(second["items"]) == posted


def test_a_window_is_in_seconds_and_includes_both_ends(world: World, api: Api) -> None:
    """By default; every millisecond of the last second belongs to it."""
    chat = world.add_chat()
    times = [NOW_MS - 1, NOW_MS, NOW_MS + 999, NOW_MS + 1000, NOW_MS + 1999, NOW_MS + 2000]
    posted = [world.post(chat, text="x", at_ms=at_ms) for at_ms in times]
    world.advance(60)
    start, end = NOW_MS // 1000, NOW_MS // 1000 + 1
    assert ids(api.chat(chat, start_time=start, end_time=end)) == posted[1:5]
    assert ids(api.chat(chat, start_time=start)) == posted[1:]
    assert ids(api.chat(chat, end_time=start)) == posted[:3]


def test_a_page_token_belongs_to_its_query(world: World, api: Api) -> None:
    """Another order, window, chat or no token of ours is refused with 230001."""
    chat, other = world.add_chat(), world.add_chat()
    for number in range(3):
        world.post(chat, text=str(number))
    query = {"container_id_type": "chat", "container_id": chat, "page_size": 1}
    token = api.data(MESSAGES, **query)["page_token"]
    codes = [
        api.get(MESSAGES, **{**query, "page_token": token, **change})["code"]
        for change in (
            {"page_size": 2},
            {"sort_type": "ByCreateTimeDesc"},
            {"end_time": NOW_MS // 1000},
            {"container_id": other},
            {"page_token": token[:-4] + "AAA="},
            {"page_token": "nonsense"},
            {"page_token": "é"},
        )
    ]
    assert codes == [0, 230001, 230001, 230001, 230001, 230001, 230001]


def test_one_message_is_got_by_its_id(world: World, api: Api) -> None:
    """The same item as in the list; a recalled one has no body."""
    chat = world.add_chat()
    message = world.post(chat, text="x")
    assert api.data(f"{MESSAGES}/{message}")["items"] == api.chat(chat)
    world.recall(message)
    (item,) = api.data(f"{MESSAGES}/{message}")["items"]
    assert (item["deleted"], "body" in item) == (True, False)


def test_forwarded_messages_come_flat_with_their_container(world: World, api: Api) -> None:
    """A container in a container too; each names the one above it and the chat it came from."""
    here, there = world.add_chat("here"), world.add_chat("there")
    one, two = world.post(there, text="1"), world.post(there, text="2")
    inner = world.forward(there, None, [one, two])
    outer = world.forward(here, None, [inner, two])
    (listed,) = api.chat(here)
    assert listed["msg_type"] == "merge_forward"
    assert listed["body"] == {"content": '{"content":"Merged and Forwarded Message"}'}
    found = api.data(f"{MESSAGES}/{outer}")["items"]
    assert [
        (item["message_id"], item.get("upper_message_id"), item["chat_id"]) for item in found
    ] == [
        (outer, None, here),
        (inner, outer, there),
        (one, inner, there),
        (two, inner, there),
        (two, outer, there),
    ]


def test_a_container_in_a_chat_the_bot_left_is_refused(world: World, api: Api) -> None:
    """A nested container lives in the chat it came from."""
    here, there = world.add_chat("here"), world.add_chat("there")
    inner = world.forward(there, None, [world.post(there, text="1")])
    outer = world.forward(here, None, [inner])
    world.leave(there)
    assert len(api.data(f"{MESSAGES}/{outer}")["items"]) == 3
    assert api.get(f"{MESSAGES}/{inner}")["code"] == 230002


def test_a_card_comes_in_the_form_that_was_asked_for(world: World, api: Api) -> None:
    """Rendered, as it was sent, or raw."""
    chat = world.add_chat()
    body = card_2("Title", "words")
    world.post(chat, body=body)
    forms = [
        api.chat(chat, card_msg_content_type=form)[0]["body"]["content"]
        for form in (None, "user_card_content", "raw_card_content")
    ]
    assert forms == [
        body.content,
        body.cards["user_card_content"].content,
        body.cards["raw_card_content"].content,
    ]


def test_a_write_is_recorded_and_refused(world: World, sandbox: Sandbox, api: Api) -> None:
    """Nothing can be posted, and nobody can try without being seen."""
    chat = world.add_chat()
    reply = api.post(MESSAGES, {"receive_id": chat})
    assert reply["code"] == 99991201
    seen = sandbox.requests[-1]
    assert (seen.method, seen.path, seen.status, seen.code) == ("POST", MESSAGES, 404, 99991201)


def test_requests_are_recorded_and_counted(sandbox: Sandbox, world: World, api: Api) -> None:
    """Path, query, status and code of each; by path and by code."""
    chat = world.add_chat()
    sandbox.clear_requests()
    api.get(CHATS, page_size=5)
    api.get(f"{CHATS}/{chat}")
    api.get(CHATS, page_size=0)
    assert [(r.path, r.query, r.status, r.code) for r in sandbox.requests] == [
        (CHATS, {"page_size": "5"}, 200, 0),
        (f"{CHATS}/{chat}", {}, 200, 0),
        (CHATS, {"page_size": "0"}, 400, 99992402),
    ]
    assert (sandbox.count(), sandbox.count(f"{CHATS}/"), sandbox.count(code=0)) == (3, 1, 2)


def test_a_user_token_reads_as_well(world: World, sandbox: Sandbox, api: Api) -> None:
    """The world has one user token."""
    chat = world.add_chat()
    message = world.post(chat, text="x")
    api.session.headers["Authorization"] = f"Bearer {sandbox.user_access_token}"
    assert ids(api.chat(chat)) == [message]


def test_switched_on_switches_can_be_turned_while_it_serves(
    world: World, sandbox: Sandbox, api: Api
) -> None:
    """An item that was served before is served in the new form."""
    chat = world.add_chat()
    world.post(chat, text="x")
    assert api.chat(chat)[0]["message_position"] == "1"
    sandbox.switches = Switches(position_as_int=True)
    assert api.chat(chat)[0]["message_position"] == 1
