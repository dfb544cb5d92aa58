"""Hosts beside Feishu and Lark that a person has allowed to receive the app secret.

In: a host that the library refused, a person's answer. Out: yes or no, kept in `known_hosts.json`
of the user's configuration folder. Refuses to answer for anybody who is not at the terminal.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import platformdirs

from feishu_source.cli.terminal import Terminal, printable
from feishu_source.errors import ConfigurationError


def known_hosts_path() -> Path:
    """The file that remembers the answers."""
    return platformdirs.user_config_path("feishu-source", appauthor=False) / "known_hosts.json"


def allow(host: str, terminal: Terminal, path: Path) -> bool:
    """Whether the app secret may be sent to this host: remembered, or asked for once.

    Raises:
        ConfigurationError: the file is there and cannot be read.
    """
    known = read_known_hosts(path)
    if host in known:
        return True
    if not (terminal.interactive and _ask(host)):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"hosts": sorted({*known, host})}, indent=2), encoding="utf-8")
    return True


def read_known_hosts(path: Path) -> frozenset[str]:
    """The hosts allowed so far, none where the file is missing.

    Raises:
        ConfigurationError: the file is there and is not what `allow` writes.
    """
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["hosts"])
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be read; delete it to be asked again") from error


def _ask(host: str) -> bool:
    return click.confirm(f"Send the app secret to {printable(host)}?", default=False, err=True)
