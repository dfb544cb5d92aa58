"""What a text of the check is made of: two languages, a level, an exit code.

In: words. Out: `Pair` and `Outcome`, plain values. Refuses to know which texts there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from feishu_source.report import EXIT_COMPLETE, Language

Level = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A text in both languages; a `{name}` in it is filled with a value."""

    en: str
    zh: str

    def say(self, language: Language, values: Mapping[str, Any] | None = None) -> str:
        """The text in one of them, its places filled."""
        text = self.zh if language == "zh" else self.en
        return text if values is None else text.format_map(values)


Tell = Pair | Literal["meaning", "advice"] | None
"""A text of ours, or what `codes` says about the error of the finding."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check can find: how grave it is, the texts, and what a load would end with."""

    level: Level
    found: Tell
    next_step: Tell = None
    exit_code: int = EXIT_COMPLETE
