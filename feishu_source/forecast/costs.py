"""What a chat costs in requests: in a first load, and in a day of loads that follow it.

In: the chat's profile, the tenant's habits, what a load is asked for. Out: a `Spread` for each kind
of request. Refuses to know how the profile was come by.

A day is one of a steady state: the chat is written as densely as it was, and what the first loads
left to read is read. The parts follow the rules by which a load decides (`coverage`, `hot`,
`rungs`), so a change there is a change here:

- heads: a page or more a load, of the look-back and the interval before it. Of so many messages in
  so many loads, the pages are at least either's share and at most both together.
- threads: each that is born is polled as long as it is hot. In a steady state as many polls fall
  on a day as all threads born in a day take in their lives (Little's law).
- forwards: each merged forward is opened once.
- reactions: what heads, polls and sweeps show is asked about, so messages count here, not pages.
- sweeps: a rung is due every `period` and reads its age and one period more, in pages and threads.
  Where several are due in one load, the widest is read. A day on which a rung of 60 days falls
  costs more than another: `variance` holds that as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from feishu_source.coverage import Wanted
from feishu_source.forecast.habits import Habits, polls_after
from feishu_source.forecast.looks import shows_replies
from feishu_source.forecast.profile import Amounts, Profile
from feishu_source.forecast.spread import Spread
from feishu_source.rungs import Rung
from feishu_source.settings import DAY_S

RECENT_S = 14 * DAY_S
"""Of so long ago the threads are counted by whose number those of a day are judged."""

WEEK_S = 7 * DAY_S

DAYS_DIFFER = 2.0
"""Variance of a day's messages and threads over that of mere chance: what is said gathers."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How loads follow one another: every so many seconds, so many messages a page.

    `page_size` is what pages were seen to hold, which may be less than what was asked for.
    `forwards`: the part of all messages that are merged forwards, None where none is opened.
    """

    every_s: int
    page_size: float
    forwards: Spread | None = None

    @property
    def loads(self) -> float:
        """Loads a day."""
        return DAY_S / self.every_s


@dataclass(frozen=True, slots=True)
class ChatCost:
    """Requests for one chat, by kind. `pages`, `threads` and `opened` are those of a first load.

    `asked`, `asked_a_day`: messages and replies, in a first load and on a day, of which each may be
    asked about for its reactions.
    """

    pages: Spread
    threads: Spread
    heads: Spread
    polls: Spread
    sweeps: Spread
    opened: Spread = field(default_factory=Spread)
    forwards: Spread = field(default_factory=Spread)
    asked: Spread = field(default_factory=Spread)
    asked_a_day: Spread = field(default_factory=Spread)


def refused_cost(pace: Pace) -> ChatCost:
    """A chat that refuses is asked once in every load."""
    none = Spread()
    return ChatCost(Spread.exact(1), none, Spread.exact(pace.loads), none, none)


def chat_cost(profile: Profile, habits: Habits, wanted: Wanted, pace: Pace) -> ChatCost:
    """What a first load of this chat takes, and a day of loads after it."""
    pages = _pages(profile.whole.messages, pace)
    first = _first_threads(profile, wanted, pace)
    threads, asked = first.by(habits.pages), profile.whole.messages + first.by(habits.replies)
    opened = _opened(profile, pace)
    if wanted.explicit:  # a window with an end behind it is read whole by every load
        heads, polls = pages.times(pace.loads), threads.times(pace.loads)
        again = asked.times(pace.loads)
        return ChatCost(pages, threads, heads, polls, Spread(), opened, Spread(), asked, again)
    polls = _polls(profile, habits, wanted, pace)

    def requests(messages: Spread, threads: Spread) -> Spread:
        return _pages(messages, pace) + threads.by(habits.pages)

    def shown(messages: Spread, threads: Spread) -> Spread:
        return messages + threads.by(habits.replies)

    return ChatCost(
        pages,
        threads,
        _heads(profile, wanted, pace),
        polls,
        _sweeps(profile, wanted, pace, requests),
        opened,
        _forwards(pace, _a_day(profile).messages),
        asked,
        _head_messages(profile, wanted, pace)
        + polls.by(_poll_messages(habits, pace))
        + _sweeps(profile, wanted, pace, shown),
    )


def _poll_messages(habits: Habits, pace: Pace) -> Spread:
    """What a poll shows: the root and the replies so far, a page of them at most."""
    replies = habits.replies
    most = min(pace.page_size, replies.high + 1)
    return Spread(min(most, 1 + replies.mid), min(most, 1 + replies.low / 2), most)


def _pages(messages: Spread, pace: Pace) -> Spread:
    """Pages of so many messages: the last one is not full, and there is always one."""
    size = pace.page_size
    if messages.low == messages.high and not messages.variance:
        return Spread.exact(max(1, math.ceil(messages.mid / size)))
    most = messages.high / size
    return Spread(
        max(1.0, messages.mid / size + min(0.5, messages.mid / size)),
        max(1.0, messages.low / size),
        1 + most,
        messages.variance / size**2,
        max(1, math.ceil(messages.least / size)),
    )


def forward_share(profiles: Iterable[Profile]) -> Spread:
    """The part of messages that are merged forwards, by all that were seen in any chat.

    Drawn, so off by two standard errors; of what was not seen at all in n there may be 3 / n.
    """
    seen = [item.forward for each in profiles for look in each.looks for item in look.items]
    error = 2 * math.sqrt(sum(seen))
    number = max(1, len(seen))
    high = min(1.0, (sum(seen) + max(error, 3.0)) / number) if seen else 0.0
    return Spread(sum(seen) / number, max(0.0, sum(seen) - error) / number, high)


def _opened(profile: Profile, pace: Pace) -> Spread:
    """Merged forwards that a first load opens; those in threads are not seen, and few."""
    if profile.counted and pace.forwards is not None:
        return Spread.exact(sum(item.forward for look in profile.looks for item in look.items))
    return _forwards(pace, profile.whole.messages)


def _forwards(pace: Pace, messages: Spread) -> Spread:
    """Merged forwards among so many messages: each is opened once."""
    return Spread() if pace.forwards is None else messages.by(pace.forwards)


def _first_threads(profile: Profile, wanted: Wanted, pace: Pace) -> Spread:
    """Threads that a first load reads: all that the timeline shows.

    Of a topic group those only that come before the first page with a reply among its messages:
    none, as a rule.
    """
    if not wanted.threads:
        return Spread()
    threads = profile.whole.threads
    if not profile.flat:
        return threads
    first, polled = profile.looks[0].items, 0
    size = max(1, round(pace.page_size))
    for start in range(0, len(first), size):
        page = first[start : start + size]
        if shows_replies(page):
            return Spread.exact(polled)
        polled += len({item.thread_id for item in page if item.thread_id})
    return Spread(polled, polled, polled if profile.counted else threads.high, 0.0, polled)


# a day of loads


def _heads(profile: Profile, wanted: Wanted, pace: Pace) -> Spread:
    loads, size = pace.loads, pace.page_size
    a_day = _head_messages(profile, wanted, pace)
    a_load = a_day.mid / loads
    mid = loads if a_load < size / 3 else max(loads, a_day.mid / size + loads / 2)
    width = a_day.variance / size**2
    most = loads + a_day.high / size
    return Spread(mid, max(loads, a_day.low / size), most, width, loads)


def _head_messages(profile: Profile, wanted: Wanted, pace: Pace) -> Spread:
    """Messages that the heads of a day list, most of them several times."""
    read_again = (wanted.look_back_s + pace.every_s) / DAY_S  # of a day's messages, a load
    return _a_day(profile).messages.times(pace.loads * read_again)


def _a_day(profile: Profile) -> Amounts:
    """What is written on a day: that of the last week, or of all its life if it is younger."""
    return _rate(profile, WEEK_S)


def _rate(profile: Profile, length_s: float) -> Amounts:
    """Messages and threads a day, by those of so long; the next day's own chance included."""
    age_s = (profile.stop_ms - profile.first_ms) / 1_000
    length_s = min(max(age_s, float(DAY_S)), length_s)
    seen = profile.within(length_s)
    return Amounts(*(_next(each, length_s / DAY_S) for each in (seen.messages, seen.threads)))


def _next(seen: Spread, days: float) -> Spread:
    """A day's number, foretold from that of some days: both are drawn, so both may be off."""
    a_day = seen.times(1 / days)
    chance = DAYS_DIFFER * (a_day.mid + (seen.mid + 0.5) / days**2)
    return Spread(a_day.mid, a_day.low, a_day.high, a_day.variance + chance)


def _polls(profile: Profile, habits: Habits, wanted: Wanted, pace: Pace) -> Spread:
    """Polls of hot threads, and of those that nobody answered while heads show their roots."""
    if not wanted.threads or profile.flat:
        return Spread()
    born = _rate(profile, RECENT_S).threads
    young = _youth(profile, wanted, pace)
    if not profile.form:
        return _capped(_living(born, habits.polls, pace, young), wanted, pace)
    living = _living(born, habits.form_polls, pace, young)
    silent = Spread(
        1 - habits.form_answered.mid, 1 - habits.form_answered.high, 1 - habits.form_answered.low
    )
    shown = (wanted.look_back_s + pace.every_s) / pace.every_s
    return _capped(living + born.by(silent).times(shown), wanted, pace)


def _youth(profile: Profile, wanted: Wanted, pace: Pace) -> float:
    """The part of a thread's polls that can fall on the days of a chat younger than those take."""
    age_s = (profile.stop_ms - profile.first_ms) / 1_000 + DAY_S
    whole = polls_after(math.inf, wanted.hot, pace.every_s)
    return polls_after(age_s, wanted.hot, pace.every_s) / whole if whole else 1.0


def _living(born: Spread, life: Spread, pace: Pace, young: float) -> Spread:
    """Polls a day. One thread more or less that is alive makes a poll more or less in each load."""
    polls = born.by(life)
    alive = DAYS_DIFFER * pace.loads * polls.mid
    return Spread(polls.mid, polls.low * young, polls.high, polls.variance + alive)


def _capped(polls: Spread, wanted: Wanted, pace: Pace) -> Spread:
    most = wanted.hot.most * pace.loads * 2
    return Spread(min(polls.mid, most), min(polls.low, most), min(polls.high, most), polls.variance)


def _sweeps(
    profile: Profile, wanted: Wanted, pace: Pace, cost_of: Callable[[Spread, Spread], Spread]
) -> Spread:
    """What the rungs of a day take, of so many messages and threads each."""
    sweeps = Spread()
    head = profile.within(wanted.look_back_s + pace.every_s)
    for rung, a_load in _due(wanted.ladder, pace):
        window = profile.within(rung.age_s + max(rung.period_s, pace.every_s))
        polled = wanted.threads and not profile.flat
        threads = _less(window.threads, head.threads) if polled else Spread()
        cost = cost_of(_less(window.messages, head.messages), threads)
        a_day = a_load * pace.loads
        rest = a_day % 1.0
        falls = rest * (1 - rest) * cost.mid**2
        each = cost.times(a_day)
        sweeps += Spread(each.mid, each.low, each.high, each.variance + falls)
    return sweeps


def _less(window: Spread, head: Spread) -> Spread:
    """What stands in a window and not in its head; both are of one profile, so errors go along."""
    return Spread(
        max(0.0, window.mid - head.mid),
        max(0.0, window.low - head.low),
        max(0.0, window.high - head.low),
        window.variance,
    )


def _due(ladder: tuple[Rung, ...], pace: Pace) -> Iterator[tuple[Rung, float]]:
    """Each rung with the part of all loads in which it is the widest that is due."""
    left = 1.0
    for rung in sorted(ladder, key=lambda rung: -rung.age_s):
        due = min(1.0, pace.every_s / rung.period_s)
        yield rung, left * due
        left *= 1 - due
