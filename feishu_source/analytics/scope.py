"""For whom a question is asked: the time zone of its days and hours, and the range of time.

In: words as a load takes them. Out: instants, and the values that stand in SQL. Refuses to know
what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from feishu_source.errors import ConfigurationError
from feishu_source.settings import find_timezone, parse_since, parse_until

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""As early as `--since` may be; Feishu's messages are all younger."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Days and hours are those of `zone`; times are in [since, until)."""

    zone: ZoneInfo
    since: datetime
    until: datetime

    @classmethod
    def parse(
        cls, timezone: str | None, since: str | None, until: str | None, now: datetime
    ) -> Scope:
        """Reads the words; without them UTC, the beginning, and `now`.

        Raises:
            ConfigurationError: no such time zone, not ISO 8601, or an empty range.
        """
        name = timezone or "UTC"
        zone = find_timezone(name)
        start = parse_since(since, name) if since else _BEGINNING
        end = parse_until(until, name) if until else now
        if start >= end:
            last = f"until ({until})" if until else f"now ({now.astimezone(zone):%Y-%m-%d %H:%M})"
            raise ConfigurationError(f"since ({since}) is not before {last}")
        return cls(zone, start, end)

    @property
    def values(self) -> dict[str, str]:
        """What stands for each parameter of a question."""
        return {
            "timezone": self.zone.key,
            "since": self.since.astimezone(UTC).isoformat(),
            "until": self.until.astimezone(UTC).isoformat(),
        }
