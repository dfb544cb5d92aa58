"""The check before a load: what stands in its way, told one by one, with the next step.

    report = check(open_pipeline())
    for finding in report.findings:
        print(finding.level, finding.id, finding.found("en"), finding.next_step("en"))

Nothing is written to the tenant, nothing to the warehouse's data, and nothing is left behind. From
above to below, imports point downward:

    examination                             the whole: each part once, none stopped by another
    configuration  machine  warehouse       what is here: settings, folders, lock, destination
    asking                                  the one place that asks Feishu, a bounded number
    judging  judging_chats                  pure: answers in, findings out
    findings                                a finding, the report of all, its exit code
    texts  texts_feishu  texts_machine      every word in both languages, its level and exit code
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feishu_source.doctor.findings import CheckReport, Finding

if TYPE_CHECKING:
    from feishu_source.doctor.examination import check


def __getattr__(name: str) -> Any:
    """Imports `check`, and dlt with it, when it is first used."""
    if name == "check":
        from feishu_source.doctor.examination import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["CheckReport", "Finding", "check"]
