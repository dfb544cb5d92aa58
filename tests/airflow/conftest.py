"""An Airflow of the tests' own: its home, its metadata database, no scheduler.

Airflow reads its configuration when it is imported, so the environment is set before that.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "pipelines"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
}

# Airflow keeps the stream it finds when it is imported, and logs there for ever.
with redirect_stdout((HOME / "told").open("w", buffering=1, encoding="utf-8")):
    from airflow.utils.db import initdb

    from feishu_source.sandbox import World
    from tests.airflow.runs import AirflowLab


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Airflow warns of its own parts; that is no failure of ours."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def metadata_database() -> Path:
    """Airflow's own database, made once."""
    initdb()
    return HOME / "airflow.db"


@pytest.fixture
def airflow(
    tmp_path: Path,
    world: World,
    metadata_database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[AirflowLab]:
    """A tenant, an empty warehouse, and the DAG that loads the one into the other."""
    with AirflowLab(tmp_path, world, HOME, monkeypatch, capfd) as lab:
        yield lab
