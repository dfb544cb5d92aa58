"""What a load after the first sees, and what it asks for."""

from __future__ import annotations

from feishu_source.reader import STEP_BACK_S
from feishu_source.sandbox import World
from tests.belt import Belt
from tests.lab import DAY_S, Lab, at

HOUR_S = 3_600


def test_head_asks_from_the_look_back_before_what_is_covered(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """[covered_until - look-back, P], wider on each side, both ends sent."""
    world.post(team, ann, text="first")
    belt.load()
    covered_s = world.now_ms // 1_000
    world.advance(DAY_S)
    belt.load(look_back_s=HOUR_S)
    query = belt.listings(team)[0].query
    assert int(query["start_time"]) == covered_s - HOUR_S - STEP_BACK_S
    assert int(query["end_time"]) == covered_s + DAY_S + 1


def test_clock_that_steps_back_moves_no_claim_back(
    belt: Belt, world: World, ann: str, team: str
) -> None:
    """The pinned end lies before what is covered: the look-back counts from it."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    belt.load()
    covered_s = world.now_ms // 1_000
    world.advance(-600)
    second = world.post(team, ann, text="second")
    belt.load()
    assert second in belt.message_ids()
    assert belt.rows("sync_coverage")[0]["covered_until"] == at(covered_s)


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
