"""What a load tells about itself: filled by the loading bay, shown by whoever called it.

In: numbers and names. Out: `Progress` while a load runs, `LoadReport` when it has ended.
Refuses to know HTTP, dlt and the terminal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["complete", "partial", "skipped", "failed"]
"""`complete` up to the load's pinned end; `partial`: more to read; `skipped`: the platform refuses
this chat; `failed`: retries used up, or a code nobody listed."""

Language = Literal["en", "zh"]
"""Texts for people are in one of these; ids, codes and Feishu's own words stay as they are."""

Phase = Literal["starting", "chats", "messages", "loading", "people", "files", "finished"]

FileStatus = Literal["stored", "refused", "unsupported", "too_large", "failed"]
"""`stored`: it is there; `refused`: Feishu does not hand it out; `unsupported`: the API hands out
nothing of the kind; `too_large`: larger than is wanted; `failed`: later loads ask again."""

MOST_REASONS = 20
"""Different reasons that are counted apart; the rest stands in `resource_files`."""

EXIT_COMPLETE = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2
EXIT_INCOMPLETE = 3
EXIT_LOCKED = 4
SIGNAL_BASE = 128
"""A shell's exit code for a process that a signal ended is 128 plus the signal's number."""

NO_CHATS = (
    "there is no chat to read: add the bot to a group, or check --chat, --include and --exclude"
)
"""Said of a load that found nothing to load."""


@dataclass(slots=True)
class Progress:
    """A load as it stands now: one thread writes it, any thread may read it.

    `range_share` is the part of all chats' time ranges that is covered, 0.0 to 1.0.
    `messages` and `replies` count rows, as they are read.
    """

    phase: Phase = "starting"
    slice: int = 0
    chats_total: int = 0
    chats_done: int = 0
    messages: int = 0
    replies: int = 0
    requests: int = 0
    refused: int = 0
    files: int = 0
    range_share: float = 0.0


@dataclass(slots=True)
class FilesReport:
    """What became of the images, files, audio and video that a load decided on.

    `stored` were fetched, `bytes` of them; `reused` were there already under the same key.
    `reasons` counts those that are not there by why. `ended`: why a load did not decide on all.
    """

    stored: int = 0
    bytes: int = 0
    reused: int = 0
    refused: int = 0
    unsupported: int = 0
    too_large: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ended: str | None = None

    def count(self, status: FileStatus, size: int, reason: str | None, *, reused: bool) -> None:
        """One more that was decided on."""
        name = "reused" if reused else status
        setattr(self, name, getattr(self, name) + 1)
        if status == "stored":
            self.bytes += 0 if reused else size
            return
        key = reason if reason in self.reasons or len(self.reasons) < MOST_REASONS else None
        key = key or "other reasons"
        self.reasons[key] = self.reasons.get(key, 0) + 1

    @property
    def missing(self) -> int:
        """Those that are not there."""
        return self.refused + self.unsupported + self.too_large + self.failed


@dataclass(slots=True)
class UsersReport:
    """What became of the people whose details a load asked for.

    `missing`: those of whom nothing was told. `ended`: why a load did not ask for all.
    """

    told: int = 0
    missing: int = 0
    unparsed: int = 0
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pipeline loads to; `database` is a DuckDB file, None elsewhere."""

    destination: str
    database: str | None
    dataset: str


@dataclass(frozen=True, slots=True)
class ChatProblem:
    """A chat that is not complete after a load, and what to do about it."""

    chat_id: str
    name: str | None
    status: Status
    code: int | None = None
    message: str | None = None
    advice_en: str | None = None
    advice_zh: str | None = None
    log_id: str | None = None


@dataclass(slots=True)
class LoadReport:
    """The account of one load: what was read, what it cost, what is missing.

    `new` counts messages the destination did not hold before, None where that cannot be asked, as
    of a shard, beside which others load; `messages` are timeline rows, `replies` the rows read
    through the thread container; `published` is the copy for readers that was made, None if none
    was; `searchable` counts the messages in the search index, None if that was not updated; `files`
    and `users` are None where none were wanted.
    """

    run_id: str
    version: str
    pipeline: str
    destination: str
    dataset: str
    database: str | None
    started_at: datetime
    finished_at: datetime | None = None
    pinned_end: datetime | None = None
    exit_code: int = EXIT_FAILED
    chats_complete: int = 0
    chats_partial: int = 0
    chats_skipped: int = 0
    chats_failed: int = 0
    messages: int = 0
    replies: int = 0
    new: int | None = None
    threads: int = 0
    requests: int = 0
    refused: int = 0
    retries: int = 0
    rejected: int = 0
    unparsed: int = 0
    slices: int = 0
    shard: str | None = None
    published: str | None = None
    searchable: int | None = None
    files: FilesReport | None = None
    users: UsersReport | None = None
    problems: list[ChatProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def chats(self) -> int:
        """All chats this load meant to read."""
        return self.chats_complete + self.chats_partial + self.chats_skipped + self.chats_failed

    @property
    def rows(self) -> int:
        """Messages and replies together."""
        return self.messages + self.replies

    @property
    def read_again(self) -> int | None:
        """Rows that the destination held before; None where `new` is unknown."""
        return None if self.new is None else self.rows - self.new

    @property
    def seconds(self) -> float:
        """How long the load took, 0.0 while it runs."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The report for machines: JSON types only, times as ISO 8601 in UTC."""
        values = asdict(self)
        for name in ("started_at", "finished_at", "pinned_end"):
            moment = values[name]
            values[name] = moment.isoformat() if moment else None
        return values | {"seconds": round(self.seconds, 3), "read_again": self.read_again}
