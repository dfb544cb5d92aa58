"""The rate limit: kept under any latency, used to the full, shared fairly, interruptible."""

from __future__ import annotations

import heapq
import math
import threading
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from feishu_source.api.limiter import LEAST_SHARE, SLACK_S, Lane, Limiter, Window
from feishu_source.errors import Interrupted
from tests.clocks import FakeClock

PER_SECOND, PER_MINUTE = 50, 1_000
WORKERS = 16


def simulate(
    lane: Lane, *, until_s: float, latency_s: tuple[float, float], seed: int = 1
) -> list[float]:
    """When the requests of sixteen workers who never rest arrive at the server.

    Each request takes a random time to arrive and another until its answer is back.
    """
    random = Random(seed)
    answers: list[float] = []
    arrivals: list[float] = []
    idle, now_s = WORKERS, 0.0
    while now_s < until_s:
        delay_s = lane.delay_s(now_s) if idle else math.inf
        if delay_s == 0:
            lane.start()
            idle -= 1
            arrivals.append(now_s + random.uniform(*latency_s))
            heapq.heappush(answers, arrivals[-1] + random.uniform(*latency_s))
        elif answers and answers[0] <= now_s + delay_s:
            now_s = heapq.heappop(answers)
            lane.finish(now_s)
            idle += 1
        else:
            now_s += delay_s
    return sorted(arrivals)


def most_in_any(arrivals: list[float], window_s: float) -> int:
    """The most arrivals that any half-open window of that length holds."""
    return max(
        index + 1 - bisect_right(arrivals, at - window_s) for index, at in enumerate(arrivals)
    )


@pytest.mark.parametrize("latency_s", [(0.0, 0.0), (0.001, 0.02), (0.02, 0.4), (0.0, 2.0)])
def test_sixteen_workers_stay_under_both_bounds_in_every_window(
    latency_s: tuple[float, float],
) -> None:
    """Three minutes, counted where the server counts: at the arrival, however late it is."""
    arrivals = simulate(Lane(PER_SECOND, PER_MINUTE), until_s=180, latency_s=latency_s)
    assert most_in_any(arrivals, 1.0) <= PER_SECOND
    assert most_in_any(arrivals, 60.0) <= PER_MINUTE


@pytest.mark.parametrize("latency_s", [(0.0, 0.0), (0.001, 0.02), (0.02, 0.15)])
def test_sixteen_workers_use_97_percent_of_what_is_allowed(
    latency_s: tuple[float, float],
) -> None:
    """Ten minutes, so that the first minute's burst does not flatter the figure."""
    arrivals = simulate(Lane(PER_SECOND, PER_MINUTE), until_s=600, latency_s=latency_s)
    used = sum(at < 180 for at in arrivals) / (3 * PER_MINUTE)
    assert used >= 0.97
    steady = sum(60 <= at < 600 for at in arrivals) / (9 * PER_MINUTE)
    assert steady >= 0.97


@pytest.mark.parametrize(("share", "per_second"), [(0.25, 12), (0.01, 1), (1 / 3, 16)])
def test_a_share_of_the_rate_bounds_both_windows(share: float, per_second: int) -> None:
    """Shards that share an app add up to no more than the app's bounds."""
    lane = Lane(PER_SECOND * share, PER_MINUTE * share)
    arrivals = simulate(lane, until_s=180, latency_s=(0.0, 0.1))
    assert most_in_any(arrivals, 1.0) <= per_second
    assert most_in_any(arrivals, 60.0) <= PER_MINUTE * share


def test_less_than_one_request_a_second_makes_the_window_longer() -> None:
    """A quarter of a request a second is one in four seconds."""
    window = Window(0.25, 1.0)
    window.answered(10.0)
    assert window.delay_s(11.0, 0, 1.0) == pytest.approx(3.0 + SLACK_S)


def test_a_window_frees_a_place_one_length_after_an_answer() -> None:
    """The place is held from the start to the answer, and a window longer."""
    window = Window(2, 1.0)
    assert window.delay_s(0.0, 1, 1.0) == 0.0
    assert window.delay_s(0.0, 2, 1.0) == math.inf
    window.answered(5.0)
    window.answered(5.5)
    assert window.delay_s(5.5, 0, 1.0) == pytest.approx(0.5 + SLACK_S)
    assert window.delay_s(6.0 + SLACK_S, 0, 1.0) == 0.0
    assert window.delay_s(6.0 + SLACK_S, 1, 1.0) == pytest.approx(0.5)


def test_a_refusal_pauses_the_lane_and_lowers_its_rate() -> None:
    """Somebody else uses the same app: a quarter of the rate is left to them."""
    lane = Lane(PER_SECOND, PER_MINUTE)
    lane.start()
    lane.finish(10.0)
    lane.refuse(9.9, 10.0, 7.0)
    assert lane.delay_s(10.0) == 7.0
    assert lane.delay_s(17.0) == 0.0
    assert lane.share(17.0) == 0.75


def test_refusals_of_requests_that_were_already_on_their_way_count_once() -> None:
    """Sixteen workers meet the same limit at once; the rate falls one step, not sixteen."""
    lane = Lane(PER_SECOND, PER_MINUTE)
    for _ in range(16):
        lane.refuse(9.9, 10.0, 1.0)
    assert lane.share(11.0) == 0.75
    lane.refuse(11.0, 11.1, 1.0)
    assert lane.share(11.1) == pytest.approx(0.5625)


def test_the_rate_never_falls_below_its_floor_and_grows_back() -> None:
    """A load goes on beside a busy bot, and takes its rate back when the bot has gone."""
    lane = Lane(PER_SECOND, PER_MINUTE)
    for step in range(50):
        lane.refuse(float(step), float(step), 0.0)
    shares = [lane.share(49.0 + quiet_s) for quiet_s in (0, 22.5, 44.5, 45.5, 1_000)]
    assert shares == pytest.approx([LEAST_SHARE, 0.55, 0.99, 1.0, 1.0])


def test_a_lane_under_pressure_asks_at_its_lowered_rate() -> None:
    """Right after a refusal only three quarters of a second's requests are let go."""
    lane = Lane(PER_SECOND, PER_MINUTE)
    lane.refuse(0.0, 0.0, 0.0)
    let_go = 0
    while lane.delay_s(0.0) == 0:
        lane.start()
        let_go += 1
    assert let_go == 37


def test_endpoints_have_limits_of_their_own() -> None:
    """The platform counts per API; one that pauses does not hold up another."""
    clock = FakeClock()
    limiter = Limiter(1, 1_000, clock=clock, wait=lambda _, timeout_s: clock.sleep(timeout_s or 0))
    for endpoint in ("a", "b", "a"):
        with limiter.slot(endpoint):
            pass
    limiter.refuse("b", clock.now_s, 30.0)
    with limiter.slot("a"):
        pass
    assert clock.slept_s == pytest.approx([1.0 + SLACK_S, 1.0 + SLACK_S])


def test_an_endpoint_may_be_slower_than_the_others() -> None:
    """Never faster: the lower of both bounds counts."""
    clock = FakeClock()
    limiter = Limiter(
        *(2, 1_000),
        clock=clock,
        wait=lambda _, timeout_s: clock.sleep(timeout_s or 0),
        slower={"slow": 1, "fast": 9},
    )
    for endpoint, waits in (("slow", 1), ("fast", 0), ("other", 0)):
        before = len(clock.slept_s)
        for _ in range(2):
            with limiter.slot(endpoint):
                pass
        assert len(clock.slept_s) - before == waits, endpoint
    with limiter.slot("fast"):
        assert clock.slept_s == pytest.approx([1.0 + SLACK_S, 1.0 + SLACK_S])


def test_a_request_that_fails_gives_its_place_back_like_any_other() -> None:
    """The server may have counted it, so it is held for a window; not for ever."""
    clock = FakeClock()
    limiter = Limiter(1, 1_000, clock=clock, wait=lambda _, timeout_s: clock.sleep(timeout_s or 0))
    with pytest.raises(OSError, match="lost"), limiter.slot("a"):
        raise OSError("lost")
    with limiter.slot("a") as started_s:
        assert started_s == pytest.approx(1_001.0 + SLACK_S)


def test_those_who_wait_are_served_in_the_order_of_their_arrival() -> None:
    """With one place a second, nobody overtakes."""
    clock, served, waiting = FakeClock(), [], threading.Semaphore(0)

    def wait(condition: threading.Condition, timeout_s: float | None) -> None:
        waiting.release()
        if timeout_s is None:
            condition.wait()
        else:
            clock.sleep(timeout_s)

    limiter = Limiter(1, 1_000, clock=clock, wait=wait)

    def ask(name: int) -> None:
        with limiter.slot("a"):
            served.append(name)

    with ThreadPoolExecutor(5) as pool, limiter.slot("a"):
        for name in range(5):
            pool.submit(ask, name)
            waiting.acquire()
    assert served == [0, 1, 2, 3, 4]


def test_cancelling_wakes_those_who_wait_and_turns_away_those_who_come() -> None:
    """With the number of the signal that asked for it."""
    waiting = threading.Semaphore(0)

    def wait(condition: threading.Condition, timeout_s: float | None) -> None:
        waiting.release()
        condition.wait()

    limiter = Limiter(1, 1_000, clock=FakeClock(), wait=wait)

    def ask() -> int | None:
        try:
            with limiter.slot("a"):
                return None
        except Interrupted as interruption:
            return interruption.signal

    with ThreadPoolExecutor(3) as pool, limiter.slot("a"):
        asked = [pool.submit(ask) for _ in range(3)]
        for _ in asked:
            waiting.acquire()
        limiter.cancel(Interrupted(15))
        assert [future.result() for future in asked] == [15, 15, 15]
    assert ask() == 15
