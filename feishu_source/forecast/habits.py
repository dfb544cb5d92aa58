"""What all chats of a tenant have in common: how long threads are, how long they stay alive.

In: the threads and chats that were looked at. Out: `Habits`. Refuses to know what a chat costs.

A thread's replies stand in no timeline, so of threads only a few are looked at, drawn by chance
from those the pages show. Each number below is the mean of those few, with two more of the usual
kind among them, so that none at all still gives an answer; what it may be off by is three standard
errors of that mean, which moves all chats alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from feishu_source.forecast.looks import ThreadLook
from feishu_source.forecast.spread import DEVIATIONS, Spread
from feishu_source.hot import HotRule

USUAL_PAGES = 1.05
"""Pages of a thread where none was looked at: few have more than 49 replies."""

PAGES_DEVIATION = 0.35
"""By how much threads may differ in that, where none was looked at."""

USUAL_REPLIES = 5.0
"""Replies of a thread where none was looked at, and by how much threads may differ in that."""

USUAL_MEMBER_PAGES = 1.05
MEMBERS_A_PAGE = 100
USUAL_MEMBERS = 20
"""Of a chat, where none told its number."""
MOST_MEMBERS = 5_000
"""Of an ordinary group; the list gives 100 of them a request."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Per thread: `replies`, `pages` of reading it whole, `polls` in all its life, `answered`: 1 if
    anybody replied. `form_polls` and `form_answered` are those of groups in which every message is
    a root. `member_pages`: requests for the members of a chat."""

    pages: Spread
    polls: Spread
    form_polls: Spread
    form_answered: Spread
    member_pages: Spread
    replies: Spread


def learn(
    threads: Sequence[tuple[ThreadLook, bool]],
    users: Sequence[int],
    rule: HotRule,
    every_s: int,
) -> Habits:
    """Habits from the threads looked at, each with whether its group is in the form of threads."""
    pages = [float(each.pages) for each, _ in threads]
    least = polls_after(math.inf, rule, every_s)
    lives = [_life(each, rule, every_s) for each, form in threads if not form]
    form_lives = [_life(each, rule, every_s) for each, form in threads if form]
    answered = [float(each.replies > 0) for each, form in threads if form]
    member_pages = [float(max(1, -(-number // MEMBERS_A_PAGE))) for number in users]
    replies = [float(each.replies) for each, _ in threads]
    long = [each for each, _ in threads if not each.counted]
    page_mean = _mean(pages, USUAL_PAGES, PAGES_DEVIATION, 1.0)
    return Habits(
        pages=_raise(page_mean, 2.0 * len(long) / max(1, len(threads))),
        polls=_mean([life for life in lives if life], least * 1.5, least, least),
        form_polls=_mean(form_lives, least / 2, least, 0.0),
        form_answered=_cap(_mean(answered, 0.3, 0.5, 0.0), 1.0),
        member_pages=_mean(member_pages, USUAL_MEMBER_PAGES, PAGES_DEVIATION, 1.0),
        replies=_mean(replies, USUAL_REPLIES, USUAL_REPLIES, 0.0),
    )


def people_of(users: Sequence[int], chats: int) -> Spread:
    """How many people there are in so many chats, of which some told their numbers of members.

    At least as many as in the largest, at most as many as if nobody were in two of them, and a few
    more who have left.
    """
    usual = USUAL_MEMBERS if not users else sum(users) / len(users)
    low = float(max(users, default=1 if chats else 0))
    unsure = 1 + 2 / math.sqrt(1 + len(users))
    high = max(low, usual * chats * (unsure if len(users) < chats else 1.25))
    return Spread(math.sqrt(low * high), low, high)


def _mean(values: Sequence[float], usual: float, deviation: float, least: float) -> Spread:
    """The mean of a few, two more of the usual kind among them, and its error."""
    number = len(values) + 2
    mid = (sum(values) + 2 * usual) / number
    squares = sum((value - mid) ** 2 for value in values) + 2 * deviation**2
    error = DEVIATIONS * math.sqrt(squares / number / number)
    return Spread(max(mid, least), max(least, mid - error), mid + error, 0.0, least)


def _raise(spread: Spread, more: float) -> Spread:
    return Spread(spread.mid, spread.low, spread.high + more, 0.0, spread.least)


def _cap(spread: Spread, most: float) -> Spread:
    high = min(most, spread.high)
    return Spread(min(spread.mid, high), min(spread.low, high), high, 0.0, spread.least)


def _life(thread: ThreadLook, rule: HotRule, every_s: int) -> float:
    """Polls of a thread from its first reply until it cools; of more replies than were seen, as
    many more as they are."""
    times = [ms / 1_000 for ms in thread.replies_ms]
    if not times:
        return 0.0
    between = sum(polls_after(b - a, rule, every_s) for a, b in pairwise(times))
    return between * thread.replies / len(times) + polls_after(math.inf, rule, every_s)


def polls_after(silence_s: float, rule: HotRule, every_s: int) -> float:
    """Polls of a thread between a reply and the next one, or the end of its being hot.

    As `hot.due` decides: in each load at first, then in the first load behind each instant of a
    silence that grows, and once more before it cools.
    """
    if not rule.hot_s:
        return 0.0
    until_s = min(silence_s, rule.hot_s)
    polls = min(until_s, rule.every_load_s) / every_s
    loads = set()
    instant_s = float(rule.every_load_s)
    while instant_s < until_s:
        loads.add(math.ceil(instant_s / every_s))
        instant_s *= rule.growth
    last = 1 if silence_s >= rule.hot_s else 0
    return polls + len(loads) + last
