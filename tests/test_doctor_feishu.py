"""What Feishu answers, situation by situation, as the check tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from feishu_source.doctor.asking import MOST_LIST_PAGES, MOST_NAMED, MOST_TRIED, sample
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE
from tests.examined import amiss, examine, keys, skipped_by, the
from tests.lab import MESSAGES, Lab

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
CHATS = "/open-apis/im/v1/chats"
CHAT = "/open-apis/im/v1/chats/:chat_id"
MEMBERS = "/open-apis/im/v1/chats/:chat_id/members"
SCOPES = "/open-apis/application/v6/scopes"
GROUP_SCOPE = "im:message.group_msg"

BEHIND_THE_DOOR = {
    *("scopes", "bot", "chat_list", "selection", "chat_details", "chat_members"),
    *("group_messages", "chats", "threads", "parameters", "rate_limit"),
}
USER = {"app_id": None, "app_secret": None}


@pytest.fixture(autouse=True)
def thread(world: World, ann: str, team: str) -> str:
    """There is one chat, and in it one thread."""
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    return str(world.thread_id_of(root))


def fault(name: str, path: str | None = None, **more: Any) -> Callable[[Lab, str], None]:
    """Something goes wrong with every request to that path."""
    return lambda lab, _: lab.sandbox.inject(Fault(name, path=path, times=None, **more))


def without(*scopes: str) -> Callable[[Lab, str], None]:
    """The app lacks these scopes."""
    return lambda lab, _: lab.world.scopes.difference_update(scopes)


def user_token(lab: Lab) -> dict[str, Any]:
    """A ready-made token instead of an app."""
    return {**USER, "user_access_token": lab.sandbox.user_access_token}


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


BATCH = MESSAGES + "/reactions/batch_query"
PINS = "/open-apis/im/v1/pins"
WANTED: dict[str, Any] = {"pins": True, "reactions": True}


def test_reactions_and_pins_are_looked_at_where_they_are_wanted(lab: Lab) -> None:
    """A request each; none, and no finding, where they are not."""
    report = examine(lab, **WANTED)
    told = [key for key in keys(report) if "pins" in key or "reactions" in key]
    assert told == ["chat_pins.ok", "reactions.ok"]
    assert (lab.sandbox.count(BATCH), lab.sandbox.count(PINS)) == (1, 1)
    examine(lab)
    assert (lab.sandbox.count(BATCH), lab.sandbox.count(PINS)) == (0, 0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing_scope", ["chat_pins.refused", "reactions.refused"]),
        ("html_502", ["chat_pins.lost", "reactions.lost"]),
    ],
)
def test_reactions_and_pins_that_cannot_be_had_are_warnings(
    lab: Lab, name: str, told: list[str]
) -> None:
    """The scopes are named; a load goes ahead without."""
    for path in (BATCH, PINS):
        lab.sandbox.inject(Fault(name, path=path, times=None))
    report = examine(lab, **WANTED)
    assert (amiss(report), report.exit_code) == (told, 0)
    if name == "missing_scope":
        for kind, key in (("pins", "chat_pins.refused"), ("reactions", "reactions.refused")):
            step = the(report, key).next_step("en")
            assert f"im:message.{kind}:read" in (step or "")


CONTEXT = [f"{CHATS}/:chat_id/chat_tabs/list_tabs", f"{CHATS}/:chat_id/announcement"]


def test_tabs_and_the_announcement_are_looked_at_where_they_are_wanted(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Of either form; no finding and no request where they are not."""
    world.scopes |= {"im:chat:readonly"}
    ok, refused = "announcement.ok", "announcement.refused"
    forms: tuple[tuple[Literal["doc", "docx"], str], ...] = (("doc", ok), ("docx", refused))
    for form, told in forms:
        world.announce(team, ann, form=form)
        report = examine(lab, chat_context=True)
        found = [key for key in keys(report) if "tabs" in key or "announce" in key]
        assert (found, report.exit_code) == (["chat_tabs.ok", told], 0)
    step = the(report, refused).next_step("en")
    assert "im:chat.announcement:read" in (step or "")
    examine(lab)
    ends = ("/list_tabs", "/announcement")
    assert not [each for each in lab.sandbox.requests if each.path.endswith(ends)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing_scope", ["chat_tabs.refused", "announcement.refused"]),
        ("html_502", ["chat_tabs.lost", "announcement.lost"]),
    ],
)
def test_tabs_and_an_announcement_that_cannot_be_had_are_warnings(
    lab: Lab, name: str, told: list[str]
) -> None:
    """The scopes are named; a load goes ahead without."""
    for path in CONTEXT:
        lab.sandbox.inject(Fault(name, path=path, times=None))
    report = examine(lab, chat_context=True)
    assert (amiss(report), report.exit_code) == (told, 0)
    if name == "missing_scope":
        for key, scope in zip(
            told, ("im:chat.tabs:read", "im:chat.announcement:read"), strict=True
        ):
            assert scope in (the(report, key).next_step("en") or "")


def test_without_a_message_nobody_tells_whether_reactions_can_be_read(
    lab: Lab, world: World
) -> None:
    """There is nothing to ask about."""
    for message in world.messages:
        world.remove(world.id_of(message))
    assert "reactions.none" in keys(examine(lab, **WANTED))


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


# Which chats


def test_no_chat_is_a_warning(lab: Lab, world: World, team: str) -> None:
    """As for a load, which ends with 0; the scope for groups is judged by what was granted."""
    world.leave(team)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["chat_list.none"], 0)
    assert "group_messages.granted" in keys(report)
    assert skipped_by(report, "chat_list") == {
        *("selection", "chat_details", "chat_members", "chats")
    }


def test_no_chat_and_no_scope_for_groups(lab: Lab, world: World, team: str) -> None:
    """Both are told at once, before the first group is joined."""
    world.leave(team)
    world.scopes.remove(GROUP_SCOPE)
    assert amiss(examine(lab)) == ["chat_list.none", "group_messages.missing"]


def test_a_choice_that_leaves_none_is_a_warning(lab: Lab) -> None:
    """No message is asked for."""
    report = examine(lab, include=["nothing like it"])
    assert amiss(report) == ["selection.none"]
    assert lab.sandbox.count(MESSAGES) == 0


def test_threads_that_are_switched_off_are_not_asked_for(lab: Lab) -> None:
    """One request less."""
    report = examine(lab, threads=False)
    assert "threads.off" in keys(report)
    assert lab.sandbox.count(MESSAGES) == 1


def test_no_thread_among_the_newest_messages(lab: Lab, world: World, ann: str) -> None:
    """Said, and not counted as a thread that was read."""
    quiet = world.add_chat(name="Quiet")
    world.post(quiet, ann, text="no thread")
    assert "threads.none" in keys(examine(lab, chat_ids=[quiet]))


def test_a_thread_that_is_refused_for_another_reason(lab: Lab, thread: str) -> None:
    """It would make its chat incomplete."""
    lab.sandbox.inject(Fault("unknown_code", thread_id=thread, times=None))
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["threads.refused"], 3)


USERS = "/open-apis/contact/v3/users/batch"


def hide_everybody(lab: Lab, _: str) -> None:
    """The app's range of contacts holds nobody."""
    for person in lab.world.users:
        lab.world.hide_contact(person)


NOTHING_OF_PEOPLE: dict[str, tuple[Callable[[Lab, str], None], str, int | None]] = {
    "no scope": (without(CONTACT_SCOPE), "user_details.refused", 99991672),
    "out of range": (
        hide_everybody,
        "user_details.out_of_range",
        None,
    ),
    "out of range, said so": (
        fault("unknown_code", USERS, code=41050),
        "user_details.out_of_range",
        41050,
    ),
    "lost": (fault("html_502", USERS), "user_details.lost", None),
}


def test_details_of_people_are_tried_where_they_are_wanted(lab: Lab, world: World) -> None:
    """One request more, which tells the fields that come; scopes of people are of use then."""
    world.scopes |= {CONTACT_SCOPE, "contact:user.base:readonly"}
    asked = sum(examine(lab).requests.values())
    assert lab.sandbox.count(USERS) == 0
    report = examine(lab, user_details=True)
    assert sum(report.requests.values()) == asked + 1
    assert the(report, "user_details.ok").values["fields"] == "union_id, name"
    assert CONTACT_SCOPE in the(report, "scopes.ok").values["granted"]
    assert (amiss(report), report.exit_code) == ([], 0)


@pytest.mark.parametrize("case", NOTHING_OF_PEOPLE)
def test_what_is_amiss_with_details_of_people(lab: Lab, world: World, team: str, case: str) -> None:
    """A warning, for messages are loaded all the same."""
    happens, key, code = NOTHING_OF_PEOPLE[case]
    world.scopes |= {CONTACT_SCOPE, "contact:user.base:readonly"}
    happens(lab, team)
    report = examine(lab, user_details=True)
    assert (amiss(report), report.exit_code) == ([key], 0)
    error = the(report, key).error
    assert (error and error.code) == code


def test_details_of_people_wait_for_a_member(lab: Lab) -> None:
    """Nobody else's id is known to a check."""
    lab.sandbox.inject(Fault("missing_scope", path=MEMBERS, times=None))
    report = examine(lab, user_details=True)
    assert skipped_by(report, "chat_members") == {"user_details"}
    lab.world.bot_ability = False
    assert "user_details.skipped" in keys(examine(lab, user_details=True))


def test_many_chats_cost_a_bounded_number_of_requests(lab: Lab, world: World) -> None:
    """Some are tried, spread over the list, and their number is told."""
    for number in range(40):
        world.add_chat(name=f"chat {number}")
    report = examine(lab)
    assert lab.sandbox.count(MESSAGES) == MOST_TRIED + 1  # and a thread
    found = the(report, "chats.all")
    assert (found.values["chats"], found.values["read"]) == (41, MOST_TRIED)


def test_a_very_long_list_is_not_read_to_its_end(lab: Lab, world: World) -> None:
    """A thousand chats are enough to know."""
    for number in range(MOST_LIST_PAGES * 100 + 1):
        world.add_chat(name=f"chat {number}")
    report = examine(lab)
    assert the(report, "chat_list.long").values["chats"] == MOST_LIST_PAGES * 100
    assert lab.sandbox.count(CHATS, code=0) == MOST_LIST_PAGES + 2  # and details, and members


def test_named_chats_are_all_tried(lab: Lab, world: World, team: str) -> None:
    """Listed or not: a chat between two people is in no list."""
    tom = world.add_user("Tom")
    p2p = world.add_chat(None, mode="p2p", member_ids=[tom])
    world.add_chat(name="not named")
    report = examine(lab, chat_ids=[p2p, team])
    found = the(report, "chats.all")
    assert (found.values["chats"], found.values["read"]) == (2, 2)
    assert MOST_NAMED > MOST_TRIED


def test_a_chat_that_was_loaded_and_is_left_now_is_asked(lab: Lab, world: World, team: str) -> None:
    """As a load asks it, so that a removed bot is seen."""
    world.add_chat(name="Other")
    assert lab.load().exit_code == 0
    world.leave(team)
    report = examine(lab)
    assert (amiss(report), report.exit_code) == (["chats.some", "chat.outside"], 3)
    assert the(report, "chat.outside").chat_id == team


def test_a_sample_is_spread_and_begins_with_the_first() -> None:
    """In their order, none twice."""
    ids = [str(number) for number in range(95)]
    chosen = sample(ids, 10)
    assert (chosen[0], len(set(chosen)), chosen) == ("0", 10, sorted(chosen, key=int))
    assert int(chosen[-1]) > 80
    assert sample(ids[:3], 10) == ids[:3]


def test_tolerated_codes_do_not_make_it_incomplete(lab: Lab, world: World, team: str) -> None:
    """Told as warnings all the same."""
    world.restrict(team)
    report = examine(lab, tolerate=[231203])
    assert (amiss(report), report.exit_code) == (["chats.some", "chat.refused"], 0)
    world.restrict(team, False)
    world.scopes.remove(GROUP_SCOPE)
    assert examine(lab, tolerate=[230027]).exit_code == 0


# 230027: which of the two


def test_230027_where_scopes_cannot_be_listed_and_feishu_names_the_scope(
    lab: Lab, world: World, team: str
) -> None:
    """`permission_violations` is as good as the list."""
    lab.sandbox.switches = Switches(scopes_open=False)
    world.scopes.remove(GROUP_SCOPE)
    report = examine(lab)
    assert amiss(report) == ["group_messages.missing", "chats.some", "chat.no_scope"]
    assert "scopes.refused" in keys(report)
    assert (
        the(report, "group_messages.missing")
        .to_dict("en")["links"][0]
        .startswith("https://open.feishu.cn/app/")
    )


def test_230027_of_an_external_chat(lab: Lab, world: World) -> None:
    """The scope is granted, other groups are read: it is the chat."""
    outside = world.add_chat(name="Partners", external=True)
    world.refuse_messages(outside, 230027)
    report = examine(lab)
    assert amiss(report) == ["chats.some", "chat.external"]
    assert "group_messages.read" in keys(report)


@pytest.mark.parametrize("scopes_open", [True, False])
def test_230027_of_a_chat_that_the_bot_has_left(
    lab: Lab, world: World, team: str, scopes_open: bool
) -> None:
    """`is_in_chat` answers where messages are refused: the scope is not blamed."""
    lab.sandbox.switches = Switches(scopes_open=scopes_open)
    lab.sandbox.inject(Fault("unknown_code", MESSAGES, chat_id=team, code=230027, times=None))
    world.leave(team)
    report = examine(lab, chat_ids=[team])
    found = the(report, "chat.outside")
    assert (found.error and found.error.code, found.exit_code) == (230027, 3)
    assert not {"group_messages.missing", "group_messages.likely"} & set(keys(report))


def test_230027_where_only_membership_is_known(lab: Lab, world: World, team: str) -> None:
    """The bot is in an internal chat and is refused: most likely the scope."""
    lab.sandbox.switches = Switches(scopes_open=False)
    world.refuse_messages(team, 230027)
    report = examine(lab)
    assert amiss(report) == ["group_messages.likely", "chats.some", "chat.no_scope"]
    assert report.exit_code == 3


def test_230027_where_nothing_can_be_asked(lab: Lab, world: World, team: str) -> None:
    """Neither scopes nor membership: both next steps are told, none is claimed."""
    lab.sandbox.switches = Switches(scopes_open=False)
    lab.sandbox.inject(Fault("internal_2200", path=f"{MEMBERS}/is_in_chat", times=None))
    world.refuse_messages(team, 230027)
    report = examine(lab)
    assert amiss(report) == ["chats.some", "chat.either"]
    assert "group_messages.unproven" in keys(report)


def test_230027_of_one_group_where_another_was_read(lab: Lab, world: World) -> None:
    """The scope is there, whether or not it can be listed: it is not blamed."""
    lab.sandbox.switches = Switches(scopes_open=False)
    world.refuse_messages(world.add_chat(name="Other"), 230027)
    report = examine(lab)
    assert amiss(report) == ["chats.some", "chat.unexplained"]
    assert "group_messages.read" in keys(report)


def test_what_was_never_answered_is_not_claimed(lab: Lab, world: World) -> None:
    """Of a user whose every question is refused neither clock nor quota is known."""
    world.ip_allowed = False
    report = examine(lab, **user_token(lab))
    assert amiss(report) == ["chat_list.refused"]
    assert {"clock", "quota"} <= skipped_by(report, "chat_list")
