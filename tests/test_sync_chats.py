"""Chats come and go, change and refuse: none stops the others, none hides."""

from __future__ import annotations

from feishu_source.sandbox import Fault, World
from tests.lab import DAY_S, Lab

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


def test_renamed_chat_has_its_new_name_with_the_next_load(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Whatever the day's reading would say."""
    lab.load()
    world.advance(60)
    world.rename_chat(team, "Team 2")
    lab.load()
    lab.assert_equals_truth()
    assert lab.rows("sync_coverage")[0]["chat_name"] == "Team 2"


def test_member_who_left_goes_with_the_next_reading(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Also when nobody is left."""
    lab.load()
    assert [row["name"] for row in lab.rows("chat_members")] == ["Ann"]
    world.remove_member(team, ann)
    world.advance(DAY_S)
    lab.load()
    assert lab.rows("chat_members") == []


def test_chat_the_bot_left_is_skipped_and_reported_and_keeps_its_row(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """It is asked once per load, keeps what was known of it, and is no longer listed."""
    other = world.add_chat(name="Other", description="what it is for", member_ids=[ann])
    message = world.post(other, ann, text="kept")
    lab.load()
    before = {row["chat_id"]: row for row in lab.rows("chats")}
    world.leave(other)
    new = world.post(team, ann, text="still read")
    report = lab.load()
    assert (report.exit_code, report.chats_complete, report.chats_skipped) == (3, 1, 1)
    assert [(p.chat_id, p.name, p.status, p.code) for p in report.problems] == [
        (other, "Other", "skipped", 230002)
    ]
    assert {message, new} <= lab.message_ids()
    assert len(lab.listings(other)) == 1
    after = {row["chat_id"]: row for row in lab.rows("chats")}
    kept = set(before[other]) - {"listed", "_dlt_load_id"}
    assert {name: after[other][name] for name in kept} == {n: before[other][n] for n in kept}
    assert (before[other]["listed"], after[other]["listed"]) == (True, False)


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


def test_left_and_rejoined_chat_is_complete_again(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Messages sent while the bot was away are found."""
    world.post(team, ann, text="before")
    lab.load()
    world.leave(team)
    world.advance(20 * DAY_S)
    world.post(team, ann, text="away")
    lab.load()
    world.advance(20 * DAY_S)
    world.join(team)
    lab.load()
    lab.assert_equals_truth()


def test_dissolved_chat_keeps_its_messages(lab: Lab, world: World, ann: str, team: str) -> None:
    """It refuses to be read; what was loaded stays."""
    message = world.post(team, ann, text="kept")
    lab.load()
    world.dissolve(team)
    report = lab.load()
    assert report.chats_skipped == 1
    assert lab.message_ids() == {message}


def test_message_no_longer_listed_stays_with_the_time_it_was_last_seen(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Nothing is deleted because the API fell silent about it."""
    gone = world.post(team, ann, text="gone")
    kept = world.post(team, ann, text="kept")
    lab.load()
    seen = {row["message_id"]: row["last_listed_at"] for row in lab.rows("messages")}
    world.advance(60)
    world.remove(gone)
    lab.load()
    now = {row["message_id"]: row["last_listed_at"] for row in lab.rows("messages")}
    assert now[gone] == seen[gone]
    assert now[kept] > seen[kept]


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
