"""A body is made side by side with how it reads.

In: words, keys, users. Out: a `Body`: the string the API would send, and next to it the columns,
links, resources and mentions that a correct reader finds in it. Neither is computed from the
other, so that a mistake of the reader under test cannot hide in here.
Refuses to know: chats, messages, time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

ALL_NAME = "\ue000"
"""Stands in a reading where the name of everyone goes: a switch decides what that name is."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINK = re.compile(
    r"\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]\(((?:https?://|mailto:)[^)\s]+)\)|(https?://[^\s<>\"]+)"
)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_TRAILING = ".,;:!?)]}'\"，。；：！？）】」』"


@dataclass(frozen=True, slots=True)
class Mention:
    """One entry of `mentions`; `more` are keys that nobody has modelled."""

    key: str
    user_id: str
    name: str
    tenant_key: str
    more: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One picture, file, recording, film or sticker that a body refers to."""

    resource_type: str
    resource_key: str
    file_name: str | None = None
    duration_ms: int | None = None


Link = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Body:
    """What the API sends as a body, and what is to be read in it.

    `columns` holds the body columns that are not null; None means that whoever posted a raw body
    did not say how it reads. `content_v2` is the string when posts carry that sibling; `cards`
    holds the other forms of a card by the value of `card_msg_content_type`, each with its name.
    """

    msg_type: str
    content: str | None
    columns: Mapping[str, Any] | None = field(default_factory=dict)
    mentions: tuple[Mention, ...] = ()
    mentions_all: bool = False
    links: tuple[Link, ...] = ()
    resources: tuple[Resource, ...] = ()
    content_v2: str | None = None
    cards: Mapping[str, Body] = field(default_factory=dict)
    card_form: str = "rendered"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line: how it stands in a text, how in a post, and how it reads."""

    token: str
    element: Mapping[str, Any]
    reads: str
    links: tuple[Link, ...] = ()
    resources: tuple[Resource, ...] = ()
    everyone: bool = False


def when(time_ms: int) -> datetime:
    """A time in milliseconds as a timestamp in UTC."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def dump(value: object) -> str:
    """A value as the API writes it: compact, not ASCII-escaped (except what cannot be UTF-8)."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))


def links_in(text: str) -> tuple[Link, ...]:
    """The links of a plain text: Markdown ones with their label, bare ones without."""
    found: list[Link] = []
    for label, target, bare in _LINK.findall(text):
        url = target or bare.rstrip(_TRAILING)
        found.append((url, label if label and label != url else None))
    return tuple(found)


def words(text: str) -> Piece:
    """Plain words."""
    return Piece(text, {"tag": "text", "text": text, "style": []}, text, links_in(text))


def link(label: str, url: str) -> Piece:
    """Words that lead to a URL."""
    reads = f"[{label}]({url})"
    element = {"tag": "a", "href": url, "text": label}
    return Piece(reads, element, reads, ((url, label if label != url else None),))


def at(mention: Mention) -> Piece:
    """A mention, which reads as the person's name."""
    element = {"tag": "at", "user_id": mention.key, "user_name": "", "style": []}
    return Piece(mention.key, element, f"@{mention.name}")


def at_all() -> Piece:
    """A mention of everyone."""
    element = {"tag": "at", "user_id": "@_all", "user_name": "", "style": []}
    return Piece("@_all", element, f"@{ALL_NAME}", everyone=True)


def picture(key: str) -> Piece:
    """A picture between the words of a post or card."""
    resource = Resource("image", key)
    return Piece("", {"tag": "img", "image_key": key}, "[image]", resources=(resource,))


def film(key: str, cover: str) -> Piece:
    """A film between the words of a post, with its cover."""
    element = {"tag": "media", "file_key": key, "image_key": cover}
    return Piece(
        "", element, "[video]", resources=(Resource("media", key), Resource("image", cover))
    )


def smiley(emoji: str) -> Piece:
    """An emoji of the platform's own."""
    return Piece("", {"tag": "emotion", "emoji_type": emoji}, f":{emoji}:")


def rule() -> Piece:
    """A horizontal rule."""
    return Piece("", {"tag": "hr"}, "---")


def code(language: str, text: str) -> Piece:
    """A block of code."""
    element = {"tag": "code_block", "language": language, "text": text}
    return Piece("", element, f"```{language.lower()}\n{text}\n```")


def _columns(**columns: object) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if value is not None}


def _words_or_none(text: str) -> str | None:
    # Half of a surrogate pair cannot be stored: it reads as the replacement character.
    return _HALF_PAIR.sub("\ufffd", text) if text.strip() else None


def text_body(pieces: Sequence[Piece], mentions: Sequence[Mention] = ()) -> Body:
    """A `text` body."""
    sent = "".join(piece.token for piece in pieces)
    reads = "".join(piece.reads for piece in pieces)
    return Body(
        "text",
        dump({"text": sent}),
        _columns(text=_words_or_none(reads)),
        tuple(mentions),
        any(piece.everyone for piece in pieces),
        links_in(sent),
    )


def rows_read(rows: Iterable[Sequence[Piece]]) -> str | None:
    """How rows of pieces read: a line each, without blank lines at the end."""
    lines = ["".join(piece.reads for piece in row) for row in rows]
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines) or None


def post_body(
    title: str,
    rows: Sequence[Sequence[Piece]],
    mentions: Sequence[Mention] = (),
    *,
    files: Sequence[tuple[str, str, bool]] = (),
    locale: str | None = None,
) -> Body:
    """A `post` body; `files` are (key, name, is a folder), `locale` wraps it as senders do."""
    pieces = [piece for row in rows for piece in row]
    content: dict[str, Any] = {
        "title": title,
        "content": [[dict(piece.element) for piece in row] for row in rows],
    }
    lines = [rows_read(rows)] if rows_read(rows) is not None else []
    resources = [resource for piece in pieces for resource in piece.resources]
    if files:
        content["files"] = [
            {"file_key": key, "file_name": name, "is_folder": folder} for key, name, folder in files
        ]
        for key, name, folder in files:
            kind = "folder" if folder else "file"
            lines.append(f"[{kind}: {name}]")
            resources.append(Resource(kind, key, name))
    untouched = [[{"tag": "md", "text": "".join(piece.reads for piece in row)}] for row in rows]
    second = {**content, "content_v2": untouched}
    return Body(
        "post",
        dump({locale: content} if locale else content),
        _columns(title=title or None, text="\n".join(line for line in lines if line) or None),
        tuple(mentions),
        any(piece.everyone for piece in pieces),
        tuple(link for piece in pieces for link in piece.links),
        tuple(resources),
        content_v2=dump({locale: second} if locale else second),
    )


def plain_body(
    msg_type: str,
    content: Mapping[str, Any],
    resources: Sequence[Resource] = (),
    **columns: object,
) -> Body:
    """A body of any other type: its object beside the columns it fills."""
    return Body(msg_type, dump(content), _columns(**columns), resources=tuple(resources))


def media_body(
    msg_type: str,
    key: str,
    *,
    name: str | None = None,
    duration_ms: int | None = None,
    cover: str | None = None,
) -> Body:
    """A body that is one file: image, file, folder, audio, media, video or sticker."""
    if msg_type == "image":
        return plain_body("image", {"image_key": key}, [Resource("image", key)], image_key=key)
    if msg_type == "sticker":
        return plain_body("sticker", {"file_key": key}, [Resource("sticker", key)])
    content = _columns(file_key=key, image_key=cover, file_name=name, duration=duration_ms)
    kind = "media" if msg_type == "video" else msg_type
    resources = [Resource(kind, key, name, duration_ms)]
    if cover is not None:
        resources.append(Resource("image", cover))
    return Body(
        msg_type,
        dump(content),
        _columns(file_key=key, file_name=name, duration_ms=duration_ms, image_key=cover),
        resources=tuple(resources),
    )


def raw_body(
    msg_type: str,
    content: object,
    *,
    columns: Mapping[str, Any] | None = None,
    mentions: Sequence[Mention] = (),
    mentions_all: bool = False,
    links: Sequence[Link] = (),
    resources: Sequence[Resource] = (),
) -> Body:
    """Any body at all: a string is sent as it stands, None is a missing body, else it is JSON.

    Without `columns` its reading is unknown and the truth refuses to speak about it.
    """
    sent = content if content is None or isinstance(content, str) else dump(content)
    return Body(
        msg_type,
        sent,
        columns,
        tuple(mentions),
        mentions_all,
        tuple(links),
        tuple(resources),
    )


FORWARD_SENTENCE = "Merged and Forwarded Message"
"""The platform's fixed words for forwarded messages."""


def forward_body() -> Body:
    """The body of a container of forwarded messages."""
    return plain_body("merge_forward", {"content": FORWARD_SENTENCE}, text=FORWARD_SENTENCE)
