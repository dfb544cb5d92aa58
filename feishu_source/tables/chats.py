"""Chats, and what each of them holds beside its messages."""

from __future__ import annotations

from feishu_source.tables.table import TOMBSTONE, Table, columns

CHATS = Table(
    "chats",
    "Chats the bot is a member of, and chats named in the configuration.",
    ("chat_id",),
    columns(
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

CHAT_MEMBERS = Table(
    "chat_members",
    "Members of each chat at its last complete reading; bots are not listed by the API.",
    ("chat_id", "member_id"),
    columns(
        ("chat_id", "text", "The chat."),
        ("member_id", "text", "open_id of the member."),
        ("member_id_type", "text", "What kind of id that is."),
        ("name", "text?", "The member's name."),
        ("tenant_key", "text?", "The member's tenant."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        ("last_listed_at", "ts?", "When the chat's list last showed the member."),
        TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_PINS = Table(
    "chat_pins",
    "Pinned messages of each chat at the last complete reading of its pins.",
    ("chat_id", "message_id"),
    columns(
        ("chat_id", "text", "The chat."),
        ("message_id", "text", "The message that is pinned."),
        ("operator_id", "text?", "open_id of the person who pinned it, app_id of a bot."),
        ("operator_id_type", "text?", "open_id or app_id."),
        ("create_time", "ts?", "When it was pinned."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_TABS = Table(
    "chat_tabs",
    "Tabs of each chat at the last reading of them, with chat_context.",
    ("chat_id", "tab_id"),
    columns(
        ("chat_id", "text", "The chat."),
        ("tab_id", "text", "Feishu's id of the tab."),
        ("tab_index", "bigint", "From 0, in the API's order."),
        ("tab_name", "text?", "What stands on it; built-in tabs may have no name."),
        ("tab_type", "text?", "message, doc, url, pin, chat_announcement, …; the list is open."),
        ("url", "text?", "Where a tab leads that holds a page, document, minutes or tasks."),
        ("tab_content", "json?", "What the tab holds, as the API gave it."),
        ("extra", "json?", "What the API sent and no column models, by path."),
        TOMBSTONE,
    ),
    replaces="chat_id",
)

CHAT_ANNOUNCEMENTS = Table(
    "chat_announcements",
    "What each chat announces, as of the last reading, with chat_context; no row without one.",
    ("chat_id",),
    columns(
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
        TOMBSTONE,
    ),
    replaces="chat_id",
)
