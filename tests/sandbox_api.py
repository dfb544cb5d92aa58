"""A caller of the sandbox that does nothing by itself: one request, one answer.

In: a sandbox. Out: replies as they came. Refuses to know: retries, tokens' ends, meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import requests

from feishu_source.sandbox import Sandbox

MESSAGES = "/open-apis/im/v1/messages"
CHATS = "/open-apis/im/v1/chats"
SCOPES = "/open-apis/application/v6/scopes"
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


class Api:
    """Calls one sandbox with a token that was fetched at the start."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False
        self.log_in()

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def log_in(self) -> dict[str, Any]:
        """Fetch a token and use it from here on."""
        asked = {"app_id": self.sandbox.app_id, "app_secret": self.sandbox.app_secret}
        reply = self.post(TOKEN, asked)
        self.session.headers["Authorization"] = f"Bearer {reply['tenant_access_token']}"
        return reply

    def post(self, path: str, body: object) -> dict[str, Any]:
        """The JSON of a reply to a POST."""
        reply: dict[str, Any] = self.session.post(self.sandbox.base_url + path, json=body).json()
        return reply

    def raw(self, path: str, **query: object) -> requests.Response:
        """The reply to a GET; parameters that are None are left out."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return self.session.get(
            self.sandbox.base_url + path, params=given, timeout=30, allow_redirects=False
        )

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """The JSON of the reply to a GET."""
        reply: dict[str, Any] = self.raw(path, **query).json()
        return reply

    def data(self, path: str, **query: object) -> dict[str, Any]:
        """What a successful GET gives."""
        reply = self.get(path, **query)
        assert reply["code"] == 0, reply
        data: dict[str, Any] = reply["data"]
        return data

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """Every page of a list."""
        page = self.data(path, **query)
        yield page
        while page["has_more"]:
            page = self.data(path, **query, page_token=page["page_token"])
            yield page

    def items(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Every item of a list."""
        return [item for page in self.pages(path, **query) for item in page["items"]]

    def chat(self, chat_id: str, **query: object) -> list[dict[str, Any]]:
        """Every message of a chat's timeline."""
        return self.items(MESSAGES, container_id_type="chat", container_id=chat_id, **query)

    def thread(self, thread_id: str | None, **query: object) -> list[dict[str, Any]]:
        """Every message of a thread."""
        return self.items(MESSAGES, container_id_type="thread", container_id=thread_id, **query)


def ids(items: list[dict[str, Any]]) -> list[str]:
    """The message_ids of items, in their order."""
    return [item["message_id"] for item in items]
