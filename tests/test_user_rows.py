"""A person as the contacts tell of them becomes a whole row."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source.arrow import to_arrow
from feishu_source.tables import USERS
from feishu_source.user_rows import missing_row, user_row

AT_MS = 1_700_000_000_000
DOCUMENTED: dict[str, Any] = {
    "union_id": "on_94a1",
    "user_id": "3e3cf96b",
    "open_id": "ou_7dab",
    "name": "张三",
    "en_name": "San Zhang",
    "nickname": "Alex Zhang",
    "email": "zhangsan@example.com",
    "mobile": "13011111111",
    "mobile_visible": False,
    "gender": 1,
    "avatar": {"avatar_72": "https://foo.example.com/xxxx"},
    "status": {"is_frozen": False, "is_resigned": False, "is_activated": True, "is_exited": False},
    "department_ids": ["od-4e6a"],
    "leader_user_id": "ou_1234",
    "city": "杭州",
    "join_time": 2147483647,
    "employee_no": "1",
    "employee_type": 1,
    "enterprise_email": "demo@example.com",
    "job_title": "xxxxx",
}
NOTHING = dict.fromkeys(USERS.names)


def row(item: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The row of an item, by column, and how many values did not parse."""
    values, unparsed = user_row("ou_7dab", item, AT_MS)
    assert to_arrow(USERS, [values]).num_rows == 1
    return dict(zip(USERS.names, values, strict=True)), unparsed


def test_the_documented_item_is_a_whole_row() -> None:
    """Number, picture, gender and place are nobody's business here."""
    states = {"is_frozen": False, "is_resigned": False, "is_activated": True, "is_exited": False}
    told = {name: DOCUMENTED[name] for name in USERS.names if name in DOCUMENTED}
    more = {"status": "ok", "department_ids": '["od-4e6a"]', "error_code": None}
    times = {"last_asked_at": AT_MS, "last_read_at": AT_MS}
    assert row(DOCUMENTED) == (told | states | more | times, 0)


def test_what_no_scope_shows_is_null() -> None:
    """With the least of all scopes ids come."""
    told = {"open_id": "ou_7dab", "status": "ok", "last_asked_at": AT_MS, "last_read_at": AT_MS}
    assert row({"open_id": "ou_7dab"}) == (NOTHING | told, 0)


def test_a_value_of_the_wrong_type_is_null_and_counted() -> None:
    """The rest of the row is as good as ever."""
    odd = {"name": 5, "status": "gone", "department_ids": "od-1", "employee_type": "many"}
    found, unparsed = row({"open_id": "ou_7dab", "email": "a@example.com", **odd})
    assert (found["email"], found["name"], found["is_frozen"]) == ("a@example.com", None, None)
    assert (found["department_ids"], found["employee_type"], unparsed) == (None, None, 4)


@pytest.mark.parametrize("status", [1, True, 1.5, "gone", ["gone"], [{}]])
def test_a_status_that_is_no_object_is_one_value_that_is_lost(status: Any) -> None:
    """Of any kind: no person ends a load."""
    found, unparsed = row({"open_id": "ou_7dab", "name": "Ann", "status": status})
    assert (found["status"], found["name"], found["is_frozen"], unparsed) == ("ok", "Ann", None, 1)


def test_who_is_no_longer_told_of_keeps_what_was_told() -> None:
    """Somebody who has left is still called by a name."""
    before, _ = user_row("ou_7dab", DOCUMENTED, AT_MS)
    after = missing_row("ou_7dab", before, "out_of_range", 41050, AT_MS + 1)
    changed = {"status": "out_of_range", "error_code": 41050, "last_asked_at": AT_MS + 1}
    assert dict(zip(USERS.names, after, strict=True)) == row(DOCUMENTED)[0] | changed


def test_who_was_never_told_of_is_a_row_all_the_same() -> None:
    """So that nobody is asked for again and again."""
    values = missing_row("ou_7dab", None, "refused", 40001, AT_MS)
    told = {"open_id": "ou_7dab", "status": "refused", "error_code": 40001}
    expected = NOTHING | told | {"last_asked_at": AT_MS}
    assert dict(zip(USERS.names, values, strict=True)) == expected
    assert to_arrow(USERS, [values]).num_rows == 1
