"""The one batch that is posted: reactions to as many messages as a request may name.

In: ids of messages, each with the page it has come to. Out: the call, and what its answer says of
each of them. Refuses to know what becomes of a message that is refused.

Source: https://open.feishu.cn/document/server-docs/im-v1/message-reaction/batch_query
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from feishu_source.api.endpoints import Call, check_id
from feishu_source.api.replies import Answer, parse_data
from feishu_source.errors import redact

MOST_MESSAGES = 20
"""Messages a request; the platform's bound."""

MOST_PER_MESSAGE = 10
"""Reactions of one message a reply; the platform's bound."""


class ReactionQuery(NamedTuple):
    """A message, and the page token that its last page gave."""

    message_id: str
    page_token: str | None = None


@dataclass(frozen=True, slots=True)
class ReactionPage:
    """Some reactions to one message, as the API gives them; more if there is a token.

    `stalled`: more was promised, and no way given to ask for it.
    """

    items: list[dict[str, Any]]
    next_page_token: str | None
    stalled: bool = False


NO_REACTIONS = ReactionPage([], None)
"""Of a message that the answer does not speak of: nobody reacted to it."""


@dataclass(frozen=True, slots=True)
class ReactionAnswer:
    """`pages` by message_id; `failed`: why Feishu would not tell of a message, in its words."""

    pages: dict[str, ReactionPage]
    failed: dict[str, str]


def reaction_call(queries: Sequence[ReactionQuery]) -> Call:
    """The call that asks for them."""
    asked = [
        {"message_id": check_id("message", query.message_id)}
        | ({"page_token": query.page_token} if query.page_token else {})
        for query in queries
    ]
    what = f"list reactions of {len(queries)} messages, the first of them {queries[0].message_id}"
    body = {"queries": asked, "page_size_per_message": MOST_PER_MESSAGE}
    return Call("reactions", what, body=body)


def parse_reactions(answer: Answer) -> ReactionAnswer:
    """What an answer says of each message that it speaks of.

    Raises:
        ValueError: it is of another shape than documented.
    """
    data = parse_data(answer)
    pages = {
        _message_id(each): _page(each) for each in _objects(data, "success_msg_reaction_details")
    }
    failed = {
        _message_id(each): redact(str(each.get("fail_reason") or ""))
        for each in _objects(data, "fail_msg_reaction_details")
    }
    return ReactionAnswer(pages, failed)


def _page(detail: dict[str, Any]) -> ReactionPage:
    token, has_more = detail.get("page_token"), detail.get("has_more")
    if has_more is not None and not isinstance(has_more, bool):
        raise ValueError("has_more is not a boolean")
    usable = token if isinstance(token, str) and token else None
    items = _objects(detail, "message_reaction_items")
    return ReactionPage(items, usable if has_more else None, bool(has_more) and usable is None)


def _message_id(detail: dict[str, Any]) -> str:
    message_id = detail.get("message_id")
    if not isinstance(message_id, str):
        raise ValueError("a message has no message_id")
    return message_id


def _objects(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = data.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{name} is not a list of objects")
    return found
