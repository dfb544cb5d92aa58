"""`feishu-history --plan` from its words to its exit code, against a tenant on loopback."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console

from feishu_source import plan
from feishu_source.cli import main
from feishu_source.cli.options import Options, parse
from feishu_source.cli.plan import KINDS, show, spell
from feishu_source.forecast.report import Amount
from feishu_source.sandbox.bodies import media_body
from feishu_source.version import VERSION
from tests.cli_tenant import Tenant, tenant, workplace
from tests.examined import files_in

__all__ = ["tenant", "workplace"]


def json_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one JSON object on stdout, whose exit code is that of the process."""
    exit_code = main(["--plan", "--json", *words])
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["exit_code"] == exit_code
    return value


def rows_of(printed: str) -> dict[str, list[str]]:
    """The rows of the table, the last of each name; what they are called, and their numbers."""
    lines = [line.strip("│").split("│") for line in printed.splitlines() if line.startswith("│")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_plan_tells_chats_requests_minutes_and_shares(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two chats of six messages, counted; a day of two loads."""
    assert main(["--plan", "--every", "12h", "--quota", "100"]) == 0
    printed = capsys.readouterr()
    rows = rows_of(printed.out)
    assert printed.err == ""
    assert rows["messages"] == ["2", "2", "2"]
    assert rows["new messages, look-back"][1] == "4"
    assert rows["minutes at 1,000 a minute"][0] == "0.0"
    assert rows["share of 100 a month"][0].endswith("%")
    assert rows["share of 100, 30 such days"][0].endswith("%")
    assert "a day, 2 loads every 12h" in rows
    assert "2 chats, about 6 messages (6 to 6)." in printed.out
    requests = len(tenant.sandbox.requests)
    assert f"The plan itself made {requests} requests." in printed.out


def test_plan_tells_what_files_would_take(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is asked for; with as many as are there where a chat was seen whole."""
    tenant.world.post(tenant.team, body=media_body("image", "img_1"))
    tenant.world.post(tenant.team, body=media_body("sticker", "st_1"))
    assert main(["--plan", "--files", "files"]) == 0
    assert (
        "Files take about 1 requests more in the first load (1 to 1), one for each; "
        "those in threads are not counted." in " ".join(capsys.readouterr().out.split())
    )
    assert json_of(["--files", "files"], capsys)["files"] == {"point": 1, "low": 1, "high": 1}
    assert json_of([], capsys)["files"] is None
    assert not [each for each in tenant.sandbox.requests if "/resources/" in each.path]
    assert not Path("files").exists()


def test_plan_writes_nothing(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """No database, no working folder, nothing beside them."""
    before = files_in(Path.cwd())
    assert main(["--plan"]) == 0
    assert files_in(Path.cwd()) == before


def test_plan_for_machines_is_one_object(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every number of the table, as numbers."""
    told = json_of(["--quota", "1000", "--every", "1d"], capsys)
    assert (told["version"], told["chats"], told["asked"], told["counted"]) == (VERSION, 2, 2, 2)
    assert (told["every_s"], told["monthly_quota"]) == (86_400, 1_000)
    assert told["messages"] == {"point": 6, "low": 6, "high": 6}
    for part in ("first_load", "day"):
        cost = told[part]
        assert cost["requests"].keys() == {"point", "low", "high"}
        assert cost["by_kind"].keys() <= KINDS.keys()
        assert cost["minutes"]["low"] == round(cost["requests"]["low"] / 1_000, 4)
        assert cost["quota_share"]["low"] == round(cost["requests"]["low"] / 1_000, 4)
    assert told["month"]["requests"]["point"] == told["day"]["requests"]["point"] * 30
    assert told["requests"] == sum(told["requests_by_endpoint"].values())
    assert json_of([], capsys)["month"]["quota_share"] is None


def test_plan_in_chinese(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """The same rows and notes."""
    assert main(["--plan", "--lang", "zh", "--quota", "100"]) == 0
    chinese = capsys.readouterr().out
    assert "首次加载" in chinese
    assert rows_of(chinese)["消息"] == ["2", "2", "2"]
    main(["--plan", "--lang", "en", "--quota", "100"])
    english = capsys.readouterr().out
    assert len(english.splitlines()) == len(chinese.splitlines())


def test_refused_chats_are_listed_and_their_names_move_nothing(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """With Feishu's code and what to do; a name is shown as it is written, markup and all."""
    tenant.world.restrict(tenant.other)
    assert main(["--plan"]) == 0
    printed = capsys.readouterr().out
    assert "1 of these chats cannot be read" in printed
    assert f"[/red] Other ({tenant.other}) 231203: " in printed
    told = json_of([], capsys)
    assert told["refused"] == 1
    assert [(each["chat_id"], each["code"]) for each in told["problems"]] == [
        (tenant.other, 231203)
    ]


def test_a_sample_is_told(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """How many were not asked about, and how to ask more."""
    assert main(["--plan", "--plan-chats", "1"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 chats were not asked about" in printed
    assert "--plan-chats asks about more" in printed


def test_loads_that_cannot_keep_pace_are_told(tenant: Tenant) -> None:
    """A rate at which a day's requests take longer than a day."""
    told = plan()
    slow = replace(told, day=replace(told.day, minutes=Amount(1_441, 1_300, 1_600)))
    for each, warned in ((told, False), (slow, True)):
        printed = io.StringIO()
        Console(file=printed, width=200).print(show(each, "en"))
        assert ("take more than a day" in printed.getvalue()) is warned


@pytest.mark.parametrize(
    ("name", "value", "exit_code", "said"),
    [
        ("APP_SECRET", "wrong", 1, "10015"),
        ("APP_ID", "", 2, "app_id"),
        ("BASE_URL", "https://example.org", 2, "allowed_hosts"),
        ("PAGE_SIZE", "51", 2, "page_size is 51"),
    ],
)
def test_what_stands_in_the_way_ends_as_in_a_load(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    exit_code: int,
    said: str,
) -> None:
    """One line of error, and the exit code of a load."""
    monkeypatch.setenv(f"SOURCES__FEISHU__{name}", value)
    assert main(["--plan"]) == exit_code
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_quiet_prints_errors_only(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a load."""
    assert main(["--plan", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_demo_can_be_planned(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an account, and without leaving anything behind."""
    assert main(["--plan", "--demo"]) == 0
    assert "13 chats" in capsys.readouterr().out
    assert not Path("demo.duckdb").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--plan --check", "--check and --plan are two commands"),
        ("--every 1h", "belong to --plan"),
        ("--quota 5", "belong to --plan"),
        ("--plan --every 1", "write an interval from 1m to 1d"),
        ("--plan --every 30s", "write an interval from 1m to 1d"),
        ("--plan --every 2d", "write an interval from 1m to 1d"),
        ("--plan --quota 0", "0 is not in the range"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(line: str, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(click.UsageError) as refusal:
        parse(line.split())
    assert said in refusal.value.format_message()


@pytest.mark.parametrize("text", ["1m", "90m", "1h", "12h", "1d"])
def test_an_interval_is_spelt_as_it_is_read(text: str) -> None:
    """So that the table can be read back."""
    options = parse(["--plan", "--every", text])
    assert isinstance(options, Options)
    assert options.every is not None
    assert spell(options.every) == text


def test_every_word_of_a_plan_reaches_its_argument() -> None:
    """The names on the left are the library's."""
    options = parse(["--plan", "--every", "15m", "--quota", "10000", "--plan-chats", "20"])
    assert isinstance(options, Options)
    assert options.plan_arguments() == {
        "every_s": 900,
        "monthly_quota": 10_000,
        "most_chats": 20,
    }
