"""Reading ahead: the API is asked while a slice is loaded, and nothing of it outlives a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import dlt
import pytest

from feishu_source.ahead import ReadAhead
from feishu_source.batch import Batch
from feishu_source.errors import DestinationError, FeishuError
from feishu_source.sandbox import World
from feishu_source.sandbox.loopback import HttpReply, HttpRequest
from tests.lab import MESSAGES, Lab


class ToyWalk:
    """A walk of three slices of three batches; what it did is in `begun` and `read`."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.begun = 0
        self.read = 0
        self.rewound = 0
        self.stopped_by: FeishuError | None = None
        self._fails_at = fails_at

    @property
    def finished(self) -> bool:
        """True after the third slice, or once it was stopped."""
        return self.begun == 3 or self.stopped_by is not None

    def stop(self, error: FeishuError) -> None:
        """Ends it."""
        self.stopped_by = error

    def rewind(self) -> None:
        """Forgets the slice that was begun last."""
        self.rewound += 1

    def slice(self) -> Iterator[Batch]:
        """Three batches, told apart by their claims."""
        self.begun += 1
        for _ in range(3):
            if self.stopped_by:
                return
            if self.read == self._fails_at:
                raise ZeroDivisionError
            self.read += 1
            yield Batch([], {"batch": {"number": self.read}})


def read_ahead(walk: Any, most_batches: int = 1) -> ReadAhead:
    """The walk, read ahead."""
    return ReadAhead(walk, most_batches)


def numbers(slices: ReadAhead) -> list[int]:
    """The batches of the next slice."""
    return [batch.claims["batch"]["number"] for batch in slices.slice()]


@pytest.mark.parametrize("most_batches", [1, 2, 100])
def test_slices_come_whole_and_in_order(most_batches: int) -> None:
    """However far ahead the walk is, each slice ends where the walk ended it."""
    slices = read_ahead(ToyWalk(), most_batches)
    assert [numbers(slices), slices.finished] == [[1, 2, 3], False]
    assert [numbers(slices), slices.finished] == [[4, 5, 6], False]
    assert [numbers(slices), slices.finished] == [[7, 8, 9], True]


def test_what_the_walk_dies_of_is_told_where_its_slice_is_taken() -> None:
    """After the batches before it, and not swallowed by a thread."""
    slices = read_ahead(ToyWalk(fails_at=4))
    assert numbers(slices) == [1, 2, 3]
    batches = slices.slice()
    assert next(batches).claims == {"batch": {"number": 4}}
    with pytest.raises(ZeroDivisionError):
        next(batches)
    slices.halt(DestinationError("a later failure"))


def test_halting_ends_a_thread_that_waits_for_room() -> None:
    """Nobody takes the rest; the thread is gone before `halt` returns."""
    walk = ToyWalk()
    slices = read_ahead(walk)
    batches = slices.slice()
    next(batches)
    slices.halt(reason := DestinationError("full"))
    assert walk.stopped_by is reason
    assert alive() == []
    assert (walk.rewound, numbers(slices), slices.finished) == (1, [], True)


def test_a_slice_that_was_taken_whole_is_not_forgotten() -> None:
    """Only what was read behind it, be it complete or not; after the last one there is nothing."""
    walk = ToyWalk()
    slices = read_ahead(walk, most_batches=100)
    for _ in range(3):
        numbers(slices)
    slices.halt(DestinationError("full"))
    assert (walk.rewound, numbers(slices)) == (0, [])


def alive() -> list[threading.Thread]:
    """Threads that read ahead."""
    return [thread for thread in threading.enumerate() if thread.name == "feishu-walk"]


class _TimedOut(BaseException):
    """What an orchestrator raises in a task whose time is up."""


@pytest.mark.parametrize("error", [_TimedOut, KeyboardInterrupt, OSError])
def test_what_was_read_ahead_of_a_failure_is_not_told_as_loaded(
    lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """The load of the first slice succeeds, then the process is told to end; no thread is left."""
    ann = world.add_user("Ann")
    for number in range(12):
        world.post(world.add_chat(name=f"chat {number}", member_ids=[ann]), ann, text="hello")

    def load_slice(pipeline: dlt.Pipeline, *arguments: Any, **more: Any) -> Any:
        loaded = load(pipeline, *arguments, **more)
        if not lab.sandbox.count(MESSAGES):
            return loaded
        with pipeline.sql_client() as client:  # the file is open: nobody else can look into it
            if not client.execute_sql("select * from feishu.sync_coverage"):
                return loaded
        monkeypatch.setattr(dlt.Pipeline, "load", load)
        raise error

    load = dlt.Pipeline.load
    monkeypatch.setattr(dlt.Pipeline, "load", load_slice)
    with pytest.raises((FeishuError, _TimedOut)) as failed:
        lab.load(slice_messages=3, batch_rows=1, workers=1)
    assert alive() == []
    report = getattr(failed.value, "report", None)
    if report is not None:
        in_warehouse = len(lab.message_ids())
        assert (report.messages, report.new) == (in_warehouse, in_warehouse)
        complete = "select count(*) from feishu.sync_coverage where status = 'complete'"
        assert lab.query(complete) == [(report.chats_complete,)]
        assert report.chats_complete + report.chats_partial == 12
    assert lab.load().exit_code == 0
    lab.assert_equals_truth()


def test_pages_are_fetched_while_a_slice_is_loaded(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first slice takes five pages; its load and the sixth page wait here for each other."""
    for _ in range(30):
        world.advance(60)
        world.post(team, ann, text="one of thirty")
    asked, loading = threading.Event(), threading.Event()
    met: list[bool] = []

    def answer(request: HttpRequest) -> HttpReply:
        if request.path == MESSAGES and lab.sandbox.count(MESSAGES) == 5:
            asked.set()
            met.append(loading.wait(timeout=30))
        return lab.sandbox.answer(request)

    def load_slice(pipeline: dlt.Pipeline, *arguments: Any, **more: Any) -> Any:
        if lab.sandbox.count(MESSAGES) and not loading.is_set():
            loading.set()
            met.append(asked.wait(timeout=30))
        return load(pipeline, *arguments, **more)

    load = dlt.Pipeline.load
    monkeypatch.setattr(lab.sandbox._server, "_answer", answer)
    monkeypatch.setattr(dlt.Pipeline, "load", load_slice)
    report = lab.load(slice_messages=10, page_size=2, batch_rows=2, workers=1)
    assert (report.exit_code, report.slices, met) == (0, 4, [True, True])
    lab.assert_equals_truth()
