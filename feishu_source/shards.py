"""A part of the chats, so that several processes share the work of one tenant.

In: `3/8`, the third of eight. Out: whether a chat belongs to it. Refuses to know which chats there
are. Each chat is in exactly one of the parts, and stays there as long as their number does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from feishu_source.errors import ConfigurationError

MOST_SHARDS = 100
"""The request rate is divided among them: one of so many makes a request in six seconds."""

_NAME = re.compile(r"_(\d+)_of_(\d+)$")


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `number` (from 1) `of` so many."""

    number: int
    of: int

    def holds(self, chat_id: str) -> bool:
        """True if the chat is in this part."""
        digest = blake2b(chat_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1

    def name(self, name: str) -> str:
        """The name of something that each part has its own of: `feishu_history_3_of_8`."""
        return f"{name}_{self.number}_of_{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str | None) -> Shard | None:
    """`3/8` as the third of eight, None for nothing.

    Raises:
        ConfigurationError: it is no such part.
    """
    if not text:
        return None
    match = re.fullmatch(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*", str(text))
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of <= MOST_SHARDS:
        raise ConfigurationError(
            f"shard {text!r} is no part of a whole: write 3/8 for the third of eight, at most "
            f"{MOST_SHARDS}/{MOST_SHARDS}."
        )
    return shard


def check_dataset(dataset: str) -> None:
    """Refuses a dataset whose tables a shard of another one would take for its staged rows.

    Raises:
        ConfigurationError: shards stage their rows under such a name.
    """
    if shard := shard_named(dataset):
        base = _NAME.sub("", dataset)
        if base.endswith("_staging"):
            raise ConfigurationError(
                f"the dataset {dataset} is where shard {shard} of {base.removesuffix('_staging')} "
                "keeps rows for a moment: choose another --dataset."
            )


def shard_named(pipeline_name: str) -> Shard | None:
    """The part that a pipeline of this name loads, as `Shard.name` made it."""
    match = _NAME.search(pipeline_name)
    return Shard(int(match[1]), int(match[2])) if match else None
