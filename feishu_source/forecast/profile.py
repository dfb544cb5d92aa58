"""How many messages and threads a chat has, from up to three pages of its timeline.

In: `Look`s. Out: a `Profile`: the stretches of the timeline, those that were seen and the gaps
between them, each with its messages and threads. Refuses to know what a request costs.

Pages that touch leave no gap: such a chat is counted. Of a gap is known:

- Its length, and how densely it is written on either side. A rate from a page has the relative
  error 1 / sqrt(n), n being how many of its silences share the page's time; a page that is one
  burst says nothing about a rate. Between the two sides the rate is taken to lie between theirs,
  a quarter beyond allowed; the guess is their logarithmic mean, which is exact for a chat that
  grows or fades steadily. A page that is shorter than a week was written when people were awake:
  nights and weekends may hold a quarter of that (40 of 168 hours), so low is divided by as much.
- Where messages carry their undocumented positions: how many stand in it. They are believed if
  they grow within each page as its messages do. How many positions a message takes (more than one
  where some are hidden from the app, less where replies stand in the timeline) is measured on the
  pages themselves, and its error counted.

The share of messages that are roots of threads is that of the pages on both sides, with the error
of drawing so few of so many, doubled because neighbours are alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from feishu_source.forecast.looks import Item, Look, shows_replies
from feishu_source.forecast.spread import Spread
from feishu_source.settings import DAY_S

ROOM = 1.25
"""How far beyond the rates on its two sides that of a gap may lie."""

AWAKE = 4.2
"""168 hours of a week, 40 of them working hours."""

LEAST_SILENCES = 5.0
"""A page whose time is shared by fewer silences is a burst, and says nothing about a rate: of fifty
messages sent by chance it is shared by 25."""

LEAST_POSITIONS = 10
"""So many positions a page must show to be believed."""

FORM = 0.8
"""A chat in which more messages than this carry a thread is one where every message does: a group
in the form of threads, whether anybody answers or not."""

_DAY_MS = DAY_S * 1_000
_ENDS = 5  # items at either end of a page whose median position is compared


@dataclass(frozen=True, slots=True)
class Amounts:
    """Messages of a timeline, and threads whose roots are among them."""

    messages: Spread = field(default_factory=Spread)
    threads: Spread = field(default_factory=Spread)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.messages + other.messages, self.threads + other.threads)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch that was not seen. `rate` is that of the page behind it, in messages a ms.

    `placed`: the positions on both sides tell how many messages stand in it.
    """

    from_ms: int
    to_ms: int
    amounts: Amounts
    rate: float
    placed: bool

    def after(self, cut_ms: int) -> Amounts:
        """What of it stands behind a time: its even share, or what the page behind it suggests."""
        if cut_ms >= self.to_ms:
            return Amounts()
        whole = self.amounts.messages
        if cut_ms <= self.from_ms or not whole.mid:
            return self.amounts
        part = (self.to_ms - cut_ms) / (self.to_ms - self.from_ms)
        near = min(self.rate * (self.to_ms - cut_ms) / whole.mid, 1.0)
        low, high = min(part, near / ROOM), min(1.0, max(part, near * ROOM))
        mid = (part + near) / 2
        return Amounts(*(_part(each, low, mid, high) for each in (whole, self.amounts.threads)))


def _part(whole: Spread, low: float, mid: float, high: float) -> Spread:
    variance = whole.variance * mid + whole.mid * mid  # how many fall into it is chance as well
    return Spread(whole.mid * mid, whole.low * low, whole.high * high, variance)


@dataclass(frozen=True, slots=True)
class Profile:
    """A chat's timeline: what was seen of it, oldest first, and the gaps between.

    `counted`: it was seen whole. `form`: every message is the root of a thread. `flat`: replies
    stand in the timeline itself, as in topic groups. `stop_ms` is the end of what was looked at.
    `supposed`: that it is of the form of threads was not seen, but is supposed.
    """

    looks: tuple[Look, ...]
    gaps: tuple[Gap, ...]
    stop_ms: int
    form: bool
    flat: bool
    supposed: bool = False

    @property
    def counted(self) -> bool:
        """True if nothing was left to guess."""
        return not self.gaps

    @property
    def first_ms(self) -> int:
        """When the chat began, as far as it was looked at; its end if nothing was ever said."""
        items = self.looks[0].items
        return items[0].create_ms if items else self.stop_ms

    @property
    def whole(self) -> Amounts:
        """All of it."""
        return self.within(None)

    def within(self, age_s: float | None) -> Amounts:
        """What is younger than that, counted from the end."""
        cut_ms = 0 if age_s is None else self.stop_ms - int(age_s * 1_000)
        amounts = Amounts()
        for look in self.looks:
            amounts += _count(look.items[bisect_left(look.items, cut_ms, key=_time) :])
        for gap in self.gaps:
            amounts += gap.after(cut_ms)
        return Amounts(amounts.messages, amounts.messages) if self.supposed else amounts

    def suppose_form(self) -> Profile:
        """The same chat, were every message of it the root of a thread."""
        return replace(self, form=True, flat=False, supposed=True)


def _time(item: Item) -> int:
    return item.create_ms


def _count(items: Sequence[Item]) -> Amounts:
    threads = len({item.thread_id for item in items if item.thread_id})
    return Amounts(Spread.exact(len(items)), Spread.exact(threads))


def build_profile(
    looks: Iterable[Look], stop_ms: int, usual_share: float = 0.5, *, flat: bool | None = None
) -> Profile:
    """The profile of a chat of which these stretches were seen, in any order.

    `usual_share` is the part of messages that are roots of threads in the other chats: what is
    believed before any of this one was seen, with the weight of one message. `flat` is whether
    replies stand in its timeline, None to go by what was seen.
    """
    joined = _join(looks)
    items = [item for look in joined for item in look.items]
    flat = bool(shows_replies(items)) if flat is None else flat
    form = not flat and share_of(joined) > FORM
    ratio = _measure(joined)
    gaps = tuple(
        _bridge(before, behind, ratio, usual_share)
        for before, behind in pairwise(joined)
        if not (before.ends or behind.starts)
    )
    return Profile(tuple(joined), gaps, stop_ms, form, flat)


def share_of(looks: Iterable[Look]) -> float:
    """The part of messages that are roots of threads, by those seen and half of one more."""
    seen = list(looks)
    number = sum(len(look.items) for look in seen)
    return (sum(look.threads for look in seen) + 0.5) / (number + 1)


def touch(before: Look, behind: Look) -> bool:
    """True if nothing can stand between the two: they share a message, or their ranges do."""
    if behind.from_ms < before.to_ms:
        return True
    ids = {item.message_id for item in before.items if item.message_id}
    return any(item.message_id in ids for item in behind.items)


def _join(looks: Iterable[Look]) -> list[Look]:
    joined: list[Look] = []
    for look in sorted(looks, key=lambda look: (look.from_ms, look.to_ms)):
        if joined and touch(joined[-1], look):
            joined[-1] = _merge(joined[-1], look)
        else:
            joined.append(look)
    return joined


def _merge(one: Look, other: Look) -> Look:
    # An item without an id is itself and no other.
    items = {item.message_id or id(item): item for item in (*one.items, *other.items)}
    return Look(
        tuple(sorted(items.values(), key=_time)),
        one.from_ms,
        max(one.to_ms, other.to_ms),
        one.starts or other.starts,
        one.ends or other.ends,
    )


# what is in a gap


def _bridge(before: Look, behind: Look, ratio: Ratio | None, usual_share: float) -> Gap:
    from_ms, to_ms = before.to_ms, max(behind.from_ms, before.to_ms)
    placed = _by_position(before, behind, ratio) if ratio else None
    messages = placed or _by_density(before, behind, to_ms - from_ms)
    threads = _threads_among(messages, before, behind, usual_share)
    rate = Rate.of(behind).per_ms
    return Gap(from_ms, to_ms, Amounts(messages, threads), rate, placed is not None)


def _threads_among(messages: Spread, before: Look, behind: Look, usual: float) -> Spread:
    """How many of so many messages are roots, by the share on both sides.

    Where none was seen, half of one may have been missed, unless other chats have as few.
    """
    number, seen = len(before.items) + len(behind.items) + 1, before.threads + behind.threads
    share = min(1.0, (seen + usual) / number)
    unseen = min(1.0, (seen + min(0.5, number * usual)) / number)
    drawn = unseen * (1 - unseen) / number
    most = messages.mid
    own = messages.variance * share**2 + most**2 * drawn * 2 + most * unseen
    return Spread(most * share, messages.low * share, messages.high * share, own)


# by density


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a millisecond on a page, the square of its relative error, how long it took."""

    per_ms: float
    error: float
    length_ms: int

    @classmethod
    def of(cls, look: Look) -> Rate:
        """Of the silences of a page: those at its edges count if they were seen whole."""
        times = [item.create_ms for item in look.items]
        points = [*([] if look.starts else [look.from_ms]), *times, look.to_ms]
        silences = [b - a for a, b in pairwise(sorted(points))]
        length = sum(silences)
        if len(times) < 2 or not length:
            return cls(0.0, math.inf, length)
        shared_by = length**2 / sum(each**2 for each in silences)
        error = 1 / shared_by if shared_by >= LEAST_SILENCES else math.inf
        return cls((len(times) - 1) / length, error, length)

    @property
    def asleep(self) -> float:
        """By how much nights and weekends may be quieter than this page."""
        if self.length_ms < _DAY_MS:
            return AWAKE
        return AWAKE / 3 if self.length_ms < 7 * _DAY_MS else 1.0


def _by_density(before: Look, behind: Look, length_ms: int) -> Spread:
    sides = [Rate.of(before), Rate.of(behind)]
    known = [rate for rate in sides if rate.error < math.inf]
    if not known:  # two bursts: no more is known than how many they held in all that time
        number = len(before.items) + len(behind.items)
        taken = sum(rate.length_ms for rate in sides) + 1
        guess = number * length_ms / taken
        return Spread(guess, 0.0, guess * AWAKE, guess**2)
    rates = [rate.per_ms for rate in known]
    mid = _logarithmic_mean(min(rates), max(rates)) * length_ms
    error = sum(rate.error for rate in known) / len(known) ** 2
    if len(known) == 1:  # the other side is a burst: there may be more of them
        error += 1 / LEAST_SILENCES
    asleep = max(rate.asleep for rate in known)
    burst = sum(len(look.items) for look in (before, behind) if Rate.of(look).error == math.inf)
    return Spread(
        mid / math.sqrt(asleep),
        min(rates) * length_ms / ROOM / asleep,
        max(rates) * length_ms * ROOM + burst,  # it may go on beyond the page
        mid**2 * error + mid,
    )


def _logarithmic_mean(low: float, high: float) -> float:
    return low if high - low < 1e-9 * high else (high - low) / math.log(high / low)


# by position


@dataclass(frozen=True, slots=True)
class Ratio:
    """Positions a message takes: overall, the least and the most of any page, and its error."""

    mid: float
    low: float
    high: float
    error: float


def _ends(look: Look) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Rank and position at the beginning and the end of a page; None if it shows too few.

    Medians of five: one that stands out of order, as a copy does that was made later, does not
    count.
    """
    placed = [(n, item.position) for n, item in enumerate(look.items) if item.position is not None]
    if len(placed) < LEAST_POSITIONS:
        return None
    sides = placed[:_ENDS], placed[-_ENDS:]
    first, last = ((median(n for n, _ in s), median(p for _, p in s)) for s in sides)
    return first, last


def _measure(looks: Sequence[Look]) -> Ratio | None:
    """How positions grow with messages, None where they are missing or do not do so."""
    ends = [_ends(look) for look in looks]
    if len(looks) < 2 or None in ends:
        return None
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in filter(None, ends)]
    ratios = [positions / ranks for ranks, positions in steps]
    borders = [end[1] for pair in ends if pair for end in pair]
    if borders != sorted(borders) or not 0.1 <= min(ratios) <= max(ratios) <= 10:
        return None
    ranks = sum(rank for rank, _ in steps)
    mid = sum(position for _, position in steps) / ranks
    drawn = max(0.0, 1 - mid) / mid / ranks  # of replies without a position among the messages
    return Ratio(mid, min(ratios), max(ratios), drawn + 0.01**2)


def _by_position(before: Look, behind: Look, ratio: Ratio) -> Spread | None:
    left, right = _ends(before), _ends(behind)
    if left is None or right is None:
        return None
    positions = right[0][1] - left[1][1]
    seen = len(before.items) - 1 - left[1][0] + right[0][0]

    def among(ratio: float) -> float:
        return max(0.0, positions / ratio - 1 - seen)

    mid = among(ratio.mid)
    own = (positions / ratio.mid) ** 2 * ratio.error + _ENDS
    return Spread(mid, among(ratio.high), among(ratio.low), own)
