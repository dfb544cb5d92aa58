"""Which chats there are, asked of a tenant on loopback; what is optional may be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from feishu_source.api.auth import AppIdentity
from feishu_source.api.client import Client
from feishu_source.errors import QuotaExhausted, ReplyBroken, StopError
from feishu_source.roster import Roster
from feishu_source.sandbox import Fault, Sandbox, World
from feishu_source.selection import Selection
from feishu_source.settings import Settings
from tests.clocks import FakeClock

CHATS = "/open-apis/im/v1/chats"
CHAT = "/open-apis/im/v1/chats/:chat_id"
MEMBERS = "/open-apis/im/v1/chats/:chat_id/members"

MakeRoster = Callable[..., Roster]


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test."""
    return World(seed=5)


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """The tenant, served."""
    with Sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
def roster(sandbox: Sandbox) -> Iterator[MakeRoster]:
    """Makes rosters over a client whose waits take no time, with two entries a page."""
    clock = FakeClock()
    client = Client(
        AppIdentity(sandbox.app_id, sandbox.app_secret),
        sandbox.base_url,
        Settings(list_page_size=2),
        clock=clock,
        sleep=clock.sleep,
    )
    yield lambda **selection: Roster(client, Selection(**selection))
    client.close()


# which are wanted


@pytest.mark.parametrize(
    ("selection", "name", "wanted"),
    [
        (Selection(), "Room", True),
        (Selection(), None, True),
        (Selection(chat_ids=("oc_1",)), "Room", True),
        (Selection(chat_ids=("oc_2",)), "Room", False),
        (Selection(chat_ids=("oc_1",), exclude=("*",)), "Room", True),
        (Selection(include=("ro*",)), "Room", True),
        (Selection(include=("x", "R??m")), "Room", True),
        (Selection(include=("ro",)), "Room", False),
        (Selection(include=("ro*",), exclude=("*M",)), "Room", False),
        (Selection(exclude=("x*",)), "Room", True),
        (Selection(include=("ST*",)), "straße", True),
        (Selection(include=("*",)), None, True),
        (Selection(include=("**",)), None, False),
        (Selection(exclude=("*",)), None, False),
        (Selection(exclude=("x*",)), None, True),
    ],
)
def test_chats_are_wanted_by_id_or_by_name(
    selection: Selection, name: str | None, wanted: bool
) -> None:
    """Globs ignore case; an exclusion wins over an inclusion, an id over both."""
    assert selection.wants("oc_1", name) is wanted


# the list


def test_the_list_is_read_once_and_to_its_end(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """Each chat with its name; nothing was known of its mode."""
    ids = [world.add_chat(f"room {number}") for number in range(5)]
    found = roster()
    expected = [(chat_id, f"room {number}", None) for number, chat_id in enumerate(ids)]
    assert [list(found.chats({})), list(found.chats({}))] == [expected, expected]
    assert sandbox.count(CHATS) == 3


def test_named_and_known_chats_are_read_though_they_are_not_listed(
    world: World, roster: MakeRoster
) -> None:
    """So a removed bot is seen; a listed name is newer than a known one."""
    listed = world.add_chat("new name")
    p2p = world.add_chat("p2p", mode="p2p", member_ids=[world.add_user("Tom")])
    known = {listed: {"name": "old name", "mode": "group"}, "oc_gone": {"name": "gone"}}
    assert list(roster().chats(known)) == [(listed, "new name", "group"), ("oc_gone", "gone", None)]
    named = roster(chat_ids=(p2p, "oc_gone"))
    assert list(named.chats(known)) == [(p2p, None, None), ("oc_gone", "gone", None)]


def test_a_selection_by_name_holds_for_known_chats_too(world: World, roster: MakeRoster) -> None:
    """A known chat that is excluded now is not asked."""
    listed = world.add_chat("project")
    known = {"oc_gone": {"name": "project, old"}, "oc_other": {"name": "other"}, "oc_0": {}}
    assert [chat_id for chat_id, _, _ in roster(include=("project*",)).chats(known)] == [
        listed,
        "oc_gone",
    ]


def test_a_list_that_breaks_off_is_no_list(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """The chats it lacks would seem to have left it."""
    for number in range(5):
        world.add_chat(f"room {number}")
    sandbox.inject(Fault("repeating_page_token", path=CHATS, after=1, times=None))
    with pytest.raises(ReplyBroken, match=r"list chats.*has_more without a new page_token"):
        roster().read_list()


# the order


def busy(world: World) -> list[str]:
    """Five chats, the one that was active last first."""
    made = [world.add_chat(f"room {number}") for number in range(5)]
    for number in (2, 0, 4, 1, 3):
        world.advance(60)
        world.post(made[number], text="x")
    return [made[number] for number in (3, 1, 4, 0, 2)]


def test_the_order_is_that_of_activity(world: World, sandbox: Sandbox, roster: MakeRoster) -> None:
    """All its pages; nobody asks for it where it is not wanted."""
    chats = busy(world)
    found = roster()
    found.read_list()
    assert (found.order, sandbox.count(CHATS)) == ([], 3)
    found.read_order(3)
    assert (found.order, sandbox.count(CHATS), found.warnings) == (chats, 6, [])


def test_a_chat_that_is_listed_twice_has_no_place(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """Nobody knows which of the two places holds."""
    chats = busy(world)
    sandbox.inject(Fault("duplicate_item", path=CHATS, after=1))
    found = roster()
    found.read_order(3)
    assert found.order == [*chats[:2], *chats[3:]]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("unknown_code", path=CHATS, code=232001),
        Fault("unknown_code", path=CHATS, after=1),
        Fault("html_502", path=CHATS, times=None, after=2),
        Fault("repeating_page_token", path=CHATS, times=None),
    ],
    ids=["refused", "refused later", "gateway", "breaks off"],
)
def test_an_order_that_cannot_be_read_to_its_end_is_none(
    world: World, sandbox: Sandbox, roster: MakeRoster, fault: Fault
) -> None:
    """Told once, and no reason to end the load."""
    busy(world)
    sandbox.inject(fault)
    found = roster()
    found.read_order(3)
    assert found.order == []
    (warning,) = found.warnings
    assert warning.startswith("no chat is left out as idle, all are read: ")


def test_an_order_that_takes_more_requests_than_it_may_is_not_begun(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """Five chats are three pages of two."""
    busy(world)
    found = roster()
    found.read_list()
    found.read_order(2)
    assert (found.order, sandbox.count(CHATS), found.warnings) == ([], 3, [])


# details and members


def test_details_are_asked_for_once_a_chat(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """The mode is one of them."""
    topic = world.add_chat("topic", mode="topic")
    found = roster()
    assert [found.mode_of(topic), found.mode_of(topic)] == ["topic", "topic"]
    details = found.details_of(topic)
    assert details is not None
    assert (details["name"], details["chat_mode"]) == ("topic", "topic")
    assert sandbox.count(f"{CHATS}/{topic}") == 1


def test_refused_details_are_done_without_and_asked_for_once(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """Another chat may give them; a kind of refusal is told once."""
    here = world.add_chat("here")
    gone = [world.add_chat("gone", bot_in=False) for _ in range(2)]
    found = roster()
    sandbox.inject(Fault("unknown_code", path=CHAT, times=2, code=232006))
    assert [found.details_of(chat_id) for chat_id in [*gone, gone[0]]] == [None] * 3
    assert found.mode_of(here) == "group"
    [warning] = found.warnings
    assert warning.startswith("chat details left out where refused: Could not get details of chat")
    assert "232006" in warning
    assert sandbox.count(f"{CHATS}/") == 3


def test_details_that_lack_a_scope_are_not_asked_for_again(
    world: World, sandbox: Sandbox, roster: MakeRoster
) -> None:
    """The next chat would be refused as well."""
    chats = [world.add_chat(f"room {number}") for number in range(3)]
    found = roster()
    sandbox.inject(Fault("missing_scope", path=CHAT, times=None))
    assert [found.mode_of(chat_id) for chat_id in chats] == [None] * 3
    assert (sandbox.count(f"{CHATS}/"), len(found.warnings)) == (1, 1)


def test_members_are_read_to_the_end(world: World, roster: MakeRoster) -> None:
    """All pages; bots are in no list."""
    users = [world.add_user(f"user {number}") for number in range(5)]
    chat_id = world.add_chat(member_ids=[*users, world.add_bot("Bot")])
    members = roster().members_of(chat_id)
    assert members is not None
    assert [member["member_id"] for member in members] == users


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (Fault("unknown_code", path=MEMBERS, code=232011), False),
        (Fault("unknown_code", path=MEMBERS, after=1, code=232011), False),
        (Fault("repeating_page_token", path=MEMBERS, after=1, times=None), True),
        (Fault("html_502", path=MEMBERS, after=1, times=None), True),
    ],
    ids=["refused", "refused later", "breaks off", "gateway"],
)
def test_members_that_cannot_be_read_to_the_end_are_none(
    world: World, sandbox: Sandbox, roster: MakeRoster, fault: Fault, failed: bool
) -> None:
    """Whoever stands behind the break would seem to have left; trouble is not a refusal."""
    users = [world.add_user(f"user {number}") for number in range(5)]
    chat_id = world.add_chat(member_ids=users)
    found = roster()
    sandbox.inject(fault)
    assert found.members_of(chat_id) is None
    assert found.failed("chat members", chat_id) is failed
    [warning] = found.warnings
    why = "for now, the next load asks again" if failed else "where refused"
    assert warning.startswith(f"chat members left out {why}: Could not list members of")


ASKS: dict[str, Callable[[Roster, str], Any]] = {
    CHATS: lambda roster, chat_id: roster.read_list(),
    CHATS + "?": lambda roster, chat_id: roster.read_order(1),
    CHAT: lambda roster, chat_id: roster.details_of(chat_id),
    MEMBERS: lambda roster, chat_id: roster.members_of(chat_id),
}


@pytest.mark.parametrize("path", ASKS)
def test_what_stops_a_load_is_not_done_without(
    world: World, sandbox: Sandbox, roster: MakeRoster, path: str
) -> None:
    """Each further call would be refused, and some would cost."""
    chat_id = world.add_chat()
    sandbox.inject(Fault("quota", path=path.rstrip("?"), times=None))
    found = roster()
    with pytest.raises(StopError) as stop:
        ASKS[path](found, chat_id)
    assert (type(stop.value), found.warnings) == (QuotaExhausted, [])
