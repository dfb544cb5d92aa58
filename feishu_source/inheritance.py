"""What other pipelines of the same app have loaded into a dataset, for one that begins there.

In: the states of those whose loads are finished. Out: claims, and what is remembered of chats, to
go on from. Refuses to know how the states were found.

A claim says which messages of a chat the dataset holds, whoever loaded them. So a shard that was
made by dividing the chats anew goes on where the shards before it ended, chat by chat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from feishu_source.errors import ConfigurationError
from feishu_source.state import check_owner, open_state

Part = Literal["claims", "chats", "members", "pins", "tabs", "announcements"]
Entries = dict[str, Any]
"""What is known of each chat, by its id."""


@dataclass(slots=True)
class Inheritance:
    """`claims` of messages, and of the chats, by kind, what was read when."""

    claims: Entries = field(default_factory=dict)
    chats: Entries = field(default_factory=dict)
    members: Entries = field(default_factory=dict)
    pins: Entries = field(default_factory=dict)
    tabs: Entries = field(default_factory=dict)
    announcements: Entries = field(default_factory=dict)

    @classmethod
    def collect(
        cls,
        states: Iterable[dict[str, Any]],
        owner: Mapping[str, Any],
        wants: Callable[[str], bool],
    ) -> Inheritance:
        """The best of each chat that is wanted.

        Args:
            states: of each other pipeline's resources, by resource; older ones are brought up
                to date in place.
            owner: whose they have to be.
            wants: true for the id of a chat that is wanted.

        Raises:
            ConfigurationError: another app or tenant was loaded there, under whatever name.
        """
        found = cls()
        for state in states:
            messages = state.get("messages", {})
            check_owner(messages, owner)
            try:
                claims = open_state(messages, owner)
            except ConfigurationError:  # written by a newer version
                continue
            parts: dict[Part, Entries] = {
                "claims": claims,
                "chats": state.get("chats", {}).get("known", {}),
                "members": state.get("chat_members", {}).get("read_s", {}),
                "pins": state.get("chat_pins", {}).get("read_s", {}),
                "tabs": state.get("chat_tabs", {}).get("read_s", {}),
                "announcements": state.get("chat_announcements", {}).get("read_s", {}),
            }
            for part, entries in parts.items():
                wanted = {chat_id: entry for chat_id, entry in entries.items() if wants(chat_id)}
                _take(getattr(found, part), wanted, _IS_BETTER[part])
        return found

    def give(self, part: Part, own: Entries) -> None:
        """Puts into a pipeline's own entries what is better than they are."""
        others = getattr(self, part)
        if part == "claims":
            others = {
                chat_id: _with_full(claim, own.get(chat_id)) for chat_id, claim in others.items()
            }
        _take(own, others, _IS_BETTER[part])


def _take(own: Entries, others: Entries, is_better: Callable[[Any, Any], bool]) -> None:
    for chat_id, other in others.items():
        if chat_id not in own or is_better(other, own[chat_id]):
            own[chat_id] = other


def _with_full(claim: Entries, own: Mapping[str, Any] | None) -> Entries:
    """Another's claim, with the rereading of everything that the own one has begun and not ended.

    It was asked for once, here. Of threads it promises no more than the claim it now belongs to.
    """
    first = (own or {}).get("walks", {}).get("first")
    if not own or not first or not first.get("full") or _resets(claim) != _resets(own):
        return claim
    kept = first | {"threads": first["threads"] and claim.get("threads_covered", False)}
    return {**claim, "walks": {**claim.get("walks", {}), "first": kept}}


def _resets(claim: Mapping[str, Any]) -> int:
    return int(claim.get("resets") or 0)


def _reaches_further(claim: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """True if a claim covers all that the own one does, and more; one before a reset does not."""
    if _resets(claim) != _resets(own):
        return _resets(claim) > _resets(own)
    if own.get("covered_until_s") is None:
        return claim.get("covered_until_s") is not None
    return bool(
        (claim.get("covered_until_s") or 0) > own["covered_until_s"]
        and (claim.get("covered_from_s") or 0) <= (own.get("covered_from_s") or 0)
    )


def _is_later(read_s: int, own: int) -> bool:
    return read_s > own


_IS_BETTER: dict[Part, Callable[[Any, Any], bool]] = {
    "claims": _reaches_further,
    "chats": lambda known, own: bool(known.get("read_s", 0) > own.get("read_s", 0)),
    "members": _is_later,
    "pins": _is_later,
    "tabs": _is_later,
    "announcements": _is_later,
}
