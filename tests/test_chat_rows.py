"""A chat and its members become whole rows."""

from __future__ import annotations

import json
from typing import Any

from feishu_source.arrow import to_arrow
from feishu_source.chat_rows import chat_row, member_rows, unlisted
from feishu_source.tables import CHAT_MEMBERS, CHATS

AT_MS = 1_700_000_000_000
ITEM = {
    "chat_id": "oc_1",
    "avatar": "https://a.cn/1.png",
    "name": "Room",
    "description": "",
    "owner_id": "ou_1",
    "owner_id_type": "open_id",
    "external": False,
    "tenant_key": "t",
    "chat_status": "normal",
}
DETAILS = {
    "name": "Room, renamed",
    "group_message_type": " thread",
    "chat_mode": "group",
    "chat_type": "private",
    "user_count": "12",
    "bot_count": "0",
    "external": True,
    "owner_id": None,
    "i18n_names": {"en_us": "Room", "ja_jp": ""},
}


def row(item: dict[str, Any] | None, details: dict[str, Any] | None) -> dict[str, Any]:
    """The row of a chat, by column."""
    values = chat_row("oc_1", item, details, AT_MS)
    assert to_arrow(CHATS, [values]).num_rows == 1
    return dict(zip(CHATS.names, values, strict=True))


def test_a_listed_chat_with_details_is_a_whole_row() -> None:
    """Details win where they say something; counts are strings; stray blanks go."""
    assert chat_row("oc_1", ITEM, DETAILS, AT_MS) == (
        "oc_1",
        "Room, renamed",
        None,  # description
        "https://a.cn/1.png",
        *("ou_1", "open_id"),
        True,  # external
        *("t", "normal"),
        *("group", "thread", "private"),
        *(12, 0),
        *(True, AT_MS),  # listed
        '{"i18n_names.en_us":"Room","i18n_names.ja_jp":""}',
    )


def test_a_chat_without_details_is_what_the_list_shows() -> None:
    """They may be refused."""
    nothing = dict.fromkeys(CHATS.names)
    listed = nothing | ITEM | {"description": None, "listed": True, "last_listed_at": AT_MS}
    assert row(ITEM, None) == listed


def test_a_chat_that_is_not_listed_says_so() -> None:
    """Of a chat that nobody tells about, its id is left."""
    nothing = dict.fromkeys(CHATS.names) | {"chat_id": "oc_1", "listed": False}
    assert row(None, None) == nothing
    assert row(None, {"chat_mode": "p2p"}) == nothing | {"chat_mode": "p2p"}


def test_a_value_of_the_wrong_type_is_null_and_kept() -> None:
    """The id is the one that was asked for."""
    odd = {"chat_id": 5, "name": ["x"], "external": "true", "user_count": "many", "new": {"a": 1}}
    nothing = dict.fromkeys(CHATS.names) | {"chat_id": "oc_1"}
    extra = {"name": ["x"], "external": "true", "user_count": "many", "new.a": 1}
    found = row(odd, None)
    assert json.loads(found.pop("extra")) == extra
    expected = nothing | {"listed": True, "last_listed_at": AT_MS}
    del expected["extra"]
    assert found == expected


def test_a_chat_that_left_the_list_keeps_all_else() -> None:
    """When it was last listed, too."""
    before = chat_row("oc_1", ITEM, DETAILS, AT_MS)
    after = dict(zip(CHATS.names, unlisted(before), strict=True))
    assert after == dict(zip(CHATS.names, before, strict=True)) | {"listed": False}


def test_members_are_whole_rows_once_each() -> None:
    """Lists overlap while people come and go: the later entry wins."""
    tom: dict[str, Any] = {
        "member_id": "ou_1",
        "member_id_type": "open_id",
        "name": "Tom",
        "tenant_key": "t",
    }
    members = [tom, {"member_id": "ou_2"}, tom | {"name": "Tim", "new": {"a": 1}}]
    assert member_rows("oc_1", members, AT_MS) == [
        ("oc_1", "ou_1", "open_id", "Tim", "t", '{"new.a":1}', AT_MS, False),
        ("oc_1", "ou_2", "", None, None, None, AT_MS, False),
    ]


def test_a_chat_without_members_removes_those_it_had() -> None:
    """A tombstone alone; an entry without an id is no member."""
    tombstone = ("oc_1", "", "", None, None, None, AT_MS, True)
    assert member_rows("oc_1", [], AT_MS) == [tombstone]
    assert member_rows("oc_1", [{"name": "Tom"}, {"member_id": 5}], AT_MS) == [tombstone]
    assert to_arrow(CHAT_MEMBERS, [tombstone]).num_rows == 1
