"""Texts and queries as terms: what the index holds, and what it is asked for.

In: the text of a message, or the words of a query. Out: terms, and what has to be verified on the
text itself. Refuses to know the database.

A text in Chinese is indexed by every word of the dictionary that stands anywhere in it, and by its
single characters; so whatever a query is cut into, a text that contains the query has all of it.
No model guesses at unknown words: it would cut them in one way here and in another there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from feishu_source.errors import ConfigurationError

if TYPE_CHECKING:
    from rjieba import Jieba

INSTALL = 'the search needs an extra: pip install "feishu-source[search]"'

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_PICTURES = "\u2190-\u21ff\u2300-\u2bff\U0001f000-\U0001faff"
_WORDS = re.compile(rf"([{_HAN}]+)|([^\W_{_HAN}]+)|[{_PICTURES}]")
"""A run of Chinese characters; a word of any other script, digits included; one emoji."""

_QUERY = re.compile(r'"([^"]*)"|(\S+)')
_QUOTES = str.maketrans("“”„‟«»「」『』", '""""""""""')


class NothingToFind(ConfigurationError):
    """A query without a letter, a digit, a Chinese character or an emoji."""


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that a message must all have, and phrases that its folded text must contain."""

    terms: tuple[str, ...]
    phrases: tuple[str, ...]
    words: tuple[str, ...]
    """What was asked for, folded, as it may stand in a text: for the snippet."""


def fold(text: str) -> str:
    """The text without differences that no reader means: width, compatibility forms, capitals.

    Twice, because a folded letter may have a compatibility form of its own.
    """
    if text.isascii():
        return text.lower()
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once)


def check_installed() -> None:
    """The dictionary is there.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    _jieba()


def version() -> str:
    """What terms depend on: an index of another version is built anew."""
    return f"1/rjieba-{metadata.version('rjieba')}"


def terms_of(text: str) -> list[str]:
    """All terms of a text, each as often as it stands there."""
    cut_all = _jieba().cut_all
    terms: list[str] = []
    for match in _WORDS.finditer(fold(text)):
        run = match[1]
        if run is None:
            terms.append(match[0])
            continue
        found = cut_all(run)
        terms += found
        known = set(found)  # rare characters are in no dictionary
        terms += [character for character in run if character not in known]
    return terms


def parse_query(words: str) -> Query:
    """A query as it is written: words, all of which are wanted, and "phrases" in quotes.

    Raises:
        NothingToFind: there is no term in it.
    """
    terms: dict[str, None] = {}
    phrases: list[str] = []
    wanted: list[str] = []
    for match in _QUERY.finditer(words.translate(_QUOTES)):
        is_phrase = match[1] is not None
        word = fold(match[1] if is_phrase else match[2].strip('"')).strip()
        cut = list(_cut(word))
        if not cut:
            continue
        terms |= dict.fromkeys(cut)
        if is_phrase or _is_one(word, cut):
            phrases.append(word)
            wanted.append(word)
        else:
            wanted += cut
    if not terms:
        raise NothingToFind("there is nothing to search for: give a word, or an emoji.")
    return Query(tuple(terms), tuple(dict.fromkeys(phrases)), tuple(dict.fromkeys(wanted)))


def _cut(word: str) -> Iterator[str]:
    for match in _WORDS.finditer(word):
        yield from _jieba().cut(match[1], hmm=False) if match[1] else [match[0]]


def _is_one(word: str, cut: list[str]) -> bool:
    """True of a word that is torn apart by its cut: 王小明 in single characters, v2.3, a@b.com.

    Words of the dictionary may stand apart in a message: 发布计划 finds 发布的计划.
    """
    if len(cut) == 1:
        return False
    return any(len(term) == 1 or not re.match(f"[{_HAN}]", term) for term in cut)


@cache
def _jieba() -> Jieba:
    try:
        from rjieba import Jieba
    except ModuleNotFoundError as error:
        raise ConfigurationError(INSTALL) from error
    return Jieba()
