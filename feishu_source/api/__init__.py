"""The door: the only place that opens a socket, sleeps, or knows a URL.

In: an identity, ids, times in seconds. Out: pages and objects as the API gave them, or one of the
errors of `feishu_source.errors`. Reading only: what can be called stands in `endpoints`.
Refuses to know what is in a message, what has been loaded before, and dlt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feishu_source.api.auth import AppIdentity, Identity, UserIdentity
    from feishu_source.api.budget import Budget
    from feishu_source.api.client import Client, FetchPage, Stats
    from feishu_source.api.endpoints import (
        check_id,
        is_loopback,
        is_resource_key,
        resolve_base_url,
    )
    from feishu_source.api.replies import Page
    from feishu_source.api.store import StoreIdentity
    from feishu_source.api.stream import Download, Sink
    from feishu_source.api.transport import Carrier

# A source checks ids and the host when it is built, long before it asks for anything.
_HOMES = {
    "AppIdentity": "auth",
    "Identity": "auth",
    "UserIdentity": "auth",
    "Budget": "budget",
    "Client": "client",
    "FetchPage": "client",
    "Stats": "client",
    "Download": "stream",
    "Sink": "stream",
    "check_id": "endpoints",
    "is_resource_key": "endpoints",
    "is_loopback": "endpoints",
    "resolve_base_url": "endpoints",
    "Page": "replies",
    "StoreIdentity": "store",
    "Carrier": "transport",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AppIdentity",
    "Budget",
    "Carrier",
    "Client",
    "Download",
    "FetchPage",
    "Identity",
    "Page",
    "Sink",
    "Stats",
    "StoreIdentity",
    "UserIdentity",
    "check_id",
    "is_loopback",
    "is_resource_key",
    "resolve_base_url",
]
