"""What a check found: one fact each, its level, and what a load would make of it.

In: the outcome of a check, by the name it has in `texts`. Out: `Finding`, plain and frozen, and
`CheckReport`, which holds them all. Refuses to know where the facts come from and how they are
shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from feishu_source.doctor.text import Level, Outcome, Pair, Tell
from feishu_source.doctor.texts import CHECKS, OUTCOMES
from feishu_source.errors import ApiError
from feishu_source.report import (
    EXIT_COMPLETE,
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    EXIT_LOCKED,
    Language,
)
from feishu_source.version import VERSION

GRAVEST_FIRST = (EXIT_CONFIGURATION, EXIT_LOCKED, EXIT_FAILED, EXIT_INCOMPLETE, EXIT_COMPLETE)
"""A load reads its configuration, takes its lock, and only then asks: it ends with the first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `id` and `outcome` are stable; texts may be reworded.

    `exit_code` is what a load would end with because of it, 0 if it would not mind. `values` fill
    the texts, `error` is Feishu's refusal if there was one.
    """

    id: str
    outcome: str
    level: Level
    exit_code: int
    values: Mapping[str, Any] = field(default_factory=dict)
    error: ApiError | None = None
    chat_id: str | None = None
    chat_name: str | None = None

    def checked(self, language: Language) -> str:
        """What was looked at."""
        return CHECKS[self.id].say(language)

    def found(self, language: Language) -> str:
        """What was found, with Feishu's meaning in the place of its code."""
        return self._tell(self._texts.found, language) or ""

    def next_step(self, language: Language) -> str | None:
        """What to do about it; None where there is nothing to do."""
        return self._tell(self._texts.next_step, language)

    def details(self, language: Language) -> list[str]:
        """What Feishu names, and what the connector noticed by itself."""
        if self.error is None:
            return []
        hint = self.error.hint_zh if language == "zh" else self.error.hint
        return [*self.error.details, *([hint] if hint else [])]

    def to_dict(self, language: Language) -> dict[str, Any]:
        """The finding for machines."""
        error = self.error
        return {
            "id": self.id,
            "outcome": self.outcome,
            "level": self.level,
            "exit_code": self.exit_code,
            "checked": self.checked(language),
            "found": self.found(language),
            "next_step": self.next_step(language),
            "code": error.code if error else None,
            "words": error.msg or None if error else None,
            "details": self.details(language),
            "links": error.links if error else [],
            "log_id": error.log_id if error else None,
            "chat_id": self.chat_id,
            "chat_name": self.chat_name,
        }

    @property
    def _texts(self) -> Outcome:
        return OUTCOMES[f"{self.id}.{self.outcome}"]

    def _tell(self, text: Tell, language: Language) -> str | None:
        if isinstance(text, Pair):
            return text.say(language, _in_language(self.values, language))
        if text is None or self.error is None:
            return None
        chinese = language == "zh"
        if text == "meaning":
            return self.error.meaning_zh if chinese else self.error.meaning
        return self.error.advice_zh if chinese else self.error.advice_en


def find(
    key: str,
    *,
    error: ApiError | None = None,
    chat: tuple[str, str | None] = ("", None),
    exit_code: int | None = None,
    **values: Any,
) -> Finding:
    """The finding that `texts` declares under `id.outcome`, with what is particular to it.

    `exit_code` replaces the declared one where a load would be lenient.
    """
    texts = OUTCOMES[key]
    name, _, outcome = key.partition(".")
    return Finding(
        name,
        outcome,
        texts.level,
        texts.exit_code if exit_code is None else exit_code,
        values,
        error,
        chat[0] or None,
        chat[1],
    )


def skip(name: str, because: str) -> Finding:
    """A check that was not made, because of what another one found."""
    return find(f"{name}.skipped", because=CHECKS[because])


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings of one check, in the order of a load, and what they cost.

    `requests` counts attempts by method and path.
    """

    findings: Sequence[Finding]
    requests: Mapping[str, int]

    @property
    def exit_code(self) -> int:
        """What a load would end with now."""
        found = {finding.exit_code for finding in self.findings}
        return next((code for code in GRAVEST_FIRST if code in found), EXIT_COMPLETE)

    @property
    def counts(self) -> dict[Level, int]:
        """How many findings there are of each level."""
        number = Counter(finding.level for finding in self.findings)
        return {level: number[level] for level in ("ok", "warning", "failure", "skipped")}

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The report for machines: JSON types only."""
        return {
            "version": VERSION,
            "language": language,
            "exit_code": self.exit_code,
            "counts": self.counts,
            "requests": sum(self.requests.values()),
            "requests_by_endpoint": dict(self.requests),
            "findings": [finding.to_dict(language) for finding in self.findings],
        }


def _in_language(values: Mapping[str, Any], language: Language) -> dict[str, Any]:
    return {
        name: value.say(language) if isinstance(value, Pair) else value
        for name, value in values.items()
    }
