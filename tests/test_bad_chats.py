"""Each chat has a trouble of its own, the others are loaded, and what was missed comes later.

The tests look at what the second load of the story told and left, and at what the third one mended.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.troubled_chats import CASES, ODD_ITEMS, Story, story

__all__ = ["story"]


@pytest.mark.parametrize("name", CASES)
def test_coverage_says_what_stands_in_the_way_of_a_chat_and_what_to_do(
    story: Story, name: str
) -> None:
    """Status, Feishu's code and words, the next step, and the log id where an answer came."""
    case, row = CASES[name], story.coverage[name]
    told = {key: row[key] for key in ("chat_name", "status", "error_code", "advice_en")}
    assert told == {
        "chat_name": name,
        "status": case.status,
        "error_code": case.code,
        "advice_en": case.advice,
    }
    assert fnmatchcase(row["error_message"], case.message)
    assert bool(row["log_id"]) == case.has_log_id
    assert row["covered_until"] < story.reports[1].pinned_end


def test_report_names_the_same_problems(story: Story) -> None:
    """Every chat in trouble, and no other; the load counts as incomplete."""
    report = story.reports[1]
    assert (report.exit_code, report.chats_complete, report.chats_skipped) == (3, 4, 3)
    assert report.chats_failed == len(CASES) - 3
    assert {
        (p.name, p.status, p.code, p.message, p.advice_en, p.advice_zh, p.log_id)
        for p in report.problems
    } == {
        tuple(row[key] for key in ("chat_name", "status", "error_code", "error_message"))
        + tuple(row[key] for key in ("advice_en", "advice_zh", "log_id"))
        for name, row in story.coverage.items()
        if name in CASES
    }


def test_chat_beside_those_in_trouble_is_loaded_completely(story: Story) -> None:
    """Its new messages arrived, and nothing stands in its way."""
    row = story.coverage["quiet"]
    assert (row["status"], row["error_code"], row["error_message"]) == ("complete", None, None)
    assert story.texts["quiet"] == [
        *("root", "reply before", "before 0 in quiet", "before 1 in quiet", "before 2 in quiet"),
        *("meanwhile 0 in quiet", "meanwhile 1 in quiet", "meanwhile 2 in quiet"),
    ]


@pytest.mark.parametrize("name", CASES)
def test_what_was_loaded_of_a_chat_before_its_trouble_stays(story: Story, name: str) -> None:
    """Nothing is taken away, and no part of a listing that broke off is lost on the way."""
    assert story.texts[name][:3] == [f"before {number} in {name}" for number in range(3)]


@pytest.mark.parametrize("name", ODD_ITEMS)
def test_item_that_cannot_be_a_row_is_kept_aside_and_its_chat_goes_on(
    story: Story, name: str
) -> None:
    """It is counted; the other messages are loaded; a later, right listing is loaded as usual."""
    reason = {
        "no message_id": "no usable message_id",
        "no create_time": "no usable create_time (milliseconds since 1970 are expected)",
        "times in seconds": "no usable create_time (milliseconds since 1970 are expected)",
    }[name]
    rejected = [
        row
        for row in story.lab.rows("rejected_messages")
        if row["chat_id"] == story.chats[name] and f"before 0 in {name}" in row["item"]
    ]
    assert [row["reason"] for row in rejected] == [reason]
    assert story.reports[1].rejected == len(ODD_ITEMS)
    assert story.coverage[name]["status"] == "complete"
    assert story.texts[name] == [
        *(f"before {number} in {name}" for number in range(3)),
        *(f"meanwhile {number} in {name}" for number in range(3)),
    ]


def test_invisible_thread_is_told_and_leaves_its_chat_complete(story: Story) -> None:
    """`threads` has code, words and log id; the replies come once it can be seen."""
    (row,) = story.threads
    assert {key: row[key] for key in ("thread_id", "status", "error_code", "error_message")} == {
        "thread_id": story.thread_id,
        "status": "invisible",
        "error_code": 230073,
        "error_message": "The thread is invisible to the operator.",
    }
    assert row["log_id"]
    assert "reply meanwhile" not in story.texts["quiet"]


def test_after_healing_the_tables_equal_the_truth(story: Story) -> None:
    """One more load brings everything that was missed."""
    report = story.reports[2]
    assert (report.exit_code, report.chats_complete, report.problems) == (0, len(story.chats), [])
    story.lab.assert_equals_truth()
    assert {
        (row["status"], row["error_code"], row["error_message"], row["advice_en"], row["log_id"])
        for row in story.lab.rows("sync_coverage")
    } == {("complete", None, None, None, None)}
