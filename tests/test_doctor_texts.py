"""Every text of the check is there in both languages, and some story tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feishu_source.cli.check import _ID_CELLS
from feishu_source.doctor.findings import GRAVEST_FIRST
from feishu_source.doctor.text import Pair
from feishu_source.doctor.texts import CHECKS, OUTCOMES, SKIPPED, UNFORESEEN

HERE = Path(__file__).parent
TEXTS = {
    f"{key} {place}": text
    for key, outcome in OUTCOMES.items()
    for place, text in (("found", outcome.found), ("next step", outcome.next_step))
    if isinstance(text, Pair)
} | CHECKS


def places(text: str) -> set[str]:
    """What is filled in."""
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_is_in_both_languages(name: str) -> None:
    """English in ASCII, Chinese with Chinese in it, the same places to fill."""
    text = TEXTS[name]
    assert text.en.replace("“", "").replace("”", "").isascii()
    without_places = re.sub(r"\{\w+\}", "", text.en)
    if re.search("[a-z]", without_places):
        # "Lark" and "log id" are called so in both.
        assert re.search("[\u4e00-\u9fff]", text.zh) or text.zh.startswith("Lark")
    assert places(text.en) == places(text.zh)


@pytest.mark.parametrize("key", OUTCOMES)
def test_every_outcome_belongs_to_a_check_and_says_what_to_do(key: str) -> None:
    """A failure has a next step, a sentence in either language; ok and skipped have none."""
    outcome = OUTCOMES[key]
    assert key.partition(".")[0] in CHECKS
    if outcome.level == "failure":
        assert outcome.next_step is not None
        assert outcome.exit_code != 0
    if outcome.level in ("ok", "skipped"):
        assert (outcome.next_step, outcome.exit_code) == (None, 0)
    if isinstance(outcome.next_step, Pair):
        assert outcome.next_step.en.endswith(".")
        assert outcome.next_step.zh.endswith("。")
    assert outcome.exit_code in GRAVEST_FIRST


def test_every_outcome_is_told_by_some_story() -> None:
    """Its key stands in one of the tests beside this one."""
    stories = "".join(
        path.read_text("utf-8") for path in HERE.glob("test_doctor_*.py") if str(path) != __file__
    )
    told = {key for key in OUTCOMES if f'"{key}"' in stories}
    general = {key for key, outcome in OUTCOMES.items() if outcome in (SKIPPED, UNFORESEEN)}
    assert sorted(OUTCOMES.keys() - told - general) == []


def test_every_id_fits_its_column() -> None:
    """One that is longer would run into what was found."""
    assert max(map(len, CHECKS)) < _ID_CELLS
