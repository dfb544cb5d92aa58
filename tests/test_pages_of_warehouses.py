"""The pages of warehouses that no test reaches say what dlt, the options and the extras know."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from feishu_source.cli.options import Options, parse
from feishu_source.settings import Settings

ROOT = Path(__file__).parents[1]
CONFIGURATIONS = {
    "bigquery": "BigQueryClientConfiguration",
    "clickhouse": "ClickHouseClientConfiguration",
    "databricks": "DatabricksClientConfiguration",
    "snowflake": "SnowflakeClientConfiguration",
}
EVERY_PAGE = pytest.mark.parametrize("name", CONFIGURATIONS)
PLAIN = {"bigquery": "GcpServiceAccountCredentials"}
"""Where there are several kinds of credentials, the one that the page shows."""


def page(name: str) -> str:
    """The page of a destination."""
    return (ROOT / "docs" / "destinations" / f"{name}.md").read_text("utf-8")


def commands(name: str) -> list[str]:
    """The lines of its commands."""
    blocks = re.findall(r"```sh\n(.*?)```", page(name), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def configuration(name: str) -> Any:
    """dlt's own declaration of what can be configured."""
    module = import_module(f"dlt.destinations.impl.{name}.configuration")
    return getattr(module, CONFIGURATIONS[name])


@EVERY_PAGE
def test_every_variable_is_one_that_dlt_reads(name: str) -> None:
    """Of the destination, or of its credentials."""
    known = configuration(name).get_resolvable_fields()
    credentials = known["credentials"]
    if name in PLAIN:
        credentials = getattr(import_module("dlt.common.configuration.specs"), PLAIN[name])
    found = re.findall(rf"DESTINATION__{name.upper()}__(\w+)", page(name))
    assert found
    for key in found:
        section, _, inner = key.lower().rpartition("__")
        fields = credentials.get_resolvable_fields() if section else known
        assert (section, inner in fields) in (("", True), ("credentials", True)), key


@EVERY_PAGE
def test_every_setting_of_the_source_is_one(name: str) -> None:
    """As `.dlt/config.toml` names it."""
    settings = re.findall(r"SOURCES__FEISHU__(\w+)", page(name))
    assert [s for s in settings if s.lower() not in Settings.__dataclass_fields__] == []


@EVERY_PAGE
def test_every_command_can_be_given(name: str) -> None:
    """Its options exist, its extras too, and its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = commands(name)
    for line in lines:
        if line.startswith("feishu-history "):
            options = parse(line.split()[1:])
            assert isinstance(options, Options)
            assert options.destination == name
        elif line.startswith("pip install "):
            (extras,) = re.findall(r"\[(.*)\]", line)
            assert set(extras.split(",")) <= project["optional-dependencies"].keys()
        elif line.startswith("FEISHU_LIVE_DESTINATION="):
            assert line.split() == [
                f"FEISHU_LIVE_DESTINATION={name}",
                *("python", "-m", "pytest", "tests/warehouses/live"),
            ]
            assert (ROOT / "tests" / "warehouses" / "live" / "test_live.py").is_file()
        else:
            assert line.startswith(f"export DESTINATION__{name.upper()}__")
    assert sum(line.startswith("feishu-history ") for line in lines) == 2
