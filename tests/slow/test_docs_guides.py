"""The guides: their commands run, both languages say the same, and every link leads somewhere."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from docs.generate.settings import settings
from feishu_source.cli.options import Options, command, parse
from feishu_source.doctor.judging import USEFUL_SCOPES
from feishu_source.sandbox import Sandbox, World
from tests.cli_tenant import DAY_MS, START_MS
from tests.docs_pages import (
    DOCS,
    GUIDES,
    PAGES,
    ROOT,
    Desk,
    anchors,
    blocks,
    code,
    guide,
    headings,
    prose,
)
from tests.docs_pages import links as links_of
from tests.test_readme import shape, tables_in

CHINESE = DOCS / "zh-CN"
EVERY_GUIDE = pytest.mark.parametrize("name", GUIDES)
OPTIONS = {name for each in command.get_params(click.Context(command)) for name in each.opts}


@EVERY_GUIDE
def test_a_guide_can_be_followed_to_the_letter(tmp_path: Path, name: str) -> None:
    """Block after block, in an empty folder, against a tenant with groups, threads and recalls."""
    world = World(seed=41, start_ms=START_MS, now_ms=START_MS)
    ann, bob = world.add_user("Ann"), world.add_user("Bob")
    team, other = world.add_chat(name="Team"), world.add_chat(name="HR payroll")
    for day in range(30):
        world.now_ms = START_MS + day * DAY_MS
        root = world.post(team, ann if day % 2 else bob, text=f"day {day}")
        world.reply_in_thread(root, ann, text="me too")
    world.recall(root)
    world.post(other, bob, text="hello")
    with Sandbox(world) as sandbox:
        names = {
            "cli_0123456789abcdef": sandbox.app_id,
            "secret-of-the-app": sandbox.app_secret,
            "oc_0123456789abcdef": team,
            "ou_0123456789abcdef": ann,
        }
        access = {"SOURCES__FEISHU__BASE_URL": sandbox.base_url}
        if "# .dlt/secrets.toml" not in guide(name):
            access |= {
                "SOURCES__FEISHU__APP_ID": sandbox.app_id,
                "SOURCES__FEISHU__APP_SECRET": sandbox.app_secret,
            }
        desk = Desk(tmp_path, names, **access)
        if name in ("privacy", "recover"):  # whoever reads these has loaded before
            desk.follow("sh", "feishu-history")
        for language, block in blocks(guide(name)):
            desk.follow(language, block)


@EVERY_GUIDE
def test_every_option_and_setting_that_a_guide_names_is_one(name: str) -> None:
    """In commands, in units and scripts, and in prose."""
    text = guide(name)
    lines = [line for block in blocks(text) for line in block[1].splitlines()]
    called = [line.partition("feishu-history ")[2] for line in lines if "feishu-history " in line]
    words = [shlex.split(line, comments=True) for line in called if "$(" not in line]
    assert [each for each in words if not isinstance(parse(each), Options)] == []
    named = re.findall(r"`(?:feishu-history )?(--[a-z][a-z-]+)", prose(text))
    assert [option for option in named if option not in OPTIONS] == []
    variables = re.findall(r"SOURCES__FEISHU__([A-Z_]+)", text)
    sections = [tomllib.loads(block)["sources"]["feishu"] for block in code(text, "toml")]
    keys = [*map(str.lower, variables), *(key for section in sections for key in section)]
    assert [key for key in keys if key not in settings()] == []


def test_make_targets_and_unit_files_are_well_formed() -> None:
    """What no test runs, for it needs rights or an installation."""
    texts = "\n".join(map(guide, GUIDES))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^make (\w+)$", "\n".join(code(texts, "shell")), re.MULTILINE)
    assert [each for each in targets if f"\n{each}: " not in makefile] == []
    service, timer = (configparser.ConfigParser() for _ in range(2))
    for parser, block in zip((service, timer), code(texts, "ini"), strict=True):
        parser.read_string(block)
    words = shlex.split(service["Service"]["ExecStart"])
    assert (words[0], parse(words[1:])) == (
        "/srv/feishu/.venv/bin/feishu-history",
        Options(quiet=True),
    )
    assert timer.sections() == ["Unit", "Timer", "Install"]


def test_the_scopes_of_the_guide_are_those_that_the_check_knows() -> None:
    """No other is asked for, and the three of the import are in the table."""
    text = guide("feishu-app")
    assert set(re.findall(r"`(im:[\w.:]+)`", prose(text))) == USEFUL_SCOPES
    (imported,) = code(text, "json")
    needed = re.findall(r"^\| `(im:[\w.:]+)` \| [^`|]+ \| (?:yes|for groups) \|$", text, re.M)
    assert json.loads(imported) == {"scopes": {"tenant": needed, "user": []}}


@EVERY_GUIDE
def test_a_guide_says_the_same_in_chinese(name: str) -> None:
    """Headings of the same levels, tables of the same shape, the same code."""
    english, chinese = guide(name), guide(name, "docs/zh-CN/guides")
    assert [level for level, _ in headings(chinese)] == [level for level, _ in headings(english)]
    assert blocks(chinese) == blocks(english)
    shapes = [shape(rows) for rows in tables_in(chinese.replace("`、`", "`, `"))]
    assert shapes == [shape(rows) for rows in tables_in(english)]
    assert re.search("[\u4e00-\u9fff]", chinese)


def in_chinese(file: Path) -> Path:
    """The page of the same name in Chinese, the page itself where there is none."""
    twin = CHINESE / file.relative_to(DOCS) if file.is_relative_to(DOCS) else file
    return twin if twin.is_file() else file


def test_both_indexes_lead_to_the_same_pages() -> None:
    """In the same order, behind the links to one another and to the READMEs."""
    english, chinese = (
        [file for _, file, _ in links_of(folder / "README.md")][2:] for folder in (DOCS, CHINESE)
    )
    assert chinese == [in_chinese(file) for file in english]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_page_can_be_reached_from_an_index(path: Path) -> None:
    """Who adds a page links it in docs/README.md and docs/zh-CN/README.md."""
    indexes = (DOCS / "README.md", CHINESE / "README.md")
    linked = {file for index in indexes for _, file, _ in links_of(index)}
    assert path.resolve() in linked or path in indexes


@pytest.mark.parametrize(
    "path", [*PAGES, *ROOT.glob("README*.md")], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_relative_link_leads_to_a_file_and_a_heading_of_it(path: Path) -> None:
    """On all pages, those of the destinations and the READMEs too."""
    dead = []
    for link, file, anchor in links_of(path):
        if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            dead.append(link)
    assert dead == []


def test_the_readmes_lead_to_the_indexes() -> None:
    """Each in its language."""
    assert "(docs/README.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(docs/zh-CN/README.md)" in (ROOT / "README.zh-CN.md").read_text("utf-8")
