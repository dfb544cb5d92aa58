"""A file on its way: which part of it is asked for, what of a reply is a file, where its bytes go.

In: headers of a reply, and its chunks. Out: bytes into a `Sink`, and a `Download` once all of them
are there. Refuses to know sockets, and to hold more than a chunk.

Whether the endpoint honours Range is nowhere documented. So nothing is believed: a part is taken
only if the reply says that it begins where the sink ends, and that it is of the same version;
whatever else comes is the whole, or thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from typing import Protocol

from feishu_source.json_text import parse_json

PEEKED_BYTES = 64 * 1024
"""A refusal is no longer than this; what is longer is a file."""

_HTML = "text/html"


class Sink(Protocol):
    """Where the bytes of one file go; `etag` is that of the version they are of, if known."""

    @property
    def size(self) -> int:
        """Bytes it holds."""

    @property
    def etag(self) -> str | None:
        """The version they are of."""

    def begin(self, total: int | None, etag: str | None) -> None:
        """Bytes follow, behind those that are there; `total` is the whole file's length."""

    def write(self, chunk: bytes) -> None:
        """The next bytes."""

    def restart(self) -> None:
        """Throws away what it holds."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is there whole, as the reply described it."""

    content_type: str | None
    file_name: str | None


class Broken(Exception):
    """The bytes that came are not those that were asked for, or not all of them."""


def range_headers(sink: Sink) -> dict[str, str]:
    """What asks for the rest of a file: nothing where there is no beginning of it."""
    if not sink.size:
        return {}
    asked = {"Range": f"bytes={sink.size}-"}
    return asked | {"If-Range": sink.etag} if sink.etag else asked


def is_whole(status: int, headers: Mapping[str, str], sink: Sink) -> bool:
    """True where nothing is left to be sent: the sink holds all there is."""
    found = re.fullmatch(r"bytes \*/(\d+)", headers.get("content-range", ""))
    return status == 416 and found is not None and 0 < sink.size == int(found[1])


def peek(
    status: int, headers: Mapping[str, str], chunks: Iterator[bytes]
) -> tuple[bytes | None, Iterator[bytes]]:
    """The whole body where it is no file, or None; and all chunks, those looked at included.

    A file comes with a Content-Disposition: what has one is a file, even one that holds JSON. What
    has none is none if it is a page for people, or an object with a code, whatever its type is
    called: refusals come at HTTP 200 too.
    """
    if status not in (200, 206):
        return b"".join(_first(chunks)), iter(())
    if "content-disposition" in headers:
        return None, chunks
    first = list(_first(chunks))
    body = b"".join(first)
    if _type_of(headers) == _HTML or (len(body) < PEEKED_BYTES and _holds_code(body)):
        return body, iter(())
    return None, chain(first, chunks)


def pour(status: int, headers: Mapping[str, str], chunks: Iterator[bytes], sink: Sink) -> Download:
    """Writes the chunks of a reply behind what the sink holds, or in its place.

    Raises:
        Broken: another part came, or not all of it. What the sink holds can be gone on with.
    """
    etag = headers.get("etag")
    strong = etag if etag and etag.startswith('"') else None
    if status == 206:
        total = _check_range(headers, strong, sink)
    else:
        encoded = headers.get("content-encoding", "identity") != "identity"
        length = headers.get("content-length", "")
        total = int(length) if length.isdigit() and not encoded else None
        sink.restart()
    sink.begin(total, strong)
    for chunk in chunks:
        sink.write(chunk)
    if total is not None and sink.size != total:
        if sink.size > total:
            sink.restart()
        raise Broken(f"the file has {total} bytes, and {sink.size} came")
    return Download(_type_of(headers), _name_in(headers))


def _check_range(headers: Mapping[str, str], etag: str | None, sink: Sink) -> int | None:
    """The whole file's length, as the reply that holds the rest of it tells."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("content-range", ""))
    if not found or int(found[1]) != sink.size or (sink.etag and sink.etag != etag):
        sink.restart()
        raise Broken("another part of the file came than was asked for")
    return int(found[2]) + 1 if found[3] == "*" else int(found[3])


def _first(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        if size >= PEEKED_BYTES:
            return


def _holds_code(body: bytes) -> bool:
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    try:
        parsed = parse_json(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return False
    return isinstance(parsed, dict) and type(parsed.get("code")) is int and "msg" in parsed


def _type_of(headers: Mapping[str, str]) -> str | None:
    return headers.get("content-type", "").partition(";")[0].strip().lower() or None


def _name_in(headers: Mapping[str, str]) -> str | None:
    """The name in Content-Disposition, where servers send bare UTF-8 against the rules."""
    message = Message()
    message["content-disposition"] = headers.get("content-disposition", "")
    try:
        name = message.get_filename()
        return name.encode("latin-1").decode() if name else None
    except (UnicodeError, ValueError):
        return name or None
