"""Texts and queries as terms: whatever stands in a text is found in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feishu_source.search import NothingToFind
from feishu_source.search.terms import Query, fold, parse_query, terms_of

LETTERS = st.text(
    "南京市长江大桥发布了版本資料庫㐀𠀀上线下 aBc\uff21\uff11\uff12é.-_🚄👍ガß\n", max_size=25
)


def matches(words: str, text: str) -> bool:
    """Whether a message of this text is found by the query."""
    query = parse_query(words)
    is_there = set(query.terms) <= set(terms_of(text))
    return is_there and all(phrase in fold(text) for phrase in query.phrases)


@given(before=LETTERS, word=LETTERS, after=LETTERS)
def test_whatever_stands_in_a_text_between_blanks_is_found(
    before: str, word: str, after: str
) -> None:
    """Chinese words are found wherever the words around them would be cut."""
    text = f"{before} {word} {after}"
    if terms_of(word):
        assert matches(word, text)
        assert matches(f'"{word}"', text)


@given(before=LETTERS, word=st.text("南京市长江大桥发布版本庫㐀上线下", min_size=1), after=LETTERS)
def test_chinese_is_found_without_blanks(before: str, word: str, after: str) -> None:
    """Chinese has none."""
    assert matches(word, before + word + after)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("上线", "灰度上线下周一开始"),  # whichever way the dictionary cuts the text
        ("发布计划", "发布的计划"),
        ("kubernetes 集群", "Kubernetes集群报警"),
        ("KUBERNETES", "\uff4b\uff55\uff42\uff45\uff52\uff4e\uff45\uff54\uff45\uff53"),
        ("v2.3", "发布V2.3了"),
        ("\uff21\uff22\uff23", "abc"),
        ("straße", "STRASSE"),
        ("王小明", "请王小明看一下"),
        ("🚄", "Release train 🚄!"),
        ("👍", "👍🏽"),
        ("“hello world”", "Hello World"),
        ("ﬁle", "file"),
        ("①", "1"),
    ],
)
def test_found(words: str, text: str) -> None:
    """Capitals, width and compatibility forms make no difference."""
    assert matches(words, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("发布 计划", "发布"),
        ("庫㐀", "㐀庫"),
        ("v2.3", "3.2 of v2"),
        ('"hello world"', "world hello"),
        ("cat", "concatenate"),
        ("資料", "资料"),  # another character, not another form of it
    ],
)
def test_not_found(words: str, text: str) -> None:
    """All words are wanted, phrases as they are."""
    assert not matches(words, text)


def test_terms_are_counted_as_often_as_they_stand() -> None:
    """BM25 wants to know."""
    assert sorted(terms_of("上线 go 上线 Go")) == sorted(["上", "线", "上线"] * 2 + ["go"] * 2)


def test_a_query_in_its_parts() -> None:
    """Terms once each; what is torn by its cut is verified; the words are for the snippet."""
    assert parse_query('发布计划 V2.3 "Hello  发布"') == Query(
        terms=("发布", "计划", "v2", "3", "hello"),
        phrases=("v2.3", "hello  发布"),
        words=("发布", "计划", "v2.3", "hello  发布"),
    )


@pytest.mark.parametrize("words", ["", "  ", "!?", '""', "。，"])
def test_nothing_to_find_is_told(words: str) -> None:
    """Rather than everything, or nothing."""
    with pytest.raises(NothingToFind, match="nothing to search for"):
        parse_query(words)
