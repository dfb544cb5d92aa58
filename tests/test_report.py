"""The account of a load adds up, and reads the same for machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from feishu_source.report import ChatProblem, LoadReport, Progress

STARTED = datetime(2026, 1, 31, 8, tzinfo=UTC)


def load_report(**more: object) -> LoadReport:
    """A report of nothing yet, with what a test adds."""
    values: dict[str, object] = {
        "run_id": "run_1",
        "version": "0.1.0",
        "pipeline": "feishu_history",
        "destination": "duckdb",
        "dataset": "feishu",
        "database": "feishu_history.duckdb",
        "started_at": STARTED,
    }
    return LoadReport(**(values | more))  # type: ignore[arg-type]


def test_a_new_report_counts_nothing_and_is_a_failure() -> None:
    """Until somebody says otherwise a load has failed: a crash must not read as success."""
    report = load_report()
    assert (report.exit_code, report.chats, report.rows, report.new, report.seconds) == (
        1,
        0,
        0,
        None,
        0.0,
    )


def test_chats_and_rows_are_the_sums_of_their_kinds() -> None:
    """Every chat is in one of four states; every row is a message or a reply."""
    report = load_report(
        chats_complete=1,
        chats_partial=20,
        chats_skipped=300,
        chats_failed=4_000,
        messages=50,
        replies=6,
    )
    assert (report.chats, report.rows) == (4_321, 56)


def test_read_again_is_what_is_not_new() -> None:
    """Unknown stays unknown."""
    assert load_report(messages=50, replies=6, new=16).read_again == 40
    assert load_report(messages=50, replies=6).read_again is None


def test_seconds_run_from_start_to_finish() -> None:
    """A running load has taken no time yet."""
    assert load_report(finished_at=STARTED + timedelta(milliseconds=1_234)).seconds == 1.234


def test_the_report_for_machines_is_json_and_complete() -> None:
    """Whole values: each field, the derived numbers, times as ISO 8601 in UTC."""
    problem = ChatProblem(
        chat_id="oc_1", name="[/red]", status="skipped", code=231203, log_id="log_1"
    )
    report = load_report(
        finished_at=STARTED + timedelta(seconds=2.5),
        pinned_end=STARTED,
        exit_code=3,
        chats_complete=1,
        chats_skipped=1,
        messages=5,
        replies=2,
        new=3,
        problems=[problem],
        warnings=["a warning"],
    )
    assert json.loads(json.dumps(report.to_dict())) == {
        "run_id": "run_1",
        "version": "0.1.0",
        "pipeline": "feishu_history",
        "destination": "duckdb",
        "dataset": "feishu",
        "database": "feishu_history.duckdb",
        "started_at": "2026-01-31T08:00:00+00:00",
        "finished_at": "2026-01-31T08:00:02.500000+00:00",
        "pinned_end": "2026-01-31T08:00:00+00:00",
        "exit_code": 3,
        "chats_complete": 1,
        "chats_partial": 0,
        "chats_skipped": 1,
        "chats_failed": 0,
        "messages": 5,
        "replies": 2,
        "new": 3,
        "threads": 0,
        "requests": 0,
        "refused": 0,
        "retries": 0,
        "rejected": 0,
        "unparsed": 0,
        "slices": 0,
        "shard": None,
        "published": None,
        "searchable": None,
        "files": None,
        "users": None,
        "problems": [
            {
                "chat_id": "oc_1",
                "name": "[/red]",
                "status": "skipped",
                "code": 231203,
                "message": None,
                "advice_en": None,
                "advice_zh": None,
                "log_id": "log_1",
            }
        ],
        "warnings": ["a warning"],
        "seconds": 2.5,
        "read_again": 4,
    }


def test_progress_starts_at_zero() -> None:
    """Nothing is claimed before it happened."""
    assert Progress() == Progress(
        phase="starting",
        slice=0,
        chats_total=0,
        chats_done=0,
        messages=0,
        replies=0,
        requests=0,
        refused=0,
        range_share=0.0,
    )
