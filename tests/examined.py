"""A check of a laboratory: what it found, what it asked, what it left behind.

In: a `Lab`, arguments of the source. Out: findings by `id.outcome`, files with their bytes;
and what may be wrong beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from feishu_source.destination import plan_pipeline
from feishu_source.doctor import CheckReport, Finding, check
from feishu_source.doctor.texts import CHECKS
from feishu_source.sandbox import Fault, World
from tests.lab import Lab
from tests.sandbox_api import CHATS

MEMBERS = f"{CHATS}/:chat_id/members"
GROUP_SCOPE = "im:message.group_msg"
USER = {"app_id": None, "app_secret": None}


def begin_thread(world: World, person: str, chat_id: str) -> str:
    """A thread of one reply; its id."""
    root = world.post(chat_id, person, text="root")
    world.reply_in_thread(root, person, text="reply")
    return str(world.thread_id_of(root))


def fault(name: str, path: str | None = None, **more: Any) -> Callable[[Lab, str], None]:
    """Something goes wrong with every request to that path."""
    return lambda lab, _: lab.sandbox.inject(Fault(name, path=path, times=None, **more))


def without(*scopes: str) -> Callable[[Lab, str], None]:
    """The app lacks these scopes."""
    return lambda lab, _: lab.world.scopes.difference_update(scopes)


def user_token(lab: Lab) -> dict[str, Any]:
    """A ready-made token instead of an app."""
    return {**USER, "user_access_token": lab.sandbox.user_access_token}


def examine(lab: Lab, **arguments: Any) -> CheckReport:
    """One check, as the command line makes it, by the world's own clock."""
    lab.sandbox.clear_requests()
    plan = partial(
        plan_pipeline, database=str(lab.database), pipelines_dir=str(lab.folder / "pipelines")
    )
    given: dict[str, Any] = {"clock": lambda: lab.world.now_ms / 1_000, **lab.access}
    return check(plan, **(given | arguments))


def keys(report: CheckReport) -> list[str]:
    """Every finding as `id.outcome`, in order."""
    return [f"{finding.id}.{finding.outcome}" for finding in report.findings]


def amiss(report: CheckReport) -> list[str]:
    """The findings that are neither ok nor skipped."""
    return [
        f"{each.id}.{each.outcome}"
        for each in report.findings
        if each.level in ("warning", "failure")
    ]


def the(report: CheckReport, key: str) -> Finding:
    """The one finding of that `id.outcome`."""
    (finding,) = (each for each in report.findings if f"{each.id}.{each.outcome}" == key)
    return finding


def skipped_by(report: CheckReport, name: str) -> set[str]:
    """The checks that were skipped because of another."""
    return {
        each.id
        for each in report.findings
        if each.outcome == "skipped" and each.values["because"] == CHECKS[name]
    }


def files_in(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its bytes, and every folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }
