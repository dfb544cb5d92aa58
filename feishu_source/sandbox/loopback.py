"""A small HTTP/1.1 server on loopback.

In: a function from `HttpRequest` to `HttpReply`. Out: a port that serves it until it is closed.
Refuses to know: Feishu. It is made of sockets and threads because a page must cost the server
well under a millisecond, and because a test must be able to reset a connection.
"""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote

_MOST_HEADER_LINES = 100
# Under this many bytes compression costs more than it saves.
_WORTH_COMPRESSING = 1024
_REASONS = {
    200: "OK",
    206: "Partial Content",
    307: "Temporary Redirect",
    400: "Bad Request",
    404: "Not Found",
}
_REASONS |= {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; header names are in lower case, values of one parameter have commas between."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply; `reset` sends none and resets the connection instead.

    `cut`: after so many bytes of the body the connection is closed; with `stall` it stays open,
    silent, until the client closes it.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    compressible: bool = True
    reset: bool = False
    cut: int | None = None
    stall: bool = False


class Loopback:
    """Serves on 127.0.0.1 from `start` to `stop`, each connection on a thread of its own."""

    def __init__(self, answer: Callable[[HttpRequest], HttpReply], port: int = 0) -> None:
        self._answer = answer
        self._asked_port = port
        self._lock = Lock()
        self._connections: dict[socket.socket, Thread] = {}
        self._stopping = False
        self._listener: socket.socket | None = None
        self._acceptor: Thread | None = None

    @property
    def started(self) -> bool:
        """Whether it is served now."""
        return self._listener is not None

    @property
    def base_url(self) -> str:
        """The address, without a path. Raises: RuntimeError, when it is not started."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Listen; the port is known from here on."""
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", self._asked_port), backlog=128)
        self._acceptor = Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Close everything; connections in the middle of a reply are cut."""
        if self._listener is None or self._acceptor is None:
            return
        self._stopping = True
        with suppress(OSError):  # wakes the acceptor, on every platform
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._acceptor.join()
        self._listener.close()
        self._listener = None
        with self._lock:
            open_ones = list(self._connections.items())
        for connection, _ in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in open_ones:
            thread.join(timeout=5)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            if self._stopping:
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as incoming, suppress(OSError):
                while (request := _read(incoming)) is not None:
                    reply = self._answer(request)
                    if reply.reset:
                        _reset(connection)
                        return
                    connection.sendall(_written(request, reply))
                    if reply.cut is not None:
                        if reply.stall:
                            incoming.read(1)
                        return
                    if request.headers.get("connection", "").lower() == "close":
                        return
        finally:
            with self._lock:
                self._connections.pop(connection, None)


def _read(incoming: BinaryIO) -> HttpRequest | None:
    line = incoming.readline(65536).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADER_LINES):
        name, colon, value = incoming.readline(65536).decode("latin-1").partition(":")
        if not colon:
            break
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    body = incoming.read(int(length)) if length.isdigit() else b""
    path, _, query = line[1].partition("?")
    return HttpRequest(line[0], unquote(path), parse_query(query), headers, body)


def parse_query(query: str) -> dict[str, str]:
    """The parameters; one that is given several times has all its values, a comma between two."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _written(request: HttpRequest, reply: HttpReply) -> bytes:
    body, headers = reply.body, dict(reply.headers)
    accepted = request.headers.get("accept-encoding", "")
    if reply.compressible and "gzip" in accepted and len(body) >= _WORTH_COMPRESSING:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers |= {"Content-Type": reply.content_type, "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body[: reply.cut]


def _reset(connection: socket.socket) -> None:
    # With a linger time of zero, closing sends a reset instead of an orderly end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
