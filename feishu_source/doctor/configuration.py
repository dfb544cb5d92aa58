"""What is configured: settings, their names, the host.

In: arguments of the source, and whatever dlt's providers hold. Out: findings, and options to ask
with, if the rest of the check can go on. Values are told only where they are the trouble; those of
secrets never are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration.exceptions import ConfigurationException

from feishu_source.api import is_loopback, resolve_base_url
from feishu_source.api.endpoints import FEISHU, LARK
from feishu_source.configuration import set_dlt_defaults, unknown_names
from feishu_source.doctor.findings import Finding, find, skip
from feishu_source.errors import ConfigurationError, HostNotAllowed, first_line
from feishu_source.options import Options
from feishu_source.source import default_arguments, resolve_arguments
from feishu_source.tenancy import CREDENTIALS, unknown_names_of

Trust = Callable[[str], bool]


@dataclass(slots=True)
class Configured:
    """Findings, and the options to ask with; without any, `blocked_by` is the check to blame."""

    findings: list[Finding] = field(default_factory=list)
    options: Options | None = None
    host: str = ""
    blocked_by: str = "settings"


def configure(given: Mapping[str, Any], trusts: Trust) -> Configured:
    """Settings and host, as far as each can be understood without the other."""
    try:
        set_dlt_defaults()
        arguments = resolve_arguments(given)
    except (ConfigurationError, ConfigurationException) as error:
        wrong = find("settings.wrong", words=first_line(error))
        return Configured([wrong, skip("host", "settings")])
    found = Configured([_check_values(arguments)])
    host = _check_host(arguments, trusts)
    found.findings.append(host)
    found.host = str(host.values.get("host", ""))
    if host.level == "failure":
        found.blocked_by = "host"
        return found
    usable = arguments
    if found.findings[0].level == "failure":
        # With credentials the check goes on where another setting is wrong.
        usable = default_arguments() | {name: arguments[name] for name in CREDENTIALS}
    reached = {"base_url": arguments["base_url"], "allowed_hosts": [found.host]}
    found.options = Options.from_arguments(usable | reached)
    return found


def _check_values(arguments: Mapping[str, Any]) -> Finding:
    """All but the host, which has a finding of its own."""
    try:
        Options.from_arguments({**arguments, "base_url": "feishu"})
    except ConfigurationError as error:
        return find("settings.wrong", words=str(error))
    return find("settings.ok")


def _check_host(arguments: Mapping[str, Any], trusts: Trust) -> Finding:
    value, allowed = arguments["base_url"], arguments["allowed_hosts"] or ()
    try:
        try:
            url = resolve_base_url(value, allowed)
        except HostNotAllowed as refused:
            if not trusts(refused.host):
                return find("host.refused", host=refused.host)
            url = resolve_base_url(value, [refused.host])
    except ConfigurationError as error:
        return find("host.wrong", words=str(error))
    host = urlsplit(url).netloc
    named = {FEISHU: "feishu", LARK: "lark"}.get(url)
    outcome = named or ("here" if is_loopback(urlsplit(url).hostname or "") else "allowed")
    return find(f"host.{outcome}", host=host)


def check_setting_names(tenant: str | None = None) -> Finding:
    """Names under [sources.feishu], or of a tenant, that no setting has: a misspelt one keeps its
    default.
    """
    known = default_arguments().keys()
    try:
        found = unknown_names(known) + (unknown_names_of(tenant, known) if tenant else [])
        unknown = dict.fromkeys(name for _, name in found)
    except (ConfigurationException, ValueError, OSError):  # a file that cannot be read: `settings`
        return skip("setting_names", "settings")
    if not unknown:
        return find("setting_names.ok")
    near = dict.fromkeys(match for name in unknown for match in get_close_matches(name, known, 1))
    outcome = "near" if near else "unknown"
    return find(f"setting_names.{outcome}", names=", ".join(unknown), near=", ".join(near))
