"""The life of a token, on the world's clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feishu_source.sandbox import Sandbox, World
from tests.sandbox_api import CHATS, Api


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=2, now_ms=1_760_000_000_000)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def test_a_fresh_token_lives_two_hours(world: World, api: Api) -> None:
    """The reply is flat; `expire` is what is left, in seconds."""
    reply = api.log_in()
    token = reply.pop("tenant_access_token")
    assert reply == {"code": 0, "msg": "ok", "expire": 7200}
    assert token.startswith("t-")


def test_with_thirty_minutes_left_the_same_token_is_given(world: World, api: Api) -> None:
    """And `expire` tells what is left of it."""
    first = api.log_in()
    world.advance(5400)
    assert api.log_in() == {**first, "expire": 1800}


def test_with_less_than_thirty_minutes_left_a_new_token_is_given(world: World, api: Api) -> None:
    """The old one stays good until its end."""
    first = api.log_in()
    world.advance(5401)
    second = api.log_in()
    assert second["expire"] == 7200
    assert second["tenant_access_token"] != first["tenant_access_token"]
    api.session.headers["Authorization"] = f"Bearer {first['tenant_access_token']}"
    assert api.get(CHATS)["code"] == 0
    world.advance(1799)
    assert api.get(CHATS)["code"] == 99991663
    api.session.headers["Authorization"] = f"Bearer {second['tenant_access_token']}"
    assert api.get(CHATS)["code"] == 0


@pytest.mark.parametrize("end", [World.expire_tokens, World.revoke_tokens])
def test_an_ended_token_is_refused_until_another_is_fetched(
    world: World, api: Api, end: object
) -> None:
    """Expired or revoked: 99991663."""
    assert callable(end)
    end(world)
    assert api.get(CHATS)["code"] == 99991663
    api.log_in()
    assert api.get(CHATS)["code"] == 0
