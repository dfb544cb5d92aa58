"""Reactions that could not be had for now: of which time, and when that time is read again.

In: a chat's state, when a message is found. Out: the window to read once more. Pure.

An outage, a missing scope or a load's bound may keep away the reactions of any number of messages.
No list of them is kept, only the window in which the timeline shows them, or the roots of their
threads: four numbers a chat, however long it lasts. The window is read again as a sweep is.
Refuses to know HTTP, dlt and the clock.
"""

from __future__ import annotations

from feishu_source.coverage import ChatState, OpenWalk, Wanted
from feishu_source.settings import DAY_S, HOUR_S

AGAIN_S = (HOUR_S // 4, HOUR_S, 4 * HOUR_S, 16 * HOUR_S, 3 * DAY_S, 10 * DAY_S)
"""How long after each try the next one is due; the last one for ever: what is given up would be
found by no rung once it is old."""


def owe(state: ChatState, found_s: int, due_s: int) -> None:
    """Notes that reactions are lacking of what the timeline shows in that second."""
    if not state.reactions_owed:
        state.reactions_owed = [found_s, found_s + 1, due_s, 0]
        return
    from_s, until_s, *_ = state.reactions_owed
    if from_s < until_s:
        found = min(from_s, found_s), max(until_s, found_s + 1)
    else:  # nothing was owed but what is being read again
        found = found_s, found_s + 1
    state.reactions_owed[:2] = found


def owed_from_s(state: ChatState) -> int | None:
    """The oldest second of which reactions are lacking, None if none are."""
    starts = [state.walks["again"].at_s] if "again" in state.walks else []
    if state.reactions_owed and state.reactions_owed[0] < state.reactions_owed[1]:
        starts.append(state.reactions_owed[0])
    return min(starts, default=None)


def is_due(state: ChatState, as_of_s: int) -> bool:
    """True if a window is to be read once more."""
    if not state.reactions_owed:
        return False
    from_s, until_s, due_s, _ = state.reactions_owed
    return from_s < until_s and due_s <= as_of_s


def open_again(state: ChatState, wanted: Wanted) -> OpenWalk | None:
    """The window to read once more, or to go on with; what it lacks is owed anew, not twice.

    Not in the load in which it was missed: of one slice every message is asked about once.
    """
    if not wanted.reactions or wanted.explicit or not state.finished_before:
        return None
    if "again" in state.walks:
        return state.walks["again"]
    if not state.reactions_owed or state.reactions_owed[2] > wanted.as_of_s:
        return None
    from_s, until_s, _, tries = state.reactions_owed
    if from_s >= until_s:  # all of it came
        state.reactions_owed = []
        return None
    due_s = wanted.as_of_s + AGAIN_S[min(tries + 1, len(AGAIN_S) - 1)]
    state.reactions_owed = [0, 0, due_s, tries + 1]
    walk = OpenWalk("again", from_s, from_s, until_s, wanted.as_of_s, wanted.threads)
    state.walks["again"] = walk
    return walk


def give_back(state: ChatState, walk: OpenWalk) -> None:
    """Ends the rereading early: what it did not come to is owed as before."""
    state.walks.pop("again", None)
    if walk.at_s < walk.stop_s:
        owe(state, walk.at_s, walk.as_of_s + AGAIN_S[0])
        owe(state, walk.stop_s - 1, walk.as_of_s + AGAIN_S[0])


def forget(state: ChatState) -> None:
    """Reactions are not wanted any more; switched on again, they begin with what is read then."""
    state.reactions_owed = []
    state.walks.pop("again", None)
