"""Questions to a warehouse as the command line asks them: `query.py NAME`, `query.py create-views`.

In: the words, and the folder of the questions. Out: an answer on stdout, errors on stderr, an exit
code. Refuses to know SQL. A further command is a `click.Command` in `COMMANDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from feishu_source.cli import tenants
from feishu_source.cli.failures import explain
from feishu_source.cli.options import Options
from feishu_source.cli.summary import tell_failure
from feishu_source.cli.terminal import Terminal, log_to, use_utf8, written
from feishu_source.report import EXIT_COMPLETE, EXIT_CONFIGURATION

if TYPE_CHECKING:
    from feishu_source.analytics import Answer, Question, Scope
    from feishu_source.destination import Plan

PROGRAM = "query.py"
DIALECTS = ("duckdb", "postgres", "bigquery", "snowflake")
FORMATS = ("table", "csv", "json", "parquet")
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_KEEP_LINES = "\b\n"
"""Before a paragraph: click shall not fill its lines anew."""


@dataclass
class Desk:
    """What every command has: the folder of the questions, and where answers go."""

    folder: Path
    terminal: Terminal

    @cached_property
    def questions(self) -> dict[str, Question]:
        """The questions by name."""
        from feishu_source.analytics import read_questions

        return read_questions(self.folder)

    @cached_property
    def views(self) -> dict[str, Question]:
        """The views by name."""
        from feishu_source.analytics import read_views

        return read_views(self.folder)


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Answers one question; the value is the exit code."""
    use_utf8()
    desk = Desk(folder, Terminal())
    log_to(desk.terminal.err, "warning", "critical")
    words = list(sys.argv[1:] if arguments is None else arguments)
    outcome: Any = EXIT_COMPLETE
    try:
        with written(desk.terminal) as output:
            outcome = queries.main(words, prog_name=PROGRAM, standalone_mode=False, obj=desk)
        return int(outcome or output.exit_code)
    except click.UsageError as error:
        error.show()
        return EXIT_CONFIGURATION
    except (Exception, KeyboardInterrupt) as error:
        failure = explain(error)
        desk.terminal.err.print(tell_failure(failure), soft_wrap=True)
        return failure.exit_code


class Queries(click.Group):
    """Commands by their own names, and questions by those of their files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The questions, then the other commands."""
        return [*ctx.obj.questions, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, or the one that asks the question of that name."""
        known = super().get_command(ctx, cmd_name)
        question = ctx.obj.questions.get(cmd_name)
        return known or (_asking(question) if question else None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises: click.UsageError with the nearest name, where there is none of that name."""
        from feishu_source.analytics import nearest

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            meant = nearest(name, self.list_commands(ctx))
            raise click.UsageError(f"there is no query {name!r}: {meant}", ctx)
        return super().resolve_command(ctx, args)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where the tables are, as a load has them."""
    for option in (
        click.option("--tenant", metavar="NAME", help="The tenant configured under this name."),
        click.option("--dataset", metavar="NAME", help="Schema of the tables.  [default: feishu]"),
        click.option(
            "--database",
            metavar="PATH",
            help="The DuckDB file.  [default: feishu_history.duckdb]",
        ),
        click.option("--destination", metavar="NAME", help="A dlt destination.  [default: duckdb]"),
    ):
        command = option(command)
    return command


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which time, as a load has them."""
    for option in (
        click.option(
            "--timezone",
            metavar="NAME",
            help="Zone of days, hours and times, and of --since and --until.  [default: UTC]",
        ),
        click.option(
            "--until", metavar="TIME", help="Up to this time, or this day included.  [default: now]"
        ),
        click.option(
            "--since",
            metavar="TIME",
            help="From this date or time on (ISO 8601).  [default: the beginning]",
        ),
    ):
        command = option(command)
    return command


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say in which form, and where to."""
    for option in (
        click.option(
            "--output",
            metavar="PATH",
            type=click.Path(path_type=Path),
            help="Write the answer into this file.  [default: stdout]",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="table shows the first 50 rows, the others give all, texts as they are.",
        ),
    ):
        command = option(command)
    return command


sql_option = click.option(
    "--sql",
    "dialect",
    type=click.Choice(DIALECTS),
    help="Ask nothing: print the SQL in this dialect, as for a BI tool.",
)


def find_plan(place: dict[str, str | None]) -> Plan:
    """Where the tables are, by the values of `place_options`."""
    from feishu_source.destination import plan_pipeline

    options = Options(**place)  # type: ignore[arg-type]
    tenant = tenants.find(options)
    plan_it = tenant.plan_pipeline if tenant else plan_pipeline
    return plan_it(**options.pipeline_arguments())


def find_scope(timezone: str | None, since: str | None, until: str | None) -> Scope:
    """Which time, by the values of `scope_options`."""
    from feishu_source.analytics import Scope

    return Scope.parse(timezone, since, until, datetime.now(UTC))


def hand_over(answer: Answer, form: str, output: Path | None, desk: Desk) -> None:
    """Writes an answer, by the values of `output_options`."""
    from feishu_source.cli.query_output import write

    write(answer, form, output, desk.terminal)


def _asking(question: Question) -> click.Command:
    @click.command(
        question.name,
        context_settings=_SETTINGS,
        help=_KEEP_LINES + "\n".join(question.heading).replace("\n\n", f"\n\n{_KEEP_LINES}"),
        short_help=question.title,
    )
    @place_options
    @scope_options
    @output_options
    @sql_option
    @click.pass_obj
    def ask(
        desk: Desk,
        /,
        timezone: str | None,
        since: str | None,
        until: str | None,
        form: str,
        output: Path | None,
        dialect: str | None,
        **place: str | None,
    ) -> None:
        from feishu_source.analytics import open_warehouse, say

        scope = find_scope(timezone, since, until)
        plan = find_plan(place)
        if dialect:
            print(f"{say(question.sql, dialect, plan.place.dataset, scope.values)};")
            return
        with open_warehouse(plan) as warehouse:
            answer = warehouse.ask(question.sql, scope)
        hand_over(answer, form, output, desk)

    return ask


@click.command("create-views", context_settings=_SETTINGS)
@place_options
@sql_option
@click.pass_obj
def create_views(desk: Desk, /, dialect: str | None, **place: str | None) -> None:
    """Create views in the warehouse: threads, messages with names, conversations to read."""
    from feishu_source.analytics import create_views, say_views

    plan = find_plan(place)
    if dialect:
        print("\n\n".join(say_views(desk.views, dialect, plan.place.dataset)))
        return
    for name in create_views(plan, desk.views):
        desk.terminal.out.print(f"created {name}", soft_wrap=True)


COMMANDS = (create_views,)
"""What can be said in the place of a question's name."""


def _list(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    questions = context.obj.questions
    width = max(map(len, questions))
    for name, question in questions.items():
        print(f"{name:{width}}  {question.title}")
    context.exit()


@click.group(
    cls=Queries,
    commands={str(command.name): command for command in COMMANDS},
    context_settings=_SETTINGS,
    no_args_is_help=True,
    subcommand_metavar="NAME [OPTIONS]",
    epilog="query.py NAME --help tells what a query counts, and its options.",
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List them."
)
def queries() -> None:
    """Answer a question from what was loaded."""
