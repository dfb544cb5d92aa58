"""Where a load's memory peaks: while it reads, or while the destination takes the rows in.

In: the progress of a load in this process. Out: the most memory seen in each phase, and what was
left of it after each slice; the process that it may have begun for parsing is counted too.
Refuses to know what is loaded.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from benchmarks.resident import children, resident_mb, unshared_mb
from feishu_source.report import Progress

PERIOD_S = 0.05


class PhasePeaks:
    """Samples the resident memory of this process while the `with` block lasts.

    `peaks_mb` by phase; `slices_mb`: what was resident when each slice began to read.
    `children_mb`: the most that the processes which this one has begun had together, without the
    libraries that this one has resident as well.
    """

    def __init__(self, progress: Progress) -> None:
        self.peaks_mb: dict[str, float] = {}
        self.slices_mb: list[float] = []
        self.children_mb = 0.0
        self._progress = progress
        self._ended = Event()
        self._thread = Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PhasePeaks:
        if Path("/proc/self/statm").exists():  # elsewhere nobody tells, and nothing is sampled
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(PERIOD_S):
            begun = children()
            theirs_mb = sum(map(unshared_mb, begun))
            now_mb = resident_mb() + theirs_mb
            self.children_mb = max(self.children_mb, theirs_mb)
            phase = str(self._progress.phase)
            if phase == "messages" and self._progress.slice > len(self.slices_mb):
                self.slices_mb.append(now_mb)
            self.peaks_mb[phase] = max(now_mb, self.peaks_mb.get(phase, 0.0))
