"""What a reply says: an answer, or a refusal with the reaction it calls for.

In: a `Call` and its `Reply`, or the lack of one. Out: the parsed answer, or a `Refusal`.
Refuses to know sockets, tokens and waiting; it decides what happened, never what happens next.

The body counts and the HTTP status does not: the same code comes with 200 from one endpoint and
with 400 from another. The status is consulted only where the body is not Feishu's JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal, TypeVar

from feishu_source.api.endpoints import Call
from feishu_source.api.transport import Reply, TransportFailure
from feishu_source.codes import find_reaction
from feishu_source.errors import (
    REACTIONS,
    ApiError,
    PageTokenRefused,
    ParameterRefused,
    ReplyBroken,
    RetriesExhausted,
    StopError,
    UnknownCode,
    redact,
)
from feishu_source.json_text import parse_json

T = TypeVar("T")

Reaction = Literal["retry", "rate", "renew", "final"]
"""Repeat with back-off; pause the endpoint and repeat; renew the token and repeat; raise."""

MOST_LINKS = 5
"""Links and details shown with one error."""

_LOG_ID_HEADERS = ("x-tt-logid", "x-request-id", "request-id")
_GRANTED = 1


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. No `next_page_token` means that the listing ends here.

    `stalled` is the exception: the server promised more and gave no way to ask for it, so what
    follows the last item is not known. `server_time_s` is the reply's `Date`, in epoch seconds.
    `size`: bytes of its body.
    """

    items: list[dict[str, Any]]
    next_page_token: str | None
    server_time_s: float | None
    log_id: str | None
    stalled: bool = False
    size: int = field(default=0, compare=False)

    def broken_off(self, what: str) -> ReplyBroken:
        """The error of a listing that promises more and gives no way to ask for it."""
        return ReplyBroken(what, msg="has_more without a new page_token", log_id=self.log_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a reply whose code is 0, with what the headers tell about it.

    `size`: its bytes.
    """

    body: Mapping[str, Any]
    server_time_s: float | None
    log_id: str | None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """What went wrong, and the error it becomes when nothing helps; `wait_s` if the server said."""

    reaction: Reaction
    error: ApiError
    wait_s: float | None = None


def read_reply(
    call: Call, reply: Reply, secrets: Iterable[str], read: Callable[[Answer], T]
) -> T | Refusal:
    """The answer as `read` understands it, or why there is none.

    `read` raises ValueError for an answer that breaks its contract: another attempt may be whole.
    """
    if 300 <= reply.status < 400:
        return _redirected(call, reply)
    try:
        body = parse_json(reply.body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return _not_json(call, reply)
    code = body.get("code") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(code, int) or isinstance(code, bool):
        return _not_json(call, reply)
    log_id = _find_log_id(body, reply.headers)
    if code != 0:
        return _refused(call, reply, body, code, log_id, tuple(secrets))
    try:
        return read(Answer(body, read_date(reply.headers), log_id, len(reply.body)))
    except ValueError as error:
        broken = ReplyBroken(
            call.what, msg=redact(str(error)), log_id=log_id, http_status=reply.status
        )
        return Refusal("retry", broken)


def read_failure(call: Call, failure: TransportFailure) -> Refusal:
    """No reply: repeated, unless another attempt cannot fare better."""
    hint, hint_zh = f"Reason: {failure}.", f"原因：{failure.reason_zh}。"
    if failure.final:
        return Refusal("final", StopError(call.what, hint=hint, hint_zh=hint_zh))
    lost = RetriesExhausted(call.what, network=True, hint=hint, hint_zh=hint_zh)
    return Refusal("retry", lost)


def read_date(headers: Mapping[str, str]) -> float | None:
    """The `Date` header in epoch seconds, if there is one that can be read."""
    return _parse_date(headers.get("date"))


@lru_cache(maxsize=8)  # it changes once a second, replies come oftener
def _parse_date(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def parse_page(answer: Answer, sent_token: str | None) -> Page:
    """A listing goes on only with has_more and a token that is not the one just sent.

    Raises:
        ValueError: `data`, `items` or `has_more` is of another type than documented.
    """
    data = parse_data(answer)
    has_more, token = data.get("has_more"), data.get("page_token")
    if has_more is not None and not isinstance(has_more, bool):
        raise ValueError("has_more is not a boolean")
    usable = isinstance(token, str) and token != "" and token != sent_token
    return Page(
        items=parse_items(answer),
        next_page_token=token if has_more and usable else None,
        server_time_s=answer.server_time_s,
        log_id=answer.log_id,
        stalled=bool(has_more) and not usable,
        size=answer.size,
    )


def parse_items(answer: Answer) -> list[dict[str, Any]]:
    """The items; none at all is an empty list.

    Raises:
        ValueError: something else stands in their place.
    """
    items = parse_data(answer).get("items")
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("items is not a list of objects")
    return items


def parse_membership(answer: Answer) -> bool:
    """The answer to whether one is in a chat.

    Raises:
        ValueError: it is neither yes nor no.
    """
    value = parse_data(answer).get("is_in_chat")
    if not isinstance(value, bool):
        raise ValueError("is_in_chat is not a boolean")
    return value


def parse_scopes(answer: Answer) -> frozenset[str]:
    """The names of the scopes whose status is 1, granted.

    Raises:
        ValueError: something else than a list of objects stands in their place.
    """
    rows = parse_data(answer).get("scopes")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("scopes is not a list of objects")
    granted = {row.get("scope_name") for row in rows if row.get("grant_status") == _GRANTED}
    return frozenset(name for name in granted if isinstance(name, str))


def parse_data(answer: Answer) -> dict[str, Any]:
    """The `data` object; an absent one is empty.

    Raises:
        ValueError: something else stands in its place.
    """
    data = answer.body.get("data")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ValueError("data is not an object")
    return data


def _redirected(call: Call, reply: Reply) -> Refusal:
    """A redirect is refused: the secret goes to the host that was configured and nowhere else."""
    target = re.match(r"(?i)[a-z]+://(?:[^/?#]*@)?([^/?#]+)", reply.headers.get("location", ""))
    host = redact(target[1]) if target else "another path of the same host"
    hint = f"The server redirects to {host}; nothing was sent there."
    hint_zh = f"服务器重定向到 {host}；未向其发送任何内容。"
    redirected = StopError(call.what, http_status=reply.status, hint=hint, hint_zh=hint_zh)
    return Refusal("final", redirected)


def _not_json(call: Call, reply: Reply) -> Refusal:
    """A gateway, a proxy or a cut body: the status is all there is."""
    log_id = _find_log_id({}, reply.headers)
    known: dict[str, Any] = {
        "http_status": reply.status,
        "log_id": log_id,
        "hint": f"{len(reply.body)} bytes came that are not Feishu's JSON.",
        "hint_zh": f"收到 {len(reply.body)} 字节，并非飞书的 JSON。",
    }
    broken = ReplyBroken(call.what, **known)
    lost = RetriesExhausted(call.what, network=True, **known)
    if reply.status == 429:
        return Refusal("rate", lost, _find_wait_s(reply.headers))
    if reply.status >= 500 or reply.status == 408:
        return Refusal("retry", lost)
    return Refusal("retry" if reply.status < 300 else "final", broken)


def _refused(
    call: Call,
    reply: Reply,
    body: Mapping[str, Any],
    code: int,
    log_id: str | None,
    secrets: tuple[str, ...],
) -> Refusal:
    kind = find_reaction(code, call.endpoint, call.container)
    error_class: type[ApiError] = REACTIONS[kind] if kind else UnknownCode
    if error_class is ParameterRefused and call.params.get("page_token"):
        error_class = PageTokenRefused
    msg = body.get("msg")
    error = error_class(
        call.what,
        code=code,
        msg=redact(msg, secrets) if isinstance(msg, str) else "",
        log_id=log_id,
        http_status=reply.status,
        links=[redact(link, secrets) for link in _find_links(body)],
        details=[redact(detail, secrets) for detail in _find_details(body)],
    )
    if kind == "rate" or (kind is None and reply.status == 429):
        return Refusal("rate", error, _find_wait_s(reply.headers))
    if kind == "retry" or (kind is None and reply.status >= 500):
        return Refusal("retry", error)
    return Refusal("renew" if kind == "renew" else "final", error)


def _find_wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds the server asks us to wait: its own header, then the standard one."""
    for name in ("x-ogw-ratelimit-reset", "retry-after"):
        try:
            wait_s = float(headers[name])
        except (KeyError, ValueError):
            continue
        if math.isfinite(wait_s) and wait_s > 0:
            return wait_s
    return None


def _find_log_id(body: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """The log id: documentation spells it `logid`, live replies `log_id`, headers three ways."""
    error = _mapping(body.get("error"))
    found = [error.get("log_id"), error.get("logid"), *map(headers.get, _LOG_ID_HEADERS)]
    return next((redact(value) for value in found if isinstance(value, str) and value), None)


def _find_links(body: Mapping[str, Any]) -> list[str]:
    error = _mapping(body.get("error"))
    found = [help_.get("url") for help_ in _mappings(error.get("helps"))]
    found.append(error.get("troubleshooter"))
    links = [link for link in found if isinstance(link, str) and re.match("https?://", link)]
    return links[:MOST_LINKS]


def _find_details(body: Mapping[str, Any]) -> list[str]:
    """Missing scopes, and fields with what is wrong about them (not their values)."""
    error = _mapping(body.get("error"))
    scopes = [row.get("subject") for row in _mappings(error.get("permission_violations"))]
    fields = [
        f"{row.get('field')}: {row.get('description')}"
        for row in _mappings(error.get("field_violations"))
    ]
    return [*[scope for scope in scopes if isinstance(scope, str)], *fields][:MOST_LINKS]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
