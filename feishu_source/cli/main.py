"""One load, check or plan as the command line asks for it, from its words to its exit code.

In: the words. Out: a summary or one JSON object on stdout, everything else on stderr, and an exit
code. Refuses to know how a load works.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import click
from rich.text import Text

from feishu_source.cli import demo, hosts, tenants
from feishu_source.cli.check import tell
from feishu_source.cli.failures import Failure, explain
from feishu_source.cli.options import Options, parse
from feishu_source.cli.plan import show
from feishu_source.cli.progress import watch
from feishu_source.cli.summary import quiet_line, summarise, tell_failure
from feishu_source.cli.terminal import (
    Terminal,
    choose_language,
    log_to,
    printable,
    use_utf8,
    written,
)
from feishu_source.doctor import CheckReport
from feishu_source.errors import HostNotAllowed, redact
from feishu_source.forecast import LoadPlan
from feishu_source.report import (
    EXIT_COMPLETE,
    EXIT_CONFIGURATION,
    SIGNAL_BASE,
    Language,
    LoadReport,
)

Outcome = LoadReport | CheckReport | LoadPlan | Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one load and tells about it; the value is the exit code."""
    use_utf8()
    words = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal()
    options: Options | int = EXIT_COMPLETE
    try:
        with written(terminal) as output:
            options = parse(words)
        if isinstance(options, int):
            return options or output.exit_code
        return run(options, terminal)
    except click.UsageError as error:
        return _refuse(error, as_json="--json" in words)
    except KeyboardInterrupt as error:
        terminal.err.print(tell_failure(explain(error)))
        return explain(error).exit_code


def run(options: Options, terminal: Terminal) -> int:
    """Loads, tells what came of it, and answers with the exit code."""
    log_to(terminal.err, *_log_levels(options))
    if options.all_tenants:
        return _run_each(options, terminal)
    return _tell(_attempt(options, terminal), options, terminal)


def _run_each(options: Options, terminal: Terminal) -> int:
    """All tenants in turn; only an interruption of one ends the round."""
    try:
        names = list(tenants.choose(options))
    except (Exception, KeyboardInterrupt) as error:
        return _tell(explain(error), options, terminal)
    outcomes: dict[str, Outcome] = {}
    codes: dict[str, int] = {}
    for name in names:
        one = replace(options, all_tenants=False, tenant=name)
        outcomes[name] = outcome = _attempt(one, terminal)
        codes[name] = outcome.exit_code
        if not options.as_json:
            tenants.head(name, outcome.exit_code, options, terminal, _language(options))
            codes[name] = _tell(outcome, one, terminal)
        if outcome.exit_code > SIGNAL_BASE:
            break
    exit_code = tenants.worst(codes.values())
    with written(terminal) as output:
        if options.as_json:
            told = {name: _as_dict(outcome, options) for name, outcome in outcomes.items()}
            _print_json({"exit_code": exit_code, "tenants": told})
        elif not options.quiet:
            terminal.out.print(tenants.last_line(names, codes, _language(options)))
    return exit_code or output.exit_code


def _tell(outcome: Outcome, options: Options, terminal: Terminal) -> int:
    """Tells one outcome; the exit code is its own, if it could be told."""
    with written(terminal) as output:
        if options.as_json:
            _print_json(_as_dict(outcome, options))
        elif isinstance(outcome, CheckReport):
            tell(outcome, terminal.out, _language(options), quiet=options.quiet)
        elif isinstance(outcome, LoadPlan):
            _tell_plan(outcome, options, terminal)
        elif isinstance(outcome, LoadReport):
            _tell_report(outcome, options, terminal)
        else:
            _tell_failure(outcome, options, terminal)
    return outcome.exit_code or output.exit_code


def _as_dict(outcome: Outcome, options: Options) -> dict[str, Any]:
    if isinstance(outcome, CheckReport):
        return outcome.to_dict(_language(options))
    return outcome.to_dict()


def _log_levels(options: Options) -> tuple[str, str]:
    """Of this package and of dlt, whose errors are told in our words where nobody asks for more."""
    if options.log_level:
        return options.log_level, options.log_level
    return ("error", "critical") if options.quiet else ("warning", "warning")


def _attempt(options: Options, terminal: Terminal) -> Outcome:
    do = _check if options.check else _plan if options.plan else _load
    try:
        if not options.demo:
            return do(options, terminal, {})
        with demo.tenant() as access:
            return do(options, terminal, access)
    except (Exception, KeyboardInterrupt) as error:
        if options.log_level == "debug":
            _print_trace(error, terminal)
        return explain(error)


def _check(options: Options, terminal: Terminal, access: dict[str, Any]) -> CheckReport:
    """What a load with these options would meet; nobody is asked, nothing is made."""
    from feishu_source.destination import plan_pipeline
    from feishu_source.doctor import check

    tenant = tenants.find(options)
    plan_it = tenant.plan_pipeline if tenant else plan_pipeline
    with _waiting("checking", options, terminal):
        return check(
            partial(plan_it, **options.pipeline_arguments()),
            tolerate=options.tolerate,
            trusts=lambda host: host in hosts.read_known_hosts(hosts.known_hosts_path()),
            **(access | options.source_arguments()),
        )


def _waiting(doing: str, options: Options, terminal: Terminal) -> AbstractContextManager[object]:
    if terminal.err.is_terminal and not (options.quiet or options.as_json):
        return terminal.err.status(doing)
    return nullcontext()


def _plan(options: Options, terminal: Terminal, access: dict[str, Any]) -> LoadPlan:
    """What loads with these options would cost; nobody is asked, nothing is made."""
    from feishu_source.forecast import plan

    tenants.find(options)
    arguments = options.plan_arguments() | access | options.source_arguments()
    with _waiting("planning", options, terminal):
        try:
            return plan(**arguments)
        except HostNotAllowed as refused:
            if refused.host not in hosts.read_known_hosts(hosts.known_hosts_path()):
                raise
            return plan(**arguments | {"allowed_hosts": [refused.host]})


def _tell_plan(told: LoadPlan, options: Options, terminal: Terminal) -> None:
    if not options.quiet:
        terminal.out.print(show(told, _language(options)))


def _load(options: Options, terminal: Terminal, access: dict[str, Any]) -> LoadReport:
    """One load; a host that nobody named is asked about, once."""
    try:
        return _load_once(options, terminal, access)
    except HostNotAllowed as refused:
        if not hosts.allow(refused.host, terminal, hosts.known_hosts_path()):
            raise
        return _load_once(options, terminal, access | {"allowed_hosts": [refused.host]})


def _load_once(options: Options, terminal: Terminal, access: dict[str, Any]) -> LoadReport:
    # Importing dlt takes a second: `--help` and a misspelt option do not wait for it.
    from feishu_source import load, open_pipeline

    tenant = tenants.find(options)
    open_it = tenant.open_pipeline if tenant else open_pipeline
    pipeline = open_it(**options.pipeline_arguments())
    with watch(terminal, quiet=options.quiet) as progress:
        return load(
            pipeline,
            progress=progress,
            **options.load_arguments(),
            **(access | options.source_arguments()),
        )


def _tell_report(report: LoadReport, options: Options, terminal: Terminal) -> None:
    if options.quiet:
        if line := quiet_line(report, _language(options)):
            terminal.err.print(Text(line), soft_wrap=True)
        return
    terminal.out.print(summarise(report, _language(options)))
    if options.demo and report.database:
        terminal.out.print(demo.answers(report.database, report.dataset))


def _tell_failure(failure: Failure, options: Options, terminal: Terminal) -> None:
    language = _language(options)
    if failure.report and failure.report.chats and not options.quiet:
        terminal.out.print(summarise(failure.report, language))
    terminal.err.print(tell_failure(failure, language), soft_wrap=True)


def _language(options: Options) -> Language:
    return choose_language(options.lang, os.environ)


def _refuse(error: click.UsageError, *, as_json: bool) -> int:
    """Words that are no command line are refused before anything happens."""
    if as_json:
        failure = Failure(EXIT_CONFIGURATION, "UsageError", error.format_message())
        _print_json(failure.to_dict())
    else:
        error.show()
    return EXIT_CONFIGURATION


def _print_json(value: dict[str, Any]) -> None:
    # ASCII: any console can show it, and no name in it can do anything to the terminal.
    print(json.dumps(value))


def _print_trace(error: BaseException, terminal: Terminal) -> None:
    for line in "".join(traceback.format_exception(error)).splitlines():
        terminal.err.print(Text(printable(redact(line), most=500)), soft_wrap=True)
