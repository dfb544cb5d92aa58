"""Serves a tenant until it is killed: `python -m feishu_source.sandbox --port 0 --seed 1`.

In: the size of the tenant, and how it behaves. Out: one line of JSON with the address and the
credentials. Refuses to know: who connects.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from threading import Event

from feishu_source.sandbox import Sandbox, World, demo_world, generate


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    asked = _parser().parse_args(arguments)
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(
        _world(asked), rate_limit=asked.rate_limit, latency_ms=asked.latency_ms, port=asked.port
    ) as sandbox:
        line = {
            "base_url": sandbox.base_url,
            "app_id": sandbox.app_id,
            "app_secret": sandbox.app_secret,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        ended.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m feishu_source.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chats", type=int, default=50)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--thread-share", type=float, default=0.1)
    parser.add_argument("--thread-groups", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--now-ms", type=int, help="let the time stand still there")
    parser.add_argument("--demo", action="store_true", help="the demo's tenant, which moves")
    parser.add_argument("--scope", action="append", default=[], help="one more that is granted")
    parser.add_argument("--rate-limit", action="store_true", help="50 a second, 1000 a minute")
    parser.add_argument("--latency-ms", type=_span, metavar="LOW:HIGH")
    return parser


def _span(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    return float(low), float(high or low)


def _world(asked: argparse.Namespace) -> World:
    world = demo_world(asked.seed) if asked.demo else _generate(asked)
    world.scopes |= set(asked.scope)
    return world


def _generate(asked: argparse.Namespace) -> World:
    return generate(
        asked.seed,
        chats=asked.chats,
        messages=asked.messages,
        days=asked.days,
        thread_share=asked.thread_share,
        thread_groups=asked.thread_groups,
        now_ms=asked.now_ms,
        reactions=True,
        context=True,
        clock=None if asked.now_ms is not None else lambda: int(time.time() * 1000),
    )


if __name__ == "__main__":
    main()
