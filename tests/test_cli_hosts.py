"""The app secret goes to Feishu and Lark; to any other host only if a person said so."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from feishu_source.cli.hosts import allow, known_hosts_path, read_known_hosts
from feishu_source.cli.terminal import Terminal
from feishu_source.errors import ConfigurationError


class Keyboard(io.StringIO):
    """A stdin that says it is a terminal and types what a test wants."""

    def isatty(self) -> bool:
        """A person sits here."""
        return True


def somebody(monkeypatch: pytest.MonkeyPatch, types: str) -> Terminal:
    """A terminal with a person at it."""
    monkeypatch.setattr(sys, "stdin", Keyboard(types))
    return Terminal(err=Console(file=io.StringIO(), force_terminal=True))


def nobody(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal nobody can answer at."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    return Terminal(err=Console(file=io.StringIO()))


def test_a_yes_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked once on stderr, kept in a file, true for everybody who runs as this user."""
    path = tmp_path / "new" / "known_hosts.json"
    assert allow("b.example", somebody(monkeypatch, "y\n"), path) is True
    assert capsys.readouterr() == ("", "Send the app secret to b.example? [y/N]: ")
    assert allow("a.example", somebody(monkeypatch, "y\n"), path) is True
    assert json.loads(path.read_text()) == {"hosts": ["a.example", "b.example"]}
    assert allow("b.example", nobody(monkeypatch), path) is True


def test_no_is_the_default_and_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Return alone sends nothing, and the question comes again."""
    path = tmp_path / "known_hosts.json"
    assert allow("a.example", somebody(monkeypatch, "\n"), path) is False
    assert not path.exists()


def test_nobody_at_the_terminal_means_no(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pipe that types y is not a person."""
    assert allow("a.example", nobody(monkeypatch), tmp_path / "known_hosts.json") is False


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"hosts": 1}', "\x00"])
def test_a_broken_memory_is_an_error_and_not_a_no(tmp_path: Path, content: str) -> None:
    """The message names the file and the way out."""
    path = tmp_path / "known_hosts.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as refusal:
        read_known_hosts(path)
    assert str(refusal.value) == f"{path} cannot be read; delete it to be asked again"


def test_a_missing_memory_is_empty(tmp_path: Path) -> None:
    """Nobody was asked yet."""
    assert read_known_hosts(tmp_path / "known_hosts.json") == frozenset()


def test_the_memory_lies_in_the_users_configuration() -> None:
    """Not in the working directory, where a checkout could bring its own answers."""
    assert known_hosts_path().parts[-2:] == ("feishu-source", "known_hosts.json")
