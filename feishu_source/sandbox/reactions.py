"""Reactions to messages and pinned messages: who set them, how they are asked for, how they read.

In: what people do, the body of a batch request. Out: JSON of `data`, rows of the truth.
Refuses to know: HTTP, and which chats the bot may read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from feishu_source.sandbox.bodies import when
from feishu_source.sandbox.listing import Place, page_token, place_of
from feishu_source.sandbox.refusals import Refused, invalid
from feishu_source.sandbox.tenant import Message, User

if TYPE_CHECKING:
    from feishu_source.sandbox.world import World

REACTIONS_PATH = "/open-apis/im/v1/messages/reactions/batch_query"
PINS_PATH = "/open-apis/im/v1/pins"
REACTION_SCOPES = ("im:message.reactions:read", "im:message:readonly")
PIN_SCOPES = ("im:message", "im:message.pins:read", "im:message:readonly")

MOST_QUERIES = 20
MOST_PER_MESSAGE = 10


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji of one person or app."""

    reaction_id: str
    operator: User
    emoji_type: str
    action_ms: int

    @property
    def operator_type(self) -> str:
        """`app` or `user`."""
        return "app" if self.operator.is_app else "user"

    def item(self) -> dict[str, Any]:
        """As the API sends it."""
        return {
            "reaction_id": self.reaction_id,
            "operator": {
                "operator_id": self.operator.user_id,
                "operator_type": self.operator_type,
            },
            "action_time": str(self.action_ms),
            "reaction_type": {"emoji_type": self.emoji_type},
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """A message that somebody pinned in its chat."""

    message: Message
    operator: User
    create_ms: int

    @property
    def operator_id_type(self) -> str:
        """`app_id` or `open_id`."""
        return "app_id" if self.operator.is_app else "open_id"

    def item(self, world: World) -> dict[str, Any]:
        """As the API sends it."""
        return {
            "message_id": world.id_of(self.message),
            "chat_id": self.message.chat.chat_id,
            "operator_id": self.operator.user_id,
            "operator_id_type": self.operator_id_type,
            "create_time": str(self.create_ms),
        }


def asked_messages(body: bytes) -> tuple[str, ...]:
    """The ids that the body of a batch request names; none where it can not be read."""
    try:
        return tuple(str(query.get("message_id")) for query in _queries(body))
    except Refused:
        return ()


def failed_messages(reply: bytes) -> tuple[str, ...]:
    """The ids of which a reply says nothing but why; none where it can not be read."""
    try:
        data = orjson.loads(reply).get("data") or {}
    except orjson.JSONDecodeError:
        return ()
    return tuple(each["message_id"] for each in data.get("fail_msg_reaction_details", ()))


def answer_batch(
    world: World, body: bytes, refusal_of: Callable[[Message], Refused | None]
) -> bytes:
    """The reactions of some messages; `refusal_of` tells why the bot may not read one.

    Raises: Refused, for a body that breaks a bound, and where the switches say so for one message.
    """
    queries, size = _queries(body), _size(body)
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise invalid(230001, "queries", str(len(queries)), f"from 1 to {MOST_QUERIES}")
    if not world.switches.reactions_mixed and len(set(_chats(world, queries))) > 1:
        raise invalid(230001, "queries", "", "messages of one chat only")
    details: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for query in queries:
        message_id = str(query.get("message_id"))
        message = world.find(message_id)
        refused = _refusal(world, message) or (refusal_of(message) if message else None)
        if message is not None and refused is None:
            details += _detail(world, message, query.get("page_token"), size)
        elif world.switches.reactions_refused == "batch":
            raise refused or Refused(230001)
        else:
            reason = refused.msg if refused else "the message does not exist"
            failed.append({"message_id": message_id, "fail_reason": reason})
    counts = [_count(world, each["message_id"]) for each in details]
    return orjson.dumps(
        {
            "success_msg_reaction_details": details,
            "success_msg_reaction_counts": counts,
            "fail_msg_reaction_details": failed,
        }
    )


def _body(body: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(9499) from error
    if not isinstance(asked, dict):
        raise Refused(9499)
    return asked


def _queries(body: bytes) -> list[dict[str, Any]]:
    queries = _body(body).get("queries")
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        raise invalid(230001, "queries", "", "it is no list of objects")
    return queries


def _size(body: bytes) -> int:
    size = _body(body).get("page_size_per_message", MOST_PER_MESSAGE)
    if type(size) is not int or not 1 <= size <= MOST_PER_MESSAGE:
        why = f"it is not an integer from 1 to {MOST_PER_MESSAGE}"
        raise invalid(230001, "page_size_per_message", str(size), why)
    return size


def _chats(world: World, queries: list[dict[str, Any]]) -> Iterator[str]:
    for query in queries:
        message = world.find(str(query.get("message_id")))
        if message is not None:
            yield message.chat.chat_id


def _refusal(world: World, message: Message | None) -> Refused | None:
    if message is None or message.visible_ms > world.now_ms:
        return Refused(230001, "there is no such message")
    return Refused(230110) if message.removed or message.recalled else None


def _detail(world: World, message: Message, token: Any, size: int) -> list[dict[str, Any]]:
    """The page of one message; of one without reactions an empty one, or none at all."""
    message_id = world.id_of(message)
    path, bound = f"{REACTIONS_PATH}/{message_id}", {"size": str(size)}
    done = place_of(token, path, bound, 230001).order[1] if token else 0
    reactions = world.reactions.get(message.number, [])
    if not reactions and not world.switches.reactions_none_listed:
        return []
    shown = reactions[done : done + size]
    more = len(reactions) > done + len(shown)
    place = Place((0, done + len(shown)))
    return [
        {
            "message_id": message_id,
            "has_more": more,
            "page_token": page_token(place, path, bound) if more else "",
            "message_reaction_items": [reaction.item() for reaction in shown],
        }
    ]


def _count(world: World, message_id: str) -> dict[str, Any]:
    reactions = world.reactions.get(world.message(message_id).number, [])
    kinds = dict.fromkeys(reaction.emoji_type for reaction in reactions)
    counts = [
        {"reaction_type": kind, "count": str(sum(each.emoji_type == kind for each in reactions))}
        for kind in kinds
    ]
    return {"message_id": message_id, "reaction_count": counts}


def reaction_rows(world: World, message: Message) -> list[dict[str, Any]]:
    """The rows of `message_reactions` of a message that is not deleted."""
    return [
        {
            "message_id": world.id_of(message),
            "reaction_id": each.reaction_id,
            "chat_id": message.chat.chat_id,
            "create_time": when(message.create_ms),
            "emoji_type": each.emoji_type,
            "operator_id": each.operator.user_id,
            "operator_type": each.operator_type,
            "action_time": when(each.action_ms),
            "extra": None,
        }
        for each in world.reactions.get(message.number, [])
    ]


def pin_rows(world: World, pins: list[Pin]) -> list[dict[str, Any]]:
    """The rows of `chat_pins` of a chat."""
    return [
        {
            "chat_id": each.message.chat.chat_id,
            "message_id": world.id_of(each.message),
            "operator_id": each.operator.user_id,
            "operator_id_type": each.operator_id_type,
            "create_time": when(each.create_ms),
            "extra": None,
        }
        for each in pins
    ]
