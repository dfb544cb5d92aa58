"""The stored state goes forward through versions, and belongs to one app on one host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feishu_source.coverage import ChatState, OpenWalk
from feishu_source.errors import ConfigurationError
from feishu_source.state import MIGRATIONS, STATE_VERSION, open_state

DATA = Path(__file__).parent / "data"
OWNER = {"base_url": "https://open.feishu.cn", "app_id": "cli_a1"}


def _stored(version: int) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((DATA / f"state_{version}.json").read_text("utf-8"))
    return state


@pytest.mark.parametrize("version", range(1, STATE_VERSION + 1))
def test_state_of_every_version_ever_written_still_makes_its_claims(version: int) -> None:
    """A file each: who changes what is stored adds a version, its migration and its file."""
    claims = open_state(_stored(version), OWNER)
    assert {chat_id: ChatState.from_dict(claim) for chat_id, claim in claims.items()} == {
        "oc_finished": ChatState(
            covered_from_s=0,
            covered_until_s=1767225600,
            threads_covered=True,
            swept_s={"86400": 1767225600, "604800": 1767139200},
            hot_threads={"omt_hot": 1767220000123, "omt_owed": 0},
            root_times_ms={"omt_hot": 1766220000123},
            hot_since_ms=1766000000000,
            polled_s=1767225600,
            resets=1 if version >= 3 else None,
        ),
        "oc_under_way": ChatState(
            covered_from_s=0,
            covered_until_s=1700000000,
            walks={"first": OpenWalk("first", 0, 1700000000, 1767225600, 1767225600, True)},
            flat=True,
        ),
    }


def test_claims_are_stored_in_the_form_of_the_newest_version() -> None:
    """So the file of that version cannot fall behind the code."""
    stored = _stored(STATE_VERSION)
    claims = open_state(json.loads(json.dumps(stored)), OWNER)
    written = {chat_id: ChatState.from_dict(claim).to_dict() for chat_id, claim in claims.items()}
    assert written == stored["chats"]


def test_every_older_version_has_its_migration() -> None:
    """One step each, none left out."""
    assert list(MIGRATIONS) == list(range(1, STATE_VERSION))


def test_state_goes_forward_one_step_after_the_other() -> None:
    """From whatever version wrote it to this one."""
    steps: list[int] = []
    migrations = {n: lambda state, n=n: steps.append(n) for n in range(1, 5)}
    state = {"version": 2, "chats": {"oc_1": {}}}
    assert open_state(state, OWNER, version=5, migrations=migrations) == {"oc_1": {}}
    assert (steps, state["version"]) == ([2, 3, 4], 5)


def test_open_sweep_of_before_the_rungs_lies_before_what_is_covered() -> None:
    """Version 1 called two walks `sweep`; one that ends behind that stays one of rungs."""
    walk = {"kind": "sweep", "start_s": 0, "at_s": 30, "stop_s": 50, "as_of_s": 90, "threads": True}
    rungs = walk | {"start_s": 50, "at_s": 60, "stop_s": 80}
    covered = {"covered_from_s": 50, "covered_until_s": 90}
    chats = {"oc_past": covered | {"walks": {"sweep": walk}}}
    chats["oc_rungs"] = covered | {"walks": {"sweep": rungs}}
    claims = open_state({**OWNER, "version": 1, "chats": chats}, OWNER)
    assert {chat_id: claim["walks"] for chat_id, claim in claims.items()} == {
        "oc_past": {"past": walk | {"kind": "past"}},
        "oc_rungs": {"sweep": rungs},
    }


def test_new_state_needs_no_migration() -> None:
    """It is the owner's, and of this version."""
    state: dict[str, Any] = {}
    assert open_state(state, OWNER, version=5) == {}
    assert state == {**OWNER, "version": 5, "chats": {}}


def test_newer_state_is_refused() -> None:
    """This version would not know what it claims."""
    with pytest.raises(ConfigurationError, match=r"newer version.*state 2, this one knows 1"):
        open_state({"version": 2}, OWNER, version=1)


@pytest.mark.parametrize(
    ("name", "other"), [("app_id", "cli_b2"), ("base_url", "https://open.larksuite.com")]
)
def test_state_of_another_app_or_host_is_refused(name: str, other: str) -> None:
    """Nothing is changed in it."""
    state = _stored(1)
    with pytest.raises(ConfigurationError, match=other):
        open_state(state, {**OWNER, name: other})
    assert state == _stored(1)
