"""Where a load's memory peaks: while it reads, or while the destination takes the rows in.

In: the progress of a load in this process. Out: the most memory seen in each phase, and what was
left of it after each slice; the process that it may have begun for parsing is counted too.
Refuses to know what is loaded.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from benchmarks.resident import children, peak_mb, resident_mb
from feishu_source.report import Progress

PERIOD_S = 0.05


class PhasePeaks:
    """Samples the resident memory of this process while the `with` block lasts.

    `peaks_mb` by phase; `slices_mb`: what was resident when each slice began to read.
    `children_mb`: the peaks of the processes that this one has begun, added up; pages that they
    share with this one count in each.
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
            now_mb = resident_mb() + sum(map(resident_mb, begun))
            self.children_mb = max(self.children_mb, sum(map(peak_mb, begun)))
            phase = str(self._progress.phase)
            if phase == "messages" and self._progress.slice > len(self.slices_mb):
                self.slices_mb.append(now_mb)
            self.peaks_mb[phase] = max(now_mb, self.peaks_mb.get(phase, 0.0))
