"""Items become Arrow tables: each message once in a slice, its children with it.

In: items with the chat they were listed in, and claims of coverage. Out: Arrow tables of at least
`batch_rows` messages, together with the claims their rows make true.
Refuses to know HTTP, dlt and the clock.

Within a slice a message_id is emitted once: of two rows under one key in one load package, dlt's
delete-insert keeps an arbitrary one. A second listing that is equal is dropped; one that differs is
held for the next slice, and the claims of its chat wait with it.

A merged forward is no row before somebody has said what is in it: it waits until it is
put, or left as it stands in the warehouse. Reactions come by themselves: the intake tells which
messages it has taken in, and a message that was recalled loses them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple

import pyarrow as pa

from feishu_source.arrow import Row
from feishu_source.coverage import ChatState
from feishu_source.fields import dump_json, parse_ms
from feishu_source.forwards import Forward
from feishu_source.rows import Item, ItemRows, Rejected, content_hash, identify, parse_item
from feishu_source.tables import (
    FORWARDED,
    LINKS,
    MENTIONS,
    MESSAGES,
    REACTIONS,
    REJECTED,
    RESOURCES,
    TABLES,
    Table,
)
from feishu_source.tombstones import stub, to_table

_CHILDREN = (MENTIONS.name, LINKS.name, RESOURCES.name, FORWARDED.name, REACTIONS.name)

Shown = tuple["Listed", str, str, int]
"""A message as it was taken in: where it was listed, its id, its chat, when it was sent (ms)."""

Claim = dict[str, Any]
"""A chat's stored state, true once the rows that travel with it are loaded."""


class Bounds(NamedTuple):
    """Messages outside [since_ms, until_ms) are not wanted, replies by their own time."""

    since_ms: int | None = None
    until_ms: int | None = None

    def hold(self, create_time_ms: int) -> bool:
        """True if a message of that time is wanted."""
        if self.since_ms is not None and create_time_ms < self.since_ms:
            return False
        return self.until_ms is None or create_time_ms < self.until_ms


@dataclass(slots=True)
class Listed:
    """Items listed together, from one reply of the API.

    `owed`: due since an earlier load, so that a later `since` does not leave them out. `loaded`:
    they stand in the warehouse already, so that no bound does.
    """

    chat_id: str
    items: list[Item]
    listed_at_ms: int
    from_thread: bool = False
    owed: bool = False
    loaded: bool = False


@dataclass(slots=True)
class Unopened:
    """A merged forward as it was listed. `late`: its chat's claims wait for it, no page does."""

    message_id: str
    hash: str
    create_time_ms: int
    rows: ItemRows
    listed: Listed
    late: bool = False


@dataclass(slots=True)
class Counts:
    """What became of the items of a load."""

    messages: int = 0
    replies: int = 0
    rejected: int = 0
    unparsed: int = 0
    unopened: int = 0


@dataclass(slots=True)
class Batch:
    """Arrow tables to load together and the claims that hold once they are loaded."""

    tables: list[tuple[Table, pa.Table]]
    claims: dict[str, Claim]


@dataclass
class Intake:
    """Turns the items of one load into batches; lives as long as the load, slice by slice."""

    bounds: Bounds = field(default_factory=Bounds)
    batch_rows: int = 5_000
    batch_chars: int = 16_000_000
    reactions: bool = False
    counts: Counts = field(default_factory=Counts)
    _unopened: list[Unopened] = field(default_factory=list)
    _shown: list[Shown] = field(default_factory=list)
    _rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    _childless: dict[str, list[Row]] = field(
        default_factory=lambda: {name: [] for name in _CHILDREN}
    )
    _advanced: dict[str, ChatState] = field(default_factory=dict)
    _claims: dict[str, Claim] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    _held: list[Listed] = field(default_factory=list)
    _chars: int = 0
    _chars_given: int = 0
    _waiting: dict[str, ChatState | None] = field(default_factory=dict)
    _late: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        """True while a second version of a message waits for the next slice."""
        return bool(self._held)

    def begin_slice(self) -> None:
        """Forgets what the last slice emitted, and takes in what it had to hold."""
        held, waiting = self._held, self._waiting
        self._seen, self._held, self._waiting = {}, [], {}
        self._chars = self._chars_given = 0
        self._unopened, self._shown = [], []
        for listed in held:
            self.add(listed)
        for one in self._unopened:
            one.late = True
            self._waiting[one.listed.chat_id] = None
        self._late = Counter(one.listed.chat_id for one in self._unopened)
        for chat_id, state in waiting.items():
            if state is not None:
                self.claim(chat_id, state)

    def take_unopened(self) -> list[Unopened]:
        """The merged forwards since the last call: each is to be put, or left."""
        unopened, self._unopened = self._unopened, []
        return unopened

    def take_shown(self) -> list[Shown]:
        """The messages since the last call, without those that are deleted; none if not wanted."""
        shown, self._shown = self._shown, []
        return shown

    def put_reactions(self, message_id: str, chat_id: str, create_ms: int, rows: list[Row]) -> None:
        """Replaces the reactions of a message, once in a slice: by none, if there are none."""
        if rows:
            self._rows[REACTIONS.name].extend(rows)
        else:
            self._childless[REACTIONS.name].append(stub(message_id, chat_id, create_ms))

    def put(self, one: Unopened, forward: Forward | None, status: str | None, code: int) -> None:
        """Emits a merged forward: with what is in it, or as it is, with what stood in the way."""
        message = one.rows.message
        text = message[_TEXT]
        if forward is not None:
            text = forward.text or text
            self._children(FORWARDED, message, forward.rows)
            for item, reason in forward.rejected:
                self.reject(one.listed.chat_id, item, reason, one.listed.listed_at_ms)
            self.counts.unparsed += forward.unparsed
            self._chars += len(text or "") + sum(len(row[_INNER] or "") for row in forward.rows)
        elif status is not None:
            self.counts.unopened += 1
        told = {_TEXT: text, _STATUS: status, _CODE: code or None}
        message = tuple(told.get(at, value) for at, value in enumerate(message))
        self._emit(one.rows._replace(message=message))
        self.leave(one)

    def leave(self, one: Unopened) -> None:
        """The merged forward stands in the warehouse as it was listed, and opened."""
        chat_id = one.listed.chat_id
        if not one.late:
            return
        self._late[chat_id] -= 1
        if self._late[chat_id] or any(held.chat_id == chat_id for held in self._held):
            return
        if state := self._waiting.pop(chat_id, None):
            self._advanced[chat_id] = state

    def add(self, listed: Listed) -> None:
        """Takes the items in; those already emitted in this slice are dropped or held."""
        bounds = self._bounds_of(listed)
        for item in listed.items:
            try:
                self._add_item(item, listed, bounds)
            except Rejected as reason:
                self.reject(listed.chat_id, item, str(reason), listed.listed_at_ms)

    def claim(self, chat_id: str, state: ChatState) -> None:
        """Notes that a chat's state advanced: it holds once everything added so far is loaded."""
        if chat_id in self._waiting:
            self._waiting[chat_id] = state
        else:
            self._advanced[chat_id] = state

    def add_rows(self, table: Table, rows: Iterable[Row]) -> None:
        """Takes in ready rows of another table, in its column order."""
        self._rows[table.name].extend(rows)

    @property
    def full(self) -> bool:
        """True if there are enough rows for a batch, or few that are long."""
        is_long = self._chars - self._chars_given >= self.batch_chars
        number = max(len(self._rows[name]) for name in _COUNTED)
        return is_long or number >= self.batch_rows

    @property
    def slice_chars(self) -> int:
        """Characters of the bodies that this slice emitted."""
        return self._chars

    def take(self) -> Batch | None:
        """All rows and claims collected since the last call; None if there are neither."""
        claims = self._claims | {c: state.to_dict() for c, state in self._advanced.items()}
        if not claims and not any(self._rows.values()):
            return None
        tables = [
            (TABLES[name], table)
            for name, rows in self._rows.items()
            if (table := to_table(TABLES[name], rows, self._childless.get(name))) is not None
        ]
        self._chars_given = self._chars
        self._rows = {name: [] for name in TABLES}
        self._childless = {name: [] for name in _CHILDREN}
        self._claims, self._advanced = {}, {}
        return Batch(tables, claims)

    def _bounds_of(self, listed: Listed) -> Bounds:
        if listed.loaded:
            return Bounds()
        return self.bounds._replace(since_ms=None) if listed.owed else self.bounds

    def _add_item(self, item: Item, listed: Listed, bounds: Bounds) -> None:
        message_id, created = identify(item)
        if not bounds.hold(created):
            return
        version = content_hash(item), parse_ms(item.get("update_time")) or 0
        seen = self._seen.setdefault(message_id, version)
        if seen is version:  # the very pair just put in: not emitted before
            rows = parse_item(item, version[0], listed.listed_at_ms)
            if listed.from_thread:
                self.counts.replies += 1
            else:
                self.counts.messages += 1
            self.counts.unparsed += rows.unparsed
            if self.reactions:
                self._show(rows.message, listed)
            if rows.message[_TYPE] != "merge_forward":
                self._emit(rows)
            elif rows.message[_IS_DELETED]:
                self._children(FORWARDED, rows.message, [])
                self._emit(rows)
            else:
                self._keep(rows, version[0], listed)
        elif seen[0] != version[0] and version[1] >= seen[1]:  # an older one only came late
            self._hold(replace(listed, items=[item]))

    def _show(self, message: Row, listed: Listed) -> None:
        if message[_IS_DELETED]:
            self._children(REACTIONS, message, [])
        else:
            self._shown.append((listed, message[0], message[1], message[_CREATED]))

    def _hold(self, listed: Listed) -> None:
        """Keeps a second version for the next slice, and with it what its chat claims from now."""
        self._held.append(listed)
        self._waiting.setdefault(listed.chat_id, None)
        if state := self._advanced.pop(listed.chat_id, None):
            self._claims[listed.chat_id] = state.to_dict()

    def _keep(self, rows: ItemRows, hash_: str, listed: Listed) -> None:
        message = rows.message
        self._unopened.append(Unopened(message[0], hash_, message[_CREATED], rows, listed))

    def _emit(self, rows: ItemRows) -> None:
        self._rows[MESSAGES.name].append(rows.message)
        self._chars += len(rows.message[_BODY] or "")
        self._children(MENTIONS, rows.message, rows.mentions)
        self._children(LINKS, rows.message, rows.links)
        self._children(RESOURCES, rows.message, rows.resources)

    def _children(self, table: Table, message: Row, rows: list[Row]) -> None:
        if rows:
            self._rows[table.name].extend(rows)
        else:
            self._childless[table.name].append(message)

    def reject(self, chat_id: str, item: Any, reason: str, at_ms: int) -> None:
        """Keeps an item that can be no row, as it came; the same one once in a slice."""
        data = dump_json(item)
        digest = blake2b(data, digest_size=16).hexdigest()
        row = (chat_id, digest, reason, data.decode(), at_ms)
        if row[1] not in self._seen:
            self._seen[row[1]] = row[1], 0
            self._rows[REJECTED.name].append(row)
            self.counts.rejected += 1


_COUNTED = (MESSAGES.name, FORWARDED.name, REACTIONS.name)
"""Tables by whose rows a batch is full: of the others there are about as many, or few."""
_BODY, _TEXT, _TYPE, _IS_DELETED, _CREATED = map(
    MESSAGES.names.index, ("body_content", "text", "msg_type", "deleted", "create_time")
)
_STATUS, _CODE = map(MESSAGES.names.index, ("forward_status", "forward_error_code"))
_INNER = FORWARDED.names.index("body_content")
