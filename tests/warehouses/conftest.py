"""What the warehouses share: servers that live as long as the tests of one worker."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
import sqlalchemy

from tests.warehouses.mariadb_server import mariadb_server
from tests.warehouses.postgres_server import postgres_server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, emptied, and where dlt finds it: `destination.postgres`."""
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("select nspname from pg_namespace where nspname like 'feishu%'")
        for (schema,) in cursor.fetchall():
            cursor.execute(f'drop schema "{schema}" cascade')
    connection.close()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A MariaDB server."""
    with mariadb_server() as url:
        yield url


@pytest.fixture
def mariadb(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, emptied, and where dlt finds it: `destination.sqlalchemy`."""
    engine = sqlalchemy.create_engine(mariadb_url)
    with engine.begin() as connection:
        for (name,) in connection.exec_driver_sql("show databases like 'feishu%%'").fetchall():
            connection.exec_driver_sql(f"drop database `{name}`")
    engine.dispose()
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", mariadb_url)
    return mariadb_url
