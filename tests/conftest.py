"""What all tests share: assertions that tell what differs, and no telemetry."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from feishu_source.sandbox import World

# A busy machine is no reason to fail: what is timed is timed in benchmarks/.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

pytest.register_assert_rewrite("tests.laboratory")

from tests.belt import Belt  # noqa: E402 - after its assertions were made to tell
from tests.lab import START_MS, Lab  # noqa: E402 - as above
from tests.tally import COUNTED, sentence  # noqa: E402


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a distributed run hands over what its histories amounted to."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["counted"] = dict(COUNTED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Whoever distributed the run adds it up."""
    COUNTED.update(getattr(node, "workeroutput", {}).get("counted", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the histories of the run amounted to, if there were many."""
    if COUNTED["histories"] >= 100:
        terminalreporter.section("random histories")
        terminalreporter.line(sentence(COUNTED))


@pytest.fixture(autouse=True)
def own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the configuration, the working folders or the project of whoever runs it."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt-data"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def own_loggers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the command line sets up for its own streams ends with the test that called it."""
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "WARNING")
    kept = [
        (logger, logger.handlers[:], logger.level, logger.propagate)
        for logger in map(logging.getLogger, ("feishu_source", "dlt"))
    ]
    yield
    for logger, handlers, level, propagate in kept:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def world() -> World:
    """An empty tenant, founded at the beginning of 2026."""
    return World(seed=1, start_ms=START_MS, now_ms=START_MS)


@pytest.fixture
def lab(tmp_path: Path, world: World) -> Iterator[Lab]:
    """That tenant on loopback, with an empty warehouse beside it."""
    with Lab(tmp_path, world) as lab:
        yield lab


@pytest.fixture
def belt(world: World) -> Iterator[Belt]:
    """That tenant on loopback, loaded into dictionaries."""
    with Belt(world) as belt:
        yield belt


@pytest.fixture
def ann(world: World) -> str:
    """Somebody who talks."""
    return world.add_user("Ann")


@pytest.fixture
def team(world: World, ann: str) -> str:
    """An ordinary group of hers."""
    return world.add_chat(name="Team", member_ids=[ann])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where files of messages go."""
    return tmp_path / "files"
