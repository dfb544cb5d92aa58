"""Chats come and go, change and refuse: none stops the others, none hides."""

from __future__ import annotations

import duckdb

from feishu_source.sandbox import Fault, World
from tests.lab import DAY_S, Lab, at

DETAILS = "/open-apis/im/v1/chats/:chat_id"


def test_details_and_members_are_read_once_a_day(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """An hourly load asks for the list and the timeline, and no more."""
    lab.load()
    world.advance(3_600)
    lab.load()
    paths = [request.path.removeprefix("/open-apis/im/v1") for request in lab.sandbox.requests]
    assert [path for path in paths if "auth" not in path] == ["/chats", "/messages"]
    world.advance(DAY_S)
    lab.load()
    assert lab.sandbox.count(f"/open-apis/im/v1/chats/{team}") == 2


def test_how_often_details_and_members_are_read_is_a_setting(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Never read again before their time; 0 reads them in every load."""
    lab.load()
    world.advance(6 * DAY_S)
    for period_s, expected in ((7 * DAY_S, 0), (0, 1), (0, 1)):
        lab.load(details_period_s=period_s)
        assert lab.sandbox.count(f"/open-apis/im/v1/chats/{team}/members") == expected
        assert lab.sandbox.count(f"/open-apis/im/v1/chats/{team}") == 2 * expected  # and details


def test_chat_that_heals_is_read_with_what_it_missed(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What is due stays due while the chat is refused; tolerated codes are not incomplete."""
    world.post(team, ann, text="before")
    lab.load()
    world.restrict(team)
    world.advance(10 * DAY_S)
    world.post(team, ann, text="meanwhile")
    world.advance(10 * DAY_S)
    report = lab.load()
    assert (report.exit_code, report.problems[0].code) == (3, 231203)
    assert lab.rows("sync_coverage")[0]["advice_en"]
    assert lab.rows("sync_coverage")[0]["advice_zh"]
    assert lab.load(tolerate=[231203]).exit_code == 0
    world.restrict(team, False)
    assert lab.load().exit_code == 0
    lab.assert_equals_truth()


def test_dissolved_chat_keeps_its_messages(lab: Lab, world: World, ann: str, team: str) -> None:
    """It refuses to be read; what was loaded stays."""
    message = world.post(team, ann, text="kept")
    lab.load()
    world.dissolve(team)
    report = lab.load()
    assert report.chats_skipped == 1
    assert lab.message_ids() == {message}


def test_refused_details_and_members_do_not_hold_up_messages(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """An optional table goes without; a warning says which scope is missing."""
    message = world.post(team, ann, text="here")
    lab.sandbox.inject(
        Fault("missing_scope", path=DETAILS, times=None),
        Fault("missing_scope", path=DETAILS + "/members", times=None),
    )
    report = lab.load()
    assert (report.exit_code, lab.message_ids()) == (0, {message})
    assert len([w for w in report.warnings if "99991672" in w]) == 2
    assert [row["name"] for row in lab.rows("chats")] == ["Team"]
    lab.sandbox.clear_faults()
    world.advance(DAY_S)
    lab.load()
    lab.assert_equals_truth()


def test_details_and_members_that_trouble_kept_away_come_with_the_next_load(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A gateway that answers in Feishu's place refuses nothing: nobody waits a day for that."""
    world.post(team, ann, text="here")
    lab.sandbox.inject(
        Fault("html_502", path=DETAILS, times=None),
        Fault("html_502", path=DETAILS + "/members", times=None),
    )
    report = lab.load()
    assert report.exit_code == 0
    assert [warning.split(":")[0] for warning in report.warnings] == [
        "chat details left out for now, the next load asks again",
        "chat members left out for now, the next load asks again",
    ]
    lab.sandbox.clear_faults()
    world.advance(60)
    lab.load()
    lab.assert_equals_truth()


def test_a_member_is_told_with_when_the_list_last_showed_them(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The time is that of the daily reading, not of each load; a warehouse without it gains it."""
    first_s = world.now_ms // 1_000
    lab.load()
    world.advance(3_600)
    lab.load()
    assert [row["last_listed_at"] for row in lab.rows("chat_members")] == [at(first_s)]
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("alter table feishu.chat_members drop column last_listed_at")
        connection.execute("delete from feishu._dlt_version")  # as an older version left it
    lab.load()
    assert [row["last_listed_at"] for row in lab.rows("chat_members")] == [None]
    world.advance(DAY_S)
    lab.load()
    assert [row["last_listed_at"] for row in lab.rows("chat_members")] == [
        at(first_s + DAY_S + 3_600)
    ]
