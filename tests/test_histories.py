"""Any history of a tenant, loaded in any way: what is promised arrives, and nothing else happens.

People talk, edit, recall, open threads; chats come, go and refuse; the network fails; loads are
bounded, cut, killed and run while people talk. After each load `tests.histories` asks for what is
owed; at the end everything heals, and the tables are the tenant's truth.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from feishu_source.sandbox import Fault, Switches, World, bodies
from feishu_source.sandbox.reactions import REACTIONS_PATH
from tests.draws import (
    CHANGES,
    FARTHEST_BACK_MS,
    FAULTS,
    GAPS,
    KILLS,
    KINDS,
    LATE,
    MOST,
    MOST_REQUESTS,
    REACTIONS,
    SCHEDULES,
    SETTINGS,
    SWITCHES,
    TIMES,
    WORDS,
)
from tests.histories import History, Load
from tests.laboratory import MESSAGES, START_MS
from tests.tally import COUNTED

THOROUGH = os.environ.get("FEISHU_THOROUGH") == "1"


class Histories(RuleBasedStateMachine):
    """One tenant and its warehouse; every rule is something that happens."""

    messages = Bundle("messages")
    replies = Bundle("replies")

    @initialize(
        target=messages,
        switches=SWITCHES,
        schedules=SCHEDULES,
        seed=st.integers(0, 10_000),
        kind=KINDS,
        number=st.integers(1, 5),
        gap_s=GAPS,
    )
    def begin(
        self,
        switches: dict[str, Any],
        schedules: dict[str, Any],
        seed: int,
        kind: str,
        number: int,
        gap_s: float,
    ) -> MultipleResults[str]:
        """A tenant with one chat in which something was said; in which order answers come."""
        self.world = World(seed=1, start_ms=START_MS, now_ms=START_MS)
        self.ann, self.bob = self.world.add_user("Ann"), self.world.add_user("Bob")
        self.history = History(self.world, switches=Switches(**switches))
        self.history.chance.seed(seed)
        self.schedules, self.shows = schedules, seed % 2 == 0
        self.history.reactions = schedules["reactions"]
        self.history.__enter__()
        self.latest_ms, self.said, self.sound = START_MS, 0, True
        return self.add_chat(kind, True, number, gap_s)

    # people

    @rule(
        target=messages,
        kind=KINDS,
        bot_in=st.sampled_from([True, True, False]),
        number=st.integers(1, 5),
        gap_s=GAPS,
    )
    def add_chat(self, kind: str, bot_in: bool, number: int, gap_s: float) -> MultipleResults[str]:
        """An ordinary group, one where every message is a root, or a native topic group."""
        chat_id = self.world.add_chat(
            mode="topic" if kind == "topic" else "group",
            group_message_type="thread" if kind == "thread" else "chat",
            member_ids=[self.ann, self.bob],
            bot_in=bot_in,
        )
        first = self.world.post(chat_id, self.ann, text="first")
        return multiple(first, *self.post(first, number, gap_s, "plain", 0).values)

    @rule(
        target=messages,
        message=messages,
        number=st.integers(1, 5),
        gap_s=GAPS,
        words=WORDS,
        late_ms=LATE,
    )
    def post(
        self, message: str, number: int, gap_s: float, words: str, late_ms: int
    ) -> MultipleResults[str]:
        """More in the same chat, in one second or spread; it may be listed only later."""
        posted = []
        for _ in range(number):
            self.wait(gap_s)
            said = self.say(words)
            posted.append(
                self.world.post(self.chat_of(message), self.ann, visible_after_ms=late_ms, **said)
            )
        return multiple(*posted)

    @rule(target=messages, message=messages)
    def forward(self, message: str) -> MultipleResults[str]:
        """A post with a picture, and somebody who forwards it with another message, or forward."""
        chat_id, said = self.chat_of(message), bodies.words(self.say("post")["text"])
        body = bodies.post_body("title", [[said], [bodies.picture("img_1")]])
        post = self.world.post(chat_id, self.ann, body=body)
        return multiple(post, self.world.forward(chat_id, self.bob, [post, message]))

    @rule(target=messages, message=messages, late_ms=LATE)
    def answer(self, message: str, late_ms: int) -> str:
        """A plain reply; in a thread or a topic group a reply in that thread."""
        said = self.say("plain")
        return self.world.reply(message, self.bob, visible_after_ms=late_ms, **said)

    @rule(
        target=replies,
        message=messages,
        number=st.integers(1, 5),
        gap_s=GAPS,
        words=WORDS,
        late_ms=LATE,
        also_to_chat=st.sampled_from([False, False, True]),
    )
    def reply(
        self, message: str, number: int, gap_s: float, words: str, late_ms: int, also_to_chat: bool
    ) -> MultipleResults[str]:
        """Replies in a thread, the first one opens it."""
        how: dict[str, Any] = {"also_to_chat": also_to_chat, "visible_after_ms": late_ms}
        posted = []
        for _ in range(number):
            said = self.say(words)
            posted.append(self.world.reply_in_thread(message, self.bob, **how, **said))
            self.wait(gap_s)
        return multiple(*posted)

    @rule(message=messages | replies, what=CHANGES, words=WORDS)
    def change(self, message: str, what: str, words: str) -> None:
        """Other words; none; gone for good; a thread that is hidden, shown, deleted."""
        thread_id = self.world.thread_id_of(message)
        if what == "edit" and self.world.message(message).body.msg_type == "merge_forward":
            what = "recall"  # nobody can edit one
        if what == "edit":
            self.world.edit(message, **self.say(words))
        elif what in ("recall", "remove"):
            getattr(self.world, what)(message)
        elif thread_id:
            getattr(self.world, f"{what}_thread")(thread_id)

    @rule(message=messages | replies, number=REACTIONS, kind=st.sampled_from(["OK", "HEART"]))
    def react(self, message: str, number: int, kind: str) -> None:
        """Somebody reacts to a message, which does not change by that."""
        for _ in range(number):
            self.world.react(message, self.bob, kind)

    @rule(message=messages | replies)
    def take_back(self, message: str) -> None:
        """The first reaction to a message is taken back, if there is one."""
        for first in self.world.reactions.get(self.world.message(message).number, [])[:1]:
            self.world.take_back(message, first.reaction_id)

    def chat_of(self, message: str) -> str:
        """Where it was said."""
        return self.world.message(message).chat.chat_id

    def say(self, words: str) -> dict[str, Any]:
        """Words that nobody said before."""
        self.said += 1
        return {"text": f"{self.said} {words.format(ann=self.ann, bob=self.bob)}"}

    # chats, time, trouble

    @rule(message=messages, what=st.sampled_from(["leave", "join", "restrict", "free"]))
    def move(self, message: str, what: str) -> None:
        """The bot is taken out of a chat, or comes back; its messages are refused, or no more."""
        self.move_in(self.chat_of(message), what)

    def move_in(self, chat: str, what: str) -> None:
        """The same for a chat."""
        if what in ("restrict", "free"):
            self.world.restrict(chat, what == "restrict")
        elif what == "leave":
            self.world.leave(chat)
        elif not self.world.chats[chat].bot_in:
            self.world.join(chat)

    @rule(seconds=st.sampled_from([0.3, 1, 4, 61, 590, 610, 5_000, 20_000, 100_000, 900_000]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.world.advance(seconds)
        self.latest_ms = max(self.latest_ms, self.world.now_ms)

    @rule(seconds=st.sampled_from([1, 60, 400]))
    def step_back(self, seconds: int) -> None:
        """The server's clock is set back, by less than the look-back in all."""
        least_ms = self.latest_ms - FARTHEST_BACK_MS
        self.world.now_ms = max(self.world.now_ms - seconds * 1_000, least_ms)

    @rule(name=FAULTS, times=TIMES, after=st.integers(0, 3), message=messages, chat=st.booleans())
    def fail(self, name: str, times: int | None, after: int, message: str, chat: bool) -> None:
        """Listings fail, all or those of a chat; two attempts bear one failure."""
        chat_id = self.chat_of(message) if chat else None
        fault = Fault(name, MESSAGES, chat_id, times=times, after=after)
        self.inject(fault)

    @rule(name=FAULTS, times=TIMES, reply=replies)
    def fail_thread(self, name: str, times: int | None, reply: str) -> None:
        """A thread cannot be read; some of these faults end the load there and then."""
        thread_id = self.world.thread_id_of(reply)
        self.inject(Fault(name, MESSAGES, thread_id=thread_id, times=times))

    @rule(name=st.one_of(FAULTS, st.just("reaction_failed")), times=TIMES)
    def fail_reactions(self, name: str, times: int | None) -> None:
        """Reactions cannot be had, all or those to one message."""
        self.inject(Fault(name, REACTIONS_PATH, times=times))

    def inject(self, fault: Fault) -> None:
        """From now on."""
        COUNTED["faults"] += 1
        self.history.sandbox.inject(fault)

    @rule()
    def mend(self) -> None:
        """Nothing fails any more."""
        self.history.sandbox.clear_faults()

    # loads

    @rule(settings=SETTINGS)
    def load(self, settings: dict[str, Any]) -> None:
        """A load as it is meant to be."""
        self.watch(Load(settings=settings))

    @rule(settings=SETTINGS, number=st.integers(1, 3), hours=st.sampled_from([1, 5, 30, 60]))
    def load_by_schedule(self, settings: dict[str, Any], number: int, hours: int) -> None:
        """Loads at intervals."""
        for _ in range(number):
            self.wait(hours * 3_600)
            self.watch(Load(settings=settings))

    @rule(
        settings=SETTINGS,
        message=messages,
        what=st.sampled_from(["edit", "recall", "reply", "react"]),
        before_s=st.sampled_from([700, 1_500, 20_000, 150_000]),
        hours=st.sampled_from([1, 3, 12, 60]),
    )
    def load_after(
        self, settings: dict[str, Any], message: str, what: str, before_s: int, hours: int
    ) -> None:
        """Something happens to what is no longer young; loads at intervals have to see it."""
        self.wait(before_s)
        if what == "reply":
            self.world.reply_in_thread(message, self.bob, **self.say("plain"))
        elif what == "react":
            self.react(message, 1, "OK")
        else:
            self.change(message, what, "plain")
        self.watch(Load(settings=settings))
        self.load_by_schedule(settings, 2, hours)

    @rule(
        settings=SETTINGS,
        kill_after=KILLS,
        most=MOST,
        most_requests=MOST_REQUESTS,
        threads=st.booleans(),
        full=st.booleans(),
    )
    def load_otherwise(
        self,
        settings: dict[str, Any],
        kill_after: int | None,
        most: int | None,
        most_requests: int | None,
        threads: bool,
        full: bool,
    ) -> None:
        """Killed, cut short, without threads, or everything again."""
        bounds: dict[str, Any] = {"max_messages": most, "max_requests": most_requests}
        self.watch(Load(threads, full, kill_after=kill_after, settings=settings, **bounds))

    @rule(
        settings=SETTINGS,
        kill_after=KILLS,
        threads=st.sampled_from([True, True, False]),
        since_s=st.sampled_from([None, 5, 300, 2_000, 1_000_000]),
        until_s=st.sampled_from([None, 0.5, 3, 400, 6_000]),
    )
    def load_within(
        self,
        settings: dict[str, Any],
        kill_after: int | None,
        threads: bool,
        since_s: int | None,
        until_s: float | None,
    ) -> None:
        """A load with bounds, so many seconds ago."""
        since_ms = self.world.now_ms - since_s * 1_000 if since_s else 0
        until_ms = self.world.now_ms - int(until_s * 1_000) if until_s else None
        if until_ms is None or since_ms < until_ms:
            self.watch(
                Load(threads, False, since_ms, until_ms, kill_after=kill_after, settings=settings)
            )

    @rule(
        settings=SETTINGS,
        reply=replies,
        what=st.sampled_from(
            ["edit", "edit", "recall", "reply", "react", "hide", "restrict", "expire"]
        ),
        after=st.integers(1, 5),
        kill_after=KILLS,
    )
    def load_while(
        self, settings: dict[str, Any], reply: str, what: str, after: int, kill_after: int | None
    ) -> None:
        """While a load runs, something happens to a root, its thread, or their chat."""
        thread = self.world.message(reply).thread
        root = self.world.id_of(thread.root) if thread else reply

        def meddle() -> None:
            if what == "reply":
                self.world.reply_in_thread(root, self.bob, **self.say("plain"))
            elif what == "restrict":
                self.move(root, what)
            elif what == "react":
                self.react(root, 1, "OK")
            elif what == "expire":
                self.world.expire_tokens()
            else:
                self.change(root, what, "@<all>")

        load = Load(kill_after=kill_after, settings=settings)
        self.watch(load, meddle=meddle, after_pages=after)

    def watch(self, load: Load, **more: Any) -> None:
        """A load whose promises are checked; a history that broke one is over."""
        self.sound = False
        load = replace(load, settings={**self.schedules, **load.settings})
        self.history.watch(load, **more)
        self.sound = True

    def heal(self) -> None:
        """Everything can be read again, and is; in every second history but hidden threads."""
        self.mend()
        for thread_id in self.world.threads if self.shows else ():
            self.world.show_thread(thread_id)
        for chat_id in self.world.chats:
            self.move_in(chat_id, "free")
            self.move_in(chat_id, "join")
        self.world.now_ms = self.latest_ms + 2 * 60_000
        self.watch(Load(full=True))
        self.watch(Load())
        self.history.assert_everything_is_loaded()

    def teardown(self) -> None:
        """Ends the history: well, unless it is broken already."""
        if not hasattr(self, "history"):
            return
        try:
            if self.sound:
                self.heal()
        finally:
            self.history.__exit__(None, None, None)


PHASES = (Phase.generate,) if os.environ.get("FEISHU_NO_SHRINKING") else tuple(Phase)
"""A failing history is made short, which may take minutes; `make mutate` does not wait for it."""
PARTS, EXAMPLES = (20, 2_500) if THOROUGH else (2, 150)
"""Each part begins with a seed of its own; in the soak with one that nobody has drawn before."""


@pytest.mark.timeout(0 if THOROUGH else 600)
@pytest.mark.parametrize("part", range(PARTS))
def test_any_history_keeps_the_promises(part: int) -> None:
    """Whatever happens, and however it is loaded."""
    drawn = random.SystemRandom().randrange(2**32) if THOROUGH else part
    machine = type("Drawn", (Histories,), {})
    run_state_machine_as_test(
        seed(drawn)(machine),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
    )
