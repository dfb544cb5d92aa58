"""Files of messages, portion by portion: what is asked for, and what comes of each.

In: a pipeline, a client, a store, and a way to load rows. Out: files in the store, then rows that
tell of them; numbers for the report. Refuses to know how a file travels.

A row is loaded behind its file, never before. What cannot be had is decided once; what failed for a
passing reason is asked for by later loads, a bounded number of times; what ends all asking (no
budget, no scope, no quota) decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import dlt
from dlt.common.exceptions import SignalReceivedException
from dlt.common.runtime import signals

from feishu_source.api import Client, check_id, is_resource_key
from feishu_source.arrow import Row
from feishu_source.errors import (
    ApiError,
    DestinationError,
    FeishuError,
    FileRefused,
    Interrupted,
    MalformedId,
    RequestsSpent,
    StopError,
)
from feishu_source.files.names import safe_name
from feishu_source.files.pending import Due, Pending, Resource
from feishu_source.files.spool import NoRoom, Spool, TooLarge
from feishu_source.files.store import Store
from feishu_source.report import FilesReport, FileStatus, Progress
from feishu_source.settings import Settings
from feishu_source.tables import RESOURCE_FILES

MEGABYTE = 1024 * 1024

_NEVER = {
    "sticker": "the API hands out no stickers",
    "folder": "the API hands out no folders",
    "interactive": "the API hands out nothing that stands in a card",
}
_MALFORMED = "its key or its message's id has not the shape of one"

PORTION_BYTES = 256 * MEGABYTE
"""Behind so many bytes the rows of a portion are loaded: what a kill makes a load fetch again."""

_LOOK_S = 0.2
"""How often is looked for a signal while files come."""


class TotalReached(FeishuError):
    """This load has fetched as many bytes as it may."""

    def __str__(self) -> str:
        return "files: the load has fetched as much as files_total_mb lets it; the next one goes on"


@dataclass(frozen=True, slots=True)
class Chats:
    """Of which chats files are wanted (None: of all that are loaded), and which are refused now."""

    wanted: Sequence[str] | None
    refused: Collection[str]


class Downloads:
    """The files of one load; `run` may be called once."""

    def __init__(
        self,
        pipeline: dlt.Pipeline,
        client: Client,
        store: Store,
        spool: Path,
        *,
        types: Sequence[str],
        settings: Settings,
        run_id: str,
        chats: Chats,
        load: Callable[[list[Row]], None],
        progress: Progress,
    ) -> None:
        self.report = FilesReport()
        self._client = client
        self._store = store
        self._spool = Spool(spool)
        self._settings = settings
        self._total_bytes = round(settings.files_total_mb * MEGABYTE)
        # What no load could ever fetch is too large, else loads would end with it for ever.
        self._most_bytes = min(round(settings.files_most_mb * MEGABYTE), self._total_bytes)
        self._run_id = run_id
        self._load = load
        self._progress = progress
        self._lock = Lock()
        self._bytes = 0
        self._lost = 0
        self._ended: FeishuError | None = None
        # Stickers and folders cost no request: so they are decided on whatever is wanted.
        due = Due(
            (*types, "sticker", "folder"), self._most_bytes, run_id, chats.wanted, chats.refused
        )
        self._pending = Pending(pipeline, due)

    def run(self) -> None:
        """Fetches what is due until nothing is, or until asking on is of no use.

        Raises:
            DestinationError: the store or this machine's disk takes no files.
            SignalReceivedException: somebody asked for the end; what was fetched is loaded.
        """
        while self._ended is None and (portion := self._pending.portion()):
            rows: list[Row] = []
            try:
                self._decide(portion, rows)
            finally:
                with _signals_wait():
                    if rows:
                        self._load(rows)
            signals.raise_if_signalled()
        if self._ended is not None:
            if isinstance(self._ended, DestinationError | Interrupted):
                raise self._ended
            self.report.ended = str(self._ended)

    def _decide(self, portion: list[Resource], rows: list[Row]) -> None:
        """Decides on what it can of a portion, and collects the rows."""
        to_ask: dict[str, Resource] = {}
        sent_again: list[Resource] = []
        for resource in portion:
            if reason := _why_never(resource):
                rows.append(self._row(resource, "unsupported", message=reason))
            elif resource.key in to_ask:
                sent_again.append(resource)
            else:
                to_ask[resource.key] = resource
        known = dict(self._pending.known(to_ask))
        for key in known:
            rows.append(self._reused(to_ask.pop(key), known[key]))
        self._ask(list(to_ask.values()), rows, known)
        # One that was refused or failed in one message may be had from another: asked for next.
        rows += [
            self._reused(again, known[again.key]) for again in sent_again if again.key in known
        ]

    def _ask(
        self, resources: list[Resource], rows: list[Row], known: dict[str, tuple[Any, ...]]
    ) -> None:
        """Asks for files side by side; as many are under way as there are workers."""
        before, waiting = self._bytes, iter(resources)
        under_way: dict[Future[Row | None], Resource] = {}
        with ThreadPoolExecutor(self._settings.files_workers, "feishu-files") as workers:
            try:
                while True:
                    enough = self._ended or self._bytes - before >= PORTION_BYTES
                    free = self._settings.files_workers - len(under_way)
                    for resource in () if enough else _take(waiting, free):
                        under_way[workers.submit(self._fetch, resource)] = resource
                    if not under_way:
                        return
                    self._collect(under_way, rows, known, _LOOK_S)
                    signals.raise_if_signalled()
            except BaseException:
                self._end(Interrupted())
                self._client.cancel()
                self._collect(under_way, rows, known, None)
                raise

    def _collect(
        self,
        under_way: dict[Future[Row | None], Resource],
        rows: list[Row],
        known: dict[str, tuple[Any, ...]],
        timeout_s: float | None,
    ) -> None:
        """Takes what has ended; without a timeout, all of it, once it has."""
        if timeout_s is None:
            ended = wait(under_way).done
        else:
            ended = wait(under_way, timeout_s, return_when=FIRST_COMPLETED).done
        for future in ended:
            resource, row = under_way.pop(future), future.result()
            if row is not None:
                rows.append(row)
                told = dict(zip(RESOURCE_FILES.names, row, strict=True))
                if told["status"] == "stored":
                    names = ("path", "size", "sha256", "content_type")
                    known[resource.key] = tuple(told[name] for name in names)
        self._progress.requests = self._client.stats.requests

    def _fetch(self, resource: Resource) -> Row | None:
        """One file, or why it is not there; None where nothing can be decided."""
        try:
            sink = self._spool.open(resource.key, self._most_bytes, self._heed)
            kind: Literal["image", "file"] = "image" if resource.kind == "image" else "file"
            try:
                found = self._client.download(resource.message_id, resource.key, kind, sink)
                digest, size = sink.finish(), sink.size
                path = self._store.put(sink.path, digest, size)
            except (FileRefused, TooLarge):
                sink.discard()
                raise
            except BaseException:
                sink.keep()
                raise
            sink.discard()
            self._lost = 0
        except TooLarge as error:
            return self._row(
                resource, "too_large", size=error.size, message=f"{error}: files_most_mb"
            )
        except (StopError, RequestsSpent, Interrupted, TotalReached, DestinationError) as error:
            self._end(error)
            return None
        except NoRoom as error:
            self._end(DestinationError(f"files: {error}"))
            return None
        except ApiError as error:
            if self._is_lost(error):
                self._end(error)
                return None
            status: FileStatus = "refused" if isinstance(error, FileRefused) else "failed"
            return self._row(
                *(resource, status),
                code=error.code,
                message=error.words,
                log_id=error.log_id,
                attempts=resource.attempts + 1,
            )
        return self._row(
            *(resource, "stored"),
            path=path,
            size=size,
            sha256=digest,
            content_type=found.content_type,
            name=found.file_name,
            attempts=resource.attempts + 1,
        )

    def _is_lost(self, error: ApiError) -> bool:
        """Whether the network has failed so often in a row that asking on is of no use."""
        with self._lock:
            self._lost = self._lost + 1 if error.network else 0
            return self._lost >= self._settings.most_chats_lost

    def _heed(self, more: int) -> None:
        """Bytes are about to come: refused when the load has fetched enough, or is to end."""
        with self._lock:
            if isinstance(self._ended, Interrupted):
                raise Interrupted
            if self._bytes + more > self._total_bytes:
                raise TotalReached
            self._bytes += more

    def _end(self, reason: FeishuError) -> None:
        with self._lock:
            self._ended = self._ended or reason

    def _reused(self, resource: Resource, known: tuple[Any, ...]) -> Row:
        path, size, digest, content_type = known
        return self._row(
            *(resource, "stored"),
            path=path,
            size=size,
            sha256=digest,
            content_type=content_type,
            reused=True,
        )

    def _row(
        self,
        resource: Resource,
        status: FileStatus,
        *,
        path: str | None = None,
        size: int | None = None,
        sha256: str | None = None,
        content_type: str | None = None,
        name: str | None = None,
        code: int | None = None,
        message: str | None = None,
        log_id: str | None = None,
        attempts: int | None = None,
        reused: bool = False,
    ) -> Row:
        """The decision on a resource as a row, and counted."""
        names = (resource.file_name, name)
        with self._lock:
            self.report.count(status, size or 0, message, reused=reused)
            self._progress.files = self.report.stored + self.report.reused
        return (
            *(resource.message_id, resource.key, resource.chat_id, resource.create_ms),
            *(resource.kind, status, path, size, sha256, content_type),
            safe_name(names, content_type, resource.key) if status == "stored" else None,
            *(code, message, log_id, resource.attempts if attempts is None else attempts),
            *(self._run_id, int(time.time() * 1_000)),
        )


def _why_never(resource: Resource) -> str | None:
    """Why a resource is not even asked for."""
    try:
        check_id("message", resource.message_id)
    except MalformedId:
        return _MALFORMED
    if not is_resource_key(resource.key):
        return _MALFORMED
    return _NEVER.get(resource.kind) or _NEVER.get(resource.msg_type or "")


def _take(waiting: Iterator[Resource], number: int) -> Iterator[Resource]:
    for _ in range(number):
        if (resource := next(waiting, None)) is not None:
            yield resource


@contextmanager
def _signals_wait() -> Iterator[None]:
    """While this lasts, a signal that has come ends nothing: what is there gets its rows."""
    came = signals.exception_for_signal() if signals.was_signal_received() else None
    signals.set_received_signal(0)
    try:
        yield
    finally:
        if isinstance(came, SignalReceivedException):
            signals.set_received_signal(came.signal_code)
