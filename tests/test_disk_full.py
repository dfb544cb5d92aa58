"""A disk that is full while rows are extracted: told as that, and nothing is lost."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from dlt.common.data_writers.writers import ArrowToParquetWriter

from feishu_source.errors import DestinationError, causes
from feishu_source.sandbox import World
from tests.lab import Lab


def test_full_disk_is_told_and_the_next_load_has_everything(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the operating system says, where, and what to do; not how dlt came upon it."""
    world.post(team, ann, text="a secret of theirs")

    def write(writer: Any, *_: Any) -> None:
        writer._f.close()  # dlt leaves it open
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(ArrowToParquetWriter, "write_data", write)
        with pytest.raises(DestinationError) as ended:
            lab.load()
    told = str(ended.value)
    assert f"could not write to {lab.folder / 'pipelines'}/" in told
    assert "No space left on device" in told
    assert "make room there" in told
    assert "secret" not in told
    lab.load()
    lab.assert_equals_truth()


def test_end_of_a_generator_is_no_cause() -> None:
    """dlt takes rows until there are no more, and writes them while it still handles that."""

    def write_at_the_end() -> None:
        try:
            next(iter(()))
        except StopIteration:
            raise OSError("full")  # noqa: B904 - as dlt does

    with pytest.raises(OSError, match="full") as raised:
        write_at_the_end()
    assert causes(raised.value) == [raised.value]
