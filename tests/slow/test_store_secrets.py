"""A store app's secrets are nowhere: secret, tickets, both kinds of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from feishu_source.cli import main
from feishu_source.sandbox import Fault, World
from tests.evidence import Evidence
from tests.lab import START_MS
from tests.slow.test_secrets import places_of
from tests.store_lab import StoreLab

APP_TOKEN = "/open-apis/auth/v3/app_access_token"
TENANT_TOKEN = "/open-apis/auth/v3/tenant_access_token"
STALE = "ticket-of-last-week"


def succeed(lab: StoreLab) -> None:
    """All goes well."""
    assert main([*places_of(lab), "--log-level", "debug"]) == 0


def bring_a_stale_ticket(lab: StoreLab) -> None:
    """By the library, by the command line, by the check."""
    lab.app.on_ticket = None
    lab.ticket_file.write_text(STALE)
    assert main([*places_of(lab), "--log-level", "debug"]) == 1
    assert main([*places_of(lab), "--check", "--json"]) == 1
    lab.load()


def bring_no_ticket(lab: StoreLab) -> None:
    """What is in the file cannot be one."""
    lab.ticket_file.write_text(f"{STALE} {STALE}")
    assert main([*places_of(lab), "--log-level", "debug"]) == 2
    lab.load()


def get_half_a_token(lab: StoreLab) -> None:
    """Both replies that hold tokens are cut, one after the other."""
    for path in (APP_TOKEN, TENANT_TOKEN):
        lab.sandbox.inject(Fault("cut_json", path=path, times=None))
        assert main([*places_of(lab), "--log-level", "debug"]) == 1
        lab.sandbox.clear_faults()


def be_redirected(lab: StoreLab) -> None:
    """With the ticket in hand."""
    lab.sandbox.inject(Fault("redirect_307", path=APP_TOKEN))
    lab.load()


STEPS: dict[str, tuple[Callable[[StoreLab], None], str | None]] = {
    "good": (succeed, None),
    "stale": (bring_a_stale_ticket, "CredentialsRefused"),
    "none": (bring_no_ticket, "ConfigurationError"),
    "half": (get_half_a_token, None),
    "redirect": (be_redirected, "StopError"),
}
"""What happens, and the exception it ends with."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evidence, StoreLab]]:
    """All loads, and what they left."""
    folder = tmp_path_factory.mktemp("store-secrets")
    world = World(seed=1, start_ms=START_MS, now_ms=START_MS)
    world.post(world.add_chat(name="team"), text="hello")
    evidence = Evidence()
    with pytest.MonkeyPatch.context() as patch, StoreLab(folder, world) as lab:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt-data"))
        patch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
        patch.setenv("SOURCES__FEISHU__BACK_OFF_BASE_S", "0")
        patch.setenv("SOURCES__FEISHU__ATTEMPTS", "2")
        names = ("base_url", "app_id", "app_secret", "tenant_key", "app_ticket_file")
        for name in names:
            patch.setenv(f"SOURCES__FEISHU__{name.upper()}", str(lab.access[name]))
        patch.chdir(folder)
        for name, (step, _) in STEPS.items():
            with evidence.of_load(name, folder / "pipelines"):
                step(lab)
            lab.sandbox.clear_faults()
            lab.ticket_file.write_text(lab.app.ticket)
        evidence.add_tables("at last", lab.database)
        yield evidence, lab


def test_loads_ended_as_they_were_meant_to(found: tuple[Evidence, StoreLab]) -> None:
    """Each failure is the one that was wanted."""
    evidence, _ = found
    assert evidence.errors() == {name: kind for name, (_, kind) in STEPS.items() if kind}


def test_the_search_sees_what_is_no_secret(found: tuple[Evidence, StoreLab]) -> None:
    """The tenant key stands in the state, the app id in what the check tells."""
    evidence, lab = found
    kinds = {where for _, where, _ in evidence.places(lab.world.tenant_key)}
    assert "table" in kinds
    assert evidence.places("Feishu was asked to push another one")


@pytest.mark.parametrize("secret", ["app secret", "tickets", STALE, "a-sandbox", "t-sandbox"])
def test_secret_is_nowhere(found: tuple[Evidence, StoreLab], secret: str) -> None:
    """Not written, logged, raised, filed or loaded, by no load."""
    evidence, lab = found
    words = {"app secret": [lab.sandbox.app_secret], "tickets": lab.app.pushed}.get(
        secret, [secret]
    )
    assert [place for word in words for place in evidence.places(word)] == []
