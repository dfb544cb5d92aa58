"""The pages of docs/ as tests read them: code, headings, links, and a place to run commands in.

Blocks of a guide by their language: `sh` is run as it stands, `sql` in the DuckDB file, `python` by
itself, `toml` is written to the file that its first line names; `shell` needs rights or an
installation, and is only read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
GUIDES = sorted(path.stem for path in (DOCS / "guides").glob("*.md"))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def guide(name: str, folder: str = "docs/guides") -> str:
    """The text of a guide."""
    return (ROOT / folder / f"{name}.md").read_text("utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fence, in order."""
    return _FENCE.findall(text)


def code(text: str, language: str) -> list[str]:
    """The blocks of one language."""
    return [block for found, block in blocks(text) if found == language]


def prose(text: str) -> str:
    """What stands outside of fences."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """Level and words of each."""
    found = re.findall(r"^(#+) (.*)$", prose(text), re.MULTILINE)
    return [(len(marks), words) for marks, words in found]


def anchors(text: str) -> set[str]:
    """Where a link into this page may lead, as GitHub names headings."""
    seen: dict[str, int] = {}
    found = set()
    for _, words in headings(text):
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


def links(path: Path) -> Iterator[tuple[str, Path, str]]:
    """Each relative link of a page: as it is written, the file, the anchor."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(path.read_text("utf-8"))):
        file, _, anchor = link.partition("#")
        yield link, (path.parent / file).resolve() if file else path, anchor


class Desk:
    """A folder in which somebody follows a guide; `feishu-history` is that of this checkout."""

    database = "feishu_history.duckdb"

    def __init__(self, folder: Path, names: Mapping[str, str], **environment: str) -> None:
        self._folder = folder
        self._names = names
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name, words in (("feishu-history", "-m feishu_source.cli "), ("python", "")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
            program.chmod(0o755)
        (folder / ".dlt").mkdir()
        self._environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder),
            **environment,
        }

    def follow(self, language: str, block: str) -> str | list[tuple[Any, ...]] | None:
        """Does what a block says: what it printed or selected, None where there is nothing to do.

        Raises:
            AssertionError: it does not end well.
        """
        for placeholder, name in self._names.items():
            block = block.replace(placeholder, name)
        if language == "sql":
            with duckdb.connect(str(self._folder / self.database)) as connection:
                return connection.execute(block).fetchall()
        if language == "toml" and (named := re.match(r"# (\.dlt/\w+\.toml)\n", block)):
            (self._folder / named[1]).write_text(block, "utf-8")
        if language in ("sh", "python"):
            program = ["sh", "-ec"] if language == "sh" else [sys.executable, "-c"]
            return self._run([*program, block])
        return None

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout
