"""What loads tell of themselves: items that are no rows, what is covered, each run."""

from __future__ import annotations

from feishu_source.tables.table import Table, columns

REJECTED = Table(
    "rejected_messages",
    "Items that could not become a row, kept as the API gave them.",
    ("chat_id", "item_hash"),
    columns(
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
    columns(
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
    columns(
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
