"""docs/files.md: its queries and its program run as they stand, against a tenant on loopback."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from feishu_source import feishu_source
from feishu_source.cli import main
from feishu_source.files import downloads, pending, spool
from feishu_source.files.names import safe_name
from feishu_source.sandbox.bodies import media_body
from feishu_source.sandbox.files import drawn_file
from tests.cli_tenant import Tenant, tenant, workplace

__all__ = ["tenant", "workplace"]

PAGE = (Path(__file__).parents[1] / "docs" / "files.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code of every fence of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows_under(head: str) -> dict[str, list[str]]:
    """The rows of the table with that head, by their first cell."""
    table = PAGE[PAGE.index(head) :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_what_the_page_shows_can_be_done(
    tenant: Tenant, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A load, the query, the copy under real names, and asking again."""
    tenant.world.post(tenant.team, body=media_body("file", "file_1", name="Q1: plan.txt"))
    tenant.world.post(tenant.team, body=media_body("sticker", "st_1"))
    command, _ = blocks("sh")[0].splitlines()
    words = command.replace("~/chat-files", str(workplace / "chat-files")).split()[1:]
    assert main(words) == 0
    assert "\nfiles         1 downloaded (" in capsys.readouterr().out
    query, delete = blocks("sql")
    with duckdb.connect("feishu_history.duckdb") as connection:
        found = connection.execute(query).fetchall()
        assert {row[1:3] for row in found} == {("Q1: plan.txt", "stored"), (None, "unsupported")}
        connection.execute(delete)
    (program,) = blocks("python")
    subprocess.run([sys.executable, "-c", program], check=True)
    (copy,) = (workplace / "out").iterdir()
    assert copy.name.endswith(f" {safe_name(('Q1: plan.txt',), None, '')}")
    assert copy.read_bytes() == drawn_file("file_1").content


def test_the_page_tells_every_status_and_every_setting() -> None:
    """With their defaults and bounds, as the code has them."""
    statuses = {"stored", "refused", "unsupported", "too_large", "failed", "no row"}
    assert rows_under("| status | meaning").keys() == statuses
    arguments = inspect.signature(feishu_source).parameters
    settings = rows_under("| setting | meaning")
    assert settings.keys() == {name for name in arguments if name.startswith("files")}
    for name in ("files_most_mb", "files_total_mb", "files_workers"):
        assert float(settings[name][1].replace(",", "")) == arguments[name].default
    assert pending.MOST_ATTEMPTS == 5
    megabytes = downloads.PORTION_BYTES // downloads.MEGABYTE
    assert f"{pending.PORTION} resources or {megabytes} MB" in PAGE
    assert f"{spool._KEPT_FILES} files at most" in PAGE
