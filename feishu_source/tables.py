"""The tables: one declaration each, from which Arrow schema, dlt hints and documentation follow.

In: nothing. Out: `TABLES`, and of each table its dlt hints and its descriptions.
Refuses to know where rows come from, and Arrow: tables are declared far more often than filled.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

ColumnType = Literal["text", "bool", "bigint", "double", "ts", "json"]
"""`ts`: UTC, microseconds. `json`: text that holds JSON; BigQuery takes no json from Parquet."""

DLT: dict[ColumnType, str] = {
    "text": "text",
    "json": "text",
    "bool": "bool",
    "bigint": "bigint",
    "double": "double",
    "ts": "timestamp",
}

_QUARTER = "toStartOfQuarter({})"
"""ClickHouse refuses a block of rows of more than 100 partitions: quarters last for 25 years."""

DELETED = "_deleted"
"""Marks a row that only says: what stood under this key before is gone (dlt's hard delete)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, whether it may be null, and what it means."""

    name: str
    type: ColumnType
    nullable: bool
    description: str


@dataclass(frozen=True, eq=False)
class Table:
    """One table: rows are merged on `key`; `replaces` names the column whose rows go together.

    A table with `replaces` is a child: writing any row for a value of that column first removes
    what stood there, and a tombstone row (`_deleted` true) alone removes without adding.
    `partition` is a time by which a destination may divide the table, `cluster` the columns by
    which it may sort it, the most telling first.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    replaces: str | None = None
    partition: str | None = None
    cluster: tuple[str, ...] = field(default=())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def hints(self) -> dict[str, Any]:
        """What dlt must be told; every table states all of it, since variants inherit the rest."""
        return {
            "table_name": self.name,
            "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
            "primary_key": list(self.key),
            "merge_key": [self.replaces] if self.replaces else (),
            "columns": {column.name: self._column_hints(column) for column in self.columns},
            "additional_table_hints": self._layout(),
        }

    def _layout(self) -> dict[str, Any]:
        """Description and layout, by the name under which each destination looks for them.

        Not by dlt's hints for all, `partition` and `cluster` of a column: Databricks, ClickHouse
        and Delta make a partition of each instant of them, Redshift two DISTKEYs, Snowflake a key
        that begins with a random id, and BigQuery loses their order.
        """
        hints: dict[str, Any] = {
            "description": self.description,
            "x-bigquery-table-description": self.description,
        }
        if self.cluster:
            hints["x-bigquery-cluster-columns"] = list(self.cluster)
        if self.partition:
            hints["x-clickhouse-partition"] = _QUARTER.format(self.partition)
        return hints

    def _column_hints(self, column: Column) -> dict[str, Any]:
        hints: dict[str, Any] = {
            "name": column.name,
            "data_type": DLT[column.type],
            "nullable": column.nullable,
            "description": column.description,
        }
        if column.name == DELETED:
            hints["hard_delete"] = True
        if column.name == self.partition:
            hints["x-bigquery-partition"] = True
        if self.partition and column.name in (self.partition, *self.cluster[:1]):
            hints["x-databricks-cluster"] = True
        return hints


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    """Columns from (name, type with `?` where it may be null, description)."""
    return tuple(
        Column(name, kind.rstrip("?"), kind.endswith("?"), description)  # type: ignore[arg-type]
        for name, kind, description in rows
    )


_TOMBSTONE = (DELETED, "bool", "Technical: true only in rows that remove what stood here before.")
_CHILD: dict[str, Any] = {
    "replaces": "message_id",
    "partition": "create_time",
    "cluster": ("chat_id", "message_id"),
}

_IN_FORWARD = {
    "message_id": "Feishu's id of the message that was forwarded.",
    "chat_id": "The chat it was forwarded from, which the bot need not be in.",
    "upper_message_id": "The merged forward that holds it, the outermost or a nested one.",
    "last_listed_at": "Server time of the reply that held it.",
    "mention_count": "Mentions in it; they have no rows of their own.",
    "forward_status": "Null: what is nested comes with the outermost.",
    "forward_error_code": "Null, as before.",
}
"""Columns of a message that mean something else where it was forwarded."""

CHATS = Table(
    "chats",
    "Chats the bot is a member of, and chats named in the configuration.",
    ("chat_id",),
    _columns(
        ("chat_id", "text", "Feishu's id of the chat, oc_…."),
        ("name", "text?", "The chat's name; groups may have none."),
        ("description", "text?", "The chat's description."),
        ("avatar", "text?", "URL of the chat's picture."),
        ("owner_id", "text?", "Id of the owner; absent when a bot owns the chat."),
        ("owner_id_type", "text?", "What kind of id owner_id is, open_id as a rule."),
        ("external", "bool?", "True if people outside the tenant may be members."),
        ("tenant_key", "text?", "The tenant the chat belongs to."),
        ("chat_status", "text?", "normal, dissolved or dissolved_save."),
        ("chat_mode", "text?", "group, topic or p2p."),
        ("group_message_type", "text?", "chat or thread; only ordinary groups have one."),
        ("chat_type", "text?", "private or public."),
        ("user_count", "bigint?", "How many people are members."),
        ("bot_count", "bigint?", "How many bots are members."),
        ("listed", "bool", "True while the chat stands in the bot's chat list."),
        ("last_listed_at", "ts?", "When the list last showed it, as of the row's last writing."),
        ("extra", "json?", "What the API sent and no column models, by path."),
    ),
)

MESSAGES = Table(
    "messages",
    "One row a message or reply, as it was when last listed.",
    ("message_id",),
    _columns(
        ("message_id", "text", "Feishu's id of the message, om_…; unique within the tenant."),
        ("chat_id", "text", "The chat the message stands in."),
        ("thread_id", "text?", "The thread it belongs to, on the root too; null outside threads."),
        ("root_id", "text?", "First message of the reply chain, or root of the thread."),
        ("parent_id", "text?", "The message this one answers."),
        ("upper_message_id", "text?", "The merged forward that holds this message."),
        ("msg_type", "text", "text, post, image, interactive, …; the list is open."),
        ("create_time", "ts", "When it was sent."),
        ("update_time", "ts?", "When it was last changed; create_time if it never was."),
        ("deleted", "bool", "True if it was recalled or deleted; its words are gone then."),
        ("updated", "bool", "True if it was edited."),
        ("last_listed_at", "ts", "Server time of the last listing that showed it."),
        ("content_hash", "text", "Changes with the message; not by names, nor a card's form."),
        ("sender_id", "text?", "open_id of a person, app_id of a bot; null if anonymous."),
        ("sender_id_type", "text?", "open_id or app_id."),
        ("sender_type", "text?", "user, app, anonymous or unknown."),
        ("sender_tenant_key", "text?", "The sender's tenant."),
        ("sender_name", "text?", "The sender's name when it was listed, where the API gives it."),
        ("text", "text?", "The message as a person reads it, mentions by name."),
        ("title", "text?", "Title of a post, card or task."),
        ("image_key", "text?", "Key of an image, or of a video's cover."),
        ("file_key", "text?", "Key of a file, folder, audio or video."),
        ("file_name", "text?", "Name of that file."),
        ("duration_ms", "bigint?", "Length of audio or video, in milliseconds."),
        ("shared_chat_id", "text?", "The chat whose card was shared."),
        ("shared_user_id", "text?", "open_id of the person whose card was shared."),
        ("location_name", "text?", "Name of a shared place."),
        ("longitude", "double?", "Degrees east."),
        ("latitude", "double?", "Degrees north."),
        ("event_summary", "text?", "Title of a calendar event, or topic of a video meeting."),
        ("event_start", "ts?", "When that event begins."),
        ("event_end", "ts?", "When that event ends."),
        ("task_id", "text?", "Id of a shared task."),
        ("due_time", "ts?", "When that task is due."),
        ("vote_topic", "text?", "The question of a vote."),
        ("vote_options", "json?", "The options of a vote, a JSON list of strings."),
        ("mention_count", "bigint", "Rows of this message in message_mentions."),
        ("mentions_all", "bool", "True if everyone was mentioned."),
        ("sync_to_chat_type", "bigint?", "1: copy in the chat of a thread reply; 2: that reply."),
        ("related_message_id", "text?", "The other one of that pair, a message_id."),
        ("message_position", "bigint?", "Position in the chat, as the API counts."),
        ("thread_message_position", "bigint?", "Position in the thread; -1 is the root."),
        ("message_app_link", "text?", "Link that opens the message in the client."),
        ("body_content", "text?", "The body as the API gave it: JSON, or a bare sentence."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        ("card_form", "text?", "Of a card: rendered, or as sent: 1.0, 2.0, raw, template."),
        ("forward_status", "text?", "Of a merged forward that was asked for: ok or failed."),
        ("forward_error_code", "bigint?", "Feishu's code if it could not be opened."),
    ),
    partition="create_time",
    cluster=("chat_id", "message_id"),
)

FORWARDED = Table(
    "forwarded_messages",
    "One row a message in a merged forward, as it was when the forward was opened.",
    ("container_message_id", "path"),
    (
        *_columns(
            ("container_message_id", "text", "The merged forward in messages that holds it."),
            ("path", "text", "Its place in that: 0.3.1 is the second in the fourth of the first."),
            ("depth", "bigint", "0 for what the forward holds itself, 1 for what that holds, …."),
        ),
        *(
            replace(column, description=_IN_FORWARD.get(column.name, column.description))
            for column in MESSAGES.columns
        ),
        *_columns(_TOMBSTONE),
    ),
    replaces="container_message_id",
    cluster=("container_message_id",),
)

MENTIONS = Table(
    "message_mentions",
    "One row a mention in a message, @all included.",
    ("message_id", "mention_index"),
    _columns(
        ("message_id", "text", "The message that mentions."),
        ("mention_index", "bigint", "From 0, in the API's order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("mention_key", "text", "The placeholder in the body, @_user_1."),
        ("mentioned_id", "text?", "open_id of who is mentioned; `all` for everyone."),
        ("mentioned_id_type", "text?", "What kind of id that is."),
        ("mentioned_name", "text?", "The name at the time of listing."),
        ("mentioned_tenant_key", "text?", "The tenant of who is mentioned."),
        _TOMBSTONE,
    ),
    **_CHILD,
)

LINKS = Table(
    "message_links",
    "One row a link in a message.",
    ("message_id", "link_index"),
    _columns(
        ("message_id", "text", "The message that holds the link."),
        ("link_index", "bigint", "From 0, in reading order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("url", "text", "Where the link leads."),
        ("label", "text?", "The words it stands under, if they differ from the url."),
        _TOMBSTONE,
    ),
    **_CHILD,
)

RESOURCES = Table(
    "message_resources",
    "One row an image, file, audio, video, folder or sticker in a message.",
    ("message_id", "resource_index"),
    _columns(
        ("message_id", "text", "The message that holds the resource."),
        ("resource_index", "bigint", "From 0, in reading order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("resource_type", "text", "image, file, audio, media, folder or sticker."),
        ("resource_key", "text", "The key the download endpoint takes."),
        ("file_name", "text?", "Its name."),
        ("duration_ms", "bigint?", "Its length in milliseconds."),
        _TOMBSTONE,
    ),
    **_CHILD,
)

REACTIONS = Table(
    "message_reactions",
    "One row a reaction to a message, as it was when the message was last read with reactions.",
    ("message_id", "reaction_id"),
    _columns(
        ("message_id", "text", "The message that was reacted to."),
        ("reaction_id", "text", "Feishu's id of the reaction."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("emoji_type", "text?", "Which emoji: THUMBSUP, OK, …; the list is open."),
        ("operator_id", "text?", "open_id of the person who reacted, app_id of a bot."),
        ("operator_type", "text?", "user or app."),
        ("action_time", "ts?", "When that was."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        _TOMBSTONE,
    ),
    **_CHILD,
)

RESOURCE_FILES = Table(
    "resource_files",
    "One row an image, file, audio or video that a load with files decided on.",
    ("message_id", "resource_key"),
    _columns(
        ("message_id", "text", "The message it was asked for by: that of message_resources."),
        ("resource_key", "text", "Its key there."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("resource_type", "text", "image, file, audio, media, folder or sticker."),
        ("status", "text", "stored, refused, unsupported, too_large or failed."),
        ("path", "text?", "Where the file is, a path or a URL; the same for the same content."),
        ("size", "bigint?", "Its length in bytes; of one too large as far as it is known."),
        ("sha256", "text?", "The hash of its content, as hex digits."),
        ("content_type", "text?", "Its type, as the API calls it: image/png."),
        ("safe_name", "text?", "Its name, made fit for every system."),
        ("error_code", "bigint?", "Feishu's code if it could not be had."),
        ("error_message", "text?", "Why it is not there."),
        ("log_id", "text?", "Feishu's log id of that answer, for their support."),
        ("attempts", "bigint", "Loads that asked for it."),
        ("run_id", "text", "The load that decided, as in sync_runs."),
        ("decided_at", "ts", "When that was, by this machine's clock."),
    ),
    partition="create_time",
    cluster=("chat_id", "message_id"),
)

THREADS = Table(
    "threads",
    "One row a thread that was asked for through the thread container.",
    ("thread_id",),
    _columns(
        ("thread_id", "text", "Feishu's id of the thread, omt_…."),
        ("chat_id", "text", "The chat it belongs to."),
        ("root_message_id", "text?", "The message it hangs from."),
        ("create_time", "ts?", "When that message was sent."),
        ("last_reply_time", "ts?", "When the newest reply seen was sent; null without replies."),
        ("status", "text", "ok, invisible, deleted or failed."),
        ("error_code", "bigint?", "Feishu's code if it could not be read."),
        ("error_message", "text?", "Feishu's words for it."),
        ("log_id", "text?", "Feishu's log id of that answer, for their support."),
        ("last_polled_at", "ts?", "Server time of the last request for it."),
    ),
)

CHAT_MEMBERS = Table(
    "chat_members",
    "Members of each chat at its last complete reading; bots are not listed by the API.",
    ("chat_id", "member_id"),
    _columns(
        ("chat_id", "text", "The chat."),
        ("member_id", "text", "open_id of the member."),
        ("member_id_type", "text", "What kind of id that is."),
        ("name", "text?", "The member's name."),
        ("tenant_key", "text?", "The member's tenant."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        ("last_listed_at", "ts?", "When the chat's list last showed the member."),
        _TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_PINS = Table(
    "chat_pins",
    "Pinned messages of each chat at the last complete reading of its pins.",
    ("chat_id", "message_id"),
    _columns(
        ("chat_id", "text", "The chat."),
        ("message_id", "text", "The message that is pinned."),
        ("operator_id", "text?", "open_id of the person who pinned it, app_id of a bot."),
        ("operator_id_type", "text?", "open_id or app_id."),
        ("create_time", "ts?", "When it was pinned."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        _TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_TABS = Table(
    "chat_tabs",
    "Tabs of each chat at the last reading of them, with chat_context.",
    ("chat_id", "tab_id"),
    _columns(
        ("chat_id", "text", "The chat."),
        ("tab_id", "text", "Feishu's id of the tab."),
        ("tab_index", "bigint", "From 0, in the API's order."),
        ("tab_name", "text?", "What stands on it; built-in tabs may have no name."),
        ("tab_type", "text?", "message, doc, url, pin, chat_announcement, …; the list is open."),
        ("url", "text?", "Where a tab leads that holds a page, document, minutes or tasks."),
        ("tab_content", "json?", "What the tab holds, as the API gave it."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        _TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_ANNOUNCEMENTS = Table(
    "chat_announcements",
    "What each chat announces, as of the last reading, with chat_context; no row without one.",
    ("chat_id",),
    _columns(
        ("chat_id", "text", "The chat."),
        ("announcement_type", "text", "doc for the old form of document, docx for the newer one."),
        ("revision", "text?", "Which version of the document it is."),
        ("content", "text?", "The document of the old form as the API gave it, JSON; else null."),
        ("create_time", "ts?", "When the document was made, to the second."),
        ("update_time", "ts?", "When it was last changed, to the second."),
        ("owner_id", "text?", "open_id of the document's owner, app_id of a bot."),
        ("owner_id_type", "text?", "open_id or app_id."),
        ("modifier_id", "text?", "open_id of who changed it last, app_id of a bot."),
        ("modifier_id_type", "text?", "open_id or app_id."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        _TOMBSTONE,
    ),
    replaces="chat_id",
)

NAMES_SEEN = Table(
    "names_seen",
    "One row a name under which a load has seen a person or a bot; rows stay after a rename.",
    ("person_id", "name"),
    _columns(
        ("person_id", "text", "open_id of a person, app_id of a bot; a mentioned bot's open_id."),
        ("name", "text", "The name: of a sender, in a mention or in a list of members."),
        ("first_seen_at", "ts", "End of the range of the load that saw it first."),
    ),
)

USERS = Table(
    "users",
    "One row a person whose details were asked for (user_details); none without.",
    ("open_id",),
    _columns(
        ("open_id", "text", "The person's id: sender_id, mentioned_id, member_id elsewhere."),
        ("status", "text", "ok, out_of_range or refused: when last asked for."),
        ("union_id", "text?", "The person's id for all apps of one developer."),
        ("user_id", "text?", "The person's id in the tenant, the same for all apps."),
        ("name", "text?", "The name."),
        ("en_name", "text?", "The English name."),
        ("nickname", "text?", "The alias."),
        ("email", "text?", "The e-mail address."),
        ("enterprise_email", "text?", "The e-mail address that the company gave."),
        ("job_title", "text?", "What the person is there."),
        ("employee_no", "text?", "The person's number in the company."),
        (
            "employee_type",
            "bigint?",
            "1 employee, 2 intern, 3 outsourced, 4 contractor, 5 adviser.",
        ),
        ("department_ids", "json?", "Ids of the departments, od-…, a JSON list of strings."),
        ("leader_user_id", "text?", "open_id of whom the person reports to."),
        ("is_frozen", "bool?", "True if the account is suspended."),
        ("is_resigned", "bool?", "True if the person has left the company."),
        ("is_activated", "bool?", "True if the account is in use."),
        ("is_exited", "bool?", "True if the person has left by themselves, not yet resigned."),
        (
            "error_code",
            "bigint?",
            "Feishu's code if the person was not told of; 41050 if without any.",
        ),
        ("last_asked_at", "ts", "End of the range of the load that asked last."),
        ("last_read_at", "ts?", "End of the range of the load that was last told of the person."),
    ),
)

REJECTED = Table(
    "rejected_messages",
    "Items that could not become a row, kept as the API gave them.",
    ("chat_id", "item_hash"),
    _columns(
        ("chat_id", "text", "The chat that was listed."),
        ("item_hash", "text", "Hash of the item, so that the same item is kept once."),
        ("reason", "text", "What it lacks to become a row."),
        ("item", "json", "The item."),
        ("seen_at", "ts", "Server time of the listing."),
    ),
)

SYNC_COVERAGE = Table(
    "sync_coverage",
    "What is covered of each chat, and what stands in the way of the rest.",
    ("chat_id",),
    _columns(
        ("chat_id", "text", "The chat."),
        ("chat_name", "text?", "Its name."),
        ("status", "text", "complete, partial, skipped or failed: of the last load."),
        ("covered_from", "ts?", "Everything sent from here …"),
        ("covered_until", "ts?", "… to here (exclusive) and visible when listed is loaded."),
        ("threads_covered", "bool", "False while threads were not read for all of that range."),
        (
            "idle_until",
            "ts?",
            "Set while it is left out as idle (skip_idle): nothing was sent until here.",
        ),
        (
            "last_synced_at",
            "ts",
            "End of the range that the load which wrote this row meant to read.",
        ),
        (
            "swept_at",
            "json?",
            "By a rung's age in days: as of when it was last read again, epoch seconds.",
        ),
        ("sweep_backlog_from", "ts?", "Start of the oldest window still to be read again."),
        ("sweep_backlog_until", "ts?", "End of that window."),
        ("hot_threads", "bigint", "Threads that are polled for new replies."),
        ("owed_threads", "bigint", "Threads known and not yet read."),
        (
            "hot_since",
            "ts?",
            "Set when there were too many: those silent since before this are not polled.",
        ),
        ("error_code", "bigint?", "Feishu's code of what stands in the way."),
        ("error_message", "text?", "Feishu's words for it."),
        ("advice_en", "text?", "What to do, in English."),
        ("advice_zh", "text?", "What to do, in Chinese."),
        ("log_id", "text?", "Feishu's log id of that answer, for their support."),
        ("messages_listed", "bigint", "Items listed in the last load, repeats included."),
        ("threads_polled", "bigint", "Threads asked for in the last load."),
        ("requests", "bigint", "Requests spent on this chat's messages in the last load."),
        ("owed_forwards", "bigint?", "Merged forwards that could not be opened: tried again."),
        (
            "reactions_owed_from",
            "ts?",
            "Set while reactions could not be had to messages from here on: they are read again.",
        ),
    ),
)

SYNC_RUNS = Table(
    "sync_runs",
    "One row a load; one without finished_at was killed or is running.",
    ("run_id",),
    _columns(
        ("run_id", "text", "Random id of the load."),
        ("started_at", "ts", "When it began, by this machine's clock."),
        ("finished_at", "ts?", "When it ended; null while it runs, and for ever if it was killed."),
        ("version", "text", "Version of this source."),
        ("chats_complete", "bigint", "Chats read up to the end of the load's range."),
        ("chats_partial", "bigint", "Chats with more to read."),
        ("chats_skipped", "bigint", "Chats the platform refuses."),
        ("chats_failed", "bigint", "Chats that failed."),
        (
            "messages",
            "bigint",
            "Messages read from timelines; replies read from threads count below.",
        ),
        (
            "replies",
            "bigint",
            "Messages read from threads: with the column before, all that was read.",
        ),
        ("requests", "bigint", "Requests sent, retries included."),
        ("refused", "bigint", "Requests refused by the rate limit."),
        ("retries", "bigint", "Requests sent again."),
        ("rejected", "bigint", "Items that went to rejected_messages."),
        (
            "exit_code",
            "bigint",
            "0 complete, 1 failed or not ended, 3 incomplete, 130/143 interrupted.",
        ),
        ("slices", "bigint", "Pipeline runs that loaded messages."),
        ("shard", "text?", "Which part of the chats it loaded, such as 3/8; null for all."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CHATS,
        MESSAGES,
        MENTIONS,
        LINKS,
        RESOURCES,
        RESOURCE_FILES,
        REACTIONS,
        FORWARDED,
        THREADS,
        CHAT_MEMBERS,
        CHAT_PINS,
        CHAT_TABS,
        CHAT_ANNOUNCEMENTS,
        NAMES_SEEN,
        USERS,
        REJECTED,
        SYNC_COVERAGE,
        SYNC_RUNS,
    )
}
