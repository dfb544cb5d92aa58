"""The account of a load, for people: where it went, what it read, what is missing and why.

In: a `LoadReport`, a `Failure`. Out: things rich can print. Refuses to know the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.cells import set_cell_size
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from feishu_source.cli.failures import Failure
from feishu_source.cli.terminal import printable
from feishu_source.doctor.text import Pair
from feishu_source.report import (
    EXIT_COMPLETE,
    NO_CHATS,
    ChatProblem,
    FilesReport,
    Language,
    LoadReport,
    Status,
)

MOST_PROBLEMS = 20
"""Problem chats that are listed; the rest stands in `sync_coverage`."""

NO_NAME = "(no name)"
COLUMNS = (
    Pair("chat", "会话"),
    Pair("status", "状态"),
    Pair("why, and what to do", "原因与下一步"),
)
STATUSES: dict[Status, Pair] = {
    "complete": Pair("complete", "完整"),
    "partial": Pair("partial", "部分完成"),
    "skipped": Pair("skipped", "跳过"),
    "failed": Pair("failed", "失败"),
}
WARNING = Pair("warning: ", "警告：")
MORE = Pair("and {hidden:,} more: ", "另有 {hidden:,} 个：")
INCOMPLETE = Pair(
    "{missing:,} of {chats:,} chats are not complete: ",
    "{chats:,} 个会话中有 {missing:,} 个不完整：",
)
_NAME_CELLS = 12
MORE_TO_READ_EN = "There is more to read: the next load goes on from here."
MORE_TO_READ_ZH = "尚有内容未读取：下次加载将从此处继续。"


def summarise(report: LoadReport, language: Language = "en") -> RenderableType:
    """The whole account in the reader's language; warnings and Feishu's words as they came."""
    parts: list[RenderableType] = [_facts(report, language)]
    parts += [
        Text(f"{WARNING.say(language)}{printable(warning, most=500)}")
        for warning in report.warnings
    ]
    if report.problems:
        parts.append(_problems(report.problems[:MOST_PROBLEMS], language))
    hidden = len(report.problems) - MOST_PROBLEMS
    if hidden > 0:
        parts.append(Text(f"{MORE.say(language, {'hidden': hidden})}{where_problems_are(report)}"))
    return Group(*parts)


def quiet_line(report: LoadReport, language: Language = "en") -> str | None:
    """All that `--quiet` says: nothing, unless something was left out or there was nothing."""
    if not report.chats:
        return f"warning: {NO_CHATS}"
    if report.exit_code == EXIT_COMPLETE:
        return None
    values = {"missing": report.chats - report.chats_complete, "chats": report.chats}
    return f"{INCOMPLETE.say(language, values)}{where_problems_are(report)}"


def where_problems_are(report: LoadReport) -> str:
    """The query that shows every chat that is not complete."""
    return f"select * from {quoted(report.dataset)}.sync_coverage where status <> 'complete'"


def quoted(dataset: str) -> str:
    """The dataset as SQL wants it: in quotes if it is a word of SQL's own."""
    import duckdb

    is_name = [kind for _, kind in duckdb.tokenize(dataset)] == [duckdb.token_type.identifier]
    return dataset if is_name else '"' + dataset.replace('"', '""') + '"'


def tell_failure(failure: Failure, language: Language = "en") -> RenderableType:
    """The error with its next step in the reader's language, and where to look further."""
    if language == "zh":
        lines = [Text(f"错误：{failure.message_zh or failure.message}")]
    else:
        lines = [Text(f"Error: {failure.message}")]
    if failure.hint:
        lines.append(Text(failure.hint))
    return Group(*lines)


def _facts(report: LoadReport, language: Language) -> RenderableType:
    facts = _fact_lines_zh(report) if language == "zh" else _fact_lines(report)
    lines = (f"{set_cell_size(name, _NAME_CELLS)}  {value}" for name, value in facts)
    return Text("\n".join(lines), overflow="fold")


def _fact_lines(report: LoadReport) -> Iterator[tuple[str, str]]:
    yield "loaded into", f"{_place(report)}, dataset {report.dataset}"
    if report.published:
        yield "copied to", shorten(report.published)
    yield (
        "chats",
        f"{report.chats_complete:,} complete, {report.chats_partial:,} partial, "
        f"{report.chats_skipped:,} skipped, {report.chats_failed:,} failed",
    )
    yield "messages", f"{report.rows:,}: {_newness(report)}"
    yield "of these", f"{report.replies:,} replies in {report.threads:,} threads"
    yield (
        "requests",
        f"{report.requests:,} in {_counted(report.slices, 'slice')}, "
        f"{report.refused:,} refused by the rate limit, {_counted(report.retries, 'retry')}",
    )
    if report.files:
        yield "files", _files(report.files)
    if report.users:
        yield "people", f"{report.users.told:,} told of, {report.users.missing:,} not"
    yield "not readable", f"{_counted(report.rejected, 'message')}, {report.unparsed:,} values"
    yield "time", f"{report.seconds:.1f} s, {_rate(report):,.0f} messages/s"


def _fact_lines_zh(report: LoadReport) -> Iterator[tuple[str, str]]:
    yield "加载到", f"{_place(report)}，数据集 {report.dataset}"
    if report.published:
        yield "副本", shorten(report.published)
    yield (
        "会话",
        f"{report.chats_complete:,} 个完整，{report.chats_partial:,} 个部分完成，"
        f"{report.chats_skipped:,} 个跳过，{report.chats_failed:,} 个失败",
    )
    known = report.new is not None and report.read_again is not None
    newness = f"新增 {report.new:,}，重读 {report.read_again:,}" if known else "新增数量未知"
    yield "消息", f"{report.rows:,}：{newness}"
    yield "其中", f"{report.threads:,} 个话题中的 {report.replies:,} 条回复"
    yield (
        "请求",
        f"{report.requests:,} 次，{report.slices:,} 个分片，"
        f"{report.refused:,} 次被限流，{report.retries:,} 次重试",
    )
    if report.files:
        yield "文件", _files_zh(report.files)
    if report.users:
        yield "人员", f"获取 {report.users.told:,} 人，另有 {report.users.missing:,} 人未返回"
    yield "无法识别", f"{report.rejected:,} 条消息，{report.unparsed:,} 个值"
    yield "用时", f"{report.seconds:.1f} 秒，每秒 {_rate(report):,.0f} 条消息"


def _files(files: FilesReport) -> str:
    parts = [f"{files.stored:,} downloaded ({decimal(files.bytes)})"]
    parts += [f"{files.reused:,} there already"] if files.reused else []
    kept = files.missing - files.failed
    parts += [f"{kept:,} left out"] if kept else []
    parts += [f"{files.failed:,} failed"] if files.failed else []
    reasons = "; ".join(f"{printable(why)}: {n:,}" for why, n in files.reasons.items())
    return ", ".join(parts) + (f" ({reasons})" if reasons else "")


def _files_zh(files: FilesReport) -> str:
    parts = [f"已下载 {files.stored:,} 个（{decimal(files.bytes)}）"]
    parts += [f"{files.reused:,} 个已存在"] if files.reused else []
    kept = files.missing - files.failed
    parts += [f"{kept:,} 个略过"] if kept else []
    parts += [f"{files.failed:,} 个失败"] if files.failed else []
    reasons = "；".join(f"{printable(why)}：{n:,}" for why, n in files.reasons.items())
    return "，".join(parts) + (f"（{reasons}）" if reasons else "")


def _place(report: LoadReport) -> str:
    if not report.database:
        return report.destination
    return f"{report.destination}, {shorten(report.database)}"


def shorten(path: str) -> str:
    """A file's path as one would type it from here."""
    here, full = Path.cwd(), Path(path)
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


def _newness(report: LoadReport) -> str:
    if report.new is None or report.read_again is None:
        return "how many are new is not known"
    return f"{report.new:,} new, {report.read_again:,} read again"


def _rate(report: LoadReport) -> float:
    return report.rows / report.seconds if report.seconds else 0.0


def _counted(number: int, thing: str) -> str:
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def _problems(problems: list[ChatProblem], language: Language) -> Table:
    table = Table(show_lines=True)
    for column in COLUMNS:
        # A part of an id or a link is of no use.
        table.add_column(column.say(language), overflow="fold")
    for problem in problems:
        word = STATUSES[problem.status].say(language)
        status = word if problem.code is None else f"{word}\n{problem.code}"
        table.add_row(
            Text(f"{printable(problem.name).strip() or NO_NAME}\n{printable(problem.chat_id)}"),
            Text(status),
            Text("\n".join(_explanation(problem, language))),
        )
    return table


def _explanation(problem: ChatProblem, language: Language) -> Iterator[str]:
    chinese = language == "zh"
    if problem.message:
        yield printable(problem.message, most=500)
    advice = problem.advice_zh if chinese and problem.advice_zh else problem.advice_en
    if advice:
        yield advice
    elif problem.status == "partial":
        yield MORE_TO_READ_ZH if chinese else MORE_TO_READ_EN
    if problem.log_id:
        yield f"log id {printable(problem.log_id)}"
