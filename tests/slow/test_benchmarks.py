"""The benchmarks run and print their tables; what they compute is right. No speed is judged here.

Contestants run in this process where it does not matter which: fresh ones take seconds each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    at_the_limit,
    first_load,
    growth,
    memory,
    merge_scan,
    readers,
    requests,
    start,
    state,
)
from benchmarks.least import Least, least_requests, pages
from benchmarks.measure import measured
from benchmarks.printing import Line, at_least, at_most, print_lines
from benchmarks.watched import Measured, Seen
from benchmarks.windows import LIMITS, blocked, length, most_allowed, union, without
from feishu_source.sandbox import World
from feishu_source.sandbox.limits import Limits


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contestants run in this process."""

    def run_here(
        script: str,
        access: dict[str, Any],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> dict[str, Any]:
        load = import_module(f"benchmarks.{script}").load_all
        if folder is not None:
            return measured(load, access, folder)
        with tempfile.TemporaryDirectory() as empty:
            return measured(load, access, Path(empty))

    for module in (first_load, growth, memory):
        monkeypatch.setattr(module, "run_fresh", run_here)


def targets(printed: str) -> list[str]:
    """The lines of a table that have a target."""
    return [line for line in printed.splitlines() if line.endswith(("met", "MISSED"))]


# what a rate limit allows


@pytest.mark.parametrize(
    ("seconds", "most"),
    [
        *[(0.0, 0), (0.5, 50), (1.0, 50), (1.1, 100), (19.0, 950), (20.0, 1_000), (60.0, 1_000)],
        *[(60.5, 1_050), (80.0, 2_000), (120.0, 2_000), (180.0, 3_000)],
    ],
)
def test_so_many_requests_are_allowed_in_a_time(seconds: float, most: int) -> None:
    """Bursts of a thousand in twenty seconds, one a minute."""
    assert most_allowed(seconds) == most


def test_a_shorter_bound_may_be_the_tighter_one() -> None:
    """Five in any second leave three hundred a minute, whatever the minute would allow."""
    assert most_allowed(120.0, [(1.0, 5), (60.0, 1_000)]) == 600


@pytest.mark.parametrize("seconds", [1, 7, 19, 20, 21, 59, 60, 61, 79, 80, 100, 119, 120, 180])
def test_the_most_that_is_allowed_is_what_the_sandbox_lets_through(seconds: int) -> None:
    """To somebody who tries a thousand times a second."""
    now_s = [0.0]
    limits = Limits(lambda: now_s[0])
    let_through = 0
    for tick in range(seconds * 100):
        now_s[0] = tick / 100
        let_through += sum(limits.refusal("messages") is None for _ in range(10))
    assert let_through == most_allowed(seconds)


def test_a_full_window_blocks_until_its_first_request_is_old() -> None:
    """Three in ten seconds: the third blocks until the first leaves, at 10; the fourth till 12."""
    bounds = [(10.0, 3)]
    assert blocked([0.0, 2.0, 3.0], bounds) == [(3.0, 10.0)]
    assert blocked([0.0, 2.0, 3.0, 10.5], bounds) == [(3.0, 10.0), (10.5, 12.0)]
    assert blocked([0.0, 2.0], bounds) == []
    assert blocked([0.0, 2.0, 11.0], bounds) == []


def test_spans_are_joined_and_cut() -> None:
    """What touches becomes one, and what is taken leaves the rest."""
    assert union([(5.0, 6.0), (0.0, 2.0), (1.0, 3.0), (3.0, 4.0)]) == [(0.0, 4.0), (5.0, 6.0)]
    assert without((0.0, 10.0), [(8.0, 12.0), (-1.0, 1.0), (3.0, 4.0)]) == [(1.0, 3.0), (4.0, 8.0)]
    assert without((0.0, 1.0), [(0.0, 1.0)]) == []
    assert length([(1.0, 3.0), (4.0, 8.0)]) == 6.0


def test_what_the_server_saw_is_counted_for_whom_it_was() -> None:
    """Another client's requests, refused ones and those after the end are no use of the limit."""

    def seen(ended: float, **how: bool) -> Seen:
        facts = {"by_other": False, "refused": False, "in_thread": False} | how
        return Seen(ended - 1.0, ended, **facts)

    told = Measured(
        [seen(0.0), seen(1.5), seen(2.0, by_other=True), seen(2.5, refused=True), seen(9.0)],
        (0.0, 9.0),
    )
    assert [one.ended for one in told.counted] == [0.0, 1.5]
    assert told.refused == 1
    assert told.share() == 2 / most_allowed(9.0)
    assert [told.share([third]) for third in range(3)] == [2 / most_allowed(3.0), 0.0, 0.0]
    # Under way from the begin of the third to 2.5 without a gap, then only the last one, from 8 on.
    assert told.idle_s() == (0.5 + 5.5, 0.5 + 5.5)


# the fewest requests


@pytest.mark.parametrize(("messages", "most"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2)])
def test_a_page_holds_fifty_messages(messages: int, most: int) -> None:
    """And to learn that there are none costs one as well."""
    assert pages(messages) == most


def test_the_fewest_requests_of_a_tenant(world: World) -> None:
    """A chat of 51 with a thread of 50 and its root, an empty one, a flat topic group, a p2p."""
    ann = world.add_user("Ann")
    group, topics = world.add_chat(), world.add_chat(mode="topic")
    world.add_chat()
    world.add_chat(mode="p2p", member_ids=[ann])
    root, *_ = [world.post(group, ann, text=str(number)) for number in range(51)]
    topic = world.post(topics, ann, text="topic")
    for number in range(50):
        world.reply_in_thread(root, ann, text=str(number))
        world.reply_in_thread(topic, ann, text=str(number))
    assert least_requests(world) == Least(
        chats=3, chat_pages=5, threads=2, thread_pages=2, topic_pages=2
    )


# tables


def test_a_line_says_whether_its_target_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    """The bound itself is inside."""
    print_lines(
        "title",
        [
            at_most("most", 1.3, 1.3),
            at_least("least", 0.969, 0.97, ".1%"),
            Line("beside", "5 s"),
        ],
    )
    assert capsys.readouterr().out.splitlines() == [
        "",
        "title",
        "  most     1.30  <= 1.30   met",
        "  least   96.9%  >= 97.0%  MISSED",
        "  beside    5 s",
        "",
    ]


@pytest.mark.usefixtures("here")
def test_first_load_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    """All contestants, beside tenants in processes of their own; targets for the first tenant."""
    first_load.main(["--messages", "200", "--rounds", "1"])
    printed = capsys.readouterr().out
    rows = [line.split(",") for line in printed.splitlines() if "messages/s" in line]
    assert [row[0].strip() for row in rows] == [n.split(",")[0] for n in first_load.CONTESTANTS] * 2
    assert len(targets(printed)) == len(first_load.TARGETS)


def test_the_state_prints_its_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handful of chats."""
    monkeypatch.setattr(state, "ROUNDS", 1)
    state.main(["--chats", "5", "--hot-threads", "5", "--loads", "1"])
    assert "one version of the state" in capsys.readouterr().out


def test_requests_print_their_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The sandbox's own count: an idle load at once after another asks for one page of each."""
    requests.main(["--messages", "400", "--chats", "10"])
    printed = capsys.readouterr().out
    assert [line.split()[-1] for line in targets(printed)] == ["met", "met"]
    assert "(list 1, pages 10, token 1)" in printed


@pytest.mark.usefixtures("here")
def test_memory_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Two sizes and how the peak has grown."""
    memory.main(["--messages", "200", "--shape", "one chat"])
    assert len(targets(capsys.readouterr().out)) == 3


@pytest.mark.usefixtures("here")
def test_growth_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """More rows really stand in the larger warehouse, and a load into it reads no more."""
    words = "--rows 1000 --changes 100 --messages 100 --chats 20 --rounds 1"
    growth.main(words.split())
    printed = capsys.readouterr().out
    assert [printed.count(f"into {rows} rows") for rows in ("100", "1,000")] == [1, 1]
    assert printed.count("(100 messages read)") == 2
    assert len(targets(printed)) == 2


def test_the_start_prints_its_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source is built without a connection, and a file is told what is its own."""
    monkeypatch.setattr(start, "FILES", dict(list(start.FILES.items())[:1]))
    start.main(["--rounds", "1"])
    printed = targets(capsys.readouterr().out)
    assert printed[1].split() == ["connections", "tried", "meanwhile", "0", "<=", "0", "met"]
    assert len(printed) == 3


def test_what_a_merge_reads_is_computed_from_widths() -> None:
    """The bytes of a whole table, of its keys, and of the days that a slice touches."""
    widths = merge_scan.Widths(
        rows=10, whole=1_000.0, compared=100.0, keys_and_times=180.0, touched=0.1
    )
    assert merge_scan.scans([widths, widths], scale=2.0) == merge_scan.Scans(
        least=800.0, most=4_400.0, hour=472.0, first=720.0
    )


def test_merge_scan_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """A small tenant, and the widths of columns by BigQuery's rule."""
    merge_scan.main(["--messages", "300", "--days", "30"])
    printed = capsys.readouterr().out
    assert "BigQuery, 1 TB of messages" in printed
    assert len([line for line in printed.splitlines() if "dollars" in line]) == 9


def test_at_the_limit_prints_its_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load alone is cut, one that is disturbed ends; the disturbed one loses nothing."""
    for name, value in {"LATENCY_MS": (1.0, 5.0), "BURST": 5, "BURSTS": 1}.items():
        monkeypatch.setattr(at_the_limit, name, value)
    words = ["--seconds", "1", "--scenario"]
    at_the_limit.main([*words, "one huge chat", *words[2:], "another client"])
    printed = capsys.readouterr().out
    assert "messages lost" in printed
    assert "share of the 50 allowed" in printed


def test_what_a_reader_meets_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """A small load beside each tenant, copied at its end."""
    readers.main(["--messages", "300"])
    printed = capsys.readouterr().out
    assert printed.count("share in which the file is locked") == 2
    assert printed.count("first load of 300 messages") == 1  # the other leaves some chats out


def test_a_locked_span_lasts_until_the_file_could_be_opened() -> None:
    """And the last one until the next attempt would have been."""
    looks = [readers.Look(0.0, False), readers.Look(1.0, True), readers.Look(2.0, True)]
    looks += [readers.Look(4.0, False), readers.Look(5.0, True)]
    assert readers.locked_spans(looks) == [3.0, pytest.approx(readers.PERIOD_S)]


def test_an_allowed_minute_is_what_the_sandbox_enforces() -> None:
    """The benchmark's arithmetic and the tenant's limit are of the same numbers."""
    from feishu_source.sandbox.limits import WINDOWS

    assert LIMITS == WINDOWS
