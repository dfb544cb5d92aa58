"""The belt alone: a load without dlt, into a warehouse of dictionaries.

In: what happens in the tenant. Out: rows, merged by the rules that the tables declare. A load takes
milliseconds and is a function of what happened before, so that many readings of the platform, and
many histories, can be tried. What sockets, threads, dlt and a database add is what `tests.lab` is
for.
"""

from __future__ import annotations

import inspect
import json
from random import Random
from typing import Any, Self

from feishu_source.arrow import to_arrow
from feishu_source.batch import Batch
from feishu_source.errors import FeishuError
from feishu_source.options import Options
from feishu_source.roster import Known
from feishu_source.sandbox import World
from feishu_source.session import Session
from feishu_source.source import feishu_source
from feishu_source.tables import DELETED, SYNC_COVERAGE, TABLES, Table
from tests.determinism import Direct, Shuffled
from tests.laboratory import Laboratory

Row = dict[str, Any]

DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(feishu_source).parameters.items()
}


class Killed(Exception):
    """The process is gone: what was stored stays, the rest never was."""


class Belt(Laboratory):
    """One world, its sandbox, and what was loaded of it."""

    def __init__(self, world: World, **sandbox: Any) -> None:
        super().__init__(world, **sandbox)
        self.tables: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in TABLES}
        self.claims: dict[str, Any] = {}
        self.known: Known = {}
        self.slices = 0
        self.kills = 0
        self.stopped_by: FeishuError | None = None
        self.warnings: list[str] = []
        self.chance = Random(world.seed)

    def __enter__(self) -> Self:
        return self  # nothing is served: requests take the short way

    @property
    def base_url(self) -> str:
        """Nobody listens there."""
        return "http://127.0.0.1"

    def load(
        self,
        *,
        kill_after: int | None = None,
        max_messages: int | None = None,
        max_requests: int | None = None,
        full: bool = False,
        **arguments: Any,
    ) -> dict[str, str]:
        """One load, killed after so many batches; the status of each chat."""
        self.sandbox.clear_requests()
        given = DEFAULTS | self.access | arguments
        options = Options.from_arguments(given)
        session = Session(
            options,
            full=full,
            most_messages=max_messages,
            most_requests=max_requests,
            sliced=True,
            carrier=Direct(self.sandbox),
            workers=lambda number: Shuffled(number, self.chance),
            clock=lambda: self.world.now_ms / 1_000,
        )
        try:
            return self._read(session, given["threads"], kill_after)
        except Killed:
            self.kills += 1
            return {}
        finally:
            session.close()

    def _read(self, session: Session, threads: bool, kill_after: int | None) -> dict[str, str]:
        walk = session.begin_walk(json.loads(json.dumps(self.claims)), self.known, threads)
        self.slices = 0
        while not self.slices or not walk.finished:
            self.slices += 1
            batches = []
            for batch in walk.slice():  # dlt commits a slice whole or not at all
                batches.append(batch)
                if kill_after is not None and (kill_after := kill_after - 1) < 0:
                    raise Killed
            for batch in batches:
                self._store(batch.result())
        if rows := walk.coverage_rows():  # as the load's account does
            self._merge(SYNC_COVERAGE, to_arrow(SYNC_COVERAGE, rows).to_pylist())
        self.stopped_by, self.warnings = walk.stopped_by, walk.warnings
        return {chat_id: visit.status for chat_id, visit in walk.visits.items()}

    def _store(self, batch: Batch) -> None:
        for table, data in batch.tables:
            self._merge(table, data.to_pylist())
        self.claims |= json.loads(json.dumps(batch.claims))

    def _merge(self, table: Table, rows: list[Row]) -> None:
        stored = self.tables[table.name]
        if table.replaces:
            gone = {row[table.replaces] for row in rows}
            for key in [key for key, row in stored.items() if row[table.replaces] in gone]:
                del stored[key]
        for row in rows:
            if not row.get(DELETED):
                stored[tuple(row[name] for name in table.key)] = row

    def rows(self, table: str) -> list[Row]:
        """All rows of a table."""
        return list(self.tables[table].values())

    def message_ids(self) -> set[str]:
        """All message ids that were loaded."""
        return {row["message_id"] for row in self.rows("messages")}
