"""Slices: a load commits as it goes, and always gets on."""

from __future__ import annotations

from pathlib import Path

import pytest

from feishu_source import Progress
from feishu_source.sandbox import World, generate
from tests.belt import Belt
from tests.lab import DAY_S, Lab, at

NOW_MS = 1_790_000_000_000


def test_many_small_slices_end_in_the_same_tables(tmp_path: Path) -> None:
    """Slices of sixty messages, pages of three: cuts at every kind of place."""
    world = generate(seed=3, chats=6, messages=300, days=30, now_ms=NOW_MS)
    with Lab(tmp_path, world) as lab:
        report = lab.load(slice_messages=60, page_size=3, batch_rows=7)
        assert report.exit_code == 0
        assert report.slices >= 5
        lab.assert_equals_truth()


def test_tiny_slices_end_in_the_same_tables() -> None:
    """Slices of five messages, pages of two."""
    with Belt(generate(seed=3, chats=6, messages=300, days=30, now_ms=NOW_MS)) as belt:
        assert set(belt.load(slice_messages=5, page_size=2, batch_rows=3).values()) == {"complete"}
        assert belt.slices >= 30
        belt.assert_equals_truth()


def test_long_messages_make_short_slices() -> None:
    """A slice ends at its number of bytes as well, wherever its number of messages would."""
    world = generate(seed=3, chats=6, messages=300, days=30, now_ms=NOW_MS)
    with Belt(world) as belt:
        assert set(belt.load(page_size=3).values()) == {"complete"}
        assert belt.slices == 1
    with Belt(world) as belt:
        assert set(belt.load(slice_bytes=2_000, page_size=3).values()) == {"complete"}
        assert belt.slices >= 5
        belt.assert_equals_truth()
    with Belt(world) as belt:  # whoever wants long slices, gets long ones of long messages too
        assert set(belt.load(slice_bytes=2_000, slice_messages=9_600_000).values()) == {"complete"}
        assert belt.slices == 1


def test_load_ends_after_max_messages_and_the_next_goes_on(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """It ends at a page border, says that there is more, and the rest is not read twice."""
    for _ in range(30):
        world.advance(60)
        world.post(team, ann, text="one of thirty")
    report = lab.load(max_messages=10, page_size=5)
    assert (report.exit_code, report.chats_partial, report.messages) == (3, 1, 10)
    assert lab.rows("sync_coverage")[0]["status"] == "partial"
    report = lab.load(page_size=5)
    assert (report.exit_code, report.new) == (0, 20)
    lab.assert_equals_truth()


def test_progress_ends_at_everything(lab: Lab, world: World, ann: str, team: str) -> None:
    """The display's figures come from the walk itself."""
    for _ in range(7):
        world.advance(60)
        world.post(team, ann, text="one")
    progress = Progress()
    report = lab.load(progress=progress, page_size=3, slice_messages=3)
    assert (progress.phase, progress.chats_done, progress.chats_total) == ("finished", 1, 1)
    assert progress.range_share == pytest.approx(1)
    assert (progress.messages, report.new) == (report.messages, 7)
    assert progress.requests == report.requests == len(lab.sandbox.requests)


def test_coverage_says_what_is_covered(lab: Lab, world: World, ann: str, team: str) -> None:
    """From the beginning to the pinned end, and what it cost."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    lab.load()
    row = lab.rows("sync_coverage")[0]
    now = at(world.now_ms / 1_000)
    assert (row["status"], row["covered_from"], row["covered_until"]) == ("complete", at(0), now)
    assert (row["last_synced_at"], row["threads_covered"]) == (now, True)
    assert (row["messages_listed"], row["threads_polled"], row["requests"]) == (1, 0, 1)
    assert row["error_code"] is None


def test_every_load_leaves_its_account(lab: Lab, world: World, ann: str, team: str) -> None:
    """A row of sync_runs each, equal to the report."""
    world.post(team, ann, text="first")
    reports = [lab.load(), lab.load()]
    rows = {row["run_id"]: row for row in lab.rows("sync_runs")}
    for report in reports:
        row = rows[report.run_id]
        told = {name: getattr(report, name) for name in row if name in report.to_dict()}
        assert {name: row[name] for name in told} | {"finished_at": None, "started_at": None} == (
            told | {"finished_at": None, "started_at": None}
        )
        assert row["finished_at"] is not None
    assert len(rows) == 2


def test_page_token_lives_inside_one_slice(world: World, ann: str, team: str) -> None:
    """How long the platform keeps one is not known: each slice lists anew from the claim."""
    for _ in range(20):
        world.post(team, ann, text="word")
        world.advance(10)
    with Belt(world) as belt:
        belt.load(page_size=2, slice_messages=5)
        anew = [each for each in belt.listings(team) if "page_token" not in each.query]
        assert len(anew) == belt.slices > 3
        assert len(belt.listings(team)) > 2 * len(anew)


def test_loads_killed_after_their_first_slice_reach_every_chat(world: World, ann: str) -> None:
    """The chat with the oldest claim comes first; people never stop talking in any of them."""
    chats = [world.add_chat(name=f"Chat {n}", member_ids=[ann]) for n in range(5)]
    with Belt(world) as belt:
        belt.load()
        news = []
        for _ in chats:
            world.advance(DAY_S)
            news += [world.post(chat_id, ann, text="news") for chat_id in chats for _ in range(4)]
            belt.load(slice_messages=3, page_size=2, workers=1, kill_after=1, rungs="off")
        claims = [belt.claims[chat_id]["covered_until_s"] for chat_id in chats]
        assert min(claims) * 1_000 > world.start_ms
        assert belt.message_ids() >= set(news[:20])


@pytest.mark.parametrize("most", [2, 3])
def test_version_that_was_held_when_the_bound_was_reached_is_loaded(
    belt: Belt, world: World, ann: str, team: str, most: int
) -> None:
    """A root is edited between its page and its thread: the later version needs no request."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    world.advance(10)

    def look() -> None:
        if belt.listings(team):  # the next request is for the thread
            world.on_look = None
            world.edit(root, text="edited")

    world.on_look = look
    assert belt.load(max_messages=most) == {team: "complete"}
    assert world.on_look is None
    assert [row["text"] for row in belt.rows("messages")] == ["edited", "reply"]
    (row,) = belt.rows("sync_coverage")
    assert row["covered_until"].timestamp() == belt.claims[team]["covered_until_s"]
