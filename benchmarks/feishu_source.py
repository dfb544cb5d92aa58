"""This source, as the command line runs it, without a rate limit unless `settings` sets one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.measure import run
from benchmarks.phases import PhasePeaks
from feishu_source import Progress, load, open_pipeline

UNLIMITED = {"requests_per_second": 1_000_000, "requests_per_minute": 60_000_000}


def load_all(access: dict[str, Any], folder: Path) -> dict[str, Any]:
    """All messages, all tables; `access["settings"]` are further arguments of the source.

    `load_seconds` leaves out making the pipeline, which a small load would drown in.
    """
    progress = Progress()
    pipeline = open_pipeline(
        database=str(folder / "history.duckdb"), pipelines_dir=str(folder / "pipelines")
    )
    begun = time.perf_counter()
    with PhasePeaks(progress) as memory:
        report = load(
            pipeline,
            progress=progress,
            **{name: access[name] for name in ("base_url", "app_id", "app_secret")},
            **(UNLIMITED | access.get("settings", {})),
        )
    seconds = time.perf_counter() - begun
    assert report.exit_code == 0, report
    return {
        "messages": report.rows,
        "requests": report.requests,
        "load_seconds": seconds,
        "peaks_mb": memory.peaks_mb,
        "slices_mb": memory.slices_mb,
        "children_mb": memory.children_mb,
    }


if __name__ == "__main__":
    run(load_all)
