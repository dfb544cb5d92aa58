"""Which chats a load may leave out: those in which nothing was said since a load last looked.

In: the chat list by activity, what is claimed of each chat, which heads were read. Out: the chats
that are idle, and those to read so as to learn it. Refuses to know HTTP, dlt and the clock.

A chat is idle if its head would come back empty. The list tells in which order chats were last
active, not when; but the newest message of a chat that was read bounds every chat below it. So
heads are read from the top down, until enough chats stand above one that are quiet since before its
head would begin.

What counts as activity is documented nowhere: a chat may stand higher than its messages put it, for
a reply in a thread, say. One that stands above a chat with a newer message bears no witness, and
one witness is not enough: a chat is left out wrongly only if, after its message, something that is
no message happened in all of them, in the order of their last messages. And what does not move a
chat up at all is seen when the chat is read again, before its silence has grown by `growth`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from feishu_source import hot, rungs
from feishu_source.coverage import ChatState, Wanted
from feishu_source.reaction_debt import is_due
from feishu_source.settings import DAY_S

Verdict = Literal["idle", "ask", "due"]
"""`idle`: it is left out. `ask`: it is read now, the others wait for what it shows. `due`: it is
read as ever, since nothing can prove it idle."""


@dataclass(frozen=True, slots=True)
class IdleRule:
    """When a chat is read though nothing moved it up in the list, and how many must stand above it.

    It is read before its silence is `growth` times what it was when the chat was last read, a
    silence under a day counting as one, and `most_s` after that reading at the latest.
    """

    growth: float = 2.0
    most_s: int = 30 * DAY_S
    witnesses: int = 8


def window_start(state: ChatState, wanted: Wanted) -> int:
    """From when on a message would not be known: a look-back before what is covered, or proven.

    Messages become visible late, clocks step back and a list may lag behind: hence the look-back.
    """
    known_s = max(state.covered_until_s or 0, state.idle_until_s or 0)
    return min(known_s, wanted.stop_s) - wanted.look_back_s


def may_wait(chat_id: str, state: ChatState, wanted: Wanted, rule: IdleRule) -> bool:
    """True if nothing is due in a chat but a look at what is new, and that is not overdue."""
    if state.newest_s is None or state.covered_until_s is None or state.troubled:
        return False
    if wanted.explicit or wanted.full or state.walks or state.owed:
        return False
    if not (state.covered_from_s or 0) <= wanted.start_s <= state.covered_until_s:
        return False
    if wanted.forwards and state.due_forwards(wanted.as_of_s):
        return False
    if wanted.reactions and is_due(state, wanted.as_of_s):
        return False
    if wanted.threads and (not state.threads_covered or _must_poll(state, wanted)):
        return False
    if state.newest_s >= window_start(state, wanted) or _must_sweep(chat_id, state, wanted):
        return False
    return not is_overdue(chat_id, state.newest_s, state.covered_until_s, wanted.as_of_s, rule)


def _must_poll(state: ChatState, wanted: Wanted) -> bool:
    return bool(hot.due(state.hot_threads, state.polled_s or 0, wanted.as_of_s, wanted.hot))


def _must_sweep(chat_id: str, state: ChatState, wanted: Wanted) -> bool:
    """True if a rung is due that reaches a message: in an empty window nothing known can change.

    Such a rung waits with its chat, and begins where it ended.
    """
    newest_s = state.newest_s or 0
    due = rungs.due(wanted.ladder, state.swept_s, chat_id, wanted.as_of_s)
    return any(rungs.start_s(rung, state.swept_s, wanted.as_of_s) <= newest_s for rung in due)


def is_overdue(chat_id: str, newest_s: int, read_s: int, now_s: int, rule: IdleRule) -> bool:
    """True if a chat, silent since `newest_s` and read at `read_s`, is to be read again.

    Up to half of the time is given away, another part of it in each chat: chats that fell silent
    together are not all read in the same load.
    """
    share = 1 - rungs.phase(chat_id) / 2
    growth = 1 + (rule.growth - 1) * share
    silence_s = max(read_s - newest_s, DAY_S)
    return now_s - newest_s >= growth * silence_s or now_s - read_s >= rule.most_s * share


class IdleChats:
    """What a load learns of the chats that wait, head by head.

    `order`: chat ids, the most lately active first; a chat that is missing from it never waits.
    The states are those of the load itself: what it learns of a chat is read from them.
    """

    def __init__(self, order: Iterable[str], wanted: Wanted, rule: IdleRule) -> None:
        self._order = tuple(order)
        self._wanted = wanted
        self._rule = rule
        self._states: Mapping[str, ChatState] = {}
        self._places: dict[str, int] = {}
        self._newest_below_s: list[int] = []
        self._waiting: deque[str] = deque()
        self._asked: set[str] = set()
        self._witnesses: dict[str, int] = {}

    def enter(self, states: Mapping[str, ChatState]) -> set[str]:
        """The chats that wait, of all those that the load reads."""
        self._states = states
        listed = [chat_id for chat_id in self._order if chat_id in states]
        self._places = {chat_id: place for place, chat_id in enumerate(listed)}
        self._newest_below_s = [0] * len(listed)
        for place, chat_id in enumerate(listed):
            self._tell_above(place, states[chat_id].newest_s or 0)
        self._waiting = deque(
            chat_id
            for chat_id in listed
            if may_wait(chat_id, states[chat_id], self._wanted, self._rule)
        )
        return set(self._waiting)

    @property
    def waiting(self) -> bool:
        """True while it is not decided of every chat whether it is read."""
        return bool(self._waiting)

    def next(self) -> tuple[str, Verdict] | None:
        """The uppermost chat that waits, and what becomes of it; None while that has to wait."""
        if not self._waiting:
            return None
        chat_id = self._waiting[0]
        start_s, place = window_start(self._states[chat_id], self._wanted), self._places[chat_id]
        proofs = sum(
            self._places[witness] < place and newest_s < start_s
            for witness, newest_s in self._witnesses.items()
        )
        if proofs >= self._rule.witnesses:
            return chat_id, "idle"
        if proofs + len(self._asked) >= self._rule.witnesses:
            return None
        return chat_id, "ask" if self._may_witness(chat_id) else "due"

    def take(self, verdict: Verdict) -> None:
        """That chat waits no longer."""
        chat_id = self._waiting.popleft()
        if verdict == "ask":
            self._asked.add(chat_id)

    def learn(self, chat_id: str) -> None:
        """The head of a chat was read up to the load's end: its state tells the newest message."""
        self._asked.discard(chat_id)
        place, newest_s = self._places.get(chat_id), self._states[chat_id].newest_s
        if place is None or newest_s is None or not self._waiting:
            return
        self._tell_above(place, newest_s)
        if newest_s < self._wanted.stop_s - self._wanted.look_back_s:
            self._witnesses[chat_id] = newest_s
        self._witnesses = {c: s for c, s in self._witnesses.items() if self._may_witness(c)}

    def give_up(self, chat_id: str) -> None:
        """A chat could not be read: it tells nothing."""
        self._asked.discard(chat_id)

    def _tell_above(self, place: int, newest_s: int) -> None:
        """Notes a message for the chats above it, up to the first that knows of as new a one."""
        for above in range(place - 1, -1, -1):
            if self._newest_below_s[above] >= newest_s:
                break
            self._newest_below_s[above] = newest_s

    def _may_witness(self, chat_id: str) -> bool:
        """False if something that is no message has moved the chat up, above a newer message.

        Nor does a chat without a message tell anything: it was active when it was made.
        """
        state = self._states[chat_id]
        newest_s = state.newest_s or 0
        return (state.covered_from_s or 0) < newest_s >= self._newest_below_s[self._places[chat_id]]
