"""What is covered of a chat, and what is to be read next: plain values in and out.

In: a chat's state, what this load wants. Out: the next window to read, and the state that holds
once it was read. All times are whole seconds since the epoch; a window is [start, stop).
Refuses to know HTTP, dlt and the clock.

`covered_from_s`, `covered_until_s` claim: every timeline message in between that was visible when
listed was loaded, and every thread its root then showed was read or is owed. They never move back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from feishu_source.hot import HotRule
from feishu_source.rungs import Rung, due, start_s

Kind = Literal["head", "first", "past", "sweep", "again", "window"]
"""`head`: what is new, and the look-back. `first`: everything, up to the pinned end. `past`: what
lies before an earlier start. `sweep`: the windows of the rungs that are due. `again`: where
reactions are lacking. `window`: bounds that the caller asked for."""


@dataclass(slots=True)
class OpenWalk:
    """A window that is being read, and how far its reading got.

    `at_s`: all messages before it are loaded. `as_of_s`: the pinned end of the load that opened it.
    `threads`: all threads met so far were read or are owed. `full`: of a `first` walk over what is
    covered, that messages are wanted again, not only their threads.
    """

    kind: Kind
    start_s: int
    at_s: int
    stop_s: int
    as_of_s: int
    threads: bool
    full: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The stored form: `full` only where it is true."""
        values = asdict(self)
        if not self.full:
            del values["full"]
        return values


@dataclass(slots=True)
class ChatState:
    """What is claimed of one chat.

    `hot_threads`: thread_id to the newest reply (ms) of the last poll that reached its stop; 0
    means owed: known, and not yet read; -T means owed down to T (ms). `swept_s`: per rung, in
    seconds of age, as of when. `root_times_ms`: of hot threads whose polls do not show the root,
    when the root was sent, 0 if nobody tells. `hot_since_ms`: threads silent since before were
    dropped for their number. `polled_s`: as of when the hot threads that were due were polled,
    which not all do that move the claim. `flat`: a reply was seen in the chat's own timeline, so
    its threads need no polls.

    `forwards`: of merged forwards that were opened, 12 digits of the content_hash to the hour in
    which they were sent, or last listed in a thread. `owed_forwards`: those that could not be
    opened, by message_id: how often they were tried, when they are due again (s), and Feishu's
    code or 0. `reactions_owed`: between which seconds the timeline shows messages whose reactions
    could not be had, when those are due again (s), and how often that was tried; empty if none are.

    For the sake of idle chats, `newest_s`: no message known of the timeline is newer; `troubled`:
    the last load that tried could not read the chat; `idle_until_s`: nothing was sent from what is
    covered up to here, as other chats have proven, but nothing is claimed of it.

    `resets`: how often what was claimed before was forgotten because somebody asked for it. Claims
    of fewer resets, which other pipelines may still make, count no more.
    """

    covered_from_s: int | None = None
    covered_until_s: int | None = None
    threads_covered: bool = False
    walks: dict[str, OpenWalk] = field(default_factory=dict)
    swept_s: dict[str, int] = field(default_factory=dict)
    hot_threads: dict[str, int] = field(default_factory=dict)
    root_times_ms: dict[str, int] = field(default_factory=dict)
    hot_since_ms: int | None = None
    polled_s: int | None = None
    flat: bool = False
    newest_s: int | None = None
    troubled: bool = False
    idle_until_s: int | None = None
    resets: int | None = None
    forwards: dict[str, int] = field(default_factory=dict)
    owed_forwards: dict[str, list[int]] = field(default_factory=dict)
    reactions_owed: list[int] = field(default_factory=list)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ChatState:
        """The state from its stored form, which is left alone."""
        values = {key: state[key] for key in state if key in cls.__dataclass_fields__}
        values["walks"] = {k: OpenWalk(**w) for k, w in state.get("walks", {}).items()}
        for key in ("swept_s", "hot_threads", "root_times_ms", "forwards", "owed_forwards"):
            values[key] = dict(state.get(key, {}))
        values["reactions_owed"] = list(state.get("reactions_owed", []))
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The stored form: JSON types, what is empty left out, sharing nothing with this."""
        stored: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None and value is not False and value != {} and value != []:
                # Thousands of threads, in every batch: one copy of the dict, not of each entry.
                stored[name] = value.copy() if isinstance(value, dict | list) else value
        if self.walks:
            stored["walks"] = {kind: walk.to_dict() for kind, walk in self.walks.items()}
        return stored

    @property
    def owed(self) -> list[str]:
        """Threads that are known and were not yet read."""
        return [thread_id for thread_id, newest in self.hot_threads.items() if newest <= 0]

    def due_forwards(self, as_of_s: int) -> list[str]:
        """Merged forwards that could not be opened, and are to be tried again by now."""
        return [
            message_id
            for message_id, (_, due_s, _) in self.owed_forwards.items()
            if due_s <= as_of_s
        ]

    @property
    def finished_before(self) -> bool:
        """True once a first walk has reached its end; from then on the chat has heads."""
        first = self.walks.get("first")
        return self.covered_until_s is not None and (
            first is None or first.at_s < self.covered_until_s
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one load wants of every chat.

    `start_s`: from where on. `stop_s`: the pinned end, or an earlier bound. `explicit`: that bound
    was asked for, so the window is read whole whatever is covered. `full`: read everything again.
    `ladder`: how often what is older than the look-back is read again. `hot`: which threads are
    polled for new replies. `forwards`: merged forwards are opened. `reactions`: they are asked for.
    """

    start_s: int
    stop_s: int
    as_of_s: int
    look_back_s: int
    threads: bool = True
    explicit: bool = False
    full: bool = False
    ladder: tuple[Rung, ...] = ()
    hot: HotRule = field(default_factory=HotRule)
    forwards: bool = True
    reactions: bool = False


def prepare(state: ChatState, wanted: Wanted) -> None:
    """Adapts a chat's claims to what this load can keep: without threads, none is covered."""
    if wanted.threads:
        return
    state.threads_covered = False
    for walk in state.walks.values():
        walk.threads = False
    first = state.walks.get("first")
    if first and not first.full and state.finished_before:
        del state.walks["first"]  # a rereading for the sake of threads


def next_walk(
    chat_id: str, state: ChatState, wanted: Wanted, done: Mapping[Kind, OpenWalk]
) -> OpenWalk | None:
    """The window to read next of this chat, None when this load is done with it.

    What this load itself has read is told in `done`, never inferred from the claims: two loads may
    pin the same second. A head comes before a rereading, so that a long one does not hold up what
    is new; sweeps come last.
    """
    if is_window(state, wanted):
        return None if "window" in done else _open("window", window_start(state, wanted), wanted)
    if not state.finished_before:
        return state.walks.get("first") or _open_first(wanted, done)
    if "head" not in done:
        return state.walks.get("head") or _open("head", head_start(state, wanted), wanted)
    return _next_rereading(state, wanted, done) or _next_sweep(chat_id, state, wanted, done)


def is_window(state: ChatState, wanted: Wanted) -> bool:
    """True if the bounds asked for are to be read for themselves, whatever is covered.

    A start behind what is covered would leave a gap: such a window is loaded and not claimed.
    """
    if state.covered_until_s is None:
        return False
    return wanted.explicit or wanted.start_s > state.covered_until_s


def _next_rereading(
    state: ChatState, wanted: Wanted, done: Mapping[Kind, OpenWalk]
) -> OpenWalk | None:
    covered_from_s = state.covered_from_s or 0
    if "first" in state.walks:
        return state.walks["first"]
    if wanted.full and "first" not in done:
        return replace(_open_rereading(wanted.start_s, state, wanted), full=True)
    if wanted.threads and not state.threads_covered and "first" not in done:
        return _open_rereading(min(wanted.start_s, covered_from_s), state, wanted)
    if "past" in state.walks:
        return state.walks["past"]
    if wanted.start_s < covered_from_s:
        return replace(_open("past", wanted.start_s, wanted), stop_s=covered_from_s)
    return None


def _next_sweep(
    chat_id: str, state: ChatState, wanted: Wanted, done: Mapping[Kind, OpenWalk]
) -> OpenWalk | None:
    """The windows of the rungs that are due, down from where this load's head began.

    A start later than what is covered cuts none short: what was loaded is kept up to date, and a
    rung whose window was cut would never be stamped, but be due in every load.
    """
    if "sweep" in state.walks:
        return state.walks["sweep"]
    rungs = due(wanted.ladder, state.swept_s, chat_id, wanted.as_of_s)
    if not rungs or "sweep" in done:
        return None
    least_s = min(start_s(rung, state.swept_s, wanted.as_of_s) for rung in rungs)
    sweep = _open("sweep", max(least_s, state.covered_from_s or 0), wanted)
    stop = replace(sweep, stop_s=done["head"].start_s)
    return stop if stop.start_s < stop.stop_s else None


def _open_first(wanted: Wanted, done: Mapping[Kind, OpenWalk]) -> OpenWalk | None:
    return None if "first" in done else _open("first", wanted.start_s, wanted)


def _open(kind: Kind, start_s: int, wanted: Wanted) -> OpenWalk:
    start_s = min(start_s, wanted.stop_s)
    return OpenWalk(kind, start_s, start_s, wanted.stop_s, wanted.as_of_s, wanted.threads)


def _open_rereading(start_s: int, state: ChatState, wanted: Wanted) -> OpenWalk:
    """To the end of what is covered, even where the clock stepped back: it may claim all of it."""
    stop_s = max(wanted.stop_s, state.covered_until_s or 0)
    return replace(_open("first", start_s, wanted), stop_s=stop_s)


def head_start(state: ChatState, wanted: Wanted) -> int:
    """Where a head begins: the look-back before what is covered, or before the pinned end.

    A later start does not cut it short: what became visible late behind it would never be read.
    But what no load has wanted so far stays out.
    """
    until = min(state.covered_until_s or 0, wanted.stop_s)
    first = min(wanted.start_s, state.covered_from_s or 0)
    return max(until - wanted.look_back_s, first, 0)


def window_start(state: ChatState, wanted: Wanted) -> int:
    """Where a window begins: as asked for, or as a head does if it goes on from what is covered."""
    if wanted.start_s <= (state.covered_until_s or 0) < wanted.stop_s:
        return min(wanted.start_s, head_start(state, wanted))
    return wanted.start_s


def advance(state: ChatState, walk: OpenWalk, at_s: int) -> None:
    """Claims that everything of this walk before `at_s` is loaded; it stays open.

    An open `window` is not remembered: the next load may ask for other bounds.
    """
    walk.at_s = max(walk.at_s, min(at_s, walk.stop_s))
    if walk.kind != "window":
        state.walks[walk.kind] = walk
    _extend(state, walk)


def finish(state: ChatState, walk: OpenWalk, ladder: Iterable[Rung] = ()) -> None:
    """Claims the whole window and closes the walk; stamps the rungs whose windows it contains.

    The stamp is the end that was pinned when the walk was opened, not when it was finished: what
    changed behind it meanwhile is for the next sweep.

    A `first` walk that read the threads from the start covers all threads: what was loaded since
    it was opened read its threads too, or `prepare` or `forget_threads` would have told it.
    """
    walk.at_s = walk.stop_s
    _extend(state, walk)
    state.walks.pop(walk.kind, None)
    if walk.kind == "first" and walk.threads and walk.start_s == state.covered_from_s:
        state.threads_covered = True
    if walk.kind in ("first", "sweep"):
        _stamp(state, walk, ladder)
    if walk.kind in ("first", "head") and walk.threads and walk.start_s < walk.stop_s:
        state.polled_s = max(state.polled_s or 0, walk.as_of_s)
    if state.idle_until_s is not None and state.idle_until_s <= (state.covered_until_s or 0):
        state.idle_until_s = None


def _stamp(state: ChatState, walk: OpenWalk, ladder: Iterable[Rung]) -> None:
    for rung in ladder:
        wanted_s = max(start_s(rung, state.swept_s, walk.as_of_s), state.covered_from_s or 0)
        if walk.start_s <= wanted_s:
            state.swept_s[rung.key] = max(state.swept_s.get(rung.key, 0), walk.as_of_s)


def _extend(state: ChatState, walk: OpenWalk) -> None:
    """Joins [walk.start_s, walk.at_s) to what is covered, if the two touch; else claims nothing.

    What is added without its threads withdraws the claim on threads. An empty window (a start that
    lies ahead) claims nothing: no later window would touch it, so nothing could be claimed again.
    """
    if walk.start_s == walk.stop_s:
        return
    if state.covered_from_s is None or state.covered_until_s is None:
        state.covered_from_s, state.covered_until_s = walk.start_s, walk.at_s
        state.threads_covered = walk.threads
    elif walk.start_s <= state.covered_until_s and walk.at_s >= state.covered_from_s:
        from_s = min(state.covered_from_s, walk.start_s)
        until_s = max(state.covered_until_s, walk.at_s)
        if (from_s, until_s) != (state.covered_from_s, state.covered_until_s):
            state.threads_covered = state.threads_covered and walk.threads
        state.covered_from_s, state.covered_until_s = from_s, until_s


def note_newest(state: ChatState, walk: OpenWalk, listed_s: int | None) -> None:
    """Notes the newest message after a walk that left nothing unread from its start to the end.

    `listed_s`: the newest that this load listed. Without one in the window it is older; if what was
    known of it was not, it is listed no more.
    """
    if listed_s is not None and listed_s >= walk.start_s:
        state.newest_s = listed_s
    else:
        known_s = walk.start_s if state.newest_s is None else state.newest_s
        state.newest_s = min(known_s, walk.start_s)


def leave_out(state: ChatState, as_of_s: int) -> None:
    """Notes that nothing was sent up to now; what is claimed stays as it is."""
    if as_of_s > (state.covered_until_s or 0):
        state.idle_until_s = max(as_of_s, state.idle_until_s or 0)


def forget_threads(state: ChatState, walk: OpenWalk) -> None:
    """Withdraws the claim on threads: replies behind the wanted end were left out.

    From every open walk too: a `first` one claims at its end what others read meanwhile.
    """
    for each in (walk, *state.walks.values()):
        each.threads = False
    state.threads_covered = False


def note_done(done: dict[Kind, OpenWalk], walk: OpenWalk, wanted: Wanted, *, own: bool) -> None:
    """Remembers what this load has read; a walk that an earlier load opened is not its own.

    One that reaches the load's end leaves no head to be read, and no window if it began as early.
    """
    if own:
        done[walk.kind] = walk
        if walk.stop_s >= wanted.stop_s:
            done["head"] = walk
            if walk.start_s <= wanted.start_s:
                done["window"] = walk
