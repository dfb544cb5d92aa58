"""The sandbox answers for reactions and pins as the documentation says, refusals included."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.sandbox import Sandbox, Switches, World
from tests.sandbox_api import Api

BATCH = "/open-apis/im/v1/messages/reactions/batch_query"
PINS = "/open-apis/im/v1/pins"


def ask(world: World, body: object, **switches: Any) -> dict[str, Any]:
    """One batch request."""
    with Sandbox(world, switches=Switches(**switches)) as sandbox, Api(sandbox) as api:
        return api.post(BATCH, body)


def queries(*message_ids: str) -> dict[str, Any]:
    """The body that asks for these."""
    return {"queries": [{"message_id": each} for each in message_ids]}


def two_chats(world: World) -> tuple[str, str, str]:
    """Ann, and a message in each of two chats."""
    ann = world.add_user("Ann")
    chats = [world.add_chat(name, member_ids=[ann]) for name in ("one", "two")]
    first, second = (world.post(chat_id, ann, text="hello") for chat_id in chats)
    return ann, first, second


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"queries": []},
        {"queries": "om_1"},
        queries(*[f"om_{n}" for n in range(21)]),
        queries("om_1") | {"page_size_per_message": 11},
        queries("om_1") | {"page_size_per_message": "10"},
    ],
)
def test_a_batch_beyond_its_bounds_is_refused(body: object) -> None:
    """230001, as for any parameter."""
    assert ask(World(), body)["code"] == 230001


def test_a_body_that_is_no_object_is_a_bad_request() -> None:
    """Whatever else it is."""
    assert ask(World(), [1])["code"] == 9499


def test_what_cannot_be_read_fails_beside_the_others() -> None:
    """A recalled message, one that never was, one of a chat without the bot."""
    world = World()
    ann, good, other = two_chats(world)
    world.react(good, ann)
    gone = world.post(next(iter(world.chats)), ann, text="oh")
    world.recall(gone)
    world.leave(world.message(other).chat.chat_id)
    data = ask(world, queries(good, gone, other, "om_never"))["data"]
    assert [each["message_id"] for each in data["success_msg_reaction_details"]] == [good]
    failed = {each["message_id"] for each in data["fail_msg_reaction_details"]}
    assert failed == {gone, other, "om_never"}


def test_one_message_may_refuse_its_whole_batch() -> None:
    """Nobody tells which it is; the code is that of the message."""
    world = World()
    _, good, other = two_chats(world)
    world.leave(world.message(other).chat.chat_id)
    assert ask(world, queries(good, other), reactions_refused="batch")["code"] == 230002
    assert ask(world, queries(good), reactions_refused="batch")["code"] == 0


def test_messages_of_two_chats_may_be_refused_in_one_batch() -> None:
    """That is not documented either."""
    world = World()
    _, first, second = two_chats(world)
    assert ask(world, queries(first, second))["code"] == 0
    assert ask(world, queries(first, second), reactions_mixed=False)["code"] == 230001


def test_a_page_token_is_good_for_its_message_only() -> None:
    """As for lists."""
    world = World()
    ann, first, second = two_chats(world)
    for _ in range(12):
        world.react(first, ann)
    data = ask(world, queries(first, second), reactions_none_listed=False)["data"]
    [detail] = data["success_msg_reaction_details"]
    assert (len(detail["message_reaction_items"]), detail["has_more"]) == (10, True)
    for message_id, code in ((first, 0), (second, 230001)):
        query = {"message_id": message_id, "page_token": detail["page_token"]}
        assert ask(world, {"queries": [query]})["code"] == code


@pytest.mark.parametrize("path", [BATCH, PINS])
def test_a_missing_scope_is_told(path: str) -> None:
    """With the scopes of which one is needed."""
    world = World()
    world.scopes.clear()
    chat_id = world.add_chat("one")
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        reply = (
            api.post(path, queries("om_1"))
            if path == BATCH
            else api.raw(path, chat_id=chat_id).json()
        )
    assert reply["code"] == 99991672
    kind = "reactions" if path == BATCH else "pins"
    assert f"im:message.{kind}:read" in reply["msg"]


def test_pins_of_a_chat_without_the_bot_are_refused() -> None:
    """With the code of its messages."""
    world = World()
    chat_id = world.add_chat("one", bot_in=False)
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        assert api.raw(PINS, chat_id=chat_id).json()["code"] == 230002
        assert api.raw(PINS).json()["code"] == 99992402
