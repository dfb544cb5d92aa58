"""What the resources give when they are read: batches out, state in and out.

In: a session, dlt's state. Out: the rows of `chats` and of what hangs on chats: members, pins,
tabs, announcements; `messages` drives the walk and fills its child tables and `sync_coverage` as
well; `threads` in the selection means that threads are read. State is written on the generator's
thread, behind the yield of the rows it claims: dlt commits both together or neither.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import dlt
import pyarrow as pa

from feishu_source.ahead import Slices
from feishu_source.arrow import Row, to_arrow
from feishu_source.batch import Claim
from feishu_source.chat_rows import chat_row, member_rows, unlisted
from feishu_source.context_rows import announcement_rows, tab_rows
from feishu_source.errors import ConfigurationError, Interrupted
from feishu_source.holdings import last_rows
from feishu_source.inheritance import Part
from feishu_source.options import Options
from feishu_source.reaction_rows import pin_rows
from feishu_source.roster import Known, Listed, Optional, Roster
from feishu_source.session import Session
from feishu_source.tables import (
    CHAT_ANNOUNCEMENTS,
    CHAT_MEMBERS,
    CHAT_PINS,
    CHAT_TABS,
    CHATS,
    FORWARDED,
    LINKS,
    MENTIONS,
    MESSAGES,
    NAMES_SEEN,
    REACTIONS,
    REJECTED,
    RESOURCE_FILES,
    RESOURCES,
    SYNC_COVERAGE,
    THREADS,
    USERS,
    Table,
)

_log = logging.getLogger(__name__)

Rows = list[Row]

_FILLED_BY_MESSAGES = (
    *(MENTIONS, LINKS, RESOURCES, REACTIONS, FORWARDED, THREADS, NAMES_SEEN, REJECTED),
    SYNC_COVERAGE,
)
_THERE_FOR_QUERIES = (MESSAGES, *_FILLED_BY_MESSAGES, RESOURCE_FILES, USERS)

CHATS_PER_BATCH = 1_000
"""Chats whose details, members or the like are held before their rows go out."""


def readers_of(asked: Options | Session) -> dict[str, Callable[[], Iterator[Any]]]:
    """How each resource of one source is read, by name; they share a session."""
    session = asked if isinstance(asked, Session) else Session(asked)
    stopping = _Stopping(session)
    return {
        CHATS.name: partial(_gently, read_chats, session, stopping),
        CHAT_MEMBERS.name: partial(_gently, read_members, session, stopping),
        CHAT_PINS.name: partial(_gently, read_pins, session, stopping),
        CHAT_TABS.name: partial(_gently, read_tabs, session, stopping),
        CHAT_ANNOUNCEMENTS.name: partial(_gently, read_announcements, session, stopping),
        MESSAGES.name: partial(_gently, read_messages, session, stopping),
        THREADS.name: read_threads,
    }


def mark(table: Table, data: pa.Table) -> Any:
    """Rows of one of several tables that a resource fills, with all hints of that table."""
    hints = dlt.mark.make_hints(**table.hints)
    return dlt.mark.with_hints(data, hints, create_table_variant=True)


# chats and members


def read_chats(session: Session) -> Iterator[pa.Table]:
    """Rows of chats that are new, changed their name, left the list, or are due again."""
    state = dlt.current.resource_state(CHATS.name)
    session.open_state(dlt.current.resource_state(MESSAGES.name))
    known: Known = state.setdefault("known", {})
    session.inheritance.give("chats", known)
    session.progress.phase = "chats"
    now_s, roster = session.pinned_s, session.roster
    due = [c for c, name, _ in roster.chats(known) if _is_due(c, name, known, session)]
    due.sort(key=lambda chat_id: known.get(chat_id, {}).get("read_s", 0))
    for ids, details in _gather(session, due, roster.details_of):
        rows: Rows = []
        for chat_id, found in zip(ids, details, strict=True):
            if found is None and (
                known.get(chat_id, {}).get("mode") or chat_id not in roster.listed
            ):
                continue  # a row with the last details is worth more, and a mistyped id is no chat
            rows.append(chat_row(chat_id, roster.listed.get(chat_id), found, now_s * 1_000))
            _remember(known, chat_id, rows[-1], _asked_s(roster, "chat details", chat_id, now_s))
        yield to_arrow(CHATS, rows)
    if unread := [c for c in due if c not in known and c in roster.listed]:
        yield to_arrow(CHATS, [_list_only(known, c, session) for c in unread])
    gone = {c for c, entry in known.items() if entry.get("listed") and c not in roster.listed}
    if gone:
        last = {row[0]: row for row in last_rows(dlt.current.pipeline(), CHATS, gone)}
        yield to_arrow(CHATS, [_unlist(known, chat_id, last.get(chat_id)) for chat_id in gone])
    if not known:  # no chat yet: the table is there all the same
        yield to_arrow(CHATS, [])


def _is_due(chat_id: str, name: str | None, known: Known, session: Session) -> bool:
    before, listed = known.get(chat_id), chat_id in session.roster.listed
    period_s = session.options.settings.details_period_s
    if before is None:
        return True
    if not listed:  # only a chat that is named, p2p as a rule, is worth asking about
        named = chat_id in session.options.selection.chat_ids
        return named and session.pinned_s - before["read_s"] >= period_s
    if before.get("name") != name or not before.get("listed"):
        return True
    return bool(session.pinned_s - before["read_s"] >= period_s)


def _asked_s(roster: Roster, what: Optional, chat_id: str, now_s: int) -> int:
    """When something was asked for that is asked for once a period: 0 if trouble was in the way.

    A refused list is asked for again as rarely as another.
    """
    return 0 if roster.failed(what, chat_id) else now_s


def _remember(known: Known, chat_id: str, row: tuple[Any, ...], now_s: int) -> None:
    values = dict(zip(CHATS.names, row, strict=True))
    known[chat_id] = {
        "name": values["name"],
        "mode": values["chat_mode"],
        "listed": values["listed"],
        "read_s": now_s,
    }


def _list_only(known: Known, chat_id: str, session: Session) -> tuple[Any, ...]:
    """What the list alone tells of a new chat: there is no request left for its details."""
    row = chat_row(chat_id, session.roster.listed[chat_id], None, session.pinned_s * 1_000)
    _remember(known, chat_id, row, 0)
    return row


def _unlist(known: Known, chat_id: str, last: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """The chat's last row, or what is remembered of it, as one that the list no longer shows."""
    entry = known[chat_id]
    entry["listed"] = False
    if last is not None:
        return unlisted(last)
    return chat_row(chat_id, None, {"name": entry["name"], "chat_mode": entry["mode"]}, 0)


def _gather(session: Session, ids: list[str], fetch: Any) -> Iterator[tuple[list[str], list[Any]]]:
    """What `fetch` gives for each chat, side by side, in portions, while requests may be made.

    How many one chat takes shows only as it is read: its members may fill many pages.
    """
    with ThreadPoolExecutor(session.options.settings.workers) as pool:
        while portion := ids[: min(CHATS_PER_BATCH, session.spare_requests)]:
            ids = ids[len(portion) :]
            with session.client.budget.kept_to(session.options.settings.details_share):
                found = list(pool.map(fetch, portion))
            yield portion, found


def read_members(session: Session) -> Iterator[pa.Table]:
    """Members of each listed or named chat, once a period: a complete list, or none."""
    fetch = session.roster.members_of

    def rows_of(chat_id: str, listed: Listed) -> Rows:
        return member_rows(chat_id, listed, session.pinned_s * 1_000)

    yield from _read_lists(session, CHAT_MEMBERS, "members", "chat members", fetch, rows_of)


def read_pins(session: Session) -> Iterator[pa.Table]:
    """Pins of each chat, as often as its members, where they are wanted."""
    if session.options.settings.pins:
        fetch = session.roster.pins_of
        yield from _read_lists(session, CHAT_PINS, "pins", "chat pins", fetch, pin_rows)
    else:
        yield from _without_rows(CHAT_PINS)


def read_tabs(session: Session) -> Iterator[pa.Table]:
    """Tabs of each chat, as often as its members, where they are wanted."""
    if session.options.settings.chat_context:
        fetch = session.roster.tabs_of
        yield from _read_lists(session, CHAT_TABS, "tabs", "chat tabs", fetch, tab_rows)
    else:
        yield from _without_rows(CHAT_TABS)


def read_announcements(session: Session) -> Iterator[pa.Table]:
    """What each chat announces, as often as its members are read, where it is wanted."""
    table, fetch = CHAT_ANNOUNCEMENTS, session.roster.announcement_of
    if session.options.settings.chat_context:
        what: Optional = "chat announcements"
        yield from _read_lists(session, table, "announcements", what, fetch, announcement_rows)
    else:
        yield from _without_rows(table)


def _without_rows(table: Table) -> Iterator[pa.Table]:
    """The table where it is not there yet, so that every query finds it."""
    if _not_there([table]):
        yield to_arrow(table, [])


def _read_lists(
    session: Session,
    table: Table,
    part: Part,
    what: Optional,
    fetch: Callable[[str], Listed | None],
    rows_of: Callable[[str, Listed], Rows],
) -> Iterator[pa.Table]:
    """What is listed of each listed or named chat, once a period: a complete list, or none."""
    state = dlt.current.resource_state(table.name)
    read_s: dict[str, int] = state.setdefault("read_s", {})
    session.inheritance.give(part, read_s)
    now_s, roster = session.pinned_s, session.roster
    period_s = session.options.settings.details_period_s
    known: Known = dlt.current.resource_state(CHATS.name).get("known", {})
    due = [
        chat_id
        for chat_id, _, _ in roster.chats(known)
        if (chat_id in roster.listed or chat_id in roster.selection.chat_ids)
        and (chat_id not in read_s or now_s - read_s[chat_id] >= period_s)
    ]
    due.sort(key=lambda chat_id: read_s.get(chat_id, 0))
    lacking = bool(_not_there([table]))
    for ids, lists in _gather(session, due, fetch):
        rows: Rows = []
        for chat_id, listed in zip(ids, lists, strict=True):
            read_s[chat_id] = _asked_s(roster, what, chat_id, now_s)
            if listed is not None:
                rows.extend(rows_of(chat_id, listed))
        if rows:
            lacking = False
            data = to_arrow(table, rows)
            if session.names:
                session.names.note(table, data)
            yield data
    if lacking:  # nothing was listed: the table and its columns are there all the same
        yield to_arrow(table, [])


# messages


def read_messages(session: Session) -> Iterator[Any]:
    """One slice of the session's walk; all of it for a session that is not sliced.

    Raises:
        FeishuError: what ended the walk, if nothing of this slice can be loaded.
    """
    claims = session.open_state(dlt.current.resource_state(MESSAGES.name))
    if session.walk is None:
        session.inheritance.give("claims", claims)
    known: Known = dlt.current.resource_state(CHATS.name).get("known", {})
    threads = THREADS.name in dlt.current.source().selected_resources
    slices = session.slices_of(session.begin_walk(claims, known, threads))
    session.progress.phase = "messages"
    missing = _not_there(_THERE_FOR_QUERIES)
    try:
        for table, data in _tables_of(session, slices, claims):
            missing.discard(table)
            yield mark(table, data)
    finally:
        if not session.sliced:
            # Also when dlt gives up: a walk must not outlive the extract that stores its claims.
            _end_bare(session)
    for table in missing:  # without rows, so that every query finds it from the first load on
        yield mark(table, to_arrow(table, []))
    session.progress.phase = "loading"


def _tables_of(
    session: Session, slices: Slices, claims: dict[str, Claim]
) -> Iterator[tuple[Table, pa.Table]]:
    """The tables of one slice; a claim is noted once dlt has taken the rows it tells of.

    Not before: whoever reads a few items only (`add_limit`) has the state committed all the same.
    """
    names = session.names
    for batch in slices.slice():
        for table, data in batch.tables:
            if names:
                names.note(table, data)
            yield table, data
        claims.update(batch.claims)
    if names and (seen := names.take(session.pinned_s * 1_000)):
        yield NAMES_SEEN, to_arrow(NAMES_SEEN, seen)
    if slices.finished:
        for table, rows in session.closing_rows():
            yield table, to_arrow(table, rows)


def _not_there(tables: Iterable[Table]) -> set[Table]:
    """Those tables that the warehouse lacks, or whose newer columns it lacks."""
    there = dlt.current.source_schema().tables
    return {
        table
        for table in tables
        if not there.get(table.name, {"columns": {}})["columns"].keys() >= set(table.names)
    }


def read_threads() -> Iterator[pa.Table]:
    """Nothing by itself: that it is selected tells `messages` to read the threads as well.

    Raises:
        ConfigurationError: `messages` is not selected, so the replies would have nowhere to go.
    """
    if MESSAGES.name not in dlt.current.source().selected_resources:
        raise ConfigurationError("the resource threads needs messages beside it: select both")
    yield from ()


def _end_bare(session: Session) -> None:
    """Nobody reads on after a bare run: what ended it early is told here, or by nobody."""
    if session.walk and session.walk.stopped_by:
        _log.error("the run ended before every chat was read: %s", session.walk.stopped_by)
    session.close()


def _gently(
    read: Callable[[Session], Iterator[Any]], session: Session, stopping: _Stopping
) -> Iterator[Any]:
    with stopping:
        yield from read(session)


class _Stopping:
    """SIGINT and SIGTERM end the walk, and dlt loads what was yielded; before it, they end waiting.

    Whoever handled them until then would throw the slice away, or wait for thousands of chats.
    In force while any resource of a source is read: dlt reads several of them in turn.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._depth = 0
        self._before: dict[int, Any] = {}
        self._asked = False

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth > 1 or threading.current_thread() is not threading.main_thread():
            return
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._stop)

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        while not self._depth and self._before:
            signal.signal(*self._before.popitem())

    def _stop(self, number: int, frame: Any) -> None:
        session, is_first, self._asked = self._session, not self._asked, True
        if session.walk and not session.walk.stopped_by:
            session.walk.stop(Interrupted(number))
        elif session.began and not session.walk and is_first:
            session.client.cancel(number)
        else:  # asked a second time
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
