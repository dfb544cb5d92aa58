"""An app of the app store in the sandbox: tickets, two kinds of tokens, one app in two tenants."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from feishu_source.sandbox import Sandbox, StoreApp, World
from tests.sandbox_api import CHATS, TOKEN

with warnings.catch_warnings():
    # The SDK and the protobuf code it brings along use what newer Pythons have deprecated.
    warnings.simplefilter("ignore")
    import lark_oapi as lark
    from lark_oapi.api.im import v1 as im

APP_TOKEN = "/open-apis/auth/v3/app_access_token"
TENANT_TOKEN = "/open-apis/auth/v3/tenant_access_token"
RESEND = "/open-apis/auth/v3/app_ticket/resend"
NOW_MS = 1_760_000_000_000


class Store:
    """One app in two tenants, and a caller that does nothing by itself."""

    def __init__(self) -> None:
        self.worlds = [World(seed=seed, now_ms=NOW_MS) for seed in (21, 22)]
        for number, world in enumerate(self.worlds):
            world.add_chat(name=f"chat of {number}")
        self.app = StoreApp(*self.worlds)
        self.sandbox = Sandbox(self.worlds[0], store_app=self.app)
        self.session = requests.Session()
        self.session.trust_env = False

    def post(self, path: str, **body: str) -> dict[str, Any]:
        """The reply to a POST."""
        reply = self.session.post(self.sandbox.base_url + path, json=body)
        told: dict[str, Any] = reply.json()
        assert reply.status_code == (400 if told["code"] == 99991664 else 200)
        return told

    @property
    def app_body(self) -> dict[str, str]:
        """Who the app is."""
        return {"app_id": self.sandbox.app_id, "app_secret": self.sandbox.app_secret}

    def app_token(self, **change: str) -> dict[str, Any]:
        """The reply to a request for an app token."""
        return self.post(APP_TOKEN, **(self.app_body | {"app_ticket": self.app.ticket} | change))

    def tenant_token(self, world: World, **change: str) -> dict[str, Any]:
        """The reply to a request for a tenant token."""
        known = {
            "app_access_token": str(self.app_token().get("app_access_token")),
            "tenant_key": world.tenant_key,
        }
        return self.post(TENANT_TOKEN, **(known | change))

    def chats(self, token: str) -> dict[str, Any]:
        """The reply to the list of chats."""
        told: dict[str, Any] = self.session.get(
            self.sandbox.base_url + CHATS, headers={"Authorization": f"Bearer {token}"}
        ).json()
        return told


@pytest.fixture
def store() -> Iterator[Store]:
    """A store app, served."""
    made = Store()
    with made.sandbox, made.session:
        yield made


def test_a_tenants_token_reads_that_tenant(store: Store) -> None:
    """Three values, two requests, and the chats of whose key it was."""
    for number, world in enumerate(store.worlds):
        granted = store.tenant_token(world)
        assert (granted["code"], granted["expire"]) == (0, 7200)
        listed = store.chats(granted["tenant_access_token"])["data"]["items"]
        assert [chat["name"] for chat in listed] == [f"chat of {number}"]


def test_the_app_has_one_id_in_all_tenants(store: Store) -> None:
    """What its bot says is by that id, wherever it stands."""
    first, second = store.worlds
    assert first.bot.user_id == second.bot.user_id == store.sandbox.app_id
    assert second.users[store.sandbox.app_id] is second.bot
    (chat,) = second.chats.values()
    assert list(chat.bots) == [store.sandbox.app_id]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"app_id": "other"}, 10003),
        ({"app_id": "cli_other"}, 10014),
        ({"app_secret": "wrong"}, 10015),
        ({"app_ticket": "no ticket"}, 10012),
    ],
)
def test_an_app_token_is_refused_with_the_platforms_code(
    store: Store, change: dict[str, str], code: int
) -> None:
    """With HTTP 200 and without an error object, as at the other token endpoints."""
    refused = store.app_token(**change)
    assert refused.keys() == {"code", "msg"}
    assert refused["code"] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [({"app_access_token": "a-unknown"}, 99991664), ({"tenant_key": "nobody"}, 10013)],
)
def test_a_tenant_token_is_refused_with_the_platforms_code(
    store: Store, change: dict[str, str], code: int
) -> None:
    """For an app token nobody knows, and for a tenant nobody knows."""
    assert store.tenant_token(store.worlds[0], **change)["code"] == code


def test_a_tenant_that_has_not_installed_the_app_gives_no_token(store: Store) -> None:
    """10013, and the other tenant goes on."""
    store.worlds[1].installed = False
    assert store.tenant_token(store.worlds[1])["code"] == 10013
    assert store.tenant_token(store.worlds[0])["code"] == 0


def test_a_ticket_ends_and_tokens_that_were_had_for_it_stay(store: Store) -> None:
    """Two hours after it was pushed; the one pushed in between is good for longer."""
    old = store.app.ticket
    token = store.app_token()["app_access_token"]
    store.worlds[0].advance(3_600)
    store.app.push()
    store.worlds[0].advance(3_599)
    assert store.app_token(app_ticket=old)["code"] == 0
    assert store.tenant_token(store.worlds[0], app_access_token=token)["code"] == 0
    store.worlds[0].advance(1)
    assert store.app_token(app_ticket=old)["code"] == 10012
    assert store.app_token()["code"] == 0


def test_a_resend_pushes_a_ticket_to_the_callback(store: Store) -> None:
    """The reply does not hold it."""
    heard: list[str] = []
    store.app.on_ticket = heard.append
    assert store.post(RESEND, **store.app_body) == {"code": 0, "msg": "ok"}
    assert heard == [store.app.ticket]
    assert store.post(RESEND, app_id=store.sandbox.app_id, app_secret="wrong")["code"] == 10015
    assert heard == [store.app.ticket]


def test_either_kind_of_app_is_refused_where_the_other_one_asks(store: Store) -> None:
    """A custom app has no tickets, a store app no token without a tenant."""
    assert store.post(TOKEN, **store.app_body)["code"] == 10014
    with Sandbox(World(seed=23)) as custom:
        asked = {"app_id": custom.app_id, "app_secret": custom.app_secret, "app_ticket": "x"}
        reply = store.session.post(custom.base_url + APP_TOKEN, json=asked)
        assert reply.json()["code"] == 10014


def test_two_worlds_of_one_seed_are_no_two_tenants() -> None:
    """Their keys and ids would be the same."""
    with pytest.raises(ValueError, match="one tenant"):
        StoreApp(World(seed=1), World(seed=1))


def test_the_vendors_client_reads_it_as_a_store_app(store: Store) -> None:
    """With the ticket and the tenant key in its options, as its documentation says."""
    client = (
        lark.Client.builder()
        .domain(store.sandbox.base_url)
        .app_id(store.sandbox.app_id)
        .app_secret(store.sandbox.app_secret)
        .app_type(lark.AppType.ISV)
        .log_level(lark.LogLevel.CRITICAL)
        .build()
    )
    for number, world in enumerate(store.worlds):
        option = (
            lark.RequestOption.builder()
            .tenant_key(world.tenant_key)
            .app_ticket(store.app.ticket)
            .build()
        )
        reply = client.im.v1.chat.list(im.ListChatRequest.builder().build(), option)
        assert reply.success(), (reply.code, reply.msg)
        assert [chat.name for chat in reply.data.items] == [f"chat of {number}"]
