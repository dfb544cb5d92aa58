"""Loads Feishu / Lark chat history on a schedule: a DAG for Apache Airflow 3.

Copy this file into the DAGs folder of an Airflow whose workers have feishu-source installed. The
connection `feishu` holds the credentials, the variable `feishu_history` everything else:
docs/airflow.md.

In: the connection, the variable, what a run is asked for. Out: tables in the warehouse, and the
account of each load in XCom, without secrets and without message text. Refuses to know dlt and the
network until a task runs: a scheduler reads this file every few seconds.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    Connection,
    CronDataIntervalTimetable,
    Param,
    Variable,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)
from airflow.sdk.log import mask_secret

# What is a DAG's own stands here; a change counts from the next reading of the file on.
SCHEDULE = "0 * * * *"
TIMEZONE = "UTC"
POOL = "feishu"
RETRIES = 3
RETRY_DELAY = timedelta(minutes=5)
CONNECTION = "feishu"
VARIABLE = "feishu_history"

HISTORY = Asset(name="feishu_history", uri="feishu://history")
"""Updated by every run that loaded each shard: what a DAG of models can wait for."""

PIPELINE_KEYS = ("destination", "database", "dataset", "pipelines_dir", "name")
"""Keys of the variable that are arguments of `open_pipeline`."""
OWN_KEYS = ("shards", "destination_connection")
"""Keys that are this file's; all others are arguments of `feishu_source.load`."""
SECRETS = ("app_secret", "user_access_token", "app_ticket")
CREDENTIALS = ("user_access_token", "app_ticket", "app_ticket_file", "tenant_key")
"""Keys of the connection's extra, beside its login and password: app_id and app_secret."""

_log = logging.getLogger(__name__)


@dag(
    dag_id="feishu_history",
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # Two runs at once would want the same locks.
    max_active_runs=1,
    params={
        "since": Param(None, type=["null", "string"], description="from this time on, ISO 8601"),
        "until": Param(None, type=["null", "string"], description="up to this time, ISO 8601"),
        "full": Param(False, type="boolean", description="read all messages again"),
    },
    tags=["feishu", "lark", "dlt"],
    doc_md=__doc__,
)
def feishu_history() -> None:
    """One load of each shard, then its account, then what somebody has to look at."""
    account = summarise(load_shard.expand(shard=shards()))
    chats_needing_attention(account)


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def shards() -> list[str | None]:
    """The parts to load, `1/4` to `4/4`; a single None stands for all chats at once."""
    from feishu_source.shards import MOST_SHARDS

    number = settings().get("shards", 1)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_SHARDS:
        raise AirflowFailException(
            f"shards is {number!r} in the variable {VARIABLE}: write a number from 1 to "
            f"{MOST_SHARDS}."
        )
    return [f"{part}/{number}" for part in range(1, number + 1)] if number > 1 else [None]


@task(
    pool=POOL,
    retries=RETRIES,
    retry_delay=RETRY_DELAY,
    map_index_template="{{ shard_name }}",
)
def load_shard(shard: str | None) -> dict[str, Any]:
    """Loads one part, at its part of the rate; the account is `LoadReport.to_dict`.

    A retry goes on where the try before it was cut off: that is the destination's to know, so it
    may run on another worker.
    """
    # Else dlt asks Airflow for a variable of each of its own settings' names, hundreds a load.
    os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
    context: Any = get_current_context()
    context["shard_name"] = f"shard {shard}" if shard else "all chats"
    options = settings()
    for key in OWN_KEYS:
        options.pop(key, None)
    place = {key: options.pop(key) for key in PIPELINE_KEYS if key in options}
    options |= asked_for(context) | {"shard": shard}
    credentials = access()
    set_destination(place.get("destination", "duckdb"))
    account = run_load(place | {"shard": shard}, options | credentials)
    tell_problems(account)
    return account


@task(outlets=[HISTORY])
def summarise(accounts: Any) -> dict[str, Any]:
    """All parts added up, and the chats that are not complete."""
    parts = list(accounts)
    counts = ("chats_complete", "messages", "replies", "requests", "rejected", "unparsed")
    total: dict[str, Any] = {name: sum(part[name] for part in parts) for name in counts}
    total["exit_code"] = max(part["exit_code"] for part in parts)
    total["problems"] = [problem for part in parts for problem in part["problems"]]
    _log.info("%s", {name: value for name, value in total.items() if name != "problems"})
    return total


@task
def chats_needing_attention(account: dict[str, Any]) -> list[dict[str, Any]]:
    """Names each chat that is not complete, and the next step; skipped where there is none."""
    if account["exit_code"] == 0:
        raise AirflowSkipException("every chat is complete")
    for problem in account["problems"]:
        _log.warning("%s", in_words(problem))
    return list(account["problems"])


def settings() -> dict[str, Any]:
    """The variable, a JSON object; what is not in it has its default, or that of dlt's files."""
    # As a text: what Airflow cannot read as JSON, it takes for absent.
    text = Variable.get(VARIABLE, default=None)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AirflowFailException(f"the variable {VARIABLE} is no JSON object.")
    if misplaced := sorted({"app_id", *SECRETS} & found.keys()):
        raise AirflowFailException(
            f"{', '.join(misplaced)} in the variable {VARIABLE}: credentials belong in the "
            f"connection {CONNECTION}, where Airflow encrypts and masks them."
        )
    return dict(found)


def access() -> dict[str, Any]:
    """Who asks, from the connection: login, password, host, and what stands in its extra."""
    connection = _connection(CONNECTION)
    extra = connection.extra_dejson
    given = {"app_id": connection.login, "app_secret": connection.password}
    given |= {key: extra[key] for key in CREDENTIALS if key in extra}
    for key in SECRETS:
        if given.get(key):
            mask_secret(given[key])
    host = {"base_url": connection.host} if connection.host else {}
    return {key: value for key, value in given.items() if value} | host


def set_destination(destination: str) -> None:
    """Gives dlt the credentials of the destination, if a connection is named that holds them.

    In this process alone, and in memory. Else dlt looks for them in its files and the environment.
    """
    name = settings().get("destination_connection")
    if name is None:
        return
    import dlt

    uri = _connection(name).get_uri()
    mask_secret(uri)
    scheme, _, rest = uri.partition("://")
    scheme = {"postgres": "postgresql"}.get(scheme, scheme)
    dlt.secrets[f"destination.{destination}.credentials"] = f"{scheme}://{rest}"


def _connection(name: str) -> Any:
    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"there is no connection {name}: make it with `airflow connections add {name}`."
        ) from None


def asked_for(context: Any) -> dict[str, Any]:
    """What this run is asked for, as arguments of `load`; nothing is an incremental load.

    The form of a manual run comes first. A backfill, and a run that was given a data interval, load
    that interval. A scheduled run loads what is due, whatever its interval: it reads up to now, and
    polls and sweeps besides. The interval that Airflow makes up for a manual run ends before its
    logical date; one that was given begins there.
    """
    run, params = context["dag_run"], context["params"]
    full = {"full": True} if params["full"] else {}
    given = {name: params[name] for name in ("since", "until") if params[name]}
    start, end = run.data_interval_start, run.data_interval_end
    if given or not (start and end and start < end):
        return given | full
    kind = getattr(run.run_type, "value", run.run_type)
    if kind == "backfill" or (kind == "manual" and run.logical_date < end):
        return {"since": start.isoformat(), "until": end.isoformat()} | full
    return full


def run_load(place: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """One load; what no retry mends ends the task at once.

    Raises:
        AirflowFailException: the configuration, the credentials, a scope, the quota; or the load
            has made all the requests it may, which a retry would make again.
        FeishuError: anything else, for Airflow to try again.
    """
    from feishu_source import load, open_pipeline
    from feishu_source.errors import NO_RETRY, FeishuError

    try:
        return load(open_pipeline(**place), **arguments).to_dict()
    except NO_RETRY as error:
        reason = str(error)
    except FeishuError as error:
        raise error from None  # what caused it may quote a message
    except TypeError as error:
        if "argument" not in str(error):
            raise
        reason = f"the variable {VARIABLE} has a key that is no setting: {error}"
    raise AirflowFailException(reason)  # here, since a cause would be logged with its own words


def tell_problems(account: dict[str, Any]) -> None:
    """Warnings of a load that is done: what it left out, and why."""
    for warning in account["warnings"]:
        _log.warning("%s", warning)
    for problem in account["problems"]:
        _log.warning("%s", in_words(problem))


def in_words(problem: dict[str, Any]) -> str:
    """One line about a chat that is not complete."""
    code = f"code {problem['code']}, " if problem["code"] else ""
    return (
        f"chat {problem['name']} ({problem['chat_id']}) is {problem['status']}: {code}"
        f"{problem['message']} Next step: {problem['advice_en']}"
    )


feishu_history()
