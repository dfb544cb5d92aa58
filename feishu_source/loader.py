"""One load: the loop around slices, and its account.

In: a dlt pipeline and the arguments of the source. Out: a `LoadReport`, or an error that carries
it. Whatever calls a load, a command line or an orchestrator, calls this and nothing else.

Order: locks; what an earlier load left pending; state from the destination, which is authoritative;
a first small load (chats), because dlt wipes what it extracted when a first run dies; slices; the
account; clean-up; what is asked for beside the messages.
"""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination.exceptions import DestinationException
from dlt.common.exceptions import SignalReceivedException
from dlt.common.runtime import signals
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from feishu_source.account import Account
from feishu_source.arrow import Row, to_arrow
from feishu_source.configuration import set_dlt_defaults
from feishu_source.destination import database_of, describe, file_format
from feishu_source.errors import (
    ConfigurationError,
    DestinationError,
    FeishuError,
    Interrupted,
    LoadLocked,
    causes,
)
from feishu_source.exclusion import Exclusion, locked
from feishu_source.extras import Extras
from feishu_source.holdings import (
    are_files_gone,
    check_clock,
    checkpoint,
    count_rows,
    last_rows,
    newest_state,
    other_states,
    prune_states,
)
from feishu_source.names_seen import NamesSeen
from feishu_source.open_files import kept_open
from feishu_source.refusals import discreet_logs, explain, is_race, is_refusal
from feishu_source.report import LoadReport, Progress
from feishu_source.resources import declare
from feishu_source.session import Session
from feishu_source.shards import Shard, shard_named
from feishu_source.source import resolve_options, session_source, warn_of_unknown_settings
from feishu_source.tables import (
    CHAT_ANNOUNCEMENTS,
    CHAT_MEMBERS,
    CHAT_PINS,
    CHAT_TABS,
    CHATS,
    MESSAGES,
    NAMES_SEEN,
    RESOURCE_FILES,
    THREADS,
    Table,
)
from feishu_source.tenancy import arguments_for

RACES = 10
"""Times a shard loads a package again because another one came first to a table of it."""

_log = logging.getLogger(__name__)


def load(
    pipeline: dlt.Pipeline,
    *,
    full: bool = False,
    max_messages: int | None = None,
    max_requests: int | None = None,
    reset_chats: Iterable[str] = (),
    tolerate: Iterable[int] = (),
    publish: str | Path | None = None,
    search_index: bool = False,
    progress: Progress | None = None,
    **source_arguments: Any,
) -> LoadReport:
    """Loads everything that is due, slice by slice; a crash at any instant costs one slice.

    Args:
        pipeline: where to; two loads of one pipeline at once are refused.
        full: read everything again, once.
        max_messages: end after about so many, at the next page border.
        max_requests: make no more requests than these, tokens and further attempts included: what
            is new comes first, sweeps wait.
        reset_chats: forget what is claimed of these chats and read them from the start.
        tolerate: Feishu's codes that do not make a load incomplete.
        publish: where a copy of the DuckDB file is put when the load has ended, for readers.
        search_index: bring the full-text index of a DuckDB file up to date when the load has ended.
        progress: filled while the load runs.
        source_arguments: arguments of `feishu_source`; what is left out, configuration gives, that
            of one tenant where `tenant` names it or the pipeline was opened for it.

    Raises:
        ConfigurationError: an argument or a setting is wrong; nothing was asked for.
        LoadLocked: another load of this pipeline runs, or one into the same dataset.
        Interrupted: SIGINT or SIGTERM; what was read until then is loaded.
        FeishuError: the load had to end; what was read until then is loaded. `report` tells.
    """
    set_dlt_defaults()
    arguments = arguments_for(pipeline, source_arguments)
    warnings = warn_of_unknown_settings(arguments["tenant"])
    options = resolve_options(arguments)
    _check_name(pipeline, options.selection.shard)
    options.identity()  # missing credentials are told before anything is made or locked
    session = Session(
        options,
        full=full,
        most_messages=max_messages,
        most_requests=max_requests,
        reset_chats=reset_chats,
        sliced=True,
        progress=progress,
    )
    session.warnings += warnings
    extras = Extras.of(pipeline, options, publish, search_index)
    # Signals only raise a flag, from here on: an exception that comes at any moment can be lost in
    # any library. dlt looks at the flag within its steps, this load behind each of them.
    with locked(pipeline), discreet_logs(), _rare_collections(), signals.intercepted_signals():
        return _Load(pipeline, session, frozenset(tolerate), extras).run()


def _check_name(pipeline: dlt.Pipeline, shard: Shard | None) -> None:
    """Each shard has a pipeline of its own: what one claims must not become another's state.

    Raises:
        ConfigurationError: the pipeline is another shard's, or that of all chats.
    """
    if shard_named(pipeline.pipeline_name) != shard:
        asked = f"shard {shard}" if shard else "no shard"
        raise ConfigurationError(
            f"pipeline {pipeline.pipeline_name} does not belong to {asked}: give both "
            "open_pipeline and load the same shard."
        )


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Looks for cycles of garbage more rarely: a page is a thousand objects, and no cycle."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 100_000), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Load:
    """The steps of one load, in order."""

    def __init__(
        self,
        pipeline: dlt.Pipeline,
        session: Session,
        tolerate: frozenset[int],
        extras: Extras,
    ) -> None:
        self._pipeline = pipeline
        self._extras = extras
        self._session = session
        self._exclusion = Exclusion(pipeline)
        self._account = Account(pipeline.pipeline_name, describe(pipeline), session, tolerate)
        self._before: int | None = None
        self._account_written = False
        session.closing_rows = self._account.closing_rows
        self.report = self._account.report

    def run(self) -> LoadReport:
        """All steps; whatever ends them early, the account is written if it can be."""
        try:
            failure = self._attempt()
        finally:
            self._exclusion.end()
        if failure is not None:
            raise failure
        return self.report

    def _attempt(self) -> FeishuError | None:
        """All steps; the error they ended with, to be raised where no other one hangs on to it.

        One of dlt's would close a circle of causes around ours, and one of a destination's may
        quote messages. What nobody foresaw keeps its causes.
        """
        try:
            self._exclusion.begin()
            self._load_pending()
            self._restore_state()
            self._exclusion.note()
            self._read()
            self._extras.update_index(self.report)
            self._extras.publish(self.report)
            signals.raise_if_signalled()
        except (Exception, KeyboardInterrupt) as error:
            failure = self._failure(error)
            failure.report = self.report
            signals.set_received_signal(0)  # heeded; the account is still to be written
            self._halt(failure)
            self._close_after(failure)
            if failure in causes(error) or is_refusal(error):
                return failure
            raise failure from error
        finally:
            self._session.close()
        return None

    def _halt(self, failure: FeishuError) -> None:
        """Ends reading before the account is drawn up; pressing Ctrl-C again hurries, no more."""
        try:
            self._session.halt(failure)
        except KeyboardInterrupt:
            _log.warning("interrupted while requests under way were waited for")

    def _load_pending(self) -> None:
        """Loads what an earlier load extracted and could not load.

        Not by `run`, which on a first load wipes the working folder, packages and all.
        """
        place = repr(describe(self._pipeline))
        note = Path(self._pipeline.pipelines_dir) / f"{self._pipeline.pipeline_name}.destination"
        is_same = not note.exists() or note.read_text("utf-8") == place
        if self._pipeline.has_pending_data and is_same and self._fits():
            self._session.progress.phase = "loading"
            self._load_packages()
        note.write_text(place, "utf-8")

    def _fits(self) -> bool:
        """True if the pending package goes on from what the destination holds.

        Its claims count on the rows before it. A destination that was emptied since, or replaced by
        an older copy, does not have them; one that another machine loaded into since has newer ones
        than it brings. Then it is given up, and what it held is read again.
        """
        found = newest_state(self._pipeline)
        if found is None:
            return True
        (held, hashes), state = found, self._pipeline.state
        if held == state["_state_version"]:  # it was loaded and not yet taken off, or another's was
            return hashes == {state["_version_hash"]}
        return 0 < held == state["_state_version"] - 1

    def _load_packages(self) -> None:
        try:
            with kept_open(database_of(self._pipeline)):
                self._pipeline.normalize()
                self._pipeline.load()
                checkpoint(self._pipeline)
        except PipelineStepFailed as error:
            if is_refusal(error):
                raise
            # A kill can leave half a package. It is given up: the destination does not claim what
            # it held, so this load reads it again.
            _log.warning("a package that a killed load left could not be loaded; read again")

    def _restore_state(self) -> None:
        """Takes state and schema from the destination: a local copy may belong to another one.

        dlt itself keeps whichever of the two has the higher version, so rows that another
        database saw would never reach this one.
        """
        self._pipeline.drop()
        self._pipeline.sync_destination()
        check_clock(self._pipeline)
        sources = self._pipeline.state.get("sources", {})
        state = sources.get("feishu", {}).get("resources", {}).get(MESSAGES.name, {})
        if self._session.open_state(dict(state)) and are_files_gone(self._pipeline):
            gone = (
                f"the files of {MESSAGES.name} are gone, and what they held is not read again by "
                "itself: load with --full, or remove the whole dataset before the next load."
            )
            self._session.warnings.append(gone)
            _log.warning("%s", gone)
        self._session.inherit(other_states(self._pipeline))
        held = last_rows(self._pipeline, NAMES_SEEN)
        self._session.names = NamesSeen((person_id, name) for person_id, name, _ in held)
        if self._session.options.selection.shard is None:  # others load at the same time
            self._before = count_rows(self._pipeline, MESSAGES)

    def _read(self) -> None:
        chats = session_source(self._session).with_resources(
            *(CHATS.name, CHAT_MEMBERS.name, CHAT_PINS.name),
            *(CHAT_TABS.name, CHAT_ANNOUNCEMENTS.name),
        )
        self._run([chats, _ledger_source(self._account.rows())])
        self._exclusion.check()
        while True:
            self.report.slices += 1
            self._session.progress.slice = self.report.slices
            self._run(session_source(self._session).with_resources(MESSAGES.name, THREADS.name))
            self._exclusion.check()
            if self._session.finished:
                break
        self._account_written = True  # with the last slice
        walk = self._session.walk
        if walk is not None and walk.stopped_by is not None:
            raise walk.stopped_by
        if self._session.options.settings.user_details:
            self._account_written = False  # it is written again, behind the people
            self._extras.ask_people(self._session, self.report, self._load_rows)
        if self._extras.store is not None:
            self._account_written = False  # it is written again, behind the files
            self._extras.fetch_files(self._session, self.report, self._load_files)
        self._close(None)

    def _load_files(self, rows: list[Row]) -> None:
        self._load_rows([(RESOURCE_FILES, rows)])

    def _load_rows(self, rows: list[tuple[Table, list[Row]]]) -> None:
        self._run([_ledger_source(rows)])

    def _run(self, data: Any) -> None:
        with kept_open(database_of(self._pipeline)):
            try:
                self._pipeline.run(data, loader_file_format=file_format(self._pipeline))
            except PipelineStepFailed as error:
                is_shard = self._session.options.selection.shard is not None
                # Before that step nothing may be extracted: loading again would leave it out.
                if not (is_shard and error.step == "load" and is_race(error)):
                    raise
                self._load_again()
            checkpoint(self._pipeline)
        signals.raise_if_signalled()
        for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
            pool.release_unused()  # what a slice needed, the next one builds anew

    def _load_again(self) -> None:
        """Loads what was extracted, where shards that load at once met in the same tables."""
        trying = Retrying(
            retry=retry_if_exception(is_race),
            stop=stop_after_attempt(RACES),
            wait=wait_random(0, 1),
            sleep=signals.sleep,
            reraise=True,
        )
        trying(self._pipeline.load)

    def _close(self, failure: FeishuError | None) -> None:
        """Completes the report, and writes it to the destination if no slice has."""
        self._account.complete(failure)
        if not self._account_written:
            self._run(_ledger_source(self._account.rows()))
        self._count_new()
        prune_states(self._pipeline)
        self._session.progress.phase = "finished"

    def _close_after(self, failure: FeishuError) -> None:
        """The same after a failure, as far as the destination lets it: that failure is told."""
        try:
            # What could not be loaded stands before the account: dlt would try that first.
            is_stuck = isinstance(failure, DestinationError) and self._pipeline.has_pending_data
            is_idle = isinstance(failure, ConfigurationError | LoadLocked)  # nothing was asked for
            if is_idle or self._pipeline.first_run or is_stuck:  # or there is nowhere to write
                self._account.complete(failure)
            else:
                self._close(failure)
        except (PipelineStepFailed, DestinationException) as error:
            _log.warning("the account could not be written: %s", explain(error, self._pipeline))

    def _count_new(self) -> None:
        """New rows are those the destination has gained, so that the figure proves itself."""
        if self._before is None:
            return
        if (after := count_rows(self._pipeline, MESSAGES)) is not None:
            self.report.new = after - self._before

    def _failure(self, error: BaseException) -> FeishuError:
        """The error of this package that an exception stands for, whatever wrapped it."""
        for cause in causes(error):
            if isinstance(cause, FeishuError):
                return cause
            if isinstance(cause, SignalReceivedException):
                return Interrupted(cause.signal_code)
            if isinstance(cause, KeyboardInterrupt):
                return Interrupted(signal.SIGINT)
        return explain(error, self._pipeline)


@dlt.source(name="feishu", section="feishu")
def _ledger_source(ledger: Sequence[tuple[Table, list[Row]]]) -> Iterator[DltResource]:
    """Ready rows of further tables, in the schema of the source."""
    for table, rows in ledger:
        if rows:
            yield declare(table, [to_arrow(table, rows)])
