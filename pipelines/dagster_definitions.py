"""Chat history as Dagster assets: one of each table, loaded together, by shard if there are any.

dagster dev -f pipelines/dagster_definitions.py

In: environment variables, as docs/dagster.md lists them. Out: `defs`. This file can be copied into
a project of one's own, which calls `feishu_definitions` as it likes. What takes long to import is
imported by a run: a code location is loaded far more often than a history.
"""

# No `from __future__ import annotations`: Dagster reads the types of configurations as they stand.

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from feishu_source.errors import NO_RETRY, ConfigurationError, FeishuError, Interrupted
from feishu_source.shards import parse_shard
from feishu_source.tables import SYNC_COVERAGE, TABLES
from pipelines.dagster_history import (
    FeishuHistory,
    account_of,
    covered_until,
    is_skipped,
    metadata_of,
    result_of,
    spec_of,
)

POOL = "feishu_api"
"""Its limit, in dagster.yaml: as many at once as there are shards, which divide the rate."""

FINAL = (*NO_RETRY, Interrupted)
"""Trying again would end the same way, or is not wanted: somebody has to act, or did."""

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


class LoadConfig(dg.Config):
    """What one run may be asked for beside the rest, in the launchpad."""

    full: bool = False
    max_messages: int | None = None
    max_requests: int | None = None
    reset_chats: list[str] = Field(default_factory=list)


def feishu_definitions(
    history: FeishuHistory,
    *,
    shards: int = 1,
    cron: str = "0 * * * *",
    stale_after: timedelta = timedelta(days=1),
    tolerate: Sequence[int] = (),
    retries: dg.RetryPolicy | None = None,
) -> dg.Definitions:
    """Assets, checks, a job and its schedule.

    Args:
        history: from where, and where to.
        shards: parts of the chats, a partition each; 1 for none.
        cron: when to load, in UTC.
        stale_after: how far the coverage of a chat may be behind before a check fails.
        tolerate: Feishu's codes whose chats no check fails for.
        retries: of loads that failed for a reason that may pass; each goes on where the one before
            left off.

    Raises:
        ConfigurationError: there can be no so many shards, or none in DuckDB.
    """
    keys = [f"{number}/{shards}" for number in range(1, shards + 1)]
    parse_shard(keys[-1] if keys else "1/0")
    if shards > 1 and history.destination == "duckdb":
        raise ConfigurationError(
            "a DuckDB file has one writer at a time, so it takes no shards: set FEISHU_SHARDS to "
            "1, or load into a server."
        )
    partitions = dg.StaticPartitionsDefinition(keys) if shards > 1 else None
    if retries is None:
        retries = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)

    @dg.multi_asset(
        name="feishu_history",
        specs=[spec_of(table, history) for table in TABLES.values()],
        partitions_def=partitions,
        retry_policy=retries,
        pool=POOL,
    )
    def assets(
        context: dg.AssetExecutionContext, config: LoadConfig, feishu: FeishuHistory
    ) -> Iterator[dg.MaterializeResult]:
        """Everything that is due; a load writes all tables."""
        shard = context.partition_key if partitions else None
        try:
            report, counts = feishu.load(shard, tolerate=tolerate, **config.model_dump())
        except FeishuError as error:
            metadata = account_of(error.report) if error.report else {}
            raise dg.Failure(
                str(error), metadata, allow_retries=not isinstance(error, FINAL)
            ) from error
        for warning in report.warnings:
            context.log.warning(warning)
        for name, metadata in metadata_of(report, counts).items():
            yield dg.MaterializeResult(asset_key=[history.dataset, name], metadata=metadata)

    coverage = dg.AssetKey([history.dataset, SYNC_COVERAGE.name])

    @dg.multi_asset_check(
        name="feishu_coverage",
        specs=[
            dg.AssetCheckSpec(
                "no_chat_is_skipped",
                asset=coverage,
                description="Every chat could be read when it was last tried.",
            ),
            dg.AssetCheckSpec(
                "no_chat_is_stale",
                asset=coverage,
                description=f"What is covered of each chat ends less than {stale_after} ago.",
            ),
        ],
        pool=POOL,
    )
    def checks(feishu: FeishuHistory) -> Iterator[dg.AssetCheckResult]:
        """Of all chats, whichever shard loads them, be it in this run or in none."""
        rows = feishu.coverage(keys[0] if partitions else None)
        minded = [row for row in rows if row["error_code"] not in tolerate]
        since = datetime.now(UTC) - stale_after
        skipped = [row for row in minded if is_skipped(row)]
        stale = [row for row in minded if covered_until(row) < since]
        yield result_of("no_chat_is_skipped", coverage, rows, skipped)
        yield result_of("no_chat_is_stale", coverage, rows, stale)

    job = dg.define_asset_job("feishu_load", selection=dg.AssetSelection.assets(assets))

    @dg.schedule(name="feishu_schedule", job=job, cron_schedule=cron)
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """A run of each shard, but of those whose last one has not ended."""
        begun = []
        for key in keys:
            tags = {"dagster/partition": key} if partitions else {}
            filters = dg.RunsFilter(job_name="feishu_load", statuses=[*UNFINISHED], tags=tags)
            if unfinished := context.instance.get_runs(filters, limit=1):
                begun.append(f"run {unfinished[0].run_id} of {key} has not ended")
            else:
                # Dagster wants a key where there are several: never the same one twice.
                tick = f"{context.scheduled_execution_time.isoformat()} {key}"
                yield dg.RunRequest(run_key=tick, partition_key=key if partitions else None)
        if len(begun) == len(keys):
            yield dg.SkipReason(", ".join(begun))

    return dg.Definitions(
        assets=[assets],
        asset_checks=[checks],
        jobs=[job],
        schedules=[schedule],
        resources={"feishu": history},
    )


def _from_environment() -> dg.Definitions:
    given = os.environ.get
    return feishu_definitions(
        FeishuHistory(
            app_id=dg.EnvVar("SOURCES__FEISHU__APP_ID"),
            app_secret=dg.EnvVar("SOURCES__FEISHU__APP_SECRET"),
            destination=given("FEISHU_DESTINATION", "duckdb"),
            database=given("FEISHU_DATABASE", "feishu_history.duckdb"),
            dataset=given("FEISHU_DATASET", "feishu"),
            pipelines_dir=given("FEISHU_PIPELINES_DIR"),
        ),
        shards=int(given("FEISHU_SHARDS", "1")),
        cron=given("FEISHU_CRON", "0 * * * *"),
        stale_after=timedelta(hours=float(given("FEISHU_STALE_AFTER_H", "24"))),
    )


defs = _from_environment()
