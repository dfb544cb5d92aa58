"""The summary says where a load went, what it read, what is missing and what to do."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, RenderableType

from feishu_source.cli.failures import UNEXPECTED, Failure
from feishu_source.cli.summary import quiet_line, quoted, summarise, tell_failure
from feishu_source.report import ChatProblem, FilesReport, LoadReport

STARTED = datetime(2026, 1, 31, 8, tzinfo=UTC)


def shown(what: RenderableType) -> list[str]:
    """The lines a pipe of 100 columns gets, their right margin cut."""
    written = io.StringIO()
    Console(file=written, width=100, markup=False, highlight=False, emoji=False).print(what)
    return [line.rstrip() for line in written.getvalue().splitlines()]


def report(**more: Any) -> LoadReport:
    """A load of five chats in four seconds, with what a test adds."""
    values: dict[str, Any] = {
        "run_id": "run_1",
        "version": "0.1.0",
        "pipeline": "feishu_history",
        "destination": "duckdb",
        "dataset": "feishu",
        "database": "history.duckdb",
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(seconds=4),
        "exit_code": 0,
        "chats_complete": 5,
        "messages": 7_000,
        "replies": 1_000,
        "new": 500,
        "threads": 60,
        "requests": 1_234,
        "refused": 2,
        "retries": 1,
        "rejected": 1,
        "unparsed": 3,
        "slices": 1,
    }
    return LoadReport(**(values | more))


def test_a_copy_for_readers_is_told_where_it_was_made() -> None:
    """After the database itself, in both languages."""
    told = report(published="/srv/read.duckdb")
    assert shown(summarise(told))[1] == "copied to     /srv/read.duckdb"
    assert shown(summarise(told, "zh"))[1] == "副本          /srv/read.duckdb"


def test_files_are_told_with_the_reasons_of_those_that_are_not_there() -> None:
    """Behind the requests, in both languages."""
    files = FilesReport(12, 3_400_000, 2, refused=1, too_large=1, failed=1)
    files.reasons = {"File not in msg.": 2, "reset [/red]\n": 1}
    told = " ".join(shown(summarise(report(files=files)))[5:7])
    assert told == (
        "files         12 downloaded (3.4 MB), 2 there already, 2 left out, 1 failed "
        "(File not in msg.: 2; reset [/red] : 1)"
    )
    assert shown(summarise(report(files=files), "zh"))[5].startswith(
        "文件          已下载 12 个（3.4 MB），2 个已存在，2 个略过，1 个失败（File not in msg.：2"
    )
    none = shown(summarise(report(files=FilesReport())))
    assert none[5] == "files         0 downloaded (0 bytes)"


def test_a_complete_load_is_told_in_seven_lines() -> None:
    """Destination, chats, messages, replies, requests, what could not be read, time."""
    assert shown(summarise(report())) == [
        "loaded into   duckdb, history.duckdb, dataset feishu",
        "chats         5 complete, 0 partial, 0 skipped, 0 failed",
        "messages      8,000: 500 new, 7,500 read again",
        "of these      1,000 replies in 60 threads",
        "requests      1,234 in 1 slice, 2 refused by the rate limit, 1 retry",
        "not readable  1 message, 3 values",
        "time          4.0 s, 2,000 messages/s",
    ]


def test_the_same_lines_in_chinese() -> None:
    """The same numbers in the same order; names as wide as they look."""
    told = report(warnings=["members are not read"])
    assert shown(summarise(told, "zh")) == [
        "加载到        duckdb, history.duckdb，数据集 feishu",
        "会话          5 个完整，0 个部分完成，0 个跳过，0 个失败",
        "消息          8,000：新增 500，重读 7,500",
        "其中          60 个话题中的 1,000 条回复",
        "请求          1,234 次，1 个分片，2 次被限流，1 次重试",
        "无法识别      1 条消息，3 个值",
        "用时          4.0 秒，每秒 2,000 条消息",
        "警告：members are not read",
    ]
    unknown = shown(summarise(report(new=None), "zh"))
    assert unknown[2] == "消息          8,000：新增数量未知"


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    """A destination without a file, one that cannot be asked what it held, a load cut short."""
    lines = shown(summarise(report(destination="s3", database=None, new=None, finished_at=None)))
    assert lines[0] == "loaded into   s3, dataset feishu"
    assert lines[2] == "messages      8,000: how many are new is not known"
    assert lines[6] == "time          0.0 s, 0 messages/s"


def problem(number: int = 1, **more: Any) -> ChatProblem:
    """A chat whose bot was removed, with what a test changes."""
    values: dict[str, Any] = {
        "chat_id": f"oc_{number}",
        "name": "[/red] \x1bSales",
        "status": "skipped",
        "code": 230002,
        "message": "Bot can NOT be out of the chat.",
        "advice_en": "Add the bot to the chat.",
        "advice_zh": "请将机器人加入群聊。",
        "log_id": "log_1",
    }
    return ChatProblem(**(values | more))


def test_a_chat_that_is_not_complete_is_shown_with_its_next_step() -> None:
    """Name, id, status, code, Feishu's words, what to do, log id; the name does nothing."""
    told = report(problems=[problem(), problem(2, name=None, code=None, status="partial")])
    assert shown(summarise(told))[7:] == [
        "┏━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓",
        "┃ chat          ┃ status  ┃ why, and what to do             ┃",
        "┡━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩",
        "│ [/red] \ufffdSales │ skipped │ Bot can NOT be out of the chat. │",
        "│ oc_1          │ 230002  │ Add the bot to the chat.        │",
        "│               │         │ log id log_1                    │",
        "├───────────────┼─────────┼─────────────────────────────────┤",
        "│ (no name)     │ partial │ Bot can NOT be out of the chat. │",
        "│ oc_2          │         │ Add the bot to the chat.        │",
        "│               │         │ log id log_1                    │",
        "└───────────────┴─────────┴─────────────────────────────────┘",
    ]


def test_the_next_step_is_chinese_where_the_locale_is() -> None:
    """Feishu's own words stay as they came."""
    lines = shown(summarise(report(problems=[problem()]), "zh"))
    assert any("请将机器人加入群聊。" in line for line in lines)
    assert not any("Add the bot" in line for line in lines)
    assert any("跳过" in line for line in lines)


def test_a_partial_chat_needs_nothing_but_the_next_load() -> None:
    """Nothing refused it: a bound or an interruption did."""
    partial = report(problems=[ChatProblem(chat_id="oc_1", name=" ", status="partial")])
    assert shown(summarise(partial))[-3:-1] == [
        "│ (no name) │ partial │ There is more to read: the next load goes on from here. │",
        "│ oc_1      │         │                                                         │",
    ]
    assert "下次加载将从此处继续" in shown(summarise(partial, "zh"))[-3]


def test_at_most_20_chats_are_listed_and_the_query_for_all_is_named() -> None:
    """The rest stands in the warehouse, in the dataset that was loaded."""
    told = report(problems=[problem(number) for number in range(1_023)], dataset="chat")
    lines = shown(summarise(told))
    assert lines[-1] == (
        "and 1,003 more: select * from chat.sync_coverage where status <> 'complete'"
    )
    assert sum("│ oc_" in line for line in lines) == 20


def test_warnings_follow_the_numbers() -> None:
    """Each on its own line, harmless."""
    lines = shown(summarise(report(warnings=["members are not read:\nscope missing"])))
    assert lines[7:] == ["warning: members are not read: scope missing"]


def test_quiet_still_says_that_something_is_missing() -> None:
    """One line for a mail from cron."""
    told = report(exit_code=3, chats_complete=3, chats_failed=1, chats_partial=1)
    assert quiet_line(told) == (
        "2 of 5 chats are not complete: "
        "select * from feishu.sync_coverage where status <> 'complete'"
    )
    assert quiet_line(told, "zh") == (
        "5 个会话中有 2 个不完整：select * from feishu.sync_coverage where status <> 'complete'"
    )


def test_an_error_is_told_with_its_hint_and_in_chinese_with_its_advice() -> None:
    """The next step is part of the message; what has no Chinese of its own stays as it is."""
    refused = Failure(1, "QuotaExhausted", "used up: wait", message_zh="已用完：请等待")
    assert shown(tell_failure(refused)) == ["Error: used up: wait"]
    assert shown(tell_failure(refused, "zh")) == ["错误：已用完：请等待"]
    assert shown(tell_failure(Failure(2, "x", "since is 'x'"), "zh")) == ["错误：since is 'x'"]
    unforeseen = Failure(1, "KeyError", "KeyError: 'x'", hint=UNEXPECTED)
    assert shown(tell_failure(unforeseen)) == ["Error: KeyError: 'x'", UNEXPECTED]


def test_ids_links_and_log_ids_are_whole_on_a_narrow_terminal() -> None:
    """They go on in the next line: a part of one is of no use."""
    chat_id, log_id = "oc_" + "0123456789abcdef" * 2, "20260131" + "ABCDEF0123456789" * 2
    link = "https://open.feishu.cn/app/cli_0123456789abcdef/auth?q=im:message.group_msg"
    told = report(problems=[problem(name="Team", advice_en=link, log_id=log_id)])
    told.problems[0] = replace(told.problems[0], chat_id=chat_id)
    written = io.StringIO()
    Console(file=written, width=50, markup=False).print(summarise(told))
    rows = [line.split("│") for line in written.getvalue().splitlines() if "│" in line]
    columns = ["".join(cell.strip() for cell in column) for column in zip(*rows, strict=True)]
    assert chat_id in columns[1]
    assert link in columns[3]
    assert log_id in columns[3]
    assert "…" not in written.getvalue()


def test_the_dataset_is_quoted_where_sql_wants_it() -> None:
    """A word of SQL's own, or what no name is made of."""
    names = ("feishu", "_1", "order", "my-data", 'a"b', "1a")
    assert [quoted(name) for name in names] == [
        *("feishu", "_1", '"order"', '"my-data"', '"a""b"', '"1a"')
    ]
