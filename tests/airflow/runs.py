"""Runs of the DAG, as `airflow dags test` makes them, and what Airflow keeps of each.

In: what a run is asked for. Out: states, tries and XCom of its tasks, and everything it logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.models import DagRun, TaskInstance, dagrun
from airflow.models.backfill import Backfill, BackfillDagRun, _create_backfill
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete, select

from feishu_source.sandbox import World
from pipelines import airflow_dag
from tests.lab import Lab

HOUR = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the interval of a scheduled run begins."""


@dataclass(frozen=True)
class Run:
    """What became of a run: tasks by id and map index (-1 where nothing is mapped)."""

    state: str
    states: Mapping[tuple[str, int], str]
    tries: Mapping[tuple[str, int], int]
    xcom: Mapping[tuple[str, int], Any]


class AirflowLab(Lab):
    """A laboratory that loads through the DAG; its warehouse is a DuckDB file, or another."""

    def __init__(
        self, folder: Path, world: World, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
    ) -> None:
        super().__init__(folder, world)
        self.home = home
        self._told = home / "told"
        self._capfd, self._printed = capfd, ""
        self._told_before = self._told.stat().st_size
        with create_session() as session:
            for table in (BackfillDagRun, DagRun, Backfill):
                session.execute(delete(table))
        self._monkeypatch = monkeypatch

    def connect(self, **different: Any) -> None:
        """The connection `feishu`, as the environment of a worker may give it."""
        given = {
            "conn_type": "generic",
            "login": self.sandbox.app_id,
            "password": self.sandbox.app_secret,
            "host": self.base_url,
        }
        self._monkeypatch.setenv("AIRFLOW_CONN_FEISHU", json.dumps(given | different))

    def configure(self, **different: Any) -> None:
        """The variable `feishu_history`; no test waits between two attempts of a request."""
        access = self.access
        for key in ("base_url", "app_id", "app_secret"):
            del access[key]
        given = access | {
            "database": str(self.database),
            "pipelines_dir": str(self.folder / "pipelines"),
        }
        self._monkeypatch.setenv("AIRFLOW_VAR_FEISHU_HISTORY", json.dumps(given | different))

    def run(self, logical_date: datetime | None = None, **conf: Any) -> Run:
        """One run, all of its tries included."""
        self.sandbox.clear_requests()
        made = airflow_dag.feishu_history()
        made.get_task("load_shard").partial_kwargs["retry_delay"] = timedelta(0)
        return account_of(made.test(logical_date=logical_date, run_conf=conf))

    def run_as(self, kind: str, interval: tuple[datetime, datetime] | None = None) -> Run:
        """A run that `Dag.test` does not make: a scheduled one, or one with an interval of its own.

        A scheduled run's interval is the schedule's: an hour.
        """
        start, end = interval or (HOUR, HOUR + timedelta(hours=1))

        def make(*, dag: Any, session: Any, **_: Any) -> Any:
            return dag.create_dagrun(
                run_id=f"{kind}__{uuid4()}",
                logical_date=start,
                data_interval=(start, end),
                run_after=end,
                conf=None,
                run_type=DagRunType(kind),
                state=DagRunState.RUNNING,
                triggered_by=DagRunTriggeredByType.TEST,
                start_date=end,
                session=session,
            )

        with self._monkeypatch.context() as patched:
            patched.setattr(dagrun, "get_or_create_dagrun", make)
            return self.run()

    def backfill(self, start: datetime, end: datetime) -> list[Run]:
        """What `airflow backfill create` makes of a range, one run after the other."""
        airflow_dag.feishu_history().test(mark_success_pattern=".*")  # the DAG becomes known
        made = _create_backfill(
            dag_id="feishu_history",
            from_date=start,
            to_date=end,
            max_active_runs=1,
            reverse=False,
            dag_run_conf=None,
            triggering_user_name=None,
        )
        with create_session() as session:
            ids = session.scalars(
                select(DagRun.id).where(DagRun.backfill_id == made.id).order_by(DagRun.logical_date)
            ).all()
        return [self._go_on(each) for each in ids]

    def _go_on(self, number: int) -> Run:
        """A run that exists, as a scheduler would run it."""

        def find(*, dag: Any, session: Any, **_: Any) -> Any:
            found = session.get(DagRun, number)
            found.dag, found.state = dag, DagRunState.RUNNING
            session.commit()
            return found

        with self._monkeypatch.context() as patched:
            patched.setattr(dagrun, "get_or_create_dagrun", find)
            return self.run()

    def told(self) -> str:
        """All that Airflow and the tasks logged since the test began."""
        self._printed += "".join(self._capfd.readouterr())
        return self._told.read_bytes()[self._told_before :].decode() + self._printed

    def kept(self) -> bytes:
        """All that Airflow wrote: its database with XCom and rendered fields, and its logs."""
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


def account_of(run: Any) -> Run:
    """What the metadata database holds of a run."""
    with create_session() as session:
        instances = session.scalars(
            select(TaskInstance).where(
                TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id
            )
        ).all()
        values = session.scalars(
            select(XComModel).where(
                XComModel.dag_id == run.dag_id,
                XComModel.run_id == run.run_id,
                XComModel.key == "return_value",
            )
        ).all()
        return Run(
            str(run.state),
            {(each.task_id, each.map_index): str(each.state) for each in instances},
            {(each.task_id, each.map_index): each.try_number for each in instances},
            {(each.task_id, each.map_index): XComModel.deserialize_value(each) for each in values},
        )
