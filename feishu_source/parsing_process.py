"""Parsing on another core: a process that is given messages and gives their Arrow tables.

In: the batches of a `Parser`, through a pipe. Out: the tables that parsing here would give. Refuses
to lose a batch: what the process did not give, because it was killed or never began, is parsed
here.

One interpreter takes in several thousand messages a second, and parsing is the largest part of its
work. At the rate that Feishu allows by default it is idle nine tenths of the time, so a second one
is begun only where the limits that were set allow more than one takes in easily, and for a load
that is worth it.
"""

from __future__ import annotations

import logging
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedReader
from typing import IO

import pyarrow as pa

from feishu_source.parsing import InlineParser, Parsed, Parser, Pending, Picked, Tables
from feishu_source.settings import MINUTE_S, Settings
from feishu_source.tables import TABLES, Table
from feishu_source.version import VERSION

_log = logging.getLogger(__name__)

EASY_RATE = 3_000
"""Messages a second that one interpreter takes in and parses on a slow core."""

LEAST_MESSAGES = 5_000
"""So many are parsed here before a process is begun: it takes half a second, and 75 MB."""

PATIENCE_S = 60.0
"""A batch takes a fraction of a second: what says nothing for so long was stopped, or is no
interpreter."""

_FRAMES_AT_ONCE = 20
"""Each of a page, which has at most fifty messages."""

_CODE = f"{VERSION} {__file__} {[(table.name, table.names) for table in TABLES.values()]}"
_ASKED, _TOLD = (
    blake2b(f"{way} {_CODE}".encode(errors="replace"), digest_size=8).digest()
    for way in ("asked", "told")
)
"""With these a batch begins, and an answer. They differ where the process found other code than
runs here, as after an upgrade, or prints something else, as an interpreter may be set up to."""

_START = (
    "import sys; sys.path[:] = {path!a}; from feishu_source.parsing_process import main; main()"
)


def parser_for(settings: Settings) -> Parser:
    """Who parses a load with these settings: a process of its own where one interpreter is short.

    The file of a frozen application is no interpreter that could be started.
    """
    rate = min(settings.requests_per_second, settings.requests_per_minute / MINUTE_S)
    allowed = rate * settings.rate_share * settings.page_size
    is_startable = bool(sys.executable) and not getattr(sys, "frozen", False)
    if allowed <= EASY_RATE or _cores() < 2 or not is_startable:
        return InlineParser()
    return ProcessParser()


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessParser:
    """Parses here at first, and in a process of its own once `LEAST_MESSAGES` were parsed.

    The process ends once nobody holds its input: with this one, however that ends. Messages travel
    as `marshal` writes them, which takes whatever a JSON parser gives and is read by the very
    interpreter that wrote it.
    """

    def __init__(self) -> None:
        self._here = InlineParser()
        self._frames: list[bytes] = []
        self._messages = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._exchanges = ThreadPoolExecutor(1, "feishu-parsing")
        self._is_given_up = self._is_closed = False

    def add(self, picked: list[Picked]) -> None:
        """Takes messages into the batch."""
        self._messages += len(picked)
        if self._process is None:
            self._here.add(picked)
        else:
            self._frames.append(marshal.dumps(picked))

    def end_batch(self) -> Pending:
        """Hands the batch over, while the next one may be collected."""
        if self._process is None:
            may_begin = not (self._is_given_up or self._is_closed)
            if may_begin and self._messages >= LEAST_MESSAGES:
                self._begin()
            return self._here.end_batch()
        frames, self._frames = self._frames, []
        return _UnderWay(self._process, self._exchanges.submit(self._parse, self._process, frames))

    def close(self) -> None:
        """Ends the process; what was not yet asked for is thrown away."""
        self._is_closed = True
        if process := self._process:
            _kill(process)  # whoever waits for its answer waits no longer
            self._exchanges.shutdown(cancel_futures=True)
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was not written
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
            self._process = None

    def _begin(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START.format(path=[*map(os.fspath, sys.path)])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # an error may quote a message; here it is met again
                start_new_session=True,  # Ctrl-C is for the load: what was read is parsed and kept
            )
        except (OSError, ValueError) as error:
            self._give_up(str(error))

    def _parse(self, process: subprocess.Popen[bytes], frames: list[bytes]) -> Parsed:
        """What the process makes of a batch, or what is made of it here."""
        if not self._is_given_up:
            try:
                return _join(_exchange(process, frames))
            except (OSError, EOFError) as error:
                if self._is_closed:
                    raise
                self._give_up(f"{type(error).__name__}, exit code {process.poll()}")
        return _join(_portions(frames))

    def _give_up(self, reason: str) -> None:
        self._is_given_up = True
        _log.warning("messages are parsed here, not by a process of their own: %s", reason)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch that a process was given."""

    process: subprocess.Popen[bytes]
    future: Future[Parsed]

    def done(self) -> bool:
        """True if it has come back."""
        return self.future.done()

    def result(self) -> Parsed:
        """What it gave. A process that says nothing is ended, and its batches are parsed here."""
        try:
            return self.future.result(PATIENCE_S)
        except TimeoutError:
            _kill(self.process)
            return self.future.result()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With all that it has begun, as an interpreter does that is a script around another."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _portions(frames: Sequence[bytes | pa.Buffer]) -> Iterator[Parsed]:
    """A batch in portions, so that few rows are held as Python's objects at once."""
    here = InlineParser()
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        for frame in frames[first : first + _FRAMES_AT_ONCE]:
            here.add(marshal.loads(frame))
        yield here.end_batch().parsed


def _join(portions: Iterable[Parsed]) -> Parsed:
    tables, unparsed = Tables(), 0
    for portion in portions:
        tables += portion.tables
        unparsed += portion.unparsed
    return Parsed(tables, unparsed)


def _exchange(process: subprocess.Popen[bytes], frames: list[bytes]) -> Iterator[Parsed]:
    """What the process makes of a batch, portion by portion.

    Raises:
        OSError: it has ended.
        EOFError: it has ended, or is no process of this kind, or of another version.
    """
    source, sink = process.stdout, process.stdin
    assert isinstance(source, BufferedReader)
    assert sink is not None
    _write(sink, _ASKED, frames)
    while pieces := _read(source, _TOLD):
        head, *streams = pieces
        names, unparsed = marshal.loads(head)
        yield Parsed([*map(_to_table, names, streams)], unparsed)


def main() -> None:
    """The process: batches from stdin, tables to stdout, until there are no more."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the load, which reads to an end
        signal.signal(number, signal.SIG_IGN)
    pa.set_memory_pool(pa.system_memory_pool())  # others keep what they were once given
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
        while source.peek(1):
            for tables, unparsed in _portions(_read(source, _ASKED)):
                head = marshal.dumps(([table.name for table, _ in tables], unparsed))
                _write(sink, _TOLD, [head, *(_to_stream(data) for _, data in tables)])
            _write(sink, _TOLD, [])  # the batch is done


def _to_table(name: str, stream: pa.Buffer) -> tuple[Table, pa.Table]:
    with pa.ipc.open_stream(stream) as reader:
        return TABLES[name], reader.read_all()


def _to_stream(data: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as stream:
        stream.write_table(data)
    return sink.getvalue()


# On a pipe stand a mark of eight bytes, the number of pieces, and each with its length before it.


def _write(sink: IO[bytes], mark: bytes, pieces: Sequence[bytes | pa.Buffer]) -> None:
    sink.write(mark + len(pieces).to_bytes(8))
    for piece in pieces:
        sink.write(len(piece).to_bytes(8))
        sink.write(piece)
    sink.flush()


def _read(source: BufferedReader, mark: bytes) -> list[pa.Buffer]:
    if source.read(8) != mark:
        raise EOFError
    return [_read_piece(source, _read_number(source)) for _ in range(_read_number(source))]


def _read_number(source: BufferedReader) -> int:
    digits = source.read(8)
    if len(digits) < 8:
        raise EOFError
    return int.from_bytes(digits)


def _read_piece(source: BufferedReader, size: int) -> pa.Buffer:
    """In Arrow's memory, which is given back once a slice; what Python frees stays in pieces."""
    piece = pa.allocate_buffer(size)
    if source.readinto(piece) < size:
        raise EOFError
    return piece
