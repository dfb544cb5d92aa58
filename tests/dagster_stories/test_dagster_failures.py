"""Runs that fail: which are tried again, how the next one goes on, and that no secret is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import dagster as dg
import pytest

from feishu_source.sandbox import Fault
from tests.dagster_stories.dagster_lab import DagsterLab, failures
from tests.laboratory import MESSAGES

WRONG_SECRET = "wrong-but-perhaps-another-apps-secret"

KILLED = """
import sys
from dagster import DagsterInstance
from pipelines.dagster_definitions import defs
from tests.crash_points import install
install("before rows are merged", 2)
job = defs.resolve_job_def("feishu_load")
job.execute_in_process(instance=DagsterInstance.local_temp(sys.argv[1]))
"""


def test_a_run_that_is_killed_is_gone_on_with_by_the_next(lab: DagsterLab) -> None:
    """By SIGKILL, in the midst of merging rows: nothing is lost, nothing doubled."""
    own = {
        "FEISHU_DATABASE": lab.where["database"],
        "FEISHU_PIPELINES_DIR": lab.where["pipelines_dir"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lab.home)],
        env=os.environ | lab.environment | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert lab.run().success
    lab.assert_equals_truth()
    assert len(lab.rows("messages")) == 20


def test_a_run_that_fails_is_tried_again_and_goes_on(
    lab: DagsterLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of chats cannot be had: the next attempt of the same run loads everything."""
    monkeypatch.setenv("SOURCES__FEISHU__ATTEMPTS", "1")
    lab.sandbox.inject(Fault("html_502", path="/open-apis/im/v1/chats", times=1))
    result = lab.run()
    assert result.success
    assert [each.event_type_value for each in result.all_events].count("STEP_RESTARTED") == 1
    assert len(failures(result)) == 1
    assert "502" in failures(result)[0]
    lab.assert_equals_truth()


def refuse_the_secret(lab: DagsterLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Feishu does not know it."""
    monkeypatch.setattr(
        DagsterLab,
        "environment",
        property(lambda lab: known(lab) | {"SOURCES__FEISHU__APP_SECRET": WRONG_SECRET}),
    )


def mistype_a_setting(lab: DagsterLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for."""
    monkeypatch.setenv("SOURCES__FEISHU__RUNGS", "sometimes")


def use_up_the_quota(lab: DagsterLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further call costs and none helps."""
    lab.sandbox.inject(Fault("quota", path=MESSAGES, times=None))


def known(lab: DagsterLab) -> dict[str, str]:
    """The right environment."""
    return {f"SOURCES__FEISHU__{key.upper()}": str(value) for key, value in lab.access.items()}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (refuse_the_secret, "secret"),
        (mistype_a_setting, "sometimes"),
        (use_up_the_quota, "99991403"),
    ],
    ids=["secret", "setting", "quota"],
)
def test_what_somebody_has_to_mend_fails_at_once(
    lab: DagsterLab,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[DagsterLab, pytest.MonkeyPatch], None],
    words: str,
) -> None:
    """One attempt, and it says what to do."""
    spoil(lab, monkeypatch)
    result = lab.run()
    assert not result.success
    (told,) = failures(result)
    assert words in told
    assert "STEP_RESTARTED" not in [event.event_type_value for event in result.all_events]


def test_a_secret_is_in_no_event_and_in_no_file_of_dagster(
    lab: DagsterLab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor a token or the words of a message, after a run that went well and one that did not."""
    assert lab.run().success
    right = lab.sandbox.app_secret
    refuse_the_secret(lab, monkeypatch)
    assert not lab.run().success
    events = [
        dg.serialize_value(record.event_log_entry)
        for run in lab.instance.get_runs()
        for record in lab.instance.get_records_for_run(run.run_id).records
    ]
    assert len(lab.instance.get_runs()) == 2
    files = [path.read_bytes() for path in lab.home.rglob("*") if path.is_file()]
    printed = capfd.readouterr()
    everything = b"\n".join([*files, *map(str.encode, [*events, printed.out, printed.err])])
    assert lab.sandbox.app_id.encode() not in everything  # it is an EnvVar as well
    for word in (right, WRONG_SECRET, "t-sandbox", "https://example.com", "message 3 to"):
        assert word.encode() not in everything, word
    assert b"RUN_SUCCESS" in everything
    assert b"RUN_FAILURE" in everything
