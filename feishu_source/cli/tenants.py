"""Several tenants in one command: which ones, and one exit code for all.

In: options, the exit code of each. Out: names of tenants, the worst of the codes, what is said of
the round. Refuses to know what was done with a tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from feishu_source.cli.options import Options
from feishu_source.cli.terminal import Terminal
from feishu_source.doctor.text import Pair
from feishu_source.report import (
    EXIT_COMPLETE,
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    EXIT_LOCKED,
    Language,
)

if TYPE_CHECKING:
    from feishu_source.tenancy import Tenant

WORST_FIRST = (EXIT_CONFIGURATION, EXIT_FAILED, EXIT_LOCKED, EXIT_INCOMPLETE, EXIT_COMPLETE)
"""Behind an interruption, which ends the round: what never mends itself; what the next round may
mend; what another load is about to mend; what is loaded in part."""

HEAD = Pair("tenant {name}", "租户 {name}")
LAST = Pair(
    "{count} tenants: {codes} (exit code {exit_code})",
    "共 {count} 个租户：{codes}（退出码 {exit_code}）",
)
NOT_BEGUN = Pair("not begun", "未开始")


def choose(options: Options) -> Mapping[str, Tenant]:
    """All tenants that are configured, once none of them stands in another's way.

    Raises:
        ConfigurationError: none are, one cannot be meant, or two go to one dataset.
    """
    from feishu_source.source import tenants
    from feishu_source.tenancy import check_places

    found = tenants()
    check_places(found, dict.fromkeys(found, options.pipeline_arguments()))
    return found


def find(options: Options) -> Tenant | None:
    """The tenant that the options name, if they do.

    Raises:
        ConfigurationError: no such tenant, or it goes where another one does.
    """
    if not options.tenant:
        return None
    from feishu_source.source import tenants
    from feishu_source.tenancy import check_places, find_tenant

    found = tenants()
    tenant = find_tenant(options.tenant, found)
    check_places(found, {tenant.name: options.pipeline_arguments()})
    return tenant


def worst(codes: Iterable[int]) -> int:
    """The exit code of a round: that of an interruption, else the first of `WORST_FIRST`."""
    left = set(codes)
    signalled = sorted(left - set(WORST_FIRST))
    return next(iter([*signalled, *(code for code in WORST_FIRST if code in left)]), EXIT_COMPLETE)


def head(
    name: str, exit_code: int, options: Options, terminal: Terminal, language: Language
) -> None:
    """Says of which tenant the lines below are; quietly, only where there are any."""
    line = Text(HEAD.say(language, {"name": name}), style="bold")
    if not options.quiet:
        terminal.out.print(line)
    if exit_code and (options.quiet or not terminal.out.is_terminal):
        terminal.err.print(line)


def last_line(names: Sequence[str], codes: Mapping[str, int], language: Language) -> Text:
    """How each one ended, and the command with them."""
    each = (f"{name} {codes.get(name, NOT_BEGUN.say(language))}" for name in names)
    values = {"count": len(names), "codes": ", ".join(each), "exit_code": worst(codes.values())}
    return Text(LAST.say(language, values))
