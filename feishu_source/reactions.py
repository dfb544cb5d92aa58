"""Reactions are asked for: of every message that a listing showed, in batches across the chats.

In: what the intake took in, and the answers to what was asked. Out: rows into the intake, which
replace a message's as a whole; and in the chat's state, from when on some are lacking. Refuses to
know pages, threads and windows.

Nothing waits for them: no claim speaks of reactions. What the end of a slice, an outage, a missing
scope or a bound keeps away is owed (`reaction_debt`), and its old rows stay. A batch that is
refused is asked about by chat, then in halves, until the message that is at fault stands alone.
Such a refusal is an answer: it is told, and the message asked about when it is listed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from feishu_source.api import Client
from feishu_source.api.endpoints import check_id
from feishu_source.api.reactions import (
    MOST_MESSAGES,
    NO_REACTIONS,
    ReactionAnswer,
    ReactionPage,
    ReactionQuery,
)
from feishu_source.batch import Intake
from feishu_source.coverage import Wanted
from feishu_source.errors import (
    FeishuError,
    MalformedId,
    OptionalRefused,
    ReplyBroken,
    RequestsSpent,
    RetriesExhausted,
    UnknownCode,
)
from feishu_source.reaction_debt import AGAIN_S, owe
from feishu_source.reaction_rows import NO_ID, reaction_rows
from feishu_source.visit import Poll, Visit
from feishu_source.workers import Job, Workers

MOST_BEHIND = 1_000
"""Messages asked about and not answered, from which on no further page is taken in: memory must
not grow because pages come faster than reactions."""

MOST_UNKNOWN = 2 * MOST_MESSAGES
"""Refusals with a code that nobody listed, and no answer between them: more than one batch gives
that is halved to its end. Whatever they mean, halving on would cost two requests a message."""

FAILED = (
    "reactions to {:,} messages were refused{}: what was loaded of them stays, and they are asked "
    "about whenever they are listed again."
)
OWED = (
    "reactions to {:,} messages could not be had for now{}: a later load reads them again "
    "(sync_coverage, reactions_owed_from)."
)


@dataclass(slots=True)
class Asked:
    """A message, and the reactions that came so far; `poll`: the thread it was listed in."""

    visit: Visit
    message_id: str
    chat_id: str
    create_ms: int
    from_thread: bool
    poll: Poll | None = None
    token: str | None = None
    items: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    @property
    def found_s(self) -> int:
        """When the timeline shows it, or the root of its thread; else where the chat begins."""
        if not self.from_thread:
            return self.create_ms // 1_000
        root_ms = self.poll.root_time_ms if self.poll else None
        return root_ms // 1_000 if root_ms else self.visit.state.covered_from_s or 0


Batch = list[Asked]


class Reactions:
    """Asks and takes in, for all visits of a load.

    `out`: asking on would be of no use in this load: what comes now is owed.
    """

    def __init__(self, client: Client, wanted: Wanted, intake: Intake, workers: Workers) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._workers = workers
        self._queues: dict[str, Batch] = {}
        self._under_way: dict[str, Asked] = {}
        self._mixes = True
        self._lost = 0
        self._unknown = 0
        self._failed, self._owed = 0, 0
        self._reason = ""
        self._trouble: FeishuError | None = None
        self.out = False

    @property
    def warnings(self) -> list[str]:
        """What could not be had, and why."""
        told = []
        if self._failed:
            told.append(FAILED.format(self._failed, self._reason and f" ({self._reason})"))
        if self._owed:
            why = f" ({self._trouble})" if self._trouble else ""
            told.append(OWED.format(self._owed, why))
        return told

    @property
    def behind(self) -> bool:
        """True while so many answers are lacking that nothing more should be listed."""
        return len(self._under_way) >= MOST_BEHIND

    def note(self, visit: Visit, poll: Poll | None = None) -> None:
        """Takes note of what the intake has just taken in of a chat."""
        self._note(visit, poll, self._intake.take_shown())

    def note_held(self, visits: Mapping[str, Visit]) -> None:
        """Takes note of what the last slice had to hold."""
        for shown in self._intake.take_shown():
            self._note(visits[shown[0].chat_id], None, [shown])

    def flush(self) -> bool:
        """Asks for what fills no batch; False if there is nothing to ask for."""
        batches, self._queues = [*self._queues.values()], {}
        asked = [self._ask(batch) for batch in batches]
        return any(asked)

    def take(self, batch: Batch, result: Any) -> None:
        """Takes in an answer, or what came in its place."""
        batch[0].visit.requests += 1
        if isinstance(result, ReactionAnswer):
            self._lost = self._unknown = 0
            self._take_answer(batch, result)
        elif isinstance(result, RequestsSpent):
            self._put_off(batch, None)
        elif isinstance(result, OptionalRefused) and result.scope_missing:
            self.out = True  # the others need it too
            self._put_off(batch, result)
        elif isinstance(result, RetriesExhausted | ReplyBroken):
            self._lost += 1
            self.out = self.out or self._lost >= self._client.settings.most_chats_lost
            self._put_off(batch, result)
        else:
            self._split(batch, result)

    def leave(self) -> None:
        """The slice is over: what was not answered is owed."""
        waiting = [asked for queue in self._queues.values() for asked in queue]
        self._put_off([*waiting, *self._under_way.values()], None)
        self._queues = {}

    def _note(self, visit: Visit, poll: Poll | None, shown: Iterable[tuple[Any, ...]]) -> None:
        for listed, message_id, chat_id, create_ms in shown:
            asked = Asked(visit, message_id, chat_id, create_ms, listed.from_thread, poll)
            try:
                check_id("message", message_id)
            except MalformedId as error:
                self._refuse(asked, error)
            else:
                self._line_up(asked)

    def _line_up(self, asked: Asked) -> None:
        queue = self._queues.setdefault("" if self._mixes else asked.chat_id, [])
        queue.append(asked)
        if len(queue) >= MOST_MESSAGES:
            self._queues = {key: each for key, each in self._queues.items() if each is not queue}
            self._ask(queue)

    def _ask(self, batch: Batch) -> bool:
        """Asks about a batch; False where that would be of no use."""
        if self.out or self._client.budget.spent:
            self._put_off(batch, None)
            return False
        self._under_way |= {asked.message_id: asked for asked in batch}
        queries = [ReactionQuery(asked.message_id, asked.token) for asked in batch]
        call = partial(self._client.fetch_reactions, queries)
        self._workers.add(Job("reactions", batch[0].visit, call, reactions=batch))
        return True

    def _take_answer(self, batch: Batch, answer: ReactionAnswer) -> None:
        for asked in batch:
            if (reason := answer.failed.get(asked.message_id)) is not None:
                self._refuse(asked, reason)
            else:
                self._take_page(asked, answer.pages.get(asked.message_id, NO_REACTIONS))

    def _take_page(self, asked: Asked, page: ReactionPage) -> None:
        asked.items += page.items
        token = page.next_page_token
        if page.stalled or token in asked.tokens:
            self._refuse(asked, "more was promised, but no new page token was given")
        elif token is not None:
            asked.token = token
            asked.tokens.add(token)
            self._line_up(asked)
        else:
            self._under_way.pop(asked.message_id, None)
            self._emit(asked)

    def _emit(self, asked: Asked) -> None:
        identity = (asked.message_id, asked.chat_id, asked.create_ms)
        rows, rejected, unparsed = reaction_rows(*identity, asked.items)
        self._intake.put_reactions(*identity, rows)
        self._intake.counts.unparsed += unparsed
        for item in rejected:
            self._intake.reject(asked.visit.chat_id, item, NO_ID, self._wanted.as_of_s * 1_000)

    def _split(self, batch: Batch, error: FeishuError) -> None:
        """Asks about the parts of a batch that was refused; a chat's refusal is that of all."""
        chats = _by_chat(batch)
        if isinstance(error, UnknownCode) and len(chats) == 1:
            self._unknown += 1
            self.out = self.out or self._unknown >= MOST_UNKNOWN
        if self.out:
            self._put_off(batch, error)
            return
        if len(chats) > 1:
            self._mixes = False  # it may be the mixture itself: from now on each chat by itself
            parts = list(chats.values())
        elif len(batch) == 1 or isinstance(error, OptionalRefused):
            for asked in batch:
                self._refuse(asked, error)
            return
        else:
            parts = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
        for part in parts:
            self._ask(part)

    def _refuse(self, asked: Asked, reason: FeishuError | str) -> None:
        self._under_way.pop(asked.message_id, None)
        self._failed += 1
        self._reason = self._reason or str(reason)

    def _put_off(self, batch: Batch, error: FeishuError | None) -> None:
        """Old rows stay; the first trouble is told. What a bound or an end cut short is due next.

        A message is owed where its listing finds it again.
        """
        as_of_s = self._wanted.as_of_s
        self._trouble = self._trouble or error
        due_s = as_of_s + (AGAIN_S[0] if self._trouble else 1)
        self._owed += len(batch)
        for asked in batch:
            self._under_way.pop(asked.message_id, None)
            owe(asked.visit.state, asked.found_s, due_s)


def _by_chat(batch: Batch) -> dict[str, Batch]:
    chats: dict[str, Batch] = {}
    for asked in batch:
        chats.setdefault(asked.chat_id, []).append(asked)
    return chats
