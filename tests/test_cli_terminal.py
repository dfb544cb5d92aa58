"""What strangers wrote is shown and does nothing to the terminal."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from feishu_source.cli.terminal import Terminal, choose_language, log_to, printable, use_utf8

REPLACED = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("产品 Team 🚀", "产品 Team 🚀"),
        ("[/red]", "[/red]"),
        ("\x1b[31mred\x1b[0m", f"{REPLACED}[31mred{REPLACED}[0m"),
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("\u202egnp.exe", f"{REPLACED}gnp.exe"),
        ("\u2066isolated\u2069", f"{REPLACED}isolated{REPLACED}"),
        ("a\x9b31mb\x7f", f"a{REPLACED}31mb{REPLACED}"),
        ("half \ud83d", f"half {REPLACED}"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_name_is_shown_on_one_line_with_its_controls_made_visible(
    text: str | None, shown: str
) -> None:
    """Words stay readable; what would colour, move or reverse becomes a replacement mark."""
    assert printable(text) == shown


def test_a_long_name_is_cut() -> None:
    """The cut is visible and counts in the length."""
    assert printable("x" * 81) == "x" * 79 + "…"
    assert printable("x" * 80) == "x" * 80


@given(st.text(st.characters(codec=None), max_size=100))
def test_nothing_that_controls_survives(text: str) -> None:
    """Whatever the text, lone surrogates included: one line, no control, encodable."""
    shown = printable(text, most=1_000)
    kinds = {unicodedata.category(one) for one in shown if one not in "\u200c\u200d"}
    assert kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("environment", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW"}, True),
        ({"LC_ALL": "", "LANG": "zh"}, True),
        ({}, False),
    ],
)
def test_the_first_locale_variable_that_is_set_decides(
    environment: dict[str, str], chinese: bool
) -> None:
    """LC_ALL, LC_MESSAGES, LANG, in POSIX's order; an empty one is not set."""
    assert choose_language(None, environment) == ("zh" if chinese else "en")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_language_asked_for_wins_over_the_locale(language: str) -> None:
    """Whatever the locale is."""
    for locale in ("zh_CN.UTF-8", "en_US.UTF-8", ""):
        assert choose_language(language, {"LC_ALL": locale}) == language


def test_any_text_can_be_written_whatever_the_code_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console of another encoding gets UTF-8; a lone surrogate becomes a question mark."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    use_utf8()
    print("飞书 \ud83d", end="", flush=True)
    assert raw.getvalue() == "飞书 ?".encode()


def test_a_pipe_gets_lines_of_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a log of a CI reads like the README, and COLUMNS still decides where it is set."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Terminal().out.width == 100
    monkeypatch.setenv("COLUMNS", "60")
    assert Terminal().out.width == 60


def test_nobody_is_asked_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal on stdin there is no answer to wait for."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert Terminal(err=Console(file=io.StringIO(), force_terminal=True)).interactive is False
    monkeypatch.setattr(sys, "stdin", None)
    assert Terminal().interactive is False


def test_logs_of_the_package_and_of_dlt_go_to_the_console_at_the_level_asked_for() -> None:
    """One record may be several lines; each is as harmless as a name."""
    written = io.StringIO()
    log_to(Console(file=written, width=40), "info")
    logging.getLogger("feishu_source.api.client").info("retry [/red]\nof \x1b[2J%s", "oc_1")
    logging.getLogger("feishu_source.api.client").debug("not asked for")
    logging.getLogger("dlt").warning("pending packages")
    assert re.sub(r"[\d-]+ [\d:,]+ (?=INFO|WARNING)", "", written.getvalue()).splitlines() == [
        "INFO feishu_source.api.client: retry [/red]",
        f"of {REPLACED}[2Joc_1",
        "WARNING dlt: pending packages",
    ]
    assert os.environ["RUNTIME__LOG_LEVEL"] == "INFO"


def test_nothing_fails_where_somebody_closed_the_stream_that_is_spoken_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a test runner or a notebook does: a record is lost, and whoever wrote it goes on."""
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    log_to(Terminal().err, "info")
    logging.getLogger("feishu_source").info("heard")
    assert "heard" in stream.getvalue()
    stream.close()
    logging.getLogger("feishu_source").info("told to nobody")
