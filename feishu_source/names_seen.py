"""Which names people and bots bear, as loads see them: each name of each of them once.

In: Arrow tables on their way to the warehouse, and the names that it holds. Out: rows of
`names_seen`, those that are new. Refuses to know dlt, and which name is the current one.

A row that is read again bears the name of then: so an old name would be gone with the look-back
after a rename, had it no row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from feishu_source.arrow import Row
from feishu_source.tables import CHAT_MEMBERS, FORWARDED, MENTIONS, MESSAGES, USERS, Table

_NAMED = {
    MESSAGES: ["sender_id", "sender_name"],
    FORWARDED: ["sender_id", "sender_name"],
    MENTIONS: ["mentioned_id", "mentioned_name"],
    CHAT_MEMBERS: ["member_id", "name"],
    USERS: ["open_id", "name"],
}
"""In which columns an id stands, and its name."""

_EVERYONE = "all"


class NamesSeen:
    """What one load sees of names, table by table; `known`: pairs of an id and a name."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._known = set(known)
        self._new: list[tuple[str, str]] = []

    @property
    def ids(self) -> set[str]:
        """Everybody who was ever seen under a name."""
        return {person_id for person_id, _ in self._known}

    def note(self, table: Table, data: pa.Table) -> None:
        """Takes note of the names in rows of any table."""
        columns = _NAMED.get(table)
        if columns is None:
            return
        pairs = data.select(columns).group_by(columns).aggregate([])
        for person_id, name in zip(*(pairs[each].to_pylist() for each in columns), strict=True):
            if person_id and name and person_id != _EVERYONE:
                self._add((person_id, name))

    def _add(self, pair: tuple[str, str]) -> None:
        if pair not in self._known:
            self._known.add(pair)
            self._new.append(pair)

    def take(self, at_ms: int) -> list[Row]:
        """Rows of the names that are new since the last call."""
        rows: list[Row] = [(*pair, at_ms) for pair in self._new]
        self._new.clear()
        return rows
