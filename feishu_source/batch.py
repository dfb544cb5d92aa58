"""Items become Arrow tables: each message once in a slice, its children with it.

In: items with the chat they were listed in, and claims of coverage. Out: Arrow tables of at least
`batch_rows` messages, together with the claims their rows make true.
Refuses to know HTTP, dlt, the clock, and where messages are parsed.

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

from feishu_source.arrow import Row
from feishu_source.coverage import ChatState
from feishu_source.fields import dump_json, parse_ms
from feishu_source.forwards import Forward
from feishu_source.parsing import Collected, InlineParser, Parser, Pending, Picked, Tables
from feishu_source.rows import Item, ItemRows, Rejected, content_hash, identify, parse_item
from feishu_source.tables import FORWARDED, MESSAGES, REACTIONS, REJECTED, Table
from feishu_source.tombstones import stub

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
    """What became of the items of a load; `unparsed` as far as batches have been waited for."""

    messages: int = 0
    replies: int = 0
    rejected: int = 0
    unparsed: int = 0
    unopened: int = 0


@dataclass(slots=True)
class Batch:
    """Arrow tables to load together and the claims that hold once they are loaded."""

    tables: Tables
    claims: dict[str, Claim]


@dataclass(slots=True)
class PendingBatch:
    """A batch whose messages may still be on their way through a parser.

    `size`: bytes of their bodies.
    """

    claims: dict[str, Claim]
    counts: Counts
    ready: Tables
    parsed: Pending
    size: int

    @property
    def done(self) -> bool:
        """True if nobody would wait for it."""
        return self.parsed.done()

    def result(self) -> Batch:
        """Waits for it; to be asked once, on the thread that reads."""
        tables, unparsed = self.parsed.result()
        self.counts.unparsed += unparsed
        return Batch([*tables, *self.ready], self.claims)


@dataclass
class Intake:
    """Turns the items of one load into batches; lives as long as the load, slice by slice.

    What is plain goes to the parser unread; merged forwards are parsed here, where they wait.
    """

    bounds: Bounds = field(default_factory=Bounds)
    batch_rows: int = 5_000
    batch_bytes: int = 16_000_000
    reactions: bool = False
    parser: Parser = field(default_factory=InlineParser)
    counts: Counts = field(default_factory=Counts)
    _unopened: list[Unopened] = field(default_factory=list)
    _shown: list[Shown] = field(default_factory=list)
    _collected: Collected = field(default_factory=Collected)
    _picked: list[Picked] = field(default_factory=list)
    _messages: int = 0
    _advanced: dict[str, ChatState] = field(default_factory=dict)
    _claims: dict[str, Claim] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    _held: list[Listed] = field(default_factory=list)
    _bytes: int = 0
    _bytes_given: int = 0
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
        self._bytes = self._bytes_given = 0
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
        self._collected.add_children(REACTIONS, stub(message_id, chat_id, create_ms), rows)

    def put(self, one: Unopened, forward: Forward | None, status: str | None, code: int) -> None:
        """Emits a merged forward: with what is in it, or as it is, with what stood in the way."""
        message = one.rows.message
        text = message[_TEXT]
        if forward is not None:
            text = forward.text or text
            self._collected.add_children(FORWARDED, message, forward.rows)
            for item, reason in forward.rejected:
                self.reject(one.listed.chat_id, item, reason, one.listed.listed_at_ms)
            self.counts.unparsed += forward.unparsed
            self._bytes += _size(text) + sum(_size(row[_INNER]) for row in forward.rows)
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
        if self._picked:
            self.parser.add(self._picked)
            self._picked = []

    def claim(self, chat_id: str, state: ChatState) -> None:
        """Notes that a chat's state advanced: it holds once everything added so far is loaded."""
        if chat_id in self._waiting:
            self._waiting[chat_id] = state
        else:
            self._advanced[chat_id] = state

    def add_rows(self, table: Table, rows: Iterable[Row]) -> None:
        """Takes in ready rows of another table, in its column order."""
        self._collected.rows[table.name].extend(rows)

    @property
    def full(self) -> bool:
        """True if there are enough rows for a batch, or few that are long."""
        is_long = self._bytes - self._bytes_given >= self.batch_bytes
        number = max(len(self._collected.rows[name]) for name in _COUNTED)
        return is_long or max(self._messages, number) >= self.batch_rows

    @property
    def slice_bytes(self) -> int:
        """Bytes of the bodies that this slice emitted, and of what it rejected."""
        return self._bytes

    def take(self) -> PendingBatch | None:
        """All rows and claims collected since the last call; None if there are neither."""
        claims = self._claims | {c: state.to_dict() for c, state in self._advanced.items()}
        if not claims and not self._messages and not any(self._collected.rows.values()):
            return None
        ready, size = self._collected.take(), self._bytes - self._bytes_given
        batch = PendingBatch(claims, self.counts, ready, self.parser.end_batch(), size)
        self._bytes_given, self._messages = self._bytes, 0
        self._claims, self._advanced = {}, {}
        return batch

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
            if listed.from_thread:
                self.counts.replies += 1
            else:
                self.counts.messages += 1
            if self.reactions:
                self._show(message_id, created, item, listed)
            if item.get("msg_type") == "merge_forward":
                self._add_forward(item, version[0], listed)
            else:
                self._picked.append((item, version[0], listed.listed_at_ms))
                self._messages += 1
                self._bytes += _body_bytes(item)
        elif seen[0] != version[0] and version[1] >= seen[1]:  # an older one only came late
            self._hold(replace(listed, items=[item]))

    def _show(self, message_id: str, created: int, item: Item, listed: Listed) -> None:
        chat_id = item["chat_id"]
        if item.get("deleted") is True:
            self.put_reactions(message_id, chat_id, created, [])
        else:
            self._shown.append((listed, message_id, chat_id, created))

    def _add_forward(self, item: Item, hash_: str, listed: Listed) -> None:
        rows = parse_item(item, hash_, listed.listed_at_ms)
        self.counts.unparsed += rows.unparsed
        message = rows.message
        if message[_IS_DELETED]:
            self._collected.add_children(FORWARDED, message, [])
            self._emit(rows)
        else:
            one = Unopened(message[0], hash_, message[_CREATED], rows, listed)
            self._unopened.append(one)

    def _hold(self, listed: Listed) -> None:
        """Keeps a second version for the next slice, and with it what its chat claims from now."""
        self._held.append(listed)
        self._waiting.setdefault(listed.chat_id, None)
        if state := self._advanced.pop(listed.chat_id, None):
            self._claims[listed.chat_id] = state.to_dict()

    def _emit(self, rows: ItemRows) -> None:
        self._messages += 1
        self._bytes += _size(rows.message[_BODY])
        self._collected.add(rows)

    def reject(self, chat_id: str, item: Any, reason: str, at_ms: int) -> None:
        """Keeps an item that can be no row, as it came; the same one once in a slice."""
        data = dump_json(item)
        digest = blake2b(data, digest_size=16).hexdigest()
        row = (chat_id, digest, reason, data.decode(), at_ms)
        if row[1] not in self._seen:
            self._seen[row[1]] = row[1], 0
            self._collected.rows[REJECTED.name].append(row)
            self._bytes += len(data)
            self.counts.rejected += 1


def _body_bytes(item: Item) -> int:
    body = item.get("body")
    return _size(body.get("content")) if isinstance(body, dict) else 0


def _size(text: Any) -> int:
    """How much a text takes in UTF-8, in which DuckDB and files hold it; nothing else counts."""
    if not isinstance(text, str):
        return 0
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


_COUNTED = (FORWARDED.name, REACTIONS.name)
"""Tables by whose rows a batch is full, beside messages: of others there are as many, or few."""
_BODY, _TEXT, _IS_DELETED, _CREATED = map(
    MESSAGES.names.index, ("body_content", "text", "deleted", "create_time")
)
_STATUS, _CODE = map(MESSAGES.names.index, ("forward_status", "forward_error_code"))
_INNER = FORWARDED.names.index("body_content")
