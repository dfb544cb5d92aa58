"""One attempt over HTTP: where a secret goes, what the environment changes, what a cut reply is."""

from __future__ import annotations

import errno
import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from feishu_source.api.auth import AppIdentity
from feishu_source.api.client import Client
from feishu_source.api.endpoints import Call
from feishu_source.api.transport import (
    REASONS,
    Reply,
    Transport,
    TransportFailure,
    read_environment,
)
from feishu_source.errors import RetriesExhausted, StopError
from feishu_source.sandbox import Fault, Sandbox, World
from feishu_source.settings import Settings
from feishu_source.version import VERSION

CHATS = Call("chats", "list chats")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a CA bundle of the machine that runs the tests."""
    for name in (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES), *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def raw_server(*replies: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each connection with bytes, whole or not, and closes it.

    Yields its `host:port` and what it was sent.
    """
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for reply in replies:
            connection, _ = listener.accept()
            with connection:
                received.append(read_request(connection))
                connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", received
    finally:
        thread.join()
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """A whole request: its head, and as much body as the head announces."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)content-length: (\d+)", head)
    while announced and len(body) < int(announced[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def exchange(
    base_url: str,
    call: Call = CHATS,
    token: str | None = "t-hunter2",
    settings: Settings | None = None,
) -> Reply:
    """One attempt with a transport of its own."""
    with closing(Transport(base_url, settings or Settings())) as transport:
        return transport.send(call, token)


def refuse(base_url: str, settings: Settings | None = None) -> TransportFailure:
    """The failure of one attempt."""
    with pytest.raises(TransportFailure) as failure:
        exchange(base_url, settings=settings)
    return failure.value


def test_a_request_says_who_asks_and_carries_the_token_in_one_header() -> None:
    """User-Agent with the version, gzip, keep-alive; the token nowhere else."""
    with raw_server(OK) as (address, received):
        assert exchange(f"http://{address}").body == b"{}"
    lines = received[0].decode().split("\r\n")
    assert [lines[0], *sorted(lines[1:-2])] == [
        "GET /open-apis/im/v1/chats HTTP/1.1",
        "Accept-Encoding: gzip",
        "Accept: application/json",
        "Authorization: Bearer t-hunter2",
        "Connection: keep-alive",
        f"Host: {address}",
        f"User-Agent: feishu-source/{VERSION}",
    ]


def test_the_token_call_sends_json_and_no_token() -> None:
    """The app secret is in its body, and in no header."""
    call = Call("token", "get a token", body={"app_id": "cli_a", "app_secret": "hunter2"})
    with raw_server(OK) as (address, received):
        exchange(f"http://{address}", call, None)
    head, _, body = received[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /open-apis/auth/v3/tenant_access_token/internal HTTP/1.1")
    assert "Content-Type: application/json; charset=utf-8" in head.split("\r\n")
    assert "Authorization" not in head
    assert body == '{"app_id": "cli_a", "app_secret": "hunter2"}'


@pytest.mark.parametrize("path", ["/open-apis/im/v1/chats", None])
def test_a_redirect_is_not_followed_and_nothing_is_sent_to_its_target(path: str | None) -> None:
    """Neither the token nor the app secret; the error names the host, without its query."""
    with Sandbox(World(seed=1, now_ms=1_700_000_000_000)) as sandbox:
        sandbox.inject(Fault("redirect_307", path=path))
        identity = AppIdentity(sandbox.app_id, sandbox.app_secret)
        client = Client(identity, sandbox.base_url, Settings())
        with closing(client), pytest.raises(StopError) as refusal:
            client.fetch_chats()
        assert sandbox.redirected == []
    assert refusal.value.http_status == 307
    assert str(refusal.value.hint).startswith("The server redirects to 127.0.0.1:")
    assert str(refusal.value.hint).endswith("; nothing was sent there.")


@pytest.mark.parametrize(
    ("location", "named"),
    [
        (b"https://user:pw@evil.example/p?code=hunter2#x", "evil.example"),
        (b"/elsewhere?code=hunter2", "another path of the same host"),
    ],
)
def test_a_redirect_s_target_is_named_without_what_may_be_secret(
    location: bytes, named: str
) -> None:
    """A login page's address may hold a code."""
    reply = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with raw_server(reply) as (address, _):
        client = Client(AppIdentity("cli_a", "s"), f"http://{address}", Settings())
        with closing(client), pytest.raises(StopError) as refusal:
            client.fetch_chats()
    assert refusal.value.hint == f"The server redirects to {named}; nothing was sent there."


def test_a_netrc_file_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its password would replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login tom password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_server(OK, OK) as (address, received):
        exchange(f"http://{address}")
        exchange(f"http://{address}", CHATS, None)
    assert b"Authorization: Bearer t-hunter2\r\n" in received[0]
    assert b"authorization" not in received[1].lower()


def test_a_cookie_is_not_sent_back() -> None:
    """A gateway's cookie would make requests differ from each other."""
    reply = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n")
    with (
        raw_server(reply, OK) as (address, received),
        closing(Transport(f"http://{address}", Settings())) as transport,
    ):
        transport.send(CHATS, "t-a")
        transport.send(CHATS, "t-a")
    assert b"cookie" not in received[1].lower()


def test_a_proxy_stands_before_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked to connect, and learns the host but not the token."""
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with raw_server(refusal) as (address, received):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        failure = refuse("https://open.feishu.cn")
    assert received[0].startswith(b"CONNECT open.feishu.cn:443 HTTP/1.")
    assert b"hunter2" not in received[0]
    assert (str(failure), failure.final) == (
        "the proxy did not let the request through (ProxyError)",
        False,
    )


def test_a_proxy_does_not_stand_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant on loopback is reached directly, whatever the environment says."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with raw_server(OK) as (address, received):
        exchange(f"http://{address}")
    assert received[0].startswith(b"GET /open-apis/im/v1/chats HTTP/1.1")


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host that is excepted is not asked for through the proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "gate.example.com")
    assert read_environment("https://gate.example.com") == ({}, True)
    proxies, _ = read_environment("https://open.feishu.cn")
    assert proxies["https"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("name", CA_VARIABLES)
def test_a_ca_bundle_that_cannot_be_read_is_named_and_not_tried_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the three variables is honoured for https."""
    monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    failure = refuse("https://feishu.invalid")
    assert (failure.final, str(failure).split(" (")[0]) == (
        True,
        "the CA bundle named by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE or SSL_CERT_FILE cannot be "
        "read",
    )


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "the connection failed or was closed (ProtocolError)"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
            "the reply was cut short (ProtocolError)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
            "the reply was cut short (ProtocolError)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "the reply's compression is broken (DecodeError)",
        ),
    ],
)
def test_a_reply_that_is_not_whole_is_no_reply(reply: bytes, reason: str) -> None:
    """Another attempt may be whole; the reason is in our own words."""
    with raw_server(reply) as (address, _):
        failure = refuse(f"http://{address}")
    assert (str(failure), failure.final) == (reason, False)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (ConnectionRefusedError(), "the connection was refused (NewConnectionError)"),
        (socket.gaierror(), "the host name could not be resolved (NameResolutionError)"),
        (TimeoutError(), "no connection within 10 s (ConnectTimeoutError)"),
        (OSError(errno.ENETUNREACH, "unreachable"), "the connection failed (NewConnectionError)"),
    ],
)
def test_each_way_not_to_connect_has_words_of_its_own(
    cause: OSError, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another attempt may fare better."""

    def connect(*_: object, **__: object) -> socket.socket:
        raise cause

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    failure = refuse("http://feishu.invalid")
    assert (str(failure), failure.final) == (reason, False)


def test_a_port_nobody_listens_on_refuses_the_connection() -> None:
    """It may be listened on in a moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    failure = refuse(f"http://{address}")
    assert (str(failure), failure.final) == (
        "the connection was refused (NewConnectionError)",
        False,
    )


def test_a_proxy_nobody_listens_on_is_named_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform has refused nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
    failure = refuse("https://open.feishu.cn")
    assert str(failure) == "the proxy did not let the request through (ProxyError)"


def test_a_server_that_does_not_answer_is_waited_for_as_long_as_configured() -> None:
    """The connection was made, so it is not that which took too long."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        failure = refuse(f"http://{address}", Settings(read_timeout_s=0.1))
    assert (str(failure), failure.final) == ("no answer within 0.1 s (ReadTimeoutError)", False)


def test_a_server_that_does_not_speak_tls_is_told_from_one_that_is_gone() -> None:
    """A port of plain http, say."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(OK)

        thread = threading.Thread(target=serve)
        thread.start()
        failure = refuse(f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (str(failure), failure.final) == ("the TLS connection failed (SSLError)", False)


def test_a_failure_keeps_neither_the_request_nor_its_header_alive() -> None:
    """An error reporter that walks causes and contexts finds no token."""
    with raw_server(b"") as (address, _):
        failure = refuse(f"http://{address}")
    assert (failure.__cause__, failure.__context__) == (None, None)


def test_a_lost_network_ends_in_an_error_that_says_so() -> None:
    """With the reason in words and without the library's, which holds the address."""
    with raw_server(b"", b"") as (address, _):
        client = Client(
            AppIdentity("cli_a", "s"),
            f"http://{address}",
            Settings(attempts=2),
            sleep=lambda _: None,
        )
        with closing(client), pytest.raises(RetriesExhausted) as refusal:
            client.fetch_chats()
    assert str(refusal.value) == (
        "Could not get a tenant access token: no usable answer came. Reason: the connection "
        "failed or was closed (ProtocolError). Next step: Check the network, the proxy and "
        "base_url, then run the load again."
    )
    assert (refusal.value.network, refusal.value.__context__) == (True, None)


def test_compressed_replies_and_odd_header_names_are_read() -> None:
    """Header names come in any case, bodies with gzip or without."""
    body = gzip.compress(b'{"code":0}')
    head = (
        f"HTTP/1.1 200 OK\r\nX-TT-LOGID: L\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}"
    )
    with raw_server(head.encode() + b"\r\n\r\n" + body) as (address, _):
        reply = exchange(f"http://{address}")
    assert (reply.status, reply.headers["x-tt-logid"], reply.body) == (200, "L", b'{"code":0}')


def test_one_connection_serves_many_requests() -> None:
    """A listing of a thousand pages shakes hands once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listener.accept()
            accepted.append(connection)
            with connection:
                for _ in range(3):
                    read_request(connection)
                    connection.sendall(OK)

        thread = threading.Thread(target=serve)
        thread.start()
        with closing(
            Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", Settings())
        ) as transport:
            bodies = [transport.send(CHATS, "t-a").body for _ in range(3)]
        thread.join()
    assert (bodies, len(accepted)) == ([b"{}"] * 3, 1)


@pytest.mark.parametrize("show", [repr, str])
def test_a_reply_does_not_show_its_body(show: Callable[[object], str]) -> None:
    """Messages and tokens are in it."""
    assert show(Reply(200, {"a": "b"}, b"words")) == "Reply(status=200)"


def test_every_reason_is_in_both_languages() -> None:
    """With the same numbers in it."""
    for _, _, english, chinese in REASONS:
        assert english.isascii()
        assert re.search("[\u4e00-\u9fff]", chinese), english
        assert re.findall(r"\{\w+\}", english) == re.findall(r"\{\w+\}", chinese)


def test_each_timeout_bounds_what_it_is_named_for() -> None:
    """An answer may take longer than a connection."""
    timeout = Transport(
        "http://127.0.0.1:1", Settings(connect_timeout_s=3, read_timeout_s=7)
    )._timeout
    assert (timeout.connect_timeout, timeout.read_timeout, timeout.total) == (3, 7, None)
