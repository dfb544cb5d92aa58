"""What is told reaches who asked, or that is told; nothing ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from feishu_source.cli import main
from tests.cli_tenant import Tenant, tenant, workplace

__all__ = ["tenant", "workplace"]

PROGRAM = [sys.executable, "-m", "feishu_source.cli"]

STRUCK = """
import runpy, signal, sys

class Strike:
    def find_spec(self, name, path=None, target=None):
        if name == STRUCK:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

STRUCK = sys.argv.pop()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
sys.meta_path.insert(0, Strike())
runpy.run_module("feishu_source.cli", run_name="__main__")
"""
"""A program in which somebody presses Ctrl-C while a module is imported."""


@pytest.mark.parametrize("module", ["click", "rich.progress", "feishu_source.cli.main", "dlt"])
def test_ctrl_c_while_it_starts_is_one_line_and_130(tenant: Tenant, module: str) -> None:
    """The imports take a second, in which minds are changed."""
    done = subprocess.run(
        [sys.executable, "-c", STRUCK, module], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Error: interrupted\n")
    assert tenant.sandbox.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("words", "exit_code"), [(["--help"], 1), ([], 1), (["--json"], 1), (["--since", "x"], 2)]
)
@pytest.mark.usefixtures("tenant")
def test_account_that_cannot_be_written_is_told(words: list[str], exit_code: int) -> None:
    """As the tools of a system do: exit code 1, unless the load has a reason of its own."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == exit_code
    assert "Traceback" not in done.stderr
    if exit_code == 1:
        assert done.stderr.endswith("Error: cannot write to stdout: No space left on device\n")


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_reader_that_has_gone_does_not_hide_how_the_load_ended(
    tenant: Tenant, words: list[str]
) -> None:
    """`feishu-history | head -1`: a refused chat is exit code 3 all the same."""
    tenant.world.restrict(tenant.other)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("stderr", ["/dev/full", None])
@pytest.mark.usefixtures("tenant")
def test_load_goes_on_where_nobody_can_be_told(stderr: str | None) -> None:
    """A full disk below the log, or a stderr that was closed, ends no load."""
    words = f"exec {sys.executable} -m feishu_source.cli --json 2>{stderr or '&-'}"
    done = subprocess.run(["sh", "-c", words], stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["messages"]) == (0, 6)


@pytest.mark.usefixtures("tenant")
def test_quiet_says_that_there_was_nothing_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for a mail from cron; nothing that was asked for is missing, so it is no failure."""
    assert main(["--quiet", "--include", "no such chat"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "warning: there is no chat to read: add the bot to a group, or check --chat, --include "
        "and --exclude\n"
    )


@pytest.mark.parametrize("words", [["--quiet"], ["--quiet", "--dataset", "My data"]])
def test_quiet_is_quiet(
    tenant: Tenant, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """dlt has nothing to say either, unless a level is asked for."""
    assert main(words) == 0
    assert capsys.readouterr() == ("", "")
    tenant.world.restrict(tenant.other)
    assert main([*words, "--log-level", "info"]) == 3
    assert "INFO dlt: " in capsys.readouterr().err


def test_dataset_is_told_as_it_is_called_at_the_destination(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the summary, in JSON and in the query for what is missing."""
    tenant.world.restrict(tenant.other)
    words = ["--dataset", "My data"]
    assert main(words) == 3
    assert "dataset my_data\n" in capsys.readouterr().out
    assert main([*words, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["dataset"] == "my_data"
    assert main([*words, "--quiet"]) == 3
    query = "select * from my_data.sync_coverage where status <> 'complete'\n"
    assert capsys.readouterr().err.endswith(query)
