"""Shards: each chat in one part, and what other pipelines have loaded is gone on from.

They load one after another here, which a DuckDB file allows; at the same time in
tests/warehouses/test_shards.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pytest

from feishu_source import load, open_pipeline
from feishu_source.cli import main
from feishu_source.destination import plan_pipeline
from feishu_source.errors import ConfigurationError
from feishu_source.inheritance import Inheritance
from feishu_source.report import LoadReport
from feishu_source.sandbox import World
from feishu_source.sandbox.contacts import CONTACT_SCOPE
from feishu_source.sandbox.endpoints import USERS_PATH
from feishu_source.shards import Shard, parse_shard, shard_named
from feishu_source.source import resolve_options
from feishu_source.state import STATE_VERSION
from tests.lab import DAY_S, START_MS, Lab

CHAT_IDS = [f"oc_{number:032x}" for number in range(2_000)]


@pytest.mark.parametrize("of", [1, 2, 3, 8, 100])
def test_each_chat_is_in_exactly_one_shard(of: int) -> None:
    """And no shard has much more than its part."""
    shards = [Shard(number + 1, of) for number in range(of)]
    holders = [[shard for shard in shards if shard.holds(chat_id)] for chat_id in CHAT_IDS]
    assert {len(each) for each in holders} == {1}
    assert max(Counter(each[0] for each in holders).values()) < 2 * len(CHAT_IDS) / of + 20


def test_a_chat_stays_in_its_shard() -> None:
    """The hash is no secret of this process: another one, another day, finds the same."""
    held = [place for place, chat_id in enumerate(CHAT_IDS[:40]) if Shard(3, 8).holds(chat_id)]
    assert held == [6, 21, 29, 37, 38, 39]


@pytest.mark.parametrize("text", ["3/8", " 3 / 8 "])
def test_a_shard_is_written_as_a_fraction(text: str) -> None:
    """Its pipeline's name tells it as well."""
    shard = parse_shard(text)
    assert shard == Shard(3, 8)
    assert (str(shard), shard.name("feishu_history")) == ("3/8", "feishu_history_3_of_8")
    assert shard_named("feishu_history_3_of_8") == shard
    assert shard_named("feishu_history") is None


@pytest.mark.parametrize("text", ["8", "0/8", "9/8", "1/0", "1/101", "-1/8", "a/b", "1/8/9"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """With what to write instead."""
    with pytest.raises(ConfigurationError, match="write 3/8 for the third of eight"):
        parse_shard(text)


def test_the_rate_is_divided_among_the_shards() -> None:
    """What is given to a process is divided once more."""
    assert resolve_options({"shard": "3/8"}).settings.rate_share == 1 / 8
    assert resolve_options({"shard": "3/8", "rate_share": 0.5}).settings.rate_share == 1 / 16


def test_duckdb_is_refused_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is made."""
    assert main(["--shard", "1/2"]) == 2
    assert "one writer at a time" in " ".join(capsys.readouterr().err.split())


def test_a_dataset_in_which_a_shard_stages_its_rows_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The shard would empty its tables; other names that end in a part of a whole are no harm."""
    assert main(["--dataset", "feishu_staging_1_of_2"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "is where shard 1/2 of feishu keeps rows for a moment: choose another" in told
    assert plan_pipeline(dataset="quarter_1_of_4").place.dataset == "quarter_1_of_4"


@pytest.mark.parametrize(("name", "shard"), [("history", "1/2"), ("history_1_of_2", None)])
def test_a_pipeline_of_another_shard_is_refused(lab: Lab, name: str, shard: str | None) -> None:
    """What one claims would become the other's state."""
    pipeline = open_pipeline(database=str(lab.database), name=name)
    with pytest.raises(ConfigurationError, match="give both open_pipeline and load the same"):
        load(pipeline, shard=shard, **lab.access)
    assert lab.sandbox.requests == []


# several loads


@pytest.fixture
def chats(world: World, ann: str) -> list[str]:
    """A dozen chats with a few messages each, and a thread in the first."""
    chats = [world.add_chat(name=f"chat {number}", member_ids=[ann]) for number in range(12)]
    world.advance(3_600)
    for chat_id in chats:
        for number in range(3):
            world.advance(60)
            root = world.post(chat_id, ann, text=f"message {number}")
        world.reply_in_thread(root, ann, text="reply")
    world.advance(3_600)
    return chats


def load_shard(lab: Lab, text: str, **arguments: Any) -> LoadReport:
    """One load of one shard; requests are counted from its start."""
    lab.sandbox.clear_requests()
    shard = parse_shard(text)
    assert shard
    pipeline = open_pipeline(
        database=str(lab.database),
        pipelines_dir=str(lab.folder / "pipelines"),
        name=shard.name("feishu_history"),
    )
    return load(pipeline, shard=text, **(lab.access | arguments))


def listed(lab: Lab) -> set[str]:
    """The chats whose timelines were asked for since the last load began."""
    return {chat_id for chat_id in lab.world.chats if lab.listings(chat_id)}


def earliest(lab: Lab) -> int:
    """The earliest time that a timeline was asked for from, in seconds after the beginning."""
    requests = [request for chat_id in lab.world.chats for request in lab.listings(chat_id)]
    return min(int(request.query["start_time"]) for request in requests) - START_MS // 1_000


def test_shards_together_load_everything_once(lab: Lab, chats: list[str]) -> None:
    """One dataset, one row of coverage a chat, one of `sync_runs` a load."""
    asked: list[str] = []
    for number in (1, 2, 3):
        report = load_shard(lab, f"{number}/3")
        assert (report.exit_code, report.shard, report.new) == (0, f"{number}/3", None)
        assert report.chats == len(listed(lab))
        asked += listed(lab)
    assert sorted(asked) == sorted(chats)
    lab.assert_equals_truth()
    assert sorted(row["chat_id"] for row in lab.rows("sync_coverage")) == sorted(chats)
    assert sorted(row["shard"] for row in lab.rows("sync_runs")) == ["1/3", "2/3", "3/3"]


@pytest.mark.parametrize("then", [["1/2", "2/2"], []])
def test_chats_that_are_divided_anew_are_gone_on_with(
    lab: Lab, world: World, ann: str, chats: list[str], then: list[str]
) -> None:
    """From three shards to two, or to none: only what is new is read, threads included."""
    for number in (1, 2, 3):
        load_shard(lab, f"{number}/3", rungs="off")
    world.advance(5 * 3_600)
    for chat_id in chats:
        world.post(chat_id, ann, text="later")
    for thread in list(world.threads.values()):
        world.reply_in_thread(world.id_of(thread.root), ann, text="a later reply")
    for text in then:
        assert load_shard(lab, text, rungs="off").exit_code == 0
        assert earliest(lab) > 0
        assert lab.sandbox.count("/members") == 0
    if not then:
        assert lab.load(rungs="off").exit_code == 0
        assert earliest(lab) > 0
        assert listed(lab) == set(chats)
    lab.assert_equals_truth()


@pytest.mark.parametrize("then", ["1/1", None])
def test_a_reset_outlives_the_claims_of_other_pipelines(
    lab: Lab, ann: str, world: World, chats: list[str], then: str | None
) -> None:
    """Rows are gone, the chat is loaded anew in two loads: no older claim spares the second one."""
    for number in range(60):
        world.advance(60)
        world.post(chats[0], ann, text=f"more {number}")
    world.advance(DAY_S)
    lab.load(rungs="off")
    load_shard(lab, "1/1", rungs="off")
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("delete from feishu.messages where chat_id = ?", [chats[0]])
    load_shard(lab, "1/1", rungs="off", reset_chats=[chats[0]], max_messages=20, page_size=10)
    world.advance(60)
    world.post(chats[0], ann, text="the last one")
    world.advance(60)
    report = load_shard(lab, then, rungs="off") if then else lab.load(rungs="off")
    assert report.exit_code == 0
    lab.assert_equals_truth()
    if then:
        lab.load(rungs="off")
        assert earliest(lab) > 0


def test_a_full_load_that_was_cut_goes_on_though_another_pipeline_loaded_meanwhile(
    lab: Lab, world: World, ann: str, chats: list[str]
) -> None:
    """What is claimed further is taken over, and the rereading with it."""
    for number in range(60):
        world.advance(60)
        message_id = world.post(chats[0], ann, text=f"more {number}")
    world.advance(DAY_S)
    lab.load(rungs="off")
    load_shard(lab, "1/1", rungs="off")
    load_shard(lab, "1/1", rungs="off", full=True, max_messages=20, page_size=10)
    world.edit(message_id, text="edited")
    world.advance(3_600)
    lab.load(rungs="off")
    assert load_shard(lab, "1/1", rungs="off").exit_code == 0
    lab.assert_equals_truth()


def test_a_shard_that_fell_behind_goes_on_from_where_others_are(
    lab: Lab, world: World, ann: str, chats: list[str]
) -> None:
    """Two shards, then one pipeline for all, then two again."""
    for text in ("1/2", "2/2"):
        load_shard(lab, text, rungs="off")
    world.advance(DAY_S)
    lab.load(rungs="off")
    world.advance(DAY_S // 2)
    world.post(chats[0], ann, text="later")
    for text in ("1/2", "2/2"):
        load_shard(lab, text, rungs="off")
        assert earliest(lab) > DAY_S
    lab.assert_equals_truth()


def test_a_first_load_that_was_cut_is_gone_on_with(lab: Lab, chats: list[str]) -> None:
    """What one shard had read of its chats is not read by the next division."""
    load_shard(lab, "1/1", max_messages=20, page_size=2, slice_messages=4, workers=1)
    (read,) = lab.query("select count(distinct message_id) from feishu.messages")[0]
    assert 0 < read < 48
    complete = lab.query("select chat_id from feishu.sync_coverage where status = 'complete'")
    for text in ("1/2", "2/2"):
        load_shard(lab, text, rungs="off")
        for (chat_id,) in complete:
            for request in lab.listings(chat_id):
                assert int(request.query["start_time"]) > START_MS // 1_000
    lab.assert_equals_truth()


def test_a_load_that_was_not_finished_proves_nothing(lab: Lab, chats: list[str]) -> None:
    """Its state is in the dataset, its rows may not be."""
    load_shard(lab, "1/1")
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("update feishu._dlt_loads set status = 1")
    lab.load()
    assert earliest(lab) < 0
    assert listed(lab) == set(chats)


# what is inherited


OWNER = {"base_url": "https://open.feishu.cn", "app_id": "cli_1"}


def state_of(chats: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pipeline's state as dlt keeps it, by resource."""
    return {"messages": OWNER | {"version": STATE_VERSION, "chats": chats} | more}


def claims(*states: dict[str, Any], own: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a pipeline claims that inherits from those."""
    found = Inheritance.collect(states, OWNER, lambda chat_id: chat_id != "theirs")
    own = {} if own is None else own
    found.give("claims", own)
    return own


def claim(from_s: int, until_s: int) -> dict[str, int]:
    """A chat's claim."""
    return {"covered_from_s": from_s, "covered_until_s": until_s}


def test_of_several_claims_the_furthest_is_taken() -> None:
    """Whoever made it."""
    near, far = state_of({"mine": claim(0, 5)}), state_of({"mine": claim(0, 9)})
    assert claims(near, far) == claims(far, near) == {"mine": claim(0, 9)}
    assert claims(near, own={"mine": claim(0, 7)}) == {"mine": claim(0, 7)}
    assert claims(far, own={"mine": claim(0, 7)}) == {"mine": claim(0, 9)}


def test_what_is_read_of_chats_once_in_a_while_is_not_read_again() -> None:
    """By whichever pipeline it was read last."""
    tables = ("chat_members", "chat_pins", "chat_tabs", "chat_announcements")
    states = [
        state_of({}) | {table: {"read_s": {"mine": read_s, "theirs": 9}} for table in tables}
        for read_s in (7, 5)
    ]
    found = Inheritance.collect(states, OWNER, lambda chat_id: chat_id != "theirs")
    parts = (found.members, found.pins, found.tabs, found.announcements)
    assert parts == ({"mine": 7},) * 4


def test_a_claim_from_before_a_reset_counts_no_more() -> None:
    """However far it reaches; and what was reset elsewhere is reset here."""
    old, reset = state_of({"mine": claim(0, 9)}), state_of({"mine": {"resets": 1}})
    assert claims(old, own={"mine": {"resets": 1}}) == {"mine": {"resets": 1}}
    assert claims(old, reset) == claims(reset, old) == {"mine": {"resets": 1}}
    assert claims(reset, own={"mine": claim(0, 9)}) == {"mine": {"resets": 1}}
    again = claim(0, 5) | {"resets": 1}
    assert claims(state_of({"mine": again}), own={"mine": {"resets": 1}}) == {"mine": again}
    assert claims(state_of({"mine": again}), own={"mine": {"resets": 2}}) == {"mine": {"resets": 2}}


@pytest.mark.parametrize(("covered", "threads"), [({}, False), ({"threads_covered": True}, True)])
def test_a_full_rereading_goes_on_in_a_claim_that_is_taken_over(
    covered: dict[str, bool], threads: bool
) -> None:
    """It was asked for in the own pipeline; where the other read no threads, it covers none."""
    first = {"kind": "first", "start_s": 0, "at_s": 3, "stop_s": 7, "as_of_s": 7, "threads": True}
    own = {"mine": claim(0, 7) | {"walks": {"first": first | {"full": True}}}}
    further = claim(0, 9) | covered
    taken = claims(state_of({"mine": further}), own=own)
    walks = {"first": first | {"full": True, "threads": threads}}
    assert taken == {"mine": further | {"walks": walks}}
    asked_by_nobody = {"mine": claim(0, 7) | {"walks": {"first": first}}}
    assert claims(state_of({"mine": further}), own=asked_by_nobody) == {"mine": further}


def test_a_claim_that_begins_later_replaces_none() -> None:
    """What lies before it would be read again."""
    late = state_of({"mine": claim(6, 9)})
    assert claims(late, own={"mine": claim(0, 7)}) == {"mine": claim(0, 7)}
    assert claims(late) == {"mine": claim(6, 9)}


def test_claims_of_a_newer_version_are_left_alone() -> None:
    """Nor are chats of other shards taken in."""
    assert claims(state_of({"mine": claim(0, 5)}, version=99)) == {}
    assert claims(state_of({"theirs": claim(0, 5)})) == {}
    assert claims({}) == {}


@pytest.mark.parametrize(
    "strange", [{"app_id": "cli_2"}, {"base_url": "https://open.larksuite.com"}]
)
def test_another_app_or_host_in_the_dataset_is_refused(strange: dict[str, Any]) -> None:
    """Whatever its pipeline is called: its ids are others."""
    with pytest.raises(ConfigurationError, match="each needs a dataset"):
        claims(state_of({}), state_of({"theirs": claim(0, 5)}, **strange))


def test_a_shard_takes_no_dataset_of_another_app(lab: Lab, chats: list[str]) -> None:
    """Nothing is asked for, nothing is changed."""
    load_shard(lab, "1/2")
    lab.sandbox.clear_requests()
    runs = lab.rows("sync_runs")
    with pytest.raises(ConfigurationError, match=f"was loaded with app_id {lab.sandbox.app_id}"):
        load_shard(lab, "2/2", app_id="cli_other")
    assert lab.sandbox.requests == []
    assert lab.rows("sync_runs") == runs


def test_claims_of_an_older_version_are_brought_up_to_date() -> None:
    """As the own ones are: version 1 called a walk over what lies before `sweep`."""
    walk = {"kind": "sweep", "start_s": 0, "at_s": 1, "stop_s": 5, "as_of_s": 9, "threads": True}
    old = claim(5, 9) | {"walks": {"sweep": walk}}
    assert claims(state_of({"mine": old}, version=1))["mine"]["walks"].keys() == {"past"}


def test_each_shard_asks_for_its_part_of_the_people(
    lab: Lab, world: World, ann: str, chats: list[str]
) -> None:
    """Everybody once, whoever saw them: what one has seen, another one may be to ask for."""
    world.scopes |= {CONTACT_SCOPE}
    people = [world.add_user(f"Person {number}") for number in range(20)]
    for number, person in enumerate(people):
        world.post(chats[number % 12], person, text="here")

    def ask(shard: str) -> list[str]:
        load_shard(lab, shard, user_details=True)
        requests = [each for each in lab.sandbox.requests if each.path == USERS_PATH]
        return [person for each in requests for person in each.query["user_ids"].split(",")]

    asked = [person for shard in ("1/2", "2/2", "1/2") for person in ask(shard)]
    assert sorted(asked) == sorted([ann, *people])
    assert {row["open_id"] for row in lab.rows("users")} == {ann, *people}
    world.advance(8 * DAY_S)  # all rows are a period old, those of the other shard too
    assert sorted(ask("1/2")) == sorted(filter(Shard(1, 2).holds, [ann, *people]))
