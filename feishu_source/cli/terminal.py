"""The terminal: two consoles, and what may safely be shown on them.

In: texts, some of them written by strangers. Out: UTF-8 on stdout and stderr that no chat name
can recolour, move or reverse. Refuses to know what is said.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.text import Text

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask: a file, a pipe, a CI log."""

_SPACES = frozenset("\t\n\r\v\f\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")  # inside emoji and Persian words; they move nothing
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where results go (`out`) and where everything else goes (`err`)."""

    out: Console = field(default_factory=lambda: _console(sys.stdout))
    err: Console = field(default_factory=lambda: _console(sys.stderr))

    @property
    def interactive(self) -> bool:
        """Whether somebody sits there who can be asked."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.is_terminal


def printable(text: str | None, most: int = 80) -> str:
    """A text by a stranger on one line, with its control, ANSI and bidi characters made visible."""
    safe = "".join(map(_safe_character, text or ""))
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def prefers_chinese(environment: Mapping[str, str]) -> bool:
    """Whether the locale asks for Chinese, by the first of its variables that is set."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((value for name in names if (value := environment.get(name))), "").startswith("zh")


def use_utf8() -> None:
    """Makes stdout and stderr take any text, whatever the console's code page is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def log_to(console: Console, level: str) -> None:
    """Sends the logs of this package and of dlt to a console, above its progress bar."""
    # dlt reads its level from the environment when it starts, and keeps a handler it finds.
    os.environ["RUNTIME__LOG_LEVEL"] = level.upper()
    for name in ("feishu_source", "dlt"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [_ConsoleHandler(console)]
        logger.setLevel(level.upper())
        logger.propagate = False


class _ConsoleHandler(logging.Handler):
    """One record, one or more safe lines."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            self.console.print(Text(printable(line, most=2_000)), soft_wrap=True)


def _safe_character(character: str) -> str:
    if character in _SPACES:
        return " "
    if character not in _JOINERS and unicodedata.category(character) in _UNSAFE:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
