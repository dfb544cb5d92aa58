"""The DAG as Airflow's processor reads it, and its guide."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta

from pipelines import airflow_dag
from tests.airflow.conftest import ROOT

PAGE = (ROOT / "docs" / "airflow.md").read_text("utf-8")

READ = """
import sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event == "socket.connect" else None)
import pipelines.airflow_dag
drawn = {"feishu_source", "dlt", "duckdb", "pyarrow", "requests", "orjson"}
print(sorted(drawn & {name.split(".")[0] for name in sys.modules}), asked)
"""


def test_reading_the_file_draws_in_nothing_of_ours() -> None:
    """A processor reads it every few seconds: no dlt, no DuckDB, and nobody is asked."""
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] []"


def test_tasks_that_load_share_a_pool_and_are_tried_again() -> None:
    """What asks Feishu has the pool; what is certain to fail again is told by the exception."""
    made = airflow_dag.feishu_history()
    keywords = made.get_task("load_shard").partial_kwargs
    assert (keywords["pool"], keywords["retries"]) == ("feishu", 3)
    assert keywords["retry_delay"] == timedelta(minutes=5)
    assert (made.catchup, made.max_active_runs) == (False, 1)


def test_the_guide_names_what_the_file_has() -> None:
    """Connection, variable, pool, tasks, parameters and keys."""
    made = airflow_dag.feishu_history()
    names = [
        *(airflow_dag.POOL, airflow_dag.CONNECTION, airflow_dag.VARIABLE, made.dag_id),
        *(*airflow_dag.PIPELINE_KEYS, *airflow_dag.OWN_KEYS, *airflow_dag.CREDENTIALS),
        *(*made.task_ids, *made.params),
        airflow_dag.HISTORY.name,
    ]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
    constants = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.*?)` \|", PAGE, re.MULTILINE))
    assert constants == {
        "SCHEDULE": airflow_dag.SCHEDULE,
        "TIMEZONE": airflow_dag.TIMEZONE,
        "RETRIES": str(airflow_dag.RETRIES),
        "RETRY_DELAY": "5 minutes",
    }
