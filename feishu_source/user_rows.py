"""A person as the contacts tell of them becomes a row of `users`.

In: an item of contact/v3/users/batch, or the lack of one. Out: tuples in the column order of
`users`, times in milliseconds. Refuses to know HTTP, dlt and the clock.

Telephone numbers, pictures, gender, places and whatever else the API sends is left out on purpose:
who wants to know more of a person than a history of chats needs asks for it elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from feishu_source.arrow import Row
from feishu_source.fields import Leftovers, dump_json
from feishu_source.tables import USERS

UserStatus = Literal["ok", "out_of_range", "refused"]
"""`out_of_range`: the app's range of contacts does not hold the person; `refused`: Feishu takes
the id for none, as of a bot or of another app."""

OUT_OF_RANGE = 41050
"""Feishu's code of that, which is also noted where somebody is left out without a word."""

_TEXT = (
    *("union_id", "user_id", "name", "en_name", "nickname", "email", "enterprise_email"),
    *("job_title", "employee_no", "leader_user_id"),
)
_STATES = ("is_frozen", "is_resigned", "is_activated", "is_exited")
_ASKED, _STATUS, _CODE = map(USERS.names.index, ("last_asked_at", "status", "error_code"))


def user_row(open_id: str, item: Mapping[str, Any], at_ms: int) -> tuple[Row, int]:
    """The row of a person who was told of, and how many values did not parse."""
    left = Leftovers()
    values: dict[str, Any] = {name: left.text(item, name) for name in _TEXT}
    status = item.get("status")
    known = frozenset(status) if isinstance(status, dict) else frozenset[str]()
    state = left.nested(item, "status", known)
    values |= {name: left.boolean(state, name) for name in _STATES}
    departments = item.get("department_ids")
    if departments is not None and not isinstance(departments, list):
        left.unparsable("department_ids", departments)
        departments = None
    values |= {
        "open_id": open_id,
        "status": "ok",
        "employee_type": left.integer(item, "employee_type"),
        "department_ids": dump_json(departments).decode() if departments else None,
        "error_code": None,
        "last_asked_at": at_ms,
        "last_read_at": at_ms,
    }
    return tuple(values[name] for name in USERS.names), left.unparsed


def missing_row(
    open_id: str, before: Row | None, status: UserStatus, code: int | None, at_ms: int
) -> Row:
    """The row of a person who is not told of: what was told before stays."""
    nothing = {"open_id": open_id}
    row = list(before or (nothing.get(name) for name in USERS.names))
    row[_STATUS], row[_CODE], row[_ASKED] = status, code, at_ms
    return tuple(row)
