"""One attempt over HTTP: a call and a token go out, a status, headers and bytes come back.

In: a `Call`. Out: a `Reply`, or a `TransportFailure` when there is none.
Refuses to know retries, limits and JSON.

`requests` is used below its `Session`: a session's comforts (cookies, `.netrc`, following
redirects) are exactly what must not happen to a request that carries a secret. What is left is an
adapter whose connection pool is safe to share between threads, so that connections outlive the
threads that come and go with each slice.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, NameResolutionError

from feishu_source.api.endpoints import ENDPOINTS, Call, is_loopback
from feishu_source.settings import Settings
from feishu_source.version import VERSION

MOST_BODY_BYTES = 256 * 1024 * 1024
"""Fifty messages of 150 KB, every character escaped, are 45 MB: this is no page of ours."""

_CHUNK_BYTES = 64 * 1024
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever the status; header names are in lower case."""

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


class Transport:
    """Sends calls to one base URL over HTTP; safe to share between threads."""

    def __init__(self, base_url: str, settings: Settings) -> None:
        self._base_url = base_url
        self._timeout_s = (settings.connect_timeout_s, settings.read_timeout_s)
        # One connection for each worker, one for the thread that lists chats meanwhile.
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=settings.workers + 1)
        self._proxies, self._verify = read_environment(base_url)

    def send(self, call: Call, token: str | None) -> Reply:
        """One attempt, with its whole body read.

        Raises:
            TransportFailure: no reply, or not all of it.
        """
        try:
            return self._exchange(call, token)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = _describe(error, self._timeout_s)
        # Outside the except block, so that the cause is not kept alive as context.
        raise failure

    def close(self) -> None:
        """Closes idle connections; a later call would open new ones."""
        self._adapter.close()

    def _exchange(self, call: Call, token: str | None) -> Reply:
        response = self._adapter.send(
            self._prepare(call, token),
            stream=True,
            timeout=self._timeout_s,
            verify=self._verify,
            proxies=self._proxies,
        )
        try:
            body = b"".join(_bounded(response.iter_content(_CHUNK_BYTES)))
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body)

    def _prepare(self, call: Call, token: str | None) -> requests.PreparedRequest:
        endpoint = ENDPOINTS[call.endpoint]
        headers = {
            "User-Agent": f"feishu-source/{VERSION}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None
        if call.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            data = json.dumps(dict(call.body)).encode()
        return requests.Request(
            endpoint.method,
            self._base_url + call.path,
            headers=headers,
            params=dict(call.params),
            data=data,
        ).prepare()


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


_requests = requests.exceptions
REASONS: tuple[tuple[type[BaseException], bool, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        True,
        "the server's certificate is not trusted; behind a company proxy name its CA bundle in "
        "REQUESTS_CA_BUNDLE",
        "服务器证书不受信任；若经过公司代理，请在 REQUESTS_CA_BUNDLE 中指定其 CA 证书",
    ),
    (_requests.SSLError, False, "the TLS connection failed", "TLS 连接失败"),
    (
        _requests.ProxyError,
        False,
        "the proxy did not let the request through",
        "代理未放行请求",
    ),
    (
        _requests.ConnectTimeout,
        False,
        "no connection within {connect_s} s",
        "{connect_s} 秒内未能建立连接",
    ),
    (_requests.Timeout, False, "no answer within {read_s} s", "{read_s} 秒内没有应答"),
    (NameResolutionError, False, "the host name could not be resolved", "无法解析主机名"),
    (_requests.ChunkedEncodingError, False, "the reply was cut short", "应答被截断"),
    (
        _requests.ContentDecodingError,
        False,
        "the reply's compression is broken",
        "应答的压缩数据损坏",
    ),
    (
        _requests.ConnectionError,
        False,
        "the connection failed or was closed",
        "连接失败或被关闭",
    ),
    (HTTPError, False, "the connection failed", "连接失败"),
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
