"""What the plan takes for the rules of a load are its rules, and its errors are what they say."""

from __future__ import annotations

import math
from random import Random
from statistics import fmean, median
from typing import Any

import pytest

from feishu_source.forecast import plan
from feishu_source.forecast.costs import Pace, _due
from feishu_source.forecast.habits import polls_after
from feishu_source.forecast.looks import Item, Look, read_thread, shows_replies
from feishu_source.forecast.profile import Rate, build_profile
from feishu_source.forecast.report import Amount
from feishu_source.forecast.spread import DEVIATIONS, Spread, extrapolate, total
from feishu_source.hot import HotRule
from feishu_source.hot import due as due_threads
from feishu_source.rungs import RUNGS, due, parse_ladder
from feishu_source.sandbox import World
from feishu_source.sandbox.bodies import media_body
from feishu_source.settings import DAY_S, HOUR_S
from tests.belt import Belt
from tests.determinism import Direct
from tests.lab import START_MS

RULES = [HotRule(), HotRule(3 * DAY_S, 6 * HOUR_S, growth=2.0), HotRule(DAY_S, DAY_S)]


@pytest.mark.parametrize("every_s", [HOUR_S, 5 * HOUR_S, DAY_S])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_polls_of_a_silent_thread_are_those_that_loads_make(rule: HotRule, every_s: int) -> None:
    """On the average over when in an interval the last reply came, less than one poll off."""
    counts = []
    for phase in range(10):
        newest_s, polls = 1_000_000, 0
        load_s = newest_s + (phase + 1) * every_s // 11
        while load_s - every_s < newest_s + rule.hot_s:  # the one that lets it cool included
            hot = {"omt_1": newest_s * 1_000}
            polls += len(due_threads(hot, load_s - every_s, load_s, rule))
            load_s += every_s
        counts.append(polls)
    assert abs(fmean(counts) - polls_after(math.inf, rule, every_s)) < 1


@pytest.mark.parametrize("every_s", [HOUR_S, 4 * HOUR_S, DAY_S])
def test_the_widest_rung_that_is_due_is_so_as_often_as_in_loads(every_s: int) -> None:
    """Over all chats, a day's number of sweeps and the length of what they read."""
    ladder, days, chats = parse_ladder(RUNGS), 120, 40
    swept = {rung.key: 0 for rung in ladder}
    number, read_s = 0, 0
    for chat in range(chats):
        at_s = swept | dict.fromkeys(swept, 1_000_000_000)
        for load_s in range(1_000_000_000 + every_s, 1_000_000_000 + days * DAY_S, every_s):
            if rungs := due(ladder, at_s, f"oc_{chat}", load_s):
                number += 1
                read_s += max(rung.age_s + load_s - at_s[rung.key] for rung in rungs)
                at_s |= {rung.key: load_s for rung in rungs}
    pace = Pace(every_s, 50)
    told = [(rung, part * pace.loads) for rung, part in _due(ladder, pace)]
    assert sum(part for _, part in told) == pytest.approx(number / chats / days, rel=0.15)
    told_s = sum((rung.age_s + max(rung.period_s, every_s)) * part for rung, part in told)
    assert told_s == pytest.approx(read_s / chats / days, rel=0.15)


def test_errors_of_their_own_cancel_and_common_ones_add_up() -> None:
    """A hundred numbers: ten times the own error of one, a hundred times the common one."""
    one = Spread(10.0, 9.0, 11.0, variance=4.0)
    whole = total([one] * 100)
    assert (whole.mid, whole.low, whole.high) == (1_000, 900, 1_100)
    assert math.sqrt(whole.variance) == 20
    assert whole.interval()[2] == 1_100 + DEVIATIONS * 20


def test_an_interval_never_lies_below_what_was_seen() -> None:
    """Nor does its best guess; and what is known has no width."""
    assert Spread(5.0, 1.0, 9.0, variance=100.0, least=4.0).interval() == (5, 4, 39)
    assert Spread.exact(7).interval() == (7, 7, 7)


@pytest.mark.parametrize("drawn", [100, 300])
def test_a_sample_tells_the_whole_in_all_but_few_cases(drawn: int) -> None:
    """Chats as unequal as they are: a tenth of the thousand hold more than half of all."""
    chance, missed, widths = Random(5), 0, []
    for _ in range(300):
        sizes = [chance.lognormvariate(0, 1.5) for _ in range(1_000)]
        _, low, high = extrapolate([Spread.exact(size) for size in sizes[:drawn]], 1_000).interval()
        missed += not low <= sum(sizes) <= high
        widths.append(high / low)
    assert missed <= 12
    assert median(widths) < 4


def look_of(times_s: list[float], **ends: bool) -> Look:
    """A page of messages sent then."""
    items = tuple(Item(f"om_{s}", int(s * 1_000)) for s in times_s)
    return Look(items, items[0].create_ms, items[-1].create_ms, **ends)


def test_a_burst_says_nothing_about_a_rate() -> None:
    """Fifty messages in one second, an hour after the one before."""
    burst = look_of([0.0, *(3_600 + n / 50 for n in range(49))])
    steady = look_of([n * 60.0 for n in range(50)])
    assert Rate.of(burst).error == math.inf
    assert Rate.of(steady).per_ms == pytest.approx(1 / 60_000)


@pytest.mark.parametrize("growth", [1.0, 0.1, 10.0])
def test_density_finds_a_steady_chat_and_one_that_grows_or_fades(growth: float) -> None:
    """A hundred days of messages, at the end `growth` times as dense as at the beginning."""
    chance, times, now_s = Random(3), [], 0.0
    while now_s < 1_000 * DAY_S:
        rate = 20 / DAY_S / 7 * growth ** (now_s / 1_000 / DAY_S)
        now_s += chance.expovariate(rate)
        times.append(now_s)
    middle = len(times) // 2
    looks = [
        look_of(times[:50], starts=True),
        look_of(times[middle : middle + 50]),
        look_of(times[-50:], ends=True),
    ]
    profile = build_profile(looks, int(times[-1] * 1_000))
    _, low, high = profile.whole.messages.interval()
    assert low <= len(times) <= high
    assert high / low < 12


def test_a_timeline_that_shows_a_thread_twice_shows_replies() -> None:
    """Even where nobody tells positions; a lone message that answers something tells nothing."""
    root, reply = Item("om_1", 1, "omt_1"), Item("om_2", 2, "omt_1", reply=None)
    assert shows_replies([root, reply]) is True
    assert shows_replies([reply, reply]) is None
    assert shows_replies([root]) is False


@pytest.mark.parametrize(
    ("positions", "pages", "counted"), [(True, 4, True), (False, 2, False)], ids=["told", "missing"]
)
def test_a_long_thread_is_measured_by_its_last_position(
    positions: bool, pages: int, counted: bool
) -> None:
    """Of 180 replies the newest fifty are seen; without positions it is two pages at least."""
    items = [
        {
            "message_id": f"om_{number}",
            "thread_id": "omt_1",
            "root_id": "om_root",
            "create_time": str(1_700_000_000_000 + number),
            **({"thread_message_position": str(number)} if positions else {}),
        }
        for number in range(179, 129, -1)
    ]
    look = read_thread(items, 50, None, complete=False)
    assert (look.pages, look.counted) == (pages, counted)


@pytest.mark.parametrize("seed", range(3))
def test_files_of_a_first_load_lie_inside_what_was_told(seed: int) -> None:
    """One in eight messages has some, more in some chats than in others; none without a place."""
    world = World(seed=seed, start_ms=START_MS, now_ms=START_MS)
    drawn = Random(seed)
    sent = 0
    for chat in [world.add_chat(name=f"chat {number}") for number in range(8)]:
        share = drawn.choice([0.02, 0.1, 0.3])
        for number in range(drawn.choice([20, 300, 900])):
            world.advance(600)
            if drawn.random() < share:
                sent += 1
                world.post(chat, body=media_body("image", f"img_{chat[-6:]}_{number}"))
            else:
                world.post(chat, text="words")
        world.post(chat, body=media_body("sticker", "st_1"))
    belt = Belt(world)
    asked: dict[str, Any] = {"carrier": Direct(belt.sandbox), **belt.access}
    told = plan(files="files", **asked).files
    assert told is not None
    assert told.low <= sent <= told.high < 4 * sent
    assert told.low <= told.point <= told.high
    assert plan(files="files", files_types=["audio"], **asked).files == Amount(0, 0, 0)
    assert plan(**asked).files is None
    assert not [each for each in belt.sandbox.requests if "/resources/" in each.path]
