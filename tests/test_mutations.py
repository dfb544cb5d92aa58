"""The rules that `make mutate` breaks are still where it breaks them."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.mutate import ROOT
from tests.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_rule_can_still_be_broken(mutation: Mutation, tmp_path: Path) -> None:
    """The replacement applies exactly once, changes the source, and leaves Python."""
    before = ROOT / "feishu_source" / mutation.module
    after = tmp_path / "feishu_source" / mutation.module
    after.parent.mkdir(parents=True)
    shutil.copy(before, after)
    mutation.apply(tmp_path)
    assert after.read_text("utf-8") != before.read_text("utf-8")
    ast.parse(after.read_text("utf-8"))


def test_replacement_that_no_longer_fits_is_told(tmp_path: Path) -> None:
    """And not skipped."""
    (tmp_path / "feishu_source").mkdir()
    (tmp_path / "feishu_source" / "hot.py").write_text("moved = True\n")
    with pytest.raises(LookupError, match=r"hot\.py has not exactly one"):
        Mutation("a rule", "hot.py", "gone", "there").apply(tmp_path)
