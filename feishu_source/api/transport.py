"""One attempt over HTTP: a call and a token go out, a status, headers and bytes come back.

In: a `Call`. Out: a `Reply`, or a `TransportFailure` when there is none.
Refuses to know retries, limits and JSON.

`requests` is used below its `Session`: a session's comforts (cookies, `.netrc`, following
redirects) are exactly what must not happen to a request that carries a secret. What is left is its
adapter, which knows proxies and certificates, and hands out the connection pool of one host. That
pool is asked directly: a prepared request and a response of `requests` cost as much as the exchange
itself, once a page. It is safe to share between threads, so that connections outlive the threads
that come and go.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import IncompleteRead
from threading import Lock
from typing import Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3 import exceptions as failures

from feishu_source.api.endpoints import ENDPOINTS, Call, is_loopback
from feishu_source.api.stream import Broken, Download, Sink, is_whole, peek, pour, range_headers
from feishu_source.settings import Settings
from feishu_source.version import VERSION

MOST_BODY_BYTES = 256 * 1024 * 1024
"""Fifty messages of 150 KB, every character escaped, are 45 MB: this is no page of ours."""

_CHUNK_BYTES = 1024 * 1024
_FILE_CHUNK_BYTES = 64 * 1024
"""Of a file that breaks off, what came of a chunk is lost."""

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever the status; header names are found in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class TransportFailure(Exception):
    """No reply, or not all of it; `final` when another attempt cannot fare better.

    It stays inside the door. It is never chained to its cause, which holds the request and with
    it the token or the app secret.
    """

    def __init__(self, reason: str, reason_zh: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason_zh = reason_zh
        self.final = final


class Carrier(Protocol):
    """Whatever takes a call to the platform and brings the reply back."""

    def send(self, call: Call, token: str | None) -> Reply:
        """One attempt. Raises: TransportFailure."""

    def close(self) -> None:
        """Gives up what is kept between calls."""


class FileCarrier(Carrier, Protocol):
    """A carrier that files can come by."""

    def stream(self, call: Call, token: str | None, sink: Sink) -> Reply | Download:
        """One attempt. Raises: TransportFailure."""

    def interrupt(self) -> None:
        """Breaks off the files that are under way."""


class Transport:
    """Sends calls to one base URL over HTTP; safe to share between threads."""

    def __init__(self, base_url: str, settings: Settings) -> None:
        self._timeout_s = (settings.connect_timeout_s, settings.read_timeout_s)
        self._timeout = Timeout(connect=settings.connect_timeout_s, read=settings.read_timeout_s)
        # One connection for each worker, one for the thread that lists chats meanwhile.
        self._host = _Host(base_url, max(settings.workers, settings.files_workers) + 1)
        self._lock = Lock()
        self._streams: set[BaseHTTPResponse] = set()
        self._headers = {
            "User-Agent": f"feishu-source/{VERSION}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
        }

    def send(self, call: Call, token: str | None) -> Reply:
        """One attempt, with its whole body read.

        Raises:
            TransportFailure: no reply, or not all of it.
        """
        try:
            return self._exchange(call, token)
        except (requests.RequestException, failures.HTTPError, OSError) as error:
            failure = _describe(error, self._timeout_s)
        # Outside the except block, so that the cause is not kept alive as context.
        raise failure

    def stream(self, call: Call, token: str | None, sink: Sink) -> Reply | Download:
        """One attempt at what a sink lacks of a file; a reply that is no file is read whole.

        Raises:
            TransportFailure: no reply, or not all of it; what came of it is in the sink.
        """
        try:
            return self._pour(call, token, sink)
        except Broken as broken:
            failure = TransportFailure(str(broken), "收到的文件内容与请求不符")
        except (requests.RequestException, failures.HTTPError, OSError) as error:
            failure = _describe(error, self._timeout_s)
        raise failure

    def interrupt(self) -> None:
        """Breaks off the files that are under way: whoever waits for more of one need not."""
        with self._lock:
            for response in self._streams:
                with suppress(OSError, RuntimeError, ValueError):  # it has just ended
                    response.shutdown()

    def close(self) -> None:
        """Closes idle connections; a later call would open new ones."""
        self._host.close()

    def _exchange(self, call: Call, token: str | None) -> Reply:
        response = self._open(call, token, self._headers)
        try:
            body = b"".join(_bounded(response.stream(_CHUNK_BYTES)))
        except BaseException:
            response.close()  # what was not read must not be the next one's answer
            raise
        response.release_conn()
        return Reply(response.status, response.headers, body)

    def _pour(self, call: Call, token: str | None, sink: Sink) -> Reply | Download:
        # Bytes are counted and asked for by their place, which compression would change.
        asked = {"Accept": "*/*", "Accept-Encoding": "identity", **range_headers(sink)}
        response = self._open(call, token, self._headers | asked)
        with self._under_way(response):
            return self._take(response, sink)

    @contextmanager
    def _under_way(self, response: BaseHTTPResponse) -> Iterator[None]:
        with self._lock:
            self._streams.add(response)
        try:
            yield
        finally:
            with self._lock:
                self._streams.discard(response)

    def _take(self, response: BaseHTTPResponse, sink: Sink) -> Reply | Download:
        try:
            if is_whole(response.status, response.headers, sink):
                response.close()
                return Download(None, None)
            if response.status == 416:
                sink.restart()
                raise Broken("a part of the file was asked for that it does not have")
            chunks = response.stream(_FILE_CHUNK_BYTES)
            body, chunks = peek(response.status, response.headers, chunks)
            if body is not None:
                response.close()
                return Reply(response.status, response.headers, body)
            found = pour(response.status, response.headers, chunks, sink)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return found

    def _open(self, call: Call, token: str | None, shared: Mapping[str, str]) -> BaseHTTPResponse:
        """What came back, its body not yet read."""
        headers, data = dict(shared), None
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if call.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            data = json.dumps(dict(call.body)).encode()
        return self._host.pool().urlopen(
            ENDPOINTS[call.endpoint].method,
            f"{call.path}?{query}" if (query := call.query) else call.path,
            body=data,
            headers=headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )


class _Host(HTTPAdapter):
    """One host, and how it is reached: through which proxy, trusted by which certificates."""

    def __init__(self, base_url: str, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._base_url = base_url
        self._proxies, self._verify = read_environment(base_url)
        self._pool: HTTPConnectionPool | None = None

    def pool(self) -> HTTPConnectionPool:
        """Its connections.

        Raises:
            OSError: the CA bundle cannot be read.
            RequestException: the proxy's address cannot be meant.
        """
        pool = self._pool
        if pool is None:
            target = requests.Request("GET", self._base_url).prepare()
            found = self.get_connection_with_tls_context(target, self._verify, self._proxies)
            pool = cast("HTTPConnectionPool", found)
            self.cert_verify(pool, self._base_url, self._verify, None)  # type: ignore[no-untyped-call]
            self._pool = pool  # threads that came at once have got the same one
        return pool

    def close(self) -> None:
        """Closes idle connections; the next call opens a pool anew."""
        self._pool = None
        super().close()


def read_environment(base_url: str) -> tuple[dict[str, str], bool | str]:
    """Proxies and CA bundle as the environment names them; nothing stands before this machine."""
    host = urlsplit(base_url).hostname or ""
    if is_loopback(host):
        return {}, True
    bundle = next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), True)
    return dict(get_environ_proxies(base_url)), bundle


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_BODY_BYTES:
            raise TransportFailure(
                f"the reply is longer than {MOST_BODY_BYTES} bytes",
                f"应答超过 {MOST_BODY_BYTES} 字节",
                final=True,
            )
        yield chunk


def _describe(error: Exception, timeout_s: tuple[float, float]) -> TransportFailure:
    """The failure in our own words: the library's hold URLs, and its objects hold headers."""
    causes = list(_walk_causes(error))
    places = dict(zip(("connect_s", "read_s"), (f"{s:g}" for s in timeout_s), strict=True))
    for kind, final, reason, reason_zh in REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            name = type(error).__name__
            return TransportFailure(
                f"{reason.format_map(places)} ({name})",
                f"{reason_zh.format_map(places)}（{name}）",
                final=final,
            )
    raise error


REASONS: tuple[tuple[type[BaseException], bool, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        True,
        "the server's certificate is not trusted; behind a company proxy name its CA bundle in "
        "REQUESTS_CA_BUNDLE",
        "服务器证书不受信任；若经过公司代理，请在 REQUESTS_CA_BUNDLE 中指定其 CA 证书",
    ),
    (
        failures.ProxyError,
        False,
        "the proxy did not let the request through",
        "代理未放行请求",
    ),
    (failures.SSLError, False, "the TLS connection failed", "TLS 连接失败"),
    # urllib3 counts these three among the timeouts of connecting: so they stand before it.
    (failures.NameResolutionError, False, "the host name could not be resolved", "无法解析主机名"),
    (ConnectionRefusedError, False, "the connection was refused", "连接被拒绝"),
    (failures.NewConnectionError, False, "the connection failed", "连接失败"),
    (
        failures.ConnectTimeoutError,
        False,
        "no connection within {connect_s} s",
        "{connect_s} 秒内未能建立连接",
    ),
    (failures.TimeoutError, False, "no answer within {read_s} s", "{read_s} 秒内没有应答"),
    (IncompleteRead, False, "the reply was cut short", "应答被截断"),
    (
        failures.DecodeError,
        False,
        "the reply's compression is broken",
        "应答的压缩数据损坏",
    ),
    (
        failures.ProtocolError,
        False,
        "the connection failed or was closed",
        "连接失败或被关闭",
    ),
    (failures.HTTPError, False, "the connection failed", "连接失败"),
    (requests.RequestException, True, "the request could not be made", "无法发出请求"),
    (
        OSError,
        True,
        f"the CA bundle named by {' or '.join(_CA_VARIABLES)} cannot be read",
        f"无法读取 {' 或 '.join(_CA_VARIABLES)} 指定的 CA 证书",
    ),
)
"""What a failure is called, the first that fits: its kind, whether it is final, two languages."""


def _walk_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those inside it: requests and urllib3 wrap them in `args` and `reason`."""
    yield error
    inner = [*error.args, getattr(error, "reason", None), error.__cause__, error.__context__]
    for cause in inner:
        if isinstance(cause, BaseException) and cause is not error:
            yield from _walk_causes(cause)
            return
