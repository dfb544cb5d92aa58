"""Any history of loads and kills: no claim is false, and quiet loads come to an end."""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.toy_chat import ToyChat, wanted

LATE_S = 3
"""Messages become visible up to so late, and the server's clock lags by as much: together they
stay below the look-back of 10 seconds."""

STEPS = st.sampled_from([1, 2, 3, 5, 1_000])
PAGES = st.sampled_from([3, 10, 1_000])

HISTORIES = 5_000 if os.environ.get("FEISHU_THOROUGH") == "1" else 500


class Histories(RuleBasedStateMachine):
    """One chat; time passes, messages come, loads of every kind are run and killed."""

    @initialize()
    def begin(self) -> None:
        """The chat is older than the first load."""
        self.chat = ToyChat()
        self.now_s = 0
        self.at_most: tuple[int, int] = (1_000_000, -1)
        self.wait(40)

    @rule(seconds=st.sampled_from([1, 4, 20]))
    def wait(self, seconds: int) -> None:
        """A message comes every second; some are listed late."""
        came_s = range(self.now_s, self.now_s + seconds)
        self.chat.posts += [(second, second + second % (LATE_S + 1)) for second in came_s]
        self.now_s += seconds

    @rule(
        since_s=st.sampled_from([0, 0, 20, 20, 70]),
        behind_s=st.sampled_from([0, LATE_S]),
        threads=st.booleans(),
        full=st.sampled_from([False, False, True]),
        steps=STEPS,
        page_s=PAGES,
    )
    def load(
        self, since_s: int, behind_s: int, threads: bool, full: bool, steps: int, page_s: int
    ) -> None:
        """A load up to now, killed after some steps or not at all."""
        want = wanted(self.now_s - behind_s, start_s=since_s, threads=threads, full=full)
        self.chat.load(want, steps=steps, page_s=page_s, now_s=self.now_s)
        if not since_s and not self.chat.killed:
            self.assert_nothing_new_is_missing(want.stop_s)

    @rule(
        since_s=st.sampled_from([0, 10, 30]),
        length_s=st.sampled_from([5, 20]),
        threads=st.booleans(),
        steps=STEPS,
        page_s=PAGES,
        replies_behind=st.booleans(),
    )
    def load_window(
        self,
        since_s: int,
        length_s: int,
        threads: bool,
        steps: int,
        page_s: int,
        replies_behind: bool,
    ) -> None:
        """A load with bounds on both sides; threads may have replies behind them."""
        stop_s = min(since_s + length_s, self.now_s)
        bounds = {"start_s": since_s, "as_of_s": self.now_s, "explicit": stop_s < self.now_s}
        self.chat.load(
            wanted(stop_s, threads=threads, **bounds),
            steps=steps,
            page_s=page_s,
            now_s=self.now_s,
            replies_behind=replies_behind and stop_s < self.now_s,
        )

    @rule(page_s=PAGES)
    def quiet_loads(self, page_s: int) -> None:
        """Three whole loads that want everything owe nothing; a fourth reads the head alone."""
        want = wanted(self.now_s)
        for _ in range(3):
            self.chat.load(want, page_s=page_s, now_s=self.now_s)
        state = self.chat.state
        assert (state.covered_from_s, state.threads_covered, state.walks) == (0, True, {})
        assert state.covered_until_s is not None
        assert state.covered_until_s >= self.now_s
        head_start_s = max(0, self.now_s - 10)
        assert self.chat.load(want, now_s=self.now_s) == [("head", head_start_s, self.now_s)]

    @invariant()
    def no_claim_is_false(self) -> None:
        """What is claimed was read, with its threads where they are claimed."""
        if hasattr(self, "chat"):
            assert self.chat.false_claims() == set()

    @invariant()
    def claims_never_move_back(self) -> None:
        """What was covered once stays covered."""
        if hasattr(self, "chat") and self.chat.state.covered_from_s is not None:
            state = self.chat.state
            least_s, most_s = self.at_most
            assert state.covered_from_s is not None
            assert state.covered_until_s is not None
            assert state.covered_from_s <= least_s
            assert state.covered_until_s >= most_s
            self.at_most = (state.covered_from_s, state.covered_until_s)

    def assert_nothing_new_is_missing(self, pinned_s: int) -> None:
        """A load that wanted everything and ended has every message that was visible."""
        due = {post for post in self.chat.posts if post[0] < pinned_s and post[1] <= self.now_s}
        assert due - self.chat.loaded == set()


Histories.TestCase.settings = settings(
    max_examples=HISTORIES, stateful_step_count=15, deadline=None
)
test_any_history_of_loads_and_kills_keeps_its_promises = Histories.TestCase
