"""The destination, as far as it can be known without changing it.

In: the plan of a pipeline. Out: findings, and the state of earlier loads. A DuckDB file that is
missing is not made; one that is there has the same bytes afterwards: it is opened for reading, and
then for writing with nothing but a transaction that is rolled back. Elsewhere a scratch table or
schema of a random name is made and dropped. Refuses to know Feishu.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import (
    DestinationUndefinedEntity,
    SqlClientNotAvailable,
)
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from feishu_source.destination import NOT_CONFIGURED, Plan
from feishu_source.doctor.findings import Finding, find, skip
from feishu_source.doctor.machine import refusal_to_write
from feishu_source.errors import ConfigurationError, DestinationError, causes, first_line
from feishu_source.files import can_tell, open_store
from feishu_source.holdings import other_states
from feishu_source.refusals import is_damage, tell_refusal
from feishu_source.state import STATE_VERSION
from feishu_source.tables import MESSAGES

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found out about a destination; `state` is None where it could not be read.

    `others`: the states of other pipelines that loaded into the same dataset.
    """

    finding: Finding
    state: State | None = None
    others: Sequence[State] = ()


def look_at(plan: Plan) -> Seen:
    """Whether rows can be written there, and what earlier loads have left as state."""
    try:
        if plan.place.database:
            return _look_at_duckdb(plan, Path(plan.place.database))
        return _look_elsewhere(plan)
    except Exception as error:  # any destination raises its own kinds, all of them an answer
        return Seen(_explain(error, plan))


def check_state(seen: Seen, owner: Mapping[str, Any]) -> Finding:
    """Whether the state belongs to this app and host, and is of a version this code knows.

    Those of other pipelines in the dataset have to belong to them as well.
    """
    state = seen.state
    if state is None:
        return skip("state", "destination")
    version = state.get("version", STATE_VERSION)
    if version > STATE_VERSION:
        return find("state.newer", theirs=version, ours=STATE_VERSION)
    outcomes = {"base_url": "other_host", "app_id": "other_app", "tenant_key": "other_tenant"}
    for each in (state, *seen.others):
        for name, ours in owner.items():
            if name in each and each[name] != ours:
                return find(f"state.{outcomes[name]}", theirs=each[name], ours=ours)
    return find("state.ok", chats=len(state.get("chats", {}))) if state else find("state.none")


def check_files(plan: Plan, place: str) -> Finding:
    """Whether files can go to that place, and be found by what the destination holds."""
    if not can_tell(plan.place.destination):
        return find("files.unfindable", destination=plan.place.destination)
    try:
        store = open_store(place)
        reason = refusal_to_write(store.folder) if store.folder else None
        if not store.folder:
            store.try_to_write()
    except (ConfigurationError, DestinationError) as error:
        return find("files.unwritable", where=place, reason=first_line(error))
    if reason:
        return find("files.unwritable", where=store, reason=reason)
    return find("files.ok", where=store)


# DuckDB


def _look_at_duckdb(plan: Plan, path: Path) -> Seen:
    if not path.exists():
        reason = refusal_to_write(path.parent)
        if reason is None:
            return Seen(find("destination.new", where=path), {})
        outcome = "unwritable" if path.parent.is_dir() else "nowhere"
        return Seen(find(f"destination.{outcome}", where=path, reason=reason))
    with duckdb.connect(str(path), read_only=True) as connection:
        states = _read_states(plan, dlt.destinations.duckdb(connection))
    try:
        return Seen(_try_to_write(path), *states)
    except duckdb.Error as error:  # somebody reads it: what the states say is known all the same
        return Seen(_explain(error, plan), *states)


def _try_to_write(path: Path) -> Finding:
    try:
        path.open("r+b").close()
    except OSError as error:
        return find("destination.unwritable", where=path, reason=error.strerror)
    reason = refusal_to_write(path.parent)  # the write-ahead log lies beside the file
    if reason:
        return find("destination.unwritable", where=path.parent, reason=reason)
    with duckdb.connect(str(path)) as connection:
        # A log that a killed load left stays a log: whoever checks does not tidy up.
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("BEGIN")
        connection.execute(f"CREATE TABLE {_scratch_name()} (unused INTEGER)")
        connection.execute("ROLLBACK")
    return find("destination.ok", where=path)


# Elsewhere


def _look_elsewhere(plan: Plan) -> Seen:
    with _scratch_pipeline(plan, plan.target) as pipeline:
        finding = _try_elsewhere(plan, pipeline)
        return Seen(finding, *_read_states_by(pipeline))


def _try_elsewhere(plan: Plan, pipeline: dlt.Pipeline) -> Finding:
    where = _where(plan)
    try:
        client = None if plan.place.destination == "filesystem" else pipeline.sql_client()
    except SqlClientNotAvailable:
        client = None
    if client is None:
        with pipeline.destination_client() as storage:
            storage.is_storage_initialized()
        return find("destination.reached", where=where)
    with client:
        if client.has_dataset():
            table = client.make_qualified_table_name(_scratch_name())
            client.execute_sql(f"CREATE TABLE {table} (unused INTEGER)")
            client.execute_sql(f"DROP TABLE {table}")
            return find("destination.ok", where=where)
        with client.with_alternative_dataset_name(_scratch_name()):
            client.create_dataset()
            client.drop_dataset()
    return find("destination.new", where=where)


# State


def _read_states(plan: Plan, target: Any) -> tuple[State, Sequence[State]]:
    with _scratch_pipeline(plan, target) as pipeline:
        return _read_states_by(pipeline)


def _read_states_by(pipeline: dlt.Pipeline) -> tuple[State, Sequence[State]]:
    """The source's state as the destination has it, and those of other pipelines there."""
    others = [resources.get(MESSAGES.name, {}) for resources in other_states(pipeline)]
    return _read_state_by(pipeline), others


def _read_state_by(pipeline: dlt.Pipeline) -> State:
    """The source's state as the destination has it, empty if nothing was loaded there."""
    with pipeline.destination_client() as client:
        if not isinstance(client, WithStateSync):
            return {}
        try:
            state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
        except DestinationUndefinedEntity:
            return {}
    resources = ((state or {}).get("sources", {}).get("feishu", {})).get("resources", {})
    return dict(resources.get(MESSAGES.name, {}))


@contextmanager
def _scratch_pipeline(plan: Plan, target: Any) -> Iterator[dlt.Pipeline]:
    """The same pipeline in a folder that goes again, so that the real one stays as it is."""
    with tempfile.TemporaryDirectory(prefix="feishu-check-") as folder:
        pipeline = dlt.pipeline(
            plan.name,
            destination=target,
            dataset_name=plan.place.dataset,
            pipelines_dir=folder,
        )
        try:
            yield pipeline
        finally:
            pipeline.deactivate()


# What it says


def _explain(error: Exception, plan: Plan) -> Finding:
    chain = causes(error)
    where, root = _where(plan), chain[-1]
    words = tell_refusal(root, plan.place)
    if any(isinstance(cause, NOT_CONFIGURED) for cause in chain):
        return find("destination.wrong", words=f"{where}: {words}")
    outcome = outcome_of(str(root))
    version = duckdb.__version__
    return find(f"destination.{outcome}", where=where, words=words, version=version, reason=words)


def outcome_of(words: str) -> str:
    """What a database's refusal means, by its words: it has no codes."""
    words = words.lower()
    if "set lock" in words or "being used by another process" in words:
        return "locked"
    if "newer version" in words or "version number" in words:
        return "newer"
    if is_damage(words):
        return "damaged"
    if "permission denied" in words or "read-only" in words:
        return "unwritable"
    return "refused"


def _where(plan: Plan) -> str:
    return plan.place.database or f"{plan.place.destination}, dataset {plan.place.dataset}"


def _scratch_name() -> str:
    return f"feishu_check_{secrets.token_hex(6)}"
