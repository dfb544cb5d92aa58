"""What a load does behind its messages, where it is asked to: files, the search index, a copy.

In: the pipeline, what was asked for, and the load's report, which is filled. Out: files at their
place, the index up to date, a copy of the DuckDB file for readers. What cannot be had is a warning.
Refuses to know how messages are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import dlt
import duckdb

from feishu_source.arrow import Row, to_arrow
from feishu_source.destination import plan_of
from feishu_source.duckdb_copy import NotPublished, check_copy, publish
from feishu_source.errors import ConfigurationError, DestinationError
from feishu_source.holdings import last_rows
from feishu_source.options import Options
from feishu_source.report import LoadReport
from feishu_source.search import check_searchable, update_file
from feishu_source.selection import Selection
from feishu_source.session import Session
from feishu_source.tables import NAMES_SEEN, USERS, Table

if TYPE_CHECKING:
    from feishu_source.files import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extras:
    """What was asked for beside the messages, checked."""

    pipeline: dlt.Pipeline
    copy: Path | None = None
    search_index: bool = False
    store: Store | None = None

    @classmethod
    def of(
        cls,
        pipeline: dlt.Pipeline,
        options: Options,
        copy: str | Path | None,
        search_index: bool,
    ) -> Self:
        """That they cannot be had there is told before anything is requested.

        Raises:
            ConfigurationError: the destination is no DuckDB file, the place of the copy or of files
                takes none, or the warehouse cannot tell which files are due.
        """
        path = Path(copy).expanduser().resolve() if copy else None
        if path is not None:
            check_copy(path, plan_of(pipeline).place)
        if search_index:
            check_searchable(plan_of(pipeline).place)
        return cls(pipeline, path, search_index, _open_store(pipeline, options))

    def fetch_files(
        self, session: Session, report: LoadReport, load: Callable[[list[Row]], None]
    ) -> None:
        """Downloads what is due of the chats that were read; `load` takes rows of the results."""
        if self.store is None or session.walk is None:
            return
        from feishu_source.files import Chats, Downloads

        session.progress.phase = "files"
        visits = session.walk.visits
        some = session.options.selection != Selection()
        refused = {visit.chat_id for visit in visits.values() if visit.status == "skipped"}
        downloads = Downloads(
            *(self.pipeline, session.client, self.store),
            Path(self.pipeline.pipelines_dir) / f"{self.pipeline.pipeline_name}.files",
            types=session.options.files_types,
            settings=session.options.settings,
            run_id=report.run_id,
            chats=Chats(sorted(visits.keys() - refused) if some else None, refused),
            load=load,
            progress=session.progress,
        )
        report.files = downloads.report
        downloads.run()

    def ask_people(
        self,
        session: Session,
        report: LoadReport,
        load: Callable[[list[tuple[Table, list[Row]]]], None],
    ) -> None:
        """Asks for the details of people who are due; a shard for its part of them."""
        settings, names = session.options.settings, session.names
        if not settings.user_details or names is None:
            return
        from feishu_source.people import People, due

        session.progress.phase = "people"
        shard = session.options.selection.shard
        rows = last_rows(self.pipeline, USERS)
        held = {row[0]: row for row in rows if shard is None or shard.holds(row[0])}
        seen = [each for each in names.ids if shard is None or shard.holds(each)]
        now_s = session.pinned_s
        people = People(session.client, held, now_s * 1_000)
        report.users = people.report
        for rows in people.ask(due(seen, held, now_s, settings.user_details_period_s)):
            names.note(USERS, to_arrow(USERS, rows))
            load([(USERS, rows), (NAMES_SEEN, names.take(now_s * 1_000))])

    def update_index(self, report: LoadReport) -> None:
        """Brings the search index up to date; that it is behind fails no load."""
        place = plan_of(self.pipeline).place
        if not self.search_index or place.database is None:
            return
        try:
            updated = update_file(Path(place.database), place.dataset)
        except duckdb.Error as error:
            _warn(
                report,
                f"the search index could not be updated ({type(error).__name__}) and is behind. "
                "Next step: close the file elsewhere, make room; the next load updates it again.",
            )
        else:
            report.searchable = updated.documents

    def publish(self, report: LoadReport) -> None:
        """Puts a copy for readers in its place; that there is none fails no load."""
        database = plan_of(self.pipeline).place.database
        if self.copy is None or database is None:
            return
        try:
            publish(Path(database), self.copy)
        except NotPublished as error:
            _warn(report, str(error))
        else:
            report.published = str(self.copy)


def _open_store(pipeline: dlt.Pipeline, options: Options) -> Store | None:
    if options.files is None:
        return None
    from feishu_source.files import check_warehouse, open_store

    check_warehouse(pipeline)
    store = open_store(options.files)
    try:
        store.try_to_write()
    except DestinationError as error:
        raise ConfigurationError(str(error)) from error
    return store


def _warn(report: LoadReport, told: str) -> None:
    report.warnings.append(told)
    _log.warning("%s", told)
