"""A tenant whose loads are watched: what each load owes, told by the tenant and not by the source.

In: what happens in the tenant, loads of every kind. Out: an assertion that fails as soon as the
tables lack what was promised, or a claim says more than was read. Refuses to know how a load gets
at anything: it sees the world, the tables, the stored claims and the requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from feishu_source.errors import FeishuError
from feishu_source.rungs import RUNGS, parse_ladder
from feishu_source.sandbox import World
from feishu_source.sandbox.tenant import Chat, Message, Thread
from feishu_source.tables import Table
from tests.belt import Belt, Row
from tests.laboratory import MESSAGES, VOLATILE
from tests.schedules import Moment, is_reply_due, swept_by_now
from tests.tally import COUNTED

LOOK_BACK_S = 600
MOST_SLICES = 300
"""No history of these is so long that a load needs more, however small its slices."""
FORWARDED = "forwarded_messages"
REACTIONS = "message_reactions"
FROM_A_MESSAGE = (
    "messages",
    "message_mentions",
    "message_links",
    "message_resources",
    REACTIONS,
    FORWARDED,
)
TROUBLE = frozenset({None, 0, 2200, 99991400, 99991403, 99991663, 230006})
"""Answers of a batch that refuse none of its messages."""
GROUPED = ("threads", "thread_id")

Values = dict[str, list[Row]]
"""Everything the tables hold of one message."""


@dataclass(frozen=True)
class Load:
    """What a load is asked for; `since_ms` and `until_ms` bound it, `kill_after` some batches."""

    threads: bool = True
    full: bool = False
    since_ms: int = 0
    until_ms: int | None = None
    kill_after: int | None = None
    max_messages: int | None = None
    max_requests: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """As the source takes them."""
        bounds = {"since": self.since_ms or None, "until": self.until_ms}
        times = {name: ms and _iso(ms) for name, ms in bounds.items()}
        fixed = {
            "look_back_s": LOOK_BACK_S,
            "attempts": 2,
            "back_off_max_s": 0.0,
            "announced_wait_max_s": 0.0,
        }
        return {"threads": self.threads, "full": self.full, **times, **fixed, **self.settings}

    def wants(self, anchor: Message, message: Message) -> bool:
        """Whether it reads that message: by its own time, and by that of what it hangs on."""
        if anchor is not message and not self.threads:
            return False
        times_ms = (anchor.create_ms, message.create_ms)
        return self.since_ms <= min(times_ms) and max(times_ms) < (self.until_ms or 10**15)


class History(Belt):
    """A belt that is asked after each load for what it owes.

    `due`: messages that a load had to see, and that therefore the next complete one must bring.
    `reactions`: all loads ask for them. `refused`: messages that did not give theirs when they were
    asked about last.
    """

    def __init__(self, world: World, **sandbox: Any) -> None:
        super().__init__(world, **sandbox)
        self.reactions = False
        self.refused: set[str] = set()
        self.due: set[str] = set()
        self.kept: set[str] = set()
        self.pinned_s: dict[str, int] = {}
        self.since_ms = 10**15
        self.moments: list[Moment] = []
        self.shut_threads: set[str] = set()
        self._packaged: set[tuple[Any, ...]] = set()
        COUNTED["histories"] += 1

    # a load

    def watch(
        self, load: Load, *, meddle: Callable[[], None] | None = None, after_pages: int = 0
    ) -> dict[str, str]:
        """One load, and everything that must hold after it; `meddle` happens in its midst."""
        before = self._told()
        claims, newest_ms = deepcopy(self.claims), self._newest_replies()
        began_s = self.world.now_ms // 1_000
        self._note_moment(before, began_s, begins=True)
        self._forget_what_is_gone(before)
        current, fresh = self._expected(load, before)
        self.due |= current | {m for m in before if not self.world.message(m).is_reply_in_thread}
        until_s = began_s if load.until_ms is None else load.until_ms // 1_000
        if load.full or until_s < began_s:  # such a load reads all that it wants
            current = set(before)
        self.since_ms = min(self.since_ms, load.since_ms)
        meddled_at = self._arrange(meddle, after_pages)
        statuses = self._attempt(load)
        self.world.on_look = None
        after = self._told() if meddled_at else before
        self._note_moment(after, began_s, begins=False)
        self._forget_what_is_gone(after)
        complete = {chat_id for chat_id, status in statuses.items() if status == "complete"}
        asked = self._asked_again(before, after, meddled_at)
        self._assert_claims_are_true(claims, {m for m in fresh if m in after or self._is_shut(m)})
        self._assert_nothing_is_missing(load, complete, self.due | (current & after.keys()))
        self._assert_values(load, complete, (current | asked) & before.keys(), before, after, asked)
        self._assert_coverage(load, statuses, claims, began_s)
        if load.until_ms is None:
            self._assert_swept(load, complete, after, began_s)
            self._assert_polled(load, complete, before.keys() & after.keys(), newest_ms, began_s)
        return statuses

    def _attempt(self, load: Load) -> dict[str, str]:
        for chat_id, chat in self.world.chats.items():
            if self.world.refusal_of(chat) is None:
                pinned_s = self.world.now_ms // 1_000
                self.pinned_s[chat_id] = max(self.pinned_s.get(chat_id, 0), pinned_s)
        self._packaged.clear()
        try:
            return self.load(
                kill_after=load.kill_after,
                max_messages=load.max_messages,
                max_requests=load.max_requests,
                **load.arguments(),
            )
        except FeishuError:  # not even the list of chats could be had
            return {}
        finally:
            self._count()
            for request in self.sandbox.requests:
                answered = request.asked if request.code == 0 else ()
                refused = request.failed if request.code in TROUBLE else request.asked
                self.refused = self.refused.difference(answered).union(refused)

    def _count(self) -> None:
        requests = self.sandbox.requests
        COUNTED["kills"], self.kills = COUNTED["kills"] + self.kills, 0
        COUNTED["loads"] += 1
        COUNTED["slices"] += self.slices
        COUNTED["requests"] += len(requests)
        COUNTED["refused or lost"] += sum(request.code != 0 for request in requests)

    def _arrange(self, meddle: Callable[[], None] | None, after_pages: int) -> list[int]:
        """Lets something happen after so many pages; returns the number of the request."""
        happened: list[int] = []

        def look() -> None:
            if meddle and not happened and self.sandbox.count(MESSAGES) >= after_pages:
                happened.append(len(self.sandbox.requests))
                meddle()

        self.world.on_look = look
        return happened

    def _merge(self, table: Table, rows: list[Row]) -> None:
        """Of two rows under one key in a package dlt keeps an arbitrary one."""
        assert self.slices <= MOST_SLICES, "the load does not end"
        for row in rows:
            key = (self.slices, table.name, *(row[name] for name in table.key))
            assert key not in self._packaged, "doubled in one package"
            self._packaged.add(key)
        super()._merge(table, rows)

    # what it had to see

    def _expected(self, load: Load, before: Iterable[str]) -> tuple[set[str], set[str]]:
        """What the load lists if it gets through, and what of it no load has read before."""
        current, fresh = set(), set()
        for message_id in before:
            message = self.world.message(message_id)
            anchor = self._anchor(message)
            claim = self.claims.get(message.chat.chat_id, {})
            is_reply = anchor is not message
            if not _was_read(claim, anchor) or (is_reply and not _knows_threads(claim)):
                fresh.add(message_id)
            owed = is_reply and load.threads and _owes_thread(claim, anchor, message)
            if owed or message_id in fresh or self._is_young(anchor):
                current.add(message_id)
        return current, fresh

    def _is_young(self, anchor: Message) -> bool:
        """Whether the look-back from the latest end, or from now, reaches it."""
        pinned_s = self.pinned_s.get(anchor.chat.chat_id, 0)
        least_s = min(pinned_s, self.world.now_ms // 1_000) - LOOK_BACK_S
        return anchor.create_ms // 1_000 >= least_s

    def _anchor(self, message: Message) -> Message:
        """The message of the timeline by which another is found: its root, else itself."""
        thread = message.thread
        if thread is None or self.is_flat(message.chat):
            return message
        return thread.root

    def is_flat(self, chat: Chat) -> bool:
        """Whether a chat's timeline holds the replies as well."""
        switches = self.world.switches
        flat = switches.accept_only_thread_root or not switches.topic_default_roots_only
        return chat.mode == "topic" and flat

    def _asked_again(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: list[int]
    ) -> set[str]:
        """Messages that changed during the load and were listed once more after that."""
        changed = [m for m in before.keys() & after.keys() if before[m] != after[m]]
        later = self.sandbox.requests[at[0] :] if at else []
        listings = [r.query for r in later if r.path == MESSAGES and r.code == 0]
        first_pages = [query for query in listings if "page_token" not in query]
        return {m for m in changed if any(self._lists(query, m) for query in first_pages)}

    def _lists(self, query: Mapping[str, str], message_id: str) -> bool:
        message = self.world.message(message_id)
        if query["container_id_type"] == "thread":
            thread = message.thread
            if thread is None or thread.thread_id != query["container_id"]:
                return False
            if query["sort_type"] == "ByCreateTimeDesc":  # it may end with its first page
                return message in thread.replies[-int(query["page_size"]) :]
            return message.is_reply_in_thread or self.world.switches.thread_lists_root
        if query["container_id"] != message.chat.chat_id or self._anchor(message) is not message:
            return False
        return int(query["start_time"]) < message.create_ms // 1_000 < int(query["end_time"])

    def _is_shut(self, message_id: str) -> bool:
        """Whether its chat refuses everything, so that nobody can tell what it lists."""
        return self.world.refusal_of(self.world.message(message_id).chat) is not None

    # what must hold

    def _assert_claims_are_true(self, before: Mapping[str, Row], fresh: set[str]) -> None:
        """What was claimed now for the first time was listed, or its thread is owed."""
        for chat_id, claim in self.claims.items():
            old = before.get(chat_id, {})
            assert claim.get("covered_until_s", 0) >= old.get("covered_until_s", 0), "moved back"
            assert claim.get("covered_until_s", 0) <= self.pinned_s.get(chat_id, 0), (
                "claims what is to come"
            )
            from_s = old.get("covered_from_s", claim.get("covered_from_s"))
            assert claim.get("covered_from_s") == from_s or claim["covered_from_s"] < from_s
        false = {m for m in fresh - self.message_ids() if self._is_claimed(self.world.message(m))}
        assert not sorted(false), "claimed and not read"

    def _is_claimed(self, message: Message) -> bool:
        anchor, claim = self._anchor(message), self.claims.get(message.chat.chat_id, {})
        if not _covers(claim, anchor):
            return False
        return anchor is message or (
            claim.get("threads_covered", False) and not _owes_thread(claim, anchor)
        )

    def _assert_nothing_is_missing(self, load: Load, complete: set[str], due: set[str]) -> None:
        loaded = self.message_ids()
        assert self.kept <= loaded, "what was loaded is gone"
        times_ms = [self._anchor(self.world.message(each)).create_ms for each in loaded]
        assert min(times_ms, default=self.since_ms) > self.since_ms - 2_000, "nobody wanted that"
        self.kept = loaded
        assert not sorted(self._of(load, complete, due) - loaded), "lost"

    def _assert_values(
        self,
        load: Load,
        complete: set[str],
        current: set[str],
        before: Mapping[str, Values],
        after: Mapping[str, Values],
        asked: set[str],
    ) -> None:
        """What was read again is as it was listed: before or after what happened meanwhile."""
        loaded = _by_message({table: self.rows(table) for table in FROM_A_MESSAGE})
        for message_id in self._of(load, complete, current & after.keys()):
            allowed, seen = [after[message_id]], [before[message_id], after[message_id]]
            if message_id not in asked:
                allowed.append(before[message_id])
            number = self.world.message(message_id).number
            found = _without_reactions(loaded[message_id])
            assert found in map(_without_reactions, allowed), f"an older version of {number}"
            if self._must_know_reactions(message_id):
                told = [each[REACTIONS] for each in seen]
                assert loaded[message_id][REACTIONS] in told, f"older reactions to {number}"

    def _must_know_reactions(self, message_id: str) -> bool:
        """Whether they were given when they were asked for last, and are not told to be lacking."""
        message = self.world.message(message_id)
        claim = self.claims.get(message.chat.chat_id, {})
        lacking = [claim.get("reactions_owed", [0, 0])[:2]]
        if again := claim.get("walks", {}).get("again"):
            lacking.append([again["at_s"], again["stop_s"]])
        root = message.thread.root if message.thread else message
        is_owed = any(
            from_s <= each.create_ms // 1_000 < until_s
            for from_s, until_s in lacking
            for each in (message, root)
        )
        return self.reactions and message_id not in self.refused and not is_owed

    def _of(self, load: Load, chat_ids: set[str], message_ids: set[str]) -> set[str]:
        """Those of complete chats that the load wanted."""
        found = {message_id: self.world.message(message_id) for message_id in message_ids}
        return {
            message_id
            for message_id, message in found.items()
            if message.chat.chat_id in chat_ids and load.wants(self._anchor(message), message)
        }

    def _assert_coverage(
        self, load: Load, statuses: Mapping[str, str], before: Mapping[str, Row], began_s: int
    ) -> None:
        """`sync_coverage` says what is claimed, no more; a complete chat is so up to the end."""
        for chat_id, status in statuses.items():
            row, claim = self.tables["sync_coverage"][(chat_id,)], self.claims.get(chat_id, {})
            owed = list(claim.get("hot_threads", {}).values())
            told = [row["covered_from"], row["covered_until"], row["status"]]
            told += [row["hot_threads"], row["owed_threads"]]
            ends = [_at(claim.get(f"covered_{end}_s")) for end in ("from", "until")]
            assert row["idle_until"] == _at(claim.get("idle_until_s"))
            number = sum(entry > 0 for entry in owed), sum(entry <= 0 for entry in owed)
            assert told == [*ends, status, *number]
            assert claim.get("threads_covered", False) >= row["threads_covered"]
            assert status != "skipped" or row["error_code"]
            until_s = max(claim.get("covered_until_s", 0), claim.get("idle_until_s", 0))
            covered_s = before.get(chat_id, {}).get("covered_until_s", 10**15)
            is_gap = load.since_ms // 1_000 >= covered_s
            if status == "complete" and load.until_ms is None and not is_gap:
                assert until_s >= began_s, "not complete up to the end"

    def _assert_swept(
        self, load: Load, complete: set[str], after: Mapping[str, Values], now_s: int
    ) -> None:
        """What a rung reaches is seen within its period, where no backlog is told."""
        settings = load.arguments()
        ladder = parse_ladder(settings.get("rungs", RUNGS))
        rows = self.tables["sync_coverage"]
        quiet = {c for c in complete if rows[(c,)]["sweep_backlog_from"] is None}
        loaded: dict[str, Values] | None = None
        anchor = self._root_of if settings.get("skip_idle") else self._anchor_of
        owed = swept_by_now(self.moments, ladder, now_s, anchor)
        versions = {message_id: each for message_id, each in owed if message_id in after}
        for message_id in self._of(load, quiet, set(versions)):
            if loaded is None:
                loaded = _by_message({table: self.rows(table) for table in FROM_A_MESSAGE})
            COUNTED["judged late"] += 1
            found, seen = loaded.get(message_id), versions[message_id]
            assert found is not None, "its rung has not seen it"
            of_message = map(_without_reactions, seen)
            assert _without_reactions(found) in of_message, "its rung has not seen it"
            if self._must_know_reactions(message_id):
                told = [each[REACTIONS] for each in seen]
                assert found[REACTIONS] in told, "its rung has not seen who reacted to it"

    def _assert_polled(
        self,
        load: Load,
        complete: set[str],
        listed: Iterable[str],
        newest_ms: Mapping[str, int],
        now_s: int,
    ) -> None:
        """A reply in an active thread is seen by the next load, or within a part of a silence."""
        schedules = load.arguments()
        loaded = self.message_ids()
        for message_id in self._of(load, complete, set(listed)):
            message = self.world.message(message_id)
            thread = message.thread
            if thread is None or self._anchor(message) is message:
                continue
            newest = newest_ms.get(thread.thread_id)
            if newest is None or thread.thread_id in self.shut_threads:
                continue
            if is_reply_due(message.create_ms / 1_000, newest / 1_000, now_s, schedules):
                COUNTED["judged late"] += 1
                assert message_id in loaded, "its thread was active"

    def assert_everything_is_loaded(self) -> None:
        """The tables equal the tenant's truth, but for what was loaded and is listed no more."""
        truth = self.world.truth()
        if not self.reactions:
            self.compared = tuple(each for each in self.compared if each != REACTIONS)
        for table, key in [*((table, _key_of(table)) for table in FROM_A_MESSAGE), GROUPED]:
            of, name = (table, key) if key == "thread_id" else ("messages", "message_id")
            listed = {row[name] for row in truth[of]}
            rows = self.tables[table].items()
            self.tables[table] = {name: row for name, row in rows if row[key] in listed}
        self.assert_equals_truth()

    # what is remembered

    def _note_moment(self, told: Mapping[str, Values], time_s: int, *, begins: bool) -> None:
        swept_s = {chat: claim.get("swept_s", {}) for chat, claim in self.claims.items()}
        self.moments.append(Moment(time_s, told, swept_s, begins))
        self.shut_threads |= {t.thread_id for t in self.world.threads.values() if _is_shut(t)}

    def _newest_replies(self) -> dict[str, int]:
        """The newest reply (ms) that is loaded of each thread."""
        newest_ms: dict[str, int] = {}
        for message_id in self.message_ids():
            message = self.world.message(message_id)
            if message.thread and message.is_reply_in_thread:
                thread_id = message.thread.thread_id
                newest_ms[thread_id] = max(newest_ms.get(thread_id, 0), message.create_ms)
        return newest_ms

    def _anchor_of(self, message_id: str) -> Message:
        return self._anchor(self.world.message(message_id))

    def _root_of(self, message_id: str) -> Message:
        """Where idle chats are left out, the age of the root counts in topic groups as well."""
        message = self.world.message(message_id)
        return message.thread.root if message.thread else message

    # what the tenant tells

    def _told(self) -> dict[str, Values]:
        """Everything that is listed now, in the chats that can be read."""
        truth = self.world.truth()
        return _by_message(truth if self.reactions else truth | {REACTIONS: []})

    def _forget_what_is_gone(self, told: Mapping[str, Values]) -> None:
        """Nobody owes what is listed no more; a chat that is refused is listed again some day."""
        for message_id in [m for m in self.due if m not in told]:
            if not self._is_shut(message_id):
                self.due.discard(message_id)


def _is_shut(thread: Thread) -> bool:
    return thread.hidden or thread.deleted


def _at(time_s: int | None) -> datetime | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC)


def _covers(claim: Mapping[str, Any], message: Message) -> bool:
    from_s, until_s = claim.get("covered_from_s"), claim.get("covered_until_s")
    if from_s is None or until_s is None:
        return False
    return bool(from_s <= message.create_ms // 1_000 < until_s)


def _was_read(claim: Mapping[str, Any], message: Message) -> bool:
    """Whether a claim, or a walk that is still open, has passed the message."""
    time_s = message.create_ms // 1_000
    walks = claim.get("walks", {}).values()
    passed = any(walk["start_s"] <= time_s < walk["at_s"] for walk in walks)
    return passed or _covers(claim, message)


def _knows_threads(claim: Mapping[str, Any]) -> bool:
    """Whether threads are covered, or a walk that reads them all has begun."""
    return bool(claim.get("threads_covered")) or "first" in claim.get("walks", {})


def _owes_thread(claim: Mapping[str, Any], root: Message, reply: Message | None = None) -> bool:
    """Whether a thread is owed; a reply of it only from where on it is: an entry is -T for T."""
    entry = claim.get("hot_threads", {}).get(root.thread.thread_id, 1) if root.thread else 1
    return entry <= 0 and (reply is None or reply.create_ms >= -entry)


_ORDERED = ("_index", "path", "reaction_id")


def _by_message(tables: Mapping[str, list[Row]]) -> dict[str, Values]:
    """Rows by message; `extra` depends on how JSON is written, and is compared at the end."""
    found: dict[str, Values] = {
        row["message_id"]: {table: [] for table in FROM_A_MESSAGE} for row in tables["messages"]
    }
    for table in FROM_A_MESSAGE:
        for row in tables[table]:
            message_id = row[_key_of(table)]
            values = {k: v for k, v in row.items() if k not in VOLATILE and k != "extra"}
            found[message_id][table].append(values)
    for values_of in found.values():
        for rows in values_of.values():
            rows.sort(key=lambda row: [v for k, v in row.items() if k.endswith(_ORDERED)])
    return found


def _without_reactions(values: Values) -> Values:
    return {table: rows for table, rows in values.items() if table != REACTIONS}


def _key_of(table: str) -> str:
    return "container_message_id" if table == FORWARDED else "message_id"


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat()
