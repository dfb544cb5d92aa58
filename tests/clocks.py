"""Time that passes only when somebody sleeps."""

from __future__ import annotations


class FakeClock:
    """A clock and its sleep: sleeping moves the clock and takes no time."""

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        """The time it shows."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Lets that much time pass at once."""
        self.slept_s.append(seconds)
        self.now_s += seconds
