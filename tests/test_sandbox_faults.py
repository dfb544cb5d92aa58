"""Each named fault: what the caller gets, and that it passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from feishu_source.sandbox import FAULTS, Fault, Sandbox, World
from tests.sandbox_api import CHATS, MESSAGES, Api, ids

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    world = World(seed=9, now_ms=NOW_MS)
    chat = world.add_chat("chat", member_ids=[world.add_user("Tom")])
    for number in range(3):
        world.post(chat, text=str(number))
    return world


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


@pytest.fixture
def query(world: World) -> dict[str, object]:
    """A request for the first two messages of the chat."""
    return {"container_id_type": "chat", "container_id": next(iter(world.chats)), "page_size": 2}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("rate_limited", 429, 99991400),
        ("rate_limited_400", 400, 99991400),
        ("rate_limited_no_header", 429, 99991400),
        ("quota", 400, 99991403),
        ("internal_2200", 500, 2200),
        ("unknown_code", 400, 987654),
        ("token_expired", 400, 99991663),
        ("missing_scope", 400, 99991672),
        ("bot_ability_off", 400, 230006),
    ],
)
def test_a_refusing_fault_refuses_once(
    sandbox: Sandbox, api: Api, query: dict[str, object], name: str, status: int, code: int
) -> None:
    """Then the same request succeeds; both are recorded with their codes."""
    sandbox.clear_requests()
    sandbox.inject(Fault(name))
    reply = api.raw(MESSAGES, **query)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    has_headers = "x-ogw-ratelimit-reset" in reply.headers
    assert has_headers == (name in ("rate_limited", "rate_limited_400"))
    assert api.get(MESSAGES, **query)["code"] == 0
    assert [request.code for request in sandbox.requests] == [code, 0]


def test_a_fault_can_answer_with_any_code(sandbox: Sandbox, api: Api) -> None:
    """unknown_code takes a code."""
    sandbox.inject(Fault("unknown_code", code=1551))
    assert api.get(CHATS)["code"] == 1551


def test_revoked_tokens_stay_revoked(sandbox: Sandbox, api: Api) -> None:
    """Until another token is fetched."""
    sandbox.inject(Fault("token_revoked", path=CHATS))
    assert [api.get(CHATS)["code"] for _ in range(2)] == [99991663, 99991663]
    api.log_in()
    assert api.get(CHATS)["code"] == 0


def test_a_gateway_answers_in_html(sandbox: Sandbox, api: Api) -> None:
    """Status 502; the record has no code."""
    sandbox.inject(Fault("html_502"))
    reply = api.raw(CHATS)
    assert (reply.status_code, reply.headers["Content-Type"]) == (502, "text/html")
    assert sandbox.requests[-1].code is None


def test_a_proxy_answers_with_its_own_page(sandbox: Sandbox, api: Api) -> None:
    """Status 200, and no JSON."""
    sandbox.inject(Fault("html_200"))
    reply = api.raw(CHATS)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html")
    assert api.get(CHATS)["code"] == 0


def test_a_reply_is_cut_or_empty(sandbox: Sandbox, api: Api) -> None:
    """The headers are right, the JSON is not."""
    sandbox.inject(Fault("cut_json"), Fault("empty_body"))
    whole = b'{"code":0,"msg":"success","data":{"has_more":false,"items":['
    cut, empty = api.raw(CHATS).content, api.raw(CHATS).content
    assert (cut.startswith(whole), cut.endswith(b"}"), empty) == (True, False, b"")


def test_a_connection_is_reset(sandbox: Sandbox, api: Api) -> None:
    """The next one works."""
    sandbox.inject(Fault("reset_connection"))
    with pytest.raises(requests.ConnectionError):
        api.get(CHATS)
    assert api.get(CHATS)["code"] == 0


def test_a_redirect_points_to_another_server_that_records(sandbox: Sandbox, api: Api) -> None:
    """Who follows it is seen there with what was sent along."""
    sandbox.inject(Fault("redirect_307", times=2))
    reply = api.raw(CHATS)
    assert (reply.status_code, sandbox.redirected) == (307, [])
    assert not reply.headers["Location"].startswith(sandbox.base_url)
    api.session.get(sandbox.base_url + CHATS, headers={"X-Mark": "followed"})
    assert [(r.method, r.path, r.headers["x-mark"]) for r in sandbox.redirected] == [
        ("GET", "/caught", "followed")
    ]


def test_a_page_token_repeats(sandbox: Sandbox, api: Api, query: dict[str, object]) -> None:
    """On the first page that was asked for with one."""
    sandbox.inject(Fault("repeating_page_token"))
    token = api.data(MESSAGES, **query)["page_token"]
    page = api.data(MESSAGES, **query, page_token=token)
    assert (page["has_more"], page["page_token"]) == (True, token)


def test_the_first_item_of_a_page_is_spoiled(
    sandbox: Sandbox, api: Api, query: dict[str, object]
) -> None:
    """Without its id, without its time, with times in seconds, or twice."""
    right = api.data(MESSAGES, **query)["items"]
    spoiled = {}
    for name in (
        "item_without_message_id",
        "item_without_create_time",
        "item_times_in_seconds",
        "duplicate_item",
    ):
        sandbox.inject(Fault(name))
        spoiled[name] = api.data(MESSAGES, **query)["items"]
    first, second = right
    seconds = {"create_time": "1760000000", "update_time": "1760000000"}
    assert spoiled == {
        "item_without_message_id": [
            {k: v for k, v in first.items() if k != "message_id"},
            second,
        ],
        "item_without_create_time": [
            {k: v for k, v in first.items() if k != "create_time"},
            second,
        ],
        "item_times_in_seconds": [{**first, **seconds}, second],
        "duplicate_item": [first, first, second],
    }


def test_a_body_holds_half_of_a_surrogate_pair(
    sandbox: Sandbox, api: Api, query: dict[str, object]
) -> None:
    """As an escape in the reply's own JSON."""
    sandbox.inject(Fault("lone_surrogate"))
    content = api.data(MESSAGES, **query)["items"][0]["body"]["content"]
    assert content == '{"text":"half \ud83d of a pair"}'


def test_every_item_gets_fields_nobody_has_seen(
    sandbox: Sandbox, api: Api, query: dict[str, object]
) -> None:
    """Nested ones and lists too."""
    right = api.data(MESSAGES, **query)["items"]
    sandbox.inject(Fault("extra_fields"))
    new = {"unheard_of": {"depth": {"of": 2}, "list": [1, "two"]}, "unheard_flag": True}
    assert api.data(MESSAGES, **query)["items"] == [{**item, **new} for item in right]


def test_a_fault_concerns_a_path_a_chat_or_a_thread(world: World, api: Api) -> None:
    """A template is a path too; other requests are left alone."""
    sandbox = api.sandbox
    chat, other = next(iter(world.chats)), world.add_chat("other")
    root = world.post(chat, text="root")
    world.reply_in_thread(root, text="reply")
    thread = world.thread_id_of(root)
    sandbox.inject(
        Fault("internal_2200", path="/open-apis/im/v1/chats/:chat_id"),
        Fault("quota", path=MESSAGES, chat_id=chat),
        Fault("unknown_code", thread_id=thread),
    )
    codes = [
        api.get(CHATS)["code"],
        api.get(f"{CHATS}/{other}")["code"],
        api.get(MESSAGES, container_id_type="chat", container_id=other)["code"],
        api.get(MESSAGES, container_id_type="thread", container_id=thread)["code"],
        api.get(MESSAGES, container_id_type="chat", container_id=chat)["code"],
    ]
    assert codes == [0, 2200, 0, 987654, 99991403]


def test_a_fault_begins_later_and_lasts(sandbox: Sandbox, api: Api) -> None:
    """`after` requests pass, then `times` fail; None is for ever, until it is cleared."""
    sandbox.inject(Fault("internal_2200", after=1, times=2))
    assert [api.get(CHATS)["code"] for _ in range(4)] == [0, 2200, 2200, 0]
    sandbox.inject(Fault("internal_2200", times=None))
    assert [api.get(CHATS)["code"] for _ in range(3)] == [2200, 2200, 2200]
    sandbox.clear_faults()
    assert api.get(CHATS)["code"] == 0


def test_a_list_that_cannot_be_spoiled_stays_right(sandbox: Sandbox, api: Api) -> None:
    """A fault of messages does nothing to an answer without items of that kind."""
    for name in FAULTS:
        if name.startswith("item_"):
            sandbox.inject(Fault(name, path=CHATS))
    right = [api.data(CHATS) for _ in range(4)]
    assert right[1:] == right[:1] * 3


def test_a_fault_waits_for_something_to_spoil(
    world: World, sandbox: Sandbox, api: Api, query: dict[str, object]
) -> None:
    """A page without items does not use it up."""
    sandbox.inject(Fault("duplicate_item", path=MESSAGES))
    empty = world.add_chat("empty")
    assert api.data(MESSAGES, **{**query, "container_id": empty})["items"] == []
    assert [len(api.data(MESSAGES, **query)["items"]) for _ in range(2)] == [3, 2]


def test_a_fault_nobody_knows_is_refused() -> None:
    """At once, with the names there are."""
    with pytest.raises(ValueError, match="no fault is named 'slow'"):
        Fault("slow")


def test_a_body_may_hold_an_escaped_half_by_itself(world: World, api: Api) -> None:
    """What is posted with one is served, as an escape."""
    chat = next(iter(world.chats))
    message = world.post(chat, text="\ud83d")
    item = api.chat(chat)[-1]
    assert (ids([item]), item["body"]["content"]) == ([message], '{"text":"\\ud83d"}')
