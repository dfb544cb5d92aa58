"""Which chats a check asks for, how many of them, and what 230027 means of one."""

from __future__ import annotations

import pytest

from feishu_source.doctor.asking import MOST_LIST_PAGES, MOST_NAMED, MOST_TRIED, sample
from feishu_source.sandbox import Fault, Switches, World
from tests.examined import (
    GROUP_SCOPE,
    MEMBERS,
    amiss,
    begin_thread,
    examine,
    keys,
    skipped_by,
    the,
    user_token,
)
from tests.lab import MESSAGES, Lab
from tests.sandbox_api import CHATS


@pytest.fixture(autouse=True)
def thread(world: World, ann: str, team: str) -> str:
    """There is one chat, and in it one thread."""
    return begin_thread(world, ann, team)


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
