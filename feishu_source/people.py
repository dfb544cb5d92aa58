"""Details of people: who is due is asked for, fifty a request, behind the messages of a load.

In: a client, everybody who was ever seen under a name, the rows that the warehouse holds. Out: rows
of `users`, in portions. Refuses to know dlt, and how people were seen.

Who was never asked for comes first, then who was asked for longest ago, once a period. One who was
not told of has a row too, and is asked for again four periods later: so nobody is asked for by
every load. Where a refusal does not say whom it means, the request is halved until it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from feishu_source.api import Client, check_id
from feishu_source.api.people import MOST_USERS, fetch_users
from feishu_source.arrow import Row
from feishu_source.errors import (
    ApiError,
    MalformedId,
    OptionalRefused,
    ParameterRefused,
    RequestsSpent,
    StopError,
)
from feishu_source.report import UsersReport
from feishu_source.tables import USERS
from feishu_source.user_rows import OUT_OF_RANGE, UserStatus, missing_row, user_row

PORTION = 20
"""Requests whose answers are held before their rows go out: what a kill makes a load ask again."""

MISSING_PERIODS = 4
"""Periods after which one who was not told of is asked for again: a range is widened rarely."""

NO_DEPARTMENT = 40004

_ASKED, _STATUS = USERS.names.index("last_asked_at"), USERS.names.index("status")


def due(seen: Iterable[str], held: Mapping[str, Row], now_s: int, period_s: int) -> list[str]:
    """Ids of the people to ask for, the most urgent first; bots are nobody whom contacts know."""

    def is_due(open_id: str) -> bool:
        row = held.get(open_id)
        if row is None:
            return _is_person(open_id)
        periods = 1 if row[_STATUS] == "ok" else MISSING_PERIODS
        return bool(now_s * 1_000 - row[_ASKED] >= periods * period_s * 1_000)

    def urgency(open_id: str) -> tuple[int, str]:
        row = held.get(open_id)
        return (0 if row is None else row[_ASKED], open_id)

    return sorted(filter(is_due, {*seen, *held}), key=urgency)


def _is_person(open_id: str) -> bool:
    try:
        return bool(check_id("user", open_id))
    except MalformedId:
        return False


@dataclass
class People:
    """One round of asking; `report` tells what became of it.

    `held`: rows of `users` by open_id. `at_ms`: as of when who is told of is told of.
    """

    client: Client
    held: Mapping[str, Row]
    at_ms: int
    report: UsersReport = field(default_factory=UsersReport)
    _ended: ApiError | RequestsSpent | None = None

    def ask(self, open_ids: Sequence[str]) -> Iterator[list[Row]]:
        """Rows of these people, in portions, up to the first trouble that would meet all of them.

        Raises:
            StopError: the load cannot go on; what was yielded stays.
        """
        batches = [open_ids[at : at + MOST_USERS] for at in range(0, len(open_ids), MOST_USERS)]
        with ThreadPoolExecutor(self.client.settings.workers) as pool:
            while batches and self._ended is None:
                portion, batches = batches[:PORTION], batches[PORTION:]
                found = list(pool.map(self._ask_for, portion))
                if rows := [row for part in found for row in part]:
                    self._count(rows)
                    yield rows
        if self._ended is not None:
            self.report.ended = str(self._ended)

    def _count(self, rows: Sequence[Row]) -> None:
        told = sum(row[_STATUS] == "ok" for row in rows)
        self.report.told += told
        self.report.missing += len(rows) - told

    def _ask_for(self, open_ids: Sequence[str]) -> list[Row]:
        """On a worker: the rows of at most fifty."""
        if self._ended is not None:
            return []
        try:
            items = fetch_users(self.client, open_ids)
        except StopError:
            raise
        except (OptionalRefused, ParameterRefused) as error:
            if error.scope_missing or error.code == NO_DEPARTMENT:
                self._ended = error
                return []
            if len(open_ids) > 1:
                half = len(open_ids) // 2
                return self._ask_for(open_ids[:half]) + self._ask_for(open_ids[half:])
            return [self._missing(open_ids[0], error.code)]
        except (ApiError, RequestsSpent) as error:
            self._ended = error
            return []
        return self._rows(open_ids, items)

    def _rows(self, open_ids: Sequence[str], items: Sequence[Mapping[str, Any]]) -> list[Row]:
        told = {each: item for item in items if isinstance(each := item.get("open_id"), str)}
        rows: list[Row] = []
        for open_id in open_ids:
            if item := told.get(open_id):
                row, unparsed = user_row(open_id, item, self.at_ms)
                self.report.unparsed += unparsed
                rows.append(row)
            else:
                rows.append(self._missing(open_id, OUT_OF_RANGE))
        return rows

    def _missing(self, open_id: str, code: int | None) -> Row:
        status: UserStatus = "out_of_range" if code == OUT_OF_RANGE else "refused"
        return missing_row(open_id, self.held.get(open_id), status, code, self.at_ms)
