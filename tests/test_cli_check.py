"""`feishu-history --check` from its words to its exit code, against a tenant on loopback."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from rich.console import Console

from feishu_source.cli import hosts, main
from feishu_source.cli.check import ENDS, LEVELS, tell
from feishu_source.destination import lock_path, plan_pipeline
from feishu_source.doctor.findings import GRAVEST_FIRST, CheckReport, find, skip
from feishu_source.doctor.judging import EXTRAS
from feishu_source.doctor.texts import CHECKS
from feishu_source.errors import ChatRefused, RetriesExhausted
from feishu_source.report import Language
from feishu_source.sandbox import Sandbox, World
from feishu_source.version import VERSION
from tests.cli_tenant import Tenant, workplace
from tests.examined import files_in

__all__ = ["workplace"]

GROUP_SCOPE = "im:message.group_msg"


@pytest.fixture
def tenant(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant that lives by this machine's clock and is named by the environment."""
    world = World(seed=1, clock=lambda: int(time.time() * 1_000))
    ann = world.add_user("Ann")
    team, other = world.add_chat(name="Team"), world.add_chat(name="[/red] 产品")
    world.reply_in_thread(world.post(team, ann, text="Zaubermarke"), ann, text="Zaubermarke")
    world.post(other, ann, text="Zaubermarke")
    with Sandbox(world) as sandbox:
        monkeypatch.setenv("SOURCES__FEISHU__BASE_URL", sandbox.base_url)
        monkeypatch.setenv("SOURCES__FEISHU__APP_ID", sandbox.app_id)
        monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", sandbox.app_secret)
        monkeypatch.setenv("SOURCES__FEISHU__BACK_OFF_BASE_S", "0")
        yield Tenant(world, sandbox, team, other)


def json_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one JSON object on stdout, whose exit code is that of the process."""
    exit_code = main(["--check", "--json", *words])
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["exit_code"] == exit_code
    return value


Happens = Callable[[Tenant, pytest.MonkeyPatch], object]


def leave_every_chat(tenant: Tenant, _: pytest.MonkeyPatch) -> None:
    """The bot is in no chat any more."""
    for chat_id in tenant.world.chats:
        tenant.world.leave(chat_id)


SITUATIONS: dict[str, tuple[Happens, list[str]]] = {
    "all well": (lambda tenant, patch: None, []),
    "restricted": (lambda tenant, patch: tenant.world.restrict(tenant.team), []),
    "tolerated": (
        lambda tenant, patch: tenant.world.restrict(tenant.team),
        ["--tolerate", "231203"],
    ),
    "no group scope": (lambda tenant, patch: tenant.world.scopes.remove(GROUP_SCOPE), []),
    "no message scope": (
        lambda tenant, patch: tenant.world.scopes.remove("im:message:readonly"),
        [],
    ),
    "no bot": (lambda tenant, patch: setattr(tenant.world, "bot_ability", False), []),
    "no chats": (leave_every_chat, []),
    "wrong secret": (
        lambda tenant, patch: patch.setenv("SOURCES__FEISHU__APP_SECRET", "wrong"),
        [],
    ),
    "no secret": (lambda tenant, patch: patch.setenv("SOURCES__FEISHU__APP_SECRET", ""), []),
    "wrong host": (
        lambda tenant, patch: patch.setenv("SOURCES__FEISHU__BASE_URL", "https://example.org"),
        [],
    ),
    "nobody listens": (
        lambda tenant, patch: patch.setenv("SOURCES__FEISHU__BASE_URL", "http://127.0.0.1:9"),
        [],
    ),
    "quota": (lambda tenant, patch: setattr(tenant.world, "quota_used_up", True), []),
    "wrong setting": (lambda tenant, patch: None, ["--since", "1234"]),
    "not in that chat": (
        lambda tenant, patch: tenant.world.leave(tenant.team),
        ["--chat", "oc_nobody"],
    ),
    "no database": (
        lambda tenant, patch: Path("junk.duckdb").write_bytes(b"junk" * 1_000),
        ["--database", "junk.duckdb"],
    ),
    "no such destination": (lambda tenant, patch: None, ["--destination", "nowhere"]),
    "no folder": (lambda tenant, patch: Path("file").touch(), ["--database", "file/x.duckdb"]),
    "no working folder": (lambda tenant, patch: Path("file").touch(), ["--pipelines-dir", "file"]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_exit_code_is_that_of_a_load(
    tenant: Tenant, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same words without `--check` end the same way; the check itself changes nothing."""
    happens, words = SITUATIONS[name]
    happens(tenant, monkeypatch)
    here = Path.cwd()
    before = files_in(here)
    told = json_of(words, capsys)
    assert files_in(here) == before
    assert told["requests"] == len(tenant.sandbox.requests) or name == "nobody listens"
    assert told["exit_code"] == main(words)


def test_another_load_is_running(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4, and everything else is told."""
    plan = plan_pipeline()
    plan.folder.mkdir(parents=True)
    with FileLock(lock_path(plan.folder, plan.name)):
        told = json_of([], capsys)
    assert (told["exit_code"], told["counts"]["failure"]) == (4, 1)


def test_json_has_its_documented_shape(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """One object; each finding has every field, null where it has nothing to say."""
    tenant.world.scopes.remove(GROUP_SCOPE)
    told = json_of(["--lang", "zh"], capsys)
    findings = {finding["id"]: finding for finding in told.pop("findings")}
    assert told == {
        "version": VERSION,
        "language": "zh",
        "exit_code": 3,
        "counts": {"ok": 20, "warning": 3, "failure": 1, "skipped": 1},
        "requests": 9,
        "requests_by_endpoint": {
            "POST /open-apis/auth/v3/tenant_access_token/internal": 1,
            "GET /open-apis/application/v6/scopes": 1,
            "GET /open-apis/im/v1/chats": 1,
            "GET /open-apis/im/v1/chats/{id}": 1,
            "GET /open-apis/im/v1/chats/{id}/members": 1,
            "GET /open-apis/im/v1/messages": 2,
            "GET /open-apis/im/v1/chats/{id}/members/is_in_chat": 2,
        },
    }
    off = {"files", *EXTRAS}  # told where they are wanted
    assert set(findings) == set(CHECKS) - off
    missing = findings["group_messages"]
    link = f"https://open.feishu.cn/app/{tenant.sandbox.app_id}/auth?q={GROUP_SCOPE}"
    log_id = missing.pop("log_id")
    assert missing == {
        "id": "group_messages",
        "outcome": "missing",
        "level": "failure",
        "exit_code": 3,
        "checked": "群消息权限",
        "found": "应用缺少 im:message.group_msg：无法读取任何群消息",
        "next_step": "请在开发者后台为应用开通 im:message.group_msg，发布新版本并通过审核。",
        "code": 230027,
        "words": "Lack of necessary permissions. ext=need scope: im:message.group_msg "
        f"One of these scopes is required: [{GROUP_SCOPE}]. {link}",
        "details": [GROUP_SCOPE],
        "links": [link, f"https://open.feishu.cn/search?log_id={log_id}"],
        "chat_id": None,
        "chat_name": None,
    }
    assert findings["chat"]["chat_name"] == "[/red] 产品"
    assert findings["bot"] == {
        **dict.fromkeys(missing),
        "log_id": None,
        "id": "bot",
        "outcome": "on",
        "level": "ok",
        "exit_code": 0,
        "checked": "机器人能力",
        "found": "已启用",
        "details": [],
        "links": [],
    }


def test_the_last_line_counts(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings by level, requests, and what a load would do."""
    assert main(["--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == (
        "23 findings: 23 ok, 0 warnings, 0 failures, 0 skipped; 8 requests. "
        "A load can go ahead. (exit code 0)"
    )
    assert len(lines) == 24
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * 23
    assert [line.split()[1] for line in lines[:-1]] == [
        name for name in CHECKS if name not in {"chat", "files", *EXTRAS}
    ]


def test_quiet_prints_what_is_amiss(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing where nothing is."""
    assert main(["--check", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    tenant.world.restrict(tenant.other)
    assert main(["--check", "--quiet"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["warning"] * 2
    assert "chat [/red] 产品 (oc_" in lines[1]


@pytest.mark.parametrize(
    ("words", "locale", "first"),
    [
        ([], "C", "ok"),
        ([], "zh_CN.UTF-8", "正常"),
        (["--lang", "en"], "zh_CN.UTF-8", "ok"),
        (["--lang", "zh"], "C", "正常"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_locales(
    tenant: Tenant,
    words: list[str],
    locale: str,
    first: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole output, and the next steps of a load."""
    monkeypatch.setenv("LANG", locale)
    main(["--check", *words])
    out = capsys.readouterr().out
    assert out.startswith(first)
    assert bool(re.search("[\u4e00-\u9fff]", out)) == (first != "ok")
    monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", "wrong")
    main(words)
    assert ("下一步：" in capsys.readouterr().err) == (first != "ok")


def test_the_demo_can_be_checked(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs no account, and leaves nothing behind."""
    assert main(["--check", "--demo"]) == 0
    assert "list of chats: 13 chats" in capsys.readouterr().out
    assert files_in(workplace) == {}


def test_nobody_is_asked_about_a_host(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what was confirmed before counts."""
    monkeypatch.setenv("SOURCES__FEISHU__BASE_URL", "https://proxy.invalid")
    monkeypatch.setenv("SOURCES__FEISHU__CONNECT_TIMEOUT_S", "0.1")
    assert json_of([], capsys)["exit_code"] == 2
    path = hosts.known_hosts_path()
    path.parent.mkdir(parents=True)
    path.write_text('{"hosts": ["proxy.invalid"]}')
    findings = {each["id"]: each["outcome"] for each in json_of([], capsys)["findings"]}
    assert (findings["host"], findings["connection"]) == ("allowed", "lost")
    path.write_text("broken")
    told = json_of([], capsys)
    findings = {each["id"]: each["outcome"] for each in told["findings"]}
    assert (findings["host"], told["exit_code"]) == ("wrong", 2)


@pytest.mark.parametrize("words", [[], ["--json"], ["--lang", "zh"], ["--log-level", "debug"]])
def test_no_secret_and_no_words_of_messages_are_told(
    tenant: Tenant, words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Neither the secret, right or wrong, nor a token, nor what people wrote."""
    for secret in (tenant.sandbox.app_secret, "a-wrong-secret"):
        monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", secret)
        main(["--check", *words])
        written = "".join(capfd.readouterr())
        assert "cli_" in written or secret == "a-wrong-secret"
        assert not [word for word in (secret, "t-sandbox", "Zaubermarke") if word in written]


def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    """With its name, in a process of its own; whatever needs it is skipped, versions are told."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[sources.feishu\n")
    done = subprocess.run(
        [sys.executable, "-m", "feishu_source.cli", "--check", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    levels = {each["id"]: each["level"] for each in told["findings"]}
    assert (done.returncode, told["exit_code"], done.stderr) == (2, 2, "")
    amiss = {name for name, level in levels.items() if level == "failure"}
    assert (amiss, levels.pop("versions")) == ({"settings", "destination"}, "ok")
    assert "ok" not in levels.values()
    (settings,) = (each for each in told["findings"] if each["id"] == "settings")
    assert "config.toml" in settings["found"]


# On a terminal and in a pipe


REFUSED = ChatRefused(
    "list messages",
    code=231203,
    msg="restricted \x1b[31m mode",
    log_id="20261122",
    links=[f"https://open.feishu.cn/search?log_id={'7' * 80}"],
)
REPORT = CheckReport(
    (
        find("bot.on"),
        find("chat.refused", error=REFUSED, chat=("oc_1", "Team")),
        find("chat.refused", error=REFUSED, chat=("oc_2", "\u202egnp.exe")),
        skip("threads", "chats"),
        skip("parameters", "chats"),
        find(
            "connection.lost",
            error=RetriesExhausted("x", hint="Reason: no connection."),
            host="open.feishu.cn",
        ),
    ),
    {"GET /x": 2, "GET /y": 1},
)


def shown(language: Language, *, width: int = 100, terminal: bool = False) -> list[str]:
    """The lines of that report."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=terminal, color_system=None, markup=False
    )
    tell(REPORT, console, language)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_report_is_read_in_english() -> None:
    """Advice is given once, skipped checks share a line, names can do nothing to the terminal."""
    assert shown("en") == [
        "ok       bot             bot ability: is on",
        "warning  chat            chat Team (oc_1): the chat is in restricted mode or of a type "
        "that is not supported",
        "                         Feishu says: code 231203, "
        "“restricted \N{REPLACEMENT CHARACTER}[31m mode”",
        "                         next step: Ask the chat's owner to switch restricted mode off, "
        "or leave the chat out of the load.",
        "                         log id: 20261122",
        f"                         https://open.feishu.cn/search?log_id={'7' * 80}",
        "warning  chat            chat \N{REPLACEMENT CHARACTER}gnp.exe (oc_2): the chat is in "
        "restricted mode or of a type that is not supported",
        "                         log id: 20261122",
        "skipped                  not checked, see messages of chats: replies in threads, "
        "undocumented parameters",
        "failure  connection      connection: nobody answers at open.feishu.cn, or somebody else "
        "than Feishu's API does",
        "                         details: Reason: no connection.",
        "                         next step: Check the network, the proxy and base_url.",
        "6 findings: 1 ok, 2 warnings, 1 failures, 2 skipped; 3 requests. A load would fail. "
        "(exit code 1)",
    ]


def test_a_report_is_read_in_chinese() -> None:
    """Columns are as wide as what stands in them; Feishu's words stay as they are."""
    lines = shown("zh")
    assert lines[:3] == [
        "正常     bot             机器人能力：已启用",
        "警告     chat            会话 Team (oc_1)：会话开启了保密模式或类型不受支持",
        "                         飞书返回：错误码 231203，"
        "“restricted \N{REPLACEMENT CHARACTER}[31m mode”",
    ]
    assert "跳过                     因“会话消息”未检查：话题回复、未公开的参数" in lines
    assert lines[-1] == (
        "共 6 项：1 项正常，2 项警告，1 项失败，2 项跳过；3 次请求。加载会失败。（退出码 1）"
    )


@pytest.mark.parametrize("width", [40, 79, 80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_terminal_of_any_width_shows_all(width: int, language: Language) -> None:
    """Lines are folded under their column, links are not; a narrow one does without the ids."""
    lines = shown(language, width=width, terminal=True)
    assert f"https://open.feishu.cn/search?log_id={'7' * 80}" in "\n".join(lines)
    whole = re.sub(r"\s", "", "".join(lines))
    step = REPORT.findings[1].next_step(language)
    assert step
    assert re.sub(r"\s", "", step) in whole
    assert ("bot " in lines[0].replace("bot ability", "")) == (width >= 80)


def test_every_level_and_end_is_in_both_languages() -> None:
    """None is missing."""
    assert set(LEVELS) == {finding.level for finding in REPORT.findings}
    assert set(ENDS) == set(GRAVEST_FIRST)
    for text in [*LEVELS.values(), *ENDS.values()]:
        assert text.en.isascii()
        assert re.search("[\u4e00-\u9fff]", text.zh)
