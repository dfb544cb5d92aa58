"""What a check asks for only where it is wanted: reactions, pins, tabs, details of people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from feishu_source.sandbox import Fault, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE
from tests.examined import (
    MEMBERS,
    amiss,
    begin_thread,
    examine,
    fault,
    keys,
    skipped_by,
    the,
    without,
)
from tests.lab import MESSAGES, Lab
from tests.sandbox_api import CHATS

BATCH = MESSAGES + "/reactions/batch_query"
PINS = "/open-apis/im/v1/pins"
WANTED: dict[str, Any] = {"pins": True, "reactions": True}
CONTEXT = [f"{CHATS}/:chat_id/chat_tabs/list_tabs", f"{CHATS}/:chat_id/announcement"]
USERS = "/open-apis/contact/v3/users/batch"


@pytest.fixture(autouse=True)
def thread(world: World, ann: str, team: str) -> str:
    """There is one chat, and in it one thread."""
    return begin_thread(world, ann, team)


def test_reactions_and_pins_are_looked_at_where_they_are_wanted(lab: Lab) -> None:
    """A request each; none, and no finding, where they are not."""
    report = examine(lab, **WANTED)
    told = [key for key in keys(report) if "pins" in key or "reactions" in key]
    assert told == ["chat_pins.ok", "reactions.ok"]
    assert (lab.sandbox.count(BATCH), lab.sandbox.count(PINS)) == (1, 1)
    examine(lab)
    assert (lab.sandbox.count(BATCH), lab.sandbox.count(PINS)) == (0, 0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing_scope", ["chat_pins.refused", "reactions.refused"]),
        ("html_502", ["chat_pins.lost", "reactions.lost"]),
    ],
)
def test_reactions_and_pins_that_cannot_be_had_are_warnings(
    lab: Lab, name: str, told: list[str]
) -> None:
    """The scopes are named; a load goes ahead without."""
    for path in (BATCH, PINS):
        lab.sandbox.inject(Fault(name, path=path, times=None))
    report = examine(lab, **WANTED)
    assert (amiss(report), report.exit_code) == (told, 0)
    if name == "missing_scope":
        for kind, key in (("pins", "chat_pins.refused"), ("reactions", "reactions.refused")):
            step = the(report, key).next_step("en")
            assert f"im:message.{kind}:read" in (step or "")


def test_tabs_and_the_announcement_are_looked_at_where_they_are_wanted(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Of either form; no finding and no request where they are not."""
    world.scopes |= {"im:chat:readonly"}
    ok, refused = "announcement.ok", "announcement.refused"
    forms: tuple[tuple[Literal["doc", "docx"], str], ...] = (("doc", ok), ("docx", refused))
    for form, told in forms:
        world.announce(team, ann, form=form)
        report = examine(lab, chat_context=True)
        found = [key for key in keys(report) if "tabs" in key or "announce" in key]
        assert (found, report.exit_code) == (["chat_tabs.ok", told], 0)
    step = the(report, refused).next_step("en")
    assert "im:chat.announcement:read" in (step or "")
    examine(lab)
    ends = ("/list_tabs", "/announcement")
    assert not [each for each in lab.sandbox.requests if each.path.endswith(ends)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing_scope", ["chat_tabs.refused", "announcement.refused"]),
        ("html_502", ["chat_tabs.lost", "announcement.lost"]),
    ],
)
def test_tabs_and_an_announcement_that_cannot_be_had_are_warnings(
    lab: Lab, name: str, told: list[str]
) -> None:
    """The scopes are named; a load goes ahead without."""
    for path in CONTEXT:
        lab.sandbox.inject(Fault(name, path=path, times=None))
    report = examine(lab, chat_context=True)
    assert (amiss(report), report.exit_code) == (told, 0)
    if name == "missing_scope":
        for key, scope in zip(
            told, ("im:chat.tabs:read", "im:chat.announcement:read"), strict=True
        ):
            assert scope in (the(report, key).next_step("en") or "")


def test_without_a_message_nobody_tells_whether_reactions_can_be_read(
    lab: Lab, world: World
) -> None:
    """There is nothing to ask about."""
    for message in world.messages:
        world.remove(world.id_of(message))
    assert "reactions.none" in keys(examine(lab, **WANTED))


def hide_everybody(lab: Lab, _: str) -> None:
    """The app's range of contacts holds nobody."""
    for person in lab.world.users:
        lab.world.hide_contact(person)


NOTHING_OF_PEOPLE: dict[str, tuple[Callable[[Lab, str], None], str, int | None]] = {
    "no scope": (without(CONTACT_SCOPE), "user_details.refused", 99991672),
    "out of range": (
        hide_everybody,
        "user_details.out_of_range",
        None,
    ),
    "out of range, said so": (
        fault("unknown_code", USERS, code=41050),
        "user_details.out_of_range",
        41050,
    ),
    "lost": (fault("html_502", USERS), "user_details.lost", None),
}


def test_details_of_people_are_tried_where_they_are_wanted(lab: Lab, world: World) -> None:
    """One request more, which tells the fields that come; scopes of people are of use then."""
    world.scopes |= {CONTACT_SCOPE, "contact:user.base:readonly"}
    asked = sum(examine(lab).requests.values())
    assert lab.sandbox.count(USERS) == 0
    report = examine(lab, user_details=True)
    assert sum(report.requests.values()) == asked + 1
    assert the(report, "user_details.ok").values["fields"] == "union_id, name"
    assert CONTACT_SCOPE in the(report, "scopes.ok").values["granted"]
    assert (amiss(report), report.exit_code) == ([], 0)


@pytest.mark.parametrize("case", NOTHING_OF_PEOPLE)
def test_what_is_amiss_with_details_of_people(lab: Lab, world: World, team: str, case: str) -> None:
    """A warning, for messages are loaded all the same."""
    happens, key, code = NOTHING_OF_PEOPLE[case]
    world.scopes |= {CONTACT_SCOPE, "contact:user.base:readonly"}
    happens(lab, team)
    report = examine(lab, user_details=True)
    assert (amiss(report), report.exit_code) == ([key], 0)
    error = the(report, key).error
    assert (error and error.code) == code


def test_details_of_people_wait_for_a_member(lab: Lab) -> None:
    """Nobody else's id is known to a check."""
    lab.sandbox.inject(Fault("missing_scope", path=MEMBERS, times=None))
    report = examine(lab, user_details=True)
    assert skipped_by(report, "chat_members") == {"user_details"}
    lab.world.bot_ability = False
    assert "user_details.skipped" in keys(examine(lab, user_details=True))
