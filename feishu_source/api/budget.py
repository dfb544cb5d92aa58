"""How many requests a load may make: some plans pay for each, or end after so many a month.

In: the bound. Out: leave for one more request, or the error that says there is none.
Refuses to know what is asked for.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from feishu_source.errors import RequestsSpent


class Budget:
    """Requests that may still be made, counted before each attempt; any thread may take one.

    `bounded`: there is a bound at all.
    """

    def __init__(self, most: int | None = None) -> None:
        self.bounded = most is not None
        self._lock = threading.Lock()
        self._most = sys.maxsize if most is None else most
        self._taken = 0

    @property
    def spent(self) -> RequestsSpent | None:
        """Why no request may be made any more, None while one may."""
        return RequestsSpent(self._most) if self._taken >= self._most else None

    @property
    def left(self) -> int:
        """Requests that may still be made."""
        return self._most - self._taken

    def left_of(self, part: float) -> int:
        """Requests that may still be made of the first part of all, 0.0 to 1.0."""
        return max(0, int(self._most * part) - self._taken)

    @contextmanager
    def kept_to(self, part: float) -> Iterator[None]:
        """While this lasts, only the first part of all requests may be made."""
        whole, self._most = self._most, int(self._most * part)
        try:
            yield
        finally:
            self._most = whole

    def take(self) -> None:
        """Counts one attempt.

        Raises:
            RequestsSpent: none is left.
        """
        with self._lock:
            if spent := self.spent:
                raise spent
            self._taken += 1
