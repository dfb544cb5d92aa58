"""How many requests a load makes, beside the fewest that show every message once.

`python -m benchmarks.requests [--messages 120000] [--chats 1000]` counts at the server; nothing is
timed. First a first load of a tenant with chats of all kinds, in two slices. Then loads of many
chats in which nothing happens: an hour after another load, as cron would start it, and at once.

A page is full at 50 messages, and a thread costs one request for each 50 of its messages, so the
fewest are known from the tenant alone. The threads of a topic group need not be read, since its
timeline holds the replies: but that a tenant lists them nobody knows before one was seen there.
"""

from __future__ import annotations

import argparse
import inspect
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.feishu_source import UNLIMITED
from benchmarks.least import Least, least_requests
from benchmarks.printing import Line, at_most, print_lines, print_machine
from feishu_source import feishu_source, load, open_pipeline
from feishu_source.sandbox import Request, Sandbox, World, generate
from feishu_source.sandbox.endpoints import CHATS_PATH, MESSAGES_PATH, TOKEN_PATH

MOST_PAGES = 1.02
CHATS_PER_PAGE = 100
HOUR_S = 3_600
SLICES = 2
LONG_AGO_S = 200 * 86_400
"""Older than every thread that is polled and every message that is read again."""


def main(arguments: list[str] | None = None) -> None:
    """Prints the account."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=120_000, help="of the first load")
    parser.add_argument("--chats", type=int, default=1_000, help="in which nothing happens")
    options = parser.parse_args(arguments)
    print_machine()
    _print_first_load(generate(5, chats=60, messages=options.messages))
    _print_idle_loads(options.chats)


class Warehouse:
    """A tenant and the DuckDB file it is loaded into, by this process."""

    def __init__(self, world: World, sandbox: Sandbox, folder: Path) -> None:
        self.world = world
        self._sandbox = sandbox
        self._folder = folder

    def load(self, **settings: Any) -> Counter[str]:
        """One load: how many requests it made, by what was asked for."""
        self._sandbox.clear_requests()
        pipeline = open_pipeline(
            database=str(self._folder / "history.duckdb"),
            pipelines_dir=str(self._folder / "pipelines"),
        )
        names = ("base_url", "app_id", "app_secret")
        access = {name: getattr(self._sandbox, name) for name in names}
        report = load(pipeline, **(access | UNLIMITED | settings))
        assert report.exit_code == 0, report
        return Counter(kind_of(request, self.world) for request in self._sandbox.requests)


@contextmanager
def warehouse(world: World) -> Iterator[Warehouse]:
    """A tenant served, and an empty warehouse."""
    with Sandbox(world) as sandbox, tempfile.TemporaryDirectory() as folder:
        yield Warehouse(world, sandbox, Path(folder))


def kind_of(request: Request, world: World) -> str:
    """What a request asked for."""
    if request.path == MESSAGES_PATH:
        if request.query.get("container_id_type") == "chat":
            return "pages"
        thread = world.threads[request.query["container_id"]]
        return "topics" if thread.root.chat.mode == "topic" else "threads"
    if request.path in (TOKEN_PATH, CHATS_PATH):
        return "token" if request.path == TOKEN_PATH else "list"
    if request.path.startswith(f"{MESSAGES_PATH}/"):
        return "forwards"
    return "members" if request.path.endswith("/members") else "details"


def _print_first_load(world: World) -> None:
    least = least_requests(world)
    with warehouse(world) as loaded:
        made = loaded.load(slice_messages=max(1, len(world.messages) // SLICES))
    title = f"requests of a first load: {len(world.messages):,} messages, {SLICES} slices"
    print_lines(title, first_load_lines(made, least, world))


def first_load_lines(made: Counter[str], least: Least, world: World) -> list[Line]:
    """What a first load asked for beside the least of each kind."""
    chats = world.listed_chats()
    members = sum(max(1, ceil(len(chat.members) / CHATS_PER_PAGE)) for chat in chats)
    forwards = sum(message.body.msg_type == "merge_forward" for message in world.messages)
    threads, needed = made["threads"] + made["topics"], least.thread_pages + least.topic_pages
    most = int(MOST_PAGES * least.chat_pages)
    return [
        at_most(
            f"pages of {least.chats:,} chats, of {least.chat_pages:,}", made["pages"], most, ",d"
        ),
        at_most(f"pages of {least.threads:,} threads", threads, needed, ",d"),
        _beside("  of them in topic groups", made["topics"], 0),
        _beside("merged forwards", made["forwards"], forwards),
        _beside("details", made["details"], len(chats)),
        _beside("pages of members", made["members"], members),
        _beside("pages of the list of chats", made["list"], ceil(len(chats) / CHATS_PER_PAGE)),
        _beside("tokens", made["token"], 1),
    ]


def _beside(what: str, made: int, least: int) -> Line:
    ratio = f": {made / least:.3f}" if least else ""
    return Line(what, f"{made:,}", f"least {least:,}{ratio}")


def _print_idle_loads(chats: int) -> None:
    world = generate(6, chats=chats, messages=20 * chats)
    world.advance(LONG_AGO_S)
    with warehouse(world) as loaded:
        loaded.load()
        lines = []
        for name, settings in _idle_ways().items():
            for when, seconds in (("an hour after another", HOUR_S), ("at once", 0)):
                world.advance(seconds)
                lines.append(_idle_line(f"{name}, {when}", loaded.load(**settings), chats))
    print_lines(f"requests of a load of {chats:,} chats in which nothing happened", lines)


def _idle_ways() -> dict[str, dict[str, Any]]:
    """The settings to try; the one that leaves silent chats out, where there is one."""
    known = inspect.signature(feishu_source).parameters
    skipping = {"skip_idle": {"skip_idle": True}} if "skip_idle" in known else {}
    return {"by default": {}} | skipping


def _idle_line(what: str, made: Counter[str], chats: int) -> Line:
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in sorted(made.items()))
    return Line(what, f"{made.total() / chats:.3f} a chat", f"({kinds})")


if __name__ == "__main__":
    main()
