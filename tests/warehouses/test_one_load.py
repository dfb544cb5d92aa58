"""Two loads into one dataset, from two machines: what the lock of a working folder cannot see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dlt import Pipeline

from feishu_source import exclusion, load, open_pipeline
from feishu_source.errors import DestinationError, FeishuError, LoadLocked
from feishu_source.manners import load_lock
from feishu_source.report import LoadReport
from tests.warehouses.stories import WarehouseLab, small_world
from tests.warehouses.test_postgres import ask
from tests.warehouses.test_sqlalchemy import Lab as SqlalchemyLab
from tests.warehouses.test_sqlalchemy import sqlite

__all__ = ["sqlite"]

SIZES = {"page_size": 10, "slice_messages": 60, "batch_rows": 20, "workers": 2}


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def warehouse(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[WarehouseLab]:
    """Each that has a lock, empty."""
    request.getfixturevalue(request.param)
    is_postgres = request.param == "postgres"
    kind = WarehouseLab if is_postgres else SqlalchemyLab
    where = {"destination": "postgres" if is_postgres else "sqlalchemy"}
    with kind(tmp_path, small_world(), where) as lab:
        yield lab


@pytest.fixture
def on_postgres(tmp_path: Path, postgres: str) -> Iterator[WarehouseLab]:
    """An empty database."""
    with WarehouseLab(tmp_path, small_world(), {"destination": "postgres"}) as lab:
        yield lab


def elsewhere(lab: WarehouseLab, **other: Any) -> Callable[..., LoadReport]:
    """A load into the same dataset, as another machine would make it."""

    def load_there(**arguments: Any) -> LoadReport:
        there = lab.where | {"pipelines_dir": f"{lab.where['pipelines_dir']}-elsewhere"}
        return load(open_pipeline(**(there | other)), **(lab.access | arguments))

    return load_there


def before_loading(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], *, package: int
) -> None:
    """Lets something happen once a package is extracted, before its rows are copied."""
    original, left = Pipeline.load, iter([*[False] * (package - 1), True])

    def loading(pipeline: Pipeline, *arguments: Any, **more: Any) -> Any:
        if next(left, False):
            act()
            pipeline.activate()
        return original(pipeline, *arguments, **more)

    monkeypatch.setattr(Pipeline, "load", loading)


@pytest.mark.parametrize("name", ["feishu_history", "of_another_name"])
def test_a_load_from_another_machine_is_refused(
    warehouse: WarehouseLab, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It asks for nothing and writes nothing; when the first one has ended it may load."""
    refused: list[FeishuError] = []
    there = elsewhere(warehouse, name=name)

    def load_too() -> None:
        before = len(warehouse.sandbox.requests)
        with pytest.raises(LoadLocked, match="on this machine or on another") as caught:
            there()
        assert len(warehouse.sandbox.requests) == before
        refused.append(caught.value)

    before_loading(monkeypatch, load_too, package=2)
    assert warehouse.load(**SIZES).exit_code == 0
    assert [each.report.exit_code for each in refused if each.report] == [4]
    warehouse.assert_equals_truth()
    assert len(warehouse.rows("sync_runs")) == 1
    assert there().exit_code == 0
    warehouse.assert_equals_truth()


HOLDERS = "select pid, backend_xmin from pg_stat_activity where application_name = 'feishu-history'"


def test_a_lock_whose_connection_is_lost_is_taken_again(
    on_postgres: WarehouseLab, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds back no vacuum while it is idle; another load is refused after that as before."""
    lost: list[int] = []

    def lose() -> None:
        ((holder, snapshot),) = ask(postgres, HOLDERS)
        assert snapshot is None
        ask(postgres, f"select pg_terminate_backend({holder}, 10000)")
        assert ask(postgres, HOLDERS) == []
        lost.append(holder)

    def load_too() -> None:
        ((holder, _),) = ask(postgres, HOLDERS)
        assert holder not in lost
        with pytest.raises(LoadLocked):
            elsewhere(on_postgres)()

    before_loading(monkeypatch, lose, package=2)
    before_loading(monkeypatch, load_too, package=3)
    assert on_postgres.load(**SIZES).exit_code == 0
    assert lost
    assert ask(postgres, HOLDERS) == []
    on_postgres.assert_equals_truth()


def test_a_lock_that_another_load_has_got_meanwhile_ends_the_load(
    on_postgres: WarehouseLab, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has just merged may be missing: it says what brings that back, which it does."""
    others: list[Any] = []

    def lose() -> None:
        ask(postgres, f"select pg_terminate_backend(pid, 10000) from ({HOLDERS}) as holders")
        other = load_lock(on_postgres.pipeline())
        assert other
        assert other.hold()
        others.append(other)

    before_loading(monkeypatch, lose, package=2)
    with pytest.raises(DestinationError, match=r"same time, .* with --full") as ended:
        on_postgres.load(**SIZES)
    others[0].release()
    assert ended.value.report
    assert ended.value.report.exit_code == 1
    assert on_postgres.load(full=True).exit_code == 0
    on_postgres.assert_equals_truth()


def test_another_load_that_nothing_could_keep_out_is_noticed(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in BigQuery or Snowflake, which have no such lock: its state stands beside ours."""
    monkeypatch.setattr(exclusion, "load_lock", lambda pipeline: None)
    with SqlalchemyLab(tmp_path, small_world(), {"destination": "sqlalchemy"}) as lab:
        there = elsewhere(lab, name="feishu_history")
        before_loading(monkeypatch, lambda: there(max_messages=30, **SIZES), package=2)
        with pytest.raises(DestinationError, match=r"same time, .* with --full"):
            lab.load(**SIZES)
        assert 1 in [row["exit_code"] for row in lab.rows("sync_runs") if row["finished_at"]]
        assert lab.load(full=True).exit_code == 0
        lab.assert_equals_truth()
