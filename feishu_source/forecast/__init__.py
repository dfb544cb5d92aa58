"""The plan of a load: what it will cost in requests, told before it is made; nothing is loaded.

    told = plan(every_s=3_600, monthly_quota=10_000)
    print(told.first_load.requests, told.day.requests, told.requests)

At most three requests a chat are made, for a sample where there are many chats, and nothing is
written. From above to below, imports point downward:

    planning            the whole: options in, asked, estimated, a `LoadPlan` out
    asking              the one place that asks Feishu, a bounded number
    report              what a plan tells, for machines and for who prints it
    totals              pure: chats added up, and what is asked for beside them
    costs               pure: what is read of a chat in a first load, and in a day of loads
    habits              pure: what all chats have in common: how threads live
    profile             pure: how many messages and threads a chat has, from up to three pages
    looks               pure: what a page shows
    spread              pure: a number that is not known, and how far off it may be
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feishu_source.forecast.report import LoadPlan

if TYPE_CHECKING:
    from feishu_source.forecast.planning import plan


def __getattr__(name: str) -> Any:
    """Imports `plan`, and dlt with it, when it is first used."""
    if name == "plan":
        from feishu_source.forecast.planning import plan

        return plan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["LoadPlan", "plan"]
