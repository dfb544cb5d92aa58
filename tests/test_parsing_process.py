"""A process that parses gives what parsing here gives, and no batch is lost with it."""

from __future__ import annotations

import logging
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import BufferedReader, BytesIO
from pathlib import Path
from select import poll
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feishu_source import parsing_process
from feishu_source.parsing import InlineParser, Parsed, Parser, Picked
from feishu_source.parsing_process import ProcessParser, parser_for
from feishu_source.rows import Rejected
from feishu_source.sandbox import World, generate
from feishu_source.sandbox.items import message_item
from feishu_source.settings import Settings
from feishu_source.tables import TABLES, Table
from tests.items import LISTED_MS, item
from tests.lab import Lab
from tests.test_rows_any import EXAMPLES, OBJECTS, received

BUSY = {"requests_per_second": 1_000.0, "requests_per_minute": 60_000.0}
"""More than one interpreter takes in."""

PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were begun for parsing; the first message is worth one."""
    processes: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def begin(*arguments: Any, **more: Any) -> subprocess.Popen[bytes]:
        processes.append(original(*arguments, **more))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", begin)
    monkeypatch.setattr(parsing_process, "LEAST_MESSAGES", 1)
    return processes


def pick(world: World) -> list[Picked]:
    """Every message of a tenant."""
    return [(message_item(world, m, True, None), "0" * 32, LISTED_MS) for m in world.messages]


def batches_of(parser: Parser, picked: list[Picked], size: int) -> list[Parsed]:
    """What a parser makes of so many messages a batch, each waited for before the next."""
    parsed = []
    for first in range(0, len(picked), size):
        parser.add(picked[first : first + size])
        parsed.append(joined(parser.end_batch().result()))
    return parsed


def assert_equal_around(picked: list[Picked], happens: Callable[[], None]) -> None:
    """What a process gives of these is what parsing here gives, whatever happens to it between."""
    parser = ProcessParser()
    there = batches_of(parser, picked[:200], 100)
    happens()
    there += batches_of(parser, picked[200:], 100)
    parser.close()
    assert there == batches_of(InlineParser(), picked, 100)


def joined(parsed: Parsed) -> Parsed:
    """Each table in one piece, sorted by its key, whatever the portions."""
    parts: dict[Table, list[pa.Table]] = {}
    for table, data in parsed.tables:
        parts.setdefault(table, []).append(data)
    whole = [
        (table, pa.concat_tables(parts[table]).sort_by([(name, "ascending") for name in table.key]))
        for table in TABLES.values()
        if table in parts
    ]
    return Parsed(whole, parsed.unparsed)


@pytest.fixture
def picked() -> list[Picked]:
    """Messages of every type."""
    return pick(generate(3, chats=4, messages=600))


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(st.lists(OBJECTS, max_size=3))
def test_whatever_the_client_read_arrives_as_it_was(objects: list[dict[str, Any]]) -> None:
    """Huge numbers, halves of characters, what is no number: the same rows."""
    picked = [(received(item(**values)) | {"message_id": "om_1"}, "", 1) for values in objects]
    there = marshal.loads(marshal.dumps(picked))
    assert repr(there) == repr(picked)  # what is no number does not equal itself


def test_process_gives_the_tables_that_parsing_here_gives(
    picked: list[Picked], begun: list[subprocess.Popen[bytes]]
) -> None:
    """Batch by batch: the first one is parsed here, the others there."""
    parser = ProcessParser()
    there = batches_of(parser, picked, 100)
    assert [process.poll() for process in begun] == [None]
    parser.close()
    assert begun[0].returncode is not None
    assert there == batches_of(InlineParser(), picked, 100)


def test_batch_is_waited_for_where_it_is_asked_for(picked: list[Picked]) -> None:
    """The next ones may be collected meanwhile; each gets its own."""
    parser, waiting = ProcessParser(), []
    for first in range(0, 600, 100):
        for number in range(first, first + 100, 2):  # more frames than are parsed at once
            parser.add(picked[number : number + 2])
        waiting.append(parser.end_batch())
    assert [joined(one.result()) for one in waiting] == batches_of(InlineParser(), picked, 100)
    parser.close()


def test_killed_process_loses_no_batch(
    picked: list[Picked],
    begun: list[subprocess.Popen[bytes]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it was given is parsed here, and it is told once."""
    assert_equal_around(picked, lambda: begun[0].kill())
    assert len(begun) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "parsed here" in caplog.text


@pytest.mark.parametrize(
    "program", ["/no/such/python", "true", "cat", "yes", "cat >/dev/null", "echo hello; cat"]
)
def test_process_that_is_no_interpreter_is_done_without(
    picked: list[Picked],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    program: str,
) -> None:
    """It is not there, ends at once, gives back what it was given, talks without end, is silent."""
    monkeypatch.setattr(parsing_process, "PATIENCE_S", 0.5)
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", program if "/" in program else str(script))
    parser = ProcessParser()
    assert batches_of(parser, picked, 100) == batches_of(InlineParser(), picked, 100)
    parser.close()
    assert caplog.text.count("parsed here") == 1


def test_answer_that_is_cut_anywhere_is_no_answer(picked: list[Picked]) -> None:
    """A process that dies while it answers: not one portion is taken for the batch."""
    frames = [marshal.dumps(picked[:2])] * (parsing_process._FRAMES_AT_ONCE + 1)
    answer = BytesIO()
    for tables, unparsed in parsing_process._portions(frames):
        head = marshal.dumps(([table.name for table, _ in tables], unparsed))
        streams = [parsing_process._to_stream(data) for _, data in tables]
        parsing_process._write(answer, parsing_process._TOLD, [head, *streams])
    parsing_process._write(answer, parsing_process._TOLD, [])
    whole = answer.getvalue()

    def exchange(cut: int) -> list[Parsed]:
        process: Any = SimpleNamespace(
            stdin=BytesIO(), stdout=BufferedReader(cast("Any", BytesIO(whole[:cut])))
        )
        return list(parsing_process._exchange(process, frames))

    assert len(exchange(len(whole))) == 2
    for cut in (*range(200), *range(200, len(whole), 97), *range(len(whole) - 40, len(whole))):
        with pytest.raises(EOFError):
            exchange(cut)


def test_error_in_the_process_is_raised_here(picked: list[Picked]) -> None:
    """As it would have been without: with its words, and where it came from."""
    parser = ProcessParser()
    batches_of(parser, picked, 600)
    parser.add([({}, "", LISTED_MS)])
    with pytest.raises(Rejected, match="message_id"):
        parser.end_batch().result()
    parser.close()


def test_signals_are_for_the_load(
    picked: list[Picked],
    begun: list[subprocess.Popen[bytes]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ctrl-C, or whoever ends a whole container politely: what was read is still parsed there."""

    def end_politely() -> None:
        assert os.getsid(begun[0].pid) != os.getsid(0)
        for number in (signal.SIGINT, signal.SIGTERM):
            begun[0].send_signal(number)

    assert_equal_around(picked, end_politely)
    assert caplog.text == ""


def test_process_ends_with_the_one_that_began_it() -> None:
    """However that ends: its input ends then."""
    parent = (
        "import sys, time\n"
        "from feishu_source.parsing_process import ProcessParser\n"
        "parser = ProcessParser()\n"
        "parser._begin()\n"
        "print(parser._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", parent]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = os.pidfd_open(int(process.stdout.readline()))
        ended = poll()
        ended.register(child)
        process.kill()
    assert ended.poll(PATIENCE_MS)
    os.close(child)


def test_process_of_other_code_is_done_without(
    picked: list[Picked], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an upgrade under a process that goes on: rows of two versions are not mixed."""
    monkeypatch.setattr(parsing_process, "_ASKED", b"another!")
    parser = ProcessParser()
    assert batches_of(parser, picked, 100) == batches_of(InlineParser(), picked, 100)
    parser.close()
    assert caplog.text.count("parsed here") == 1


def test_interpreter_that_is_stopped_is_not_waited_for_for_ever(
    picked: list[Picked],
    begun: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a debugger, or whoever freezes processes: its batches are parsed here."""

    def stop() -> None:
        begun[0].send_signal(signal.SIGSTOP)
        monkeypatch.setattr(parsing_process, "PATIENCE_S", 0.5)

    assert_equal_around(picked, stop)


def test_process_is_begun_for_so_many_messages(
    picked: list[Picked],
    begun: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not for the first of them: most loads are small."""
    monkeypatch.setattr(parsing_process, "LEAST_MESSAGES", 250)
    parser = ProcessParser()
    numbers = []
    for first in range(0, 400, 100):
        batches_of(parser, picked[first : first + 100], 100)
        numbers.append(len(begun))
    parser.close()
    assert numbers == [0, 0, 1, 1]


def test_closed_parser_throws_away_what_nobody_asked_for(picked: list[Picked]) -> None:
    """A load that was broken off does not wait for it; closing it again is nothing."""
    parser = ProcessParser()
    batches_of(parser, picked[:100], 100)
    waiting = []
    for first in range(100, 600, 100):
        parser.add(picked[first : first + 100])
        waiting.append(parser.end_batch())
    parser.close()
    parser.close()
    assert isinstance(waiting[-1], parsing_process._UnderWay)
    assert waiting[-1].future.cancelled()
    parser.add(picked[:1])
    assert parser.end_batch().result().tables[0][1].num_rows == 1


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, InlineParser),
        ({"requests_per_second": 1_000.0}, InlineParser),
        (BUSY, ProcessParser),
        (BUSY | {"rate_share": 0.01}, InlineParser),
        (BUSY | {"page_size": 1}, InlineParser),
    ],
)
def test_second_interpreter_only_where_the_limits_are_raised(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], expected: type
) -> None:
    """Feishu's own limit keeps one idle; and there must be a core for it."""
    monkeypatch.setattr(parsing_process, "_cores", lambda: 2)
    assert type(parser_for(Settings(**more))) is expected
    monkeypatch.setattr(parsing_process, "_cores", lambda: 1)
    assert type(parser_for(Settings(**more))) is InlineParser


def test_load_with_a_process_holds_what_the_tenant_holds(
    tmp_path: Path, begun: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slice by slice, and again; the process is gone when the load is."""
    monkeypatch.setattr(parsing_process, "_cores", lambda: 2)
    world = generate(4, chats=3, messages=400)
    busy = BUSY | {"slice_messages": 150, "batch_rows": 50}
    with Lab(tmp_path, world) as lab:
        assert lab.load(**busy).exit_code == 0
        lab.assert_equals_truth()
        world.advance(60)
        assert lab.load(**busy, full=True).exit_code == 0
        lab.assert_equals_truth()
    assert [process.poll() is not None for process in begun] == [True, True]
