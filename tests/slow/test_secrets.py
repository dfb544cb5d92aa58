"""Secrets are nowhere, and the words of messages only where messages belong.

One tenant, many loads that succeed and fail; after each of them everything it left is searched.
"""

from __future__ import annotations

import base64
import gzip
import logging
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feishu_source.cli import main
from feishu_source.sandbox import Fault, World
from tests.evidence import Evidence
from tests.lab import MESSAGES, START_MS, Lab

MARK = "Zaubermarke"
"""A word that stands in every message."""
WRONG_SECRET = "wrong-but-perhaps-another-apps-secret"
USER_TOKEN = "u-somebodys-access-token"
TENANT_TOKEN = "t-sandbox"
"""All tenant tokens of the sandbox begin so."""
TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"

PACKAGES = ("/load/new/", "/load/normalized/", "/load/loaded/", "/normalize/")
"""Folders, readable by the owner only, where dlt keeps rows until they are loaded or given up."""
TABLES_OF_WORDS = {"messages", "message_links", "rejected_messages"}

Step = Callable[[Lab], object]


def succeed(lab: Lab) -> None:
    """All goes well."""
    assert lab.load().exit_code == 0


def ask_with_a_wrong_secret(lab: Lab) -> None:
    """Feishu refuses the secret."""
    lab.load(app_secret=WRONG_SECRET)


def ask_with_an_old_user_token(lab: Lab) -> None:
    """Feishu refuses the token."""
    lab.load(user_access_token=USER_TOKEN)


def be_redirected(lab: Lab) -> None:
    """A request with a token, and one with the secret, are sent elsewhere."""
    lab.sandbox.inject(Fault("redirect_307", path=MESSAGES))
    lab.load()


def be_redirected_with_the_secret(lab: Lab) -> None:
    """The request that carries the secret is sent elsewhere."""
    lab.sandbox.inject(Fault("redirect_307", path=TOKEN_PATH))
    lab.load()


def get_half_a_token(lab: Lab) -> None:
    """The reply that holds the token is cut, again and again."""
    lab.sandbox.inject(Fault("cut_json", path=TOKEN_PATH, times=None))
    lab.load(attempts=2)


def get_broken_replies(lab: Lab) -> None:
    """Each chat its own: cut in the middle of words, 502, items and bodies that do not parse."""
    names = ("cut_json", "html_502", "item_without_create_time", "lone_surrogate", "unknown_code")
    for name, chat_id in zip(names, lab.world.chats, strict=True):
        times = 1 if "item" in name or "lone" in name else None
        lab.sandbox.inject(Fault(name, path=MESSAGES, chat_id=chat_id, times=times))
    report = lab.load(attempts=2, workers=1)
    assert (report.exit_code, report.chats_failed, report.rejected) == (3, 3, 1)


def be_refused_by_the_warehouse(lab: Lab) -> None:
    """A column that cannot hold words: DuckDB's exception quotes the message it stumbled over."""
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("alter table feishu.messages drop column text")
        connection.execute("alter table feishu.messages add column text bigint")
    lab.load()


def ask_by_the_command_line(lab: Lab) -> None:
    """With every word it can be made to say."""
    main([*places_of(lab), "--log-level", "debug"])


def ask_for_json(lab: Lab) -> None:
    """One failing chat, in the account for machines."""
    (chat_id, *_) = lab.world.chats
    lab.sandbox.inject(Fault("cut_json", path=MESSAGES, chat_id=chat_id, times=None))
    main([*places_of(lab), "--json", "--log-level", "debug"])


def check_first(lab: Lab) -> None:
    """The check, which reads a page of messages and shows none of it."""
    assert main([*places_of(lab), "--check", "--log-level", "debug"]) == 0


def check_with_a_wrong_secret(lab: Lab) -> None:
    """Told twice: to people and to machines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCES__FEISHU__APP_SECRET", WRONG_SECRET)
        main([*places_of(lab), "--check", "--log-level", "debug"])
        main([*places_of(lab), "--check", "--json"])


def check_with_broken_replies(lab: Lab) -> None:
    """Half a token, half a page of words."""
    lab.sandbox.inject(Fault("cut_json", path=MESSAGES, times=None))
    main([*places_of(lab), "--check", "--log-level", "debug"])
    lab.sandbox.inject(Fault("cut_json", path=TOKEN_PATH, times=None))
    main([*places_of(lab), "--check", "--lang", "zh", "--json"])


def places_of(lab: Lab) -> list[str]:
    """The words that make the command line load into the same place."""
    return ["--database", str(lab.database), "--pipelines-dir", str(lab.folder / "pipelines")]


STEPS: dict[str, tuple[Step, str | None]] = {
    "check": (check_first, None),
    "first": (succeed, None),
    "check wrong secret": (check_with_a_wrong_secret, None),
    "check broken replies": (check_with_broken_replies, None),
    "wrong secret": (ask_with_a_wrong_secret, "CredentialsRefused"),
    "old user token": (ask_with_an_old_user_token, "CredentialsRefused"),
    "redirect": (be_redirected, "StopError"),
    "redirect of the secret": (be_redirected_with_the_secret, "StopError"),
    "half a token": (get_half_a_token, "ReplyBroken"),
    "broken replies": (get_broken_replies, None),
    "command line": (ask_by_the_command_line, None),
    "json": (ask_for_json, None),
    "warehouse": (be_refused_by_the_warehouse, "DestinationError"),
}
"""What happens, and the exception it ends with."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evidence, Lab]]:
    """All loads, and what they left; credentials come from the environment, through dlt."""
    folder = tmp_path_factory.mktemp("secrets")
    world = World(seed=1, start_ms=START_MS, now_ms=START_MS)
    for number in range(5):
        chat_id = world.add_chat(name=f"chat {number}")
        # Long, so that half a reply holds some of it.
        root = world.post(chat_id, text=f"{MARK} " * 50 + f"https://example.com/{MARK}")
        world.reply_in_thread(root, text=f"{MARK} again")
    evidence = Evidence()
    with pytest.MonkeyPatch.context() as patch, Lab(folder, world) as lab:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt-data"))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
        patch.setenv("SOURCES__FEISHU__BACK_OFF_BASE_S", "0")
        for name, value in (
            ("BASE_URL", lab.sandbox.base_url),
            ("APP_ID", lab.sandbox.app_id),
            ("APP_SECRET", lab.sandbox.app_secret),
        ):
            patch.setenv(f"SOURCES__FEISHU__{name}", value)
        patch.chdir(folder)
        patch.setattr(Lab, "access", {"back_off_base_s": 0.0})
        for name, (step, _) in STEPS.items():
            world.post(chat_id, text=f"{MARK} before {name}")
            with evidence.of_load(name, folder / "pipelines"):
                step(lab)
            lab.sandbox.clear_faults()
        evidence.add_tables("at last", lab.database)
        yield evidence, lab


def test_loads_ended_as_they_were_meant_to(found: tuple[Evidence, Lab]) -> None:
    """Each failure is the one that was wanted."""
    evidence, _ = found
    assert evidence.errors() == {name: kind for name, (_, kind) in STEPS.items() if kind}


def test_everything_was_looked_at(found: tuple[Evidence, Lab]) -> None:
    """Traces, states, packages, tables, records: the search sees into each of them."""
    evidence, lab = found
    kinds = {(where, name.rpartition("/")[2]) for _, where, name in evidence.texts}
    assert {("file", "trace.pickle"), ("file", "state.json")} <= kinds
    assert {("table", "feishu._dlt_pipeline_state"), ("table", "feishu.sync_runs")} <= kinds
    (chat_id, *_) = lab.world.chats
    seen = evidence.places(chat_id)
    assert ("at last", "table", "feishu._dlt_pipeline_state") in seen
    assert ("json", "written", "stdout") in seen
    assert [name for load, _, name in seen if load == "warehouse" and name.endswith(".parquet")]
    mark = evidence.places(MARK)
    assert [name for load, _, name in mark if load == "warehouse" and name.endswith(".exception")]
    assert "again in 0.0 s" in evidence.texts["broken replies", "logged", "all loggers"]
    assert "DEBUG" in evidence.texts["command line", "written", "stderr"]


@pytest.mark.parametrize("secret", ["app secret", WRONG_SECRET, USER_TOKEN, TENANT_TOKEN])
def test_secret_is_nowhere(found: tuple[Evidence, Lab], secret: str) -> None:
    """Not written, logged, raised, filed or loaded, by no load."""
    evidence, lab = found
    assert evidence.places(lab.sandbox.app_secret if secret == "app secret" else secret) == []


def test_words_of_messages_are_where_messages_belong(found: tuple[Evidence, Lab]) -> None:
    """In the tables that hold them, and in packages that wait to be loaded or were given up."""
    evidence, _ = found
    places = evidence.places(MARK)
    tables = {name.rpartition(".")[2] for _, where, name in places if where == "table"}
    assert tables == TABLES_OF_WORDS
    elsewhere = [
        (load, where, name)
        for load, where, name in places
        if where != "table" and not any(folder in f"/{name}" for folder in PACKAGES)
    ]
    assert elsewhere == []


def test_refusal_of_the_warehouse_is_told_without_what_it_quotes(
    found: tuple[Evidence, Lab],
) -> None:
    """The kind of trouble and the column are told, the value is not."""
    evidence, lab = found
    assert (
        f"could not load into {lab.database}: ConversionException: Conversion Error: Could not "
        "convert string […] to INT64 when casting from source column text. Next step: mend this "
        "and run the load again; what was loaded before stays."
    ) in evidence.texts["warehouse", "error", "DestinationError"]


def test_given_up_package_is_gone_with_the_next_load(found: tuple[Evidence, Lab]) -> None:
    """Once the column can hold words again, the load succeeds and no file holds any."""
    _, lab = found
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute("alter table feishu.messages alter column text type varchar")
    after = Evidence()
    with after.of_load("mended", lab.folder / "pipelines"):
        assert main([*places_of(lab), "--quiet", "--full"]) == 0
    assert after.places(MARK) == []
    lab.assert_equals_truth()


@pytest.mark.parametrize(("telemetry", "sent"), [(None, False), ("true", True)])
def test_load_tells_dlts_makers_nothing_unless_the_user_wants_it(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, telemetry: str | None, sent: bool
) -> None:
    """dlt's telemetry is on by default; here it is off, in a process of its own to be sure."""
    monkeypatch.delenv("RUNTIME__DLTHUB_TELEMETRY")
    if telemetry:
        monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", telemetry)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY_ENDPOINT", lab.sandbox.base_url + "/telemetry")
    monkeypatch.setenv("SOURCES__FEISHU__BASE_URL", lab.sandbox.base_url)
    monkeypatch.setenv("SOURCES__FEISHU__APP_ID", lab.sandbox.app_id)
    monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", "wrong")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    command = [sys.executable, "-m", "feishu_source.cli", *places_of(lab)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert bool(lab.sandbox.count("/telemetry")) == sent


@pytest.mark.parametrize(
    "wrap",
    [
        lambda word: word,
        lambda word: gzip.compress(word),
        lambda word: base64.b64encode(zlib.compress(word)),
        lambda word: pickle.dumps(ValueError("trouble", {"with": word.decode()})),
    ],
)
def test_search_finds_what_is_hidden_in_a_file(
    tmp_path: Path, wrap: Callable[[bytes], bytes]
) -> None:
    """As it is, compressed, packed as dlt packs its state, pickled as dlt keeps its traces."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(wrap(b"before needle after"))
    evidence = Evidence()
    evidence.add_files("load", tmp_path)
    assert evidence.places("needle") == [("load", "file", "below/file")]


def test_search_finds_what_is_hidden_in_parquet_and_in_a_table(tmp_path: Path) -> None:
    """Where compression would hide it, and in the packed state of dlt's own table."""
    pq.write_table(pa.table({"text": ["before needle after"] * 3}), tmp_path / "rows.parquet")
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        packed = base64.b64encode(zlib.compress(b'{"state": "needle"}')).decode()
        connection.execute("create schema s")
        connection.execute("create table s.states as select 1 as one, ? as state", [packed])
    evidence = Evidence()
    evidence.add_files("load", tmp_path)
    evidence.add_tables("load", tmp_path / "x.duckdb")
    assert evidence.places("needle") == [
        ("load", "file", "rows.parquet"),
        ("load", "table", "s.states"),
    ]


def test_search_finds_what_is_written_logged_and_raised(tmp_path: Path) -> None:
    """On both streams, in a debug record's exception, in a context that was suppressed."""
    evidence = Evidence()
    with evidence.of_load("load", tmp_path):
        print("needle")
        try:
            raise KeyError("needle")
        except KeyError as error:
            logging.getLogger("urllib3.pool").debug("trouble", exc_info=error)
            raise ValueError("trouble") from None
    assert evidence.places("needle") == [
        ("load", "error", "ValueError"),
        ("load", "written", "stdout"),
        ("load", "logged", "all loggers"),
    ]
