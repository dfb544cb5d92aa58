"""Words and places that cannot be meant: what the command line says, and that nothing is asked."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from feishu_source.cli import main
from feishu_source.errors import ConfigurationError, DestinationError, MalformedId
from feishu_source.sandbox import World
from tests.cli_tenant import Tenant, tenant, workplace
from tests.lab import Lab, held

__all__ = ["tenant", "workplace"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "1767225600000"], "since is '1767225600000', a bare number: seconds or milli"),
        (["--until", "1767225600000"], "write a date such as 2026-01-31 or a time such as"),
        (["--since", "31.01.2026"], "since is '31.01.2026', not ISO 8601: write a date such as"),
        (["--since", "1969-12-31"], "since is '1969-12-31', before 1970"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "is not before until"),
        (["--chat", "Team"], "Team"),
        (["--chat", "oc_1/../../x"], "oc_1/../../x"),
        (["--chat", "om_0123456789abcdef0123456789abcdef"], "om_0123456789abcdef0123456789abcdef"),
        (["--reset-chat", "Team"], "Team"),
        (["--database", "taken/history.duckdb"], "history.duckdb cannot be made ("),
        (["--database", "folder"], "is a folder: name a file in it"),
        (["--database", "/dev/null"], "is not a DuckDB file"),
        (["--destination", "nosuch"], "'nosuch' is no destination that dlt knows: write duckdb, "),
        (["--database", ":memory:"], "a database in memory is gone when the load ends"),
        (["--database", "feishu.duckdb"], "have the same name"),
        (["--database", "FEISHU.backup.duckdb"], "the dataset feishu have the same name"),
        (["--database", "my_data.duckdb", "--dataset", "My data"], "the dataset my_data have the"),
        (["--database", "feishu_staging.duckdb"], "the schema feishu_staging have the same name"),
        (["--database", "information_schema.duckdb"], "have the same name"),
        (["--dataset", "system"], "the dataset system is DuckDB's own"),
        (["--dataset", "Temp"], "the dataset temp is DuckDB's own"),
        (["--dataset", "information_schema"], "is DuckDB's own"),
        (["--dataset", "pg_catalog"], "is DuckDB's own"),
        (["--dataset", "数据"], "cannot be told from others"),
        (["--dataset", ";"], "cannot be told from others"),
        (["--destination", "postgres", "--dataset", "数据"], "cannot be told from others"),
        (["--destination", "postgres", "--dataset", "PG Data"], "the dataset pg_data is the serv"),
        (["--destination", "postgres", "--dataset", "information_schema"], "is the server's own"),
        (["--destination", "sqlalchemy", "--dataset", "mysql"], "mysql is the server's own"),
        (["--pipelines-dir", "taken"], "name another with --pipelines-dir"),
        (["--pipelines-dir", "100 %"], "cannot have % in its name: name another with --pipelines"),
        (["--pipelines-dir", "[work]"], "cannot have [ in its name"),
    ],
)
def test_word_that_cannot_be_meant_ends_before_any_request(
    tenant: Tenant, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one sentence that names the word; nothing is asked, no database appears."""
    Path("taken").write_text("a file, not a folder")
    Path("folder").mkdir()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert said in " ".join(captured.err.split())
    assert (captured.out, tenant.sandbox.requests) == ("", [])
    assert list(Path().rglob("*.duckdb")) == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("PAGE_SIZE", "51", "setting page_size is 51, it must lie between 1 and 50"),
        ("LOOK_BACK_S", "60", "setting look_back_s is 60, it must lie between 600 and"),
        ("PAGE_SIZE", "many", "page_size"),
        ("BASE_URL", "http://open.feishu.cn", "base_url"),
    ],
)
def test_setting_that_cannot_be_meant_is_named_with_its_bounds(
    tenant: Tenant,
    setting: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 before any request, wherever the setting came from."""
    monkeypatch.setenv(f"SOURCES__FEISHU__{setting}", value)
    assert main([]) == 2
    assert said in capsys.readouterr().err
    assert tenant.sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"since": "2026-01-02", "until": "2026-01-01"}, ConfigurationError),
        ({"since": "1767225600000"}, ConfigurationError),
        ({"chat_ids": ["team"]}, MalformedId),
        ({"workers": 0}, ConfigurationError),
        ({"timezone": "Mars/Olympus", "since": "2026-01-01"}, ConfigurationError),
        ({"app_id": None, "app_secret": None}, ConfigurationError),
        ({"chats": ["oc_1"]}, TypeError),
    ],
)
def test_wrong_argument_of_load_touches_neither_tenant_nor_warehouse(
    lab: Lab, arguments: dict[str, object], error: type[Exception]
) -> None:
    """The same for whoever calls the library."""
    with pytest.raises(error):
        lab.load(**arguments)
    assert lab.sandbox.requests == []
    assert not lab.database.exists()


def test_chat_that_does_not_exist_is_skipped_and_told(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its id is well formed, so only Feishu can know; the chat beside it is loaded."""
    stranger = "oc_00000000000000000000000000000000"
    assert main(["--json", "--chat", stranger, "--chat", tenant.team]) == 3
    report = json.loads(capsys.readouterr().out)
    (problem,) = report["problems"]
    assert {name: problem[name] for name in ("chat_id", "status", "code", "message")} == {
        "chat_id": stranger,
        "status": "skipped",
        "code": 230002,
        "message": "Bot/User can NOT be out of the chat.",
    }
    assert problem["advice_en"].startswith("Add the app's bot to the chat")
    assert problem["log_id"]
    assert (report["chats_complete"], report["messages"]) == (1, 5)


def test_database_that_another_process_holds(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says who holds it; nothing is asked of Feishu; later the load goes on."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__WAIT_S", "0")
    world.post(team, ann, text="first")
    lab.load()
    world.post(team, ann, text="second")
    with held(lab.database) as other, pytest.raises(DestinationError) as failed:
        lab.load()
    assert str(failed.value).startswith(f"could not load into {lab.database}: IOException: ")
    assert f"PID {other.pid}" in str(failed.value)
    assert str(failed.value).endswith(
        "Next step: another process has the database open; close it and run again."
    )
    assert (failed.value.report.exit_code, lab.sandbox.requests) == (1, [])
    assert lab.load().new == 1
    lab.assert_equals_truth()


class Listener(logging.Handler):
    """Does something whenever something is logged, and keeps the words."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__()
        self.do, self.said = do, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps, then does."""
        self.said.append(record.getMessage())
        self.do()


def test_database_that_somebody_looks_into_is_waited_for(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """The load says so once, and goes on as soon as the other one has closed it."""
    world.post(team, ann, text="first")
    lab.load()
    world.post(team, ann, text="second")
    log = logging.getLogger("feishu_source.duckdb_destination")
    with held(lab.database) as other:
        log.addHandler(listener := Listener(other.communicate))
        try:
            assert lab.load().new == 1
        finally:
            log.removeHandler(listener)
    assert listener.said == [f"{lab.database} is open in another process: waiting for up to 30 s"]
    lab.assert_equals_truth()


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "is an empty file: delete it, or"), ("a letter", "is not a DuckDB file: move it away")],
)
def test_file_that_is_no_database_is_left_alone(
    tenant: Tenant, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's other file, or what a failed program left: it is as it was."""
    Path("history.duckdb").write_text(content)
    assert main(["--database", "history.duckdb"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert Path("history.duckdb").read_text() == content
    assert tenant.sandbox.requests == []


def test_credentials_of_another_app_stop_before_any_request(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Ids of people differ between apps: one dataset holds what one app sees."""
    world.post(team, ann, text="first")
    lab.load()
    with pytest.raises(ConfigurationError) as refused:
        lab.load(app_id="cli_another", app_secret="another")
    assert str(refused.value) == (
        f"this dataset was loaded with app_id {lab.sandbox.app_id}, not cli_another: ids differ "
        "between apps and tenants, so each needs a dataset and a pipeline of its own."
    )
    assert lab.sandbox.requests == []
    lab.assert_equals_truth()


@pytest.mark.parametrize(
    ("destination", "modules"),
    [
        ("postgres", ["psycopg2", "adbc_driver_postgresql"]),
        ("bigquery", ["google.cloud.bigquery"]),
        ("sqlalchemy", ["sqlalchemy"]),
    ],
)
def test_destination_that_is_not_installed_names_what_installs_it(
    tenant: Tenant,
    destination: str,
    modules: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and the command, before anything is asked for."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)  # as Python marks what cannot be imported
    assert main(["--destination", destination]) == 2
    assert (
        f"the destination {destination} needs what is not installed here ({', '.join(modules)}). "
        f"Next step: pip install 'feishu-source[{destination}]'"
    ) in " ".join(capsys.readouterr().err.split())
    assert tenant.sandbox.requests == []
