"""An item becomes whole rows; what does not fit is null, kept and counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feishu_source.rows import Rejected, content_hash, identify
from tests.items import CREATED_MS, DOCUMENTED, LISTED_MS, item, message_of, parsed, row, text_item


def test_the_documented_item_becomes_whole_rows() -> None:
    """Every column in its place, times in milliseconds, no child left without its message."""
    rows = parsed(DOCUMENTED)
    message_id, chat_id = DOCUMENTED["message_id"], DOCUMENTED["chat_id"]
    tom = ("@_user_1", "ou_155184d1e73cbfb8973e5a9e698e74f2", "open_id", "Tom", "736588c9260f175e")
    assert rows.message == (
        message_id,
        chat_id,
        "omt_d4be107c616a",
        "om_40eb06e7b84dc71c03e009ad3c754195",
        "om_d4be107c616aed9c1da8ed8068570a9f",
        "om_40eb06e7b84dc71c03e009ad3c754195",
        "interactive",
        CREATED_MS,
        CREATED_MS,
        *(False, False),  # deleted, updated
        LISTED_MS,
        content_hash(DOCUMENTED),
        *("cli_9f427eec54ae901b", "app_id", "app", "736588c9260f175e", None),  # sender
        *[None] * 18,  # a card without title and elements says nothing
        *(1, False),  # mentions
        *(None, None),  # copies
        *(None, None, None),  # positions and link
        '{"text":"test content"}',
        None,  # extra
        *(None, None, None),  # form of the card, forwards
    )
    assert rows.mentions == [(message_id, 0, chat_id, CREATED_MS, *tom, False)]
    assert (rows.links, rows.resources, rows.unparsed) == ([], [], 0)


def test_a_minimal_item_is_a_row() -> None:
    """Only message_id, chat_id and create_time must be there; a missing type is `unknown`."""
    values = {key: value for key, value in item().items() if key != "msg_type"}
    assert message_of(values) == row(values, msg_type="unknown")


def test_links_and_resources_follow_their_message() -> None:
    """Indexes count from 0; each row carries the chat and the time, and is no tombstone."""
    post = {
        "content": [[{"tag": "img", "image_key": "img_1"}, {"tag": "a", "href": "https://b.cn"}]]
    }
    values = item(msg_type="post", body={"content": json.dumps(post)})
    child = ("oc_1", CREATED_MS)
    rows = parsed(values)
    assert rows.links == [("om_1", 0, *child, "https://b.cn", None, False)]
    assert rows.resources == [("om_1", 0, *child, "image", "img_1", None, None, False)]
    assert message_of(values)["text"] == "[image]https://b.cn"


@pytest.mark.parametrize("body", [{"content": "This message was recalled"}, {}, None])
def test_a_recalled_message_has_no_words_and_keeps_its_mentions(body: object) -> None:
    """Its body is a fixed sentence, or missing; neither is a failure."""
    tom = {"key": "@_user_1", "id": "ou_1", "id_type": "open_id", "name": "Tom"}
    values = item(deleted=True, body=body, mentions=[tom])
    raw = body["content"] if body and isinstance(body, dict) else None
    assert message_of(values) == row(values, deleted=True, body_content=raw, mention_count=1)
    mention = ("om_1", 0, "oc_1", CREATED_MS, "@_user_1", "ou_1", "open_id", "Tom", None, False)
    assert (parsed(values).mentions, parsed(values).unparsed) == ([mention], 0)


def test_an_anonymous_sender_has_no_id() -> None:
    """The API gives empty strings, which are no values."""
    values = item(sender={"id": "", "id_type": "", "sender_type": "anonymous", "tenant_key": "t"})
    expected = row(values, sender_type="anonymous", sender_tenant_key="t")
    assert (message_of(values), parsed(values).unparsed) == (expected, 0)


def test_a_copy_in_the_chat_names_its_reply() -> None:
    """The thread_id beside them has no column of its own."""
    sync = {"type": 1, "related_message_id": "om_2", "thread_id": "omt_1"}
    values = item(sync_to_chat_info=sync)
    extra = '{"sync_to_chat_info.thread_id":"omt_1"}'
    expected = row(values, sync_to_chat_type=1, related_message_id="om_2", extra=extra)
    assert message_of(values) == expected


@pytest.mark.parametrize("kind", [int, str])
def test_positions_are_numbers_or_strings_and_may_be_negative(kind: type) -> None:
    """As both were seen."""
    values = item(message_position=kind(-3), thread_message_position=kind(-1))
    expected = row(values, message_position=-3, thread_message_position=-1)
    assert message_of(values) == expected


def test_unknown_fields_are_kept_by_path() -> None:
    """Wherever they stand; they are no failure."""
    values = item(
        new={"a": {"b": 1}, "c": []},
        sender={"id": "ou_1", "open_bot_id": "ou_2"},
        body={"content": "{}", "kind": "x"},
        mentions=[{"key": "@_user_1", "flag": True}],
    )
    kept = {
        "new.a.b": 1,
        "new.c": [],
        "sender.open_bot_id": "ou_2",
        "body.kind": "x",
        "mentions.0.flag": True,
    }
    assert json.loads(message_of(values)["extra"]) == kept
    assert parsed(values).unparsed == 0


COLUMN_OF = {
    "thread_id": "thread_id",
    "root_id": "root_id",
    "parent_id": "parent_id",
    "upper_message_id": "upper_message_id",
    "update_time": "update_time",
    "sender": "sender_id",
    "sender.id": "sender_id",
    "sender.id_type": "sender_id_type",
    "sender.sender_type": "sender_type",
    "sender.tenant_key": "sender_tenant_key",
    "sender.sender_name": "sender_name",
    "body": "body_content",
    "body.content": "body_content",
    "sync_to_chat_info": "sync_to_chat_type",
    "sync_to_chat_info.type": "sync_to_chat_type",
    "sync_to_chat_info.related_message_id": "related_message_id",
    "message_position": "message_position",
    "thread_message_position": "thread_message_position",
    "message_app_link": "message_app_link",
}


def item_with(path: str, value: object) -> dict[str, Any]:
    """A minimal item with that value at that path."""
    key, _, inner = path.partition(".")
    return item(**{key: {inner: value} if inner else value})


@pytest.mark.parametrize("path", COLUMN_OF)
@pytest.mark.parametrize("value", [True, 1.5, ["x"]], ids=str)
def test_a_field_of_the_wrong_type_is_null_kept_and_counted(path: str, value: object) -> None:
    """The rest of the message is loaded as if nothing were wrong."""
    values = item_with(path, value)
    assert message_of(values) == row(values, extra=json.dumps({path: value}, separators=(",", ":")))
    assert message_of(values)[COLUMN_OF[path]] is None
    assert parsed(values).unparsed == 1


@pytest.mark.parametrize("path", ["deleted", "updated"])
@pytest.mark.parametrize("value", ["true", "false", 1, {}])
def test_a_boolean_of_another_type_is_false_kept_and_counted(path: str, value: object) -> None:
    """A string is not read as a boolean: "false" would be true."""
    values = item_with(path, value)
    extra = json.dumps({path: value}, separators=(",", ":"))
    assert message_of(values) == row(values, extra=extra)
    assert parsed(values).unparsed == 1


@pytest.mark.parametrize("path", ["update_time", "message_position"])
@pytest.mark.parametrize("value", ["x", 2**63, str(2**63), -(2**70)])
def test_a_number_that_its_column_cannot_hold_is_null_and_kept(path: str, value: object) -> None:
    """Also one that JSON encoders refuse."""
    values = item_with(path, value)
    assert (message_of(values)[path], parsed(values).unparsed) == (None, 1)
    assert json.loads(message_of(values)["extra"]) == {path: value}


def test_a_time_in_seconds_is_no_time() -> None:
    """Its unit is not guessed: as update_time it is null, as create_time there is no row."""
    values = item(update_time="1615380573")
    assert message_of(values) == row(values, extra='{"update_time":"1615380573"}')
    with pytest.raises(Rejected, match="no usable create_time"):
        parsed(item(create_time="1615380573"))


NO_IDS: list[object] = ["", None, 5, ["om_1"], {}]
NO_TIMES: list[object] = ["", None, True, "x", 0, 1615380573, 10**30, {}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("message_id", no_id) for no_id in NO_IDS),
        *(("chat_id", no_id) for no_id in NO_IDS),
        *(("create_time", no_time) for no_time in NO_TIMES),
    ],
)
def test_without_an_id_a_chat_or_a_time_there_is_no_row(key: str, value: object) -> None:
    """The reason names the field, and shows no value."""
    for values in (item(**{key: value}), {k: v for k, v in item().items() if k != key}):
        with pytest.raises(Rejected, match=f"^no usable {key}"):
            parsed(values)


def test_an_item_is_identified_before_it_is_parsed() -> None:
    """Its id and its time in milliseconds."""
    assert identify(DOCUMENTED) == ("om_dc13264520392913993dd051dba21dcf", CREATED_MS)


def test_an_unread_body_is_kept_as_it_is() -> None:
    """Counted once; the words are there all the same."""
    values = item(body={"content": "no JSON"})
    assert message_of(values) == row(values, text="no JSON", body_content="no JSON")
    assert parsed(values).unparsed == 1
    assert message_of(text_item("hi"))["text"] == "hi"
