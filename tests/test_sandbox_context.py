"""The sandbox answers for tabs and announcements as the documentation says, refusals included."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from feishu_source.sandbox import Sandbox, World
from feishu_source.sandbox.context import (
    ANNOUNCEMENT_PATH,
    TABS_PATH,
    UPGRADED_PATH,
    UPGRADED_SCOPE,
)
from tests.sandbox_api import Api

PATHS = (TABS_PATH, ANNOUNCEMENT_PATH, UPGRADED_PATH)


@pytest.fixture
def world() -> World:
    """A tenant whose app has every scope that is needed here."""
    world = World(seed=6)
    world.scopes |= {"im:chat:readonly", UPGRADED_SCOPE}
    return world


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def codes(api: Api, chat_id: str) -> list[int]:
    """The code of each of the three endpoints."""
    return [api.raw(path.replace(":chat_id", chat_id)).json()["code"] for path in PATHS]


def test_each_form_of_an_announcement_has_its_endpoint(world: World, api: Api) -> None:
    """The newer one tells of both forms; without any, both say so; documents may be closed."""
    ann = world.add_user("Ann")
    chat_id = world.add_chat(member_ids=[ann])
    assert codes(api, chat_id) == [0, 232003, 1772001]
    world.announce(chat_id, ann, form="doc")
    assert codes(api, chat_id) == [0, 0, 0]
    world.announce(chat_id, ann, form="docx")
    assert codes(api, chat_id) == [0, 232097, 0]
    world.announce(chat_id, ann, form="doc", readable=False)
    assert codes(api, chat_id) == [0, 232066, 1770032]
    world.withdraw_announcement(chat_id)
    assert codes(api, chat_id) == [0, 232003, 1772001]


def test_a_topic_group_has_no_tabs(world: World, api: Api) -> None:
    """And says so by a code of its own."""
    assert codes(api, world.add_chat(mode="topic"))[0] == 232050


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda world, chat_id: world.leave(chat_id), [232011, 232011, 1772003]),
        (lambda world, chat_id: world.refuse(chat_id, 232033), [232033, 232033, 1772004]),
        (lambda world, chat_id: world.refuse(chat_id, 232010), [232010, 232010, 1772002]),
        (lambda world, _: setattr(world, "bot_ability", False), [232025, 232025, 1772025]),
        (lambda world, _: world.scopes.discard("im:chat:readonly"), [99991672, 232003, 1772001]),
        (lambda world, _: world.scopes.discard(UPGRADED_SCOPE), [0, 232003, 99991672]),
    ],
)
def test_refusals_have_the_codes_of_their_endpoint(
    world: World, api: Api, change: Callable[[World, str], object], told: list[int]
) -> None:
    """The newer endpoint has a family of its own."""
    chat_id = world.add_chat()
    change(world, chat_id)
    assert codes(api, chat_id) == told
