"""The check for an app of the app store: its ticket, its tenant, whose the dataset is."""

from __future__ import annotations

from typing import Any

import pytest

from feishu_source import check
from feishu_source.destination import plan_pipeline
from feishu_source.doctor import CheckReport, Finding
from tests.store_lab import StoreLab, store

__all__ = ["store"]


def examine(store: StoreLab, **change: Any) -> tuple[CheckReport, Finding]:
    """The report, and what it found about the credentials."""
    where = str(store.database), str(store.folder / "pipelines")
    report = check(
        lambda: plan_pipeline(database=where[0], pipelines_dir=where[1]),
        **(store.access | change),
    )
    (found,) = (each for each in report.findings if each.id == "credentials")
    return report, found


def key(found: Finding) -> str:
    """By which its texts are found."""
    return f"{found.id}.{found.outcome}"


def test_good_ticket_and_a_good_tenant_are_told(store: StoreLab) -> None:
    """A load would go through."""
    report, found = examine(store)
    assert (key(found), found.level, report.exit_code) == ("credentials.store", "ok", 0)
    assert found.found("en") == (
        f"store app {store.sandbox.app_id}: the ticket is valid, a tenant access token was "
        f"granted for tenant {store.world.tenant_key}"
    )
    assert store.world.tenant_key in found.found("zh")


def test_tenant_that_has_not_installed_the_app_is_told(store: StoreLab) -> None:
    """With the platform's code."""
    report, found = examine(store, tenant_key="another")
    assert (key(found), report.exit_code) == ("credentials.refused", 1)
    assert found.error is not None
    assert found.error.code == 10013
    assert found.details("en") == ["The tenant_key is another."]


def test_refused_ticket_is_told_with_what_to_do(store: StoreLab) -> None:
    """In both languages."""
    store.app.expire_tickets()
    report, found = examine(store)
    assert (key(found), report.exit_code) == ("credentials.refused", 1)
    assert found.error is not None
    assert found.error.code == 10012
    assert (found.next_step("en") or "").startswith("See that the app's event callback keeps")
    assert (found.next_step("zh") or "").startswith("请确认应用的事件回调")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tenant_key": None}, "tenant_key is empty"),
        ({"app_ticket_file": None}, "needs an app ticket too"),
        ({"app_id": None, "app_secret": None}, "app_id is empty"),
    ],
)
def test_half_given_identity_would_refuse_to_begin(
    store: StoreLab, change: dict[str, Any], said: str
) -> None:
    """Exit code 2, and nobody is asked."""
    report, found = examine(store, **change)
    assert (key(found), report.exit_code) == ("credentials.wrong", 2)
    assert said in found.found("en")
    assert store.sandbox.requests == []


def test_dataset_of_another_tenant_of_the_app_is_told(store: StoreLab) -> None:
    """App and host are the same."""
    assert store.load().exit_code == 0
    report, _ = examine(store, tenant_key="another")
    (state,) = (each for each in report.findings if each.id == "state")
    assert (key(state), state.exit_code) == ("state.other_tenant", 2)
    assert state.found("en") == f"belongs to the tenant {store.world.tenant_key}, not another"
