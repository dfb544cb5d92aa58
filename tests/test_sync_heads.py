"""What a load after the first sees, and what it asks for."""

from __future__ import annotations

from feishu_source.sandbox import World
from tests.lab import DAY_S, Lab, at

HOUR_S = 3_600


def test_head_asks_from_the_look_back_before_what_is_covered(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """[covered_until - look-back, P], a second wider on each side, both ends sent."""
    world.post(team, ann, text="first")
    lab.load()
    covered_s = world.now_ms // 1_000
    world.advance(DAY_S)
    lab.load(look_back_s=HOUR_S)
    query = lab.listings(team)[0].query
    assert int(query["start_time"]) == covered_s - HOUR_S - 2
    assert int(query["end_time"]) == covered_s + DAY_S + 1


def test_edit_and_recall_inside_the_look_back_are_seen(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A message younger than the look-back is read again: words, flags, children."""
    edited = world.post(team, ann, text="befor https://example.com/a")
    recalled = world.post(team, ann, text="to be regretted")
    lab.load()
    world.advance(HOUR_S)
    world.edit(edited, text="before")
    world.recall(recalled)
    lab.load()
    rows = {row["message_id"]: row for row in lab.rows("messages")}
    assert (rows[edited]["text"], rows[edited]["updated"]) == ("before", True)
    assert (rows[recalled]["text"], rows[recalled]["deleted"]) == (None, True)
    assert lab.rows("message_links") == []
    lab.assert_equals_truth()


def test_mentions_that_shrink_leave_no_row_behind(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Three mentions become one, and two become none."""
    bob, eve = world.add_user("Bob"), world.add_user("Eve")
    three = world.post(team, ann, text=f"@<{ann}> @<{bob}> @<{eve}>")
    two = world.post(team, ann, text=f"@<{bob}> @<{eve}>")
    lab.load()
    assert len(lab.rows("message_mentions")) == 5
    world.edit(three, text=f"@<{eve}>")
    world.edit(two, text="nobody")
    lab.load()
    assert [row["mentioned_name"] for row in lab.rows("message_mentions")] == ["Eve"]
    lab.assert_equals_truth()


def test_chat_that_was_joined_later_is_read_from_its_beginning(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A cursor for all chats would drop what is older than the last load."""
    world.post(team, ann, text="here")
    elsewhere = world.add_chat(name="Elsewhere", member_ids=[ann], bot_in=False)
    world.post(elsewhere, ann, text="long ago")
    world.advance(30 * DAY_S)
    lab.load()
    world.join(elsewhere)
    report = lab.load()
    assert (report.new, report.chats_complete) == (1, 2)
    lab.assert_equals_truth()


def test_clock_that_steps_back_moves_no_claim_back(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The pinned end lies before what is covered: the look-back counts from it."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    lab.load()
    covered_s = world.now_ms // 1_000
    world.advance(-600)
    second = world.post(team, ann, text="second")
    lab.load()
    assert second in lab.message_ids()
    assert lab.rows("sync_coverage")[0]["covered_until"] == at(covered_s)


def test_empty_chat_is_complete(lab: Lab, world: World, team: str) -> None:
    """Nothing to read is not an error."""
    report = lab.load()
    assert (report.exit_code, report.rows, report.chats_complete) == (0, 0, 1)
    lab.assert_equals_truth()


def test_tenant_without_chats_says_what_to_do(lab: Lab) -> None:
    """The bot is in no group yet."""
    report = lab.load()
    assert report.exit_code == 0
    assert [w for w in report.warnings if "add the bot to a group" in w]
