"""A load as an app of the app store: the truth, tickets that change, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from feishu_source import plan
from feishu_source.api import Client, StoreIdentity
from feishu_source.cli import main
from feishu_source.errors import ConfigurationError, CredentialsRefused
from feishu_source.sandbox import Fault
from feishu_source.settings import Settings
from feishu_source.ticket import TicketFile
from tests.cli_tenant import workplace
from tests.lab import DAY_S, MESSAGES
from tests.store_lab import StoreLab, store

__all__ = ["store", "workplace"]

APP_TOKEN = "/open-apis/auth/v3/app_access_token"
RESEND = "/open-apis/auth/v3/app_ticket/resend"


def test_load_as_a_store_app_equals_the_truth(store: StoreLab) -> None:
    """Two requests for tokens and no more; a day later again."""
    assert store.load().exit_code == 0
    assert store.sandbox.count("/open-apis/auth") == 2
    store.assert_equals_truth()
    store.world.advance(DAY_S)
    store.app.push()
    ann, chat = next(iter(store.world.users)), next(iter(store.world.chats))
    store.world.post(chat, ann, text="new")
    assert store.load().exit_code == 0
    store.assert_equals_truth()


def test_ticket_that_changed_in_the_midst_of_a_load_is_read_anew(store: StoreLab) -> None:
    """All tokens end and so does the ticket, while another one lies in the file."""

    def end_everything_once() -> None:
        if store.sandbox.count(MESSAGES) == 2:
            store.world.on_look = None
            store.app.expire_tickets()
            store.app.revoke_app_tokens()
            store.world.revoke_tokens()
            store.app.push()

    store.world.on_look = end_everything_once
    assert store.load(workers=1, page_size=10).exit_code == 0
    codes = [(each.path, each.code) for each in store.sandbox.requests if "auth" in each.path]
    tenant_token = "/open-apis/auth/v3/tenant_access_token"
    assert codes == [
        *((APP_TOKEN, 0), (tenant_token, 0)),
        # the app token that is kept is refused, then the ticket is read and exchanged
        *((tenant_token, 99991664), (APP_TOKEN, 0), (tenant_token, 0)),
    ]
    store.assert_equals_truth()


def test_ticket_that_is_replaced_while_it_is_sent_is_read_once_more(
    store: StoreLab,
) -> None:
    """Refused, and the file holds another one by then: that is tried, nobody is asked for more."""
    stale: list[str] = []

    def read_ticket() -> str:
        return stale.pop() if stale else store.ticket_file.read_text("utf-8")

    sandbox = store.sandbox
    identity = StoreIdentity(
        sandbox.app_id, sandbox.app_secret, store.world.tenant_key, read_ticket
    )
    stale.append("ticket-of-an-hour-ago")
    client = Client(identity, sandbox.base_url, replace(Settings(), back_off_base_s=0.0))
    client.authenticate()
    client.close()
    assert [each.code for each in sandbox.requests if each.path == APP_TOKEN] == [10012, 0]
    assert sandbox.count(RESEND) == 0


def test_refused_ticket_is_told_with_the_next_step_and_another_is_asked_for(
    store: StoreLab,
) -> None:
    """The load fails; Feishu pushes one to the callback, and the next load goes through."""
    store.app.expire_tickets()
    with pytest.raises(CredentialsRefused) as refused:
        store.load()
    assert str(refused.value).startswith(
        'Could not get an app access token: no app token can be issued (code 10012, "get app '
        'access token failed"). The app_ticket is not valid, or not any more. Feishu was asked to '
        "push another one to the app's callback. Next step: See that the app's event callback "
        "keeps the newest app_ticket where app_ticket_file or app_ticket points"
    )
    assert "app_ticket 无效或已失效。已请求飞书" in refused.value.in_chinese()
    assert store.sandbox.count(RESEND) == 1
    for ticket in store.app.pushed:
        assert ticket not in str(refused.value)
    assert store.load().exit_code == 0
    store.assert_equals_truth()


def test_push_that_is_refused_leaves_the_refusal_of_the_ticket(store: StoreLab) -> None:
    """What has to be told is the ticket."""
    store.app.expire_tickets()
    store.sandbox.inject(Fault("unknown_code", path=RESEND))
    with pytest.raises(CredentialsRefused) as refused:
        store.load()
    assert refused.value.code == 10012
    assert "asked to push" not in str(refused.value)


def test_ticket_from_the_environment_is_looked_up_there_at_each_load(
    store: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at each renewal, whichever variable it came from."""
    monkeypatch.setenv("SOURCES__FEISHU__APP_TICKET", "no-ticket")
    given = {"app_ticket_file": None, "rungs": "off"}
    with pytest.raises(CredentialsRefused):
        store.load(**given)
    monkeypatch.setenv("SOURCES__FEISHU__APP_TICKET", store.app.ticket)
    assert store.load(**given).exit_code == 0


def test_tenant_that_has_not_installed_the_app_is_told(store: StoreLab) -> None:
    """With its key, and whom to turn to."""
    with pytest.raises(CredentialsRefused) as refused:
        store.load(tenant_key="73658811060f175d")
    assert refused.value.code == 10013
    assert "The tenant_key is 73658811060f175d." in str(refused.value)
    assert "have its administrator install and enable the app" in str(refused.value)


def test_dataset_of_one_tenant_takes_no_other_of_the_same_app(store: StoreLab) -> None:
    """App and host are the same: the tenant key tells them apart."""
    assert store.load().exit_code == 0
    with pytest.raises(ConfigurationError, match=r"loaded with tenant_key .*, not another: ids"):
        store.load(tenant_key="another")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tenant_key": None}, "tenant_key is empty: set it"),
        ({"app_ticket_file": None}, "tenant_key is for an app of the app store, which needs an"),
        ({"app_ticket": "x"}, "app_ticket and app_ticket_file are both set"),
        ({"app_secret": None}, "app_secret is empty: set it"),
        ({"app_id": None}, "app_id is empty: set it"),
        ({"app_ticket_file": "nowhere"}, "app_ticket_file nowhere holds no app ticket (No such"),
        ({"app_ticket_file": None, "app_ticket": "two words"}, "app_ticket holds white space"),
    ],
)
def test_identity_that_is_half_given_is_refused_before_any_request(
    store: StoreLab, change: dict[str, Any], said: str
) -> None:
    """Named by its setting; no value is repeated."""
    with pytest.raises(ConfigurationError) as refused:
        store.load(**change)
    assert said in str(refused.value)
    assert store.sandbox.requests == []


@pytest.mark.usefixtures("workplace")
def test_half_given_identity_is_exit_code_2_of_the_command(
    store: StoreLab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the environment, as any setting."""
    access = store.access | {"app_ticket_file": ""}
    for name in ("base_url", "app_id", "app_secret", "tenant_key", "app_ticket_file"):
        monkeypatch.setenv(f"SOURCES__FEISHU__{name.upper()}", access[name])
    assert main(["--json"]) == 2
    assert "needs an app ticket too" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_file_that_is_being_written_does_not_end_a_load(store: StoreLab) -> None:
    """Empty for an instant, or gone: the ticket read last is tried."""
    read = TicketFile(str(store.ticket_file))
    assert read() == store.app.ticket
    store.ticket_file.write_text("\n")
    assert read() == store.app.ticket
    store.ticket_file.unlink()
    assert read() == store.app.ticket
    store.app.push()
    assert read() == store.app.ticket


def test_file_without_a_ticket_is_told(store: StoreLab) -> None:
    """Empty from the start, or no text: the reason is told, what is in it is not."""
    store.ticket_file.write_text(" \n")
    with pytest.raises(ConfigurationError, match="holds no app ticket \\(it is empty\\)"):
        store.load()
    store.ticket_file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        store.load()


def test_plan_counts_both_requests_for_a_token(store: StoreLab) -> None:
    """Twice as many as a custom app makes."""
    told = plan(**store.access)
    assert told.first_load.by_kind["tokens"].point == 2
    assert told.day.by_kind["tokens"].point == 48


def test_no_identity_shows_its_secrets() -> None:
    """A repr lands in logs and tracebacks."""
    identity = StoreIdentity("cli_a", "hunter2", "key", lambda: "ticket-1")
    assert repr(identity) == (
        "StoreIdentity(app_id='cli_a', tenant_key='key', app_secret=[redacted], "
        "app_ticket=[redacted])"
    )
    assert set(identity.secrets()) - {""} == {"hunter2", "ticket-1"}
