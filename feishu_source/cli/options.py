"""What may be said on the command line, and which argument of the library each word becomes.

In: the words after `feishu-history`. Out: `Options`. An option that was not given is not passed
on, so that `.dlt/config.toml` and the environment keep their say.
Refuses to know what the values mean: dates, zones and ids are read by the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from feishu_source.settings import DAY_S, HOUR_S, MINUTE_S
from feishu_source.version import VERSION

PROGRAM = "feishu-history"
DEMO_DATABASE = "demo.duckdb"
DEMO_PIPELINES = ".demo/pipelines"
_INTERVALS = {"m": MINUTE_S, "h": HOUR_S, "d": DAY_S}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One command line; None and empty stand for "not given"."""

    destination: str | None = None
    database: str | None = None
    publish: str | None = None
    search_index: bool = False
    dataset: str | None = None
    pipelines_dir: str | None = None
    files: str | None = None
    tenant: str | None = None
    all_tenants: bool = False
    chat: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: str | None = None
    since: str | None = None
    until: str | None = None
    timezone: str | None = None
    no_threads: bool = False
    full: bool = False
    max_messages: int | None = None
    max_requests: int | None = None
    reset_chat: tuple[str, ...] = ()
    tolerate: tuple[int, ...] = ()
    check: bool = False
    plan: bool = False
    every: int | None = None
    quota: int | None = None
    plan_chats: int | None = None
    demo: bool = False
    quiet: bool = False
    as_json: bool = False
    lang: str | None = None
    log_level: str | None = None

    def pipeline_arguments(self) -> dict[str, Any]:
        """The arguments of `open_pipeline`; the demo keeps its data and state apart."""
        given: dict[str, Any] = {
            "destination": self.destination,
            "database": self.database,
            "dataset": self.dataset,
            "pipelines_dir": self.pipelines_dir,
            "shard": self.shard,
        }
        demo = {
            "database": self.database or DEMO_DATABASE,
            "pipelines_dir": self.pipelines_dir or DEMO_PIPELINES,
            "name": "feishu_demo",
        }
        return _only_given(given | demo if self.demo else given)

    def load_arguments(self) -> dict[str, Any]:
        """The arguments of `load` itself."""
        return _only_given(
            {
                "full": self.full,
                "max_messages": self.max_messages,
                "max_requests": self.max_requests,
                "reset_chats": self.reset_chat,
                "tolerate": self.tolerate,
                "publish": self.publish,
                "search_index": self.search_index,
            }
        )

    def plan_arguments(self) -> dict[str, Any]:
        """The arguments of `plan` itself."""
        return _only_given(
            {
                "every_s": self.every,
                "monthly_quota": self.quota,
                "most_chats": self.plan_chats,
            }
        )

    def source_arguments(self) -> dict[str, Any]:
        """The arguments of the source, which configuration gives where they are left out."""
        threads = {"threads": False} if self.no_threads else {}
        return threads | _only_given(
            {
                "tenant": self.tenant,
                "chat_ids": list(self.chat),
                "include": list(self.include),
                "exclude": list(self.exclude),
                "shard": self.shard,
                "since": self.since,
                "until": self.until,
                "timezone": self.timezone,
                "files": self.files,
            }
        )


def parse(arguments: Sequence[str]) -> Options | int:
    """The options these words spell; an exit code where `--help` or `--version` was all.

    Raises:
        click.UsageError: a word that is no option, or a value that its option does not take.
    """
    outcome = command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    return outcome if isinstance(outcome, Options) else int(outcome or 0)


def _only_given(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value}


def _read_codes(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[int, ...]:
    try:
        return tuple(int(code) for text in texts for code in text.split(",") if code.strip())
    except ValueError as error:
        raise click.BadParameter("error codes are numbers: --tolerate 231203,230002") from error


def _read_interval(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    seconds = int(match[1]) * _INTERVALS[match[2]] if match else 0
    if not MINUTE_S <= seconds <= DAY_S:
        raise click.BadParameter("write an interval from 1m to 1d, such as 15m, 1h or 1d")
    return seconds


def _flag(name: str, *more: str, help: str) -> Callable[[Any], Any]:
    return click.option(name, *more, is_flag=True, help=help)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 every chat complete, 1 the load failed, 2 wrong arguments or "
    "configuration, 3 something is incomplete, 4 another load is running, 130/143 interrupted.",
)
@click.option("--destination", metavar="NAME", help="A dlt destination.  [default: duckdb]")
@click.option(
    "--database",
    metavar="PATH",
    help="The DuckDB file.  [default: feishu_history.duckdb; with --demo demo.duckdb]",
)
@click.option(
    "--publish",
    metavar="PATH",
    help="Put a copy of the DuckDB file here after the load, for readers.",
)
@_flag("--search-index", help="Bring the index of query.py search up to date after the load.")
@click.option("--dataset", metavar="NAME", help="Schema of the tables.  [default: feishu]")
@click.option("--tenant", metavar="NAME", help="The tenant that is configured under this name.")
@_flag("--all-tenants", help="Each tenant that is configured, in turn, whatever becomes of one.")
@click.option("--chat", metavar="ID", multiple=True, help="Only this chat; repeatable.")
@click.option(
    "--include", metavar="GLOB", multiple=True, help="Only chats of such a name; repeatable."
)
@click.option(
    "--exclude", metavar="GLOB", multiple=True, help="No chats of such a name; repeatable."
)
@click.option(
    "--shard",
    metavar="K/N",
    help="Only the chats of the K-th of N parts, at an N-th of the rate; not for DuckDB.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="From this date or time on (ISO 8601).  [default: the beginning]",
)
@click.option(
    "--until", metavar="TIME", help="Up to this time, or this day included.  [default: now]"
)
@click.option(
    "--timezone",
    metavar="NAME",
    help="Zone of --since and --until where they name none.  [default: UTC]",
)
@_flag("--no-threads", help="Leave out the replies in threads.")
@_flag("--full", help="Read all messages again: finds every edit, recall and late reply.")
@click.option(
    "--max-messages",
    metavar="N",
    type=click.IntRange(min=1),
    help="Stop after about N messages; the next load goes on.",
)
@click.option(
    "--max-requests",
    metavar="N",
    type=click.IntRange(min=1),
    help="Make at most N requests, what is new first; the next load goes on.",
)
@click.option("--reset-chat", metavar="ID", multiple=True, help="Load this chat anew; repeatable.")
@click.option(
    "--tolerate",
    metavar="CODES",
    multiple=True,
    callback=_read_codes,
    help="Chats refused with one of these codes count as complete: 231203,230002.",
)
@click.option(
    "--files",
    metavar="PLACE",
    help="Download images and files too, to this folder or URL, as far as they are not there.",
)
@click.option(
    "--pipelines-dir", metavar="PATH", help="Where dlt keeps its working folder.  [default: dlt's]"
)
@_flag("--check", help="Load nothing: tell what a load would meet, and what to do about it.")
@_flag("--plan", help="Load nothing: tell how many requests the first load and a day would take.")
@click.option(
    "--every",
    metavar="INTERVAL",
    callback=_read_interval,
    help="With --plan: the day's loads are so far apart, 1m to 1d.  [default: 1h]",
)
@click.option(
    "--quota",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --plan: requests a month that your Feishu edition allows.",
)
@click.option(
    "--plan-chats",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --plan: ask about N chats at most, 3 requests each.  [default: 300]",
)
@_flag("--demo", help="Load a tenant that runs on this machine: needs no account.")
@_flag("--quiet", help="Print errors only; of a check, warnings and failures.")
@_flag("--json", "as_json", help="Print the account of the load, check or plan as one JSON object.")
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    help="Language of check, plan, summary and Feishu's errors.  [default: the locale's]",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    help="What is logged to stderr.  [default: warning]",
)
@click.version_option(VERSION, prog_name=PROGRAM, message="%(prog)s %(version)s")
def command(**given: Any) -> Options:
    """Load Feishu / Lark chat history into a warehouse, and keep it up to date."""
    options = Options(**given)
    if options.demo and options.destination not in (None, "duckdb"):
        raise click.UsageError("--demo loads into DuckDB; leave out --destination")
    if options.tenant and options.all_tenants:
        raise click.UsageError("--tenant and --all-tenants: give one of them")
    if options.demo and (options.tenant or options.all_tenants):
        raise click.UsageError("--demo has a tenant of its own; leave out --tenant, --all-tenants")
    if options.all_tenants and (options.dataset or options.chat or options.reset_chat):
        raise click.UsageError(
            "--dataset, --chat and --reset-chat are for one tenant; with --all-tenants, set "
            "dataset and chat_ids under [sources.feishu.tenants.NAME]"
        )
    if options.check and options.plan:
        raise click.UsageError("--check and --plan are two commands: give one of them")
    if options.plan_arguments() and not options.plan:
        raise click.UsageError("--every, --quota and --plan-chats belong to --plan")
    return options
