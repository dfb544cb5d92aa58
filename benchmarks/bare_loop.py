"""The floor: one thread that fetches pages and stores the items as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import requests

from benchmarks.measure import run

COLUMNS = ("message_id", "chat_id", "thread_id", "msg_type", "create_time", "update_time")


def load_all(access: dict[str, Any], folder: Path) -> dict[str, Any]:
    """All items of all chats and threads into one table, by their first listing.

    With `access["members"]` it also asks for each chat's members, and drops them.
    """
    api = Api(access)
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        stored = 0
        for number, table in enumerate(_tables(api, access.get("members", False))):
            connection.register("batch", table)
            verb = "insert into messages" if number else "create table messages as"
            connection.execute(f"{verb} select * from batch")
            stored += table.num_rows
    return {"messages": stored, "requests": api.requests}


class Api:
    """GET with a token, nothing else; `requests` counts them and the one for the token."""

    def __init__(self, access: dict[str, Any]) -> None:
        self.requests = 1
        self.base = access["base_url"] + "/open-apis"
        self.session = requests.Session()
        self.session.trust_env = False
        body = {"app_id": access["app_id"], "app_secret": access["app_secret"]}
        path = "/auth/v3/tenant_access_token/internal"
        token = self.session.post(self.base + path, json=body).json()["tenant_access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The data of one reply."""
        self.requests += 1
        reply = self.session.get(self.base + path, params=query)
        data: dict[str, Any] = orjson.loads(reply.content)["data"]
        return data

    def pages(self, path: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """The items of each page."""
        while True:
            data = self.get(path, **query)
            yield data["items"]
            if not data["has_more"]:
                return
            query["page_token"] = data["page_token"]


def _tables(api: Api, members: bool) -> Iterator[pa.Table]:
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for item in _items(api, members):
        if item["message_id"] not in seen:
            seen.add(item["message_id"])
            rows.append(item)
        if len(rows) == 5_000:
            yield _table(rows)
            rows = []
    yield _table(rows)


def _items(api: Api, members: bool) -> Iterator[dict[str, Any]]:
    listing = {"page_size": "50", "sort_type": "ByCreateTimeAsc"}
    for chats in api.pages("/im/v1/chats", page_size="100"):
        for chat in chats:
            is_topic = api.get(f"/im/v1/chats/{chat['chat_id']}")["chat_mode"] == "topic"
            if members:
                for _ in api.pages(f"/im/v1/chats/{chat['chat_id']}/members", page_size="100"):
                    pass
            query = {"container_id_type": "chat", "container_id": chat["chat_id"]}
            query["only_thread_root_messages"] = "false"
            threads: set[str] = set()
            for page in api.pages("/im/v1/messages", **listing, **query):
                yield from page
                if not is_topic:  # else the timeline holds the replies
                    threads.update(i["thread_id"] for i in page if _is_polled(i))
            for thread_id in threads:
                query = {"container_id_type": "thread", "container_id": thread_id}
                for page in api.pages("/im/v1/messages", **listing, **query):
                    yield from page


def _is_polled(item: dict[str, Any]) -> bool:
    return "thread_id" in item and "root_id" not in item


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    columns["sender_id"] = [row["sender"].get("id") for row in rows]
    columns["content"] = [(row.get("body") or {}).get("content") for row in rows]
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


if __name__ == "__main__":
    run(load_all)
