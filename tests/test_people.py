"""The views `people` and `people_names`: who there is, and under which names, without a request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pytest

from feishu_source.analytics import create_views, read_views
from feishu_source.destination import plan_pipeline
from feishu_source.sandbox import World
from tests.lab import DAY_S, Lab, at
from tests.test_queries import QUERIES

Row = dict[str, Any]


def view(lab: Lab, name: str) -> list[Row]:
    """All rows of a view, made anew, by their id and name."""
    create_views(plan_pipeline(database=str(lab.database)), read_views(QUERIES))
    return sorted(lab.rows(name), key=lambda row: (row["person_id"], row["name"] or ""))


def names(lab: Lab, person_id: str) -> list[tuple[str, datetime, datetime, bool]]:
    """Who was called what, from when to when, and now."""
    return [
        (row["name"], row["first_seen_at"], row["last_seen_at"], row["is_current"])
        for row in view(lab, "people_names")
        if row["person_id"] == person_id
    ]


def test_a_person_is_a_row_whoever_tells_of_them(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Members, senders, mentioned ones, senders in forwards; a bot; nobody for the anonymous."""
    bob, cleo, dan = (world.add_user(name) for name in ("Bob", "Cleo", "Dan"))
    robot = world.add_bot("Robot")
    elsewhere = world.add_chat(name="Elsewhere", member_ids=[dan], bot_in=False)
    told = world.post(elsewhere, dan, text="far away")
    world.post(team, bob, text=f"@<{cleo}> and @<all>, look")
    world.post(team, robot, text="beep")
    world.post(team, None, text="who am I")
    world.forward(team, ann, [told])
    lab.load()
    now = at(world.now_ms / 1_000)
    nothing: Row = {"is_sender": False, "is_mentioned": False, "is_member": False}
    whole: Row = {
        "tenant_key": world.tenant_key,
        "names": 1,
        "first_seen_at": now,
        "last_seen_at": now,
    }
    person, app = {"id_type": "open_id", "kind": "user"}, {"id_type": "app_id", "kind": "app"}
    expected: dict[str, Row] = {
        ann: person | {"name": "Ann", "is_sender": True, "is_member": True},
        bob: person | {"name": "Bob", "is_sender": True},
        cleo: person | {"name": "Cleo", "kind": None, "is_mentioned": True},
        dan: person | {"name": "Dan"},
        robot: app | {"name": "Robot", "is_sender": True},
    }
    found = view(lab, "people")
    assert found == [
        whole | nothing | expected[each] | {"person_id": each} for each in sorted(expected)
    ]


def test_a_name_is_known_after_a_rename_whatever_is_read_again(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The look-back and `--full` give old messages the new name; the old one keeps its row."""
    world.post(team, ann, text="as Ann")
    first = at(world.now_ms / 1_000)
    lab.load()
    world.advance(3 * DAY_S)
    world.rename_user(ann, "Anna")
    world.post(team, ann, text="as Anna")
    second = at(world.now_ms / 1_000)
    for full in (False, True):
        lab.load(full=full)
        assert names(lab, ann) == [("Ann", first, first, False), ("Anna", second, second, True)]
    (row,) = view(lab, "people")
    assert (row["name"], row["names"]) == ("Anna", 2)
    assert (row["first_seen_at"], row["last_seen_at"]) == (first, second)
    joined = lab.query(
        "select m.text, p.name from feishu.messages m join feishu.people p"
        " on p.person_id = m.sender_id order by m.create_time"
    )
    assert joined == [("as Ann", "Anna"), ("as Anna", "Anna")]


def test_a_name_that_nobody_bears_any_longer_was_seen_once(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Each pair has one row, whichever tells it first; a name that returns has its old row."""
    bob = world.add_user("Bob")
    first_ms = world.now_ms
    for name in ("Ann", "Anna", "Ann"):
        world.rename_user(ann, name)
        world.post(team, bob, text=f"@<{ann}>")
        world.post(team, ann, text="here")
        lab.load()
        world.advance(DAY_S)
    rows = [(row["person_id"], row["name"], row["first_seen_at"]) for row in lab.rows("names_seen")]
    first, second = at(first_ms / 1_000), at(first_ms / 1_000 + DAY_S)
    assert sorted(rows) == sorted([(ann, "Ann", first), (ann, "Anna", second), (bob, "Bob", first)])
    assert [name for name, *_, now in names(lab, ann) if now] == ["Ann"]


def test_names_go_with_the_slice_that_brought_them(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A load that ends early has told what it has loaded, and the next one the rest."""
    people = [world.add_user(f"Person {number}") for number in range(4)]
    for person in people:
        world.post(team, person, text="here")
        world.advance(DAY_S)
    lab.load(max_messages=2, slice_messages=1, page_size=1)
    told = lab.query(
        "select count(*) from feishu.names_seen n join feishu.messages m"
        " on m.sender_id = n.person_id and m.sender_name = n.name"
    )
    assert told == [(2,)]
    lab.load(slice_messages=1, page_size=1)
    assert {row["person_id"] for row in lab.rows("names_seen")} == {ann, *people}


def test_the_member_list_tells_of_a_rename_before_the_person_writes(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """It is read every day, and its name is of then."""
    world.post(team, ann, text="as Ann")
    world.advance(DAY_S)
    world.post(team, None, text="a day later, so that nothing of Ann is read again")
    lab.load()
    world.advance(2 * DAY_S)
    world.rename_user(ann, "Anna")
    lab.load(rungs="off")
    assert [(name, now) for name, *_, now in names(lab, ann)] == [("Ann", False), ("Anna", True)]
    assert [row["sender_name"] for row in lab.rows("messages")].count("Ann") == 1


@pytest.mark.parametrize("listed", ["old name", "new name"])
def test_the_current_name_is_right_whether_messages_show_that_of_then_or_of_now(
    lab: Lab, world: World, ann: str, team: str, listed: str
) -> None:
    """Nothing tells which: an old message that was listed last proves no name."""
    world.remove_member(team, ann)
    old = world.post(team, ann, text="old")
    world.advance(DAY_S)
    new = world.post(team, ann, text="new")
    lab.load()
    read_s = world.now_ms / 1_000
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute(
            "update feishu.messages set sender_name = ?, last_listed_at = ? where message_id = ?",
            ["Ann" if listed == "old name" else "Anna", at(read_s + 60), old],
        )
        connection.execute(
            "update feishu.messages set sender_name = 'Anna' where message_id = ?", [new]
        )
    (row,) = view(lab, "people")
    assert row["name"] == "Anna"
    assert [name for name, *_, now in names(lab, ann) if now] == ["Anna"]


def test_who_has_no_name_is_a_person_all_the_same(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Without senders' names and without members; a table of an older version has no times."""
    world.remove_member(team, ann)
    world.post(team, ann, text="here")
    lab.load(with_sender_name=False)
    (row,) = view(lab, "people")
    assert (row["person_id"], row["name"], row["names"]) == (ann, None, 0)
    assert view(lab, "people_names") == []


def test_the_views_cost_no_request(lab: Lab, world: World, ann: str, team: str) -> None:
    """Whoever reads them reads what is loaded."""
    world.post(team, ann, text="here")
    lab.load()
    asked = len(lab.sandbox.requests)
    view(lab, "people")
    assert len(lab.sandbox.requests) == asked
