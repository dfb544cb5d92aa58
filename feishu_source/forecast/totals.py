"""What a tenant costs: its chats added up, and what is asked for beside them.

In: the costs of the chats that were looked at, how many there are. Out: requests in all and by
kind, for a first load and for a day of loads. Refuses to know how a chat's cost was come by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from feishu_source.api.people import MOST_USERS
from feishu_source.api.reactions import MOST_MESSAGES
from feishu_source.forecast.costs import ChatCost, Pace
from feishu_source.forecast.spread import Spread, extrapolate, total
from feishu_source.settings import MINUTE_S, Settings

TOKEN_MINUTES = 90
"""A token is asked for anew at least so rarely: it lives up to two hours, and may be given out
with half an hour less."""

CUT = 3
"""Requests by which a chat costs more that the end of a slice cuts: its page, threads of it."""


UNSEEN = 0.1
"""By how much of them reactions and pins may take more requests, or fewer, than messages tell."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests in all, and by kind."""

    all: Spread
    by_kind: Mapping[str, Spread]

    def interval(self) -> tuple[int, int, int]:
        """Best guess, low and high of all: errors of the kinds cancel, so it is narrower than the
        sum of theirs; nor can it be wider, as it seems to be where one kind is all error."""
        point, low, high = self.all.interval()
        kinds = [spread.interval() for spread in self.by_kind.values()]
        low = max(low, sum(each[1] for each in kinds))
        high = max(low, min(high, sum(each[2] for each in kinds)))
        return min(max(point, low), high), low, high


@dataclass(frozen=True, slots=True)
class Tenant:
    """What is known of a tenant beside its chats.

    `costs` are those of the chats that were drawn, of `chats` in all; `supposed` what those would
    cost that could be read, were they groups in the form of threads; empty if there was such a one
    among them. `member_pages` is what the members of one take, `messages` what a first load lists.
    `token_requests` is what a new token takes: none for a user, whose token is given, one for a
    custom app, two for one of the app store. `people` are those whose details are asked for, None
    where nobody's are.
    """

    chats: int
    list_pages: int
    costs: Sequence[ChatCost]
    supposed: Sequence[ChatCost]
    member_pages: Spread
    messages: Spread
    settings: Settings
    pace: Pace
    token_requests: int = 1
    people: Spread | None = None


def per_minute(settings: Settings) -> float:
    """Requests a minute at the configured rate, by the tighter of its two bounds."""
    bound = min(settings.requests_per_minute, settings.requests_per_second * MINUTE_S)
    return bound * settings.rate_share


def first_load(tenant: Tenant) -> Requests:
    """Requests of a load into an empty destination."""
    kinds = {"messages": _pages, "threads": _threads, "forwards": _opened}
    aside = {
        "list": Spread.exact(tenant.list_pages),
        "details": Spread.exact(tenant.chats),
        "members": _members(tenant),
        "cuts": _cuts(tenant),
        **_people(tenant, 1.0, 0.0),
    }
    if tenant.settings.pins:
        aside["pins"] = _pins(tenant)
    if tenant.settings.chat_context:
        aside["context"] = _context(tenant)
    requests = _with_reactions(_add_up(tenant, kinds, aside), tenant, _asked, loads=1.0)
    return _with_tokens(requests, tenant, loads=1.0)


def day_of_loads(tenant: Tenant) -> Requests:
    """Requests of a day of loads that follow one another at the pace."""
    kinds: dict[str, Callable[[ChatCost], Spread]] = {
        "heads": lambda cost: cost.heads,
        "polls": lambda cost: cost.polls,
        "sweeps": lambda cost: cost.sweeps,
        "forwards": lambda cost: cost.forwards,
    }
    loads = tenant.pace.loads
    aside = {
        "list": _whole(loads).times(tenant.list_pages),
        "details": _details_a_day(tenant).times(tenant.chats),
        "members": _members(tenant).by(_details_a_day(tenant)),
        **_people(tenant, _periods_a_day(tenant, tenant.settings.user_details_period_s), loads),
    }
    if tenant.settings.pins:
        aside["pins"] = _pins(tenant).by(_details_a_day(tenant))
    if tenant.settings.chat_context:
        aside["context"] = _context(tenant).by(_details_a_day(tenant))
    requests = _with_reactions(_add_up(tenant, kinds, aside), tenant, _asked_a_day, loads)
    return _with_tokens(requests, tenant, loads)


def _pages(cost: ChatCost) -> Spread:
    return cost.pages


def _threads(cost: ChatCost) -> Spread:
    return cost.threads


def _opened(cost: ChatCost) -> Spread:
    return cost.opened


def _asked(cost: ChatCost) -> Spread:
    return cost.asked


def _asked_a_day(cost: ChatCost) -> Spread:
    return cost.asked_a_day


def _add_up(
    tenant: Tenant,
    kinds: Mapping[str, Callable[[ChatCost], Spread]],
    aside: Mapping[str, Spread],
) -> Requests:
    unseen = {name: _unseen(tenant, of) for name, of in kinds.items()}
    by_kind = {
        name: extrapolate([of(cost) for cost in tenant.costs], tenant.chats) + unseen[name]
        for name, of in kinds.items()
    }
    each = [total(of(cost) for of in kinds.values()) for cost in tenant.costs]
    whole = extrapolate(each, tenant.chats) + total([*unseen.values(), *aside.values()])
    return Requests(whole, {**aside, **by_kind})


def _unseen(tenant: Tenant, of: Callable[[ChatCost], Spread]) -> Spread:
    """What groups in the form of threads may cost of which none was drawn.

    Each message of theirs is a request, so a few weigh as much as all others. Of what was met in
    none of n draws, there may still be a share of 3 / n (the rule of three).
    """
    drawn, rest = len(tenant.costs), tenant.chats - len(tenant.costs)
    if not tenant.supposed or rest <= 0:
        return Spread()
    mean = sum(of(cost).mid for cost in tenant.supposed) / drawn
    usual = sum(of(cost).mid for cost in tenant.costs) / drawn
    return Spread(high=max(0.0, mean - usual) * min(rest, math.ceil(3 * rest / drawn)))


def _with_reactions(
    requests: Requests, tenant: Tenant, of: Callable[[ChatCost], Spread], loads: float
) -> Requests:
    """Reactions are asked for across the chats, a batch of each load not full.

    Recalled messages are not asked about, some have more reactions than a reply holds; neither is
    seen by a plan.
    """
    if not tenant.settings.reactions:
        return requests
    asked = extrapolate([of(cost) for cost in tenant.costs], tenant.chats) + _unseen(tenant, of)
    some = min(loads, asked.mid)
    batches = Spread(
        asked.mid / MOST_MESSAGES + some / 2,
        asked.low / MOST_MESSAGES * (1 - UNSEEN),
        asked.high / MOST_MESSAGES * (1 + UNSEEN) + loads,
        asked.variance / MOST_MESSAGES**2,
    )
    return Requests(requests.all + batches, {**requests.by_kind, "reactions": batches})


def _with_tokens(requests: Requests, tenant: Tenant, loads: float) -> Requests:
    """Each load asks for a token, and once more where it is longer than one lives."""
    point, _, high = requests.interval()
    if not tenant.token_requests:
        return requests
    least = _whole(loads)
    more = [math.floor(n / per_minute(tenant.settings) / TOKEN_MINUTES) for n in (point, high)]
    one = Spread(least.mid + more[0], least.low, least.high + more[1], 0.0, least.least)
    tokens = one if tenant.token_requests == 1 else one + one
    return Requests(requests.all + tokens, {"tokens": tokens, **requests.by_kind})


def _whole(number: float) -> Spread:
    """So many times a day, of which one may fall on the next."""
    return Spread(number, math.floor(number), math.ceil(number), 0.0, math.floor(number))


def _members(tenant: Tenant) -> Spread:
    return Spread.exact(tenant.chats).by(tenant.member_pages)


def _pins(tenant: Tenant) -> Spread:
    """A request a chat; nothing tells beforehand in which more than a page is pinned."""
    return Spread(tenant.chats, tenant.chats, tenant.chats * (1 + UNSEEN), 0.0, tenant.chats)


def _context(tenant: Tenant) -> Spread:
    """Tabs and announcement of each chat; nothing tells beforehand which are of the newer form."""
    least, most = 2 * tenant.chats, 3 * tenant.chats
    return Spread((least + most) / 2, least, most, 0.0, least)


def _details_a_day(tenant: Tenant) -> Spread:
    """How often a day details and members are read again: by the first load behind each period."""
    return _whole(_periods_a_day(tenant, tenant.settings.details_period_s))


def _periods_a_day(tenant: Tenant, period_s: int) -> float:
    return tenant.pace.loads / max(1, math.ceil(period_s / tenant.pace.every_s))


def _people(tenant: Tenant, times: float, loads: float) -> dict[str, Spread]:
    """Requests for the details of people, so many times; all of them may fall on one day.

    Each load may meet somebody new. That Feishu refuses some of them is not foretold.
    """
    if tenant.people is None or not tenant.chats:
        return {}
    mid, low, high = (
        n / MOST_USERS for n in (tenant.people.mid, tenant.people.low, tenant.people.high)
    )
    least = math.ceil(low) * math.floor(times)
    most = math.ceil(high) * math.ceil(times) + math.ceil(loads)
    return {"people": Spread(max(least, math.ceil(mid) * times), least, most, 0.0, least)}


def _cuts(tenant: Tenant) -> Spread:
    """What is read again where a slice ended in a chat: in as many chats as workers at most."""
    slices, most = (
        math.floor(n / tenant.settings.slice_messages)
        for n in (tenant.messages.mid, tenant.messages.interval()[2])
    )
    return Spread(slices, 0.0, most * tenant.settings.workers * CUT)
