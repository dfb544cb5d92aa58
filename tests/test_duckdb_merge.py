"""Rows on their way into a DuckDB file: merged from the files they were extracted into."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feishu_source import duckdb_merge, gathered, load, open_files, open_pipeline, refusals
from feishu_source.duckdb_merge import MergingClient, _Merge
from feishu_source.errors import DestinationError, FeishuError
from feishu_source.report import Place
from feishu_source.sandbox import World
from tests.lab import Lab


@pytest.fixture
def history(lab: Lab, world: World, ann: str, team: str) -> Lab:
    """Twelve messages, each with a mention and a link, and a thread."""
    for number in range(12):
        world.advance(60)
        world.post(team, ann, text=f"@<{ann}> see https://example.com/{number}")
    root = world.post(team, ann, text="root")
    world.reply_in_thread(root, ann, text="reply")
    return lab


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Of each merge its table and the number of files beside it."""
    seen: list[tuple[str, int]] = []

    def run(job: _Merge) -> None:
        beside = Path(job._file_path).parents[1] / "completed_jobs"
        table = job.load_table_name
        seen.append((table, len([*beside.glob(f"{table}.*.parquet")])))
        original(job)

    original = _Merge.run
    monkeypatch.setattr(_Merge, "run", run)
    return seen


def test_no_row_is_staged(history: Lab, merged: list[tuple[str, int]]) -> None:
    """Each would be written twice, and stand in a second place while a slice is loaded."""
    history.load()
    assert {table for table, _ in merged} >= {"messages", "message_mentions", "sync_coverage"}
    schemas = history.query("select distinct table_schema from information_schema.tables")
    assert schemas == [("feishu",)]
    history.assert_equals_truth()


def test_a_merge_that_runs_twice_changes_nothing(
    history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between merging a table and noting that."""

    def run(job: _Merge) -> None:
        original(job)
        original(job)

    original = _Merge.run
    monkeypatch.setattr(_Merge, "run", run)
    history.load()
    history.assert_equals_truth()
    history.load(full=True)
    history.assert_equals_truth()


def test_a_tables_rows_may_come_in_many_files(
    history: Lab, merged: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever bounds the size of dlt's files; the rows of one file do not remove another's."""
    monkeypatch.setattr(gathered, "MOST_BYTES", 1)
    monkeypatch.setenv("DATA_WRITER__FILE_MAX_ITEMS", "3")
    history.load(page_size=2, batch_rows=2)
    assert max(files for table, files in merged if table == "message_mentions") > 1
    history.assert_equals_truth()
    history.load(full=True, page_size=2, batch_rows=2)
    history.assert_equals_truth()


def test_a_working_folder_may_have_any_name(history: Lab) -> None:
    """Quotes, semicolons and what SQL or dlt takes for words of theirs."""
    name = "it's; a 'folder' {} $1 -- DROP TABLE"
    pipeline = open_pipeline(
        database=str(history.database), pipelines_dir=str(history.folder / name)
    )
    assert load(pipeline, **history.access).exit_code == 0
    history.assert_equals_truth()


def test_a_merge_that_fails_leaves_its_table_as_it_was(
    history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted comes back with the transaction; the next load loads the package again."""
    history.load()
    before = history.query("select * from feishu.messages order by message_id")

    def execute(client: Any, sql: Any, *arguments: Any, **named: Any) -> Any:
        if str(sql).startswith('INSERT INTO "feishu"."messages"'):
            raise RuntimeError("the disk is full")
        return original(client, sql, *arguments, **named)

    client: Any = open_pipeline(database=str(history.database)).destination_client()
    sql_client = type(client.sql_client)
    original = sql_client.execute_sql
    with monkeypatch.context() as patch:
        patch.setattr(sql_client, "execute_sql", execute)
        with pytest.raises(FeishuError, match="the disk is full"):
            history.load(full=True)
    assert history.query("select * from feishu.messages order by message_id") == before
    history.load()
    history.assert_equals_truth()


@pytest.fixture
def long_history(lab: Lab, world: World, ann: str, team: str) -> Lab:
    """Sixty messages, each as long as one may be."""
    words = random.Random(1)
    for _ in range(60):
        world.advance(60)
        world.post(team, ann, text=words.randbytes(70_000).hex())
    return lab


def test_long_messages_get_the_memory_they_need(
    long_history: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If their files told too little: more, each time that it proves to be too little."""
    for module in (open_files, duckdb_merge):
        monkeypatch.setattr(module, "MEMORY_MB", 12)
    monkeypatch.setattr(duckdb_merge, "_more_mb", lambda paths: 0)
    with caplog.at_level("INFO", "feishu_source"):
        assert long_history.load().exit_code == 0
    assert "once more with twice as much" in caplog.text
    long_history.assert_equals_truth()


@pytest.mark.parametrize(
    ("rows", "length", "more_mb"), [(100_000, 100, 0), (100, 100_000, 34), (10_000, 5_000, 50)]
)
def test_the_memory_that_rows_need_follows_from_how_long_they_are(
    tmp_path: Path, rows: int, length: int, more_mb: int
) -> None:
    """Of as many as DuckDB works on at once, or of all if they are fewer, three times, and of what
    four threads read, a tenth each; in one file or in two."""
    words = random.Random(1)
    table = pa.table({"text": [words.randbytes(length // 2).hex() for _ in range(rows)]})
    paths = [tmp_path / name for name in ("all", "some", "others")]
    for path, part in zip(paths, (table, table[: rows // 2], table[rows // 2 :]), strict=True):
        pq.write_table(part, path, row_group_size=rows // 10)
    assert duckdb_merge._more_mb(paths[:1]) == pytest.approx(more_mb, abs=3)
    assert duckdb_merge._more_mb(paths[1:]) == pytest.approx(more_mb, abs=3)


def test_what_a_killed_load_left_gets_the_memory_it_needs(
    long_history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files were done with before the merge that reads them: they are looked at again."""
    given_mb: list[int] = []

    def run(job: _Merge) -> None:
        if job.load_table_name == "messages":
            given_mb.append(open_files.open_files.memory_mb(str(long_history.database)))
            if is_killed:
                raise RuntimeError("the process ends here")
        original(job)

    original, is_killed = _Merge.run, True
    monkeypatch.setattr(_Merge, "run", run)
    with pytest.raises(FeishuError):
        long_history.load()
    at_first_mb = given_mb[0]
    given_mb.clear()
    is_killed = False
    long_history.load()
    assert given_mb[0] == at_first_mb > open_files.MEMORY_MB + 20
    long_history.assert_equals_truth()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("MEMORY_LIMIT", "12MB"), ("GLOBAL_CONFIG", '{"memory_limit": "12MB"}')],
)
def test_a_limit_that_somebody_set_stands(
    setting: str,
    value: str,
    long_history: Lab,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error tells what to set; the next load has everything."""
    with monkeypatch.context() as bounded, caplog.at_level("INFO", "feishu_source"):
        bounded.setenv(f"DESTINATION__DUCKDB__CREDENTIALS__{setting}", value)
        with pytest.raises(DestinationError) as ended:
            long_history.load()
    assert "DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT" in str(ended.value)
    assert "SOURCES__FEISHU__SLICE_MESSAGES" in str(ended.value)
    assert "once more" not in caplog.text
    long_history.load()
    long_history.assert_equals_truth()


def test_what_did_not_fit_comes_first_whatever_the_slices(
    long_history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shorter ones do without more memory only for what was not read yet: so the error says."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT", "24MB")
    for slice_messages in (100, 3):
        with pytest.raises(DestinationError, match="it begins with what could not be loaded"):
            long_history.load(slice_messages=slice_messages, page_size=3)
    monkeypatch.delenv("DESTINATION__DUCKDB__CREDENTIALS__MEMORY_LIMIT")
    assert long_history.load().exit_code == 0
    long_history.assert_equals_truth()


def test_only_of_duckdb_is_told_how_it_gets_more_memory() -> None:
    """A server that runs out of it says the same words."""
    error = RuntimeError("out of memory")
    told = [refusals._advice(error, Place(name, None, "feishu")) for name in ("duckdb", "postgres")]
    assert ["DUCKDB" in advice for advice in told] == [True, False]


def test_long_messages_are_written_as_they_come(
    long_history: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of rows is read as a whole: its bytes are bounded, not its rows alone."""
    groups: list[int] = []

    def run(job: _Merge) -> None:
        for path in duckdb_merge._rows_beside(job._file_path, job.load_table_name):
            file = pq.read_metadata(path)
            groups.extend(
                file.row_group(number).total_byte_size for number in range(file.num_row_groups)
            )
        original(job)

    original = _Merge.run
    monkeypatch.setattr(_Merge, "run", run)
    monkeypatch.setattr(gathered, "MOST_BYTES", 1_000_000)
    long_history.load(page_size=2, batch_rows=2)
    assert max(groups) < 5_000_000 < sum(groups)
    long_history.assert_equals_truth()


def test_what_else_a_pipeline_loads_is_merged_as_dlt_does_it(tmp_path: Path) -> None:
    """Rows with rows in them, no key, files that are no Parquet: dlt's staging dataset."""
    pipeline = open_pipeline(database=str(tmp_path / "a.duckdb"), pipelines_dir=str(tmp_path))
    rows = [{"id": 1, "inner": [{"a": 1}, {"a": 2}]}, {"id": 2, "inner": []}]
    for _ in range(2):
        pipeline.run(
            dlt.resource(rows, name="nested", write_disposition="merge", primary_key="id"),
            loader_file_format="parquet",
        )
    assert pipeline.last_trace is not None
    with pipeline.sql_client() as client:
        found = client.execute_sql(
            "select (select count(*) from nested), (select count(*) from nested__inner),"
            " (select count(*) from duckdb_schemas() where schema_name = 'feishu_staging')"
        )
    assert found == [(2, 2, 1)]
    assert isinstance(pipeline.destination_client(), MergingClient)


def test_what_an_older_version_staged_goes(history: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was killed before it emptied its staging dataset; nobody else would, ever."""
    staged = "select table_name from information_schema.tables where table_schema <> 'feishu'"
    with monkeypatch.context() as older:
        older.setattr(MergingClient, "_merges", lambda client, table: False)
        older.setenv("LOAD__TRUNCATE_STAGING_DATASET", "false")
        history.load()
    assert ("messages",) in history.query(staged)
    assert history.query("select count(*) from feishu_staging.messages") == [(14,)]
    history.load()
    assert history.query(staged) == []
    history.assert_equals_truth()
