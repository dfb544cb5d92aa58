"""Names that people gave to files, made fit for every system."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source.files.names import MOST_BYTES, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("報告 2026.pdf", "報告 2026.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\x\\y.txt", "y.txt"),
        ("/", "key.png"),
        ("..", "key.png"),
        (" . ", "key.png"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("harmless\u202egpj.exe", "harmlessgpj.exe"),
        ("\u200fzero\u200bwidth.txt", "zerowidth.txt"),
        ("half \ud83d.txt", "half .txt"),
        ('a<b>:"c|d?*.txt', "abcd.txt"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        ("-rf", "rf"),
        ("trailing. . ", "trailing"),
        (".bashrc", "bashrc"),
        ("x" * 300 + ".tar.gz", "x" * 147 + ".gz"),
        ("名" * 300 + ".pdf", "名" * 48 + ".pdf"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    """No path, nothing reserved, nothing hidden, not too long; the ending stays."""
    assert safe_name((name,), "image/png", "key") == safe


def test_the_first_name_that_leaves_something_counts_and_else_the_key() -> None:
    """What the message says, what the reply says, what the type says."""
    assert safe_name((None, "b.txt"), None, "key") == "b.txt"
    assert safe_name(("/", "b.txt"), None, "key") == "b.txt"
    assert safe_name((None, None), "application/pdf", "key") == "key.pdf"
    assert safe_name((None, None), None, "key") == "key"


@given(st.text(), st.text())
def test_any_name_becomes_one_that_hides_nothing(name: str, key: str) -> None:
    """And made once, it stays as it is."""
    safe = safe_name((name,), None, key)
    assert 0 < len(safe.encode()) <= MOST_BYTES
    assert not set(safe) & set('/\\:*?"<>|')
    assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert safe not in {".", ".."}
    assert safe_name((safe,), None, key) == safe
