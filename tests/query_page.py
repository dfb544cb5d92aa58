"""The second half of docs/queries.md: each query's heading, and what it answers for the demo.

In: nothing. Out: Markdown, the same on every day, for the demo's tenant stands still in it.

python -m tests.query_page
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from feishu_source import load, open_pipeline
from feishu_source.analytics import Answer, Question, Scope, open_warehouse, read_questions
from feishu_source.cli import demo
from feishu_source.cli.query_output import print_table
from feishu_source.destination import plan_pipeline

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "queries.md"
BEGIN = "## The queries\n\n"
NOW_MS = 1_790_000_000_000  # 2026-09-21 13:33:20 UTC
ROWS = 5
LABELS = ("Recalled", "Bots", "Copies", "Mind")
WORDS = ("Asia/Shanghai", "2026-09-01", "2026-09-20")
FIRST = (
    "What each of them minds, and the first rows of what it answers with `--timezone {} --since {} "
    "--until {}` for the tenant of the demo. `python -m tests.query_page` writes this part.\n"
).format(*WORDS)


def sections(folder: Path) -> str:
    """The text after `BEGIN`."""
    database = str(folder / "demo.duckdb")
    with demo.tenant(lambda: NOW_MS) as access:
        load(open_pipeline(database=database, pipelines_dir=str(folder / "work")), **access)
    scope = Scope.parse(*WORDS, now=datetime.fromtimestamp(NOW_MS / 1000, UTC))
    questions = read_questions(ROOT / "pipelines" / "queries")
    with open_warehouse(plan_pipeline(database=database)) as warehouse:
        parts = [_section(each, warehouse.ask(each.sql, scope)) for each in questions.values()]
    return "\n".join([FIRST, *parts])


def _section(question: Question, answer: Answer) -> str:
    lines = [f"### {question.name}", "", *_paragraphs(question.heading), "", "```text"]
    return "\n".join([*lines, *_sample(answer), "```", ""])


def _paragraphs(heading: list[str]) -> Iterator[str]:
    """The title, what a row is, and an item for each thing to mind."""
    in_list = False
    for line in heading:
        label = line.partition(": ")[0]
        if label == "Recalled":
            in_list = True
            yield ""
        yield f"- {line}" if label in LABELS else f"  {line}" if in_list else line


def _sample(answer: Answer) -> list[str]:
    text = io.StringIO()
    few = Answer(answer.columns, answer.rows[:ROWS])
    print_table(few, Console(file=text, width=100))
    return text.getvalue().splitlines()


def main() -> None:
    """Writes that part of the page anew."""
    with tempfile.TemporaryDirectory() as folder:
        made = sections(Path(folder))
    kept = PAGE.read_text("utf-8").partition(BEGIN)[0]
    PAGE.write_text(kept + BEGIN + made, "utf-8")


if __name__ == "__main__":
    main()
