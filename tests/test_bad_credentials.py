"""Who asks is not let in: what the command line says, and what a load leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from feishu_source.cli import main
from feishu_source.errors import CredentialsRefused, StopError
from feishu_source.sandbox import Fault, World
from tests.cli_tenant import Tenant, tenant, workplace
from tests.lab import DAY_S, MESSAGES, Lab

__all__ = ["tenant", "workplace"]

CHAT_SCOPES = {"im:chat", "im:chat:readonly", "im:chat:read"}
MESSAGE_SCOPES = {"im:message", "im:message:readonly", "im:message.history:readonly"}
COMPARE = "Compare app_id and app_secret with the app's page in the developer console"
PUBLISH = "publish a new version"


@dataclass(frozen=True)
class Case:
    """What is set or taken away, and what has to be said about it."""

    settings: dict[str, str]
    kind: str
    code: int
    words: str
    next_step: str
    spoil: Callable[[World], object] = lambda world: None


CASES = {
    "wrong secret": Case(
        {"APP_SECRET": "a-wrong-secret"}, "CredentialsRefused", 10015, "app secret invalid", COMPARE
    ),
    "unknown app": Case(
        {"APP_ID": "cli_unknown"}, "CredentialsRefused", 10014, "app id not exists", COMPARE
    ),
    "malformed app": Case(
        {"APP_ID": "my"},
        "CredentialsRefused",
        10003,
        'invalid param"). The app_id does not begin with cli_, as app ids do.',
        COMPARE,
    ),
    "old user token": Case(
        {"USER_ACCESS_TOKEN": "u-expired-long-ago"},
        "CredentialsRefused",
        99991668,
        "Invalid access token for authorization.",
        "Give a fresh user_access_token, or app_id and app_secret",
    ),
    "no scope for chats": Case(
        {},
        "ScopeMissing",
        99991672,
        "Details: im:chat; im:chat:readonly; im:chat:read.",
        PUBLISH,
        lambda world: world.scopes.difference_update(CHAT_SCOPES),
    ),
    "no scope for messages": Case(
        {},
        "ScopeMissing",
        99991672,
        "Details: im:message; im:message:readonly; im:message.history:readonly.",
        PUBLISH,
        lambda world: world.scopes.difference_update(MESSAGE_SCOPES),
    ),
    "no bot": Case(
        {},
        "StopError",
        232025,
        "Bot ability is not activated.",
        "Switch the bot ability on",
        lambda world: setattr(world, "bot_ability", False),
    ),
    "foreign address": Case(
        {},
        "StopError",
        99991401,
        "deny by ip settings",
        "Add the outgoing IP address",
        lambda world: setattr(world, "ip_allowed", False),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_load_says_why_and_what_to_do(
    tenant: Tenant,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1; code, Feishu's words, next step and log id stand in one line."""
    case = CASES[name]
    for setting, value in case.settings.items():
        monkeypatch.setenv(f"SOURCES__FEISHU__{setting}", value)
    case.spoil(tenant.world)
    assert main(["--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    error = told["error"]
    assert (told["exit_code"], error["kind"], error["code"]) == (1, case.kind, case.code)
    assert (told["report"]["exit_code"], told["report"]["messages"]) == (1, 0)
    assert f"(code {case.code}, " in error["message"]
    assert case.words in error["message"]
    assert case.next_step in error["message"].partition(" Next step: ")[2]
    assert error["advice_en"] in error["message"]
    assert error["advice_zh"]
    assert error["message"].endswith(f"Log id: {error['log_id']}")


@pytest.mark.parametrize("path", ["/open-apis/im/v1/chats", MESSAGES])
def test_token_that_is_refused_again_and_again_is_renewed_once(lab: Lab, path: str) -> None:
    """A renewed token that is refused as well ends the load: two tokens, two requests."""
    lab.world.add_chat(name="Team")
    lab.sandbox.inject(Fault("token_revoked", path=path, times=None))
    with pytest.raises(CredentialsRefused) as refused:
        lab.load()
    assert (refused.value.code, lab.sandbox.count(code=99991663)) == (99991663, 2)
    assert lab.sandbox.count("/open-apis/auth") == 2


def test_refused_loads_stand_in_the_way_of_nothing(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Before the first load and after it: a right secret goes on where the last one ended."""
    world.post(team, ann, text="first")
    world.advance(DAY_S)
    with pytest.raises(CredentialsRefused):
        lab.load(app_secret="wrong")
    assert lab.load().exit_code == 0
    before = lab.rows("sync_coverage")
    world.advance(DAY_S)
    world.post(team, ann, text="second")
    world.bot_ability = False
    with pytest.raises(StopError):
        lab.load()
    assert lab.rows("sync_coverage") == before
    runs = sorted(lab.rows("sync_runs"), key=lambda row: row["started_at"])
    assert [(row["exit_code"], row["messages"]) for row in runs] == [(0, 1), (1, 0)]
    world.bot_ability = True
    report = lab.load(rungs="off")
    assert (report.exit_code, report.messages, report.new) == (0, 1, 1)
    lab.assert_equals_truth()


def test_missing_scope_for_members_is_a_warning(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Messages need no list of members: it is left out, told once, and read a day later."""
    world.add_chat(name="Other", member_ids=[ann])
    world.post(team, ann, text="first")
    scopes = set(world.scopes)
    world.scopes -= {"im:chat", "im:chat:readonly", "im:chat.members:read"}
    world.scopes.add("im:chat:read")
    report = lab.load(workers=1)
    assert (report.exit_code, report.chats_complete, report.new) == (0, 2, 1)
    (warning,) = report.warnings
    assert warning.startswith("chat members left out where refused: Could not list members of chat")
    assert "code 99991672" in warning
    assert "im:chat.members:read" in warning
    assert lab.rows("chat_members") == []
    world.scopes |= scopes
    world.advance(DAY_S)
    assert lab.load().warnings == []
    lab.assert_equals_truth()


@pytest.mark.usefixtures("workplace")
def test_without_configuration_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and no database that would have to be deleted again."""
    assert main(["--json", "--pipelines-dir", "state"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["exit_code"], told["error"]["kind"]) == (2, "ConfigurationError")
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".duckdb", ".lock")] == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("APP_SECRET", "", "app_secret is empty: set it in .dlt/secrets.toml"),
        ("APP_SECRET", "two words", "app_secret holds white space or characters outside ASCII"),
        ("APP_ID", "应用", "app_id holds white space or characters outside ASCII"),
        ("USER_ACCESS_TOKEN", "Bearer u-1", "must be given without the word Bearer"),
    ],
)
def test_credentials_that_cannot_be_any_are_never_sent(
    tenant: Tenant,
    setting: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and the setting's name, without its value."""
    monkeypatch.setenv(f"SOURCES__FEISHU__{setting}", value)
    assert main([]) == 2
    written = "".join(capsys.readouterr())
    assert said in written
    assert not value or value not in written
    assert tenant.sandbox.requests == []
