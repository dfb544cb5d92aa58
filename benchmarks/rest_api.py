"""The way most people would begin: dlt's declarative `rest_api` source, as its guide shows it.

Dictionaries go into dlt, which infers types and normalises every row; insert statements load them.
With PARQUET=1 in the environment it is told to load through Parquet, the one setting that matters.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_resources
from dlt.sources.rest_api.typing import RESTAPIConfig

from benchmarks.bare_loop import Api
from benchmarks.measure import run

LISTING = {"page_size": 50, "sort_type": "ByCreateTimeAsc"}


def load_all(access: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Chats, messages and the replies of each thread, merged by their ids."""
    pipeline = dlt.pipeline(
        "rest_api",
        destination=dlt.destinations.duckdb(str(folder / "rest_api.duckdb")),
        dataset_name="feishu",
        pipelines_dir=str(folder / "pipelines"),
    )
    file_format: Any = "parquet" if os.environ.get("PARQUET") else None
    pipeline.run(feishu(access), loader_file_format=file_format)
    with pipeline.sql_client() as client:
        sql = "select count(*) from (select message_id from messages union"
        rows = client.execute_sql(f"{sql} select message_id from replies)")
    assert rows
    return {"messages": int(rows[0][0])}


@dlt.source
def feishu(access: dict[str, Any]) -> Any:
    """Chats, their messages, the replies in their threads."""
    *_, messages = resources = rest_api_resources(_config(Api(access)))

    @dlt.transformer(data_from=messages, name="roots", selected=False)
    def roots(page: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        yield [item for item in page if "thread_id" in item and "root_id" not in item]

    return [*resources, *rest_api_resources(_config(Api(access), roots))[1:]]


def _config(api: Api, roots: Any = None) -> RESTAPIConfig:
    paging = {
        "type": "cursor",
        "cursor_path": "data.page_token",
        "cursor_param": "page_token",
        "has_more_path": "data.has_more",
    }
    chats: Any = {
        "name": "chats",
        "primary_key": "chat_id",
        "endpoint": {"path": "im/v1/chats", "params": {"page_size": 100}},
    }
    chat = {"container_id_type": "chat", "container_id": "{resources.chats.chat_id}"}
    thread = {"container_id_type": "thread", "container_id": "{resources.roots.thread_id}"}
    messages = _messages("messages", chat | {"only_thread_root_messages": "false"})
    replies = _messages("replies", thread)
    config: Any = {
        "client": {
            "base_url": api.base,
            "auth": {"type": "bearer", "token": api.session.headers["Authorization"][7:]},
            "paginator": paging,
        },
        "resource_defaults": {
            "write_disposition": "merge",
            "endpoint": {"data_selector": "data.items"},
        },
        "resources": [chats, messages] if roots is None else [roots, replies],
    }
    return config  # type: ignore[no-any-return]


def _messages(name: str, container: dict[str, str]) -> Any:
    endpoint = {"path": "im/v1/messages", "params": LISTING | container}
    return {"name": name, "primary_key": "message_id", "endpoint": endpoint}


if __name__ == "__main__":
    run(load_all)
