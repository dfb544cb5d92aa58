"""Each name of each person once, whatever table tells it."""

from __future__ import annotations

from typing import Any

from feishu_source.arrow import to_arrow
from feishu_source.names_seen import NamesSeen
from feishu_source.tables import CHAT_MEMBERS, MENTIONS, MESSAGES, TABLES, Table

AT_MS = 1_700_000_000_000
NOTHING: dict[str, Any] = {"text": "", "json": "{}", "bool": False, "bigint": 0, "ts": AT_MS}


def data(table: Table, *given: dict[str, Any]) -> Any:
    """Rows of a table, what is not given as little as may be."""
    rows = []
    for values in given:
        least = {each.name: None if each.nullable else NOTHING[each.type] for each in table.columns}
        rows.append(tuple((least | values).values()))
    return to_arrow(table, rows)


def sent(person: str | None, name: str | None) -> dict[str, Any]:
    """A message."""
    return {"sender_id": person, "sender_name": name}


def test_a_name_is_told_once_by_whom_it_is_borne_first() -> None:
    """Whatever was known, was seen, or is seen by another table later."""
    names = NamesSeen([("ou_1", "Ann")])
    names.note(MESSAGES, data(MESSAGES, sent("ou_1", "Ann"), *[sent("ou_2", "Bob")] * 3))
    member = {"member_id": "ou_2", "name": "Bob"}
    names.note(CHAT_MEMBERS, data(CHAT_MEMBERS, member, {"member_id": "ou_1", "name": "Anna"}))
    assert sorted(names.take(AT_MS)) == [("ou_1", "Anna", AT_MS), ("ou_2", "Bob", AT_MS)]
    names.note(MESSAGES, data(MESSAGES, sent("ou_1", "Anna"), sent("ou_3", "Ann")))
    assert names.take(AT_MS + 1) == [("ou_3", "Ann", AT_MS + 1)]
    assert names.take(AT_MS + 2) == []
    assert names.ids == {"ou_1", "ou_2", "ou_3"}


def test_who_is_nobody_and_what_is_no_name_is_left_out() -> None:
    """Anonymous senders, everyone, tombstones, and whoever is not named."""
    names = NamesSeen([])
    names.note(MESSAGES, data(MESSAGES, sent(None, "Ann"), sent("ou_1", None), sent("ou_1", "")))
    everyone = {"mentioned_id": "all", "mentioned_name": "所有人"}
    names.note(MENTIONS, data(MENTIONS, everyone, {"_deleted": True}))
    names.note(CHAT_MEMBERS, data(CHAT_MEMBERS, {"member_id": "", "name": None, "_deleted": True}))
    assert (names.take(AT_MS), names.ids) == ([], set())


def test_a_table_without_names_tells_none() -> None:
    """Every table may be noted."""
    names = NamesSeen([])
    for table in TABLES.values():
        names.note(table, data(table))
    assert names.take(AT_MS) == []
