"""How often and after how long a refused call is repeated, and how often that happened.

In: refusals. Out: seconds to wait, or the error once patience has run out; counters.
Refuses to wait itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

from feishu_source.api.replies import Refusal
from feishu_source.settings import Settings

CountName = Literal["requests", "refused", "retries"]


class Patience:
    """The attempts one call has left: some for trouble, and more for the rate limit."""

    def __init__(self, settings: Settings, random: Callable[[], float]) -> None:
        self._settings = settings
        self._random = random
        self._left = {"retry": settings.attempts, "rate": settings.rate_attempts}
        self._back_off_s = settings.back_off_base_s

    def wait_s(self, refusal: Refusal) -> float:
        """Seconds until the next attempt: what the server says, else back-off with full jitter.

        To come back before the time the server names would be refused again, for nothing.

        Raises:
            ApiError: the refusal's, when another attempt is of no use or there is none left.
        """
        if refusal.reaction not in self._left:
            raise refusal.error
        self._left[refusal.reaction] -= 1
        if self._left[refusal.reaction] <= 0:
            raise refusal.error
        if refusal.wait_s is not None:
            return min(refusal.wait_s, self._settings.announced_wait_max_s)
        most_s = self._settings.back_off_max_s
        wait_s = self._random() * min(self._back_off_s, most_s)
        self._back_off_s = min(self._back_off_s * 2, most_s)
        return wait_s


class Stats:
    """Counts attempts, by endpoint and in all; any thread may count and read.

    `requests` are all attempts, `refused` those the rate limit turned away, `retries` those that
    were made again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[CountName, Counter[str]] = {
            "requests": Counter(),
            "refused": Counter(),
            "retries": Counter(),
        }

    def count(self, name: CountName, endpoint: str) -> None:
        """One more of that name at that endpoint."""
        with self._lock:
            self._counts[name][endpoint] += 1

    def by_endpoint(self, name: CountName) -> Mapping[str, int]:
        """The counts of each endpoint, named by method and path template."""
        with self._lock:
            return dict(self._counts[name])

    @property
    def requests(self) -> int:
        """Attempts that were made."""
        return sum(self.by_endpoint("requests").values())

    @property
    def refused(self) -> int:
        """Attempts that met the rate limit."""
        return sum(self.by_endpoint("refused").values())

    @property
    def retries(self) -> int:
        """Attempts that were followed by another of the same call."""
        return sum(self.by_endpoint("retries").values())
