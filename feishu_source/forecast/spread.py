"""A number that is not known: what it probably is, and how far off that may be.

In: guesses with their errors. Out: sums, and the interval of a sum. Refuses to know what is
counted.

Two kinds of error add up differently. What goes the same way in every chat (how long threads are,
that a page of a busy hour says nothing about nights) moves all of them at once: lows are added to
lows, highs to highs. What goes its own way in each chat (which 150 of its messages were seen)
partly cancels: variances are added. The interval is the first, widened by three standard deviations
of the second: with the heavy tails of chats, two are left too often.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A number not known exactly.

    `mid` is the best guess, `low` and `high` where it lies if what is common to all chats goes one
    way or the other, `variance` that of its own error, `least` what it cannot be less than.
    """

    mid: float = 0.0
    low: float = 0.0
    high: float = 0.0
    variance: float = 0.0
    least: float = 0.0

    @classmethod
    def exact(cls, number: float) -> Spread:
        """A number that is known."""
        return cls(number, number, number, 0.0, number)

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            self.mid + other.mid,
            self.low + other.low,
            self.high + other.high,
            self.variance + other.variance,
            self.least + other.least,
        )

    def times(self, factor: float) -> Spread:
        """So many times the number: its own error grows with it."""
        return Spread(
            self.mid * factor,
            self.low * factor,
            self.high * factor,
            self.variance * factor**2,
            self.least * factor,
        )

    def by(self, each: Spread) -> Spread:
        """The number times what each of it takes, which is the same guess for all chats."""
        return Spread(
            self.mid * each.mid,
            self.low * each.low,
            self.high * each.high,
            self.variance * each.mid**2,
            self.least * each.least,
        )

    def interval(self) -> tuple[int, int, int]:
        """Best guess, low and high, in whole numbers.

        Downwards the error is one of a factor: of a number that was judged by few, as that of
        threads by three that were seen, a normal error would leave nothing.
        """
        least = max(self.least, self.low / _factor(self.variance, self.mid))
        low = math.floor(least + 1e-9)
        high = math.ceil(self.high + DEVIATIONS * math.sqrt(self.variance) - 1e-9)
        return min(max(round(self.mid), low), high), low, max(low, high)


def total(spreads: Iterable[Spread]) -> Spread:
    """The sum."""
    result = Spread()
    for spread in spreads:
        result += spread
    return result


def extrapolate(sampled: Sequence[Spread], number: int) -> Spread:
    """The sum over so many chats, of which these were drawn by chance.

    The mean of the sample stands for the rest, with the error of sampling without replacement. A
    few chats hold most messages, and a sample that missed them knows too little of its own error:
    so upwards the error is one of a factor, and high leaves room for more that are as large as the
    largest that was drawn. Of 300 drawn from 1,000 whose sizes are log-normal, a tenth of them
    holding more than half of all, 1 case in 40 lies outside, always above; where sizes follow
    Zipf's law with the exponent 0.8, 1 in 20.
    """
    drawn, known = len(sampled), total(sampled)
    if not drawn or drawn >= number:
        return known
    mean, rest = known.mid / drawn, number - drawn
    squares = sum((each.mid - mean) ** 2 for each in sampled)
    between = squares / (drawn - 1) if drawn > 1 else mean**2
    # Few draws tell little about the variance itself.
    error = number * rest / drawn * between * (1 + 4 / drawn)
    scaled = known.times(number / drawn)
    skew = scaled.mid * (_factor(error, scaled.mid) - 1) - DEVIATIONS * math.sqrt(error)
    largest = max(each.high for each in sampled)
    return Spread(
        scaled.mid,
        scaled.low,
        scaled.high + max(0.0, skew) + 2 * largest * math.sqrt(rest / drawn),
        scaled.variance + error,
        known.least,
    )


def _factor(variance: float, mid: float) -> float:
    """What an error amounts to that is one of a factor, by as many deviations."""
    fraction = variance / mid**2 if mid else 0.0
    return math.exp(DEVIATIONS * math.sqrt(math.log1p(fraction)))
