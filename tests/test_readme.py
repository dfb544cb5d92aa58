"""What the two READMEs say is what the code does, and both say the same."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from feishu_source import report, tables
from feishu_source.cli.demo import QUESTIONS
from feishu_source.cli.options import Options, command, parse
from feishu_source.cli.plan import FIRST, KINDS, REQUESTS
from feishu_source.doctor.findings import find
from feishu_source.doctor.judging import EXTRAS
from feishu_source.doctor.texts import CHECKS
from feishu_source.sandbox import Sandbox, World

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "README.zh-CN.md")
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in NAMES}
ENGLISH, CHINESE = TEXTS.values()

Rows = list[list[str]]


def code_blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fence."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def code_in(language: str) -> list[str]:
    """The English README's blocks of one language."""
    return [code for found, code in code_blocks(ENGLISH) if found == language]


def tables_in(text: str) -> list[Rows]:
    """Every Markdown table outside code, its heading and its ruler left out."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"(?:^\|.*\|\n)+", prose, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
        for block in found
    ]


def shape(table: Rows) -> list[tuple[int, str]]:
    """Of each row its number of cells, and its first cell where that is a key and not prose."""
    return [(len(row), row[0] if re.fullmatch(r"`.*`|[\d, ]+", row[0]) else "") for row in table]


def table_of(key: str) -> dict[str, str]:
    """First and last column of the English table that has this first cell."""
    (rows,) = (rows for rows in tables_in(ENGLISH) if any(row[0] == key for row in rows))
    return {row[0].strip("`"): row[-1] for row in rows}


def test_both_readmes_show_the_same_code() -> None:
    """Commands, queries and programs are not translated."""
    assert code_blocks(CHINESE) == code_blocks(ENGLISH)


def test_both_readmes_have_the_same_tables() -> None:
    """As many, as wide, as long, with the same keys in the same order."""
    assert [shape(table) for table in tables_in(CHINESE)] == [
        shape(table) for table in tables_in(ENGLISH)
    ]


def test_both_readmes_have_the_same_sections() -> None:
    """Headings of the same level in the same order."""
    levels = [re.findall(r"^#+(?= )", text, re.MULTILINE) for text in TEXTS.values()]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_a_readme_links_to_is_there(name: str) -> None:
    """Links inside the repository lead somewhere."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXTS[name])
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_option_is_in_the_table_and_no_other() -> None:
    """By its long name and what it takes, in the order of `--help`."""
    declared = []
    for option in command.get_params(click.Context(command)):
        assert isinstance(option, click.Option)
        value = {"log_level": "LEVEL", "lang": "LANG"}.get(option.name or "", option.metavar)
        long_name = next(name for name in option.opts if name.startswith("--"))
        declared.append(long_name if option.is_flag else f"{long_name} {value}")
    assert list(table_of("`--demo`")) == declared


def test_every_exit_code_is_in_the_table_and_no_other() -> None:
    """The codes of a report, and those of a process that a signal ended."""
    codes = [value for name, value in vars(report).items() if name.startswith("EXIT_")]
    written = [int(code) for cell in table_of("3") for code in cell.split(", ")]
    assert written == [*sorted(codes), report.SIGNAL_BASE + 2, report.SIGNAL_BASE + 15]


def test_every_table_is_named_with_its_key() -> None:
    """In the order of feishu_source.tables, keys as the merge uses them."""
    written = {row[0].strip("`"): row[-1].split(", ") for row in tables_in(ENGLISH)[0]}
    assert written == {table.name: list(table.key) for table in tables.TABLES.values()}


def test_the_query_is_one_that_the_demo_runs() -> None:
    """So that its output can be had by the command that the README names."""
    (query,) = code_in("sql")
    assert query.strip() in [question.sql.format(dataset="feishu") for question in QUESTIONS]


def test_the_output_shown_has_the_columns_of_the_query() -> None:
    """It was printed by a demo; its rows depend on the day, its heading does not."""
    (query,), (output,) = code_in("sql"), code_in("text")
    heading = output.splitlines()[1]
    assert re.findall(r"[\w]+", heading) == re.findall(r" as (\w+)", query)


def shown_after(command: str) -> tuple[str, list[str]]:
    """The command line of the one session that begins so, and what it printed."""
    (shown,) = (code for code in code_in("console") if code.startswith(command))
    line, *lines = shown.splitlines()
    return line, lines


def test_the_check_shown_is_one_that_this_code_makes() -> None:
    """Levels and ids in their order, and a last line that counts them."""
    _, lines = shown_after("$ feishu-history --check")
    rows = [line.split()[:2] for line in lines[:-1] if not line.startswith(" ")]
    told = [name for _, name in rows]
    assert told == sorted(told, key=list(CHECKS).index)
    off = {"files", *EXTRAS}  # told where they are wanted
    assert set(told) == set(CHECKS) - off
    counts = {level: [each for each, _ in rows].count(level) for level in ("ok", "warning")}
    assert lines[-1].startswith(
        f"{len(rows)} findings: {counts['ok']} ok, {counts['warning']} warnings, 0 failures"
    )


def test_the_plan_shown_is_one_that_this_code_makes() -> None:
    """Its command is one, and its rows are those of a plan with a quota, in their order."""
    line, lines = shown_after("$ feishu-history --plan")
    options = parse(shlex.split(line)[2:])
    assert isinstance(options, Options)
    assert options.plan_arguments() == {"every_s": 3_600, "monthly_quota": 100_000}
    rows = [row.split("│")[1].strip() for row in lines if row.startswith("│")]
    kinds = [name for name in rows if name in {each.en.strip() for each in KINDS.values()}]
    first, day = kinds[: kinds.index("access tokens", 1)], kinds[kinds.index("access tokens", 1) :]
    always = KINDS.keys() - {"pins", "context", "reactions", "people"}  # told where they are wanted
    assert {*first, *day} == {KINDS[name].en.strip() for name in always}
    assert rows[0] == FIRST.en
    assert rows.count(REQUESTS.en) == 2


def test_every_field_of_a_finding_is_in_the_table_and_no_other() -> None:
    """As `--check --json` prints them, in their order."""
    assert list(table_of("`next_step`")) == list(find("bot.on").to_dict("en"))


def test_every_command_line_is_one() -> None:
    """Each `feishu-history …` in a fence parses; each make target exists."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = [
        shlex.split(line, comments=True, posix=True)
        for line in "\n".join(code_in("sh")).splitlines()
    ]
    programs = [words for words in lines if words and words[0].endswith("feishu-history")]
    shards = [Options(destination="postgres", shard=shard) for shard in ("1/2", "2/2")]
    told = [parse(words[1:]) for words in programs]
    assert told == [Options(), Options(demo=True), *shards]
    targets = [words[1] for words in lines if words and words[0] == "make"]
    assert targets == ["demo", "test"]
    assert [target for target in targets if f"\n{target}: " not in makefile] == []


@pytest.mark.parametrize("number", range(2))
def test_every_program_runs_as_it_stands(tmp_path: Path, number: int) -> None:
    """Against a tenant that only the environment names."""
    program = code_in("python")[number]
    world = World(seed=1)
    chat = world.add_chat(name="Team")
    world.post(chat, world.add_user("Ann"), text="hello")
    with Sandbox(world) as sandbox:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path,
            env=os.environ
            | {
                "SOURCES__FEISHU__BASE_URL": sandbox.base_url,
                "SOURCES__FEISHU__APP_ID": sandbox.app_id,
                "SOURCES__FEISHU__APP_SECRET": sandbox.app_secret,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(["1 []\n", "Pipeline feishu_flat load step finished in"][number])
