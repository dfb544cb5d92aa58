"""What the stories share: a tenant, and warehouses."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from feishu_source.sandbox import World
from tests.dagster_stories.dagster_lab import DagsterLab
from tests.warehouses.postgres_server import postgres_server

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run exports ends with its test."""
    monkeypatch.setenv("SOURCES__FEISHU__CHAT_IDS", "[]")
    for name in ("BASE_URL", "APP_ID", "APP_SECRET", "BACK_OFF_BASE_S"):
        monkeypatch.setenv(f"SOURCES__FEISHU__{name}", "")
    for name in ("REQUESTS_PER_SECOND", "REQUESTS_PER_MINUTE"):
        monkeypatch.setenv(f"SOURCES__FEISHU__{name}", "1")


@pytest.fixture
def world() -> World:
    """A tenant whose clock is this machine's, as the checks compare them."""
    now_ms = time.time_ns() // 1_000_000
    world = World(seed=1, start_ms=now_ms - 10 * DAY_MS, now_ms=now_ms - 5 * DAY_MS)
    ann = world.add_user("Ann")
    for name in ("Team", "Board", "Lunch", "Night shift"):
        chat = world.add_chat(name=name, member_ids=[ann])
        for number in range(5):
            world.post(chat, ann, text=f"message {number} to @<{ann}>, https://example.com")
    return world


@pytest.fixture
def lab(tmp_path: Path, world: World) -> Iterator[DagsterLab]:
    """That tenant beside an empty DuckDB file."""
    with DagsterLab(tmp_path, world, {"database": str(tmp_path / "history.duckdb")}) as lab:
        yield lab


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def sharded(
    tmp_path: Path, world: World, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterLab]:
    """That tenant beside an empty database, loaded in two shards."""
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("select nspname from pg_namespace where nspname like 'feishu%'")
        for (schema,) in cursor.fetchall():
            cursor.execute(f'drop schema "{schema}" cascade')
    connection.close()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres_url)
    with DagsterLab(tmp_path, world, {"destination": "postgres"}, shards=2) as lab:
        yield lab
