"""Configuration that cannot be meant: named by file, line and key, its values never repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext

from feishu_source.cli import main
from tests.cli_tenant import Tenant, tenant, workplace

__all__ = ["tenant", "workplace"]


@pytest.fixture(autouse=True)
def fresh_dlt() -> Iterator[None]:
    """dlt reads its files once in a process; here it forgets them before and after a test."""
    _forget_files()
    yield
    _forget_files()


def _forget_files() -> None:
    if PluggableRunContext in Container():
        del Container()[PluggableRunContext]


def configure(text: str, name: str = "config.toml") -> None:
    """Writes a file of dlt's configuration."""
    Path(".dlt").mkdir(exist_ok=True)
    (Path(".dlt") / name).write_text(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('chat_ids = "hush"', 'setting chat_ids is not a list: write chat_ids = ["…"] under'),
        ("include = [1]", "setting include must be a list of texts"),
        ('workers = "hush"', "setting workers is not a whole number: write workers = 1 under"),
        ("workers = 2.5", "setting workers is not a whole number"),
        ('rate_share = "hush"', "setting rate_share is not a number: write rate_share = 1.0"),
        ('threads = "hush"', "setting threads is not true or false: write threads = true"),
    ],
)
def test_value_of_another_kind_is_refused_with_its_key(
    tenant: Tenant, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 before any request, and how it is written; the value is not repeated."""
    configure(f"[sources.feishu]\n{line}\n")
    assert main(["--log-level", "debug"]) == 2
    captured = "".join(capsys.readouterr())
    assert said in " ".join(captured.split())
    assert "hush" not in captured
    assert tenant.sandbox.requests == []


def test_value_of_another_kind_in_the_environment_is_refused_likewise(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message shows how a list is spelt there."""
    monkeypatch.setenv("SOURCES__FEISHU__CHAT_IDS", tenant.team)
    assert main([]) == 2
    assert """SOURCES__FEISHU__CHAT_IDS='["…"]' in the environment""" in capsys.readouterr().err
    assert tenant.sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.toml", "[sources.feishu]\nworkers = \n", "(at line 2, column 11)"),
        ("secrets.toml", '[sources.feishu]\napp_secret = "hush\n', "(at line 2, column 19)"),
        ("secrets.toml", "\udcff", "it is not UTF-8"),
    ],
)
def test_file_that_is_no_toml_is_named_with_the_line(
    tenant: Tenant, name: str, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2; what stands in the file stays there."""
    Path(".dlt").mkdir()
    (Path(".dlt") / name).write_bytes(text.encode(errors="surrogateescape"))
    assert main(["--log-level", "debug"]) == 2
    captured = "".join(capsys.readouterr())
    assert f".dlt/{name} cannot be read: " in captured
    assert said in captured
    assert "hush" not in captured
    assert tenant.sandbox.requests == []


def test_misspelt_setting_is_told_with_the_nearest_known_one(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In each place, once a load; the load goes on, and no value is shown."""
    configure("[sources.feishu]\nlook_back = 54321\nmax_table_nesting = 1\n[sources.feishu.x]\na=1")
    configure('[sources.feishu]\nzzz = "hush"\n', "secrets.toml")
    monkeypatch.setenv("SOURCES__FEISHU__CHATIDS", "hush")
    assert main(["--json", "--tolerate", "0"]) == 0
    captured = capsys.readouterr()
    told = [
        "zzz under [sources.feishu] in ./.dlt/secrets.toml is not a setting and is ignored.",
        "look_back under [sources.feishu] in ./.dlt/config.toml is not a setting and is ignored: "
        "did you mean look_back_s?",
        "SOURCES__FEISHU__CHATIDS in the environment is not a setting and is ignored: did you "
        "mean chat_ids?",
    ]
    assert json.loads(captured.out)["warnings"] == told
    for sentence in told:
        assert captured.err.count(sentence) == 1
    assert not {"hush", "54321"} & set((captured.out + captured.err).split())


def test_misspelt_credential_is_told_where_credentials_are_missing(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error alone would not say why."""
    configure('[sources.feishu]\nap_id = "cli_x"\n', "secrets.toml")
    assert main([]) == 2
    assert "ap_id under [sources.feishu] in ./.dlt/secrets.toml" in capsys.readouterr().err
