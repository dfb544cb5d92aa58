"""What Feishu's answers mean for a load: pure, answers in, findings out.

A refusal is told once, where it belongs; what it makes pointless is skipped and says so.
Refuses to know how the answers were had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from feishu_source.doctor.asking import Answers
from feishu_source.doctor.findings import Finding, find, skip
from feishu_source.doctor.judging_chats import judge_chats, judge_group_scope
from feishu_source.errors import (
    ApiError,
    CredentialsRefused,
    QuotaExhausted,
    RetriesExhausted,
    ThreadRefused,
)
from feishu_source.settings import Settings
from feishu_source.tables import USERS
from feishu_source.user_rows import OUT_OF_RANGE, user_row

MOST_SKEW_S = 60
"""Seconds by which clocks may differ: beyond that somebody will wonder about a timestamp."""

_TOLD = tuple(
    name
    for name in USERS.names
    if name not in ("open_id", "status", "error_code", "last_asked_at", "last_read_at")
)
BOT_OFF = frozenset({230006, 232025})
USEFUL_SCOPES = frozenset(
    {
        *("im:message", "im:message:readonly", "im:message.history:readonly"),
        "im:message.group_msg",
        *("im:chat", "im:chat:readonly", "im:chat:read", "im:chat.members:read"),
        "im:chat.group_info:readonly",
        *("im:message.reactions:read", "im:message.pins:read"),
        *("im:chat.tabs:read", "im:chat.announcement:read"),
    }
)
"""Scopes of which some are needed here; what else an app has been granted is its own affair."""

CONTACT_SCOPES = frozenset(
    {
        *("contact:contact.base:readonly", "contact:user.base:readonly"),
        *("contact:user.email:readonly", "contact:user.employee:readonly"),
        *("contact:user.department:readonly", "contact:user.employee_id:readonly"),
        "contact:user.employee_number:read",
    }
)
"""The same for details of people: the first one is needed, the others are for kinds of fields."""

AFTER_CREDENTIALS = (
    *("scopes", "bot", "chat_list", "selection", "chat_details", "chat_members", "chat_pins"),
    *("chat_tabs", "announcement"),
    *("user_details", "group_messages", "chats", "threads", "reactions"),
    *("parameters", "rate_limit"),
)

EXTRAS = {
    "chat_pins": "pins",
    "chat_tabs": "chat_context",
    "announcement": "chat_context",
    "reactions": "reactions",
    "user_details": "user_details",
}
"""What is looked at only where it is to be loaded, and the setting that says so."""


def wanted_extras(settings: Settings) -> list[str]:
    """Those of `EXTRAS` that a load would fill tables with."""
    return [check for check, setting in EXTRAS.items() if getattr(settings, setting)]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked which host, and what a load would be lenient about.

    `tenant_key`: that of a store app's tenant. `extras`: those of `EXTRAS` that it would load.
    """

    host: str
    app_id: str | None
    is_user: bool
    threads: bool
    tolerate: Collection[int] = ()
    tenant_key: str | None = None
    extras: Collection[str] = ()

    def unwanted(self) -> set[str]:
        """Checks of which nothing is told."""
        return EXTRAS.keys() - set(self.extras)


def judge(answers: Answers, asked: Asked) -> list[Finding]:
    """All findings about Feishu, in the order of `texts_feishu.CHECKS`."""
    return [each for each in _judge_all(answers, asked) if each.id not in asked.unwanted()]


def _judge_all(answers: Answers, asked: Asked) -> list[Finding]:
    opening = _opening_refusal(answers, asked)
    if opening is not None and _tells_nothing(opening):
        rest = ("credentials", "clock", "quota", *AFTER_CREDENTIALS)
        outcome = "lost" if opening.code is None else "turned_away"
        lost = find(f"connection.{outcome}", error=opening, host=asked.host)
        return [lost, *(skip(name, "connection") for name in rest)]
    return [
        find("connection.ok", host=asked.host),
        _judge_credentials(answers, asked),
        _judge_clock(answers, asked),
        *_judge_use(answers, asked),
    ]


def _opening_refusal(answers: Answers, asked: Asked) -> ApiError | None:
    """What stood at the door: the token, or the chat list for whoever brings a token along."""
    opening = answers.listed if asked.is_user else answers.first
    return opening if isinstance(opening, ApiError) else None


def _tells_nothing(error: ApiError) -> bool:
    """Whether nobody has looked at the credentials: no answer, a rate limit, trouble at Feishu."""
    return error.code is None or isinstance(error, RetriesExhausted)


def _judge_credentials(answers: Answers, asked: Asked) -> Finding:
    refused = _refused_credentials(answers)
    if refused:
        return find("credentials.refused", error=refused)
    if asked.is_user:
        return find("credentials.user")
    if asked.tenant_key:
        return find("credentials.store", app_id=asked.app_id, tenant_key=asked.tenant_key)
    return find("credentials.app", app_id=asked.app_id)


def _refused_credentials(answers: Answers) -> ApiError | None:
    """Whatever was said in place of a token, or a token that was refused later."""
    refused = (each for each in _refusals(answers) if isinstance(each, CredentialsRefused))
    return answers.first or next(refused, None)


def _judge_clock(answers: Answers, asked: Asked) -> Finding:
    if answers.skew_s is None:
        if _refused_credentials(answers):
            return skip("clock", "credentials")
        if asked.is_user and isinstance(answers.listed, ApiError):
            return skip("clock", "chat_list")  # only answers tell the time, and there was none
        return find("clock.untold")
    seconds = round(abs(answers.skew_s))
    return find("clock.off" if seconds > MOST_SKEW_S else "clock.ok", seconds=max(1, seconds))


def _judge_use(answers: Answers, asked: Asked) -> Iterator[Finding]:
    """Everything behind the credentials."""
    refusals = list(_refusals(answers))
    if _refused_credentials(answers):
        yield from (skip(name, "credentials") for name in ("quota", *AFTER_CREDENTIALS))
        return
    quota = next((error for error in refusals if isinstance(error, QuotaExhausted)), None)
    if quota:
        yield find("quota.used_up", error=quota)
        yield from (skip(name, "quota") for name in AFTER_CREDENTIALS)
        return
    if isinstance(answers.scopes, frozenset) or not isinstance(answers.listed, ApiError):
        yield find("quota.unknown_rest")
    else:  # nothing was answered that could count
        yield skip("quota", "chat_list")
    yield _judge_scopes(answers, asked)
    yield from _judge_list(answers)
    yield from _judge_reading(answers, asked)
    words = "; ".join(answers.warnings)
    yield find("parameters.dropped", words=words) if words else find("parameters.ok")
    if answers.refused:
        yield find("rate_limit.met", refused=answers.refused)
    else:
        yield find("rate_limit.ok")


def _judge_scopes(answers: Answers, asked: Asked) -> Finding:
    if isinstance(answers.scopes, frozenset):
        useful = USEFUL_SCOPES | (CONTACT_SCOPES if "user_details" in asked.extras else frozenset())
        return find("scopes.ok", granted=", ".join(sorted(answers.scopes & useful)) or "-")
    if isinstance(answers.scopes, ApiError):
        return find("scopes.refused", error=answers.scopes)
    return find("scopes.user")


def _judge_list(answers: Answers) -> Iterator[Finding]:
    bot_off = next((error for error in _refusals(answers) if error.code in BOT_OFF), None)
    listed = answers.listed
    if bot_off:
        yield find("bot.off", error=bot_off)
        if isinstance(listed, ApiError):
            yield skip("chat_list", "bot")
    elif isinstance(listed, ApiError):
        yield skip("bot", "chat_list")
        yield find("chat_list.refused", error=listed)
    else:
        yield find("bot.on")
    if isinstance(listed, ApiError) or listed is None:
        return
    outcome = "long" if answers.list_goes_on else "ok" if listed else "none"
    yield find(f"chat_list.{outcome}", chats=len(listed))


def _judge_reading(answers: Answers, asked: Asked) -> Iterator[Finding]:
    """What depends on having chats: the reason why there are none is what skips it."""
    listed = answers.listed
    none = "bot" if isinstance(listed, ApiError) and listed.code in BOT_OFF else "chat_list"
    if listed is not None and not isinstance(listed, ApiError) and (listed or answers.wanted):
        outcome = "all" if answers.wanted else "none"
        yield find(f"selection.{outcome}", chats=answers.wanted)
        none = "selection"
    else:
        yield skip("selection", none)
    for name, answer in (
        ("chat_details", answers.details),
        ("chat_members", answers.members),
        ("chat_pins", answers.pins),
        ("chat_tabs", answers.tabs),
        ("announcement", answers.announcement),
    ):
        yield _judge_optional(name, answer, none)
    yield _judge_person(answers)
    yield judge_group_scope(answers, asked.tolerate)
    if answers.stopped and answers.stopped.code in BOT_OFF:
        yield skip("chats", "bot")
    elif answers.tried or answers.stopped:
        yield from judge_chats(answers, asked.tolerate)
    else:
        yield skip("chats", none)
    yield _judge_threads(answers, asked)
    if answers.tried and answers.reactions is None:
        yield find("reactions.none")
    else:
        yield _judge_optional("reactions", answers.reactions, "chats")


def _judge_optional(name: str, answer: ApiError | bool | None, none: str) -> Finding:
    if answer is None:
        return skip(name, none)
    if isinstance(answer, ApiError):
        outcome = "refused" if answer.scope_missing else "lost"
        return find(f"{name}.{outcome}", error=answer)
    return find(f"{name}.ok")


def _judge_person(answers: Answers) -> Finding:
    told = answers.person
    if told is None:
        return skip("user_details", "chat_members")
    if isinstance(told, ApiError):
        if told.code == OUT_OF_RANGE:
            return find("user_details.out_of_range", error=told)
        return find(f"user_details.{'refused' if told.scope_missing else 'lost'}", error=told)
    if not told:
        return find("user_details.out_of_range")
    row, _ = user_row("", told, 0)
    values = dict(zip(USERS.names, row, strict=True))
    fields = [name for name in _TOLD if values[name] is not None]
    return find("user_details.ok", fields=", ".join(fields) or "-")


def _judge_threads(answers: Answers, asked: Asked) -> Finding:
    if not asked.threads:
        return find("threads.off")
    if answers.thread is None:
        return find("threads.none") if answers.tried else skip("threads", "chats")
    if isinstance(answers.thread, ThreadRefused):
        return find("threads.invisible", error=answers.thread)
    if isinstance(answers.thread, ApiError):
        return find("threads.refused", error=answers.thread)
    return find("threads.ok")


def _refusals(answers: Answers) -> Iterator[ApiError]:
    """Every refusal, in the order in which they came."""
    given = [answers.first, answers.scopes, answers.listed, answers.details, answers.members]
    given += [answers.pins, answers.tabs, answers.announcement]
    given += [answers.person, answers.reactions]
    given += [answers.stopped, *(tried.error for tried in answers.tried), answers.thread]
    yield from (answer for answer in given if isinstance(answer, ApiError))
