"""The truth: whole rows of small worlds, written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from feishu_source.sandbox import Switches, World, bodies

NOW_MS = 1_760_000_000_123
NOW = datetime(2025, 10, 9, 8, 53, 20, 123_000, tzinfo=UTC)
LATER = datetime(2025, 10, 9, 8, 53, 30, 123_000, tzinfo=UTC)

NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "text",
        "title",
        "image_key",
        "file_key",
        "file_name",
        "duration_ms",
        "shared_chat_id",
        "shared_user_id",
        "location_name",
        "longitude",
        "latitude",
        "event_summary",
        "event_start",
        "event_end",
        "task_id",
        "due_time",
        "vote_topic",
        "vote_options",
    )
)


OF_NONE = {"card_form": None, "forward_status": None, "forward_error_code": None}
"""Neither a card nor a merged forward."""


def column(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """One column of a table."""
    return [row[name] for row in rows]


def test_a_small_world_is_told_row_by_row() -> None:
    """One chat, a message with a mention and a link, and a reply in its thread by an app."""
    world = World(seed=1, now_ms=NOW_MS)
    tom, bot = world.add_user("Tom"), world.add_bot("Bot")
    chat = world.add_chat(
        "chat",
        member_ids=[tom, bot],
        owner_id=tom,
        details={"i18n_names": {"en_us": "chat"}, "bot_manager_id_list": []},
    )
    root = world.post(chat, tom, text=f"hi @<{bot}>: https://example.com.", more={"a": {"b": [1]}})
    world.advance(10)
    reply = world.reply_in_thread(root, bot, text="yes")
    reaction_id = world.react(root, bot, "OK")
    world.pin(root, tom)
    thread = world.thread_id_of(root)
    key, bot_open_id = world.tenant_key, world.users[bot].open_bot_id
    place = {"chat_id": chat, "create_time": NOW}
    assert world.truth() == {
        "chats": [
            {
                "chat_id": chat,
                "name": "chat",
                "description": None,
                "avatar": "https://avatars.example.com/1.png",
                "owner_id": tom,
                "owner_id_type": "open_id",
                "external": False,
                "tenant_key": key,
                "chat_status": "normal",
                "chat_mode": "group",
                "group_message_type": "chat",
                "chat_type": "private",
                "user_count": 1,
                "bot_count": 2,
                "listed": True,
                "extra": {"i18n_names.en_us": "chat", "bot_manager_id_list": []},
            }
        ],
        "messages": [
            {
                "message_id": root,
                "chat_id": chat,
                "thread_id": thread,
                "root_id": None,
                "parent_id": None,
                "upper_message_id": None,
                "msg_type": "text",
                "create_time": NOW,
                "update_time": NOW,
                "deleted": False,
                "updated": False,
                "sender_id": tom,
                "sender_id_type": "open_id",
                "sender_type": "user",
                "sender_tenant_key": key,
                "sender_name": "Tom",
                **NOTHING,
                "text": "hi @Bot: https://example.com.",
                "mention_count": 1,
                "mentions_all": False,
                "sync_to_chat_type": None,
                "related_message_id": None,
                "message_position": 1,
                "thread_message_position": -1,
                "message_app_link": "https://applink.example.com/client/chat/open"
                f"?openChatId={chat}&position=1",
                "body_content": '{"text":"hi @_user_1: https://example.com."}',
                "extra": {"a.b": [1]},
                **OF_NONE,
            },
            {
                "message_id": reply,
                "chat_id": chat,
                "thread_id": thread,
                "root_id": root,
                "parent_id": root,
                "upper_message_id": None,
                "msg_type": "text",
                "create_time": LATER,
                "update_time": LATER,
                "deleted": False,
                "updated": False,
                "sender_id": bot,
                "sender_id_type": "app_id",
                "sender_type": "app",
                "sender_tenant_key": key,
                "sender_name": "Bot",
                **NOTHING,
                "text": "yes",
                "mention_count": 0,
                "mentions_all": False,
                "sync_to_chat_type": None,
                "related_message_id": None,
                "message_position": -1,
                "thread_message_position": 0,
                "message_app_link": "https://applink.example.com/client/chat/open"
                f"?openChatId={chat}&position=-1",
                "body_content": '{"text":"yes"}',
                "extra": {"sender.open_bot_id": bot_open_id},
                **OF_NONE,
            },
        ],
        "message_mentions": [
            {
                "message_id": root,
                "mention_index": 0,
                **place,
                "mention_key": "@_user_1",
                "mentioned_id": bot_open_id,
                "mentioned_id_type": "open_id",
                "mentioned_name": "Bot",
                "mentioned_tenant_key": key,
            }
        ],
        "message_links": [
            {
                "message_id": root,
                "link_index": 0,
                **place,
                "url": "https://example.com",
                "label": None,
            }
        ],
        "forwarded_messages": [],
        "message_resources": [],
        "message_reactions": [
            {
                "message_id": root,
                "reaction_id": reaction_id,
                **place,
                "emoji_type": "OK",
                "operator_id": bot,
                "operator_type": "app",
                "action_time": LATER,
                "extra": None,
            }
        ],
        "chat_pins": [
            {
                "chat_id": chat,
                "message_id": root,
                "operator_id": tom,
                "operator_id_type": "open_id",
                "create_time": LATER,
                "extra": None,
            }
        ],
        "chat_tabs": [],
        "chat_announcements": [],
        "threads": [
            {
                "thread_id": thread,
                **place,
                "root_message_id": root,
                "last_reply_time": LATER,
                "status": "ok",
                "error_code": None,
                "error_message": None,
            }
        ],
        "chat_members": [
            {
                "chat_id": chat,
                "member_id": tom,
                "member_id_type": "open_id",
                "name": "Tom",
                "tenant_key": key,
                "extra": None,
            }
        ],
    }


def test_resources_of_a_film_are_the_film_and_its_cover() -> None:
    """Numbered in order of appearance."""
    world = World(now_ms=NOW_MS)
    body = bodies.media_body("media", "file_1", name="a.mp4", duration_ms=2000, cover="img_1")
    message = world.post(world.add_chat(), body=body)
    truth = world.truth()
    common = {
        "message_id": message,
        "chat_id": truth["messages"][0]["chat_id"],
        "create_time": NOW,
    }
    assert truth["message_resources"] == [
        {
            **common,
            "resource_index": 0,
            "resource_type": "media",
            "resource_key": "file_1",
            "file_name": "a.mp4",
            "duration_ms": 2000,
        },
        {
            **common,
            "resource_index": 1,
            "resource_type": "image",
            "resource_key": "img_1",
            "file_name": None,
            "duration_ms": None,
        },
    ]


def test_a_recalled_message_says_nothing() -> None:
    """No text, no mentions, no links; its body is the fixed sentence."""
    world = World(now_ms=NOW_MS)
    tom = world.add_user("Tom")
    chat = world.add_chat()
    message = world.post(chat, tom, text=f"@<{tom}> @<all> https://example.com")
    world.advance(10)
    world.recall(message)
    truth = world.truth()
    (row,) = truth["messages"]
    told = {name: row[name] for name in (*NOTHING, "deleted", "mention_count", "mentions_all")}
    assert told == {**NOTHING, "deleted": True, "mention_count": 0, "mentions_all": False}
    assert (row["body_content"], row["update_time"]) == ("This message was recalled", LATER)
    assert [truth[table] for table in ("message_mentions", "message_links")] == [[], []]


def test_both_halves_of_a_reply_that_was_also_sent_to_the_chat_are_rows() -> None:
    """The copy has the thread's id among what no column holds."""
    world = World(now_ms=NOW_MS)
    root = world.post(world.add_chat(), text="root")
    reply = world.reply_in_thread(root, text="both", also_to_chat=True)
    _, copy, original = world.truth()["messages"]
    assert (copy["sync_to_chat_type"], copy["related_message_id"]) == (1, reply)
    assert copy["extra"] == {"sync_to_chat_info.thread_id": world.thread_id_of(root)}
    assert (original["sync_to_chat_type"], original["related_message_id"], original["extra"]) == (
        2,
        copy["message_id"],
        None,
    )


def test_only_what_the_bot_can_read_is_told() -> None:
    """Chats it left are gone; of a restricted one the chat and its members remain."""
    world = World(now_ms=NOW_MS)
    tom = world.add_user("Tom")
    kinds = ("kept", "left", "restricted", "dissolved", "refused")
    chats = {kind: world.add_chat(kind, member_ids=[tom]) for kind in kinds}
    for chat in chats.values():
        world.post(chat, tom, text="x")
    world.leave(chats["left"])
    world.restrict(chats["restricted"])
    world.dissolve(chats["dissolved"])
    world.refuse(chats["refused"], 232033)
    truth = world.truth()
    assert column(truth["chats"], "name") == ["kept", "restricted", "dissolved", "refused"]
    assert column(truth["chats"], "chat_mode") == ["group", "group", "group", None]
    assert column(truth["chat_members"], "chat_id") == [chats["kept"], chats["restricted"]]
    assert column(truth["messages"], "chat_id") == [chats["kept"]]


def test_a_hidden_thread_is_told_as_invisible_without_its_replies() -> None:
    """With the code and the words of the refusal; a deleted one likewise."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    roots = [world.post(chat, text=str(number)) for number in range(2)]
    for root in roots:
        world.reply_in_thread(root, text="reply")
    hidden, deleted = (world.thread_id_of(root) for root in roots)
    assert hidden is not None
    assert deleted is not None
    world.hide_thread(hidden)
    world.delete_thread(deleted)
    truth = world.truth()
    assert column(truth["messages"], "message_id") == roots
    names = ("thread_id", "status", "error_code", "error_message", "last_reply_time")
    assert [tuple(row[name] for name in names) for row in truth["threads"]] == [
        (hidden, "invisible", 230073, "The thread is invisible to the operator.", None),
        (
            deleted,
            "deleted",
            230110,
            "Action unavailable as the message has been deleted.",
            None,
        ),
    ]


def test_a_topic_group_has_threads_only_when_it_cannot_be_read_flat() -> None:
    """That is when it lists roots only and refuses to be asked for more."""
    world = World(now_ms=NOW_MS)
    root = world.post(world.add_chat(mode="topic"), text="root")
    reply = world.reply_in_thread(root, text="reply")
    roots_only = Switches(topic_default_roots_only=True)
    refused = Switches(topic_default_roots_only=True, accept_only_thread_root=False)
    for switches, threads in ((Switches(), 0), (roots_only, 0), (refused, 1)):
        world.switches = switches
        truth = world.truth()
        assert column(truth["messages"], "message_id") == [root, reply]
        assert len(truth["threads"]) == threads


def test_p2p_chats_are_told_when_they_are_named() -> None:
    """They stand in no list."""
    world = World(now_ms=NOW_MS)
    tom = world.add_user("Tom")
    group = world.add_chat("group")
    private = world.add_chat(None, mode="p2p", member_ids=[tom])
    world.post(private, tom, text="x")
    assert column(world.truth()["chats"], "chat_id") == [group]
    truth = world.truth([private])
    told = [(row["chat_id"], row["chat_mode"], row["listed"]) for row in truth["chats"]]
    assert told == [(private, "p2p", False)]
    assert column(truth["messages"], "text") == ["x"]


def test_names_are_told_as_far_as_the_api_sends_them() -> None:
    """Neither without asking nor when the parameter is refused."""
    world = World(now_ms=NOW_MS)
    tom = world.add_user("Tom", i18n_names={"en_us": "Tom"})
    world.post(world.add_chat(), tom, text="x")

    def told(**asked: bool) -> tuple[Any, Any]:
        (row,) = world.truth(**asked)["messages"]  # type: ignore[arg-type]
        return row["sender_name"], row["extra"]

    assert told() == ("Tom", {"sender.sender_i18n_names.en_us": "Tom"})
    assert told(with_sender_name=False) == (None, None)
    world.switches = Switches(accept_with_sender_name=False)
    assert told() == (None, None)


def test_a_late_message_is_true_once_it_is_visible() -> None:
    """As is one that was posted into the future."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.post(chat, text="late", visible_after_ms=3500)
    world.post(chat, text="planned", at_ms=NOW_MS + 60_000)
    counts = [len(world.truth()["messages"])]
    for seconds in (3, 1, 60):
        world.advance(seconds)
        counts.append(len(world.truth()["messages"]))
    assert counts == [0, 0, 1, 2]


def test_a_raw_body_reads_as_its_poster_says() -> None:
    """Who does not say it cannot ask for the truth, unless the message is recalled."""
    world = World(now_ms=NOW_MS)
    chat = world.add_chat()
    world.post(chat, msg_type="new", content={"x": 1}, columns={"text": "one"})
    assert column(world.truth()["messages"], "text") == ["one"]
    unsaid = world.post(chat, msg_type="new", content={"x": 1})
    with pytest.raises(ValueError, match=f"nobody said how the raw new body of {unsaid} reads"):
        world.truth()
    world.recall(unsaid)
    assert column(world.truth()["messages"], "text") == ["one", None]
