"""Who reacted to a message: asked for in batches, replaced as a whole, never in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import pytest

from feishu_source.reaction_rows import NO_ID, reaction_rows
from feishu_source.reactions import MOST_BEHIND
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.reactions import Reaction
from tests.belt import Belt
from tests.lab import Lab
from tests.laboratory import DAY_S, MESSAGES, at

BATCH = MESSAGES + "/reactions/batch_query"
HOUR_S = 3_600
ON: dict[str, Any] = {"reactions": True}
NO_SWEEPS: dict[str, Any] = ON | {"rungs": "off"}


def batches(belt: Belt) -> list[int]:
    """How many messages each request of the last load asked about."""
    return [len(request.asked) for request in belt.sandbox.requests if request.path == BATCH]


def asked(belt: Belt) -> list[str]:
    """The messages that the last load asked about."""
    return [message_id for request in belt.sandbox.requests for message_id in request.asked]


def reactions(belt: Belt) -> list[str]:
    """The ids of all reactions that are loaded."""
    return sorted(row["reaction_id"] for row in belt.rows("message_reactions"))


def owed_from(belt: Belt, chat_id: str) -> Any:
    """From when on reactions are lacking, as `sync_coverage` tells."""
    return belt.tables["sync_coverage"][(chat_id,)]["reactions_owed_from"]


def chat_of(world: World, number: int, apart_s: float = 1) -> tuple[str, str, list[str]]:
    """Ann, a chat, and so many messages in it, to each of which she reacted."""
    ann = world.add_user("Ann")
    chat_id = world.add_chat(member_ids=[ann])
    posts = []
    for n in range(number):
        posts.append(world.post(chat_id, ann, text=f"number {n}"))
        world.react(posts[-1], ann)
        world.advance(apart_s)
    return ann, chat_id, posts


# what is asked


def test_nothing_is_asked_where_they_are_off(belt: Belt, world: World) -> None:
    """Not one request more than before, and nothing in the state."""
    _, chat_id, _ = chat_of(world, 3)
    belt.load()
    assert [request.path.rpartition("/")[2] for request in belt.sandbox.requests] == [
        *("internal", "chats", chat_id, "messages"),
    ]
    assert belt.rows("message_reactions") == []
    assert "reactions_owed" not in belt.claims[chat_id]


def test_twenty_messages_go_into_a_request_whatever_chat_they_stand_in(
    belt: Belt, world: World
) -> None:
    """30 chats of two messages, a thread of 23 in one of them: 83 messages, five requests."""
    roots = [chat_of(world, 2)[2][0] for _ in range(30)]
    for _ in range(23):
        world.react(world.reply_in_thread(roots[0], None, text="in a thread"), world.bot.user_id)
    belt.load(**ON)
    assert (sorted(batches(belt)), len(set(asked(belt)))) == ([3, 20, 20, 20, 20], 83)
    belt.assert_equals_truth()


def test_one_with_many_reactions_is_asked_about_page_by_page(belt: Belt, world: World) -> None:
    """Ten a reply; the others of its batch are not asked about again."""
    ann, _, [first, second] = chat_of(world, 2)
    for _ in range(30):
        world.react(second, ann, "OK")
    belt.load(**ON)
    assert asked(belt) == [first, second, second, second, second]
    belt.assert_equals_truth()


def test_a_warehouse_holds_what_stands_now(lab: Lab, world: World) -> None:
    """Through dlt into DuckDB: one taken back, one added, one whose message was recalled."""
    ann, _, posts = chat_of(world, 4)
    assert lab.load(**ON).exit_code == 0
    lab.assert_equals_truth()
    world.take_back(posts[0], world.reactions[world.message(posts[0]).number][0].reaction_id)
    world.react(posts[1], ann, "HEART")
    world.recall(posts[2])
    lab.sandbox.inject(Fault("html_502", path=BATCH, times=1))
    report = lab.load(**ON, attempts=1)
    assert (report.exit_code, len(lab.rows("message_reactions"))) == (0, 3)
    assert report.warnings[0].startswith("reactions to 3 messages could not be had for now")
    lab.load(**ON)
    lab.assert_equals_truth()


@pytest.mark.parametrize("listed", [True, False])
def test_one_that_is_taken_back_goes_and_a_new_one_comes(
    belt: Belt, world: World, listed: bool
) -> None:
    """With the message unchanged, and where nothing is left; a silent answer means none."""
    belt.sandbox.switches = Switches(reactions_none_listed=listed)
    _, _, posts = chat_of(world, 3)
    belt.load(**ON)
    world.take_back(posts[0], world.reactions[world.message(posts[0]).number][0].reaction_id)
    world.react(posts[1], world.bot.user_id, "HEART")
    world.advance(HOUR_S)
    belt.load(**ON)
    assert len(reactions(belt)) == 3
    belt.assert_equals_truth()


def test_a_recalled_message_loses_its_reactions_without_a_question(
    belt: Belt, world: World
) -> None:
    """Whoever recalls it does not want to be told of by them."""
    _, _, posts = chat_of(world, 2)
    belt.load(**ON)
    world.recall(posts[0])
    belt.load(**ON)
    assert asked(belt) == [posts[1]]
    belt.assert_equals_truth()


def test_old_messages_are_asked_about_by_the_rungs_and_threads_with_their_roots(
    belt: Belt, world: World
) -> None:
    """As an edit is seen, so is a reaction."""
    ann, _, [root, post] = chat_of(world, 2)
    reply = world.reply_in_thread(root, ann, text="reply")
    for _ in range(3):  # the thread cools meanwhile
        belt.load(**NO_SWEEPS)
        world.advance(10 * DAY_S)
    for message_id in (root, reply, post):
        world.react(message_id, ann, "OK")
    belt.load(**NO_SWEEPS)
    assert not {root, reply, post} & set(asked(belt))
    belt.load(**ON)
    assert set(asked(belt)) == {root, reply, post}
    belt.assert_equals_truth()


def test_a_merged_forward_that_stands_as_it_was_is_asked_about(belt: Belt, world: World) -> None:
    """Its row is left alone, its reactions are not."""
    ann, chat_id, [post] = chat_of(world, 1)
    forward = world.forward(chat_id, ann, [post])
    belt.load(**ON)
    world.react(forward, ann)
    belt.load(**ON)
    assert set(asked(belt)) == {post, forward}
    belt.assert_equals_truth()


def test_switched_off_again_they_stay_as_they_were(belt: Belt, world: World) -> None:
    """Nobody asks, and nothing is removed."""
    ann, _, posts = chat_of(world, 2)
    belt.load(**ON)
    before = reactions(belt)
    world.react(posts[0], ann)
    world.recall(posts[1])
    belt.load()
    assert (batches(belt), reactions(belt)) == ([], before)


def test_a_reaction_without_an_id_is_kept_with_the_rejected(belt: Belt, world: World) -> None:
    """The others of its message are loaded, whatever fields they bring along."""
    odd = {"reaction_type": {"emoji_type": "OK"}}
    good = {"reaction_id": "r1", "action_time": "soon", "operator": "Ann", "more": {"a": 1}}
    rows, rejected, unparsed = reaction_rows("om_1", "oc_1", 7, [odd, good, good])
    extra = '{"action_time":"soon","more.a":1,"operator":"Ann"}'
    assert rows == [("om_1", "r1", "oc_1", 7, None, None, None, None, extra, False)]
    assert (rejected, unparsed) == ([odd], 4)
    _, chat_id, [post] = chat_of(world, 1)
    number = world.message(post).number
    world.reactions[number] = [
        cast("Reaction", Nameless(world.reactions[number][0])),
        *world.reactions[number],
    ]
    belt.load(**ON)
    [row] = belt.rows("rejected_messages")
    assert (row["chat_id"], row["reason"]) == (chat_id, NO_ID)
    assert len(reactions(belt)) == 1


class Nameless:
    """A reaction that the platform sends without its id."""

    def __init__(self, reaction: Any) -> None:
        self.emoji_type = reaction.emoji_type
        self._item = {k: v for k, v in reaction.item().items() if k != "reaction_id"}

    def item(self) -> dict[str, Any]:
        """As the API sends it."""
        return self._item


# what is refused


def meanwhile(belt: Belt, chat_id: str, change: Callable[[], None]) -> None:
    """Something happens between the listing of a chat and the question for its reactions."""

    def look() -> None:
        if belt.listings(chat_id) and belt.world.on_look is not None:
            belt.world.on_look = None
            change()

    belt.world.on_look = look


def test_a_refused_batch_is_halved_until_the_message_stands_alone(belt: Belt, world: World) -> None:
    """Its old rows stay, those of the others are replaced; the chat is complete."""
    belt.sandbox.switches = Switches(reactions_refused="batch")
    ann, chat_id, posts = chat_of(world, 16)
    belt.load(**ON)
    for post in posts:
        world.react(post, ann, "OK")
    meanwhile(belt, chat_id, lambda: world.remove(posts[3]))
    assert belt.load(**ON)[chat_id] == "complete"
    assert sorted(batches(belt)) == [1, 1, 2, 2, 4, 4, 8, 8, 16]
    assert len(reactions(belt)) == 16 + 15
    assert "230110" in belt.warnings[0]


def test_where_every_message_is_refused_few_are_asked_about(belt: Belt, world: World) -> None:
    """Halving costs two requests a message: twenty in a row without an answer are no accident."""
    _, chat_id, posts = chat_of(world, 200)
    belt.sandbox.inject(Fault("unknown_code", path=BATCH, times=None))
    assert belt.load(**ON)[chat_id] == "complete"
    assert len(batches(belt)) < 100
    assert owed_from(belt, chat_id) is not None
    belt.sandbox.clear_faults()
    world.advance(DAY_S)
    belt.load(**ON, full=True)
    assert len(reactions(belt)) == len(posts)
    belt.assert_equals_truth()


def test_one_message_that_fails_keeps_its_rows_and_is_told(belt: Belt, world: World) -> None:
    """The platform gives a reason; the next load that lists it asks again."""
    ann, chat_id, posts = chat_of(world, 3)
    belt.load(**ON)
    before = reactions(belt)
    world.react(posts[0], ann, "OK")
    belt.sandbox.inject(Fault("reaction_failed"))
    assert belt.load(**ON)[chat_id] == "complete"
    assert reactions(belt) == before
    assert belt.warnings == [
        "reactions to 1 messages were refused (it is one of those days): what was loaded of them "
        "stays, and they are asked about whenever they are listed again."
    ]
    belt.load(**ON)
    belt.assert_equals_truth()


@pytest.mark.parametrize("refused", ["alone", "batch"])
def test_a_chat_that_refuses_does_not_keep_the_others_away(
    belt: Belt, world: World, refused: Literal["alone", "batch"]
) -> None:
    """Its messages fail alone, or with their batch, which is asked about by chat then."""
    belt.sandbox.switches = Switches(reactions_refused=refused)
    chats = [chat_of(world, 3)[1] for _ in range(4)]
    meanwhile(belt, chats[-1], lambda: world.leave(chats[-1]))
    assert set(belt.load(**ON).values()) == {"complete"}
    told = {row["chat_id"] for row in belt.rows("message_reactions")}
    assert (told, len(reactions(belt))) == (set(chats[:-1]), 9)
    assert belt.warnings[0].startswith("reactions to 3 messages were refused")
    world.join(chats[-1])
    belt.load(**ON)
    belt.assert_equals_truth()


def test_where_chats_may_not_be_mixed_each_is_asked_about_by_itself(
    belt: Belt, world: World
) -> None:
    """The first answer tells."""
    belt.sandbox.switches = Switches(reactions_mixed=False)
    for _ in range(3):
        chat_of(world, 15)
    belt.load(**ON)
    refused = [r for r in belt.sandbox.requests if r.path == BATCH and r.code != 0]
    assert len(refused) <= 3  # as many as were under way by then
    belt.assert_equals_truth()


def test_a_missing_scope_is_met_once_and_all_come_when_it_is_granted(
    belt: Belt, world: World
) -> None:
    """Messages go on; the first load after that reads again what was loaded without."""
    _, chat_id, _ = chat_of(world, 50)
    belt.sandbox.inject(Fault("missing_scope", path=BATCH, times=None))
    began_s = world.start_ms // 1_000
    for _ in range(3):
        assert belt.load(**NO_SWEEPS, workers=1, page_size=10)[chat_id] == "complete"
        assert len(batches(belt)) == 1
        assert owed_from(belt, chat_id) == at(began_s)
        world.advance(DAY_S)
        world.post(chat_id, None, text="news")
    assert "im:message.reactions:read" in belt.warnings[0]
    belt.sandbox.clear_faults()
    belt.load(**NO_SWEEPS)
    assert owed_from(belt, chat_id) is None
    belt.assert_equals_truth()
    world.advance(DAY_S)
    belt.load(**NO_SWEEPS)
    assert (batches(belt), belt.claims[chat_id].get("reactions_owed")) == ([1], None)


# what is owed


def test_an_outage_is_owed_as_a_window_and_read_again_when_it_is_over(
    belt: Belt, world: World
) -> None:
    """No chat is partial, old rows stay, and a message or reply far behind is not forgotten."""
    ann, chat_id, [root, *_] = chat_of(world, 30, apart_s=60)
    reply = world.reply_in_thread(root, ann, text="reply")
    world.react(reply, ann)
    belt.sandbox.inject(Fault("html_502", path=BATCH, times=None))
    assert belt.load(**NO_SWEEPS, attempts=1)[chat_id] == "complete"
    assert reactions(belt) == []
    assert belt.warnings[0].startswith("reactions to 31 messages could not be had for now (Could")
    belt.sandbox.clear_faults()
    world.advance(60)
    belt.load(**NO_SWEEPS)
    assert owed_from(belt, chat_id) is not None  # not yet: trouble takes a while to pass
    world.advance(30 * DAY_S)
    belt.load(**NO_SWEEPS)
    assert owed_from(belt, chat_id) is None
    belt.assert_equals_truth()


def test_a_reply_is_owed_where_its_root_stands(belt: Belt, world: World) -> None:
    """Nothing else would find it: at its own time the timeline shows nothing."""
    ann, _, [root, *_] = chat_of(world, 20)
    quiet: dict[str, Any] = ON | {"hot_s": 0}
    world.advance(DAY_S)
    reply = world.reply_in_thread(root, ann, text="late")
    belt.load(**quiet)
    world.advance(5 * DAY_S)
    world.react(reply, ann)
    belt.load(**quiet, rungs="off")  # from now on no head shows any of it
    world.advance(DAY_S)
    belt.sandbox.inject(Fault("html_502", path=BATCH, after=1, times=1))
    belt.load(**quiet, rungs="7d/1d", attempts=1)
    assert batches(belt) == [20, 1]
    world.advance(30 * DAY_S)
    belt.load(**quiet, rungs="off")
    belt.assert_equals_truth()


def test_an_outage_that_lasts_costs_a_few_requests_a_load_and_ever_fewer(
    belt: Belt, world: World
) -> None:
    """The window is not read in vain by each of a hundred loads."""
    _, chat_id, _ = chat_of(world, 40)
    belt.sandbox.inject(Fault("html_502", path=BATCH, times=None))
    spent = 0
    for _ in range(100):
        belt.load(**NO_SWEEPS, attempts=1, most_chats_lost=1, page_size=5)
        spent += len(belt.listings(chat_id)) - 1 + len(batches(belt))
        world.advance(3 * HOUR_S)
    assert spent < 60
    belt.sandbox.clear_faults()
    world.advance(10 * DAY_S)
    belt.load(**NO_SWEEPS)
    belt.assert_equals_truth()


def test_what_a_bound_cut_off_is_read_by_the_next_load(belt: Belt, world: World) -> None:
    """Messages come first: they are claimed, and their reactions owed."""
    _, chat_id, _ = chat_of(world, 40)
    belt.load(**NO_SWEEPS, max_requests=5, page_size=20)
    assert len(belt.rows("messages")) == 40
    assert owed_from(belt, chat_id) is not None
    for _ in range(4):
        world.advance(HOUR_S)
        belt.load(**NO_SWEEPS)
    assert owed_from(belt, chat_id) is None
    belt.assert_equals_truth()


def test_a_load_that_ends_early_owes_what_was_not_answered(belt: Belt, world: World) -> None:
    """The quota is used up after the messages were listed: they are loaded, and claimed."""
    _, chat_id, _ = chat_of(world, 5)
    belt.sandbox.inject(Fault("quota", path=BATCH, times=1))
    belt.load(**NO_SWEEPS)
    assert (len(belt.rows("messages")), reactions(belt)) == (5, [])
    assert owed_from(belt, chat_id) is not None
    world.advance(10 * DAY_S)
    belt.load(**NO_SWEEPS)
    belt.assert_equals_truth()


def test_pages_wait_where_reactions_are_slow(belt: Belt, world: World) -> None:
    """However many messages a chat has, few are asked about at once, and none is forgotten."""
    chat_of(world, 2 * MOST_BEHIND + 100)
    belt.load(**ON, slice_messages=10_000)
    assert len(reactions(belt)) == 2 * MOST_BEHIND + 100
    assert set(batches(belt)) == {20}
