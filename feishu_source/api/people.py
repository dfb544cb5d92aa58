"""What may be asked about people; each of these needs a scope of its own.

In: a client, ids of people. Out: objects as the API gave them. Refuses to know who is worth asking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from feishu_source.api.client import Client
from feishu_source.api.endpoints import Call, check_id
from feishu_source.api.replies import parse_items

MOST_USERS = 50
"""Ids that one request takes."""


def fetch_users(client: Client, open_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of these people, 50 at most, who are in the app's range of contacts.

    Who is not is left out without a word; which fields come depends on the app's scopes.

    Source: https://open.feishu.cn/document/server-docs/contact-v3/user/batch
    """
    ids = tuple(check_id("user", each) for each in open_ids)
    what = f"get the details of {len(ids)} people"
    return client.ask(Call("users", what, ids=ids), parse_items)
