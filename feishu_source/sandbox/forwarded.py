"""What a merged forward holds, as a person reads it: the tree, and a line or more for each message.

In: a container of the tenant. Out: rows of `forwarded_messages`, and the lines of its transcript.
Refuses to know: how the server sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from feishu_source.sandbox.tenant import Message

if TYPE_CHECKING:
    from feishu_source.sandbox.world import World

Row = dict[str, Any]


class Forwarded:
    """The messages of one container; a container that stands in it twice is opened once."""

    def __init__(self, world: World, read: Callable[[Message], Row]) -> None:
        self._world = world
        self._read = read
        self._opened: set[int] = set()

    def tell(self, container: Message) -> list[Row]:
        """The row of every message that is in it, each before those that it holds."""
        known = {"container_message_id": self._world.id_of(container)}
        return [row | known for row in self._below(container, "")]

    def _below(self, container: Message, prefix: str) -> Iterator[Row]:
        if container.number in self._opened:
            return
        self._opened.add(container.number)
        children: dict[int, Message] = {}
        for child in self._world.forwards.get(container.number, ()):
            children.setdefault(child.number, child)
        for index, child in enumerate(children.values()):
            path = f"{prefix}{index}"
            row = self._read(child) | {"upper_message_id": self._world.id_of(container)}
            row |= {"path": path, "depth": path.count(".")}
            inner = list(self._below(child, f"{path}."))
            if inner:
                row["text"] = "\n".join(transcript(inner, row["depth"] + 1))
            yield row
            yield from inner


def transcript(rows: list[Row], depth: int = 0) -> Iterator[str]:
    """The lines: when, who, what; what a nested container holds stands two blanks further in."""
    for number, row in enumerate(rows):
        after = rows[number + 1 : number + 2]
        if after and after[0]["depth"] > row["depth"]:
            lines = ["merged forward:"]
        elif row["deleted"]:
            lines = ["[recalled]"]
        elif row["text"] or row["title"]:
            lines = (row["text"] or row["title"]).splitlines()
        else:
            name = f": {row['file_name']}" if row["file_name"] else ""
            lines = [f"[{row['msg_type']}{name}]"]
        blanks = "  " * (row["depth"] - depth)
        who = row["sender_name"] or row["sender_id"] or row["sender_type"]
        yield f"{blanks}[{row['create_time']:%Y-%m-%d %H:%M:%S}] {who}: {lines[0]}"
        yield from (f"{blanks}  {line}" for line in lines[1:])
