"""docs/reference and docs/zh-CN/reference are what the code says, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from docs.generate import errors, pages, settings
from docs.generate.words import read_catalogue
from feishu_source import report
from feishu_source.cli.options import command
from feishu_source.codes import CODES
from feishu_source.doctor.texts import CHECKS
from feishu_source.tables import TABLES

ROOT = Path(__file__).parents[1]
ASKED: set[str] = set()
PAGES = pages.pages(ASKED)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_stale(path: str) -> None:
    """Each is, to the letter, what the generator makes of the code as it is now."""
    file = ROOT / path
    is_current = file.is_file() and file.read_text("utf-8") == PAGES[path]
    assert is_current, f"{path} is not what the code says: run `make docs`"


@pytest.mark.parametrize("folder", pages.FOLDERS.values())
def test_no_page_is_left_over(folder: str) -> None:
    """Of what is no longer generated."""
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).iterdir()}
    assert found == {path for path in PAGES if path.startswith(f"{folder}/")}


def test_every_text_has_its_chinese_and_no_chinese_is_left_over() -> None:
    """Texts are found by their English: whoever rewords one looks at its translation too."""
    translated = read_catalogue().keys()
    assert sorted(ASKED - translated) == []
    assert sorted(translated - ASKED) == []


def keeps_what_is_code(english: str, chinese: str) -> bool:
    """Words of code, links, and what is filled in stand in both."""
    return all(
        sorted(re.findall(pattern, chinese)) == sorted(re.findall(pattern, english))
        for pattern in (r"`[^`]+`", r"\{\w*\}", r"\]\([^)]+\)")
    )


def test_a_translation_is_chinese_and_keeps_what_is_code() -> None:
    """Apart from what is a name in both languages."""
    texts = read_catalogue()
    names = [each for each in texts if not re.search("[\u4e00-\u9fff]", texts[each])]
    assert names == ["Tokens"]
    assert [each for each in texts if not keeps_what_is_code(each, texts[each])] == []


def page(name: str) -> str:
    """A page in English."""
    return PAGES[f"{pages.FOLDERS['en']}/{name}.md"]


def test_every_table_and_column_is_there() -> None:
    """In their order, with their types."""
    parts = re.split(r"^## (\w+)$", page("tables"), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    rows = {name: re.findall(r"^\| `(\w+)` \| `(\w+)` \|", found[name], re.M) for name in TABLES}
    assert rows == {
        table.name: [
            *((column.name, column.type) for column in table.columns),
            ("_dlt_load_id", "text"),
        ]
        for table in TABLES.values()
    }


def test_every_setting_is_there_with_what_its_docstring_says() -> None:
    """Once, in the order of the files in .dlt."""
    known = settings.settings()
    titles = re.findall(r"^### (\w+)$", page("settings"), re.MULTILINE)
    assert titles == [name for _, names in settings.groups() for name in names]
    assert sorted(titles) == sorted(known)
    assert [name for name, each in known.items() if not each.meaning.endswith(".")] == []


def test_every_option_is_there_and_every_setting_knows_its_options() -> None:
    """An option becomes an argument, which may be a setting."""
    rows = re.findall(r"^\| `(--[\w-]+)", page("settings"), re.MULTILINE)
    options = [each.opts for each in command.get_params(click.Context(command))]
    assert rows == [next(name for name in opts if name.startswith("--")) for opts in options]
    arguments = settings.option_arguments()
    assert arguments["--no-threads"] == ("threads",)
    assert arguments["--reset-chat"] == ("reset_chats",)
    assert arguments["--shard"] == ("shard",)


def test_every_code_check_and_exit_code_is_there() -> None:
    """Each once, under what is done about it."""
    codes = [int(code) for code in re.findall(r"^\| (\d{4,}) \|", page("errors"), re.MULTILINE)]
    assert sorted(codes) == sorted(CODES)
    assert re.findall(r"^## (\w+)$", page("checks"), re.MULTILINE) == list(CHECKS)
    exits = [value for name, value in vars(report).items() if name.startswith("EXIT_")]
    assert list(errors.EXIT_CODES) == [*map(str, sorted(exits)), "130, 143"]
