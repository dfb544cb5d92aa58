"""What goes wrong on purpose.

In: the faults that a test injected, a request, the reply it would get. Out: what it gets instead.
Refuses to know: how the right reply is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from feishu_source.sandbox.context import TABS_PATH, UPGRADED_PATH, UPGRADED_SCOPE
from feishu_source.sandbox.loopback import HttpReply
from feishu_source.sandbox.reactions import PINS_PATH, REACTIONS_PATH
from feishu_source.sandbox.refusals import Refused
from feishu_source.sandbox.switches import Fault

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_SIGN_IN_PAGE = b"<html><body>Welcome! Please sign in to use this network.</body></html>"
_DETAILS = "success_msg_reaction_details"
_SURROGATE = rb'"content":"{\"text\":\"half \ud83d of a pair\"}"'


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0
    done: int = 0


class Faults:
    """The faults that are still to happen, in the order of injection."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def inject(self, fault: Fault) -> None:
        """Arm a fault."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm every fault."""
        self._armed.clear()

    def matching(
        self, template: str, path: str, query: Mapping[str, str], ident: str
    ) -> Fault | None:
        """The fault that happens to this request now; it counts as happened."""
        for armed in self._armed:
            fault = armed.fault
            if not _concerns(fault, template, path, query, ident):
                continue
            armed.seen += 1
            if armed.seen > fault.after and (fault.times is None or armed.done < fault.times):
                armed.done += 1
                return fault
        return None

    def did_not_happen(self, fault: Fault) -> None:
        """Take back that a fault happened: there was nothing to spoil."""
        for armed in self._armed:
            if armed.fault is fault:
                armed.done -= 1
                return


def _concerns(fault: Fault, template: str, path: str, query: Mapping[str, str], ident: str) -> bool:
    if fault.path is not None and fault.path not in (path, template):
        return False
    if fault.name == "repeating_page_token" and not query.get("page_token"):
        return False
    container = query.get("container_id", ident)
    if fault.chat_id is not None and container != fault.chat_id:
        return False
    return fault.thread_id is None or container == fault.thread_id


def refusal(fault: Fault, template: str) -> Refused | None:
    """The refusal that a fault amounts to, or None."""
    limit = {"x-ogw-ratelimit-limit": "1000", "x-ogw-ratelimit-reset": str(fault.reset_s)}
    match fault.name:
        case "rate_limited":
            return Refused(99991400, status=429, headers=limit)
        case "rate_limited_400":
            return Refused(99991400, status=400, headers=limit)
        case "rate_limited_no_header":
            return Refused(99991400, status=429)
        case "quota":
            return Refused(99991403)
        case "internal_2200":
            return Refused(2200, status=500)
        case "unknown_code":
            return Refused(fault.code)
        case "token_expired" | "token_revoked":
            return Refused(99991663)
        case "missing_scope":
            return Refused(99991672, scopes=[_scope_for(template)])
        case "bot_ability_off":
            if template == UPGRADED_PATH:
                return Refused(1772025)
            return Refused(232025 if "/chats" in template else 230006)
    return None


def _scope_for(template: str) -> str:
    if "/members" in template:
        return "im:chat.members:read"
    if template in (REACTIONS_PATH, PINS_PATH):
        return "im:message.reactions:read" if template == REACTIONS_PATH else "im:message.pins:read"
    if template == TABS_PATH:
        return "im:chat.tabs:read"
    if template.endswith("/announcement"):
        return UPGRADED_SCOPE
    return "im:chat:read" if "/chats" in template else "im:message:readonly"


def transport(fault: Fault, elsewhere: Callable[[], str]) -> HttpReply | None:
    """The reply of a broken network in front of the API, or None."""
    match fault.name:
        case "html_502":
            return HttpReply(502, _GATEWAY_PAGE, content_type="text/html")
        case "html_200":
            return HttpReply(200, _SIGN_IN_PAGE, content_type="text/html")
        case "empty_body":
            return HttpReply()
        case "reset_connection":
            return HttpReply(reset=True)
        case "redirect_307":
            return HttpReply(307, headers={"Location": elsewhere() + "/caught?secret=no"})
    return None


def spoil(fault: Fault, reply: HttpReply, query: Mapping[str, str]) -> HttpReply:
    """A right reply, spoiled; a reply that does not carry what is to be spoiled stays right."""
    if fault.name in _FILE_FAULTS:
        return _FILE_FAULTS[fault.name](reply) if not reply.compressible else reply
    if not reply.body.startswith(b"{"):
        return reply
    if fault.name == "cut_json":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    change = _CHANGES.get(fault.name)
    whole = orjson.loads(reply.body)
    data = whole.get("data")
    spoiled = _DETAILS if fault.name == "reaction_failed" else "items"
    if change is None or not isinstance(data, dict) or not data.get(spoiled):
        return reply
    change(data, query)
    return replace(reply, body=orjson.dumps(whole).replace(b'"content":"\\u0000"', _SURROGATE))


def _cut_file(reply: HttpReply) -> HttpReply:
    return replace(reply, cut=len(reply.body) // 2)


def _stall_file(reply: HttpReply) -> HttpReply:
    return replace(reply, cut=len(reply.body) // 2, stall=True)


def _shift_range(reply: HttpReply) -> HttpReply:
    whole = len(reply.body) + 7
    headers = {**reply.headers, "Content-Range": f"bytes 7-{whole - 1}/{whole}"}
    return replace(reply, status=206, headers=headers)


_FILE_FAULTS: Mapping[str, Callable[[HttpReply], HttpReply]] = {
    "cut_file": _cut_file,
    "stalled_file": _stall_file,
    "wrong_range": _shift_range,
}


def _repeat_page_token(data: dict[str, Any], query: Mapping[str, str]) -> None:
    data |= {"has_more": True, "page_token": query["page_token"]}


def _drop_message_id(data: dict[str, Any], _: Mapping[str, str]) -> None:
    data["items"][0].pop("message_id", None)


def _drop_create_time(data: dict[str, Any], _: Mapping[str, str]) -> None:
    data["items"][0].pop("create_time", None)


def _times_in_seconds(data: dict[str, Any], _: Mapping[str, str]) -> None:
    first = data["items"][0]
    for name in {"create_time", "update_time"} & first.keys():
        first[name] = first[name][:-3]


def _lone_surrogate(data: dict[str, Any], _: Mapping[str, str]) -> None:
    data["items"][0] |= {"msg_type": "text", "body": {"content": "\x00"}}


def _duplicate(data: dict[str, Any], _: Mapping[str, str]) -> None:
    data["items"].insert(0, data["items"][0])


def _extra_fields(data: dict[str, Any], _: Mapping[str, str]) -> None:
    for item in data["items"]:
        item |= {"unheard_of": {"depth": {"of": 2}, "list": [1, "two"]}, "unheard_flag": True}


def _fail_reaction(data: dict[str, Any], _: Mapping[str, str]) -> None:
    message_id = data[_DETAILS].pop(0)["message_id"]
    failed = {"message_id": message_id, "fail_reason": "it is one of those days"}
    data["fail_msg_reaction_details"].append(failed)


_CHANGES: Mapping[str, Callable[[dict[str, Any], Mapping[str, str]], None]] = {
    "repeating_page_token": _repeat_page_token,
    "item_without_message_id": _drop_message_id,
    "item_without_create_time": _drop_create_time,
    "item_times_in_seconds": _times_in_seconds,
    "lone_surrogate": _lone_surrogate,
    "duplicate_item": _duplicate,
    "reaction_failed": _fail_reaction,
    "extra_fields": _extra_fields,
}
