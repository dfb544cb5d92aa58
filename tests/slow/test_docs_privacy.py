"""What docs/guides/privacy.md says of deletions, by its own statements: what lasts and what not."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from feishu_source.sandbox import World, bodies
from feishu_source.sandbox.marks import mention
from tests.docs_pages import code, guide
from tests.lab import DAY_S, Lab

SQL = code(guide("privacy"), "sql")
OF_CHAT, OLD = SQL[1:]
FORGET = code(guide("privacy"), "sh")[0].partition("<<'END'\n")[2].partition("END\n")[0]
(ANEW,) = code(guide("privacy"), "python")


def execute(lab: Lab, sql: str) -> None:
    """Runs statements in the warehouse."""
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute(sql)


def words(lab: Lab) -> list[str]:
    """All texts, sorted."""
    return sorted(row["text"] for row in lab.rows("messages"))


@pytest.mark.parametrize(("age_days", "seen_after_days"), [(0, 0), (5, 2), (20, 10), (100, 60)])
def test_a_person_comes_back_when_the_time_is_read_again(
    lab: Lab, world: World, ann: str, team: str, age_days: int, seen_after_days: int
) -> None:
    """By the rung of the message's age, and is gone again after the statements."""
    bob = world.add_user("Bob")
    world.post(team, ann, text="ann")
    world.post(team, bob, text="bob")
    world.advance(age_days * DAY_S)
    world.post(team, ann, text="later")
    lab.load()
    forget = FORGET.replace("ou_0123456789abcdef", bob)
    execute(lab, forget)
    assert words(lab) == ["ann", "later"]
    world.advance(seen_after_days * DAY_S)
    lab.load()
    assert words(lab) == ["ann", "bob", "later"]
    execute(lab, forget)
    assert words(lab) == ["ann", "later"]


def test_a_person_older_than_every_rung_comes_back_by_a_full_load_alone(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Nor does a chat that is read on bring it; members come back once a day."""
    bob = world.add_user("Bob")
    world.chats[team].members[bob] = world.users[bob]
    world.post(team, bob, text="bob")
    world.advance(300 * DAY_S)
    lab.load()
    forget = FORGET.replace("ou_0123456789abcdef", bob)
    execute(lab, forget)
    assert [row["name"] for row in lab.rows("chat_members")] == ["Ann"]
    assert [row["name"] for row in lab.rows("names_seen")] == ["Ann"]
    world.advance(61 * DAY_S)
    lab.load()
    assert words(lab) == []
    assert {row["name"] for row in lab.rows("chat_members")} == {"Ann", "Bob"}
    lab.load(full=True)
    assert words(lab) == ["bob"]


def test_what_hangs_on_a_persons_messages_goes_with_them(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Mentions by and of that person, links and resources; others' stay."""
    bob = world.add_user("Bob")
    for sender in (ann, bob):
        named = [mention(world.users[ann], 1), mention(world.users[bob], 2)]
        line = [*map(bodies.at, named), bodies.link("see", "https://example.com/a")]
        picture = [bodies.picture("img_1")]
        world.post(team, sender, body=bodies.post_body("plan", [line, picture], named))
    lab.load()
    before = {table: lab.rows(table) for table in CHILDREN}
    assert [len(rows) for rows in before.values()] == [4, 2, 2]
    execute(lab, FORGET.replace("ou_0123456789abcdef", bob))
    (kept,) = lab.rows("messages")
    assert (kept["sender_id"], "@Bob" in kept["text"]) == (ann, True)  # her words name him
    for table, rows in before.items():
        hers = [row for row in rows if row["message_id"] == kept["message_id"]]
        assert lab.rows(table) == [row for row in hers if row.get("mentioned_id") != bob]


def test_a_persons_reactions_and_pins_go_wherever_they_stand(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """And others' on that person's messages."""
    bob = world.add_user("Bob")
    for sender in (ann, bob):
        said = world.post(team, sender, text="said")
        for operator in (ann, bob):
            world.react(said, operator)
    for message, operator in zip(world.messages, (ann, bob), strict=True):
        world.pin(world.id_of(message), operator)
    lab.load(reactions=True, pins=True)
    assert [len(lab.rows(table)) for table in ("message_reactions", "chat_pins")] == [4, 2]
    execute(lab, FORGET.replace("ou_0123456789abcdef", bob))
    for table in ("message_reactions", "chat_pins"):
        assert [row["operator_id"] for row in lab.rows(table)] == [ann]


def test_a_persons_announcements_go(lab: Lab, world: World, ann: str, team: str) -> None:
    """Those that the person owns or changed last; others stay."""
    world.scopes |= {"im:chat:readonly", "im:chat.announcement:read"}
    bob = world.add_user("Bob")
    chats = [team, *(world.add_chat(member_ids=[ann]) for _ in range(2))]
    for chat_id, authors in zip(chats, ((ann, ann), (ann, bob), (bob, ann)), strict=True):
        for author in authors:
            world.announce(chat_id, author)
    lab.load(chat_context=True)
    assert len(lab.rows("chat_announcements")) == 3
    execute(lab, FORGET.replace("ou_0123456789abcdef", bob))
    assert [row["chat_id"] for row in lab.rows("chat_announcements")] == [team]


CHILDREN = ("message_mentions", "message_links", "message_resources")


def test_a_chat_that_is_left_out_stays_away(lab: Lab, world: World, ann: str, team: str) -> None:
    """From every table that knows chats, whatever is read; let in again, it comes back."""
    secret = world.add_chat(name="HR", member_ids=[ann])
    world.reply_in_thread(world.post(secret, ann, text="old"), ann, text="reply")
    world.post(team, ann, text="team")
    lab.load()
    execute(lab, OF_CHAT.replace("oc_0123456789abcdef", secret))
    world.advance(200 * DAY_S)
    world.post(secret, ann, text="new")
    for arguments in ({"exclude": ["HR"]}, {"chat_ids": [team]}):
        lab.load(full=True, **arguments)
        tables = [*lab.compared, "rejected_messages", "sync_coverage"]
        found = {row["chat_id"] for table in tables for row in lab.rows(table)}
        assert (found, words(lab)) == ({team}, ["team"])
    lab.load()
    assert words(lab) == ["new", "old", "reply", "team"]


def test_a_bot_that_was_taken_out_is_told_of_in_each_load(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """So the chat's name stands in two tables again, and in no other."""
    world.post(team, ann, text="team")
    lab.load()
    world.chats[team].bot_in = False
    execute(lab, OF_CHAT.replace("oc_0123456789abcdef", team))
    report = lab.load()
    (row,) = lab.rows("sync_coverage")
    assert (report.exit_code, row["chat_name"], row["error_code"]) == (3, "Team", 230002)
    (chat,) = lab.rows("chats")
    assert (chat["name"], chat["listed"]) == ("Team", False)
    assert [lab.rows(table) for table in ("messages", "threads", "chat_members")] == [[], [], []]


def test_what_is_older_than_a_date_stays_away_after_all_three_steps(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Without the third it comes back; with it, replies in older threads are not read either."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="first reply")
    world.advance(20 * DAY_S)
    world.post(team, ann, text="new")
    lab.load()
    execute(lab, OLD)
    assert words(lab) == ["new"]
    world.advance(11 * DAY_S)
    lab.load(since="2026-01-15")
    assert words(lab) == ["first reply", "new", "root"]
    execute(lab, OLD)
    lab.load(since="2026-01-15", reset_chats=[team])
    world.reply_in_thread(root, ann, text="late reply")
    for full in (False, True):
        world.advance(61 * DAY_S)
        lab.load(since="2026-01-15", full=full)
        assert words(lab) == ["new"]


def test_a_database_that_was_written_anew_holds_no_word_of_what_was_recalled(
    lab: Lab, world: World, ann: str, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file did before; and loads go on in the new one."""
    said = world.post(team, ann, text="zanzibarine https://example.com/zanzibarine")
    lab.load()
    world.recall(said)
    lab.load()
    (row,) = lab.rows("messages")
    assert (row["deleted"], row["text"], row["sender_name"]) == (True, None, "Ann")
    assert (row["body_content"], lab.rows("message_links")) == ("This message was recalled", [])
    assert b"zanzibarine" in lab.database.read_bytes()
    os.rename(lab.database, tmp_path / "feishu_history.duckdb")
    monkeypatch.chdir(tmp_path)
    exec(ANEW, {})
    os.rename(tmp_path / "feishu_history.duckdb", lab.database)
    assert b"zanzibarine" not in lab.database.read_bytes()
    world.post(team, ann, text="on")
    assert (lab.load().exit_code, len(lab.rows("messages"))) == (0, 2)
