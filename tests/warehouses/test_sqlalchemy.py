"""The stories through SQLAlchemy: in a SQLite file, and in a MariaDB server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import Engine

from feishu_source import check
from feishu_source.cli import main
from feishu_source.tables import TABLES
from tests.laboratory import Row
from tests.warehouses.pages import commands_of
from tests.warehouses.stories import Stories, WarehouseLab, small_world

WHERE = {"destination": "sqlalchemy"}
TIMES = {
    column.name for table in TABLES.values() for column in table.columns if column.type == "ts"
}


class Lab(WarehouseLab):
    """A database without time zones: its times are UTC."""

    def as_python(self, row: Row) -> Row:
        """With the zone that is meant; SQLite gives times as text."""
        return {name: to_utc(value) if name in TIMES else value for name, value in row.items()}


def to_utc(value: Any) -> datetime | None:
    """An instant of a column without a zone."""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time and time.replace(tzinfo=UTC)


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a file that is not there yet, and where dlt finds it."""
    url = f"sqlite:///{tmp_path}/history.db"
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", url)
    return url


class TestSqlite(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, sqlite: str) -> Iterator[WarehouseLab]:
        """A file, and one beside it for each dataset."""
        with Lab(tmp_path, small_world(), WHERE) as lab:
            yield lab


class TestMariaDb(Stories):
    """What every warehouse has to do."""

    @pytest.fixture
    def warehouse(self, tmp_path: Path, mariadb: str) -> Iterator[WarehouseLab]:
        """A server without databases of ours."""
        with Lab(tmp_path, small_world(), WHERE) as lab:
            yield lab


def test_a_check_of_what_was_loaded(sqlite: str, tmp_path: Path) -> None:
    """It tells what the file holds, and leaves no table behind."""
    with Lab(tmp_path, small_world(), WHERE) as lab:
        lab.load()
        tables = tables_of(lab)
        report = check(lab.pipeline(), **lab.access)
        assert {("destination", "ok"), ("state", "ok")} <= {
            (finding.id, finding.outcome) for finding in report.findings
        }
        assert tables_of(lab) == tables


def tables_of(lab: Lab) -> list[str]:
    """The names of tables in the dataset's file."""
    with lab.pipeline().sql_client() as client:
        return [
            name for (name,) in client.execute_sql("select name from feishu.sqlite_master") or ()
        ]


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_texts_of_any_length_and_alphabet(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    """MySQL's own texts end at 64 KB, and a server may know one alphabet only; a NUL is no end."""
    request.getfixturevalue(database)
    with Lab(tmp_path, small_world(), WHERE) as lab:
        ann = lab.world.add_user("Ann 安")
        chat = lab.world.add_chat(name="long 长 🚄", member_ids=[ann])
        texts = {lab.world.post(chat, ann, text=text): text for text in ("长🚄" * 50_000, "a\0b")}
        lab.load()
        lab.assert_equals_truth()
        found = {row["message_id"]: row["text"] for row in lab.rows("messages")}
        assert texts.items() <= found.items()


def test_what_a_merge_replaces_is_found_by_an_index(sqlite: str, tmp_path: Path) -> None:
    """In SQLite's own words; going through all rows for each would take days for a million."""
    deletes: list[str] = []

    def listen(_: Any, __: Any, statement: str, *more: Any) -> None:
        if statement.startswith("DELETE FROM feishu."):
            deletes.append(statement)

    sqlalchemy.event.listen(Engine, "before_cursor_execute", listen)
    try:
        with Lab(tmp_path, small_world(), WHERE) as lab:
            lab.load()
    finally:
        sqlalchemy.event.remove(Engine, "before_cursor_execute", listen)
    with lab.pipeline().sql_client() as client, client.with_staging_dataset():
        plans = [str(client.execute_sql(f"explain query plan {delete}")) for delete in deletes]
    for table in ("messages", "message_mentions", "message_links", "message_resources"):
        (plan,) = (plan for plan in plans if f"feishu.{table} " in plan)
        assert f"SEARCH feishu.{table} USING INDEX {table}_message_id" in plan


def test_the_commands_of_the_page(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the credentials in the environment, in the file that the page names."""
    with Lab(tmp_path, small_world(), WHERE) as lab:
        for name, value in lab.access.items():
            monkeypatch.setenv(f"SOURCES__FEISHU__{name.upper()}", str(value))
        (exported,) = commands_of("sqlalchemy", "export")
        name, _, url = exported.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, url.strip("'"))
        (command,) = commands_of("sqlalchemy", "feishu-history")
        assert main([*command.split()[1:], "--quiet"]) == 0
        lab.assert_equals_truth()
        assert {path.name for path in Path().glob("*.db")} >= {"history__feishu.db"}


@pytest.mark.parametrize(
    ("credentials", "said", "code"),
    [
        ("mysql+nosuchdriver://ann:hush-hush@127.0.0.1:1/x", "nosuchdriver", 1),
        ("mysql+mysqldb://ann:hush-hush@127.0.0.1:1/x", "the package MySQLdb is not installed", 2),
        ("mysql+pymysql://ann:hush-hush@127.0.0.1:1/x", "see that the server runs", 1),
        ("sqlite:////nowhere/at/all.db", "make the folder of the database", 1),
    ],
)
def test_a_database_that_cannot_be_reached(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    credentials: str,
    said: str,
    code: int,
) -> None:
    """What to do is told, the password is not; Feishu is asked for nothing."""
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", credentials)
    with Lab(tmp_path, small_world(), WHERE) as lab:
        for name, value in lab.access.items():
            monkeypatch.setenv(f"SOURCES__FEISHU__{name.upper()}", str(value))
        assert main(["--destination", "sqlalchemy", "--log-level", "debug"]) == code
        told = "".join(capsys.readouterr())
        assert said in " ".join(told.split())
        assert "hush" not in told
        assert lab.sandbox.requests == []
