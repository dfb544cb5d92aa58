"""The command line from its words to its exit code, against a tenant on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from feishu_source.cli import hosts, main
from feishu_source.sandbox import Sandbox
from tests.cli_tenant import Tenant, tenant, workplace

__all__ = ["tenant", "workplace"]


def texts(database: str = "feishu_history.duckdb") -> list[str]:
    """The texts that were loaded, oldest first."""
    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute("select text from feishu.messages order by create_time, text")
        return [row[0] for row in rows.fetchall()]


def json_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object on stdout."""
    exit_code = main([*words, "--json"])
    value = json.loads(capsys.readouterr().out)
    assert isinstance(value, dict)
    return exit_code, value


DAYS = [f"day {day}" for day in range(5)]


def test_a_load_tells_what_is_new_and_what_was_read_again(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second load finds one message more, and reads nothing older than its look-back."""
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "loaded into   duckdb, feishu_history.duckdb, dataset feishu",
        "chats         2 complete, 0 partial, 0 skipped, 0 failed",
        "messages      6: 6 new, 0 read again",
        "of these      0 replies in 0 threads",
    ]
    tenant.world.post(tenant.team, tenant.world.add_user("Ben"), text="day 10")
    assert main([]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "messages      1: 1 new, 0 read again"
    assert texts() == ["day 0", "hello", *DAYS[1:], "day 10"]


def test_json_is_the_report_and_nothing_else(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object on stdout, its exit code that of the process."""
    exit_code, report = json_of([], capsys)
    assert (exit_code, report["exit_code"]) == (0, 0)
    assert {name: report[name] for name in ("chats_complete", "messages", "new", "problems")} == {
        "chats_complete": 2,
        "messages": 6,
        "new": 6,
        "problems": [],
    }


def test_the_words_choose_what_is_loaded(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """One chat, from a date to the end of another one."""
    words = ["--chat", tenant.team, "--since", "2026-01-02", "--until", "2026-01-03", "--quiet"]
    assert main([*words, "--database", "some.duckdb"]) == 0
    assert capsys.readouterr() == ("", "")
    assert texts("some.duckdb") == ["day 1", "day 2"]


def test_a_refused_chat_makes_the_load_incomplete_unless_its_code_is_tolerated(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are loaded; the summary shows the chat, Feishu's code and what to do."""
    tenant.world.restrict(tenant.other)
    assert main([]) == 3
    out = capsys.readouterr().out
    assert "chats         1 complete, 0 partial, 1 skipped, 0 failed" in out
    assert "│ [/red] Other" in out
    assert "│ 231203" in out
    assert texts() == DAYS
    assert main(["--quiet"]) == 3
    assert capsys.readouterr().err == (
        "1 of 2 chats are not complete: "
        "select * from feishu.sync_coverage where status <> 'complete'\n"
    )
    assert main(["--quiet", "--tolerate", "231203"]) == 0


def test_a_wrong_secret_fails_with_feishus_code_and_without_the_secret(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code, words, next step and log id; what was sent is nowhere."""
    monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", "not-the-secret-at-all")
    exit_code, failure = json_of(["--log-level", "debug"], capsys)
    assert (exit_code, failure["exit_code"], failure["error"]["kind"]) == (
        1,
        1,
        "CredentialsRefused",
    )
    assert failure["error"]["code"] in (10014, 10015)
    assert failure["error"]["log_id"] in failure["error"]["message"]
    assert main(["--log-level", "debug"]) == 1
    written = "".join(capsys.readouterr())
    assert failure["error"]["message"].split(" Log id:")[0] in written.replace("\n", " ")
    assert "not-the-secret-at-all" not in written + json.dumps(failure)


@pytest.mark.usefixtures("workplace")
def test_without_configuration_the_message_says_what_to_set_and_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two settings, two places, and the way to look around without an account."""
    assert main([]) == 2
    captured = capsys.readouterr()
    for words in (
        "SOURCES__FEISHU__APP_ID",
        "SOURCES__FEISHU__APP_SECRET",
        "app_id and app_secret under [sources.feishu] in .dlt/secrets.toml",
        "--demo",
    ):
        assert words in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "1767225600"], "since is '1767225600', a bare number"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "is not before until"),
        (["--timezone", "Mars/Olympus", "--since", "2026-01-01"], "timezone 'Mars/Olympus'"),
        (["--chat", "../x"], "../x"),
        (["--destination", "nowhere"], "nowhere"),
        (["--max-messages", "0"], "0 is not in the range"),
    ],
)
def test_wrong_arguments_end_before_any_request(
    tenant: Tenant, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one sentence on stderr, nothing asked, nothing written."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert (captured.out, tenant.sandbox.requests) == ("", [])


def test_a_second_load_at_the_same_time_is_refused(
    tenant: Tenant, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one holds a lock beside its working folder."""
    assert main(["--quiet", "--pipelines-dir", "state"]) == 0
    (lock,) = (workplace / "state").rglob("*.lock")
    with FileLock(lock):
        assert main(["--pipelines-dir", "state"]) == 4
    assert "another load" in capsys.readouterr().err


class Terminal:
    """A stdin or stderr that says it is a terminal, and a person who types."""

    encoding = "utf-8"

    def __init__(self, typed: str = "") -> None:
        self.typed = typed
        self.written = ""

    def isatty(self) -> bool:
        """A person sits here."""
        return True

    def readline(self) -> str:
        """What the person types."""
        return self.typed

    def write(self, text: str) -> int:
        """What the person sees."""
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.fixture
def elsewhere(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> str:
    """A base_url nobody allowed; whatever is sent there is stopped at this machine."""
    monkeypatch.setenv("SOURCES__FEISHU__BASE_URL", "https://proxy.invalid")
    monkeypatch.setenv("SOURCES__FEISHU__ATTEMPTS", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    return "proxy.invalid"


def test_a_host_nobody_named_is_refused_where_nobody_can_be_asked(
    elsewhere: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the setting in both its spellings."""
    exit_code, failure = json_of([], capsys)
    assert (exit_code, failure["error"]["kind"]) == (2, "HostNotAllowed")
    assert elsewhere in failure["error"]["message"]
    assert "allowed_hosts (SOURCES__FEISHU__ALLOWED_HOSTS)" in failure["error"]["message"]


def test_a_host_is_asked_about_once_and_a_yes_lets_the_load_go_on(
    elsewhere: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next load goes there by itself: here it ends at the closed way to it."""
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    asking = Terminal()
    monkeypatch.setattr(sys, "stderr", asking)
    exit_code, failure = json_of([], capsys)
    assert asking.written.count(f"Send the app secret to {elsewhere}? [y/N]: ") == 1
    assert (exit_code, failure["error"]["kind"]) == (1, "RetriesExhausted")
    assert hosts.read_known_hosts(hosts.known_hosts_path()) == {elsewhere}
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    monkeypatch.setattr(sys, "stderr", again := Terminal())
    assert json_of([], capsys)[1]["error"]["kind"] == "RetriesExhausted"
    assert "Send the app secret" not in again.written


def test_sigterm_ends_the_process_with_143_and_keeps_what_was_read(tenant: Tenant) -> None:
    """The signal comes in the middle of a load: what was listed is loaded and told."""
    running: list[subprocess.Popen[str]] = []

    def strike(_: float) -> None:
        if any(request.path.endswith("/im/v1/messages") for request in tenant.sandbox.requests):
            running[0].send_signal(signal.SIGTERM)

    with Sandbox(tenant.world, latency_ms=(1, 1), sleep=strike) as slow:
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "feishu_source.cli", "--json"],
                env=os.environ | {"SOURCES__FEISHU__BASE_URL": slow.base_url},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        tenant.sandbox = slow
        out, err = running[0].communicate()
    failure = json.loads(out)
    assert (running[0].returncode, failure["exit_code"]) == (143, 143), err
    assert failure["error"]["message"] == "interrupted by SIGTERM"
    assert failure["report"]["exit_code"] == 143
