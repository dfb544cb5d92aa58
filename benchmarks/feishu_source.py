"""This source, as the command line runs it, without a rate limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import run


def load_all(access: dict[str, Any], folder: Path) -> int:
    """All messages, all tables."""
    from feishu_source import load, open_pipeline

    pipeline = open_pipeline(
        database=str(folder / "history.duckdb"), pipelines_dir=str(folder / "pipelines")
    )
    report = load(
        pipeline,
        **{name: access[name] for name in ("base_url", "app_id", "app_secret")},
        requests_per_second=1_000_000,
        requests_per_minute=60_000_000,
    )
    assert report.exit_code == 0, report
    return report.rows


if __name__ == "__main__":
    run(load_all)
