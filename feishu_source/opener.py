"""Merged forwards are opened: one request each, for what a listing does not show.

In: merged forwards as they were listed, and the answers to what was asked for them. Out: rows into
the intake, and in the chat's state which were opened, and which are still to be tried. Refuses to
know pages, threads and windows.

One that was opened is known by 12 digits of its content_hash, and not asked for again when it is
listed again as it was: its row stays as it stands in the warehouse. `--full` opens it again. The
12 digits are kept as long as a rung can list the message, or a poll of its thread, at most
`MOST_KNOWN` of them in a chat: what is forgotten costs a request more.

One that could not be opened is loaded as it is, and tried again in the first load after each of
`AGAIN_S`; after the last one only when it is listed again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from feishu_source.api import Client
from feishu_source.batch import Intake, Listed, Unopened
from feishu_source.coverage import ChatState, Wanted
from feishu_source.errors import (
    ApiError,
    FeishuError,
    MalformedId,
    MessageRefused,
    ReplyBroken,
    RetriesExhausted,
    ScopeMissing,
    ThreadRefused,
)
from feishu_source.forwards import parse_forward
from feishu_source.rows import Item
from feishu_source.settings import DAY_S, HOUR_S
from feishu_source.visit import Opening, Visit
from feishu_source.workers import Job, Workers

AGAIN_S = (HOUR_S // 4, HOUR_S, 4 * HOUR_S, 16 * HOUR_S, 3 * DAY_S, 10 * DAY_S)
"""How long after a failure one is tried again: six times in two weeks, as an outage or a missing
permission lasts, and no more than that for what is refused for good."""

MOST_LOST = 5
"""In a row, after which no more are asked for in this load: only that endpoint may be down, and
each waits for all of its attempts."""

MOST_KNOWN = 1_000
MOST_OWED = 100
"""Of one chat, since a state is written whole. What is refused beyond that is tried when it is
listed again; what an outage keeps closed beyond that ends the chat, as too many owed threads do."""


class Opener:
    """Asks and takes in, for all visits of a load.

    `settled` counts those that were opened. `closed`: the scope that all of them need is missing,
    or one after the other got no answer; from then on this is their answer, without a request.
    """

    def __init__(self, client: Client, wanted: Wanted, intake: Intake, workers: Workers) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._workers = workers
        self._asked: set[str] = set()
        self._lost = 0
        self.closed: FeishuError | None = None
        self.settled = 0

    def ask_owed(self, visit: Visit) -> None:
        """Asks for those that are due again, once a load."""
        if not self._wanted.forwards or visit.forwards_asked:
            return
        visit.forwards_asked = True
        for message_id in visit.state.due_forwards(self._wanted.as_of_s):
            self._ask(visit, Opening(message_id))

    def take_listed(self, visit: Visit, one: Unopened) -> None:
        """Opens what was listed, or leaves it where that was done, or is not wanted."""
        opening = visit.openings.get(one.message_id)
        owed = visit.state.owed_forwards.get(one.message_id)
        if opening is not None:
            opening.listed = opening.listed or one
        elif self._is_done(visit.state, one):
            self._intake.leave(one)
            if one.listed.from_thread and _mark(one) in visit.state.forwards:
                visit.state.forwards[_mark(one)] = self._hour_of(one)
        elif not self._wanted.forwards:
            self._intake.put(one, None, None, 0)
        elif owed is not None and not self._wanted.full:
            self._intake.put(one, None, "failed", owed[2])
        else:
            self._ask(visit, Opening(one.message_id, one))

    def take(self, visit: Visit, opening: Opening, result: Any) -> None:
        """Takes in what is in a forward, or why nobody may see it."""
        if isinstance(result, FeishuError):
            self._fail(visit, opening, result)
            return
        server_ms = int((self._client.server_time_s or self._wanted.as_of_s) * 1_000)
        forward = parse_forward(opening.message_id, result, server_ms)
        self._lost = 0
        one = opening.listed
        if one is None and forward.container is not None:
            listed = Listed(visit.chat_id, [forward.container], server_ms, loaded=True)
            self._intake.add(listed)
            if forward.container.get("deleted") is True:
                visit.state.owed_forwards.pop(opening.message_id, None)
                return
            one = next(iter(self._intake.take_unopened()), None)
        if forward.container is None or one is None:
            broken = ReplyBroken(f"get message {opening.message_id}")
            self._fail(visit, opening, broken)
            return
        self._intake.put(one, forward, "ok", 0)
        self._asked.add(_mark(one))
        self._remember(visit.state, one)
        visit.state.owed_forwards.pop(opening.message_id, None)
        self.settled += 1

    def may_owe(self, state: ChatState, message_id: str) -> bool:
        """False if the state would not remember that it is to be tried again."""
        return message_id in state.owed_forwards or len(state.owed_forwards) < MOST_OWED

    def forget(self, state: ChatState) -> None:
        """Drops what no rung and no poll lists any more."""
        if not state.forwards:
            return
        reach_s = max((r.age_s + r.period_s for r in self._wanted.ladder), default=0)
        reach_s = max(reach_s, self._wanted.hot.hot_s) + self._wanted.look_back_s + DAY_S
        least = (self._wanted.as_of_s - reach_s) // HOUR_S
        if min(state.forwards.values()) < least:
            state.forwards = {k: hour for k, hour in state.forwards.items() if hour >= least}

    def _is_done(self, state: ChatState, one: Unopened) -> bool:
        """True if nothing is to be asked for it, and its row stands as it was put."""
        opens_all = self._wanted.full and self._wanted.forwards
        mark = _mark(one)
        return mark in self._asked or (mark in state.forwards and not opens_all)

    def _remember(self, state: ChatState, one: Unopened) -> None:
        known = state.forwards
        known[_mark(one)] = self._hour_of(one)
        if len(known) > MOST_KNOWN:
            # Of one hour those that came first stay: what lists more than are kept, in the same
            # order each time, would else find the ones forgotten that it lists next.
            newest = sorted(known.items(), key=lambda pair: -pair[1])[: MOST_KNOWN * 4 // 5]
            state.forwards = dict(newest)

    def _hour_of(self, one: Unopened) -> int:
        """From when on no rung lists it again; a thread that is polled shows what is older too."""
        sent_s = one.create_time_ms // 1_000
        return (self._wanted.as_of_s if one.listed.from_thread else sent_s) // HOUR_S

    def _ask(self, visit: Visit, opening: Opening) -> None:
        visit.openings[opening.message_id] = opening
        call = partial(self._fetch, opening.message_id)
        self._workers.add(Job("forward", visit, call, opening=opening))

    def _fetch(self, message_id: str) -> list[Item]:
        """On a worker; hundreds may be lined up by the time it is known that none can be opened."""
        if self.closed is not None:
            raise self.closed
        return self._client.fetch_message(message_id)

    def _fail(self, visit: Visit, opening: Opening, error: FeishuError) -> None:
        """The message is loaded all the same; what keeps going wrong makes its chat partial."""
        self._lost = self._lost + 1 if isinstance(error, RetriesExhausted) else 0
        if isinstance(error, ScopeMissing) or self._lost >= MOST_LOST:
            self.closed = error  # to the others too
        code = (error.code or 0) if isinstance(error, ApiError) else 0
        self._owe(visit.state, opening.message_id, code)
        if (one := opening.listed) is not None:
            self._asked.add(_mark(one))
            if _mark(one) in visit.state.forwards:
                self._intake.leave(one)  # opened before: what stands there is worth more
            else:
                self._intake.put(one, None, "failed", code)
        if not isinstance(error, ThreadRefused | MessageRefused | MalformedId):
            visit.leave_owed(error)

    def _owe(self, state: ChatState, message_id: str, code: int) -> None:
        owed = state.owed_forwards
        tries = owed[message_id][0] if message_id in owed else 0
        if tries >= len(AGAIN_S) or not self.may_owe(state, message_id):
            owed.pop(message_id, None)
            return
        owed[message_id] = [tries + 1, self._wanted.as_of_s + AGAIN_S[tries], code]


def _mark(one: Unopened) -> str:
    return one.hash[:12]
