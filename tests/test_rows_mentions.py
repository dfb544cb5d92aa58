"""Who is mentioned becomes rows, everyone included; names do not change what a message is."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source.rows import content_hash
from tests.items import CREATED_MS, DOCUMENTED, item, message_of, parsed, text_item

TOM = {"key": "@_user_1", "id": "ou_1", "id_type": "open_id", "name": "Tom", "tenant_key": "t"}
TOM_ROW = ("@_user_1", "ou_1", "open_id", "Tom", "t")
EVERYONE = ("@_all", "all", None, None, None)

Mention = tuple[Any, ...]


def mentions_of(values: dict[str, Any]) -> list[Mention]:
    """What the mention rows of an item say; their frame is checked on the way."""
    rows = parsed(values).mentions
    frames = [(*row[:4], row[-1]) for row in rows]
    assert frames == [("om_1", index, "oc_1", CREATED_MS, False) for index in range(len(rows))]
    assert message_of(values)["mention_count"] == len(rows)
    return [row[4:-1] for row in rows]


def test_mentions_are_rows_in_their_order_and_names_in_the_text() -> None:
    """Keys are whole tokens: @_user_1 is not found in @_user_10."""
    ann = {"key": "@_user_10", "id": "ou_2", "id_type": "open_id", "name": "Ann"}
    values = text_item("@_user_10 and @_user_1", mentions=[TOM, ann])
    assert mentions_of(values) == [TOM_ROW, ("@_user_10", "ou_2", "open_id", "Ann", None)]
    assert message_of(values)["text"] == "@Ann and @Tom"
    assert message_of(values)["mentions_all"] is False


def test_everyone_without_an_entry_gets_a_last_row() -> None:
    """It counts."""
    values = text_item("@_all and @_user_1", mentions=[TOM])
    assert mentions_of(values) == [TOM_ROW, EVERYONE]
    assert message_of(values)["mentions_all"] is True


@pytest.mark.parametrize(
    ("entry", "mention", "extra"),
    [
        ({"key": "@_all", "id": "all", "name": "A"}, ("@_all", "all", None, "A", None), None),
        ({"key": "@_user_1", "id": "all"}, ("@_user_1", "all", None, None, None), None),
        ({"key": "@_all"}, EVERYONE, None),
        ({"key": "@_all", "id": "ou_7"}, EVERYONE, {"mentions.0.id": "ou_7"}),
        ({"key": "@_all", "id": {"open_id": "x"}}, EVERYONE, {"mentions.0.id.open_id": "x"}),
    ],
)
def test_everyone_with_an_entry_gets_no_further_row(
    entry: dict[str, Any], mention: Mention, extra: dict[str, Any] | None
) -> None:
    """By key or by id; another id than `all` is kept."""
    values = text_item("@_all", mentions=[entry])
    assert mentions_of(values) == [mention]
    assert message_of(values)["mentions_all"] is True
    assert message_of(values)["extra"] == (json.dumps(extra).replace(" ", "") if extra else None)


@pytest.mark.parametrize(
    ("ids", "mentioned_id"),
    [
        ({"union_id": "on_1", "user_id": "u1", "open_id": "ou_1"}, "ou_1"),
        ({"union_id": "on_1", "user_id": "u1", "open_id": ""}, "u1"),
        ({"union_id": "on_1", "user_id": None}, "on_1"),
    ],
)
def test_of_an_object_of_ids_the_open_id_is_taken(ids: dict[str, Any], mentioned_id: str) -> None:
    """Else the user_id, else the union_id; all of them are kept."""
    values = item(mentions=[{"key": "@_user_1", "id": ids}])
    assert mentions_of(values) == [("@_user_1", mentioned_id, None, None, None)]
    kept = {f"mentions.0.id.{kind}": one for kind, one in ids.items() if one is not None}
    assert json.loads(message_of(values)["extra"]) == kept
    assert parsed(values).unparsed == 0


def test_an_object_without_a_usable_id_is_null_kept_and_counted() -> None:
    """As any value of a type that its column does not hold."""
    values = item(mentions=[{"key": "@_user_1", "id": {"open_id": 5}}])
    assert mentions_of(values) == [("@_user_1", None, None, None, None)]
    assert message_of(values)["extra"] == '{"mentions.0.id.open_id":5}'
    assert parsed(values).unparsed == 1


@pytest.mark.parametrize(
    ("mentions", "rows", "extra"),
    [
        ({"key": "x"}, [], {"mentions": {"key": "x"}}),
        ("x", [], {"mentions": "x"}),
        ([TOM, "x"], [TOM_ROW], {"mentions.1": "x"}),
        ([None, TOM], [TOM_ROW], {"mentions.0": None}),
        ([{"key": 1}], [("", None, None, None, None)], {"mentions.0.key": 1}),
        ([TOM | {"name": 1}], [(*TOM_ROW[:3], None, "t")], {"mentions.0.name": 1}),
    ],
)
def test_what_is_no_mention_is_kept_and_counted(
    mentions: object, rows: list[Mention], extra: dict[str, Any]
) -> None:
    """The others are rows, with indexes of their own."""
    values = item(mentions=mentions)
    assert mentions_of(values) == rows
    assert json.loads(message_of(values)["extra"]) == extra
    assert parsed(values).unparsed == 1


# what a message is


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all leaves of a JSON value."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, one in inner for leaf in leaves(one, (*path, key))]
    return [path]


def changed(values: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The same item with another value at that path."""
    copy = deepcopy(values)
    holder: Any = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = "another"
    return copy


NAMES: dict[str, Any] = {"sender_name": "Tom", "sender_i18n_names": {"en_us": "Tom"}}
NAMED = DOCUMENTED | {
    "msg_type": "text",  # the documented item is a card, of which the body does not count
    "sender": DOCUMENTED["sender"] | NAMES,
    "new": {"a": [1, {"b": 2}]},
}
IS_NAME = {
    ("sender", "sender_name"),
    ("sender", "sender_i18n_names", "en_us"),
    ("mentions", 0, "name"),
}


@pytest.mark.parametrize("path", leaves(NAMED), ids=str)
def test_the_hash_changes_with_every_value_but_names(path: tuple[Any, ...]) -> None:
    """People rename themselves: that changes none of their messages."""
    differs = content_hash(changed(NAMED, path)) != content_hash(NAMED)
    assert differs is (path not in IS_NAME)


def test_the_hash_does_not_depend_on_whether_names_are_given() -> None:
    """They come only while an undocumented parameter is accepted."""
    unnamed = deepcopy(NAMED)
    for key in NAMES:
        del unnamed["sender"][key]
    del unnamed["mentions"][0]["name"]
    assert content_hash(unnamed) == content_hash(NAMED)


@given(st.permutations(list(NAMED)), st.permutations(list(NAMED["sender"])))
def test_the_hash_does_not_depend_on_the_order_of_keys(keys: list[str], inner: list[str]) -> None:
    """Nor does hashing change the item."""
    before = deepcopy(NAMED)
    shuffled = {key: NAMED[key] for key in keys}
    shuffled["sender"] = {key: NAMED["sender"][key] for key in inner}
    assert content_hash(shuffled) == content_hash(NAMED)
    assert before == NAMED


def test_the_hash_of_the_documented_item_is_what_it_was() -> None:
    """A release that changed it would make every message look changed."""
    assert content_hash(DOCUMENTED) == "1a1b91ba7c30f531c550aff66a4eb95d"
    assert content_hash(DOCUMENTED | {"msg_type": "text"}) == "b8b5fb1dd68ca24f05c7681679e21af1"
