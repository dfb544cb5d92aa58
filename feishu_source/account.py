"""The account of one load, as it grows: a report for whoever called it, rows for the warehouse.

In: a session, before, during and after its walk. Out: the `LoadReport`, a row of `sync_runs`, and
the coverage of chats that no slice reached. Refuses to know dlt.
"""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from datetime import UTC, datetime

from feishu_source.arrow import Row
from feishu_source.errors import FeishuError, Interrupted, LoadLocked
from feishu_source.report import (
    EXIT_COMPLETE,
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    EXIT_LOCKED,
    NO_CHATS,
    SIGNAL_BASE,
    LoadReport,
    Place,
)
from feishu_source.session import Session
from feishu_source.tables import SYNC_RUNS, Table
from feishu_source.version import VERSION
from feishu_source.walk import Walk

STARVED = (
    "max_requests was too small to finish anything: a page of the chat that is first in line, its "
    "threads, or one of them needs more than were left. The next load would stop at the same "
    "place: allow more."
)
UNOPENED = (
    "{:,} merged forwards could not be opened: their messages are loaded without what they hold "
    "(forward_status is failed), and the next loads try again, six times in two weeks."
)
BEHIND_GAP = (
    "`since` leaves a gap after what is covered, in {:,} of the chats: what was read behind it is "
    "not claimed, and the next load reads it again. One load with an earlier `since`, or without, "
    "closes the gap."
)


class Account:
    """What one load has done, and how it ended; refusals with a tolerated code leave it whole."""

    def __init__(
        self, pipeline: str, place: Place, session: Session, tolerate: frozenset[int]
    ) -> None:
        self._session = session
        self._tolerate = tolerate
        self.report = LoadReport(
            run_id=uuid.uuid4().hex,
            version=VERSION,
            pipeline=pipeline,
            destination=place.destination,
            database=place.database,
            dataset=place.dataset,
            started_at=datetime.now(UTC),
            shard=str(shard) if (shard := session.options.selection.shard) else None,
        )

    def rows(self) -> list[tuple[Table, list[Row]]]:
        """This load's row of `sync_runs`, and the coverage of chats that no slice reached."""
        return [(SYNC_RUNS, [_run_row(self.report)]), *self._session.coverage_rows()]

    def closing_rows(self) -> list[tuple[Table, list[Row]]]:
        """The same as it stands when reading ends: it is loaded with the last slice."""
        self.complete(self._session.walk.stopped_by if self._session.walk else None)
        return self.rows()

    def complete(self, failure: FeishuError | None) -> None:
        """Completes the report of a load that ended well, or with `failure`."""
        self.tally()
        self.report.finished_at = datetime.now(UTC)
        self.report.exit_code = self._exit_code(failure)

    def tally(self) -> None:
        """Counts what was done so far."""
        report, session = self.report, self._session
        counts, walk = session.intake.counts, session.walk
        report.messages, report.replies = counts.messages, counts.replies
        report.rejected, report.unparsed = counts.rejected, counts.unparsed
        report.warnings = list(session.warnings)
        if report.files is not None and report.files.ended:
            report.warnings.append(f"not all files were asked for: {report.files.ended}")
        if report.users is not None:
            report.unparsed += report.users.unparsed
            if report.users.ended:
                report.warnings.append(f"not all people were asked for: {report.users.ended}")
        if counts.unopened:
            report.warnings.append(UNOPENED.format(counts.unopened))
        if not session.began:
            return
        stats = session.client.stats
        report.requests, report.refused = stats.requests, stats.refused
        report.retries = stats.retries
        report.warnings += [*session.client.warnings, *session.roster.warnings]
        if session.roster.pinned_s:
            report.pinned_end = datetime.fromtimestamp(session.roster.pinned_s, UTC)
        if walk is not None:
            self._tally_chats(walk)

    def _tally_chats(self, walk: Walk) -> None:
        report, visits = self.report, walk.visits.values()
        number = Counter(visit.status for visit in visits)
        report.chats_complete, report.chats_partial = number["complete"], number["partial"]
        report.chats_skipped, report.chats_failed = number["skipped"], number["failed"]
        report.threads = sum(visit.threads_polled for visit in visits)
        report.problems = [problem for visit in visits if (problem := visit.account())]
        if not visits:
            report.warnings.append(NO_CHATS)
        report.warnings += walk.warnings
        if walk.starved:
            report.warnings.append(STARVED)
        if walk.behind_gaps:
            report.warnings.append(BEHIND_GAP.format(walk.behind_gaps))

    def _exit_code(self, failure: FeishuError | None) -> int:
        if isinstance(failure, Interrupted):
            return SIGNAL_BASE + (failure.signal or signal.SIGINT)
        if isinstance(failure, LoadLocked):
            return EXIT_LOCKED
        if failure is not None:
            return EXIT_FAILED
        grave = [p for p in self.report.problems if p.code not in self._tolerate]
        return EXIT_INCOMPLETE if grave else EXIT_COMPLETE


def _run_row(report: LoadReport) -> Row:
    moments = {
        name: int(moment.timestamp() * 1_000) if (moment := getattr(report, name)) else None
        for name in ("started_at", "finished_at")
    }
    return tuple(moments.get(name, getattr(report, name)) for name in SYNC_RUNS.names)
