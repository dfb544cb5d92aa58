"""Every refusal: the code, the words, the HTTP status, the error object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from feishu_source.sandbox import Sandbox, Switches, World
from tests.sandbox_api import CHATS, MESSAGES, SCOPES, TOKEN, Api

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=5, now_ms=NOW_MS)


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


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"container_id_type": None}, 99992402),
        ({"container_id": None}, 99992402),
        ({"container_id_type": "chat_id"}, 230001),
        ({"container_id": "om_1"}, 230001),
        ({"container_id": "oc_nobody"}, 230002),
        ({"container_id_type": "thread"}, 230001),
        ({"page_size": 0}, 99992402),
        ({"page_size": 51}, 99992402),
        ({"page_size": "ten"}, 99992402),
        ({"sort_type": "by_create_time_desc"}, 230001),
        ({"start_time": "1760000000000"}, 230001),
        ({"end_time": "1760000000000"}, 230001),
        ({"start_time": "yesterday"}, 230001),
        ({"start_time": 2, "end_time": 1}, 230001),
        ({"start_time": 1_760_000_001}, 230001),
        ({"with_sender_name": "yes"}, 230001),
        ({"card_msg_content_type": "html"}, 230001),
        ({"page_token": "x"}, 230001),
        ({"start_time": 1, "end_time": 1, "page_size": 50}, 0),
        ({"sort_type": "", "page_token": "", "start_time": ""}, 0),
    ],
)
def test_a_parameter_is_what_the_api_allows_or_refused(
    world: World, api: Api, change: dict[str, object], code: int
) -> None:
    """230001 by the endpoint, 99992402 by the general validation."""
    query = {"container_id_type": "chat", "container_id": world.add_chat(), **change}
    assert api.get(MESSAGES, **query)["code"] == code


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        (CHATS, {"page_size": 101}, 99992402),
        (CHATS, {"page_size": 100}, 0),
        (CHATS, {"sort_type": "ByName"}, 230001),
        (CHATS, {"page_token": "x"}, 232001),
        (f"{CHATS}/oc_nobody", {}, 232006),
        (f"{CHATS}/oc_nobody/members", {}, 232006),
        (f"{MESSAGES}/om_nobody", {}, 230001),
        ("/open-apis/im/v1/urgent", {}, 99991201),
        ("/", {}, 99991201),
    ],
)
def test_a_request_for_chats_is_right_or_refused(
    api: Api, path: str, query: dict[str, object], code: int
) -> None:
    """Chats and members have pages of at most 100, and codes of their own."""
    assert api.get(path, **query)["code"] == code


def _leave(world: World, chat: str) -> None:
    world.leave(chat)


def _no_bot(world: World, _: str) -> None:
    world.bot_ability = False


def _no_group_scope(world: World, _: str) -> None:
    world.scopes.discard("im:message.group_msg")


def _no_scope(world: World, _: str) -> None:
    world.scopes.clear()


def _no_ip(world: World, _: str) -> None:
    world.ip_allowed = False


def _no_quota(world: World, _: str) -> None:
    world.quota_used_up = True


@pytest.mark.parametrize(
    ("happens", "message_code", "chat_code", "member_code"),
    [
        (_leave, 230002, 0, 232011),
        (World.dissolve, 230002, 0, 232009),
        (World.restrict, 231203, 0, 0),
        (lambda world, chat: world.refuse(chat, 230027), 230027, 230027, 230027),
        (lambda world, chat: world.refuse(chat, 232033), 232033, 232033, 232033),
        (lambda world, chat: world.refuse_messages(chat, 230027), 230027, 0, 0),
        (_no_bot, 230006, 232025, 232025),
        (_no_group_scope, 230027, 0, 0),
        (_no_scope, 99991672, 99991672, 99991672),
        (_no_ip, 99991401, 99991401, 99991401),
        (_no_quota, 99991403, 99991403, 99991403),
    ],
)
def test_a_chat_answers_by_what_happened(
    world: World,
    api: Api,
    happens: Callable[[World, str], None],
    message_code: int,
    chat_code: int,
    member_code: int,
) -> None:
    """Messages, details and members, each with its own code."""
    chat = world.add_chat()
    happens(world, chat)
    codes = (
        api.get(MESSAGES, container_id_type="chat", container_id=chat)["code"],
        api.get(f"{CHATS}/{chat}")["code"],
        api.get(f"{CHATS}/{chat}/members")["code"],
    )
    assert codes == (message_code, chat_code, member_code)


@pytest.mark.parametrize(
    ("happens", "code", "is_in_chat"),
    [
        (lambda world, chat: None, 0, True),
        (World.leave, 0, False),
        (World.dissolve, 0, False),
        (World.restrict, 0, True),
        (_no_group_scope, 0, True),
        (lambda world, chat: world.refuse(chat, 230027), 0, True),
        (lambda world, chat: world.refuse(chat, 232033), 232033, None),
        (_no_bot, 232025, None),
        (_no_scope, 99991672, None),
    ],
)
def test_membership_is_told_by_what_happened(
    world: World,
    api: Api,
    happens: Callable[[World, str], object],
    code: int,
    is_in_chat: bool | None,
) -> None:
    """Codes of the message listing are none of this endpoint's."""
    chat = world.add_chat()
    happens(world, chat)
    reply = api.get(f"{CHATS}/{chat}/members/is_in_chat")
    assert (reply["code"], reply.get("data", {}).get("is_in_chat")) == (code, is_in_chat)


def test_only_a_missing_scope_is_named(world: World, api: Api) -> None:
    """230027 with the scope, and 230027 without a word why."""
    chat = world.add_chat()
    query = {"container_id_type": "chat", "container_id": chat}
    world.refuse_messages(chat, 230027)
    assert "permission_violations" not in api.get(MESSAGES, **query)["error"]
    world.refuse_messages(chat, None)
    world.scopes.remove("im:message.group_msg")
    violations = api.get(MESSAGES, **query)["error"]["permission_violations"]
    assert [each["subject"] for each in violations] == ["im:message.group_msg"]


def test_an_unknown_chat_has_no_members(api: Api) -> None:
    """As for its details."""
    assert api.get(f"{CHATS}/oc_nobody/members/is_in_chat")["code"] == 232006


def test_scopes_are_listed_with_what_was_granted(world: World, api: Api) -> None:
    """1 is granted, 2 is asked for and not granted; no scope is needed to ask."""
    world.scopes = {"im:chat"}
    listed = {row["scope_name"]: row["grant_status"] for row in api.data(SCOPES)["scopes"]}
    assert {name for name, status in listed.items() if status == 1} == {"im:chat"}
    assert listed["im:message.group_msg"] == 2


@pytest.mark.parametrize(
    ("scopes", "code"), [(set(), 99991672), ({"application:application:self_manage"}, 0)]
)
def test_a_tenant_may_want_a_scope_for_the_list_of_scopes(
    world: World, sandbox: Sandbox, api: Api, scopes: set[str], code: int
) -> None:
    """The other reading of a point that the documentation and its readers disagree on."""
    sandbox.switches = Switches(scopes_open=False)
    world.scopes = scopes
    assert api.get(SCOPES)["code"] == code


def test_an_app_that_is_not_installed_has_no_scopes(world: World, api: Api) -> None:
    """212100, as documented."""
    world.installed = False
    assert api.get(SCOPES)["code"] == 212100


def test_a_p2p_chat_answers_230013_when_the_partner_resigned(world: World, api: Api) -> None:
    """Before that it is read like any chat, without the scope for groups."""
    tom = world.add_user("Tom")
    chat = world.add_chat(None, mode="p2p", member_ids=[tom])
    world.scopes.discard("im:message.group_msg")
    query = {"container_id_type": "chat", "container_id": chat}
    assert api.get(MESSAGES, **query)["code"] == 0
    world.resign(tom)
    assert api.get(MESSAGES, **query)["code"] == 230013


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, 99991661),
        ("Bearer ", 99991661),
        ("Basic abc", 99991661),
        ("Bearer t-unknown", 99991663),
        ("Bearer u-unknown", 99991668),
        ("Bearer eyJunknown", 99991668),
        ("Bearer Bearer t-x", 99991668),
        ("Bearer x-what", 99991671),
    ],
)
def test_a_token_is_good_or_refused(api: Api, header: str | None, code: int) -> None:
    """By its kind."""
    if header is None:
        del api.session.headers["Authorization"]
    else:
        api.session.headers["Authorization"] = header
    assert api.get(CHATS)["code"] == code


@pytest.mark.parametrize(
    ("change", "code", "msg"),
    [
        ({"app_id": ""}, 10003, "invalid param"),
        ({"app_id": "cli_other"}, 10014, "app id not exists"),
        ({"app_secret": "wrong"}, 10015, "app secret invalid"),
    ],
)
def test_wrong_credentials_are_refused_with_status_200(
    sandbox: Sandbox, api: Api, change: dict[str, str], code: int, msg: str
) -> None:
    """As the platform was seen to do; there is no error object."""
    asked = {"app_id": sandbox.app_id, "app_secret": sandbox.app_secret, **change}
    reply = api.session.post(sandbox.base_url + TOKEN, json=asked)
    assert (reply.status_code, reply.json()) == (200, {"code": code, "msg": msg})


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]"])
def test_a_token_request_without_an_object_is_an_invalid_parameter(
    sandbox: Sandbox, api: Api, body: bytes
) -> None:
    """10003."""
    assert api.session.post(sandbox.base_url + TOKEN, data=body).json()["code"] == 10003


def test_an_error_names_the_field_and_the_log_id(world: World, api: Api) -> None:
    """The log id of the header stands in the body too."""
    query = {"container_id_type": "chat", "container_id": world.add_chat(), "page_size": 51}
    reply = api.raw(MESSAGES, **query)
    log_id = reply.headers["X-Tt-Logid"]
    assert reply.status_code == 400
    assert reply.json() == {
        "code": 99992402,
        "msg": "field validation failed",
        "error": {
            "log_id": log_id,
            "troubleshooter": f"https://open.feishu.cn/search?log_id={log_id}",
            "field_violations": [
                {
                    "field": "page_size",
                    "value": "51",
                    "description": "it is not an integer from 1 to 50",
                }
            ],
        },
    }


def test_a_missing_scope_is_named_with_a_link(world: World, sandbox: Sandbox, api: Api) -> None:
    """In the words, in permission_violations and in helps."""
    world.scopes.discard("im:chat.members:read")
    world.scopes.discard("im:chat:read")
    reply = api.get(f"{CHATS}/{world.add_chat()}/members")
    scopes = ["im:chat", "im:chat:readonly", "im:chat.members:read"]
    link = f"https://open.feishu.cn/app/{sandbox.app_id}/auth?q={','.join(scopes)}"
    assert reply["code"] == 99991672
    assert reply["msg"].endswith(link)
    assert [each["subject"] for each in reply["error"]["permission_violations"]] == scopes
    assert reply["error"]["helps"] == [{"url": link, "description": "apply for the scopes"}]


def test_the_words_of_the_live_platform_are_kept(world: World, api: Api) -> None:
    """Where they are known."""
    chat = world.add_chat()
    query = {"container_id_type": "chat", "container_id": chat}
    world.restrict(chat)
    restricted = api.get(MESSAGES, **query)["msg"]
    world.leave(chat)
    assert (restricted, api.get(MESSAGES, **query)["msg"]) == (
        "The chat type is not supported, ext=Chat open Restricted Mode, "
        "don't allow copying or forwarding messages",
        "Bot/User can NOT be out of the chat.",
    )


def test_the_status_of_a_code_and_the_key_of_the_log_id_are_switches(
    world: World, sandbox: Sandbox, api: Api
) -> None:
    """Both were seen in the wild."""
    sandbox.switches = Switches(code_http_status=200, log_id_key="logid")
    reply = api.raw(MESSAGES, container_id_type="chat", container_id="oc_nobody")
    assert (reply.status_code, reply.json()["code"]) == (200, 230002)
    assert reply.json()["error"]["logid"] == reply.headers["X-Tt-Logid"]
