"""A load as Dagster does it: the definitions of pipelines/, an instance of its own, a tenant.

In: what happens in the tenant. Out: runs with their events, and rows as the warehouse holds them.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from feishu_source.sandbox import World
from pipelines.dagster_definitions import feishu_definitions
from pipelines.dagster_history import FeishuHistory
from tests.laboratory import FROM_MESSAGES
from tests.warehouses.stories import WarehouseLab

NO_WAIT = dg.RetryPolicy(max_retries=2, delay=0)
"""No test waits between two attempts."""


class DagsterLab(WarehouseLab):
    """One world, its sandbox, one warehouse, one instance of Dagster.

    `where`: fields of the resource that lead to the warehouse; `given`: arguments of
    `feishu_definitions`.
    """

    compared = ("chats", "chat_members", *FROM_MESSAGES)

    def __init__(self, folder: Path, world: World, where: dict[str, str], **given: Any) -> None:
        super().__init__(folder, world, where)
        self.home = folder / "dagster"
        self.home.mkdir()
        self.instance = dg.DagsterInstance.local_temp(
            str(self.home), overrides={"telemetry": {"enabled": False}}
        )
        self.given = {"retries": NO_WAIT} | given

    @property
    def environment(self) -> dict[str, str]:
        """What the guide tells to export, and no waiting."""
        return {f"SOURCES__FEISHU__{key.upper()}": str(v) for key, v in self.access.items()}

    @property
    def history(self) -> FeishuHistory:
        """The resource, as the environment configures it."""
        return FeishuHistory(
            app_id=dg.EnvVar("SOURCES__FEISHU__APP_ID"),
            app_secret=dg.EnvVar("SOURCES__FEISHU__APP_SECRET"),
            **self.where,
        )

    def definitions(self) -> dg.Definitions:
        """The definitions under test."""
        return feishu_definitions(self.history, **self.given)

    def run(
        self,
        shard: str | None = None,
        config: Mapping[str, Any] | None = None,
        only: Sequence[str] = (),
    ) -> dg.ExecuteInProcessResult:
        """One run of the job: a load, of some chats `only` if they are named, and the checks."""
        self._export(only)
        job = self.definitions().resolve_job_def("feishu_load")
        ops = {"ops": {"feishu_history": {"config": config}}} if config else {}
        return job.execute_in_process(
            run_config=ops, instance=self.instance, partition_key=shard, raise_on_error=False
        )

    def check(self) -> dg.ExecuteInProcessResult:
        """The checks alone."""
        self._export()
        return dg.materialize(
            self.definitions().asset_checks or [],
            selection=dg.AssetSelection.all_asset_checks(),
            resources={"feishu": self.history},
            instance=self.instance,
        )

    def _export(self, only: Sequence[str] = ()) -> None:
        os.environ.update(self.environment)
        os.environ["SOURCES__FEISHU__CHAT_IDS"] = json.dumps(list(only))
        self.sandbox.clear_requests()


def metadata(result: dg.ExecuteInProcessResult, table: str) -> dict[str, Any]:
    """The metadata of a table's materialization, as plain values."""
    for event in result.get_asset_materialization_events():
        found = event.step_materialization_data.materialization
        if found.asset_key.path[-1] == table:
            return {key: value.value for key, value in found.metadata.items()}
    raise AssertionError(f"{table} was not materialized")


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
    """How each check ended, and what it said."""
    found = result.get_asset_check_evaluations()
    return {each.check_name: (each.passed, each.description) for each in found}


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """Every error that steps ended with, those of attempts that were made again too."""
    events = [e for e in result.all_events if e.is_step_failure or e.is_step_up_for_retry]
    return [str(event.event_specific_data.error) for event in events]
