"""Files of SQL: each one question, or one view, with a heading that says what it answers.

In: a folder. Out: `Question`s. Refuses to know what the SQL means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from feishu_source.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Question:
    """One file: `name` is its stem, `sql` its text in DuckDB's dialect, heading included."""

    name: str
    sql: str

    @property
    def heading(self) -> list[str]:
        """The lines of the comment at its beginning, without their marks."""
        lines = []
        for line in self.sql.splitlines():
            if not line.startswith("--"):
                break
            lines.append(line.removeprefix("--").removeprefix(" "))
        return lines

    @property
    def title(self) -> str:
        """What it answers, in a line."""
        return next(iter(self.heading), "")


def read_questions(folder: Path) -> dict[str, Question]:
    """The questions of a folder, by name, in the order of names.

    Raises:
        ConfigurationError: the folder cannot be read, or holds none.
    """
    try:
        texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.sql"))}
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be read: {error.strerror}") from error
    if not texts:
        raise ConfigurationError(f"there are no queries in {folder}.")
    return {name: Question(name, text) for name, text in texts.items()}


def read_views(folder: Path) -> dict[str, Question]:
    """The views, which stand in a folder of their own beside the questions."""
    return read_questions(folder / "views")


def nearest(name: str, names: Iterable[str]) -> str:
    """Which of the names may have been meant, or which there are."""
    known = {part: full for full in names for part in full.split("_")}
    known |= {full: full for full in names}
    found = get_close_matches(name.lower().replace("-", "_"), known, n=1)
    return f"did you mean {known[found[0]]}?" if found else f"there are {', '.join(names)}."
