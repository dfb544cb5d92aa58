"""docs/people.md and its Chinese twin: scopes, columns and statuses are those of the code."""

from __future__ import annotations

import re
from typing import get_args

import duckdb
import pytest

from feishu_source.analytics import create_views
from feishu_source.destination import plan_pipeline
from feishu_source.doctor.judging import CONTACT_SCOPES
from feishu_source.people import MISSING_PERIODS
from feishu_source.sandbox import World
from feishu_source.sandbox.contacts import CONTACT_SCOPE, FIELD_SCOPES
from feishu_source.tables import USERS
from feishu_source.user_rows import UserStatus
from tests.docs_pages import DOCS, code, headings
from tests.lab import Lab
from tests.test_queries import VIEWS

PAGES = {"en": DOCS / "people.md", "zh": DOCS / "zh-CN" / "people.md"}
EITHER = pytest.mark.parametrize("language", PAGES)
NOT_TOLD = {"open_id", "status", "error_code", "last_asked_at", "last_read_at"}


def rows_under(language: str, head: str) -> dict[str, list[str]]:
    """The words in code marks of each row of the table with that head, by its first."""
    text = PAGES[language].read_text("utf-8")
    table = text[text.index(head) :].partition("\n\n")[0].splitlines()[2:]
    cells = [re.findall(r"`([^`]+)`", line) for line in table]
    return {row[0]: row[1:] for row in cells}


@EITHER
def test_scopes_and_their_columns(language: str) -> None:
    """Each column with the scope that shows it, each scope that the check calls useful."""
    told = rows_under(language, {"en": "| scope |", "zh": "| 权限 |"}[language])
    assert told.keys() == CONTACT_SCOPES
    shown = {column: scope for scope, columns in told.items() for column in columns}
    assert shown.keys() == set(USERS.names) - NOT_TOLD
    of_status = {name for name in shown if name.startswith("is_")}
    for column, scope in shown.items():
        field = "status" if column in of_status else column
        if column != "employee_no":  # which two scopes show
            assert FIELD_SCOPES.get(field, CONTACT_SCOPE) == scope


@EITHER
def test_statuses_and_periods(language: str) -> None:
    """All of them, and how much more rarely who is missing is asked for."""
    assert rows_under(language, "| `status` |").keys() == set(get_args(UserStatus))
    words = {"en": "again after four periods", "zh": "在四个周期之后再次请求"}[language]
    assert (MISSING_PERIODS, words in PAGES[language].read_text("utf-8")) == (4, True)


def test_the_twins_have_the_same_parts() -> None:
    """As many headings of each level, the same code."""
    english, chinese = (PAGES[each].read_text("utf-8") for each in ("en", "zh"))
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    for language in ("sh", "sql", "toml"):
        assert code(english, language) == code(chinese, language)


@EITHER
def test_columns_of_the_views(lab: Lab, world: World, ann: str, team: str, language: str) -> None:
    """Those that are told are there, and the query of the page counts by name."""
    world.post(team, ann, text="one")
    world.post(team, ann, text="two")
    lab.load()
    create_views(plan_pipeline(database=str(lab.database)), VIEWS)
    text = PAGES[language].read_text("utf-8")
    told: dict[str, list[str]] = {}
    view = ""
    head = {"en": "| view |", "zh": "| 视图 |"}[language]
    for line in text[text.index(head) :].partition("\n\n")[0].splitlines()[2:]:
        first, columns = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3])
        view = first[0] if first else view
        told.setdefault(view, []).extend(columns)
    for view, columns in told.items():
        assert set(columns) <= set(lab.rows(view)[0])
    (query,) = code(text, "sql")
    with duckdb.connect(str(lab.database), read_only=True) as connection:
        assert connection.execute(query).fetchall() == [("Ann", 2)]
