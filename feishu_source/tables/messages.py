"""Messages and threads, and what hangs on a message."""

from __future__ import annotations

from dataclasses import replace

from feishu_source.tables.table import CHILD, TOMBSTONE, Table, columns

MESSAGES = Table(
    "messages",
    "One row a message or reply, as it was when last listed.",
    ("message_id",),
    columns(
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

FORWARDED = Table(
    "forwarded_messages",
    "One row a message in a merged forward, as it was when the forward was opened.",
    ("container_message_id", "path"),
    (
        *columns(
            ("container_message_id", "text", "The merged forward in messages that holds it."),
            ("path", "text", "Its place in that: 0.3.1 is the second in the fourth of the first."),
            ("depth", "bigint", "0 for what the forward holds itself, 1 for what that holds, …."),
        ),
        *(
            replace(column, description=_IN_FORWARD.get(column.name, column.description))
            for column in MESSAGES.columns
        ),
        *columns(TOMBSTONE),
    ),
    replaces="container_message_id",
    cluster=("container_message_id",),
)

MENTIONS = Table(
    "message_mentions",
    "One row a mention in a message, @all included.",
    ("message_id", "mention_index"),
    columns(
        ("message_id", "text", "The message that mentions."),
        ("mention_index", "bigint", "From 0, in the API's order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("mention_key", "text", "The placeholder in the body, @_user_1."),
        ("mentioned_id", "text?", "open_id of who is mentioned; `all` for everyone."),
        ("mentioned_id_type", "text?", "What kind of id that is."),
        ("mentioned_name", "text?", "The name at the time of listing."),
        ("mentioned_tenant_key", "text?", "The tenant of who is mentioned."),
        TOMBSTONE,
    ),
    **CHILD,
)

LINKS = Table(
    "message_links",
    "One row a link in a message.",
    ("message_id", "link_index"),
    columns(
        ("message_id", "text", "The message that holds the link."),
        ("link_index", "bigint", "From 0, in reading order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("url", "text", "Where the link leads."),
        ("label", "text?", "The words it stands under, if they differ from the url."),
        TOMBSTONE,
    ),
    **CHILD,
)

RESOURCES = Table(
    "message_resources",
    "One row an image, file, audio, video, folder or sticker in a message.",
    ("message_id", "resource_index"),
    columns(
        ("message_id", "text", "The message that holds the resource."),
        ("resource_index", "bigint", "From 0, in reading order."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("resource_type", "text", "image, file, audio, media, folder or sticker."),
        ("resource_key", "text", "The key the download endpoint takes."),
        ("file_name", "text?", "Its name."),
        ("duration_ms", "bigint?", "Its length in milliseconds."),
        TOMBSTONE,
    ),
    **CHILD,
)

REACTIONS = Table(
    "message_reactions",
    "One row a reaction to a message, as it was when the message was last read with reactions.",
    ("message_id", "reaction_id"),
    columns(
        ("message_id", "text", "The message that was reacted to."),
        ("reaction_id", "text", "Feishu's id of the reaction."),
        ("chat_id", "text", "The chat of that message."),
        ("create_time", "ts", "When that message was sent."),
        ("emoji_type", "text?", "Which emoji: THUMBSUP, OK, …; the list is open."),
        ("operator_id", "text?", "open_id of the person who reacted, app_id of a bot."),
        ("operator_type", "text?", "user or app."),
        ("action_time", "ts?", "When that was."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        TOMBSTONE,
    ),
    **CHILD,
)

RESOURCE_FILES = Table(
    "resource_files",
    "One row an image, file, audio or video that a load with files decided on.",
    ("message_id", "resource_key"),
    columns(
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
    columns(
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
