"""How much of what the API allows a load uses, and whether it is ever refused.

`python -m benchmarks.at_the_limit [--seconds 180] [--scenario NAME]...` serves a tenant that
enforces 50 requests a second and 1,000 a minute for each API, and answers in 50 to 300 ms; a load
with the default settings reads it, in a process of its own. Everything is counted by the server:
requests for messages, from the first one it counted, in so many seconds. The load is then cut.

The sandbox counts a request when it has let its latency pass, immediately before the answer; so the
time of the answer is the time that counts here. A tenant holds at least a third more than can be
read in that time. In the last scenario another client uses the same app in the middle third, in
bursts, so that there are refusals; that load is let run to its end, and every message of the tenant
must be in the warehouse.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb

from benchmarks.bare_loop import Api
from benchmarks.least import least_requests
from benchmarks.printing import Line, at_least, at_most, print_lines, print_machine
from benchmarks.processes import finish, start
from benchmarks.watched import OTHER, Measured, WatchedSandbox
from benchmarks.windows import most_allowed
from feishu_source.sandbox import Sandbox, World, generate

LATENCY_MS = (50.0, 300.0)
SHARE = 0.97
SPARE = 1.35
"""A tenant holds so many times what can be read in the time of the measurement."""
BURST, BURSTS = 50, 6
"""The other client's requests at a time, and how often in its third: 300 a minute of three."""
DEFAULTS = {"requests_per_second": 50.0, "requests_per_minute": 1_000.0}


# tenants


def many_chats(messages: int) -> World:
    """Pages, hardly a thread: a request brings fifty messages, which keeps the load busiest."""
    world = generate(2, chats=50, messages=messages, thread_share=0.02, clock=_now_ms)
    for chat in list(world.listed_chats()):
        if chat.mode == "topic" or chat.group_message_type == "thread":
            world.leave(chat.chat_id)
    return world


def huge_chat(messages: int) -> World:
    """One chat, a tenth of whose messages are replies in threads: pages come one by one."""
    return generate(3, chats=1, messages=messages, clock=_now_ms)


def mix(messages: int) -> World:
    """Chats of all sizes and kinds; where threads are shown, most requests are for threads."""
    return generate(4, chats=50, messages=messages, clock=_now_ms)


def _now_ms() -> int:
    return int(time.time() * 1_000)


def make_tenant(make: Callable[[int], World], requests: float) -> World:
    """A tenant that costs about so many requests for messages."""
    messages = 100
    while (costs := least_requests(world := make(messages)).requests) < requests:
        messages = max(int(messages * min(10, requests / costs)), messages + 100)
    return world


# scenarios


def measure_share(name: str, make: Callable[[int], World], seconds: float) -> None:
    """How much of what is allowed one load uses, alone."""
    world = make_tenant(make, SPARE * most_allowed(seconds))
    with _served(world) as sandbox, _loading(sandbox) as (process, _):
        measured = _watch(sandbox, process, seconds)
    print_lines(f"{name}: {_size(world)}", [*_share_lines(measured), *_idle_lines(measured)])


def measure_recovery(name: str, make: Callable[[int], World], seconds: float) -> None:
    """What the load leaves to another client of the app, and whether it comes back."""
    world = make_tenant(make, most_allowed(seconds))
    with _served(world) as sandbox, _loading(sandbox) as (process, folder):
        other = Thread(target=_disturb, args=(sandbox, seconds / 3), daemon=True)
        other.start()
        measured = _watch(sandbox, process, seconds)
        finish(process)
        other.join()
        loaded = _loaded_ids(folder)
    missing = {row["message_id"] for row in world.truth()["messages"]} - loaded
    before, during, after = (measured.share([third]) for third in range(3))
    lines = [
        Line("share of what is allowed: before", f"{before:.1%}"),
        Line("  while another client asks", f"{during:.1%}"),
        at_least("  after", after, during, ".1%"),
        at_least("load's requests refused (99991400)", measured.refused, 1, ",d"),
        Line("other client's requests", f"{sum(one.by_other for one in measured.seen):,}"),
        Line("  refused", f"{sum(one.by_other and one.refused for one in measured.seen):,}"),
        *_idle_lines(measured),
        at_most(f"messages lost, of {len(loaded) + len(missing):,}", len(missing), 0, ",d"),
    ]
    print_lines(f"{name}: {_size(world)}", lines)


def _share_lines(measured: Measured) -> list[Line]:
    seconds = measured.whole[1] - measured.whole[0]
    number, most = len(measured.counted), most_allowed(seconds)
    threads = sum(one.in_thread for one in measured.counted)
    return [
        at_least(f"share of the {most:,} allowed", measured.share(), SHARE, ".1%"),
        at_most("refused (99991400)", measured.refused, 0, ",d"),
        Line("requests: pages of chats, of threads", f"{number - threads:,}, {threads:,}"),
    ]


def _idle_lines(measured: Measured) -> list[Line]:
    idle_s, open_s = measured.idle_s()
    return [
        Line("no request under way", f"{idle_s:.1f} s"),
        Line("  though one was allowed", f"{open_s:.1f} s"),
    ]


def _size(world: World) -> str:
    least = least_requests(world)
    return (
        f"{len(world.messages):,} messages, {least.chats:,} chats, {least.threads:,} threads, at "
        f"least {least.requests:,} requests"
    )


@contextmanager
def _served(world: World) -> Iterator[WatchedSandbox]:
    sandbox = WatchedSandbox(world, rate_limit=True, latency_ms=LATENCY_MS)
    with sandbox:
        yield sandbox


@contextmanager
def _loading(sandbox: Sandbox) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A load with the default limits in a process of its own, and the folder of its warehouse."""
    with tempfile.TemporaryDirectory() as folder:
        process = start("feishu_source", _access(sandbox) | {"settings": DEFAULTS}, Path(folder))
        try:
            yield process, Path(folder)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def _access(sandbox: Sandbox) -> dict[str, Any]:
    names = ("base_url", "app_id", "app_secret")
    return {name: getattr(sandbox, name) for name in names}


def _watch(sandbox: WatchedSandbox, process: subprocess.Popen[bytes], seconds: float) -> Measured:
    """Waits from the load's first counted request for so many seconds.

    And until what was under way at their end has been answered, and is known to have been so.
    """
    begin = _first_answer(sandbox, process)
    time.sleep(max(0.0, begin + seconds + 2 * LATENCY_MS[1] / 1_000 - time.monotonic()))
    return Measured(list(sandbox.seen), (begin, begin + seconds))


def _first_answer(sandbox: WatchedSandbox, process: subprocess.Popen[bytes] | None = None) -> float:
    while not sandbox.seen:
        if process is not None and process.poll():
            raise subprocess.CalledProcessError(process.returncode, process.args)
        time.sleep(0.01)
    return sandbox.seen[0].ended


def _disturb(sandbox: WatchedSandbox, third_s: float) -> None:
    """The other client: in the middle third, bursts of its own requests for messages."""
    apis = [Api(_access(sandbox)) for _ in range(5)]
    query = {"container_id_type": "chat", "page_size": "1"}
    query["container_id"] = sandbox.world.listed_chats()[0].chat_id

    def ask(api: Api) -> None:
        api.session.headers["User-Agent"] = OTHER
        for _ in range(BURST // len(apis)):
            api.session.get(api.base + "/im/v1/messages", params=query).close()

    begin = _first_answer(sandbox) + third_s
    for burst in range(BURSTS):
        time.sleep(max(0.0, begin + burst * third_s / BURSTS - time.monotonic()))
        threads = [Thread(target=ask, args=(api,), daemon=True) for api in apis]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _loaded_ids(folder: Path) -> set[str]:
    with duckdb.connect(str(folder / "history.duckdb"), read_only=True) as connection:
        rows = connection.execute("select message_id from feishu.messages").fetchall()
    return {message_id for (message_id,) in rows}


SCENARIOS: dict[str, tuple[Callable[..., None], Callable[[int], World]]] = {
    "many chats": (measure_share, many_chats),
    "one huge chat": (measure_share, huge_chat),
    "a mix": (measure_share, mix),
    "another client": (measure_recovery, mix),
}


def main(arguments: list[str] | None = None) -> None:
    """Measures the scenarios one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="default: all")
    options = parser.parse_args(arguments)
    print_machine()
    for name in options.scenario or SCENARIOS:
        measure, make = SCENARIOS[name]
        measure(name, make, options.seconds)


if __name__ == "__main__":
    main()
