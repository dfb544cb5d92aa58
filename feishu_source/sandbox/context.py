"""Tabs and announcement of a chat: how they are asked for, how they read.

In: a chat, the app's scopes. Out: JSON of `data`, rows of the truth, or `Refused`.
Refuses to know: HTTP, and which chats there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from feishu_source.sandbox.bodies import dump, when
from feishu_source.sandbox.refusals import Refused
from feishu_source.sandbox.tenant import Chat, User

if TYPE_CHECKING:
    from feishu_source.sandbox.community import Community

TABS_PATH = "/open-apis/im/v1/chats/:chat_id/chat_tabs/list_tabs"
ANNOUNCEMENT_PATH = "/open-apis/im/v1/chats/:chat_id/announcement"
UPGRADED_PATH = "/open-apis/docx/v1/chats/:chat_id/announcement"
TAB_SCOPES = ("im:chat", "im:chat.tabs:read", "im:chat:readonly")
UPGRADED_SCOPE = "im:chat.announcement:read"
ANNOUNCEMENT_SCOPES = ("im:chat", UPGRADED_SCOPE, "im:chat:readonly")

_IN_DOCX = {232010: 1772002, 232011: 1772003, 232025: 1772025, 232033: 1772004, 232034: 1772034}
"""What the newer endpoint calls the refusals of a chat."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of a chat; `content` and `config` as the API's objects, left out where empty."""

    tab_id: str
    tab_type: str
    tab_name: str | None = None
    content: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def item(self) -> dict[str, Any]:
        """As the API sends it."""
        told = {
            "tab_id": self.tab_id,
            "tab_name": self.tab_name,
            "tab_type": self.tab_type,
            "tab_content": self.content,
            "tab_config": self.config,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a chat announces: a document of the old form or of the newer one."""

    form: Literal["doc", "docx"]
    content: str
    revision: int
    owner: User
    modifier: User
    create_s: int
    update_s: int
    readable: bool = True
    """Whether the app may read the document."""

    def people(self) -> dict[str, str]:
        """Owner and modifier, each with the kind of its id."""
        return {
            "owner_id": self.owner.user_id,
            "owner_id_type": _kind(self.owner),
            "modifier_id": self.modifier.user_id,
            "modifier_id_type": _kind(self.modifier),
        }


def _kind(user: User) -> str:
    return "app_id" if user.is_app else "open_id"


def tabs_data(world: Community, chat: Chat) -> dict[str, Any]:
    """The tabs of a chat that the bot is in; a topic group has none, and says so."""
    _check_member(chat)
    if chat.mode == "topic":
        raise Refused(232050)
    return {"chat_tabs": [tab.item() for tab in world.tabs.get(chat.chat_id, ())]}


def announcement_data(world: Community, chat: Chat) -> dict[str, Any]:
    """The announcement of the old form, its document as JSON text, times in seconds."""
    _check_member(chat)
    found = world.announcements.get(chat.chat_id)
    if found is None:
        raise Refused(232003)
    if found.form == "docx":
        raise Refused(232097)
    if not found.readable:
        raise Refused(232066)
    return {
        "content": found.content,
        "revision": str(found.revision),
        "create_time": str(found.create_s),
        "update_time": str(found.update_s),
        **found.people(),
    }


def upgraded_data(world: Community, chat: Chat) -> dict[str, Any]:
    """What the newer endpoint tells of an announcement of either form: not what it says."""
    try:
        _check_member(chat)
    except Refused as refused:
        raise in_docx(refused) from refused
    found = world.announcements.get(chat.chat_id)
    if found is None:
        raise Refused(1772001)
    if not found.readable:
        raise Refused(1770032, status=403)
    return {
        "revision_id": found.revision,
        "create_time": found.create_s,
        "update_time": found.update_s,
        "announcement_type": found.form,
        **found.people(),
    }


def in_docx(refused: Refused) -> Refused:
    """A refusal of a chat, by the code that the newer endpoint has for it."""
    return Refused(_IN_DOCX.get(refused.code, refused.code))


def _check_member(chat: Chat) -> None:
    if not chat.bot_in:
        raise Refused(232011)


def tab_rows(world: Community, chat: Chat) -> list[dict[str, Any]]:
    """The rows of `chat_tabs` of a chat."""
    if chat.mode == "topic":
        return []
    return [
        {
            "chat_id": chat.chat_id,
            "tab_id": tab.tab_id,
            "tab_index": index,
            "tab_name": tab.tab_name,
            "tab_type": tab.tab_type,
            "url": next(iter(tab.content.values()), None),
            "tab_content": dump(tab.content) if tab.content else None,
            "extra": {f"tab_config.{key}": value for key, value in tab.config.items()} or None,
        }
        for index, tab in enumerate(world.tabs.get(chat.chat_id, ()))
    ]


def announcement_rows(world: Community, chat: Chat) -> list[dict[str, Any]]:
    """The row of `chat_announcements` of a chat, if it has one that can be had."""
    found = world.announcements.get(chat.chat_id)
    scopes: Mapping[str, bool] = {"doc": True, "docx": UPGRADED_SCOPE in world.scopes}
    if found is None or not found.readable or not scopes[found.form]:
        return []
    return [
        {
            "chat_id": chat.chat_id,
            "announcement_type": found.form,
            "revision": str(found.revision),
            "content": found.content if found.form == "doc" else None,
            "create_time": when(found.create_s * 1_000),
            "update_time": when(found.update_s * 1_000),
            **found.people(),
            "extra": None,
        }
    ]
