"""The client refused: what it repeats, how long it waits, what it raises in the end."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Literal

import pytest

from feishu_source.api.auth import AppIdentity, UserIdentity
from feishu_source.api.client import Client, Page
from feishu_source.codes import CODES, find_reaction
from feishu_source.errors import (
    REACTIONS,
    ApiError,
    ChatRefused,
    CredentialsRefused,
    OptionalRefused,
    ParameterRefused,
    QuotaExhausted,
    ReplyBroken,
    RetriesExhausted,
    ScopeMissing,
    StopError,
    ThreadRefused,
    UnknownCode,
)
from feishu_source.sandbox import Fault, Sandbox, Switches, World
from feishu_source.settings import RATE_LIMIT_ATTEMPTS, Settings
from tests.small_tenant import LIST, NOW_S, START_MS, TOKEN, Tenant, served_tenant


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    """A tenant that is served while the test runs."""
    with served_tenant() as tenant:
        yield tenant


# Codes


@pytest.mark.parametrize("code", [*CODES, 987654])
@pytest.mark.parametrize("status", [200, 400])
def test_every_code_becomes_its_error_whatever_the_http_status(
    tenant: Tenant, code: int, status: Literal[200, 400]
) -> None:
    """With the code, Feishu's words, the log id and the status; the body is read first."""
    tenant.sandbox.switches = Switches(code_http_status=status)
    tenant.inject("unknown_code", times=None, code=code)
    with pytest.raises(ApiError) as refusal:
        tenant.list(tenant.client())
    error = refusal.value
    kind = find_reaction(code, "messages", "chat")
    assert type(error) is (REACTIONS[kind] if kind else UnknownCode)
    # The token endpoint's own codes come with 200 from the sandbox, as they do live.
    assert (error.code, error.http_status, error.what) == (
        code,
        200 if code in {10003, 10012, 10013, 10014, 10015} else status,
        f"list messages of chat {tenant.chat_id}",
    )
    assert error.msg == "unexpected error" or code != 987654
    assert error.log_id is not None


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [("retry", 6), ("rate", RATE_LIMIT_ATTEMPTS), ("renew", 2), ("parameter", 4), ("quota", 1)],
)
def test_each_reaction_has_its_number_of_attempts(tenant: Tenant, kind: str, attempts: int) -> None:
    """Trouble six, the rate limit twenty, a token one more, a quota never again.

    A refused parameter is asked for without either undocumented one, then without both.
    """
    code = next(code for code, entry in CODES.items() if entry.kind == kind)
    tenant.inject("unknown_code", times=None, code=code)
    with pytest.raises(ApiError):
        tenant.list(tenant.client())
    assert tenant.sandbox.count(LIST) == attempts


def test_a_thread_s_refusals_are_about_the_thread_or_its_chat(tenant: Tenant) -> None:
    """An invisible thread is skipped; a chat the bot has left is skipped as a whole."""
    client = tenant.client()
    tenant.world.hide_thread(tenant.thread_id)
    with pytest.raises(ThreadRefused) as refusal:
        client.fetch_messages("thread", tenant.thread_id)
    assert refusal.value.code == 230073
    tenant.world.leave(tenant.chat_id)
    with pytest.raises(ChatRefused) as chat_refusal:
        client.fetch_messages("thread", tenant.thread_id)
    assert chat_refusal.value.code == 230002


@pytest.mark.parametrize("name", ["chat", "members"])
def test_a_missing_scope_for_an_optional_table_can_be_done_without(
    tenant: Tenant, name: str
) -> None:
    """The scopes and the console's link come with it."""
    client = tenant.client()
    path = "/open-apis/im/v1/chats/:chat_id" + ("/members" if name == "members" else "")
    tenant.sandbox.inject(Fault("missing_scope", path=path))
    with pytest.raises(OptionalRefused) as refusal:
        getattr(client, f"fetch_{name}")(tenant.chat_id)
    scope = "im:chat.members:read" if name == "members" else "im:chat:read"
    assert refusal.value.scope_missing is True
    assert refusal.value.details == [scope]
    assert refusal.value.links[0] == (
        f"https://open.feishu.cn/app/{tenant.sandbox.app_id}/auth?q={scope}"
    )


def test_a_missing_scope_for_messages_or_the_chat_list_stops(tenant: Tenant) -> None:
    """Nothing could be read of any chat."""
    client = tenant.client()
    tenant.sandbox.inject(Fault("missing_scope", times=2, after=1))
    asks: list[Callable[[], Page]] = [lambda: tenant.list(client), client.fetch_chats]
    for ask in asks:
        with pytest.raises(ScopeMissing) as refusal:
            ask()
        assert refusal.value.scope_missing is True


@pytest.mark.parametrize(
    ("fault", "error"),
    [("quota", QuotaExhausted), ("bot_ability_off", StopError), ("unknown_code", UnknownCode)],
)
def test_refusals_that_waiting_cannot_heal_are_not_repeated(
    tenant: Tenant, fault: str, error: type[ApiError]
) -> None:
    """One request, and no wait."""
    tenant.inject(fault, times=None)
    with pytest.raises(error):
        tenant.list(tenant.client())
    assert (tenant.sandbox.count(LIST), tenant.clock.slept_s) == (1, [])


@pytest.mark.parametrize("log_id_key", ["log_id", "logid"])
def test_a_log_id_is_found_however_it_is_spelt(
    tenant: Tenant, log_id_key: Literal["log_id", "logid"]
) -> None:
    """Documentation and live replies differ."""
    tenant.sandbox.switches = Switches(log_id_key=log_id_key)
    tenant.inject("quota")
    with pytest.raises(QuotaExhausted) as refusal:
        tenant.list(tenant.client())
    link = refusal.value.links[0]
    assert link == f"https://open.feishu.cn/search?log_id={refusal.value.log_id}"


# Trouble that passes


@pytest.mark.parametrize(
    "fault", ["html_502", "cut_json", "empty_body", "reset_connection", "internal_2200"]
)
def test_trouble_that_passes_costs_a_back_off_and_nothing_else(tenant: Tenant, fault: str) -> None:
    """Two failures, two waits that double, then the page."""
    tenant.inject(fault, times=2)
    client = tenant.client()
    assert len(tenant.list(client).items) == 50
    assert tenant.clock.slept_s == [0.5, 1.0]
    assert (client.stats.requests, client.stats.retries, client.stats.refused) == (4, 2, 0)
    assert client.stats.by_endpoint("requests") == {f"POST {TOKEN}": 1, f"GET {LIST}": 3}
    assert client.stats.by_endpoint("retries") == {f"GET {LIST}": 2}


@pytest.mark.parametrize(
    ("fault", "error", "network", "http_status"),
    [
        ("html_502", RetriesExhausted, True, 502),
        ("reset_connection", RetriesExhausted, True, None),
        ("internal_2200", RetriesExhausted, False, 500),
        ("cut_json", ReplyBroken, False, 200),
        ("empty_body", ReplyBroken, False, 200),
    ],
)
def test_trouble_that_stays_ends_after_six_attempts(
    tenant: Tenant, fault: str, error: type[ApiError], network: bool, http_status: int | None
) -> None:
    """Whether it was the network tells a caller when to stop altogether."""
    tenant.inject(fault, times=None)
    with pytest.raises(error) as refusal:
        tenant.list(tenant.client())
    assert (refusal.value.network, refusal.value.http_status) == (network, http_status)
    assert tenant.sandbox.count(LIST) == 6
    assert tenant.clock.slept_s == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_back_off_is_bounded_and_has_full_jitter(tenant: Tenant) -> None:
    """Each wait is a random part of the bound, which doubles to its own bound."""
    tenant.inject("internal_2200", times=None)
    client = Client(
        AppIdentity(tenant.sandbox.app_id, tenant.sandbox.app_secret),
        tenant.sandbox.base_url,
        Settings(attempts=9),
        clock=tenant.clock,
        sleep=tenant.clock.sleep,
        random=lambda: 0.5,
    )
    with closing(client), pytest.raises(RetriesExhausted):
        tenant.list(client)
    assert tenant.clock.slept_s == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


@pytest.mark.parametrize(
    "fault",
    [
        "item_without_message_id",
        "item_without_create_time",
        "item_times_in_seconds",
        "lone_surrogate",
        "duplicate_item",
        "extra_fields",
    ],
)
def test_odd_items_are_handed_on(tenant: Tenant, fault: str) -> None:
    """What is in an item is not the client's to judge."""
    tenant.inject(fault)
    page = tenant.list(tenant.client())
    assert len(page.items) in (50, 51)
    assert tenant.sandbox.count(LIST) == 1


# The rate limit


@pytest.mark.parametrize(
    ("fault", "waits_s"),
    [
        ("rate_limited", [1.0, 1.0]),
        ("rate_limited_400", [1.0, 1.0]),
        ("rate_limited_no_header", [0.5, 1.0]),
    ],
)
def test_a_rate_limit_pauses_for_the_time_the_server_names(
    tenant: Tenant, fault: str, waits_s: list[float]
) -> None:
    """At HTTP 429 or 400; without a header, for a back-off."""
    tenant.inject(fault, times=2)
    client = tenant.client()
    assert len(tenant.list(client).items) == 50
    assert tenant.clock.slept_s == pytest.approx(waits_s)
    assert (client.stats.refused, client.stats.retries) == (2, 2)


def test_a_long_pause_that_the_server_names_is_waited_out(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """Up to ten minutes, with the time at which it goes on: giving up earlier helps nobody."""
    tenant.sandbox.inject(Fault("rate_limited", path=LIST, times=2, reset_s=300))
    client = tenant.client()
    assert len(tenant.list(client).items) == 50
    assert tenant.clock.slept_s == pytest.approx([300.0, 300.0])
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert re.fullmatch(
        rf"GET {LIST}: rate limit used up, waiting until \d\d:\d\d:\d\d UTC", told[0]
    )


def test_a_rate_limit_that_never_ends_is_given_up(tenant: Tenant) -> None:
    """After twenty attempts; it was not the network."""
    tenant.inject("rate_limited", times=None)
    client = tenant.client()
    with pytest.raises(RetriesExhausted) as refusal:
        tenant.list(client)
    assert (refusal.value.code, refusal.value.network) == (99991400, False)
    assert client.stats.refused == RATE_LIMIT_ATTEMPTS


def test_a_thousand_requests_a_minute_are_never_refused(tenant: Tenant) -> None:
    """Sixteen threads against a server that counts, on one clock for both."""
    world = World(seed=2, start_ms=START_MS, now_ms=NOW_S * 1_000)
    chat_id = world.add_chat(name="room", mode="group")
    with Sandbox(world, rate_limit=True, monotonic=tenant.clock) as sandbox:
        client = Client(
            AppIdentity(sandbox.app_id, sandbox.app_secret),
            sandbox.base_url,
            Settings(),
            clock=tenant.clock,
            sleep=tenant.clock.sleep,
        )
        with closing(client), ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: client.fetch_messages("chat", chat_id), range(1_100)))
        assert sandbox.count(LIST) == 1_100
        assert sandbox.count(LIST, code=99991400) == 0
    assert tenant.clock.now_s - 1_000.0 >= 60.0


# Tokens


def test_an_expired_token_is_renewed_before_its_end(tenant: Tenant) -> None:
    """Two hours of listing cost two tokens and no refusal."""
    client = tenant.client()
    for _ in range(9):
        tenant.list(client)
        tenant.clock.now_s += 900
        tenant.world.now_ms += 900_000
    assert tenant.sandbox.count(TOKEN) == 2
    assert tenant.sandbox.count(LIST, code=0) == 9


@pytest.mark.parametrize("fault", ["token_expired", "token_revoked"])
def test_a_refused_token_is_renewed_once_and_the_request_repeated(
    tenant: Tenant, fault: str
) -> None:
    """Without a wait, and without touching the attempts for trouble."""
    client = tenant.client()
    tenant.list(client)
    tenant.inject(fault)
    assert len(tenant.list(client).items) == 50
    assert tenant.sandbox.count(TOKEN) == 2
    assert tenant.clock.slept_s == []


def test_twenty_threads_whose_token_is_revoked_cause_one_renewal(tenant: Tenant) -> None:
    """Each is refused with the old token at most once, one asks for a new one."""
    client = tenant.client()
    tenant.list(client)
    tenant.world.tokens.revoke()
    gate = threading.Barrier(20)

    def ask(_: int) -> int:
        gate.wait()
        return len(tenant.list(client).items)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [50] * 20
    assert tenant.sandbox.count(TOKEN) == 2


def test_a_renewed_token_that_is_refused_too_stops(tenant: Tenant) -> None:
    """Two requests, two tokens, then the credentials are named as refused."""
    tenant.inject("token_expired", times=None)
    with pytest.raises(CredentialsRefused) as refusal:
        tenant.list(tenant.client())
    assert refusal.value.code == 99991663
    assert tenant.sandbox.count(LIST) == 2


def test_a_user_s_token_is_sent_as_it_is(tenant: Tenant) -> None:
    """No token is asked for."""
    client = tenant.client(UserIdentity(str(tenant.sandbox.user_access_token)))
    assert len(tenant.list(client).items) == 50
    assert tenant.sandbox.count(TOKEN) == 0


@pytest.mark.parametrize(("token", "code"), [("u-stale000", 99991668), ("t-stale000", 99991663)])
def test_a_refused_user_token_stops_with_its_own_advice(
    tenant: Tenant, token: str, code: int
) -> None:
    """It cannot be renewed, so it is not asked with twice."""
    with pytest.raises(CredentialsRefused) as refusal:
        tenant.list(tenant.client(UserIdentity(token)))
    assert (refusal.value.code, refusal.value.advice_en[:12]) == (code, "Give a fresh")
    assert tenant.sandbox.count(LIST) == 1


@pytest.mark.parametrize(
    ("app_id", "app_secret", "code"),
    [(None, "wrong", 10015), ("cli_other", None, 10014), ("other", None, 10003)],
)
def test_wrong_credentials_stop_at_the_token_endpoint(
    tenant: Tenant, app_id: str | None, app_secret: str | None, code: int
) -> None:
    """Answered with HTTP 200; asked once; nothing else is asked."""
    sandbox = tenant.sandbox
    identity = AppIdentity(app_id or sandbox.app_id, app_secret or sandbox.app_secret)
    with pytest.raises(CredentialsRefused) as refusal:
        tenant.list(tenant.client(identity))
    assert (refusal.value.code, refusal.value.http_status) == (code, 200)
    assert [request.path for request in sandbox.requests] == [TOKEN]


def test_trouble_at_the_token_endpoint_is_repeated_like_any_other(tenant: Tenant) -> None:
    """A gateway's page in front of it does not end the load."""
    tenant.sandbox.inject(Fault("html_502", path=TOKEN), Fault("cut_json", path=TOKEN))
    assert len(tenant.list(tenant.client()).items) == 50
    assert tenant.clock.slept_s == [0.5, 1.0]


# Parameters nobody documented


@pytest.mark.parametrize("code", [230001, 99992402])
def test_an_undocumented_parameter_that_is_refused_is_no_longer_sent(
    tenant: Tenant, code: Literal[230001, 99992402]
) -> None:
    """One warning, and the other parameter goes on being sent."""
    tenant.sandbox.switches = Switches(accept_with_sender_name=False, refusal_code=code)
    client = tenant.client()
    sizes = [len(page.items) for page in client.pages(lambda token: tenant.list(client, token))]
    assert sizes == [50, 50, 20]
    sent = [
        sorted(r.query.keys() & {"with_sender_name", "only_thread_root_messages"})
        for r in tenant.sandbox.requests[1:]
    ]
    assert sent == [
        ["only_thread_root_messages", "with_sender_name"],
        ["only_thread_root_messages"],
        ["only_thread_root_messages"],
        ["only_thread_root_messages"],
    ]
    assert client.warnings == [
        f"The API refused the undocumented parameter with_sender_name (code {code}): "
        "sender names are missing from now on."
    ]
    assert client.flat_topics is True


def test_the_client_tells_when_topics_can_no_longer_be_asked_for_flat(tenant: Tenant) -> None:
    """The caller must then read their threads."""
    tenant.sandbox.switches = Switches(accept_only_thread_root=False)
    client = tenant.client()
    assert (client.flat_topics, len(tenant.list(client).items), client.flat_topics) == (
        True,
        50,
        False,
    )
    assert len(client.warnings) == 1


def test_both_undocumented_parameters_may_be_refused(tenant: Tenant) -> None:
    """Then neither is sent, and each is warned about once, by however many threads."""
    tenant.sandbox.switches = Switches(accept_only_thread_root=False, accept_with_sender_name=False)
    client = tenant.client()
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: tenant.list(client), range(16)))
    assert [len(page.items) for page in pages] == [50] * 16
    assert sorted(warning.split()[6] for warning in client.warnings) == [
        "only_thread_root_messages",
        "with_sender_name",
    ]


def test_a_request_that_is_wrong_by_itself_keeps_the_undocumented_parameters(
    tenant: Tenant,
) -> None:
    """It is refused without them as well, so they are not the cause."""
    tenant.sandbox.switches = Switches(start_zero_accepted=False)
    client = tenant.client()
    with pytest.raises(ParameterRefused) as refusal:
        tenant.list(client)
    assert (refusal.value.code, client.warnings, client.flat_topics) == (230001, [], True)
