"""Tabs and announcement of each chat: as often as its members, replaced as a whole."""

from __future__ import annotations

import re
from typing import Any

import pytest

from feishu_source.sandbox import Fault, World
from feishu_source.sandbox.context import (
    ANNOUNCEMENT_PATH,
    TABS_PATH,
    UPGRADED_PATH,
    UPGRADED_SCOPE,
    Tab,
)
from tests.lab import DAY_S, Lab

PATHS = (TABS_PATH, ANNOUNCEMENT_PATH, UPGRADED_PATH)
MESSAGE_TAB = Tab("7101", "message")
LINK = Tab(
    "7102", "url", "Board", {"url": "https://example.com/board"}, {"icon_key": "i", "built": True}
)


def asked(lab: Lab) -> list[int]:
    """Requests of the last load for tabs, announcements, and those of the newer form."""
    patterns = [re.compile(path.replace(":chat_id", "[^/]+")) for path in PATHS]
    paths = [each.path for each in lab.sandbox.requests]
    return [sum(bool(pattern.fullmatch(path)) for path in paths) for pattern in patterns]


@pytest.fixture(autouse=True)
def scopes(world: World) -> None:
    """Those that every form needs."""
    world.scopes |= {"im:chat:readonly", UPGRADED_SCOPE}


def warned(lab: Lab, **arguments: Any) -> list[str]:
    """The warnings of a load that is complete all the same."""
    report = lab.load(chat_context=True, **arguments)
    assert report.exit_code == 0
    return report.warnings


def test_nothing_is_asked_where_it_is_off(lab: Lab, world: World, ann: str, team: str) -> None:
    """Both tables are there all the same; what was loaded stays when it is switched off again."""
    world.show_tabs(team, LINK)
    world.announce(team, ann)
    lab.load()
    assert asked(lab) == [0, 0, 0]
    assert (lab.rows("chat_tabs"), lab.rows("chat_announcements")) == ([], [])
    warned(lab)
    lab.load()
    assert asked(lab) == [0, 0, 0]
    lab.assert_equals_truth()


def test_they_are_read_once_a_day_and_replaced_as_a_whole(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Both forms of announcements; what is taken away goes, the last tab too."""
    other, calm = (world.add_chat(member_ids=[ann]) for _ in range(2))
    topics = world.add_chat(mode="topic", member_ids=[ann])
    world.show_tabs(team, MESSAGE_TAB, LINK)
    world.show_tabs(other, LINK)
    world.show_tabs(topics, LINK)
    world.announce(team, ann, '{"body":{"blocks":null}}', form="doc")
    world.announce(other, ann)
    assert warned(lab) == []
    assert asked(lab) == [4, 4, 1]
    lab.assert_equals_truth()
    assert {row["chat_id"] for row in lab.rows("chat_announcements")} == {team, other}
    world.show_tabs(team, LINK)
    world.show_tabs(other)
    world.show_tabs(calm, MESSAGE_TAB)
    world.withdraw_announcement(other)
    world.announce(team, world.add_user("Bob"), "{}", form="doc")
    assert (warned(lab), asked(lab)) == ([], [0, 0, 0])
    world.advance(DAY_S)
    assert warned(lab) == []
    lab.assert_equals_truth()
    assert [row["revision"] for row in lab.rows("chat_announcements")] == ["2"]


def test_an_announcement_becomes_a_newer_one(lab: Lab, world: World, ann: str, team: str) -> None:
    """Its words are not had any more, and the old ones do not stay."""
    world.announce(team, ann, '{"title":"old"}', form="doc")
    warned(lab)
    world.advance(DAY_S)
    world.announce(team, ann)
    assert warned(lab) == []
    [row] = lab.rows("chat_announcements")
    assert (row["announcement_type"], row["revision"], row["content"]) == ("docx", "2", None)
    lab.assert_equals_truth()


def test_a_document_that_may_not_be_read_is_told_once_and_asked_for_a_day_later(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The row of before stays; the chat is complete."""
    world.announce(team, ann, form="doc")
    warned(lab)
    [before] = lab.rows("chat_announcements")
    second = world.add_chat(member_ids=[ann])
    for chat_id in (team, second):
        world.announce(chat_id, ann, form="doc", readable=False)
    world.advance(DAY_S)
    [warning] = warned(lab)
    assert warning.startswith("chat announcements left out where refused")
    assert "232066" in warning
    assert lab.rows("chat_announcements") == [before]
    assert (warned(lab), asked(lab)) == ([], [0, 0, 0])
    world.advance(DAY_S)
    for chat_id in (team, second):
        world.announce(chat_id, ann, form="doc")
    assert warned(lab) == []
    lab.assert_equals_truth()


def test_the_scope_of_the_newer_form_is_missed_by_those_alone(
    lab: Lab, world: World, ann: str
) -> None:
    """One request finds it out; announcements of the old form are loaded."""
    world.scopes.discard(UPGRADED_SCOPE)
    chats = [world.add_chat(member_ids=[ann]) for _ in range(12)]
    for number, chat_id in enumerate(chats):
        world.announce(chat_id, ann, form="doc" if number % 2 else "docx")
    [warning] = warned(lab, workers=1)
    assert "im:chat.announcement:read" in warning
    assert asked(lab) == [12, 12, 1]
    assert len(lab.rows("chat_announcements")) == 6
    lab.assert_equals_truth()


def test_a_missing_scope_for_tabs_is_met_by_few(lab: Lab, world: World, ann: str) -> None:
    """Announcements and messages go on; the next day asks again."""
    for _ in range(12):
        chat_id = world.add_chat(member_ids=[ann])
        world.show_tabs(chat_id, LINK)
        world.announce(chat_id, ann)
    lab.sandbox.inject(Fault("missing_scope", path=TABS_PATH, times=None))
    [warning] = warned(lab, workers=2)
    assert "im:chat.tabs:read" in warning
    assert asked(lab)[0] <= 2
    assert (lab.rows("chat_tabs"), len(lab.rows("chat_announcements"))) == ([], 12)
    lab.sandbox.clear_faults()
    world.advance(DAY_S)
    assert warned(lab) == []
    lab.assert_equals_truth()


@pytest.mark.parametrize("path", PATHS)
def test_trouble_leaves_what_was_there_and_the_next_load_asks_again(
    lab: Lab, world: World, ann: str, team: str, path: str
) -> None:
    """Wherever it stands in the way, the newer form's endpoint too."""
    world.show_tabs(team, LINK)
    world.announce(team, ann)
    warned(lab)
    before = [lab.rows(table) for table in ("chat_tabs", "chat_announcements")]
    world.advance(DAY_S)
    world.show_tabs(team)
    world.withdraw_announcement(team)
    world.announce(team, ann)
    lab.sandbox.inject(Fault("html_502", path=path, times=None))
    [warning] = warned(lab, attempts=1)
    assert "left out for now, the next load asks again" in warning
    kept = 0 if path == TABS_PATH else 1
    assert lab.rows(("chat_tabs", "chat_announcements")[kept]) == before[kept]
    lab.sandbox.clear_faults()
    assert warned(lab) == []
    lab.assert_equals_truth()
