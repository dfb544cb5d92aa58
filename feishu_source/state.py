"""The stored state: whose it is, which version wrote it, and how an older one becomes this one.

In: the dict that dlt keeps for `messages`. Out: the claims of all chats in it, in the form that
this version knows. Refuses to know where it is kept, and what a claim means.

    {"version": 3, "base_url": …, "app_id": …, "chats": {chat_id: ChatState.to_dict()}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from feishu_source.errors import ConfigurationError

STATE_VERSION = 3

Migration = Callable[[dict[str, Any]], None]


def _tell_sweeps_apart(state: dict[str, Any]) -> None:
    """Before there were rungs, `sweep` was the walk over what lies before an earlier start.

    It ends where what is covered begins, and one of rungs behind that. Finished as one of rungs it
    would claim that all of them were swept.
    """
    for claim in state.get("chats", {}).values():
        walks = claim.get("walks", {})
        sweep = walks.get("sweep")
        if sweep and sweep["stop_s"] <= claim.get("covered_from_s", 0):
            walks["past"] = walks.pop("sweep") | {"kind": "past"}


def _count_resets(state: dict[str, Any]) -> None:
    """A claim without `resets` is one before any; but a version that does not know the word would
    write the claim anew without it, and bring back what was forgotten: so it must not."""


MIGRATIONS: dict[int, Migration] = {1: _tell_sweeps_apart, 2: _count_resets}
"""From each older version to the next, in place. A state is a promise about rows that are loaded:
what a migration cannot know it must not claim."""


def open_state(
    state: dict[str, Any],
    owner: Mapping[str, Any],
    *,
    version: int = STATE_VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> dict[str, Any]:
    """The claims of all chats, brought up to `version`; an empty state becomes the owner's.

    Raises:
        ConfigurationError: another app or host wrote it, or a newer version of this source.
    """
    if state:
        check_owner(state, owner)
        _migrate(state, version, migrations)
    state.update(owner, version=version)
    chats: dict[str, Any] = state.setdefault("chats", {})
    return chats


def check_owner(state: Mapping[str, Any], owner: Mapping[str, Any]) -> None:
    """Ids of people differ between apps, all ids between tenants: they must not meet in a dataset.

    Raises:
        ConfigurationError: another app or host wrote it.
    """
    for name, value in owner.items():
        if name in state and state[name] != value:
            raise ConfigurationError(
                f"this dataset was loaded with {name} {state[name]}, not {value}: ids differ "
                "between apps and tenants, so each needs a dataset and a pipeline of its own."
            )


def _migrate(state: dict[str, Any], version: int, migrations: Mapping[int, Migration]) -> None:
    written = state.get("version", 1)
    if written > version:
        raise ConfigurationError(
            f"the state was written by a newer version of this source (state {written}, this one "
            f"knows {version}): upgrade feishu-source, or use another dataset."
        )
    for older in range(written, version):
        migrations[older](state)
