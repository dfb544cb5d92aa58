"""Parsing on another core: a process that is given messages and gives their Arrow tables.

In: the batches of a `Parser`, through a pipe. Out: the tables that parsing here would give. Refuses
to lose a batch: what the process did not give, because it was killed or never began, is parsed
here.

One interpreter takes in several thousand messages a second, and parsing is most of its work. At the
rate that Feishu allows by default it is idle nine tenths of the time, so a second one is begun only
where the limits that were set allow more than it could take in, and for a load that is worth it.
"""

from __future__ import annotations

import logging
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

import pyarrow as pa

from feishu_source.parsing import InlineParser, Parsed, Parser, Picked, Tables
from feishu_source.settings import MINUTE_S, Settings
from feishu_source.tables import TABLES, Table

_log = logging.getLogger(__name__)

LIVELY = 3_000
"""Messages a second that a slow core takes in and parses by itself."""

LEAST_MESSAGES = 5_000
"""So many are parsed here before a process is begun: it takes half a second, and 100 MB."""

_PIPE_BYTES = 1_048_576
_FRAMES_AT_ONCE = 20
"""Each of a page, which has at most fifty messages."""

_ASKED, _TOLD = b"messages", b"in Arrow"
"""What a batch begins with, and an answer: not what an interpreter prints that was set up to."""
_START = (
    "import sys; sys.path[:] = {path!r}; from feishu_source.parsing_process import main; main()"
)


def parser_for(settings: Settings) -> Parser:
    """Who parses a load with these settings: a process of its own where one interpreter is short.

    The file of a frozen application is no interpreter that could be started.
    """
    rate = min(settings.requests_per_second, settings.requests_per_minute / MINUTE_S)
    allowed = rate * settings.rate_share * settings.page_size
    if allowed <= LIVELY or _cores() < 2 or getattr(sys, "frozen", False):
        return InlineParser()
    return ProcessParser()


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessParser:
    """Parses here at first, and in a process of its own once `LEAST_MESSAGES` were parsed.

    The process ends with this one, however that ends: its input ends then. Messages travel as
    `marshal` writes them, which takes whatever a JSON parser gives and is read by the very
    interpreter that wrote it.
    """

    def __init__(self) -> None:
        self._here = InlineParser()
        self._frames: list[bytes] = []
        self._messages = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._exchanges = ThreadPoolExecutor(1, "feishu-parsing")
        self._is_open = True

    def add(self, picked: list[Picked]) -> None:
        """Takes messages into the batch."""
        self._messages += len(picked)
        if self._process is None:
            self._here.add(picked)
        else:
            self._frames.append(marshal.dumps(picked))

    def end_batch(self) -> Callable[[], Parsed]:
        """Hands the batch over, while the next one may be collected."""
        if self._process is None:
            if self._is_open and self._messages >= LEAST_MESSAGES:
                self._begin()
            return self._here.end_batch()
        frames, self._frames = self._frames, []
        under_way: Future[Parsed] = self._exchanges.submit(self._parse, self._process, frames)
        return under_way.result

    def close(self) -> None:
        """Ends the process; what was not yet asked for is thrown away."""
        self._is_open = False
        if process := self._process:
            process.kill()  # whoever waits for its answer waits no longer
            self._exchanges.shutdown(cancel_futures=True)
            process.communicate()
            self._process = None

    def _begin(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what it would say of an error is said here, once more
                pipesize=_PIPE_BYTES,
                start_new_session=True,  # Ctrl-C is for the load: what was read is parsed and kept
            )
        except OSError as error:
            self._give_up(error)

    def _parse(self, process: subprocess.Popen[bytes], frames: list[bytes]) -> Parsed:
        """What the process makes of a batch, or what is made of it here."""
        if self._is_open:
            try:
                return _join(_exchange(process, frames))
            except (OSError, EOFError) as error:
                self._give_up(error)
        return _join(_portions(frames))

    def _give_up(self, error: Exception) -> None:
        if self._is_open:
            kind = type(error).__name__
            _log.warning("messages are parsed here: the process for it has ended (%s)", kind)
        self._is_open = False


def _portions(frames: list[bytes]) -> Iterator[Parsed]:
    """A batch in portions, so that few rows are held as Python's objects at once."""
    here = InlineParser()
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        for frame in frames[first : first + _FRAMES_AT_ONCE]:
            here.add(marshal.loads(frame))
        yield here.end_batch()()


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
        EOFError: it has ended, or is no process of this kind.
    """
    source, sink = process.stdout, process.stdin
    assert source is not None
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


def _to_table(name: str, stream: bytes) -> tuple[Table, pa.Table]:
    with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
        return TABLES[name], reader.read_all()


def _to_stream(data: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as stream:
        stream.write_table(data)
    return sink.getvalue()


# On a pipe stand a mark of eight bytes, the number of pieces, and each with its length before it.


def _write(sink: IO[bytes], mark: bytes, pieces: list[bytes] | list[pa.Buffer]) -> None:
    sink.write(mark + len(pieces).to_bytes(8))
    for piece in pieces:
        sink.write(len(piece).to_bytes(8))
        sink.write(piece)
    sink.flush()


def _read(source: IO[bytes], mark: bytes) -> list[bytes]:
    if _read_whole(source, 8) != mark:
        raise EOFError
    number = int.from_bytes(_read_whole(source, 8))
    return [_read_whole(source, int.from_bytes(_read_whole(source, 8))) for _ in range(number)]


def _read_whole(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
