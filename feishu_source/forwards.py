"""A merged forward becomes rows: one a message in it, and a transcript that a person can read.

In: the items that the API gives for a container, flat. Out: tuples in the column order of
`forwarded_messages`, times still in milliseconds, the transcript, and what could not become a row.
Refuses to know HTTP, dlt, Arrow and the clock.

The tree is rebuilt from `upper_message_id`. What hangs on nothing that came with it, or deeper than
`MOST_DEPTH`, stands at the top. A nested container that stands in two places is opened in the first
of them: nothing tells which of its messages came by which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from feishu_source.fields import text_or_none
from feishu_source.rows import Item, Rejected, content_hash, parse_item
from feishu_source.tables import MESSAGES

MOST_DEPTH = 32
"""Forwards within forwards: far more than a client shows, far less than Python can nest."""

INDENT = "  "

_AT = {name: at for at, name in enumerate(MESSAGES.names)}
_TEXT = _AT["text"]


class Forward(NamedTuple):
    """What one request for a container brought.

    `container`: the item of the container itself. `text`: the transcript, None if nothing is in it.
    `rows`: of `forwarded_messages`. `rejected`: items that are no row, each with the reason.
    """

    container: Item | None
    text: str | None
    rows: list[tuple[Any, ...]]
    rejected: list[tuple[Any, str]]
    unparsed: int


@dataclass(slots=True)
class _Node:
    row: tuple[Any, ...]
    unparsed: int
    path: str = ""
    depth: int = 0
    children: list[_Node] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def parse_forward(container_id: str, items: Sequence[Any], listed_at_ms: int) -> Forward:
    """All rows of one container.

    Args:
        container_id: the message that was asked for.
        items: `data.items`, as im/v1/messages/:message_id gives them.
        listed_at_ms: server time of the reply.
    """
    container, rejected = None, []
    below: dict[str | None, dict[str, _Node]] = {}
    for item in items:
        try:
            if not isinstance(item, dict):
                raise Rejected("no object")
            if item.get("message_id") == container_id:
                container = item
                continue
            parsed = parse_item(item, content_hash(item), listed_at_ms)
        except Rejected as reason:
            rejected.append((item, f"in a merged forward: {reason}"))
            continue
        siblings = below.setdefault(text_or_none(item.get("upper_message_id")), {})
        siblings.setdefault(parsed.message[0], _Node(parsed.message, parsed.unparsed))
    top = _Tree(below).grow(container_id)
    nodes = list(_in_order(top))
    for node in reversed(nodes):  # what is nested before what holds it
        _write(node)
    return Forward(
        container,
        "\n".join(line for node in top for line in node.lines) or None,
        [(container_id, node.path, node.depth, *node.row, False) for node in nodes],
        rejected,
        sum(node.unparsed for node in nodes),
    )


class _Tree:
    """The items, hung below each other; each container is opened once, so that no circle lasts."""

    def __init__(self, below: dict[str | None, dict[str, _Node]]) -> None:
        self._below = below

    def grow(self, container_id: str) -> list[_Node]:
        """What stands at the top: the container's own, then what hangs on nothing."""
        top: list[_Node] = []
        self._hang(top, "", container_id)
        while self._below:
            self._hang(top, "", next(iter(self._below)))
        return top

    def _hang(self, siblings: list[_Node], prefix: str, upper: str | None) -> None:
        depth = prefix.count(".")
        first = len(siblings)
        siblings += self._below.pop(upper, {}).values()
        for index, node in enumerate(siblings[first:], first):
            node.path, node.depth = f"{prefix}{index}", depth
            if depth < MOST_DEPTH:
                self._hang(node.children, f"{node.path}.", node.row[0])


def _in_order(nodes: list[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _in_order(node.children)


def _write(node: _Node) -> None:
    """The lines of one message, and of what it holds; its `text` becomes that of a container."""
    row = node.row
    nested = [line for child in node.children for line in child.lines]
    if nested:
        node.row = (*row[:_TEXT], "\n".join(nested), *row[_TEXT + 1 :])
        said = ["merged forward:"]
    else:
        said = (_words(row) or f"[{row[_AT['msg_type']]}]").splitlines()
    sent = datetime.fromtimestamp(row[_AT["create_time"]] / 1_000, UTC)
    sender = row[_AT["sender_name"]] or row[_AT["sender_id"]] or row[_AT["sender_type"]]
    head = f"[{sent:%Y-%m-%d %H:%M:%S}] {sender or 'unknown'}: "
    node.lines = [head + said[0], *(INDENT + line for line in (*said[1:], *nested))]


def _words(row: tuple[Any, ...]) -> str | None:
    """What a message says: its words, else its title or the name of its file."""
    if row[_AT["deleted"]]:
        return "[recalled]"
    file_name = row[_AT["file_name"]]
    named = f"[{row[_AT['msg_type']]}: {file_name}]" if file_name else None
    return row[_TEXT] or row[_AT["title"]] or named
