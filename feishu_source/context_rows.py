"""Tabs and announcement of a chat, as the API gives them, become rows.

In: items of the API. Out: tuples in the column order of `chat_tabs` and `chat_announcements`, times
in milliseconds. Refuses to know HTTP, dlt and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from feishu_source.arrow import Row
from feishu_source.fields import Leftovers, dump_json
from feishu_source.tables import CHAT_ANNOUNCEMENTS, CHAT_TABS

_TAB_KEYS = frozenset(["tab_id", "tab_name", "tab_type", "tab_content", "tab_config"])
_CONFIG_KEYS: frozenset[str] = frozenset()
_PLACES = ("url", "doc", "meeting_minute", "task")
"""Under which key a tab says where it leads, by its type; others lead nowhere outside the chat."""

_PEOPLE = ("owner_id", "owner_id_type", "modifier_id", "modifier_id_type")
_ANNOUNCED_KEYS = frozenset(
    {
        *(*_PEOPLE, "announcement_type", "content", "create_time", "update_time"),
        *("revision", "revision_id"),
    }
)


def tab_rows(chat_id: str, tabs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of `chat_tabs` that replace the chat's: a tombstone if it has none."""
    rows: dict[str, Row] = {}
    for index, tab in enumerate(tabs):
        left = Leftovers()
        left.unknown(tab, _TAB_KEYS)
        tab_id = left.text(tab, "tab_id")
        if tab_id is None:
            continue
        left.nested(tab, "tab_config", _CONFIG_KEYS)
        content = tab.get("tab_content")
        places = content if isinstance(content, dict) else {}
        leads = (left.text(places, key, "tab_content.") for key in _PLACES)
        rows[tab_id] = (
            chat_id,
            tab_id,
            index,
            left.text(tab, "tab_name"),
            left.text(tab, "tab_type"),
            next(filter(None, leads), None),
            dump_json(content).decode() if content else None,
            left.json(),
            False,
        )
    return list(rows.values()) or [_nothing(CHAT_TABS.names, chat_id, tab_id="", tab_index=-1)]


def announcement_rows(chat_id: str, announced: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The row of `chat_announcements` that replaces the chat's: a tombstone without one."""
    for told in announced:
        left = Leftovers()
        left.unknown(told, _ANNOUNCED_KEYS)
        revision = left.integer(told, "revision_id")
        row = (
            chat_id,
            left.text(told, "announcement_type") or "doc",
            left.text(told, "revision") if revision is None else str(revision),
            left.text(told, "content"),
            left.seconds(told, "create_time"),
            left.seconds(told, "update_time"),
            *(left.text(told, key) for key in _PEOPLE),
            left.json(),
            False,
        )
        return [row]
    return [_nothing(CHAT_ANNOUNCEMENTS.names, chat_id, announcement_type="")]


def _nothing(names: Iterable[str], chat_id: str, **key: Any) -> Row:
    known = {"chat_id": chat_id, "_deleted": True, **key}
    return tuple(map(known.get, names))
