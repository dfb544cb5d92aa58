"""Access tokens: when one is asked for, when it is kept, and who sees a secret."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from feishu_source.api.auth import AppIdentity, Grant, UserIdentity, parse_grant
from feishu_source.api.endpoints import TokenName
from feishu_source.errors import ConfigurationError, CredentialsRefused, RetriesExhausted
from tests.clocks import FakeClock

MARGIN_S = 300.0


class TokenEndpoint:
    """Grants t-1, t-2, … for as long as it is told, and remembers what it was sent."""

    def __init__(self, expire_s: float = 7_200, clock: FakeClock | None = None) -> None:
        self.expire_s = expire_s
        self.bodies: list[dict[str, str]] = []
        self.clock = clock or FakeClock()
        self.takes_s = 0.0

    def __call__(self, name: TokenName, body: Mapping[str, str]) -> Grant:
        """One more token."""
        assert name == "token"
        self.bodies.append(dict(body))
        self.clock.now_s += self.takes_s
        return Grant(f"t-{len(self.bodies)}", self.expire_s)


def test_a_token_is_fetched_once_and_kept() -> None:
    """The body is the app's id and secret, and one request serves until the token's end."""
    identity, endpoint = AppIdentity("cli_a", "hunter2"), TokenEndpoint()
    tokens = [identity.token(endpoint, endpoint.clock, MARGIN_S) for _ in range(3)]
    assert tokens == ["t-1", "t-1", "t-1"]
    assert endpoint.bodies == [{"app_id": "cli_a", "app_secret": "hunter2"}]


def test_a_token_is_renewed_a_margin_before_the_end_that_its_reply_names() -> None:
    """A fresh process may be given a token with half its life gone: 4567 s, not 7200."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint(4_567)
    found = []
    for elapsed_s in (0.0, 4_266.0, 1.0):
        endpoint.clock.now_s += elapsed_s
        found.append(identity.token(endpoint, endpoint.clock, MARGIN_S))
    assert found == ["t-1", "t-1", "t-2"]


def test_a_token_s_life_counts_from_before_its_request() -> None:
    """A reply that was a minute on its way does not make the token live a minute longer."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint(1_000)
    endpoint.takes_s = 60.0
    identity.token(endpoint, endpoint.clock, MARGIN_S)
    endpoint.clock.now_s += 640.0
    assert identity.token(endpoint, endpoint.clock, MARGIN_S) == "t-2"


def test_a_life_shorter_than_the_margin_is_used_for_half_of_it() -> None:
    """Otherwise each request would ask for a token first."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint(200)
    found = []
    for elapsed_s in (0.0, 99.0, 1.0):
        endpoint.clock.now_s += elapsed_s
        found.append(identity.token(endpoint, endpoint.clock, MARGIN_S))
    assert found == ["t-1", "t-1", "t-2"]


def test_only_the_current_token_is_dropped() -> None:
    """A late refusal of the old token does not throw the new one away."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint()
    old = identity.token(endpoint, endpoint.clock, MARGIN_S)
    assert identity.drop(old) is True
    assert identity.token(endpoint, endpoint.clock, MARGIN_S) == "t-2"
    assert identity.drop(old) is True
    assert identity.token(endpoint, endpoint.clock, MARGIN_S) == "t-2"


def test_many_threads_share_one_fetch() -> None:
    """Twenty that find no token at once cause one request."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint()
    gate = threading.Barrier(20)

    def ask(_: int) -> str:
        gate.wait()
        return identity.token(endpoint, endpoint.clock, MARGIN_S)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {"t-1"}
    assert len(endpoint.bodies) == 1


def test_those_who_waited_for_a_failed_fetch_share_its_failure() -> None:
    """Sixteen workers do not each repeat the six attempts that have just failed."""
    identity, clock, calls = AppIdentity("cli_a", "s"), FakeClock(), []
    others: list[threading.Thread] = []
    failures: list[Exception] = []

    def fail(name: TokenName, body: Mapping[str, str]) -> Grant:
        calls.append(body)
        for _ in range(4):
            others.append(threading.Thread(target=ask))
            others[-1].start()
        while not all(_waits_for_token(thread) for thread in others):
            pass
        raise RetriesExhausted("get a tenant access token", network=True)

    def ask() -> None:
        try:
            identity.token(fail, clock, MARGIN_S)
        except RetriesExhausted as error:
            failures.append(error)

    ask()
    for thread in others:
        thread.join()
    assert len(calls) == 1
    assert [(type(error), str(error)) for error in failures] == [
        (RetriesExhausted, str(failures[0]))
    ] * 5
    assert len({id(error) for error in failures}) == 5


def test_a_failed_fetch_is_tried_again_by_whoever_comes_later() -> None:
    """Only those who waited share the failure."""
    identity, endpoint = AppIdentity("cli_a", "s"), TokenEndpoint()

    def fail(name: TokenName, body: Mapping[str, str]) -> Grant:
        raise RetriesExhausted("get a tenant access token")

    with pytest.raises(RetriesExhausted):
        identity.token(fail, endpoint.clock, MARGIN_S)
    assert identity.token(endpoint, endpoint.clock, MARGIN_S) == "t-1"


def test_a_user_s_token_is_used_as_it_is() -> None:
    """It cannot be renewed, so dropping it leads nowhere."""
    identity, endpoint = UserIdentity(" u-abc\n"), TokenEndpoint()
    assert identity.token(endpoint, endpoint.clock, MARGIN_S) == "u-abc"
    assert identity.drop("u-abc") is False
    assert endpoint.bodies == []


def test_a_refused_user_token_advises_another_token() -> None:
    """Whatever the code would advise an app."""
    error = CredentialsRefused("list chats", code=99991663)
    UserIdentity("u-abc").explain(error)
    assert (error.hint, error.advice_en) == (
        "A ready-made access token lives about two hours and is not renewed here.",
        "Give a fresh user_access_token, or app_id and app_secret, which are renewed by "
        "themselves.",
    )


@pytest.mark.parametrize(
    ("app_id", "hint"),
    [("cli_a", None), ("a1b2", "The app_id does not begin with cli_, as app ids do.")],
)
def test_an_odd_app_id_is_mentioned_once_it_was_refused(app_id: str, hint: str | None) -> None:
    """Its shape is no reason to refuse it ourselves."""
    error = CredentialsRefused("get a tenant access token", code=10014)
    AppIdentity(app_id, "s").explain(error)
    assert error.hint == hint


def test_no_identity_shows_its_secrets() -> None:
    """A repr lands in logs and tracebacks."""
    app, endpoint = AppIdentity("cli_a", "hunter2"), TokenEndpoint()
    app.token(endpoint, endpoint.clock, MARGIN_S)
    assert [repr(app), repr(UserIdentity("u-hunter2")), repr(Grant("t-hunter2", 1.0))] == [
        "AppIdentity(app_id='cli_a', app_secret=[redacted])",
        "UserIdentity(user_access_token=[redacted])",
        "Grant(token=[redacted], expire_s=1.0)",
    ]
    assert app.secrets() == ("hunter2", "t-1")
    assert UserIdentity("u-hunter2").secrets() == ("u-hunter2",)


@pytest.mark.parametrize("value", ["", "  ", None, 5])
def test_an_empty_credential_is_refused_with_the_place_to_set_it(value: str) -> None:
    """Before any request, naming the setting and the environment variable."""
    with pytest.raises(ConfigurationError) as refusal:
        AppIdentity(value, "s")
    assert str(refusal.value) == (
        "app_id is empty: set it in .dlt/secrets.toml under [sources.feishu] or as "
        "SOURCES__FEISHU__APP_ID."
    )


@pytest.mark.parametrize("value", ["hun ter2", "hunter2\x00x", "hunter\u00e4", "hun\nter2"])
def test_a_credential_that_fits_no_header_is_refused_without_repeating_it(value: str) -> None:
    """A line break in a token would be another header."""
    for make in (lambda: AppIdentity("cli_a", value), lambda: UserIdentity(value)):
        with pytest.raises(ConfigurationError, match="white space or characters") as refusal:
            make()
        assert "hun" not in str(refusal.value)


@pytest.mark.parametrize("value", ["Bearer", "bearer:u-a"])
def test_a_user_token_with_its_header_word_is_refused(value: str) -> None:
    """A doubled Bearer is answered with 99991668, which explains nothing."""
    with pytest.raises(ConfigurationError, match="without the word Bearer"):
        UserIdentity(value)


def test_surrounding_white_space_is_no_part_of_a_credential() -> None:
    """It comes along when one copies from a web page."""
    identity, endpoint = AppIdentity(" cli_a ", "hunter2\n"), TokenEndpoint()
    identity.token(endpoint, endpoint.clock, MARGIN_S)
    assert endpoint.bodies == [{"app_id": "cli_a", "app_secret": "hunter2"}]


def test_a_flat_reply_is_a_grant() -> None:
    """There is no `data` in it, and `expire` is what is left."""
    reply = {"code": 0, "msg": "ok", "tenant_access_token": "t-a", "expire": 1801}
    assert parse_grant(reply) == Grant("t-a", 1801.0)


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"tenant_access_token": "", "expire": 10},
        {"tenant_access_token": 5, "expire": 10},
        {"tenant_access_token": "t-a\r\nX: y", "expire": 10},
        {"tenant_access_token": "t-a"},
        {"tenant_access_token": "t-a", "expire": 0},
        {"tenant_access_token": "t-a", "expire": True},
        {"tenant_access_token": "t-a", "expire": "7200"},
        {"tenant_access_token": "t-a", "expire": float("nan")},
    ],
)
def test_a_reply_without_a_usable_token_is_no_grant(reply: dict[str, object]) -> None:
    """It breaks its contract, and the next attempt may be whole."""
    with pytest.raises(ValueError, match="is missing or"):
        parse_grant(reply)


def _waits_for_token(thread: threading.Thread) -> bool:
    """Whether the thread has come as far as the lock inside `KeptToken.token`."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == "token" and "seen" in frame.f_locals
