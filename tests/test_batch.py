"""Items become batches: each message once a slice, with its children, with its claims."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from feishu_source.arrow import schema_of, to_arrow
from feishu_source.batch import Batch, Bounds, Counts, Intake, Listed
from feishu_source.coverage import ChatState
from feishu_source.fields import dump_json
from feishu_source.forwards import parse_forward
from feishu_source.tables import LINKS, MENTIONS, MESSAGES, RESOURCES, THREADS
from tests.items import CREATED_MS, LISTED_MS, item, text_item

Row = dict[str, Any]


@pytest.fixture
def intake() -> Intake:
    """An intake whose first slice has begun."""
    intake = Intake()
    intake.begin_slice()
    return intake


def listed(*items: dict[str, Any], chat_id: str = "oc_1", from_thread: bool = False) -> Listed:
    """Items of one reply."""
    return Listed(chat_id, list(items), LISTED_MS, from_thread)


def taken(intake: Intake) -> Batch:
    """The batch there must be."""
    batch = intake.take()
    assert batch is not None
    return batch.result()


def rows_of(batch: Batch, table: str) -> list[Row]:
    """The rows of one table."""
    return next((data.to_pylist() for t, data in batch.tables if t.name == table), [])


def texts_of(batch: Batch) -> list[tuple[str, str]]:
    """Which messages a batch holds, in which version."""
    return [(row["message_id"], row["text"]) for row in rows_of(batch, "messages")]


def version(text: str, message_id: str = "om_1", **more: Any) -> dict[str, Any]:
    """A version of a message."""
    return text_item(text, message_id=message_id, **more)


# once a slice


def test_an_equal_second_listing_is_dropped(intake: Intake) -> None:
    """Whoever lists it, in whichever batch of the slice; a name is no difference."""
    intake.add(listed(version("a", sender={"id": "ou_1"}), version("a", sender={"id": "ou_1"})))
    assert texts_of(taken(intake)) == [("om_1", "a")]
    intake.add(listed(version("a", sender={"id": "ou_1", "sender_name": "Tom"})))
    intake.add(listed(version("a", sender={"id": "ou_1"}), from_thread=True))
    assert (intake.take(), intake.holds) == (None, False)
    assert intake.counts == Counts(messages=1)


def test_a_message_is_emitted_again_in_the_next_slice(intake: Intake) -> None:
    """It is another load package then."""
    intake.add(listed(version("a")))
    taken(intake)
    intake.begin_slice()
    intake.add(listed(version("a")))
    assert texts_of(taken(intake)) == [("om_1", "a")]


def test_a_different_second_listing_is_held_for_the_next_slice(intake: Intake) -> None:
    """Of two rows under one key the destination would keep an arbitrary one."""
    intake.add(listed(version("a"), version("b"), version("x", "om_2")))
    assert texts_of(taken(intake)) == [("om_1", "a"), ("om_2", "x")]
    assert (intake.holds, intake.take()) == (True, None)
    intake.begin_slice()
    assert intake.holds is False
    assert texts_of(taken(intake)) == [("om_1", "b")]


def test_three_versions_take_three_slices(intake: Intake) -> None:
    """The last one listed is the last one loaded; a repetition of one takes none."""
    intake.add(listed(version("a"), version("b"), version("b"), version("c")))
    found = [texts_of(taken(intake))]
    while intake.holds:
        intake.begin_slice()
        found.append(texts_of(taken(intake)))
    assert found == [[("om_1", "a")], [("om_1", "b")], [("om_1", "c")]]


def test_a_held_version_keeps_when_and_where_it_was_listed(intake: Intake) -> None:
    """A reply stays a reply."""
    intake.add(listed(version("a")))
    intake.add(Listed("oc_1", [version("b")], LISTED_MS + 1, from_thread=True))
    taken(intake)
    intake.begin_slice()
    [row] = rows_of(taken(intake), "messages")
    assert row["last_listed_at"].timestamp() * 1_000 == LISTED_MS + 1
    assert (intake.counts.messages, intake.counts.replies) == (1, 1)


# claims


def test_claims_travel_with_the_rows_before_them(intake: Intake) -> None:
    """Of a chat that advanced twice the later claim, once; as it stood when it was taken."""
    state = ChatState(0, 10)
    intake.add(listed(version("a")))
    intake.claim("oc_1", state)
    state.covered_until_s = 20
    intake.claim("oc_1", state)
    batch = taken(intake)
    state.covered_until_s = 30
    assert batch.claims == {"oc_1": ChatState(0, 20).to_dict()}
    assert texts_of(batch) == [("om_1", "a")]
    assert intake.take() is None


def test_a_claim_without_rows_is_a_batch(intake: Intake) -> None:
    """A chat may have nothing new."""
    intake.claim("oc_1", ChatState(0, 10))
    assert taken(intake) == Batch([], {"oc_1": ChatState(0, 10).to_dict()})


def test_a_held_version_holds_the_later_claims_of_its_chat(intake: Intake) -> None:
    """Other chats go on; the claims come with the version, the last of them."""
    state = ChatState(0, 10)
    intake.add(listed(version("a"), version("b")))
    intake.claim("oc_1", state)
    intake.claim("oc_2", ChatState(0, 7))
    assert taken(intake).claims == {"oc_2": ChatState(0, 7).to_dict()}
    state.covered_until_s = 20
    intake.claim("oc_1", state)
    assert intake.take() is None
    intake.begin_slice()
    batch = taken(intake)
    assert (texts_of(batch), batch.claims) == ([("om_1", "b")], {"oc_1": state.to_dict()})


def test_a_held_version_lets_earlier_claims_of_its_chat_go(intake: Intake) -> None:
    """They were made before it was listed, in the same batch, and do not grow with the state."""
    state = ChatState(0, 10)
    intake.add(listed(version("a")))
    intake.claim("oc_1", state)
    intake.add(listed(version("b")))
    state.covered_until_s = 20
    intake.claim("oc_1", state)
    assert taken(intake).claims == {"oc_1": ChatState(0, 10).to_dict()}
    intake.begin_slice()
    assert taken(intake).claims == {"oc_1": ChatState(0, 20).to_dict()}


def test_a_version_held_twice_holds_the_claims_as_long(intake: Intake) -> None:
    """They are true once the last version is loaded."""
    intake.add(listed(version("a"), version("b"), version("c")))
    intake.claim("oc_1", ChatState(0, 10))
    found = [taken(intake).claims]
    while intake.holds:
        intake.begin_slice()
        found.append(taken(intake).claims)
    assert found == [{}, {}, {"oc_1": ChatState(0, 10).to_dict()}]


# what is not emitted


def test_messages_outside_the_bounds_are_left_out() -> None:
    """The first instant belongs to them, the last does not; to the millisecond."""
    intake = Intake(Bounds(CREATED_MS, CREATED_MS + 2))
    intake.begin_slice()
    times_ms = range(CREATED_MS - 1, CREATED_MS + 3)
    intake.add(listed(*(item(message_id=f"om_{ms}", create_time=str(ms)) for ms in times_ms)))
    found = [row["message_id"] for row in rows_of(taken(intake), "messages")]
    assert found == [f"om_{CREATED_MS}", f"om_{CREATED_MS + 1}"]
    assert intake.counts == Counts(messages=2)


@pytest.mark.parametrize("bounds", [Bounds(), Bounds(since_ms=5), Bounds(until_ms=6)])
def test_bounds_are_optional(bounds: Bounds) -> None:
    """Each for itself."""
    assert bounds.hold(5) is True


def test_a_rejected_item_is_a_row_and_counted_once(intake: Intake) -> None:
    """However often the slice lists it; by the chat that was listed, as it was."""
    bad = {"create_time": "5", "message_id": "om_1"}
    intake.add(listed(bad, version("a")))
    intake.add(listed(bad))
    batch = taken(intake)
    [rejected] = rows_of(batch, "rejected_messages")
    assert (rejected["chat_id"], rejected["reason"]) == ("oc_1", "no usable chat_id")
    assert rejected["item"] == '{"create_time":"5","message_id":"om_1"}'
    assert (len(rejected["item_hash"]), rejected["seen_at"].timestamp()) == (32, LISTED_MS / 1_000)
    assert texts_of(batch) == [("om_1", "a")]
    assert intake.counts == Counts(messages=1, rejected=1)


def test_unparsed_values_are_counted_with_the_message_that_is_emitted(intake: Intake) -> None:
    """A dropped repetition counts nothing."""
    odd = version("a", message_position="x", deleted="true")
    intake.add(listed(odd, odd))
    taken(intake)
    assert intake.counts == Counts(messages=1, unparsed=2)


# tables


def test_a_message_without_children_removes_those_it_had(intake: Intake) -> None:
    """One tombstone a child table, at an index that no row has."""
    intake.add(listed(version("a")))
    batch = taken(intake)
    [mention] = rows_of(batch, MENTIONS.name)
    [link] = rows_of(batch, LINKS.name)
    [resource] = rows_of(batch, RESOURCES.name)
    frame = {"message_id": "om_1", "chat_id": "oc_1", "create_time": mention["create_time"]}
    assert mention["create_time"].timestamp() * 1_000 == CREATED_MS
    gone = frame | {"_deleted": True}
    who = dict.fromkeys(["mentioned_id", "mentioned_id_type", "mentioned_name"])
    assert mention == gone | who | {
        "mention_index": -1,
        "mention_key": "",
        "mentioned_tenant_key": None,
    }
    assert link == gone | {"link_index": -1, "url": "", "label": None}
    assert resource == gone | {
        "resource_index": -1,
        "resource_type": "",
        "resource_key": "",
        "file_name": None,
        "duration_ms": None,
    }


def test_a_message_with_children_needs_no_tombstone(intake: Intake) -> None:
    """Its rows replace what stood there."""
    intake.add(listed(version("https://a.cn https://b.cn")))
    links = rows_of(taken(intake), LINKS.name)
    assert [(row["link_index"], row["url"], row["_deleted"]) for row in links] == [
        (0, "https://a.cn", False),
        (1, "https://b.cn", False),
    ]


def test_a_batch_is_full_at_its_number_of_bytes() -> None:
    """Long messages make short batches: memory is bounded by what they hold."""
    intake = Intake(batch_bytes=100)
    intake.begin_slice()
    full = []
    for number in range(4):
        intake.add(listed(version("x" * 45, f"om_{number}")))  # and the JSON around it
        full.append(intake.full)
        if intake.full:
            taken(intake)
    assert full == [False, True, False, True]
    assert intake.slice_bytes == 4 * len('{"text":"' + "x" * 45 + '"}')
    intake.begin_slice()
    assert (intake.full, intake.slice_bytes) == (False, 0)


@pytest.mark.parametrize(
    ("letter", "size"), [("x", 1), ("é", 2), ("字", 3), ("😀", 4), ("\ud800", 3)]
)
def test_a_text_counts_as_what_it_takes_in_utf_8(letter: str, size: int) -> None:
    """Files and databases hold it so: Chinese takes three times as much as its characters tell."""
    intake = Intake()
    intake.begin_slice()
    intake.add(listed(version("", "om_1") | {"body": {"content": letter * 10}}))
    assert intake.slice_bytes == 10 * size


def test_a_batch_is_full_at_its_number_of_rejected_bytes() -> None:
    """They are kept as they came, however long: once each."""
    intake = Intake(batch_bytes=100)
    intake.begin_slice()
    bad = {"create_time": "5", "message_id": "om_1", "body": {"content": "x" * 20}}
    intake.add(listed(bad))
    intake.add(listed(bad))
    assert (intake.full, intake.slice_bytes) == (False, len(dump_json(bad)))
    intake.add(listed(bad | {"message_id": "om_2"}))
    assert intake.full is True


def test_a_batch_is_full_at_its_number_of_messages() -> None:
    """Children and other tables do not count; taking it begins the next."""
    intake = Intake(batch_rows=2)
    intake.begin_slice()
    intake.add_rows(THREADS, [("omt_1", "oc_1", *[None] * 3, "ok", *[None] * 4)] * 3)
    full = []
    for number in range(3):
        intake.add(listed(version("https://a.cn https://b.cn", f"om_{number}")))
        full.append(intake.full)
    assert full == [False, True, True]
    batch = taken(intake)
    assert {table.name: data.num_rows for table, data in batch.tables} == {
        "messages": 3,
        "message_mentions": 3,
        "message_links": 6,
        "message_resources": 3,
        "threads": 3,
    }
    assert intake.full is False


def test_milliseconds_become_utc_timestamps_and_no_rows_an_empty_table() -> None:
    """By the table's own schema."""
    table = to_arrow(THREADS, [("omt_1", "oc_1", None, 1_234, *[None] * 6)])
    assert table.schema == schema_of(THREADS)
    assert table["create_time"].cast(pa.int64()).to_pylist() == [1_234_000]
    empty = to_arrow(MESSAGES, [])
    assert (empty.schema, empty.num_rows) == (schema_of(MESSAGES), 0)


def test_a_batch_is_full_at_its_number_of_forwarded_messages() -> None:
    """A few merged forwards may hold more than thousands of messages are."""
    intake = Intake(batch_rows=3)
    intake.begin_slice()
    intake.add(listed(item(msg_type="merge_forward")))
    [one] = intake.take_unopened()
    held = [item(message_id=f"om_{n}", upper_message_id=one.message_id) for n in (2, 3, 4)]
    intake.put(one, parse_forward(one.message_id, held, LISTED_MS), "ok", 0)
    assert intake.full is True
