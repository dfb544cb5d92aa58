"""Which chats are wanted: by id, by name, by shard.

In: ids, globs, a shard. Out: yes or no for a chat. Refuses to know which chats there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from feishu_source.shards import Shard


@dataclass(frozen=True, slots=True)
class Selection:
    """Which chats are wanted: by id, or by name; `exclude` wins, an id named outright wins over it.

    Globs know `*` and `?` and ignore case; a chat without a name matches only `*`. With a `shard`
    no chat of another one is wanted, not even one that is named outright.
    """

    chat_ids: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: Shard | None = None

    def holds(self, chat_id: str) -> bool:
        """True if the chat is this process's to read, if it is wanted."""
        return self.shard is None or self.shard.holds(chat_id)

    def wants(self, chat_id: str, name: str | None) -> bool:
        """True if the chat is to be read."""
        if not self.holds(chat_id):
            return False
        if self.chat_ids:
            return chat_id in self.chat_ids
        if _matches(name, self.exclude):
            return False
        return not self.include or _matches(name, self.include)


def _matches(name: str | None, globs: tuple[str, ...]) -> bool:
    if not name:
        return "*" in globs
    return any(fnmatchcase(name.casefold(), glob.casefold().replace("[", "[[]")) for glob in globs)
