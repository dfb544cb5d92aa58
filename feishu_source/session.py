"""One use of the source: options in, and what its resources share: client, roster, walk.

In: options as dlt resolved them, and the state dlt keeps. Out: one client, one list of chats, one
walk, each made when first needed, so that building a source needs no credentials and no network.
Refuses to know tables and destinations.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from feishu_source.ahead import ReadAhead, Slices
from feishu_source.api import (
    Budget,
    Carrier,
    Client,
    check_id,
)
from feishu_source.arrow import Row
from feishu_source.batch import Intake
from feishu_source.coverage import ChatState
from feishu_source.errors import FeishuError, Interrupted
from feishu_source.gathered import Gathered
from feishu_source.idle import IdleChats
from feishu_source.inheritance import Inheritance
from feishu_source.names_seen import NamesSeen
from feishu_source.options import Options
from feishu_source.parsing_process import parser_for
from feishu_source.report import Progress
from feishu_source.roster import Known, Roster
from feishu_source.state import open_state
from feishu_source.tables import SYNC_COVERAGE, Table
from feishu_source.terms import bounds, idle_rule, wanted
from feishu_source.walk import Walk
from feishu_source.workers import ThreadWorkers, Workers

_log = logging.getLogger(__name__)


class Session:
    """What the resources of one source share while one load runs.

    `sliced`: a slice of it is read at each evaluation, and whoever made the session ends it.
    `closing_rows` go with the last slice: with what it tells of, or not at all.
    `names`: those that the load sees, by whoever has asked the destination which it holds; None
    where nobody has, and no name is noted.
    `carrier`, `workers` and `clock` (epoch seconds): how requests travel, how several are under way
    at once, what time it is if the server does not tell. With others than HTTP, threads and this
    machine's, a load is a function of what it is told.
    """

    def __init__(
        self,
        options: Options,
        *,
        full: bool = False,
        most_messages: int | None = None,
        most_requests: int | None = None,
        reset_chats: Iterable[str] = (),
        sliced: bool = False,
        progress: Progress | None = None,
        carrier: Carrier | None = None,
        workers: Callable[[int], Workers] = ThreadWorkers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.progress = progress or Progress()
        self.intake = self._new_intake()
        self.walk: Walk | None = None
        self.names: NamesSeen | None = None
        self._ahead: ReadAhead | None = None
        self.warnings: list[str] = []
        self.sliced = sliced
        self.inheritance = Inheritance()
        self.closing_rows: Callable[[], list[tuple[Table, list[Row]]]] = self.coverage_rows
        self._full = full
        self._most_messages = most_messages
        self._most_requests = most_requests
        self._reset_chats = tuple(check_id("chat", chat_id) for chat_id in reset_chats)
        self._carrier = carrier
        self._make_workers = workers
        self._clock = clock
        self._client: Client | None = None
        self._roster: Roster | None = None

    @property
    def began(self) -> bool:
        """True once a client was needed, so that there is something to tell of it."""
        return self._client is not None

    @property
    def client(self) -> Client:
        """The client, made at the first request.

        Raises:
            ConfigurationError: credentials are missing.
        """
        if self._client is None:
            options = self.options
            self._client = Client(
                options.identity(),
                options.base_url,
                options.settings,
                budget=Budget(self._most_requests),
                carrier=self._carrier,
            )
        return self._client

    @property
    def roster(self) -> Roster:
        """The chats, their list not yet read."""
        if self._roster is None:
            self._roster = Roster(self.client, self.options.selection)
        return self._roster

    @property
    def spare_requests(self) -> int:
        """Requests that details and members may make, where a load's requests are bounded."""
        return self.client.budget.left_of(self.options.settings.details_share)

    @property
    def pinned_s(self) -> int:
        """The load's end: the server's clock at the chat list, this machine's if it tells none.

        Pinned behind the list by activity: so that heads show all that moved a chat up in it.
        """
        self.roster.read_list()
        if not self.roster.pinned_s:
            if self.options.settings.skip_idle and not self._full:
                self._read_order()
            self.roster.pinned_s = int(self.client.server_time_s or self._clock())
        return self.roster.pinned_s

    def _new_intake(self) -> Intake:
        settings = self.options.settings
        return Intake(
            bounds(self.options),
            settings.batch_rows,
            settings.batch_bytes,
            settings.reactions,
            parser_for(settings),
        )

    def _read_order(self) -> None:
        """Lists the chats by activity, unless that takes as many requests as reading them."""
        chats = sum(1 for _ in self.roster.chats({}))
        if chats * self.options.settings.list_page_size > len(self.roster.listed):
            self.roster.read_order(self.spare_requests)

    def open_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """The claims of all chats, in a state that belongs to this tenant and this version.

        Raises:
            ConfigurationError: another app or host wrote it, or a newer version of this source.
        """
        return open_state(state, self.options.owner)

    def inherit(self, states: Iterable[dict[str, Any]]) -> None:
        """Takes note of what other pipelines have loaded, by their states.

        Raises:
            ConfigurationError: they are of another app or host.
        """
        options = self.options
        self.inheritance = Inheritance.collect(states, options.owner, options.selection.holds)

    def begin_walk(self, claims: dict[str, Any], known: Known, threads: bool) -> Walk:
        """The load's walk over all chats; made at its first slice, gone on with at the next."""
        if self.walk is None:
            found = list(self.roster.chats({chat_id: {} for chat_id in claims} | known))
            self._reset(claims, {chat_id for chat_id, _, _ in found})
            chats = [
                (chat_id, name, mode, ChatState.from_dict(claims.get(chat_id, {})))
                for chat_id, name, mode in found
            ]
            wanted_of_each = wanted(self.options, self.pinned_s, threads, self._full)
            self.walk = Walk(
                self.client,
                self.options.settings,
                wanted_of_each,
                self.intake,
                self.roster,
                self._make_workers(self.options.settings.workers),
                self.progress,
                self._most_messages,
                idle=IdleChats(self.roster.order, wanted_of_each, idle_rule(self.options.settings)),
                bounded=self.sliced,
            )
            self.walk.add(chats)
        return self.walk

    def slices_of(self, walk: Walk) -> Slices:
        """How the walk is read: ahead where slices are loaded meanwhile."""
        if not self.sliced:
            return Gathered(walk)
        if self._ahead is None:
            self._ahead = ReadAhead(Gathered(walk), self.options.settings.batches_ahead)
        return self._ahead

    @property
    def finished(self) -> bool:
        """True if the slice that was taken last was the last one, or none was ever begun."""
        return self._ahead is None or self._ahead.finished

    def coverage_rows(self) -> list[tuple[Table, list[Row]]]:
        """`sync_coverage` of the chats that no slice reached: the last rows of a walk."""
        return [(SYNC_COVERAGE, self.walk.coverage_rows())] if self.walk else []

    def _reset(self, claims: dict[str, Any], wanted: Collection[str]) -> None:
        """Forgets what is claimed of the chats that are to be loaded anew, by whichever pipeline.

        What other pipelines claim stands in their states, and is inherited by every load.
        """
        for chat_id in self._reset_chats:
            claimed = chat_id in claims
            if claimed:
                claims[chat_id] = {"resets": claims[chat_id].get("resets", 0) + 1}
            if chat_id in wanted:
                continue
            if claimed or chat_id in self.roster.listed:
                reason = "left out by --chat, --include or --exclude, so it is read by a later load"
            else:
                reason = "no chat of this id was loaded before, and the app sees none"
            self.warnings.append(f"--reset-chat {chat_id}: {reason}.")
            _log.warning("%s", self.warnings[-1])

    def halt(self, reason: FeishuError) -> None:
        """Ends reading, before its account is drawn up; what nobody has taken is thrown away."""
        if self._ahead:
            self._ahead.halt(reason)

    def close(self) -> None:
        """Ends workers and connections; a session may be used again, for another load."""
        self.halt(Interrupted())  # whatever ended the load without a word to the walk
        if self.walk:
            self.walk.close()
        if self._client:
            self._client.close()
        self.intake.parser.close()
        self.walk = self.names = self._ahead = self._client = self._roster = None
        self.intake = self._new_intake()
