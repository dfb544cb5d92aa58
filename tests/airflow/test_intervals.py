"""Which runs load a range: backfills, and runs that are given an interval or a form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.airflow.runs import HOUR, AirflowLab


@pytest.fixture
def hours(airflow: AirflowLab, team: str, ann: str) -> AirflowLab:
    """A message in the middle of each of the first ten hours of the year, then silence."""
    for number in range(10):
        airflow.world.post(
            team, ann, text=f"hour {number}", at_ms=int(at(number + 0.5).timestamp() * 1_000)
        )
    airflow.world.advance(10 * 86_400)
    airflow.connect()
    airflow.configure()
    return airflow


def at(hours: float) -> datetime:
    """So many hours after the beginning of the year."""
    return HOUR + timedelta(hours=hours)


def loaded(airflow: AirflowLab) -> list[str]:
    """The texts in the warehouse, oldest first."""
    return [
        text for (text,) in airflow.query("select text from feishu.messages order by create_time")
    ]


def test_a_backfill_loads_its_intervals(hours: AirflowLab) -> None:
    """One run an hour; what lies outside of the range is left to the schedule."""
    runs = hours.backfill(at(3), at(5))
    assert [run.state for run in runs] == ["success"] * 3
    assert [run.xcom["load_shard", 0]["new"] for run in runs] == [1, 1, 1]
    assert loaded(hours) == ["hour 3", "hour 4", "hour 5"]
    hours.run()
    hours.assert_equals_truth()


def test_a_backfill_reads_again_what_is_loaded(hours: AirflowLab, team: str) -> None:
    """So an old message that was edited arrives."""
    hours.run()
    (old,) = (row["message_id"] for row in hours.rows("messages") if row["text"] == "hour 4")
    hours.world.edit(old, text="hour 4, edited")
    (run,) = hours.backfill(at(4), at(4))
    assert run.state == "success"
    hours.assert_equals_truth()


def test_a_scheduled_run_loads_what_is_due(hours: AirflowLab) -> None:
    """Its interval is an hour, and it reads up to now all the same."""
    assert hours.run_as("scheduled").state == "success"
    hours.assert_equals_truth()


def test_a_run_that_is_given_an_interval_loads_it(hours: AirflowLab) -> None:
    """As the REST API lets one give it."""
    assert hours.run_as("manual", (at(6), at(8))).state == "success"
    assert loaded(hours) == ["hour 6", "hour 7"]


def test_an_interval_that_airflow_makes_up_does_not_count(hours: AirflowLab) -> None:
    """It makes up the last hour before the logical date of a manual run."""
    assert hours.run(at(5)).state == "success"
    hours.assert_equals_truth()


def test_the_form_of_a_manual_run_counts(hours: AirflowLab) -> None:
    """`since` and `until` as they are written there, then `full`."""
    assert hours.run(since="2026-01-01T01:00", until="2026-01-01T03:00").state == "success"
    assert loaded(hours) == ["hour 1", "hour 2"]
    hours.run()
    (old,) = (row["message_id"] for row in hours.rows("messages") if row["text"] == "hour 2")
    hours.world.edit(old, text="hour 2, edited")
    assert hours.run(full=True).state == "success"
    hours.assert_equals_truth()


def test_an_interval_of_no_length_is_no_interval(hours: AirflowLab) -> None:
    """As schedules without data intervals give it."""
    moment = datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert hours.run_as("manual", (moment, moment)).state == "success"
    hours.assert_equals_truth()
