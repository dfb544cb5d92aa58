"""docs/dagster.md: what it tells to configure is read, and its commands run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg

from tests.dagster_stories.dagster_lab import DagsterLab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dagster.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code of every fence of a language, without its indentation."""
    found = re.findall(rf"^   ```{language}\n(.*?)^   ```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub("^   ", "", block, flags=re.MULTILINE) for block in found]


def test_the_commands_load_a_tenant_and_dagster_understands_its_file(lab: DagsterLab) -> None:
    """From the check of the definitions to a load, in processes of Dagster's own."""
    (config,) = blocks("yaml")
    home = lab.home.parent / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(config)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    own = {
        "DAGSTER_HOME": str(home),
        "FEISHU_DATABASE": lab.where["database"],
        "FEISHU_PIPELINES_DIR": lab.where["pipelines_dir"],
    }
    commands = blocks("sh")[-1].splitlines()
    assert commands.pop() == ".venv-dagster/bin/dagster dev -f pipelines/dagster_definitions.py"
    for command in commands:
        program, *words = command.split()
        assert program == ".venv-dagster/bin/dagster"
        done = subprocess.run(
            [sys.executable, "-m", "dagster", *words],
            cwd=ROOT,
            env=os.environ | lab.environment | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert lab.sandbox.app_secret not in done.stdout + done.stderr
    lab.assert_equals_truth()
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not [one for one in files if lab.sandbox.app_secret.encode() in one]


def test_every_variable_is_told() -> None:
    """And no other."""
    told = set(re.findall(r"^\| `(FEISHU_\w+)`", PAGE, re.MULTILINE))
    code = (ROOT / "pipelines" / "dagster_definitions.py").read_text("utf-8")
    assert told == set(re.findall(r'given\("(\w+)"', code))


def test_what_is_named_is_there() -> None:
    """Files, the extra, the picture, the make target."""
    for path in re.findall(r"(?:pipelines/\w+\.py|constraints[\w-]*\.txt)", PAGE):
        assert (ROOT / path).is_file(), path
    (picture,) = re.findall(r"\]\((images/.*?)\)", PAGE)
    assert (ROOT / "docs" / picture).is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "dagster" in project["optional-dependencies"]
    assert "\ntest-dagster:" in (ROOT / "Makefile").read_text("utf-8")
