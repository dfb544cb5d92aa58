"""One load at a time: what keeps another one out, and what notices one that nothing could.

In: a dlt pipeline. Out: nothing, or an error that says what to do. Refuses to know Feishu.

Two loads that stage their rows in one dataset lose some: one empties it between the other's copying
and merging, and what was not merged is claimed all the same. On one machine a file beside the
working folder locks; from other machines a lock at the destination, where it has one. Where it has
none, the states that are stored there tell afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import dlt
from filelock import FileLock, Timeout

from feishu_source.destination import describe, lock_path
from feishu_source.errors import DestinationError, LoadLocked
from feishu_source.holdings import stored_states
from feishu_source.load_lock import LoadLock
from feishu_source.manners import load_lock


@contextmanager
def locked(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Holds the pipeline's lock, beside its working folder, which dlt may wipe."""
    path = lock_path(pipeline.pipelines_dir, pipeline.pipeline_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LoadLocked(
            f"another load of pipeline {pipeline.pipeline_name} is running (lock {path}): wait "
            "for it to end, or use another --pipelines-dir for another destination."
        ) from error
    try:
        yield
    finally:
        lock.release()


class Exclusion:
    """That a load is the only one which stages its rows where it does, from `begin` to `end`."""

    def __init__(self, pipeline: dlt.Pipeline) -> None:
        self._pipeline = pipeline
        self._lock: LoadLock | None = None
        self._stored: Counter[str] = Counter()

    def begin(self) -> None:
        """Takes the destination's lock, before anything is written there.

        Raises:
            LoadLocked: another load has it.
        """
        self._lock = load_lock(self._pipeline)
        if self._lock and not self._lock.hold():
            place = describe(self._pipeline)
            raise LoadLocked(
                f"another load into the dataset {place.dataset} of {place.destination} is running, "
                "on this machine or on another: wait for it to end."
            )

    def note(self) -> None:
        """Notes which states are stored, before the first rows of this load."""
        self._stored = stored_states(self._pipeline)

    def check(self) -> None:
        """Looks for another load after each package of this one.

        A lock whose connection was lost is taken again.

        Raises:
            DestinationError: one has stored its state meanwhile, or goes on now.
        """
        is_held = self._lock is None or self._lock.hold()
        stored, known = stored_states(self._pipeline), self._stored
        self._stored = stored
        own = Counter([self._pipeline.state["_version_hash"]])
        if not is_held or stored - known - own:
            raise DestinationError(
                f"another load went on in the dataset {describe(self._pipeline).dataset} at the "
                "same time, from another machine or working folder: rows of either may be missing "
                "that count as loaded. Next step: see that only one is started, then load once "
                "with --full."
            )

    def end(self) -> None:
        """Lets others load."""
        if self._lock:
            self._lock.release()
