"""Every exception a load may end with becomes one line and one exit code."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime

import pytest
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from feishu_source.cli.failures import UNEXPECTED, Failure, explain
from feishu_source.errors import (
    ConfigurationError,
    CredentialsRefused,
    FeishuError,
    HostNotAllowed,
    Interrupted,
    LoadLocked,
    MalformedId,
    RetriesExhausted,
)
from feishu_source.report import LoadReport


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (FeishuError("broken"), 1),
        (RetriesExhausted("list chats"), 1),
        (ConfigurationError("since is 'x'"), 2),
        (HostNotAllowed("example.com"), 2),
        (MalformedId("chat id 'x'"), 2),
        (LoadLocked("another load is running"), 4),
        (Interrupted(signal.SIGINT), 130),
        (Interrupted(signal.SIGTERM), 143),
        (Interrupted(), 130),
        (KeyboardInterrupt(), 130),
        (ValueError("broken"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, exit_code: int) -> None:
    """The table of the README, by kind of error."""
    assert explain(error).exit_code == exit_code


def test_feishus_refusal_keeps_its_code_log_id_and_advice() -> None:
    """They are fields for machines, and stand in the sentence for people."""
    error = CredentialsRefused("get an access token", code=10014, msg="app secret", log_id="log_1")
    failure = explain(error)
    assert failure == Failure(
        exit_code=1,
        kind="CredentialsRefused",
        message=str(error),
        code=10014,
        log_id="log_1",
        advice_en=error.advice_en,
        advice_zh=error.advice_zh,
        message_zh=error.in_chinese(),
    )


def raised_from(error: Exception, *causes: Exception) -> Exception:
    """An exception as `raise … from …` leaves it, the root cause last."""
    inner = error
    for cause in causes:
        inner.__cause__ = cause
        inner = cause
    return error


def test_an_error_is_found_inside_what_wrapped_it() -> None:
    """dlt raises its own exceptions from ours, several deep."""
    outer = raised_from(
        RuntimeError("pipeline step failed"),
        RuntimeError("extracting resource messages"),
        LoadLocked("another load is running"),
        OSError("lock held"),
    )
    assert explain(outer) == Failure(4, "LoadLocked", "another load is running")


def test_an_unforeseen_error_is_named_by_its_root_and_says_where_to_look() -> None:
    """One line: the class and the first line of what it says, without a token."""
    outer = raised_from(
        RuntimeError("step failed"), ValueError("no column for t-0123456789abcdef\nmore")
    )
    assert explain(outer) == Failure(
        1, "ValueError", "ValueError: no column for [redacted]", hint=UNEXPECTED
    )


def test_what_dlt_calls_configuration_is_configuration() -> None:
    """A setting that dlt refuses and a destination that is not installed are exit code 2."""
    assert explain(ConfigurationException("no such key")) == Failure(
        2, "ConfigurationException", "no such key"
    )
    missing = explain(MissingDependencyException("dlt postgres", ["psycopg2-binary"]))
    assert (missing.exit_code, missing.kind) == (2, "MissingDependencyException")


def test_a_failure_for_machines_is_json_with_the_report_so_far() -> None:
    """What was loaded before the error is not lost from the account."""
    error = Interrupted(signal.SIGTERM)
    error.report = LoadReport(
        run_id="run_1",
        version="0.1.0",
        pipeline="p",
        destination="duckdb",
        dataset="feishu",
        database=None,
        started_at=datetime(2026, 1, 31, tzinfo=UTC),
        messages=7,
    )
    assert json.loads(json.dumps(explain(error).to_dict())) == {
        "exit_code": 143,
        "error": {
            "kind": "Interrupted",
            "message": "interrupted by SIGTERM",
            "code": None,
            "log_id": None,
            "advice_en": None,
            "advice_zh": None,
        },
        "report": error.report.to_dict(),
    }
