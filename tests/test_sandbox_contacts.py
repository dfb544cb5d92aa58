"""The contacts of the sandbox: who is told of, with which fields, to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from feishu_source.sandbox import Sandbox, Switches, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE, FIELD_SCOPES, MOST_USERS
from tests.sandbox_api import Api

USERS = "/open-apis/contact/v3/users/batch"


@pytest.fixture
def world() -> World:
    """A tenant whose app may read everything about people."""
    world = World(seed=3)
    world.scopes |= {CONTACT_SCOPE, *FIELD_SCOPES.values()}
    return world


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def asked(api: Api, *ids: str) -> list[dict[str, Any]]:
    """The items for these ids, each its own parameter."""
    query = "&".join(f"user_ids={each}" for each in ids)
    reply = api.get(f"{USERS}?{query}")
    assert reply["code"] == 0, reply
    items: list[dict[str, Any]] = reply["data"]["items"]
    return items


def test_who_is_asked_for_is_told_of(world: World, api: Api) -> None:
    """In the order of asking; a name is the one of now."""
    ann, bob = world.add_user("Ann"), world.add_user("Bob")
    world.describe(ann, en_name="Ann Lee", department_ids=["od-1"])
    world.rename_user(bob, "Bobby")
    world.resign(bob)
    first, second = asked(api, bob, ann)
    assert (first["open_id"], first["name"], first["status"]["is_resigned"]) == (bob, "Bobby", True)
    assert (second["open_id"], second["en_name"]) == (ann, "Ann Lee")
    assert second["department_ids"] == ["od-1"]


def test_who_is_out_of_range_is_left_out_or_spoils_the_request(world: World, api: Api) -> None:
    """As are people of other tenants and bots, by either of their ids."""
    ann, hidden, stranger = (world.add_user(name) for name in ("Ann", "Hidden", "Stranger"))
    world.hide_contact(hidden)
    world.users[stranger].tenant_key = "another"
    bot = world.users[world.add_bot("Robot")].open_bot_id
    assert bot is not None
    assert [each["open_id"] for each in asked(api, hidden, ann, stranger, bot)] == [ann]
    world.switches = Switches(out_of_range="refused")
    assert [each["open_id"] for each in asked(api, ann)] == [ann]
    reply = api.get(f"{USERS}?user_ids={ann}&user_ids={hidden}")
    assert (reply["code"], reply["msg"]) == (41050, "no user authority")


def test_a_field_comes_with_its_scope(world: World, api: Api) -> None:
    """Without any, ids are left, and what needs no scope."""
    ann = world.add_user("Ann")
    world.describe(ann, email="ann@example.com", employee_no="7")
    world.scopes -= {"contact:user.email:readonly"}
    (item,) = asked(api, ann)
    assert ("email" in item, item["employee_no"], item["name"]) == (False, "7", "Ann")
    world.scopes -= set(FIELD_SCOPES.values())
    (item,) = asked(api, ann)
    assert set(item) == {"open_id", "union_id", "mobile_visible"}


def test_a_request_that_is_refused(world: World, api: Api) -> None:
    """Without ids, with too many, with one that is none; and without the scope."""
    ann = world.add_user("Ann")
    assert api.get(USERS)["code"] == 99992402
    many = "&".join(f"user_ids={ann}{number}" for number in range(MOST_USERS + 1))
    assert api.get(f"{USERS}?{many}")["code"] == 40001
    assert api.get(f"{USERS}?user_ids=cli_1")["code"] == 40001
    world.scopes -= {CONTACT_SCOPE}
    reply = api.get(f"{USERS}?user_ids={ann}")
    (violation,) = reply["error"]["permission_violations"]
    assert (reply["code"], violation["subject"]) == (99991672, CONTACT_SCOPE)
