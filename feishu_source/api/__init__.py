"""The door: the only place that opens a socket, sleeps, or knows a URL.

In: an identity, ids, times in seconds. Out: pages and objects as the API gave them, or one of the
errors of `feishu_source.errors`. Reading only: what can be called stands in `endpoints`.
Refuses to know what is in a message, what has been loaded before, and dlt.
"""

from feishu_source.api.auth import AppIdentity, Identity, UserIdentity
from feishu_source.api.budget import Budget
from feishu_source.api.client import Client, FetchPage, Stats
from feishu_source.api.endpoints import check_id, is_loopback, resolve_base_url
from feishu_source.api.replies import Page
from feishu_source.api.transport import Carrier

__all__ = [
    "AppIdentity",
    "Budget",
    "Carrier",
    "Client",
    "FetchPage",
    "Identity",
    "Page",
    "Stats",
    "UserIdentity",
    "check_id",
    "is_loopback",
    "resolve_base_url",
]
