"""The vendor's own client reads the sandbox: its typed models check what the sandbox sends."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from feishu_source.sandbox import Sandbox, World, generate
from feishu_source.sandbox.contacts import CONTACT_SCOPE
from feishu_source.sandbox.context import UPGRADED_SCOPE, Tab

with warnings.catch_warnings():
    # The SDK and the protobuf code it brings along use what newer Pythons have deprecated.
    warnings.simplefilter("ignore")
    import lark_oapi as lark
    from lark_oapi.api.application import v6 as application
    from lark_oapi.api.contact import v3 as contact
    from lark_oapi.api.docx import v1 as docx
    from lark_oapi.api.im import v1 as im


@pytest.fixture(scope="module")
def world() -> World:
    """A generated tenant, for all tests of this module."""
    return generate(seed=3, chats=8, messages=900, days=60, thread_share=0.2)


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[Any]:
    """The SDK's client, pointed at the tenant."""
    with Sandbox(world) as sandbox:
        yield (
            lark.Client.builder()
            .domain(sandbox.base_url)
            .app_id(sandbox.app_id)
            .app_secret(sandbox.app_secret)
            .log_level(lark.LogLevel.CRITICAL)
            .build()
        )


def every_item(ask: Callable[[str | None], Any]) -> list[Any]:
    """The items of every page; `ask` gets a page token."""
    found: list[Any] = []
    token: str | None = None
    while True:
        reply = ask(token)
        assert reply.success(), (reply.code, reply.msg)
        found += reply.data.items or []
        if not reply.data.has_more:
            return found
        token = reply.data.page_token


def chats(client: Any) -> list[Any]:
    """The chat list."""

    def ask(token: str | None) -> Any:
        builder = im.ListChatRequest.builder().page_size(3)
        return client.im.v1.chat.list((builder.page_token(token) if token else builder).build())

    return every_item(ask)


def messages(client: Any, kind: str, container_id: str) -> list[Any]:
    """Every message of a chat or thread."""

    def ask(token: str | None) -> Any:
        builder = (
            im.ListMessageRequest.builder()
            .container_id_type(kind)
            .container_id(container_id)
            .sort_type("ByCreateTimeAsc")
            .page_size(50)
        )
        return client.im.v1.message.list((builder.page_token(token) if token else builder).build())

    return every_item(ask)


def test_the_sdk_lists_chats_and_gets_their_details(world: World, client: Any) -> None:
    """Page by page, with a token it fetched itself."""
    listed = chats(client)
    rows = world.truth()["chats"]
    assert [(chat.chat_id, chat.name, chat.owner_id) for chat in listed] == [
        (row["chat_id"], row["name"], row["owner_id"]) for row in rows
    ]
    for row in rows:
        request = im.GetChatRequest.builder().chat_id(row["chat_id"]).build()
        reply = client.im.v1.chat.get(request)
        assert reply.success()
        told = (reply.data.chat_mode, reply.data.group_message_type, int(reply.data.user_count))
        assert told == (row["chat_mode"], row["group_message_type"], row["user_count"])


def test_the_sdk_lists_members(world: World, client: Any) -> None:
    """Page by page."""
    rows = world.truth()["chat_members"]
    for chat_id in world.chats:

        def ask(token: str | None, chat_id: str = chat_id) -> Any:
            builder = im.GetChatMembersRequest.builder().chat_id(chat_id).page_size(4)
            builder = builder.page_token(token) if token else builder
            return client.im.v1.chat_members.get(builder.build())

        listed = [(member.member_id, member.name) for member in every_item(ask)]
        expected = [(r["member_id"], r["name"]) for r in rows if r["chat_id"] == chat_id]
        assert listed == expected


def test_the_sdk_reads_every_message_of_a_tenant(world: World, client: Any) -> None:
    """Timelines and threads; each typed item agrees with the truth."""
    found: dict[str, Any] = {}
    for chat in chats(client):
        for message in messages(client, "chat", chat.chat_id):
            found[message.message_id] = message
            if message.thread_id and world.chats[chat.chat_id].mode != "topic":
                for reply in messages(client, "thread", message.thread_id):
                    found[reply.message_id] = reply
    rows = {row["message_id"]: row for row in world.truth()["messages"]}
    assert found.keys() == rows.keys()
    for message_id, message in found.items():
        row = rows[message_id]
        assert (
            message.chat_id,
            message.msg_type,
            message.thread_id,
            message.root_id,
            message.parent_id,
            message.deleted,
            message.updated,
            message.sender.id,
            message.sender.sender_type,
            message.body.content if message.body else None,
            int(message.create_time),
            len(message.mentions or []) + row["mentions_all"],
        ) == (
            row["chat_id"],
            row["msg_type"],
            row["thread_id"],
            row["root_id"],
            row["parent_id"],
            row["deleted"],
            row["updated"],
            row["sender_id"],
            row["sender_type"],
            row["body_content"],
            round(row["create_time"].timestamp() * 1000),
            row["mention_count"],
        )


def test_the_sdk_gets_one_message(world: World, client: Any) -> None:
    """By its id."""
    row = world.truth()["messages"][0]
    request = im.GetMessageRequest.builder().message_id(row["message_id"]).build()
    reply = client.im.v1.message.get(request)
    assert reply.success()
    assert [item.message_id for item in reply.data.items] == [row["message_id"]]


def test_the_sdk_asks_for_membership_and_scopes(world: World, client: Any) -> None:
    """As the check does."""
    (chat_id, *_) = world.chats
    inside = client.im.v1.chat_members.is_in_chat(
        im.IsInChatChatMembersRequest.builder().chat_id(chat_id).build()
    )
    assert (inside.success(), inside.data.is_in_chat) == (True, True)
    listed = client.application.v6.scope.list(application.ListScopeRequest.builder().build())
    granted = {each.scope_name for each in listed.data.scopes if each.grant_status == 1}
    assert granted == world.scopes


def test_the_sdk_asks_for_reactions_in_batches() -> None:
    """Two messages, one with more reactions than a page holds, and one that is not there."""
    world = generate(seed=4, chats=1, messages=20)
    (chat_id, *_), (user_id, *_) = world.chats, world.users
    busy, calm = world.post(chat_id, user_id, text="a"), world.post(chat_id, user_id, text="b")
    set_ids = [world.react(busy, user_id, kind) for kind in ("OK", "OK", "THUMBSUP")]
    with Sandbox(world) as sandbox:
        own = (
            lark.Client.builder()
            .domain(sandbox.base_url)
            .app_id(sandbox.app_id)
            .app_secret(sandbox.app_secret)
            .build()
        )

        def ask(queries: list[dict[str, str]]) -> Any:
            body = im.BatchQueryMessageReactionRequestBody(
                {"queries": queries, "page_size_per_message": 2}
            )
            request = im.BatchQueryMessageReactionRequest.builder().request_body(body).build()
            reply = own.im.v1.message_reaction.batch_query(request)
            assert reply.success(), (reply.code, reply.msg)
            return reply.data

        first = ask([{"message_id": busy}, {"message_id": calm}, {"message_id": "om_none"}])
        details = first.success_msg_reaction_details
        assert [(each.message_id, each.has_more) for each in details] == [
            (busy, True),
            (calm, False),
        ]
        counts = first.success_msg_reaction_counts[0].reaction_count
        assert [(each.reaction_type, each.count) for each in counts] == [
            ("OK", "2"),
            ("THUMBSUP", "1"),
        ]
        assert [each.message_id for each in first.fail_msg_reaction_details] == ["om_none"]
        rest = ask([{"message_id": busy, "page_token": details[0].page_token}])
    [more] = rest.success_msg_reaction_details
    found = [*details[0].message_reaction_items, *more.message_reaction_items]
    assert ([each.reaction_id for each in found], more.has_more) == (set_ids, False)
    told = {
        (each.operator.operator_id, each.operator.operator_type, int(each.action_time))
        for each in found
    }
    kind = "app" if user_id.startswith("cli_") else "user"
    assert told == {(user_id, kind, world.now_ms)}


def test_the_sdk_lists_pins(world: World, client: Any) -> None:
    """Page by page, the newest first; a recalled message is pinned no more."""
    (chat_id, *_), user_id = world.chats, next(u for u in world.users if u.startswith("ou_"))
    pinned = [world.post(chat_id, user_id, text=f"pin {n}") for n in range(5)]
    for message_id in pinned:
        world.pin(message_id, user_id)
    world.recall(pinned[0])

    def ask(token: str | None) -> Any:
        builder = im.ListPinRequest.builder().chat_id(chat_id).page_size(2)
        return client.im.v1.pin.list((builder.page_token(token) if token else builder).build())

    found = every_item(ask)[: len(pinned) - 1]  # older ones stand behind
    assert [each.message_id for each in found] == pinned[:0:-1]
    assert {(each.chat_id, each.operator_id, each.operator_id_type) for each in found} == {
        (chat_id, user_id, "open_id")
    }


def test_the_sdk_reads_tabs_and_announcements(world: World, client: Any) -> None:
    """Of both forms, each by its own call."""
    world.scopes |= {"im:chat:readonly", UPGRADED_SCOPE}
    old, new = [chat.chat_id for chat in world.chats.values() if chat.mode == "group"][:2]
    user_id = next(u for u in world.users if u.startswith("ou_"))
    content, config = {"url": "https://example.com"}, {"icon_key": "img", "is_built_in": True}
    world.show_tabs(old, Tab("71", "message"), Tab("72", "url", "Board", content, config))
    world.announce(old, user_id, '{"a":1}', form="doc")
    world.announce(new, user_id)
    tabs = client.im.v1.chat_tab.list_tabs(im.ListTabsChatTabRequest.builder().chat_id(old).build())
    first, second = tabs.data.chat_tabs
    assert (first.tab_id, first.tab_type, first.tab_name) == ("71", "message", None)
    assert (second.tab_name, second.tab_content.url) == ("Board", "https://example.com")
    assert (second.tab_config.icon_key, second.tab_config.is_built_in) == ("img", True)

    def ask(chat_id: str) -> Any:
        request = im.GetChatAnnouncementRequest.builder().chat_id(chat_id).build()
        return client.im.v1.chat_announcement.get(request)

    told = ask(old).data
    now_s, kind = world.now_ms // 1_000, "open_id"
    assert (told.content, told.revision, told.create_time) == ('{"a":1}', "1", str(now_s))
    assert (told.owner_id, told.owner_id_type) == (user_id, kind)
    assert ask(new).code == 232097
    request = docx.GetChatAnnouncementRequest.builder().chat_id(new).build()
    basics = client.docx.v1.chat_announcement.get(request).data
    assert (basics.announcement_type, basics.revision_id) == ("docx", 1)
    assert (basics.update_time, basics.modifier_id, basics.modifier_id_type) == (
        *(now_s, user_id, kind),
    )


def test_the_sdk_asks_about_people(world: World, client: Any) -> None:
    """Several in one request, each in a parameter of its own; one of them is out of range."""
    world.scopes |= {CONTACT_SCOPE, "contact:user.base:readonly"}
    ids = [each.user_id for each in world.users.values() if not each.is_app][:3]
    world.hide_contact(ids[1])
    request = contact.BatchUserRequest.builder().user_ids(ids).user_id_type("open_id").build()
    reply = client.contact.v3.user.batch(request)
    told = [(each.open_id, each.name, each.email) for each in reply.data.items]
    assert told == [(each, world.users[each].name, None) for each in (ids[0], ids[2])]


def test_the_sdk_understands_a_refusal(client: Any) -> None:
    """Code, words, log id and the field at fault."""
    request = (
        im.ListMessageRequest.builder().container_id_type("chat").container_id("oc_x").page_size(51)
    )
    reply = client.im.v1.message.list(request.build())
    assert (reply.success(), reply.code, reply.msg) == (False, 99992402, "field validation failed")
    assert reply.error["log_id"] == reply.get_log_id()
    assert [each["field"] for each in reply.error["field_violations"]] == ["page_size"]
