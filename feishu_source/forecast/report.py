"""What a plan tells: chats, requests, minutes, shares of a quota; and what it spent itself.

In: numbers. Out: `LoadPlan`, plain and frozen. Refuses to know how they were come by and how they
are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from feishu_source.report import EXIT_COMPLETE, ChatProblem
from feishu_source.version import VERSION

DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class Amount:
    """The best guess, and the interval that holds the truth in all but very few cases."""

    point: float
    low: float
    high: float

    def times(self, factor: float) -> Amount:
        """So many times as much."""
        return Amount(*(round(n * factor, 4) for n in (self.point, self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests, in all and by kind; minutes at the configured rate; the part of a month's quota.

    `quota_share` is 1.0 for all of it, None where no quota was named.
    """

    requests: Amount
    by_kind: Mapping[str, Amount]
    minutes: Amount
    quota_share: Amount | None


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What loads will cost. `day` is one of loads every `every_s` seconds, `month` 30 of them.

    Of `chats`, `asked` were looked at: `counted` of them whole, the others are estimates, as are
    those that were not asked. `files` are requests that come on top in the first load, one for each
    file, None where none are wanted. `problems` are those of `asked` that could not be read.
    """

    made_at: datetime
    every_s: int
    requests_per_minute: float
    monthly_quota: int | None
    chats: int
    asked: int
    counted: int
    problems: Sequence[ChatProblem]
    messages: Amount
    first_load: Cost
    day: Cost
    month: Amount
    requests: Mapping[str, int]
    warnings: Sequence[str]
    files: Amount | None = None

    @property
    def exit_code(self) -> int:
        """A plan that could be made is complete, whatever a load would leave out."""
        return EXIT_COMPLETE

    @property
    def spent(self) -> int:
        """Requests that the plan itself made, every attempt and the token counted."""
        return sum(self.requests.values())

    @property
    def keeps_pace(self) -> bool:
        """Whether a load ends, as a rule, before the next one begins."""
        return self.day.minutes.point <= 24 * 60

    def to_dict(self) -> dict[str, Any]:
        """The plan for machines: JSON types only."""
        share = self.monthly_quota and self.month.times(1 / self.monthly_quota)
        return {
            "version": VERSION,
            "exit_code": self.exit_code,
            "made_at": self.made_at.isoformat(),
            "chats": self.chats,
            "asked": self.asked,
            "counted": self.counted,
            "refused": len(self.problems),
            "messages": asdict(self.messages),
            "files": self.files and asdict(self.files),
            "requests_per_minute": self.requests_per_minute,
            "monthly_quota": self.monthly_quota,
            "first_load": asdict(self.first_load),
            "every_s": self.every_s,
            "day": asdict(self.day),
            "month": {"requests": asdict(self.month), "quota_share": share and asdict(share)},
            "keeps_pace": self.keeps_pace,
            "requests": self.spent,
            "requests_by_endpoint": dict(self.requests),
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": list(self.warnings),
        }
