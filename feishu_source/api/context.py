"""What may be asked about a chat beside its details: its tabs, and what it announces.

In: a client, the id of a chat. Out: objects as the API gave them. Refuses to know how often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from feishu_source.api.client import Client
from feishu_source.api.endpoints import Call, check_id
from feishu_source.api.replies import Answer, parse_data
from feishu_source.errors import OptionalRefused

Listed = list[Mapping[str, Any]]

UPGRADED: Final[Mapping[str, Any]] = {"announcement_type": "docx"}
"""All that the endpoint of the old form tells of an announcement of the newer one."""

_IS_UPGRADED = 232097
_NOTHING = frozenset({232050, 232003, 1770002, 1772001})
"""How a chat is told of that is of a kind without tabs, or that announces nothing."""


def fetch_tabs(client: Client, chat_id: str) -> Listed:
    """The tabs of a chat, in their order, all of them at once; a topic group has none.

    Source: https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/chat-tab/list_tabs
    """
    call = Call("tabs", f"list tabs of chat {chat_id}", check_id("chat", chat_id))
    return _ask(client, call, _parse_tabs)


def fetch_announcement(client: Client, chat_id: str) -> Listed:
    """What a chat announces in a document of the old form; none if nothing; else [`UPGRADED`].

    Source: https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/chat-announcement/get
    """
    call = Call("announcement", f"get announcement of chat {chat_id}", check_id("chat", chat_id))
    try:
        return _ask(client, call, _parse_announcement)
    except OptionalRefused as refused:
        if refused.code != _IS_UPGRADED:
            raise
        return [UPGRADED]


def fetch_upgraded(client: Client, chat_id: str) -> Listed:
    """What is told of an announcement of the newer form, its words apart; none if nothing.

    Source: https://open.feishu.cn/document/ukTMukTMukTM/uUDN04SN0QjL1QDN/document-docx/docx-v1/chat-announcement/get
    """
    what = f"get the newer announcement of chat {chat_id}"
    call = Call("upgraded_announcement", what, check_id("chat", chat_id))
    return _ask(client, call, _parse_announcement)


def _ask(client: Client, call: Call, parse: Callable[[Answer], Listed]) -> Listed:
    try:
        return client.ask(call, parse)
    except OptionalRefused as refused:
        if refused.code not in _NOTHING:
            raise
        return []


def _parse_announcement(answer: Answer) -> Listed:
    told = parse_data(answer)
    return [told] if told else []


def _parse_tabs(answer: Answer) -> Listed:
    tabs = parse_data(answer).get("chat_tabs")
    if tabs is None:
        return []
    if not isinstance(tabs, list) or not all(isinstance(tab, dict) for tab in tabs):
        raise ValueError("chat_tabs is not a list of objects")
    return tabs
