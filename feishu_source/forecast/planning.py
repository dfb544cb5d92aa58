"""The whole plan: what a first load and a day of loads will cost, told before either is made.

In: the arguments of the source. Out: a `LoadPlan`. Nothing is written anywhere: no pipeline, no
working folder, no state; what a destination holds is not looked at, so the first load is one into
an empty one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from feishu_source import terms
from feishu_source.api import Carrier
from feishu_source.configuration import set_dlt_defaults
from feishu_source.coverage import Wanted
from feishu_source.errors import ApiError, ChatRefused, ConfigurationError
from feishu_source.forecast.asking import Asking, Seen, draw
from feishu_source.forecast.costs import Pace, chat_cost, forward_share, refused_cost
from feishu_source.forecast.downloads import files_of
from feishu_source.forecast.habits import learn, people_of
from feishu_source.forecast.profile import Profile, build_profile, share_of
from feishu_source.forecast.report import DAYS_A_MONTH, Amount, Cost, LoadPlan
from feishu_source.forecast.spread import Spread, extrapolate
from feishu_source.forecast.totals import Requests, Tenant, day_of_loads, first_load, per_minute
from feishu_source.options import Options
from feishu_source.report import NO_CHATS, ChatProblem
from feishu_source.session import Session
from feishu_source.settings import DAY_S, HOUR_S, MINUTE_S
from feishu_source.source import resolve_options, warn_of_unknown_settings

MOST_CHATS = 300
"""Chats that are asked about at most: 900 requests, less than a minute of the API's limit."""


def plan(
    *,
    every_s: int = HOUR_S,
    most_chats: int = MOST_CHATS,
    monthly_quota: int | None = None,
    carrier: Carrier | None = None,
    clock: Callable[[], float] = time.time,
    **source_arguments: Any,
) -> LoadPlan:
    """What a first load, and a day of loads, will cost in requests; loads nothing, writes nothing.

    Args:
        every_s: seconds between two loads of the day, a minute to a day.
        most_chats: chats that are asked about, at most three requests each; where there are more,
            they are drawn by chance and stand for the rest.
        monthly_quota: calls that the tenant's edition allows a month.
        carrier: another way for requests than HTTP.
        clock: this machine's, in epoch seconds, should the server not tell the time.
        source_arguments: arguments of `feishu_source`; what is left out, configuration gives, that
            of one tenant where `tenant` names it.

    Raises:
        ConfigurationError: an argument or a setting is wrong; nothing was asked for.
        ApiError: the list of chats cannot be had, or asking on would be of no use.
    """
    for name, value, least, most in (
        ("every_s", every_s, MINUTE_S, DAY_S),
        ("most_chats", most_chats, 1, 1_000_000),
        ("monthly_quota", monthly_quota, 1, 10**12),
    ):
        if value is not None and not least <= value <= most:
            raise ConfigurationError(f"{name} is {value}, it must lie between {least} and {most}")
    set_dlt_defaults()
    warnings = warn_of_unknown_settings(source_arguments.get("tenant"))
    options = resolve_options(source_arguments)
    options.identity()  # missing credentials are told before anything is asked
    session = Session(options, carrier=carrier, clock=clock)
    try:
        return _Planning(session, every_s, monthly_quota, warnings).make(most_chats)
    finally:
        session.close()


class _Planning:
    """The steps of one plan."""

    def __init__(
        self, session: Session, every_s: int, monthly_quota: int | None, warnings: list[str]
    ) -> None:
        self._session = session
        self._settings = session.options.settings
        self._every_s = every_s
        self._monthly_quota = monthly_quota
        self._warnings = warnings

    def make(self, most_chats: int) -> LoadPlan:
        """Asks, estimates, adds up."""
        session = self._session
        pinned_s = session.pinned_s
        wanted = terms.wanted(session.options, pinned_s, threads=True, full=False)
        names = {chat_id: name for chat_id, name, _ in session.roster.chats({})}
        drawn = [(chat_id, names[chat_id]) for chat_id in draw(names, most_chats)]
        file_types = session.options.files_types if session.options.files else ()
        asking = Asking(session.client, wanted, file_types)
        seen = asking.ask(drawn)
        held = _held(asking.full_pages, self._settings.page_size)
        known = _answered(seen)
        profiles = read_profiles(known, wanted, flat_topics=session.client.flat_topics)
        share = forward_share(profiles.values()) if self._settings.forwards else None
        pace = Pace(self._every_s, held, share)
        messages = extrapolate(
            [profiles[each.chat_id].whole.messages if each.looks else Spread() for each in known],
            len(names),
        )
        tenant = self._tenant(known, profiles, wanted, pace, len(names), messages)
        day = self._cost(day_of_loads(tenant))
        return LoadPlan(
            made_at=datetime.fromtimestamp(pinned_s, UTC),
            every_s=self._every_s,
            requests_per_minute=per_minute(self._settings),
            monthly_quota=self._monthly_quota,
            chats=len(names),
            asked=len(seen),
            counted=sum(profile.counted for profile in profiles.values()),
            problems=[_problem(each, each.error) for each in seen if each.error],
            messages=Amount(*messages.interval()),
            files=Amount(*files_of(known, profiles, len(names)).interval()) if file_types else None,
            first_load=self._cost(first_load(tenant)),
            day=day,
            month=day.requests.times(DAYS_A_MONTH),
            requests=session.client.stats.by_endpoint("requests"),
            warnings=self._warnings_of(len(names)),
        )

    def _tenant(
        self,
        seen: Sequence[Seen],
        profiles: Mapping[str, Profile],
        wanted: Wanted,
        pace: Pace,
        chats: int,
        messages: Spread,
    ) -> Tenant:
        threads = [(each.thread, profiles[each.chat_id].form) for each in seen if each.thread]
        users = [each.users for each in seen if each.users is not None]
        habits = learn(threads, users, wanted.hot, pace.every_s)
        costs = [
            chat_cost(profiles[each.chat_id], habits, wanted, pace)
            if each.looks
            else refused_cost(pace)
            for each in seen
        ]
        shown = profiles.values() if wanted.threads else ()
        supposed = (
            []
            if any(profile.form for profile in shown)
            else [chat_cost(chat.suppose_form(), habits, wanted, pace) for chat in shown]
        )
        list_pages = max(1, -(-len(self._session.roster.listed) // self._settings.list_page_size))
        return Tenant(
            *(chats, list_pages, costs, supposed, habits.member_pages, messages),
            *(self._settings, pace, _token_requests(self._session.options)),
            people=people_of(users, chats) if self._settings.user_details else None,
        )

    def _cost(self, requests: Requests) -> Cost:
        amount = Amount(*requests.interval())
        quota = self._monthly_quota
        return Cost(
            amount,
            {name: Amount(*spread.interval()) for name, spread in requests.by_kind.items()},
            amount.times(1 / per_minute(self._settings)),
            amount.times(1 / quota) if quota else None,
        )

    def _warnings_of(self, chats: int) -> list[str]:
        found = [*self._warnings, *self._session.roster.warnings, *self._session.client.warnings]
        return found if chats else [*found, NO_CHATS]


def read_profiles(seen: Sequence[Seen], wanted: Wanted, *, flat_topics: bool) -> dict[str, Profile]:
    """The profiles of the chats that could be read. `flat_topics`: topic groups are listed flat.

    What is usual in the others is believed of a chat of which little was seen; groups in which
    every message is the root of a thread are usual nowhere else.
    """

    def build(each: Seen, usual_share: float = 0.5) -> Profile:
        flat = each.flat if flat_topics else False
        return build_profile(each.looks, wanted.stop_s * 1_000, usual_share, flat=flat)

    readable = [each for each in seen if each.looks]
    alone = map(build, readable)
    plain = (chat for chat in alone if not (chat.form or chat.flat))
    usual = share_of(look for chat in plain for look in chat.looks)
    return {each.chat_id: build(each, usual) for each in readable}


def _token_requests(options: Options) -> int:
    if options.user_access_token:
        return 0
    return 2 if options.of_store else 1


def _answered(seen: Sequence[Seen]) -> list[Seen]:
    """The chats of which something is known: what they show, or that they are refused.

    One that trouble kept away is as unknown as one that was not asked about.

    Raises:
        ApiError: trouble kept all of them away.
    """
    known = [each for each in seen if each.looks or isinstance(each.error, ChatRefused)]
    for each in seen:
        if each.error is not None and not known:
            raise each.error
    return known


def _held(full_pages: Sequence[int], page_size: int) -> float:
    """What a page holds that another one follows: the platform may leave out what it hides."""
    return max(1.0, sum(full_pages) / len(full_pages)) if full_pages else page_size


def _problem(seen: Seen, error: ApiError) -> ChatProblem:
    return ChatProblem(
        seen.chat_id,
        seen.name,
        "skipped" if isinstance(error, ChatRefused) else "failed",
        code=error.code,
        message=error.words,
        advice_en=error.advice_en,
        advice_zh=error.advice_zh,
        log_id=error.log_id,
    )
