"""The account of a load, for people: where it went, what it read, what is missing and why.

In: a `LoadReport`, a `Failure`. Out: things rich can print. Refuses to know the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from feishu_source.cli.failures import Failure
from feishu_source.cli.terminal import printable
from feishu_source.report import EXIT_COMPLETE, NO_CHATS, ChatProblem, LoadReport

MOST_PROBLEMS = 20
"""Problem chats that are listed; the rest stands in `sync_coverage`."""

NO_NAME = "(no name)"
MORE_TO_READ_EN = "There is more to read: the next load goes on from here."
MORE_TO_READ_ZH = "尚有内容未读取：下次加载将从此处继续。"


def summarise(report: LoadReport, *, chinese: bool = False) -> RenderableType:
    """The whole account; next steps in Chinese where the reader's locale asks for it."""
    parts: list[RenderableType] = [_facts(report)]
    parts += [Text(f"warning: {printable(warning, most=500)}") for warning in report.warnings]
    if report.problems:
        parts.append(_problems(report.problems[:MOST_PROBLEMS], chinese=chinese))
    hidden = len(report.problems) - MOST_PROBLEMS
    if hidden > 0:
        parts.append(Text(f"and {hidden:,} more: {where_problems_are(report)}"))
    return Group(*parts)


def quiet_line(report: LoadReport) -> str | None:
    """All that `--quiet` says: nothing, unless something was left out or there was nothing."""
    if not report.chats:
        return f"warning: {NO_CHATS}"
    if report.exit_code == EXIT_COMPLETE:
        return None
    missing = report.chats - report.chats_complete
    return f"{missing:,} of {report.chats:,} chats are not complete: {where_problems_are(report)}"


def where_problems_are(report: LoadReport) -> str:
    """The query that shows every chat that is not complete."""
    return f"select * from {quoted(report.dataset)}.sync_coverage where status <> 'complete'"


def quoted(dataset: str) -> str:
    """The dataset as SQL wants it: in quotes if it is a word of SQL's own."""
    import duckdb

    is_name = [kind for _, kind in duckdb.tokenize(dataset)] == [duckdb.token_type.identifier]
    return dataset if is_name else '"' + dataset.replace('"', '""') + '"'


def tell_failure(failure: Failure, *, chinese: bool = False) -> RenderableType:
    """The error, its next step in the reader's language, and where to look further."""
    lines = [Text(f"Error: {failure.message}")]
    if chinese and failure.advice_zh:
        lines.append(Text(f"下一步：{failure.advice_zh}"))
    if failure.hint:
        lines.append(Text(failure.hint))
    return Group(*lines)


def _facts(report: LoadReport) -> RenderableType:
    lines = (f"{name:<12}  {value}" for name, value in _fact_lines(report))
    return Text("\n".join(lines), overflow="fold")


def _fact_lines(report: LoadReport) -> Iterator[tuple[str, str]]:
    yield "loaded into", f"{_place(report)}, dataset {report.dataset}"
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
    yield "not readable", f"{_counted(report.rejected, 'message')}, {report.unparsed:,} values"
    yield "time", f"{report.seconds:.1f} s, {_rate(report):,.0f} messages/s"


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


def _problems(problems: list[ChatProblem], *, chinese: bool) -> Table:
    table = Table(show_lines=True)
    for heading in ("chat", "status", "what Feishu says, and what to do"):
        table.add_column(heading, overflow="fold")  # a part of an id or a link is of no use
    for problem in problems:
        status = problem.status if problem.code is None else f"{problem.status}\n{problem.code}"
        table.add_row(
            Text(f"{printable(problem.name).strip() or NO_NAME}\n{printable(problem.chat_id)}"),
            Text(status),
            Text("\n".join(_explanation(problem, chinese=chinese))),
        )
    return table


def _explanation(problem: ChatProblem, *, chinese: bool) -> Iterator[str]:
    if problem.message:
        yield printable(problem.message, most=500)
    advice = problem.advice_zh if chinese and problem.advice_zh else problem.advice_en
    if advice:
        yield advice
    elif problem.status == "partial":
        yield MORE_TO_READ_ZH if chinese else MORE_TO_READ_EN
    if problem.log_id:
        yield f"log id {printable(problem.log_id)}"
