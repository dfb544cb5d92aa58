"""Which messages a list shows, in which order, page by page; and the orders of the list of chats.

In: a tenant, a query. Out: messages and a page token.
Refuses to know: HTTP and JSON. Pages go on after the last item they showed, by time and posting
order, so equal times across a page border are neither lost nor doubled.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from struct import error as StructError

from feishu_source.sandbox.community import Community
from feishu_source.sandbox.refusals import invalid
from feishu_source.sandbox.switches import Switches
from feishu_source.sandbox.tenant import Chat, Message

_TOKEN = Struct(">qQ?8s")
# Two requests that differ in these still belong to one listing.
_FREE_PARAMETERS = frozenset({"page_token", "page_size"})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a listing: after the item with this time and number.

    `paused` is true where an empty page has just been shown.
    """

    order: tuple[int, int]
    paused: bool = False


def _seal(place: Place, path: str, query: Mapping[str, str]) -> bytes:
    bound = sorted((k, v) for k, v in query.items() if k not in _FREE_PARAMETERS)
    return blake2b(repr((place, path, bound)).encode(), digest_size=8).digest()


def page_token(place: Place, path: str, query: Mapping[str, str]) -> str:
    """A token for a place, good for this query only."""
    packed = _TOKEN.pack(*place.order, place.paused, _seal(place, path, query))
    return urlsafe_b64encode(packed).decode()


def place_of(token: str, path: str, query: Mapping[str, str], code: int) -> Place:
    """The place of a token. Raises: Refused, for a token of another query or none of ours."""
    try:
        time_ms, number, paused, seal = _TOKEN.unpack(urlsafe_b64decode(token))
    except (NotBase64, ValueError, StructError) as error:
        raise invalid(code, "page_token", token, "it is malformed") from error
    place = Place((time_ms, number), paused)
    if seal != _seal(place, path, query):
        raise invalid(code, "page_token", token, "it belongs to another query")
    return place


@dataclass(frozen=True, slots=True)
class Window:
    """What of a listing is asked for: times in milliseconds, the end not included."""

    from_ms: int | None = None
    until_ms: int | None = None
    descending: bool = False
    roots_only: bool = False


def window(
    start_s: int | None, end_s: int | None, descending: bool, roots_only: bool, switches: Switches
) -> Window:
    """The window of a query in seconds, whose edges count as the switches say."""
    from_ms = until_ms = None
    if start_s is not None:
        from_ms = (start_s if switches.start_inclusive else start_s + 1) * 1000
    if end_s is not None:
        until_ms = (end_s + 1 if switches.end_inclusive else end_s) * 1000
    return Window(from_ms, until_ms, descending, roots_only)


def _by_order(message: Message) -> tuple[int, int]:
    return message.order


def walk(listing: list[Message], wanted: Window, after: Place | None) -> Iterator[Message]:
    """The messages of a window, in its order, from a place on."""
    low, high = 0, len(listing)
    if wanted.from_ms is not None:
        low = bisect_left(listing, (wanted.from_ms, 0), key=_by_order)
    if wanted.until_ms is not None:
        high = bisect_left(listing, (wanted.until_ms, 0), key=_by_order)
    if after is not None and wanted.descending:
        high = min(high, bisect_left(listing, after.order, key=_by_order))
    elif after is not None:
        low = max(low, bisect_right(listing, after.order, key=_by_order))
    places = range(high - 1, low - 1, -1) if wanted.descending else range(low, high)
    return (listing[place] for place in places)


def is_listed(message: Message, now_ms: int, switches: Switches) -> bool:
    """Whether the bot sees a message in its chat, or in its thread if that is visible."""
    if message.visible_ms > now_ms or (message.removed and switches.hard_delete_missing):
        return False
    return switches.history_before_join or message.create_ms >= message.chat.joined_ms


def is_in_timeline(message: Message, now_ms: int, switches: Switches, roots_only: bool) -> bool:
    """Whether a message of a chat's timeline is shown there."""
    thread = message.thread
    is_reply = thread is not None and thread.root is not message
    if thread is not None and is_reply and (roots_only or thread.hidden or thread.deleted):
        return False
    return is_listed(message, now_ms, switches)


def creation(chat: Chat) -> tuple[int, int]:
    """A chat's place in the list of chats, oldest first."""
    return (chat.create_ms, chat.number)


def activity(world: Community) -> Callable[[Chat], tuple[int, int]]:
    """A chat's place in the list of chats by activity: when the newest message was sent in it.

    Of those that the bot sees now; a chat without any was active when it was made.
    """
    now_ms, switches = world.now_ms, world.switches

    def counts(message: Message) -> bool:
        if switches.activity == "people" and message.sender is not None and message.sender.is_app:
            return False
        if switches.activity == "replies" and message.is_reply_in_thread:
            return is_listed(message, now_ms, switches)
        return is_in_timeline(message, now_ms, switches, roots_only=False)

    def place(chat: Chat) -> tuple[int, int]:
        found = next((m.create_ms for m in reversed(chat.timeline) if counts(m)), chat.create_ms)
        if switches.activity == "replies":
            roots = (m.thread for m in chat.timeline if m.thread and m.thread.root is m)
            replies = (m.create_ms for thread in roots for m in thread.replies if counts(m))
            found = max(found, *replies, found)
        return (found, chat.number)

    return place
