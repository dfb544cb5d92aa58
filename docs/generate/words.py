"""Words of the pages in one of two languages.

In: an English text. Out: the same, or what `zh-CN.toml` has for it. A text whose English changed
has no Chinese any more, and a test says so. Refuses to know where texts come from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feishu_source.report import Language

CATALOGUE = Path(__file__).with_name("zh-CN.toml")


def read_catalogue() -> dict[str, str]:
    """English -> Chinese; the sections of the file are for its readers.

    Raises:
        ValueError: a text stands there twice.
    """
    found: dict[str, str] = {}
    for english, chinese in _entries(tomllib.loads(CATALOGUE.read_text("utf-8"))):
        if english in found:
            raise ValueError(f"twice in {CATALOGUE.name}: {english}")
        found[english] = chinese
    return found


def _entries(section: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _entries(value)
        else:
            yield name, value


@dataclass(frozen=True)
class Words:
    """Says things in a language; `asked` are the English texts it was asked for."""

    language: Language
    chinese: Mapping[str, str]
    asked: set[str] = field(default_factory=set)

    def __call__(self, english: str) -> str:
        """The text in this language; one that has no Chinese stays English, for a test to find."""
        self.asked.add(english)
        return self.chinese.get(english, english) if self.language == "zh" else english

    def pair(self, english: str, chinese: str) -> str:
        """Of two texts that the code has beside each other."""
        return chinese if self.language == "zh" else english

    def list(self, things: Iterable[str]) -> str:
        """Things in a row, with this language's comma."""
        return self.pair(", ", "、").join(things)

    def colon(self, name: str, value: str) -> str:
        """A name and what it is, with this language's colon."""
        return f"{self(name)}{self.pair(': ', '：')}{value}"
