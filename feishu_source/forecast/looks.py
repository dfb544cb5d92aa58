"""What a page shows, as far as an estimate needs it: times, threads, positions; no text, no names.

In: items of the API. Out: `Look`, `ThreadLook`. Refuses to know which page it was, and HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from feishu_source.content import parse_content
from feishu_source.fields import parse_int, parse_ms, text_or_none
from feishu_source.visit import is_reply_in_thread


@dataclass(frozen=True, slots=True)
class Item:
    """A message of a timeline.

    `reply`: whether it is a reply in the thread it carries; None where it answers something and the
    undocumented position in its thread is missing: it may be a root that answers plainly.
    `position` is undocumented as well, and None where it is missing or negative. `files`: those of
    it that are to be downloaded. `forward`: a merged one, which takes a request to open.
    """

    message_id: str
    create_ms: int
    thread_id: str | None = None
    reply: bool | None = False
    position: int | None = None
    files: int = 0
    forward: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Messages that follow one another without a gap, oldest first, and the range they fill, ms.

    `starts`: nothing stands before them. `ends`: nothing stands behind them.
    """

    items: tuple[Item, ...]
    from_ms: int
    to_ms: int
    starts: bool = False
    ends: bool = False

    @property
    def threads(self) -> int:
        """Threads that were seen."""
        return len({item.thread_id for item in self.items if item.thread_id})


def shows_replies(items: Iterable[Item]) -> bool | None:
    """True if replies stand in a timeline itself, as in topic groups; None if nobody can tell.

    Elsewhere it shows nothing of a thread but its root, so no thread twice.
    """
    shown = {item.message_id: item for item in items if item.thread_id}.values()
    if any(item.reply for item in shown) or len({item.thread_id for item in shown}) < len(shown):
        return True
    return None if any(item.reply is None for item in shown) else False


@dataclass(frozen=True, slots=True)
class ThreadLook:
    """A thread, newest page first. `replies_ms` are those seen, oldest first.

    `pages` is what reading it whole takes; at least that, where it is not `counted`.
    """

    root_ms: int | None
    replies_ms: tuple[int, ...]
    pages: int
    counted: bool
    replies: int


def read_items(
    items: Iterable[dict[str, Any]], file_types: Collection[str] = ()
) -> tuple[Item, ...]:
    """The messages of a page of a timeline, oldest first, with their files of these types."""
    read = [_read_item(item, file_types) for item in items]
    return tuple(sorted(filter(None, read), key=lambda item: item.create_ms))


def _read_item(item: dict[str, Any], file_types: Collection[str]) -> Item | None:
    created = parse_ms(item.get("create_time"))
    if created is None:
        return None
    position = parse_int(item.get("message_position"))
    reply: bool | None = is_reply_in_thread(item)
    if reply and parse_int(item.get("thread_message_position")) is None:
        reply = None
    is_copy = bool(item.get("sync_to_chat_info"))
    return Item(
        text_or_none(item.get("message_id")) or "",
        created,
        None if reply is not False and is_copy else text_or_none(item.get("thread_id")),
        reply,
        position if position is not None and position >= 0 else None,
        _count_files(item, file_types) if file_types else 0,
        item.get("msg_type") == "merge_forward" and item.get("deleted") is not True,
    )


def _count_files(item: dict[str, Any], types: Collection[str]) -> int:
    """The files of a message; the API hands out none that stand in cards."""
    msg_type, body = text_or_none(item.get("msg_type")) or "", item.get("body")
    if msg_type == "interactive" or not isinstance(body, dict):
        return 0
    content = parse_content(
        msg_type, text_or_none(body.get("content")), {}, bool(item.get("deleted"))
    )
    return len({key for kind, key, *_ in content.resources if kind in types})


def read_thread(
    items: Sequence[dict[str, Any]], page_size: int, root_ms: int | None, *, complete: bool
) -> ThreadLook:
    """A thread as its newest page shows it; the last position tells of the pages before it."""
    replies = [item for item in items if is_reply_in_thread(item)]
    times = sorted(filter(None, (parse_ms(item.get("create_time")) for item in replies)))
    last = max((parse_int(each.get("thread_message_position")) or 0 for each in replies), default=0)
    number = max(len(replies), last + 1 if replies else 0)
    if complete:
        number = len(replies)
    pages = max(1, -(-(number + 1) // page_size))
    counted = complete or last + 1 >= len(items)
    return ThreadLook(root_ms, tuple(times), pages if counted else max(2, pages), counted, number)
