"""Threads: who becomes a root, where replies are listed, who may see them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feishu_source.sandbox import Sandbox, Switches, World
from tests.sandbox_api import MESSAGES, Api, ids

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=7, now_ms=NOW_MS)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def test_a_message_carries_a_thread_id_from_its_first_reply_on(world: World, api: Api) -> None:
    """Before that nothing tells that it will be a root."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    assert "thread_id" not in api.chat(chat)[0]
    world.reply_in_thread(root, text="reply")
    (item,) = api.chat(chat)
    assert item["thread_id"] == world.thread_id_of(root)
    assert (item["thread_message_position"], "root_id" in item) == ("-1", False)


def test_replies_are_listed_in_their_thread_only(world: World, api: Api) -> None:
    """In an ordinary group; root and parent of each are the root, positions count from 0."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    replies: list[str] = []
    for number in range(3):
        world.advance(1)
        replies.append(world.reply_in_thread(replies[-1] if replies else root, text=str(number)))
    assert ids(api.chat(chat)) == [root]
    listed = api.thread(world.thread_id_of(root), page_size=2)
    assert ids(listed) == [root, *replies]
    assert [
        (item["root_id"], item["parent_id"], item["thread_message_position"]) for item in listed[1:]
    ] == [(root, root, "0"), (root, root, "1"), (root, root, "2")]
    assert {item["message_position"] for item in listed[1:]} == {"-1"}
    newest_first = api.thread(world.thread_id_of(root), sort_type="ByCreateTimeDesc", page_size=1)
    assert ids(newest_first) == [*replies[::-1], root]


def test_a_reply_that_was_also_sent_to_the_chat_exists_twice(world: World, api: Api) -> None:
    """The copy (type 1) and the reply (type 2) name each other."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    reply = world.reply_in_thread(root, text="both", also_to_chat=True)
    thread_id = world.thread_id_of(root)
    copy = api.chat(chat)[1]
    original = api.thread(thread_id)[1]
    assert copy["sync_to_chat_info"] == {
        "type": 1,
        "related_message_id": reply,
        "thread_id": thread_id,
    }
    assert original["sync_to_chat_info"] == {"type": 2, "related_message_id": copy["message_id"]}
    assert original["message_id"] == reply
    assert copy["body"] == original["body"]
    assert "thread_id" not in copy


def test_a_topic_group_lists_replies_flat_by_their_own_time(world: World, api: Api) -> None:
    """Unless only roots are asked for; every message there is a topic from the start."""
    chat = world.add_chat(mode="topic")
    first = world.post(chat, text="first")
    world.advance(1)
    second = world.post(chat, text="second")
    world.advance(1)
    reply = world.reply_in_thread(first, text="reply")
    assert ids(api.chat(chat)) == [first, second, reply]
    assert ids(api.chat(chat, only_thread_root_messages="false")) == [first, second, reply]
    assert ids(api.chat(chat, only_thread_root_messages="true")) == [first, second]
    assert ids(api.chat(chat, start_time=NOW_MS // 1000 + 2)) == [reply]
    assert [item["thread_id"] for item in api.chat(chat)] == [
        world.thread_id_of(message) for message in (first, second, first)
    ]


def test_a_plain_reply_in_a_topic_group_is_a_reply_in_the_topic(world: World, api: Api) -> None:
    """There is no other kind of reply there."""
    chat = world.add_chat(mode="topic")
    root = world.post(chat, text="root")
    reply = world.reply(root, text="reply")
    assert ids(api.thread(world.thread_id_of(root))) == [root, reply]


def test_in_a_thread_form_group_every_message_is_a_root(world: World, api: Api) -> None:
    """Its replies stay out of the timeline, as in an ordinary group."""
    chat = world.add_chat(group_message_type="thread")
    root = world.post(chat, text="root")
    world.reply_in_thread(root, text="reply")
    other = world.post(chat, text="other")
    assert ids(api.chat(chat)) == [root, other]
    assert ids(api.thread(world.thread_id_of(other))) == [other]


def test_a_hidden_thread_answers_230073_until_it_is_shown(world: World, api: Api) -> None:
    """Its root stays in the timeline; in a topic group its replies leave the flat list."""
    for mode in ("group", "topic"):
        chat = world.add_chat(mode=mode)
        root = world.post(chat, text="root")
        reply = world.reply_in_thread(root, text="reply")
        thread_id = world.thread_id_of(root)
        assert thread_id is not None
        world.hide_thread(thread_id)
        query = {"container_id_type": "thread", "container_id": thread_id}
        assert api.get(MESSAGES, **query)["code"] == 230073
        assert ids(api.chat(chat)) == [root]
        world.show_thread(thread_id)
        assert ids(api.thread(thread_id)) == [root, reply]


def test_a_deleted_thread_answers_230110(world: World, api: Api) -> None:
    """The platform's code for what was deleted."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    world.reply_in_thread(root, text="reply")
    thread_id = world.thread_id_of(root)
    assert thread_id is not None
    world.delete_thread(thread_id)
    query = {"container_id_type": "thread", "container_id": thread_id}
    assert api.get(MESSAGES, **query)["code"] == 230110


def test_a_thread_takes_no_time_range(world: World, api: Api) -> None:
    """Either end is refused with 230001."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    world.reply_in_thread(root, text="reply")
    query = {"container_id_type": "thread", "container_id": world.thread_id_of(root)}
    for name in ("start_time", "end_time"):
        assert api.get(MESSAGES, **query, **{name: NOW_MS // 1000})["code"] == 230001


def test_whether_a_thread_lists_its_root_is_a_switch(world: World) -> None:
    """Without it the list holds the replies alone."""
    chat = world.add_chat()
    root = world.post(chat, text="root")
    reply = world.reply_in_thread(root, text="reply")
    with Sandbox(world, switches=Switches(thread_lists_root=False)) as box, Api(box) as api:
        assert ids(api.thread(world.thread_id_of(root))) == [reply]


def test_what_a_topic_group_lists_by_default_is_a_switch(world: World) -> None:
    """Only roots, unless the undocumented parameter says otherwise and is accepted."""
    chat = world.add_chat(mode="topic")
    root = world.post(chat, text="root")
    reply = world.reply_in_thread(root, text="reply")
    switches = Switches(topic_default_roots_only=True)
    with Sandbox(world, switches=switches) as sandbox, Api(sandbox) as api:
        assert ids(api.chat(chat)) == [root]
        assert ids(api.chat(chat, only_thread_root_messages="false")) == [root, reply]
