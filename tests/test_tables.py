"""The declaration is the contract: names, order, types, nullability, keys, hints."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from feishu_source.arrow import schema_of
from feishu_source.tables import TABLES, Table

CONTRACT: dict[str, tuple[str, str]] = {
    "chats": (
        "chat_id",
        """chat_id, name?, description?, avatar?, owner_id?, owner_id_type?, external bool?,
        tenant_key?, chat_status?, chat_mode?, group_message_type?, chat_type?, user_count bigint?,
        bot_count bigint?, listed bool, last_listed_at ts?, extra json?""",
    ),
    "messages": (
        "message_id",
        """message_id, chat_id, thread_id?, root_id?, parent_id?, upper_message_id?, msg_type,
        create_time ts, update_time ts?, deleted bool, updated bool, last_listed_at ts,
        content_hash, sender_id?, sender_id_type?, sender_type?, sender_tenant_key?, sender_name?,
        text?, title?, image_key?, file_key?, file_name?, duration_ms bigint?, shared_chat_id?,
        shared_user_id?, location_name?, longitude double?, latitude double?, event_summary?,
        event_start ts?, event_end ts?, task_id?, due_time ts?, vote_topic?, vote_options json?,
        mention_count bigint, mentions_all bool, sync_to_chat_type bigint?, related_message_id?,
        message_position bigint?, thread_message_position bigint?, message_app_link?,
        body_content?, extra json?, card_form?, forward_status?, forward_error_code bigint?""",
    ),
    "message_mentions": (
        "message_id, mention_index",
        """message_id, mention_index bigint, chat_id, create_time ts, mention_key, mentioned_id?,
        mentioned_id_type?, mentioned_name?, mentioned_tenant_key?, _deleted bool""",
    ),
    "message_links": (
        "message_id, link_index",
        """message_id, link_index bigint, chat_id, create_time ts, url, label?, _deleted bool""",
    ),
    "message_resources": (
        "message_id, resource_index",
        """message_id, resource_index bigint, chat_id, create_time ts, resource_type,
        resource_key, file_name?, duration_ms bigint?, _deleted bool""",
    ),
    "resource_files": (
        "message_id, resource_key",
        """message_id, resource_key, chat_id, create_time ts, resource_type, status, path?,
        size bigint?, sha256?, content_type?, safe_name?, error_code bigint?, error_message?,
        log_id?, attempts bigint, run_id, decided_at ts""",
    ),
    "message_reactions": (
        "message_id, reaction_id",
        """message_id, reaction_id, chat_id, create_time ts, emoji_type?, operator_id?,
        operator_type?, action_time ts?, extra json?, _deleted bool""",
    ),
    "forwarded_messages": (
        "container_message_id, path",
        """container_message_id, path, depth bigint, message_id, chat_id, thread_id?, root_id?,
        parent_id?, upper_message_id?, msg_type,
        create_time ts, update_time ts?, deleted bool, updated bool, last_listed_at ts,
        content_hash, sender_id?, sender_id_type?, sender_type?, sender_tenant_key?, sender_name?,
        text?, title?, image_key?, file_key?, file_name?, duration_ms bigint?, shared_chat_id?,
        shared_user_id?, location_name?, longitude double?, latitude double?, event_summary?,
        event_start ts?, event_end ts?, task_id?, due_time ts?, vote_topic?, vote_options json?,
        mention_count bigint, mentions_all bool, sync_to_chat_type bigint?, related_message_id?,
        message_position bigint?, thread_message_position bigint?, message_app_link?,
        body_content?, extra json?, card_form?, forward_status?, forward_error_code bigint?,
        _deleted bool""",
    ),
    "threads": (
        "thread_id",
        """thread_id, chat_id, root_message_id?, create_time ts?, last_reply_time ts?, status,
        error_code bigint?, error_message?, log_id?, last_polled_at ts?""",
    ),
    "chat_members": (
        "chat_id, member_id",
        """chat_id, member_id, member_id_type, name?, tenant_key?, extra json?, last_listed_at ts?,
        _deleted bool""",
    ),
    "chat_pins": (
        "chat_id, message_id",
        """chat_id, message_id, operator_id?, operator_id_type?, create_time ts?, extra json?,
        _deleted bool""",
    ),
    "chat_tabs": (
        "chat_id, tab_id",
        """chat_id, tab_id, tab_index bigint, tab_name?, tab_type?, url?, tab_content json?,
        extra json?, _deleted bool""",
    ),
    "chat_announcements": (
        "chat_id",
        """chat_id, announcement_type, revision?, content?, create_time ts?, update_time ts?,
        owner_id?, owner_id_type?, modifier_id?, modifier_id_type?, extra json?, _deleted bool""",
    ),
    "names_seen": ("person_id, name", """person_id, name, first_seen_at ts"""),
    "users": (
        "open_id",
        """open_id, status, union_id?, user_id?, name?, en_name?, nickname?, email?,
        enterprise_email?, job_title?, employee_no?, employee_type bigint?, department_ids json?,
        leader_user_id?, is_frozen bool?, is_resigned bool?, is_activated bool?, is_exited bool?,
        error_code bigint?, last_asked_at ts, last_read_at ts?""",
    ),
    "rejected_messages": (
        "chat_id, item_hash",
        """chat_id, item_hash, reason, item json, seen_at ts""",
    ),
    "sync_coverage": (
        "chat_id",
        """chat_id, chat_name?, status, covered_from ts?, covered_until ts?, threads_covered bool,
        idle_until ts?, last_synced_at ts, swept_at json?, sweep_backlog_from ts?,
        sweep_backlog_until ts?, hot_threads bigint, owed_threads bigint, hot_since ts?,
        error_code bigint?, error_message?, advice_en?, advice_zh?, log_id?,
        messages_listed bigint, threads_polled bigint, requests bigint,
        owed_forwards bigint?, reactions_owed_from ts?""",
    ),
    "sync_runs": (
        "run_id",
        """run_id, started_at ts, finished_at ts?, version, chats_complete bigint,
        chats_partial bigint, chats_skipped bigint, chats_failed bigint, messages bigint,
        replies bigint, requests bigint, refused bigint, retries bigint, rejected bigint,
        exit_code bigint, slices bigint, shard?""",
    ),
}
"""Of each table its key and its columns; text where no type is named, `?` where it may be null."""

REPLACED = {
    "message_mentions": "message_id",
    "message_links": "message_id",
    "message_resources": "message_id",
    "message_reactions": "message_id",
    "forwarded_messages": "container_message_id",
    "chat_members": "chat_id",
    "chat_pins": "chat_id",
    "chat_tabs": "chat_id",
    "chat_announcements": "chat_id",
}
BY_DAY = {
    *("messages", "message_mentions", "message_links", "message_resources"),
    *("message_reactions", "resource_files"),
}

EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


def columns_of(name: str) -> list[tuple[str, str, bool]]:
    """The contract's columns: name, type, whether null."""
    columns = []
    for column in CONTRACT[name][1].split(","):
        column_name, _, kind = column.strip().rstrip("?").partition(" ")
        columns.append((column_name, kind or "text", column.endswith("?")))
    return columns


def key_of(name: str) -> list[str]:
    """The contract's key."""
    return CONTRACT[name][0].split(", ")


def test_there_are_these_tables_in_the_order_of_the_contract() -> None:
    """Each under its own name."""
    assert list(TABLES) == list(CONTRACT)
    assert [table.name for table in TABLES.values()] == list(CONTRACT)


@EVERY_TABLE
def test_columns_are_those_of_the_contract(table: Table) -> None:
    """Names, order, types, nullability; the key, and what is replaced together."""
    declared = [(column.name, column.type, column.nullable) for column in table.columns]
    assert declared == columns_of(table.name)
    assert list(table.names) == [name for name, _, _ in declared]
    assert list(table.key) == key_of(table.name)
    assert table.replaces == REPLACED.get(table.name)


@EVERY_TABLE
def test_every_table_and_column_is_described_by_a_sentence(table: Table) -> None:
    """The destination shows it where it can."""
    sentences = [table.description, *(column.description for column in table.columns)]
    assert [s for s in sentences if len(s) < 9 or s != s.strip() or s[-1] not in ".…"] == []


@EVERY_TABLE
def test_no_column_of_a_key_may_be_null(table: Table) -> None:
    """Neither in the key nor in the column by which rows go together."""
    nullable = {column.name for column in table.columns if column.nullable}
    assert nullable & {*table.key, table.replaces} == set()


@EVERY_TABLE
def test_the_arrow_schema_is_the_declaration(table: Table) -> None:
    """JSON travels as text, times as UTC microseconds."""
    arrow = {
        "text": pa.string(),
        "json": pa.string(),
        "bool": pa.bool_(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "ts": pa.timestamp("us", tz="UTC"),
    }
    fields = [pa.field(name, arrow[kind], null) for name, kind, null in columns_of(table.name)]
    assert schema_of(table) == pa.schema(fields)


@EVERY_TABLE
def test_hints_say_everything_dlt_must_know(table: Table) -> None:
    """A table variant inherits what it does not state, so all of it is stated."""
    replaces = REPLACED.get(table.name)
    assert table.hints == {
        "table_name": table.name,
        "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
        "primary_key": key_of(table.name),
        "merge_key": [replaces] if replaces else (),
        "columns": {
            name: column_hints(table, name, kind, null)
            for name, kind, null in columns_of(table.name)
        },
        "additional_table_hints": layout_hints(table),
    }


def layout_hints(table: Table) -> dict[str, Any]:
    """The hints of the table itself; what comes of them, tests/warehouses tells."""
    hints: dict[str, Any] = {
        "description": table.description,
        "x-bigquery-table-description": table.description,
    }
    if table.name in BY_DAY:
        hints["x-bigquery-cluster-columns"] = ["chat_id", "message_id"]
        hints["x-clickhouse-partition"] = "toStartOfQuarter(create_time)"
    if table.name == "forwarded_messages":
        hints["x-bigquery-cluster-columns"] = ["container_message_id"]
    return hints


def column_hints(table: Table, name: str, kind: str, null: bool) -> dict[str, Any]:
    """The hints of one column."""
    types = {"json": "text", "ts": "timestamp"}
    description = next(column.description for column in table.columns if column.name == name)
    hints: dict[str, Any] = {
        "name": name,
        "data_type": types.get(kind, kind),
        "nullable": null,
        "description": description,
    }
    if name == "_deleted":
        hints["hard_delete"] = True
    if table.name in BY_DAY and name == "create_time":
        hints["x-bigquery-partition"] = True
    if table.name in BY_DAY and name in ("chat_id", "create_time"):
        hints["x-databricks-cluster"] = True
    return hints


def test_just_the_tables_whose_rows_go_together_have_tombstones() -> None:
    """A tombstone is a row of its own, marked in the last column."""
    ends = {name: table.names[-1] for name, table in TABLES.items() if "_deleted" in table.names}
    assert ends == dict.fromkeys(REPLACED, "_deleted")
