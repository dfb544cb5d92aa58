"""`user_details`: who is asked for, how often, and what becomes of those nobody tells of."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.errors import StopError
from feishu_source.people import MISSING_PERIODS
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE, FIELD_SCOPES, users_of
from tests.lab import DAY_S, Lab, at
from tests.test_people import names, view

USERS = "/open-apis/contact/v3/users/batch"
WEEK_S = 7 * DAY_S


@pytest.fixture(autouse=True)
def _may_ask(world: World) -> None:
    world.scopes |= {CONTACT_SCOPE, *FIELD_SCOPES.values()}


def asked(lab: Lab) -> list[list[str]]:
    """The ids of each request about people since the last load began."""
    requests = [request for request in lab.sandbox.requests if request.path == USERS]
    return [sorted(request.query["user_ids"].split(",")) for request in requests]


def statuses(lab: Lab) -> dict[str, tuple[str, str | None, int | None]]:
    """Of each person the status, the name and the code."""
    rows = lab.rows("users")
    return {row["open_id"]: (row["status"], row["name"], row["error_code"]) for row in rows}


def test_without_the_setting_nobody_is_asked_for(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Not a request more, and an empty table for queries to find."""
    world.post(team, ann, text="here")
    report = lab.load()
    paths = [request.path.removeprefix("/open-apis/") for request in lab.sandbox.requests]
    chat = f"im/v1/chats/{team}"
    token = "auth/v3/tenant_access_token/internal"
    assert sorted(paths) == sorted(
        [token, "im/v1/chats", chat, f"{chat}/members", "im/v1/messages"]
    )
    assert (lab.rows("users"), report.users, report.requests) == ([], None, len(paths))


def test_everybody_who_was_seen_is_told_of(lab: Lab, world: World, ann: str, team: str) -> None:
    """Members, senders, mentioned people; bots are nobody whom the contacts know."""
    bob, cleo, robot = world.add_user("Bob"), world.add_user("Cleo"), world.add_bot("Robot")
    world.describe(ann, en_name="Ann Lee", email="ann@example.com", department_ids=["od-1"])
    world.post(team, bob, text=f"@<{cleo}>")
    world.post(team, robot, text="beep")
    world.post(team, None, text="nobody")
    report = lab.load(user_details=True)
    assert asked(lab) == [sorted([ann, bob, cleo])]
    rows = {row["open_id"]: row for row in lab.rows("users")}
    assert rows.keys() == {ann, bob, cleo}
    now, told = at(world.now_ms / 1_000), rows[ann]
    assert (told["en_name"], told["email"], told["department_ids"]) == (
        *("Ann Lee", "ann@example.com"),
        '["od-1"]',
    )
    assert (told["status"], told["last_asked_at"], told["last_read_at"]) == ("ok", now, now)
    assert report.users is not None
    assert (report.users.told, report.users.missing, report.users.ended) == (3, 0, None)
    (run,) = lab.rows("sync_runs")
    assert (run["requests"], run["exit_code"]) == (report.requests, 0)


def test_nobody_is_asked_for_again_before_the_period_is_over(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """A new one is asked for by the load that sees them first, alone."""
    world.post(team, ann, text="here")
    lab.load(user_details=True)
    world.advance(DAY_S)
    bob = world.add_user("Bob")
    world.post(team, bob, text="new")
    lab.load(user_details=True)
    assert asked(lab) == [[bob]]
    world.advance(60)
    lab.load(user_details=True)
    assert asked(lab) == []
    world.advance(WEEK_S - DAY_S)
    world.rename_user(ann, "Anna")
    lab.load(user_details=True)
    assert asked(lab) == [[ann]]
    assert statuses(lab)[ann] == ("ok", "Anna", None)
    lab.load(user_details=True, user_details_period_s=3_600)
    assert asked(lab) == [[bob]]


def test_who_is_out_of_range_is_remembered_and_asked_for_more_rarely(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Nor is one asked for by each load who has left the range; what was told of them stays."""
    bob = world.add_user("Bob")
    world.hide_contact(bob)
    world.post(team, bob, text="here")
    report = lab.load(user_details=True)
    assert statuses(lab) == {ann: ("ok", "Ann", None), bob: ("out_of_range", None, 41050)}
    assert report.users is not None
    assert (report.users.told, report.users.missing, report.exit_code) == (1, 1, 0)
    world.hide_contact(ann)
    world.advance(WEEK_S)
    lab.load(user_details=True)
    assert asked(lab) == [[ann]]
    assert statuses(lab)[ann] == ("out_of_range", "Ann", 41050)
    world.hide_contact(bob, False)
    world.advance((MISSING_PERIODS - 1) * WEEK_S)
    lab.load(user_details=True)
    assert asked(lab) == [[bob]]
    assert statuses(lab)[bob] == ("ok", "Bob", None)


def test_a_request_that_one_person_spoils_is_halved(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The other documented reading: the code comes and does not say whom it means."""
    world.switches = Switches(out_of_range="refused")
    people = [world.add_user(f"Person {number}") for number in range(59)]
    for person in people:
        world.post(team, person, text="here")
    hidden = people[7], people[40]
    for person in hidden:
        world.hide_contact(person)
    report = lab.load(user_details=True)
    found = statuses(lab)
    assert found.keys() == {ann, *people}
    refused = {person for person, told in found.items() if told[0] == "out_of_range"}
    assert refused == set(hidden)
    assert report.users is not None
    assert (report.users.told, report.users.missing) == (58, 2)
    assert len(asked(lab)) <= 2 + 2 * 2 * 6  # each costs both halves, six times
    world.advance(60)
    lab.load(user_details=True)
    assert asked(lab) == []


def test_a_missing_scope_is_told_and_costs_one_request(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Messages are loaded; nobody is recorded, so the scope's first load asks for all."""
    world.scopes -= {CONTACT_SCOPE}
    message = world.post(team, ann, text="here")
    report = lab.load(user_details=True)
    assert (report.exit_code, lab.message_ids(), len(asked(lab))) == (0, {message}, 1)
    (warning,) = report.warnings
    assert warning.startswith(
        "not all people were asked for: Could not get the details of 1 people"
    )
    assert CONTACT_SCOPE in warning
    assert lab.rows("users") == []
    world.scopes |= {CONTACT_SCOPE}
    assert lab.load(user_details=True).warnings == []
    assert statuses(lab).keys() == {ann}


@pytest.mark.parametrize("fault", ["html_502", "unknown_code", "cut_json"])
def test_trouble_ends_the_asking_and_not_the_load(
    lab: Lab, world: World, ann: str, team: str, fault: str
) -> None:
    """The next load asks for the rest."""
    world.post(team, ann, text="here")
    lab.sandbox.inject(Fault(fault, path=USERS, times=None))
    report = lab.load(user_details=True)
    assert (report.exit_code, lab.rows("users"), len(report.warnings)) == (0, [], 1)
    lab.sandbox.clear_faults()
    lab.load(user_details=True)
    assert statuses(lab) == {ann: ("ok", "Ann", None)}


@pytest.mark.parametrize("open_id", [["ou_1"], {"id": "ou_1"}])
def test_an_item_whose_open_id_is_no_text_is_nobody(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch, open_id: Any
) -> None:
    """The others are told of as ever, and the load does not end."""

    def users(*arguments: Any) -> list[dict[str, Any]]:
        return [{"open_id": open_id, "name": "Nobody"}, *users_of(*arguments)]

    monkeypatch.setattr("feishu_source.sandbox.endpoints.users_of", users)
    world.post(team, ann, text="here")
    assert lab.load(user_details=True).exit_code == 0
    assert statuses(lab) == {ann: ("ok", "Ann", None)}


def test_a_used_up_quota_ends_the_load_with_its_messages(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """As it does wherever it is met; the account says so."""
    message = world.post(team, ann, text="here")
    lab.sandbox.inject(Fault("quota", path=USERS, times=None))
    with pytest.raises(StopError):
        lab.load(user_details=True)
    assert lab.message_ids() == {message}
    (run,) = lab.rows("sync_runs")
    assert run["exit_code"] == 1


def test_a_bound_on_requests_leaves_people_to_the_next_load(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """What is new is read first; who was never asked for comes before those who were."""
    people = sorted(world.add_user(f"Person {number:03}") for number in range(120))
    for person in people:
        world.post(team, person, text="here")
    lab.load()
    report = lab.load(user_details=True, max_requests=7, workers=1)
    assert report.users is not None
    assert report.users.ended is not None
    assert len(lab.rows("users")) == 100  # a token, the list and three pages leave two requests
    lab.load(user_details=True)
    assert len(lab.rows("users")) == 121


def test_a_name_that_the_contacts_tell_is_a_name_seen(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """With senders' names off and Ann no member any more, the contacts know her new name."""
    world.post(team, ann, text="here")
    lab.load()
    world.remove_member(team, ann)
    world.advance(DAY_S)
    world.rename_user(ann, "Anna")
    lab.load(user_details=True, with_sender_name=False, rungs="off")
    assert [(name, now) for name, *_, now in names(lab, ann)] == [("Ann", False), ("Anna", True)]
    (row,) = view(lab, "people")
    assert (row["name"], row["kind"], row["is_member"]) == ("Anna", "user", False)
