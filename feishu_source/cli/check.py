"""The check for people: every finding with what to do about it, and a last line that counts.

In: a `CheckReport`. Out: lines on a terminal or in a pipe, in one of two languages. Refuses to
know how anything is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.cells import set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feishu_source.cli.terminal import printable
from feishu_source.doctor import CheckReport, Finding
from feishu_source.doctor.text import Level, Pair
from feishu_source.errors import ApiError
from feishu_source.report import (
    EXIT_COMPLETE,
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    EXIT_LOCKED,
    Language,
)

LEVELS: dict[Level, Pair] = {
    "ok": Pair("ok", "正常"),
    "warning": Pair("warning", "警告"),
    "failure": Pair("failure", "失败"),
    "skipped": Pair("skipped", "跳过"),
}
STYLES: dict[Level, str] = {
    "ok": "green",
    "warning": "yellow",
    "failure": "bold red",
    "skipped": "dim",
}
ENDS = {
    EXIT_COMPLETE: Pair("A load can go ahead.", "可以开始加载。"),
    EXIT_FAILED: Pair("A load would fail.", "加载会失败。"),
    EXIT_CONFIGURATION: Pair("A load would refuse to begin.", "加载无法开始。"),
    EXIT_INCOMPLETE: Pair("A load would leave something out.", "加载会有遗漏。"),
    EXIT_LOCKED: Pair("A load would have to wait.", "加载需要等待。"),
}
SUMMARY = Pair(
    "{all} findings: {ok} ok, {warning} warnings, {failure} failures, {skipped} skipped; "
    "{requests} requests. {end} (exit code {exit_code})",
    "共 {all} 项：{ok} 项正常，{warning} 项警告，{failure} 项失败，{skipped} 项跳过；"
    "{requests} 次请求。{end}（退出码 {exit_code}）",
)
CODE = Pair("Feishu says: code {code}, “{words}”", "飞书返回：错误码 {code}，“{words}”")
BARE_CODE = Pair("Feishu says: code {code}", "飞书返回：错误码 {code}")
DETAILS = Pair("details: {details}", "详情：{details}")
NEXT_STEP = Pair("next step: {next_step}", "下一步：{next_step}")
COLON = Pair(": ", "：")
LIST_COMMA = Pair(", ", "、")
SKIPPED = Pair("not checked, see {because}: {names}", "因“{because}”未检查：{names}")
LOG_ID = Pair("log id: {log_id}", "log id：{log_id}")

_LEVEL_CELLS = 9  # the longest word and the blanks after it
_ID_CELLS = 16
_LEAST_WIDTH = 80
"""Columns of a terminal under which the ids make way for what was found."""


def tell(report: CheckReport, console: Console, language: Language, *, quiet: bool = False) -> None:
    """Prints the findings and the last line; only what is amiss where `quiet` is wanted.

    Checks that were skipped for one reason share a line; advice that was given is not repeated.
    """
    told: set[tuple[object, ...]] = set()
    for because, findings in groupby(report.findings, _reason_to_skip):
        if because is None:
            for finding in findings:
                if not quiet or finding.level in ("warning", "failure"):
                    lines = _lines(finding, language, told)
                    _print(finding, lines, console, language)
        elif not quiet:
            names = LIST_COMMA.say(language).join(each.checked(language) for each in findings)
            line = SKIPPED.say(language, {"names": names, "because": because.say(language)})
            _print_row("skipped", "", [line], console, language)
    if not quiet:
        console.print(Text(summary_line(report, language)), soft_wrap=True)


def _reason_to_skip(finding: Finding) -> Pair | None:
    because = finding.values.get("because")
    return because if isinstance(because, Pair) else None


def summary_line(report: CheckReport, language: Language) -> str:
    """How many findings of each level, how many requests, and how a load would end."""
    values: dict[str, object] = {
        **{str(level): number for level, number in report.counts.items()},
        "all": len(report.findings),
        "requests": sum(report.requests.values()),
        "end": ENDS[report.exit_code].say(language),
        "exit_code": report.exit_code,
    }
    return SUMMARY.say(language, values)


def _print(finding: Finding, lines: Iterable[str], console: Console, language: Language) -> None:
    rows = list(lines)
    links = [row for row in rows if row.startswith(("https://", "http://"))]
    rows = [row for row in rows if row not in links]
    indent = _print_row(finding.level, finding.id, rows, console, language)
    for link in links:  # broken into two lines, a link leads nowhere
        console.print(Text(f"{'':{indent}}{link}"), soft_wrap=True)


def _print_row(
    level: Level, name: str, lines: list[str], console: Console, language: Language
) -> int:
    """Prints level, id and lines side by side; the value is the column the lines begin in."""
    id_cells = _ID_CELLS if console.width >= _LEAST_WIDTH else 0
    indent = _LEVEL_CELLS + id_cells
    word = Text(set_cell_size(LEVELS[level].say(language), _LEVEL_CELLS), style=STYLES[level])
    label = Text(set_cell_size(name, id_cells), style="dim")
    if console.is_terminal:
        table = Table.grid()
        table.add_column(width=_LEVEL_CELLS, no_wrap=True)
        table.add_column(width=id_cells, no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(word, label, Text("\n".join(lines)))
        console.print(table)
    else:  # whoever reads a pipe searches it line by line
        console.print(word + label + Text(f"\n{'':{indent}}".join(lines)), soft_wrap=True)
    return indent


def _lines(finding: Finding, language: Language, told: set[tuple[object, ...]]) -> Iterator[str]:
    title = finding.checked(language)
    if finding.chat_id:
        name = printable(finding.chat_name).strip()
        title = " ".join(filter(None, [title, name, f"({printable(finding.chat_id)})"]))
    yield f"{title}{COLON.say(language)}{_shown(finding.found(language))}"
    error, next_step = finding.error, finding.next_step(language)
    advice = (error.code if error else None, next_step)
    if advice not in told:
        told.add(advice)
        if error:
            yield from _words_of(error, finding.details(language), language)
        if next_step:
            yield NEXT_STEP.say(language, {"next_step": _shown(next_step)})
        yield from (printable(link, most=500) for link in (error.links if error else ()))
    if error and error.log_id:
        yield LOG_ID.say(language, {"log_id": printable(error.log_id)})


def _words_of(error: ApiError, details: list[str], language: Language) -> Iterator[str]:
    """Feishu's code and words, and what it names in detail."""
    if error.code is not None:
        form = CODE if error.msg else BARE_CODE
        yield form.say(language, {"code": error.code, "words": _shown(error.msg)})
    if details:
        yield DETAILS.say(language, {"details": _shown("; ".join(details))})


def _shown(text: str) -> str:
    return printable(text, most=600)
