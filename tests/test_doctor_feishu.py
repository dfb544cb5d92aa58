"""What Feishu answers, situation by situation, as the check tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from feishu_source.sandbox import Fault, Switches, World
from tests.examined import (
    GROUP_SCOPE,
    MEMBERS,
    USER,
    amiss,
    begin_thread,
    examine,
    fault,
    keys,
    skipped_by,
    the,
    user_token,
    without,
)
from tests.lab import MESSAGES, Lab
from tests.sandbox_api import CHATS

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
CHAT = "/open-apis/im/v1/chats/:chat_id"
SCOPES = "/open-apis/application/v6/scopes"

BEHIND_THE_DOOR = {
    *("scopes", "bot", "chat_list", "selection", "chat_details", "chat_members"),
    *("group_messages", "chats", "threads", "parameters", "rate_limit"),
}


@pytest.fixture(autouse=True)
def thread(world: World, ann: str, team: str) -> str:
    """There is one chat, and in it one thread."""
    return begin_thread(world, ann, team)


def test_all_is_well(lab: Lab) -> None:
    """Every check is made, none finds anything; each request is counted."""
    report = examine(lab)
    assert keys(report) == [
        *("versions.ok", "settings.ok", "host.here", "setting_names.ok", "lock.free"),
        *("working_folder.new", "destination.new", "state.none", "connection.ok"),
        *("credentials.app", "clock.ok", "quota.unknown_rest", "scopes.ok", "bot.on"),
        *("chat_list.ok", "selection.all", "chat_details.ok", "chat_members.ok"),
        *("group_messages.read", "chats.all", "threads.ok", "parameters.ok", "rate_limit.ok"),
    ]
    assert report.exit_code == 0
    assert sum(report.requests.values()) == len(lab.sandbox.requests) == 7
    assert report.requests[f"POST {TOKEN}"] == 1


def test_nothing_is_written_to_the_tenant(lab: Lab, world: World) -> None:
    """The token is posted for, all else is read; the tenant's truth is the same afterwards."""
    before = world.truth()
    examine(lab)
    assert [r.path for r in lab.sandbox.requests if r.method != "GET"] == [TOKEN]
    assert world.truth() == before


@dataclass(frozen=True)
class Case:
    """What happens, what is amiss then, the exit code, and the code of the first finding."""

    happens: Callable[[Lab, str], object]
    amiss: list[str]
    exit_code: int
    code: int | None = None


CASES = {
    "bot off": Case(
        lambda lab, _: setattr(lab.world, "bot_ability", False), ["bot.off"], 1, 232025
    ),
    "bot off for messages": Case(fault("bot_ability_off", MESSAGES), ["bot.off"], 1, 230006),
    "no scope for chats": Case(
        without("im:chat", "im:chat:readonly", "im:chat:read"), ["chat_list.refused"], 1, 99991672
    ),
    "no scope for messages": Case(
        without("im:message", "im:message:readonly", "im:message.history:readonly"),
        ["chats.stopped"],
        1,
        99991672,
    ),
    "no scope for members": Case(
        without("im:chat", "im:chat:readonly", "im:chat.members:read"),
        ["chat_members.refused"],
        0,
        99991672,
    ),
    "no scope for details": Case(
        fault("missing_scope", CHAT), ["chat_details.refused"], 0, 99991672
    ),
    "details lost": Case(fault("internal_2200", CHAT), ["chat_details.lost"], 0, 2200),
    "members lost": Case(fault("html_502", MEMBERS), ["chat_members.lost"], 0),
    "quota": Case(
        lambda lab, _: setattr(lab.world, "quota_used_up", True), ["quota.used_up"], 1, 99991403
    ),
    "address": Case(
        lambda lab, _: setattr(lab.world, "ip_allowed", False), ["chat_list.refused"], 1, 99991401
    ),
    "list unreachable": Case(fault("html_502", CHATS), ["chat_list.refused"], 1),
    "restricted": Case(
        lambda lab, chat: lab.world.restrict(chat), ["chats.some", "chat.refused"], 3, 231203
    ),
    "unknown code": Case(
        fault("unknown_code", MESSAGES), ["chats.some", "chat.refused"], 3, 987654
    ),
    "messages unreachable": Case(
        fault("reset_connection", MESSAGES), ["chats.some", "chat.refused"], 3
    ),
    "no group scope": Case(
        without(GROUP_SCOPE), ["group_messages.missing", "chats.some", "chat.no_scope"], 3, 230027
    ),
    "refused all the same": Case(
        lambda lab, chat: lab.world.refuse_messages(chat, 230027),
        ["chats.some", "chat.unexplained"],
        3,
        230027,
    ),
    "rate limit": Case(
        lambda lab, _: lab.sandbox.inject(Fault("rate_limited", SCOPES)), ["rate_limit.met"], 0
    ),
    "sender names refused": Case(
        lambda lab, _: setattr(lab.sandbox, "switches", Switches(accept_with_sender_name=False)),
        ["parameters.dropped"],
        0,
    ),
    "hidden thread": Case(
        lambda lab, _: lab.world.hide_thread(next(iter(lab.world.threads))),
        ["threads.invisible"],
        0,
        230073,
    ),
    "no time told": Case(
        lambda lab, _: setattr(lab.sandbox, "switches", Switches(date_header=False)),
        ["clock.untold"],
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_trouble_is_told_where_it_belongs(lab: Lab, team: str, name: str) -> None:
    """With Feishu's code, its log id, and an exit code as a load would have."""
    case = CASES[name]
    case.happens(lab, team)
    report = examine(lab, back_off_base_s=0.0)
    assert (amiss(report), report.exit_code) == (case.amiss, case.exit_code)
    codes = [f.error.code for f in report.findings if f.error and f.level != "skipped"]
    assert (codes[0] if codes else None) == case.code
    assert sum(report.requests.values()) == len(lab.sandbox.requests)
    for finding in report.findings:
        if finding.error and finding.error.code:
            assert finding.error.log_id
            assert finding.to_dict("en")["code"] == finding.error.code


def test_a_wrong_secret_ends_it_at_the_door(lab: Lab) -> None:
    """Nothing behind can be asked, and each check says why; it is asked for once."""
    report = examine(lab, app_secret="another")
    assert (amiss(report), report.exit_code) == (["credentials.refused"], 1)
    assert skipped_by(report, "credentials") == {"clock", "quota", *BEHIND_THE_DOOR}
    assert report.requests == {f"POST {TOKEN}": 1}


@pytest.mark.parametrize("name", ["html_502", "html_200", "reset_connection", "redirect_307"])
def test_an_answer_that_is_not_feishus_is_about_the_connection(lab: Lab, name: str) -> None:
    """A gateway, a sign-in page, a broken connection, a redirect: nothing is said of the secret."""
    lab.sandbox.inject(Fault(name, path=TOKEN, times=None))
    report = examine(lab, back_off_base_s=0.0)
    assert (amiss(report), report.exit_code) == (["connection.lost"], 1)
    assert skipped_by(report, "connection") == {"credentials", "clock", "quota", *BEHIND_THE_DOOR}
    assert len(lab.sandbox.requests) <= 2


@pytest.mark.parametrize(("name", "code"), [("rate_limited", 99991400), ("internal_2200", 2200)])
def test_an_answer_that_says_nothing_of_the_secret(lab: Lab, name: str, code: int) -> None:
    """Feishu answers, and has not looked at it."""
    lab.sandbox.inject(Fault(name, path=TOKEN, times=None))
    report = examine(lab, back_off_base_s=0.0)
    found = the(report, "connection.turned_away")
    assert (amiss(report), found.error and found.error.code) == (["connection.turned_away"], code)


def test_a_port_where_nobody_listens(lab: Lab) -> None:
    """Counted all the same: two attempts."""
    report = examine(lab, base_url="http://127.0.0.1:9", back_off_base_s=0.0)
    assert amiss(report) == ["connection.lost"]
    assert report.requests == {f"POST {TOKEN}": 2}
    lost = the(report, "connection.lost")
    assert lost.details("en") == ["Reason: the connection was refused (NewConnectionError)."]
    assert lost.details("zh") == ["原因：连接被拒绝（NewConnectionError）。"]


def test_a_users_token_is_told_as_one(lab: Lab) -> None:
    """It cannot list scopes; all else is asked as for an app."""
    report = examine(lab, **user_token(lab))
    assert amiss(report) == []
    assert {"credentials.user", "scopes.user", "group_messages.read"} <= set(keys(report))


def test_an_old_user_token_is_refused_by_the_first_question(lab: Lab) -> None:
    """Which is the chat list."""
    report = examine(lab, **USER, user_access_token="u-expired")
    assert amiss(report) == ["credentials.refused"]
    assert the(report, "credentials.refused").next_step("en") == (
        "Give a fresh user_access_token, or app_id and app_secret, which are renewed by themselves."
    )
    assert report.requests == {f"GET {CHATS}": 1}


def test_a_user_is_refused_by_a_gateway(lab: Lab) -> None:
    """The first question meets it, so the connection is to blame."""
    lab.sandbox.inject(Fault("html_502", path=CHATS, times=None))
    report = examine(lab, **user_token(lab), back_off_base_s=0.0)
    assert amiss(report) == ["connection.lost"]


@pytest.mark.parametrize("off_s", [-3_600, 61, 86_400 * 365])
def test_a_clock_that_is_off_is_a_warning(lab: Lab, off_s: int) -> None:
    """To either side; a load takes its end from the server, so it would not mind."""
    report = examine(lab, clock=lambda: lab.world.now_ms / 1_000 - off_s)
    assert (amiss(report), report.exit_code) == (["clock.off"], 0)
    assert abs(the(report, "clock.off").values["seconds"] - abs(off_s)) <= 1


def test_a_clock_that_is_nearly_right_is_right(lab: Lab) -> None:
    """A minute is what programs get along with."""
    report = examine(lab, clock=lambda: lab.world.now_ms / 1_000 + 59)
    assert the(report, "clock.ok").values["seconds"] in (58, 59)
