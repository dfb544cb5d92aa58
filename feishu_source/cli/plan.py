"""The plan for people: one table of what loads cost, and under it what the numbers rest on.

In: a `LoadPlan`. Out: things rich can print, in one of two languages. Refuses to know how anything
is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from feishu_source.cli.terminal import printable
from feishu_source.doctor.text import Pair
from feishu_source.forecast import LoadPlan
from feishu_source.forecast.report import DAYS_A_MONTH, Amount, Cost
from feishu_source.report import ChatProblem, Language

MOST_PROBLEMS = 20
"""Chats that cannot be read that are listed; `--json` has all."""

FIRST = Pair("first load", "首次加载")
DAY = Pair("a day, {loads} every {every}", "一天，每 {every} 一次，共 {loads}")
LOADS = Pair("{loads:,g} loads", "{loads:,g} 次")
ONE_LOAD = Pair("1 load", "1 次")
COLUMNS = (
    Pair("", ""),
    Pair("expected", "预计"),
    Pair("at least", "至少"),
    Pair("at most", "至多"),
)
REQUESTS = Pair("requests", "请求数")
MINUTES = Pair("minutes at {rate} a minute", "分钟数（每分钟 {rate} 次）")
SHARE = Pair("share of {quota:,} a month", "占每月 {quota:,} 次的比例")
MONTH_SHARE = Pair("share of {quota:,}, {days} such days", "{days} 天占每月 {quota:,} 次的比例")
KINDS = {
    "tokens": Pair("  access tokens", "  访问凭证"),
    "list": Pair("  list of chats", "  会话列表"),
    "details": Pair("  details of chats", "  会话详情"),
    "members": Pair("  members of chats", "  会话成员"),
    "pins": Pair("  pins of chats", "  会话 Pin"),
    "context": Pair("  tabs and announcements", "  标签页与群公告"),
    "people": Pair("  details of people", "  人员详细信息"),
    "cuts": Pair("  read again between slices", "  分片之间的重读"),
    "messages": Pair("  messages", "  消息"),
    "threads": Pair("  replies in threads", "  话题回复"),
    "heads": Pair("  new messages, look-back", "  新消息与回看"),
    "polls": Pair("  polls of active threads", "  活跃话题轮询"),
    "forwards": Pair("  merged forwards", "  合并转发"),
    "sweeps": Pair("  sweeps of older messages", "  旧消息重扫"),
    "reactions": Pair("  reactions", "  表情回复"),
}
CHATS = Pair(
    "{chats:,} chats, about {messages:,} messages ({low:,} to {high:,}).",
    "{chats:,} 个会话，约 {messages:,} 条消息（{low:,} 至 {high:,}）。",
)
BASIS = Pair(
    "{counted:,} of {asked:,} chats were seen whole; the others are judged by two or three pages.",
    "{asked:,} 个会话中有 {counted:,} 个已完整查看；其余由两三页消息推算。",
)
SAMPLE = Pair(
    "{rest:,} chats were not asked about: those drawn by chance stand for them, which widens the "
    "intervals. --plan-chats asks about more.",
    "另有 {rest:,} 个会话未查看，由随机抽取的会话代表，因此区间更宽。可用 --plan-chats 查看更多。",
)
FILES = Pair(
    "Files take about {files:,} requests more in the first load ({low:,} to {high:,}), one for "
    "each; those in threads are not counted.",
    "首次加载下载文件约需另外 {files:,} 次请求（{low:,} 至 {high:,}），每个文件一次；"
    "未计话题内的文件。",
)
SPENT = Pair(
    "The plan itself made {spent:,} requests. Nothing was loaded, nothing was written.",
    "本次估算用了 {spent:,} 次请求。未加载任何内容，也未写入任何内容。",
)
FRESH = Pair(
    "The first load is one into an empty destination; where earlier loads left off, less is due.",
    "首次加载按空目标计算；若此前已加载过，所需更少。",
)
STEADY = Pair(
    "The day is one of many like it, people writing as much as they did of late.",
    "这一天按稳定状态计算：大家照最近的频率发言。",
)
TOO_SLOW = Pair(
    "warning: at this rate a day's requests take more than a day. Load less often, leave chats or "
    "threads out, or see what can be set under “What it costs” in the README.",
    "警告：按此速率，一天的请求一天内做不完。请降低加载频率、减少会话或话题，"
    "或参阅 README 的“请求成本”一节。",
)
REFUSED = Pair(
    "{refused:,} of these chats cannot be read; a load asks each of them once:",
    "其中 {refused:,} 个会话无法读取；每次加载会各询问一次：",
)
MORE = Pair("and {hidden:,} more", "另有 {hidden:,} 个")
WARNING = Pair("warning: ", "警告：")

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def show(plan: LoadPlan, language: Language) -> RenderableType:
    """The whole plan in the reader's language; warnings and Feishu's words as they came."""
    lines = (Text(line) for line in _notes(plan, language))
    return Group(_table(plan, language), *lines)


def spell(seconds: int) -> str:
    """An interval as the command line takes it: `1h`, `90s`."""
    length, unit = next(each for each in _UNITS if seconds % each[0] == 0)
    return f"{seconds // length}{unit}"


def _table(plan: LoadPlan, language: Language) -> Table:
    table = Table()
    for number, column in enumerate(COLUMNS):
        table.add_column(column.say(language), justify="right" if number else "left")
    loads = 86_400 / plan.every_s
    said = ONE_LOAD.say(language) if loads == 1 else LOADS.say(language, {"loads": loads})
    day = DAY.say(language, {"loads": said, "every": spell(plan.every_s)})
    _add_cost(table, plan, plan.first_load, FIRST.say(language), language)
    table.add_section()
    _add_cost(table, plan, plan.day, day, language)
    if plan.monthly_quota:
        values = {"quota": plan.monthly_quota, "days": DAYS_A_MONTH}
        share = plan.month.times(1 / plan.monthly_quota)
        _add(table, MONTH_SHARE.say(language, values), share, _percent)
    return table


def _add_cost(table: Table, plan: LoadPlan, cost: Cost, title: str, language: Language) -> None:
    table.add_row(Text(title, style="bold"))
    _add(table, REQUESTS.say(language), cost.requests, _whole)
    for kind, amount in cost.by_kind.items():
        if amount.high:
            _add(table, KINDS[kind].say(language), amount, _whole)
    rate = _minutes(plan.requests_per_minute)
    _add(table, MINUTES.say(language, {"rate": rate}), cost.minutes, _minutes)
    if cost.quota_share and plan.monthly_quota:
        said = SHARE.say(language, {"quota": plan.monthly_quota})
        _add(table, said, cost.quota_share, _percent)


def _add(table: Table, name: str, amount: Amount, show: Callable[[float], str]) -> None:
    table.add_row(name, show(amount.point), show(amount.low), show(amount.high))


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _minutes(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:,.1f}"


def _percent(number: float) -> str:
    return f"{number:,.0%}" if number >= 0.1 else f"{number:,.1%}"


def _notes(plan: LoadPlan, language: Language) -> Iterator[str]:
    messages = plan.messages
    values = {
        **{"chats": plan.chats, "asked": plan.asked, "counted": plan.counted, "spent": plan.spent},
        **{"messages": messages.point, "low": messages.low, "high": messages.high},
        **{"rest": plan.chats - plan.asked, "refused": len(plan.problems)},
    }
    yield CHATS.say(language, values)
    yield BASIS.say(language, values)
    if plan.asked < plan.chats:
        yield SAMPLE.say(language, values)
    if plan.files:
        files = {"files": plan.files.point, "low": plan.files.low, "high": plan.files.high}
        yield FILES.say(language, files)
    yield FRESH.say(language)
    yield STEADY.say(language)
    yield SPENT.say(language, values)
    if plan.problems:
        yield REFUSED.say(language, values)
        yield from (_problem(each, language) for each in plan.problems[:MOST_PROBLEMS])
        if len(plan.problems) > MOST_PROBLEMS:
            yield MORE.say(language, {"hidden": len(plan.problems) - MOST_PROBLEMS})
    if not plan.keeps_pace:
        yield TOO_SLOW.say(language)
    yield from (WARNING.say(language) + printable(each, most=500) for each in plan.warnings)


def _problem(problem: ChatProblem, language: Language) -> str:
    name = f"{printable(problem.name).strip()} ({printable(problem.chat_id)})".strip()
    code = "" if problem.code is None else f" {problem.code}"
    advice = problem.advice_zh if language == "zh" else problem.advice_en
    words = [printable(each, most=500) for each in (problem.message, advice) if each]
    return f"  {name}{code}: {' '.join(words)}"
