"""The instants at which processes are killed are in the code, as `make test-slow` finds them."""

from __future__ import annotations

from tests.crash_points import OF_DOWNLOADS, OF_FILES, OF_OPEN_TABLES, POINTS


def test_no_two_instants_have_one_name() -> None:
    """One that is in the code no more ends the import of this file."""
    parts = (POINTS, OF_FILES, OF_OPEN_TABLES, OF_DOWNLOADS)
    assert len({name for part in parts for name in part}) == sum(map(len, parts))
