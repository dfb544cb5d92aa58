"""Tabs and announcements as they are documented become rows."""

from __future__ import annotations

from typing import Any

from feishu_source.context_rows import announcement_rows, tab_rows

CREATED_MS = 1_609_296_809_000


def test_a_tab_leads_where_its_kind_says() -> None:
    """What no column models is kept by path; a tab without an id is none."""
    tabs: list[dict[str, Any]] = [
        {"tab_id": "1", "tab_type": "message"},
        {"tab_name": "no id"},
        {"tab_id": "2", "tab_name": "文档", "tab_type": "doc", "tab_content": {"doc": "https://d"}},
        {"tab_id": "3", "tab_config": {"icon_key": "i"}, "tab_content": "text", "new": {"a": 1}},
        {"tab_id": "4", "tab_content": {"url": 5, "task": "https://t"}},
    ]
    assert tab_rows("oc_1", tabs) == [
        ("oc_1", "1", 0, None, "message", None, None, None, False),
        ("oc_1", "2", 2, "文档", "doc", "https://d", '{"doc":"https://d"}', None, False),
        (
            *("oc_1", "3", 3, None, None, None, '"text"'),
            *('{"new.a":1,"tab_config.icon_key":"i"}', False),
        ),
        (
            *("oc_1", "4", 4, None, None, "https://t", '{"task":"https://t","url":5}'),
            *('{"tab_content.url":5}', False),
        ),
    ]


def test_an_announcement_of_either_form_is_one_row() -> None:
    """Times are seconds, in strings or numbers; others are kept and not guessed."""
    who = {
        "owner_id": "ou_1",
        "owner_id_type": "open_id",
        "modifier_id": "cli_1",
        "modifier_id_type": "app_id",
    }
    times = {"create_time": "1609296809", "update_time": "1609296810"}
    old = {"content": "{}", "revision": "12", **times, **who}
    ids = ("ou_1", "open_id", "cli_1", "app_id")
    assert announcement_rows("oc_1", [old]) == [
        ("oc_1", "doc", "12", "{}", CREATED_MS, CREATED_MS + 1_000, *ids, None, False)
    ]
    new = {
        "revision_id": 0,
        "create_time": 1_609_296_809,
        "update_time": CREATED_MS * 1_000,
        "announcement_type": "docx",
        "create_time_v2": "1609296809",
        **who,
    }
    extra = '{"create_time_v2":"1609296809","update_time":1609296809000000}'
    assert announcement_rows("oc_1", [new]) == [
        ("oc_1", "docx", "0", None, CREATED_MS, None, *ids, extra, False)
    ]


def test_a_chat_without_any_gets_a_tombstone() -> None:
    """It removes what stood there."""
    assert tab_rows("oc_1", []) == [("oc_1", "", -1, *[None] * 5, True)]
    assert announcement_rows("oc_1", []) == [("oc_1", "", *[None] * 9, True)]
