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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from feishu_source.report import EXIT_COMPLETE, EXIT_FAILED, Language

_LOG_FORMAT = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask: a file, a pipe, a CI log."""

_SPACES = frozenset("\t\n\r\v\f\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")  # inside emoji and Persian words; they move nothing
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where results go (`out`) and where everything else goes (`err`)."""

    out: Console = field(default_factory=lambda: _console(sys.stdout))
    err: Console = field(default_factory=lambda: _console(_Spoken(sys.stderr)))

    @property
    def interactive(self) -> bool:
        """Whether somebody sits there who can be asked."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.is_terminal


def printable(text: str | None, most: int = 80) -> str:
    """A text by a stranger on one line, with its control, ANSI and bidi characters made visible."""
    safe = "".join(map(_safe_character, text or ""))
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def choose_language(asked: str | None, environment: Mapping[str, str]) -> Language:
    """The language that was asked for, else that of the locale: the first variable that is set."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := environment.get(name))), "")
    return "zh" if (asked or locale).startswith("zh") else "en"


def use_utf8() -> None:
    """Makes stdout and stderr take any text, whatever the console's code page is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def log_to(console: Console, level: str, dlt_level: str | None = None) -> None:
    """Sends the logs of this package and of dlt to a console, above its progress bar."""
    # dlt reads its level from the environment when it starts, and keeps a handler it finds.
    dlt_level = (dlt_level or level).upper()
    os.environ["RUNTIME__LOG_LEVEL"] = dlt_level
    for name, its_level in (("feishu_source", level.upper()), ("dlt", dlt_level)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [_ConsoleHandler(console)]
        logger.setLevel(its_level)
        logger.propagate = False


class _ConsoleHandler(logging.Handler):
    """One record, one or more safe lines."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        for line in _LOG_FORMAT.format(record).splitlines():  # dlt would set one of its own
            self.console.print(Text(printable(line, most=2_000)), soft_wrap=True)


def _safe_character(character: str) -> str:
    if character in _SPACES:
        return " "
    if character not in _JOINERS and unicodedata.category(character) in _UNSAFE:
        return "\N{REPLACEMENT CHARACTER}"
    return character


class _Console(Console):
    """rich's console; what a closed pipe means is for `written` to say."""

    def on_broken_pipe(self) -> None:
        """Called where the error is being handled."""
        raise


class _Spoken:
    """stderr as a stream that never fails: a load does not end because nobody can be told."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes as far as that goes."""
        with suppress(OSError, ValueError):  # ValueError: somebody closed it
            return self._stream.write(text) if self._stream else 0
        return 0

    def flush(self) -> None:
        """Flushes as far as that goes."""
        with suppress(OSError, ValueError):
            if self._stream:
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream or io.StringIO(), name)


@dataclass(slots=True)
class Output:
    """What became of what was written to stdout: exit code 1 if it was lost."""

    exit_code: int = EXIT_COMPLETE


@contextmanager
def written(terminal: Terminal) -> Iterator[Output]:
    """What is written to stdout inside reaches whoever reads it, or that is told.

    A reader that has gone, as `head` goes, wants no more: that is no error.
    """
    output = Output()
    try:
        yield output
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _forget_stdout()
        if not isinstance(error, BrokenPipeError):
            output.exit_code = EXIT_FAILED
            terminal.err.print(f"Error: cannot write to stdout: {error.strerror}", soft_wrap=True)


def _forget_stdout() -> None:
    """What is left in its buffer goes nowhere, or Python would fail on it again as it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console(stream: Any) -> Console:
    stream = stream or io.StringIO()  # closed by whoever started this
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return _Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
