"""The server itself: connections, compression, limits, latency, the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests

from feishu_source.sandbox import Sandbox, Switches, World
from feishu_source.sandbox.limits import Limits
from tests.clocks import FakeClock
from tests.sandbox_api import CHATS, MESSAGES, Api

NOW_MS = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    """A tenant of its own for each test; its time stands still."""
    return World(seed=4, now_ms=NOW_MS)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A caller that has a token."""
    with Sandbox(world) as sandbox, Api(sandbox) as api:
        yield api


def test_large_replies_are_compressed_for_who_accepts_it(world: World, api: Api) -> None:
    """Unless a switch says otherwise."""
    for number in range(20):
        world.add_chat(f"chat {number}")
    assert api.raw(CHATS).headers["Content-Encoding"] == "gzip"
    api.session.headers["Accept-Encoding"] = "identity"
    assert "Content-Encoding" not in api.raw(CHATS).headers
    api.session.headers["Accept-Encoding"] = "gzip"
    api.sandbox.switches = Switches(gzip=False)
    assert "Content-Encoding" not in api.raw(CHATS).headers


def test_one_connection_serves_many_requests(api: Api) -> None:
    """HTTP/1.1 keep-alive: after ten requests the pool has opened one connection."""
    for _ in range(10):
        api.get(CHATS)
    pools = api.session.get_adapter(api.sandbox.base_url).poolmanager.pools  # type: ignore[attr-defined]
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118
    assert (pool.num_connections, pool.num_requests) == (1, 11)


def test_every_reply_has_a_log_id_of_its_own_and_the_worlds_date(world: World, api: Api) -> None:
    """Success or refusal."""
    world.advance(0.999)
    replies = [api.raw(CHATS), api.raw(CHATS), api.raw("/nowhere")]
    assert len({reply.headers["X-Tt-Logid"] for reply in replies}) == 3
    dates = {parsedate_to_datetime(reply.headers["Date"]).timestamp() for reply in replies}
    assert dates == {NOW_MS // 1000}


def test_a_broken_request_line_ends_the_connection_only(world: World, api: Api) -> None:
    """The server goes on."""
    port = int(api.sandbox.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"what\r\n\r\n")
        assert connection.recv(100) == b""
    assert api.get(CHATS)["code"] == 0


def test_a_sandbox_closes_while_connections_are_open(world: World) -> None:
    """And its port is free again; it can be opened once more."""
    sandbox = Sandbox(world)
    for _ in range(2):
        with sandbox, Api(sandbox) as api:
            assert api.get(CHATS)["code"] == 0
            url = sandbox.base_url
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
    with pytest.raises(RuntimeError, match="not started"):
        sandbox.base_url  # noqa: B018


def test_requests_and_changes_may_come_at_the_same_time(world: World) -> None:
    """Two readers and a writer: every page is whole, and the end is the truth."""
    chat = world.add_chat()
    failures: list[Exception] = []
    with Sandbox(world) as sandbox:

        def read() -> None:
            try:
                with Api(sandbox) as api:
                    for _ in range(10):
                        api.chat(chat, page_size=3)
            except Exception as error:
                failures.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        posted = [world.post(chat, text=str(number)) for number in range(200)]
        for reader in readers:
            reader.join()
        with Api(sandbox) as api:
            assert [item["message_id"] for item in api.chat(chat)] == posted
    assert failures == []


def test_latency_is_slept_on_the_sleep_that_was_given(world: World) -> None:
    """Drawn between both ends, in seconds."""
    clock = FakeClock()
    with (
        Sandbox(world, latency_ms=(50, 300), sleep=clock.sleep, monotonic=clock) as sandbox,
        Api(sandbox) as api,
    ):
        for _ in range(20):
            api.get(CHATS)
    assert len(clock.slept_s) == 21
    assert all(0.05 <= slept <= 0.3 for slept in clock.slept_s)
    assert len(set(clock.slept_s)) == 21


def test_fifty_calls_a_second_and_a_thousand_a_minute_are_accepted() -> None:
    """Any window of that length counts, each API by itself, refused calls do not."""
    clock = FakeClock(0.0)
    limits = Limits(clock)
    assert [limits.refusal("a") for _ in range(51)] == [None] * 50 + [1]
    assert limits.refusal("b") is None
    clock.now_s = 0.999
    assert limits.refusal("a") == 1
    accepted = 50
    for second in range(1, 20):
        clock.now_s = float(second)
        accepted += sum(limits.refusal("a") is None for _ in range(60))
    assert accepted == 1000
    clock.now_s = 20.0
    assert limits.refusal("a") == 40
    clock.now_s = 59.5
    assert limits.refusal("a") == 1
    clock.now_s = 60.0
    assert limits.refusal("a") is None


def test_a_call_too_many_is_refused_recorded_and_told_when_to_come_again(world: World) -> None:
    """99991400 at HTTP 429 with whole seconds; details of two chats count as one API."""
    clock = FakeClock()
    chats = [world.add_chat(str(number)) for number in range(2)]
    with Sandbox(world, rate_limit=True, monotonic=clock) as sandbox, Api(sandbox) as api:
        codes = [api.get(f"{CHATS}/{chats[number % 2]}")["code"] for number in range(50)]
        refused = api.raw(f"{CHATS}/{chats[0]}")
        assert codes == [0] * 50
        assert (refused.status_code, refused.json()["code"]) == (429, 99991400)
        assert refused.headers["x-ogw-ratelimit-limit"] == "1000"
        assert refused.headers["x-ogw-ratelimit-reset"] == "1"
        assert api.get(CHATS)["code"] == 0
        clock.now_s += 1
        assert api.get(f"{CHATS}/{chats[0]}")["code"] == 0
        assert sandbox.count(code=99991400) == 1
        assert sandbox.requests[51].at == 1000.0


def test_a_body_that_is_posted_as_missing_is_served_as_missing(world: World, api: Api) -> None:
    """No body key at all."""
    chat = world.add_chat()
    world.post(chat, msg_type="text", content=None, columns={})
    (item,) = api.items(MESSAGES, container_id_type="chat", container_id=chat)
    assert "body" not in item


@pytest.mark.parametrize("kind", [["--messages", "300", "--chats", "4"], ["--demo"]])
def test_the_command_line_serves_until_it_is_killed(kind: list[str]) -> None:
    """One line of JSON tells where and with which credentials; it ends quietly."""
    command = [sys.executable, "-W", "error", "-m", "feishu_source.sandbox", "--port", "0"]
    with subprocess.Popen(
        [*command, *kind, "--rate-limit", "--latency-ms", "0:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = json.loads(process.stdout.readline())
        assert list(told) == ["base_url", "app_id", "app_secret"]
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        reply = requests.post(told["base_url"] + path, json=told, timeout=30).json()
        assert (reply["code"], reply["expire"]) == (0, 7200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
