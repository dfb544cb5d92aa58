"""Whatever the JSON of an item: rows that Arrow takes, or a rejection."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feishu_source.arrow import to_arrow
from feishu_source.batch import Intake, Listed
from feishu_source.json_text import parse_json
from feishu_source.rows import Rejected, parse_item
from feishu_source.tables import LINKS, MENTIONS, MESSAGES, RESOURCES
from tests.items import DOCUMENTED, LISTED_MS, item, parsed

EXAMPLES = 10_000 if os.environ.get("FEISHU_THOROUGH") == "1" else 500

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["", "1615380573411", "-1", "9" * 30, "all", "@_all", "ou_1", "text"])
)
KEYS = st.sampled_from(
    sorted(
        {*DOCUMENTED, *DOCUMENTED["sender"], *DOCUMENTED["mentions"][0], "content", "open_id"}
        | {"sync_to_chat_info", "message_position", "sender_name", "a.b"}
    )
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=4)
    ),
    max_leaves=15,
)
OBJECTS = st.dictionaries(KEYS | st.text(), JSON, max_size=8)


def received(values: object) -> Any:
    """The value as the client reads it from the wire."""
    return parse_json(json.dumps(values))


def assert_sound(values: dict[str, Any]) -> None:
    """Rows that fit their tables, whose JSON is JSON, or a rejection."""
    try:
        rows = parsed(values)
    except Rejected:
        return
    message = to_arrow(MESSAGES, [rows.message]).to_pylist()[0]
    assert isinstance(json.loads(message["extra"] or "{}"), dict)
    for table, children in (
        (MENTIONS, rows.mentions),
        (LINKS, rows.links),
        (RESOURCES, rows.resources),
    ):
        assert to_arrow(table, children).num_rows == len(children)


@settings(max_examples=EXAMPLES, deadline=None)
@given(OBJECTS)
def test_any_object_is_rows_or_a_rejection(values: dict[str, Any]) -> None:
    """Alone, and as what stands beside a good id and a good time."""
    assert_sound(received(values))
    assert_sound(received(item(**values) | {"message_id": "om_1", "chat_id": "oc_1"}))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(OBJECTS | OBJECTS.map(lambda values: item(**values)), max_size=4))
def test_any_page_is_a_batch_in_which_every_item_is_accounted_for(
    page: list[dict[str, Any]],
) -> None:
    """As a row, as a rejected item, or as one of two versions of a message."""
    intake = Intake()
    intake.begin_slice()
    intake.add(Listed("oc_1", received(page), LISTED_MS))
    batch = intake.take()
    tables = {table.name: data for table, data in batch.result().tables} if batch else {}
    messages, rejected = tables.get("messages"), tables.get("rejected_messages")
    assert (messages.num_rows if messages else 0) == intake.counts.messages
    assert (rejected.num_rows if rejected else 0) == intake.counts.rejected
    for data in tables.values():
        data.validate(full=True)


@pytest.mark.parametrize("depth", [100, 300, 490, 600])
@pytest.mark.parametrize("key", ["sender", "mentions", "body", "new", "message_id"])
def test_an_item_nested_deeper_than_encoders_go_is_kept(key: str, depth: int) -> None:
    """Whatever the client could read becomes a row, or a rejected item, whole."""
    text = json.dumps(item(**{key: "DEEP"})).replace(
        '"DEEP"', '{"k":[' * depth + "1" + "]}" * depth
    )
    try:
        values: Any = parse_json(text)
    except ValueError:  # deeper than the parser goes: the reply is refused as a whole
        return
    intake = Intake()
    intake.begin_slice()
    intake.add(Listed("oc_1", [values], LISTED_MS))
    batch = intake.take()
    assert batch is not None
    kept = {table.name: data.to_pylist() for table, data in batch.result().tables}
    if key == "message_id":
        assert kept["rejected_messages"][0]["item"].count("[") == depth
    else:
        assert kept["messages"][0]["extra"].count("[") == depth


def test_an_item_is_not_changed() -> None:
    """Parsing reads; whoever holds the item finds it as it was."""
    values = received(DOCUMENTED)
    parse_item(values, "hash", LISTED_MS)
    assert values == DOCUMENTED
