"""What is installed is what is declared: versions, pins, settings, entry points."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import feishu_source
from feishu_source.cli import main
from feishu_source.version import VERSION

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
]


def settings_named_in(name: str) -> set[str]:
    """The keys of a file in .dlt, commented out or not."""
    text = (ROOT / ".dlt" / name).read_text("utf-8")
    return set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))


def pins(file: str = "constraints.txt") -> dict[str, str]:
    """Distribution -> version in a file of constraints."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_version_is_stated_once() -> None:
    """The installed distribution, the code and the newest entry of the changelog agree."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    assert newest
    assert (metadata.version("feishu-source"), newest[1]) == (VERSION, VERSION)


def test_the_console_script_is_the_command_line() -> None:
    """`feishu-history` calls the same main as pipelines/load_history.py."""
    (script,) = metadata.entry_points(group="console_scripts", name="feishu-history")
    assert script.load() is main


def test_the_package_ships_its_types() -> None:
    """Type checkers believe a package only with this marker."""
    assert (Path(feishu_source.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda one: str(one.name))
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    """A pin outside the declared range could not be installed."""
    assert requirement.specifier.contains(pins()[requirement.name])


EXTRAS = PROJECT["optional-dependencies"]
BESIDE_AIRFLOW = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *EXTRAS["airflow"], *EXTRAS["postgres"], *EXTRAS["test"]]
    if "sys_platform" not in line
]


@pytest.mark.parametrize("requirement", BESIDE_AIRFLOW, ids=lambda one: str(one.name))
def test_every_dependency_is_pinned_beside_airflow(requirement: Requirement) -> None:
    """Airflow's own bounds differ from those of `make test`, so its pins stand in a file apart."""
    assert requirement.specifier.contains(pins("constraints-airflow.txt")[requirement.name])


def test_every_dependency_has_a_lower_bound_or_a_reason_for_an_upper_one() -> None:
    """Without one, a resolver may pick a release from years ago."""
    unbounded = {
        requirement.name
        for requirement in REQUIREMENTS
        if not any(bound.operator == ">=" for bound in requirement.specifier)
    }
    assert unbounded == {"sqlglot"}  # dlt sets its lower bound


def test_the_configuration_file_names_every_setting_and_no_other() -> None:
    """.dlt/config.toml and .dlt/example.secrets.toml are the arguments of the source."""
    arguments = set(inspect.signature(feishu_source.feishu_source).parameters)
    secrets = {"app_id", "app_secret", "user_access_token", "app_ticket"}
    assert settings_named_in("config.toml") == arguments - secrets
    assert settings_named_in("example.secrets.toml") == secrets


def test_the_configuration_file_shows_the_defaults() -> None:
    """Removing a "# " without changing the value changes nothing; empty stands for none."""
    text = (ROOT / ".dlt" / "config.toml").read_text("utf-8")
    shown = tomllib.loads(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    arguments = inspect.signature(feishu_source.feishu_source).parameters
    differing = {
        name: (value, arguments[name].default)
        for name, value in shown["sources"]["feishu"].items()
        if (value or None) != (arguments[name].default or None)
    }
    assert differing == {}


def test_the_configuration_file_sets_nothing() -> None:
    """A checkout behaves like an installed package: what correctness needs is set in code."""
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text("utf-8"))
    assert config == {"sources": {"feishu": {}}}


def test_the_script_runs_from_any_folder_without_an_installed_package(tmp_path: Path) -> None:
    """It finds the package next to its own folder: only the dependencies are installed here."""
    # -S: no .pth file is read, so an editable install of this checkout is not seen.
    dependencies = Path(pytest.__file__).parents[1]
    script = ROOT / "pipelines" / "load_history.py"
    done = subprocess.run(
        [sys.executable, "-S", str(script), "--version"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(dependencies)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"feishu-history {VERSION}\n", "")


SUITES = ("slow", "warehouses", "airflow", "dagster", "dbt")


def test_ci_runs_what_a_developer_runs() -> None:
    """One executable script of make targets, nothing that only CI knows."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    _, _, commands = script.read_text("utf-8").partition("}\n")  # which installs a server
    targets = ["test", *(f"test-{name}" for name in SUITES)]
    assert commands.splitlines() == [f"make {target}" for target in targets]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"\n{target}:" in makefile for target in targets)
