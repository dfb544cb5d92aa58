"""What the keys in messages stand for: images, files, recordings, films; and who may have them.

In: a message, a key, the type and the range that were asked for. Out: a reply with the bytes, or
`Refused`. Refuses to know: tokens and faults (server.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from feishu_source.sandbox.bodies import Resource
from feishu_source.sandbox.loopback import HttpReply
from feishu_source.sandbox.refusals import Refused, invalid
from feishu_source.sandbox.tenant import Chat, Message

if TYPE_CHECKING:
    from feishu_source.sandbox.world import World

MOST_BYTES = 100 * 1024 * 1024
"""The API hands out nothing larger."""

_NEVER = {"sticker", "interactive", "folder"}
"""Types of messages whose resources cannot be had."""
_REFUSALS = {230002: 234004, 231203: 234038, 230013: 234019}
"""What refuses a chat's messages refuses its files by codes of their own."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a key stands for; `size` without `content` is that of a file too large to hand out."""

    content: bytes
    name: str | None = None
    content_type: str = "application/octet-stream"
    size: int | None = None

    @property
    def etag(self) -> str:
        """Changes with the content."""
        return f'"{sha256(self.content).hexdigest()[:16]}"'


def drawn_file(key: str) -> StoredFile:
    """What a key stands for that nobody has said anything about: always the same few bytes."""
    seed = sha256(key.encode()).digest()
    kind = "image/png" if key.startswith("img") else "application/octet-stream"
    return StoredFile(seed * (1 + seed[0] % 32), f"{key[:12]}.bin", kind)


def file_reply(
    world: World, message_id: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> HttpReply:
    """The bytes behind a key of a message, all of them or the range that was asked for."""
    message = world.find(message_id)
    if message is None or message.visible_ms > world.now_ms:
        raise invalid(234001, "message_id", message_id, "there is no such message")
    kind = query.get("type", "")
    if kind not in ("image", "file"):
        raise invalid(234001, "type", kind, "it is image or file")
    _check_readable(world, message)
    if message.body.msg_type in _NEVER:
        raise Refused(234043)
    kinds = {resource.resource_type for resource in _resources(world, message, key)}
    if not kinds or ("image" in kinds) != (kind == "image"):
        raise Refused(234003)
    stored = world.files.get(key) or drawn_file(key)
    if (stored.size or len(stored.content)) > MOST_BYTES:
        raise Refused(234037)
    return _reply(world, stored, headers)


def _check_readable(world: World, message: Message) -> None:
    chat: Chat = message.chat
    refusal = world.refusal_of(chat)
    if refusal is not None:
        raise Refused(_REFUSALS.get(refusal, refusal))
    if message.removed or message.recalled:
        raise Refused(230110)
    if message.thread is not None and message.is_reply_in_thread and message.thread.hidden:
        raise Refused(234040)


def _resources(world: World, message: Message, key: str) -> Iterator[Resource]:
    """The resources of this key in a message, or in what it forwards."""
    for each in message.body.resources:
        if each.resource_key == key:
            yield each
    for child in world.forwards.get(message.number, ()):
        yield from _resources(world, child, key)


def _reply(world: World, stored: StoredFile, headers: Mapping[str, str]) -> HttpReply:
    switches, body = world.switches, stored.content
    sent: dict[str, str] = {}
    if switches.file_disposition:
        name = quote(stored.name or "download", safe="")
        sent["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    if switches.file_etag:
        sent["ETag"] = stored.etag
    start = _range_start(headers, stored) if switches.file_ranges else None
    if start is None:
        return HttpReply(200, body, sent, stored.content_type, compressible=False)
    if start >= len(body):
        sent["Content-Range"] = f"bytes */{len(body)}"
        return HttpReply(416, b"", sent, "text/plain", compressible=False)
    sent["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    return HttpReply(206, body[start:], sent, stored.content_type, compressible=False)


def _range_start(headers: Mapping[str, str], stored: StoredFile) -> int | None:
    asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
    if not asked or headers.get("if-range", stored.etag) != stored.etag:
        return None
    return int(asked[1])
