"""Runs of the DAG, told by what they load and by what Airflow shows of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feishu_source.sandbox import Fault
from tests.airflow.conftest import ROOT
from tests.airflow.runs import AirflowLab, Run
from tests.lab import MESSAGES

LOAD = ("load_shard", 0)
ATTENTION = ("chats_needing_attention", -1)
ALL_WELL = {
    ("shards", -1): "success",
    LOAD: "success",
    ("summarise", -1): "success",
    ATTENTION: "skipped",
}

RUN_IN_A_PROCESS = """
from tests.airflow.conftest import initdb
initdb()
from pipelines import airflow_dag
airflow_dag.feishu_history().test(logical_date=None)
"""


def talk(airflow: AirflowLab, chat: str, person: str, number: int) -> None:
    """So many messages, a minute apart."""
    for count in range(number):
        airflow.world.advance(60)
        airflow.world.post(chat, person, text=f"message {count} of {number}")


def count(airflow: AirflowLab) -> tuple[int, int]:
    """Messages in the warehouse, and different ones among them."""
    ((rows, ids),) = airflow.query(
        "select count(*), count(distinct message_id) from feishu.messages"
    )
    return rows, ids


def test_a_first_run_and_one_after_it(airflow: AirflowLab, team: str, ann: str) -> None:
    """The second one reads what is new; neither tells Airflow the secret or a message's text."""
    talk(airflow, team, ann, 120)
    airflow.connect()
    airflow.configure()
    first = airflow.run()
    assert (first.state, first.states) == ("success", ALL_WELL)
    airflow.assert_equals_truth()
    airflow.world.advance(86_400)
    talk(airflow, team, ann, 7)
    second = airflow.run()
    assert (second.state, second.states) == ("success", ALL_WELL)
    airflow.assert_equals_truth()
    assert [run.xcom[LOAD]["new"] for run in (first, second)] == [120, 7]
    told = airflow.told()
    assert "all chats" in told
    for hidden in (airflow.sandbox.app_secret, "message 3 of 7"):
        assert hidden not in told
        assert hidden.encode() not in airflow.kept()


def test_a_try_that_fails_is_gone_on_with(airflow: AirflowLab, team: str, ann: str) -> None:
    """The network breaks off in the midst of a load: what was loaded by then is not read again."""
    talk(airflow, team, ann, 400)
    airflow.connect()
    airflow.configure(slice_messages=100, attempts=1, most_chats_lost=1)
    airflow.sandbox.inject(Fault("html_502", path=MESSAGES, after=5))
    run = airflow.run()
    assert (run.state, run.states, run.tries[LOAD]) == ("success", ALL_WELL, 2)
    airflow.assert_equals_truth()
    assert count(airflow) == (400, 400)
    tries = airflow.rows("sync_runs")
    assert sorted(row["exit_code"] for row in tries) == [0, 1]
    assert 0 < run.xcom[LOAD]["new"] < 400


def test_a_killed_worker_is_gone_on_with(
    airflow: AirflowLab, team: str, ann: str, tmp_path: Path
) -> None:
    """A process dies in the midst of a task; the next run loads the rest, and nothing twice."""
    talk(airflow, team, ann, 1_000)
    airflow.connect()
    airflow.configure(slice_messages=100)
    worker = subprocess.Popen(
        [sys.executable, "-c", RUN_IN_A_PROCESS],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while airflow.sandbox.count(MESSAGES) < 8:
        assert worker.poll() is None, "the worker ended early"
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    run = airflow.run()
    assert (run.state, run.states) == ("success", ALL_WELL)
    airflow.assert_equals_truth()
    assert count(airflow) == (1_000, 1_000)


def test_a_chat_that_cannot_be_read_is_a_warning(airflow: AirflowLab, team: str, ann: str) -> None:
    """The others are loaded; the run is no failure, and a task of its own names the chat."""
    restricted = airflow.world.add_chat(name="Finance", member_ids=[ann])
    for chat in (team, restricted):
        talk(airflow, chat, ann, 3)
    airflow.world.restrict(restricted)
    airflow.connect()
    airflow.configure()
    run = airflow.run()
    assert (run.state, run.states) == ("success", ALL_WELL | {ATTENTION: "success"})
    assert (run.xcom[LOAD]["exit_code"], run.tries[LOAD], count(airflow)) == (3, 1, (3, 3))
    (problem,) = run.xcom[ATTENTION]
    told = {key: problem[key] for key in ("chat_id", "name", "status", "code")}
    assert told == {"chat_id": restricted, "name": "Finance", "status": "skipped", "code": 231203}
    assert f"chat Finance ({restricted}) is skipped: code 231203" in airflow.told()
    airflow.configure(tolerate=[231203])
    assert airflow.run().states == ALL_WELL


def failed_at(run: Run) -> tuple[str, dict[tuple[str, int], int]]:
    """Which task failed, and how often each that ran was tried."""
    (failed,) = (task for (task, _), state in run.states.items() if state == "failed")
    tried = {
        key: tries for key, tries in run.tries.items() if run.states[key] in ("success", "failed")
    }
    return failed, tried


def test_a_wrong_secret_fails_at_once(airflow: AirflowLab, team: str) -> None:
    """No retry would mend it; and the wrong one is told nobody either."""
    airflow.connect(password="a-secret-of-another-app")
    airflow.configure()
    run = airflow.run()
    assert (run.state, failed_at(run)) == (
        "failed",
        ("load_shard", {("shards", -1): 1, LOAD: 1}),
    )
    told = airflow.told()
    assert "Compare app_id and app_secret with the app's page" in told
    for secret in ("a-secret-of-another-app", airflow.sandbox.app_secret):
        assert secret not in told
        assert secret.encode() not in airflow.kept()


@pytest.mark.parametrize(
    ("different", "task", "words"),
    [
        ({"shards": 0}, "shards", "shards is 0 in the variable feishu_history"),
        ({"shards": 2}, "load_shard", "a DuckDB file has one writer at a time"),
        ({"page_sise": 3}, "load_shard", "feishu_source takes no argument page_sise"),
        ({"page_size": 300}, "load_shard", "page_size is 300, it must lie between 1 and 50"),
        ({"app_secret": "x"}, "shards", "credentials belong in the connection feishu"),
        ({"destination_connection": "none"}, "load_shard", "there is no connection none"),
    ],
)
def test_a_wrong_setting_fails_at_once(
    airflow: AirflowLab, different: dict[str, Any], task: str, words: str
) -> None:
    """Nothing was asked for, and nothing is tried again."""
    airflow.connect()
    airflow.configure(**different)
    run = airflow.run()
    assert run.state == "failed"
    failed = [key for key, state in run.states.items() if state == "failed"]
    assert {name for name, _ in failed} == {task}
    assert {run.tries[key] for key in failed} == {1}
    assert words in airflow.told()
    assert airflow.sandbox.requests == []


def test_a_variable_that_is_no_object_fails_at_once(
    airflow: AirflowLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it no JSON, or a list."""
    airflow.connect()
    for text in ("{", json.dumps(["destination"])):
        monkeypatch.setenv("AIRFLOW_VAR_FEISHU_HISTORY", text)
        assert failed_at(airflow.run()) == ("shards", {("shards", -1): 1})
