"""Reactions to a message, and pins of a chat, as the API gives them become rows.

In: items of the API. Out: tuples in the column order of `message_reactions` and `chat_pins`, times
in milliseconds. Refuses to know HTTP, dlt and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from feishu_source.arrow import Row
from feishu_source.fields import Leftovers

_REACTION_KEYS = frozenset(["reaction_id", "operator", "action_time", "reaction_type"])
_OPERATOR_KEYS = frozenset(["operator_id", "operator_type"])
_TYPE_KEYS = frozenset(["emoji_type"])
_PIN_KEYS = frozenset(["message_id", "chat_id", "operator_id", "operator_id_type", "create_time"])

NO_ID = "a reaction without a reaction_id"


def reaction_rows(
    message_id: str, chat_id: str, create_ms: int, items: Iterable[Mapping[str, Any]]
) -> tuple[list[Row], list[Mapping[str, Any]], int]:
    """Rows of one message's reactions, the items that have no id, and how many values were lost.

    A reaction that is given twice, as pages move while they are read, is one.
    """
    rows: dict[str, Row] = {}
    rejected: list[Mapping[str, Any]] = []
    unparsed = 0
    for item in items:
        left = Leftovers()
        left.unknown(item, _REACTION_KEYS)
        reaction_id = left.text(item, "reaction_id")
        if reaction_id is None:
            rejected.append(item)
            continue
        kind = left.nested(item, "reaction_type", _TYPE_KEYS)
        operator = left.nested(item, "operator", _OPERATOR_KEYS)
        rows[reaction_id] = (
            message_id,
            reaction_id,
            chat_id,
            create_ms,
            left.text(kind, "emoji_type", "reaction_type."),
            left.text(operator, "operator_id", "operator."),
            left.text(operator, "operator_type", "operator."),
            left.milliseconds(item, "action_time"),
            left.json(),
            False,
        )
        unparsed += left.unparsed
    return list(rows.values()), rejected, unparsed


def pin_rows(chat_id: str, pins: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of `chat_pins` that replace the chat's: a tombstone if nothing is pinned."""
    rows: dict[str, Row] = {}
    for pin in pins:
        left = Leftovers()
        left.unknown(pin, _PIN_KEYS)
        message_id = left.text(pin, "message_id")
        if message_id is not None:
            who, kind = left.text(pin, "operator_id"), left.text(pin, "operator_id_type")
            when_ms = left.milliseconds(pin, "create_time")
            rows[message_id] = (chat_id, message_id, who, kind, when_ms, left.json(), False)
    return list(rows.values()) or [(chat_id, "", None, None, None, None, True)]
