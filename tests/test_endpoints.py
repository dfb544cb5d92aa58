"""What can be called at all, and where to."""

from __future__ import annotations

import pytest

from feishu_source.api.endpoints import (
    ENDPOINTS,
    Call,
    IdKind,
    check_id,
    is_loopback,
    resolve_base_url,
)
from feishu_source.errors import ConfigurationError, HostNotAllowed, MalformedId


def test_the_allow_list_holds_reading_calls_and_tokens_and_nothing_else() -> None:
    """Nothing on it writes to a tenant."""
    assert sorted(str(endpoint) for endpoint in ENDPOINTS.values()) == [
        "GET /open-apis/application/v6/scopes",
        "GET /open-apis/contact/v3/users/batch",
        "GET /open-apis/docx/v1/chats/{id}/announcement",
        "GET /open-apis/im/v1/chats",
        "GET /open-apis/im/v1/chats/{id}",
        "GET /open-apis/im/v1/chats/{id}/announcement",
        "GET /open-apis/im/v1/chats/{id}/chat_tabs/list_tabs",
        "GET /open-apis/im/v1/chats/{id}/members",
        "GET /open-apis/im/v1/chats/{id}/members/is_in_chat",
        "GET /open-apis/im/v1/messages",
        "GET /open-apis/im/v1/messages/{id}",
        "GET /open-apis/im/v1/messages/{id}/resources/{key}",
        "GET /open-apis/im/v1/pins",
        "POST /open-apis/auth/v3/app_access_token",
        "POST /open-apis/auth/v3/app_ticket/resend",
        "POST /open-apis/auth/v3/tenant_access_token",
        "POST /open-apis/auth/v3/tenant_access_token/internal",
        "POST /open-apis/im/v1/messages/reactions/batch_query",
    ]


def test_a_call_puts_its_id_into_the_path() -> None:
    """The template stays what the rate limit is counted by."""
    assert Call("members", "x", "oc_1").path == "/open-apis/im/v1/chats/oc_1/members"


def test_a_call_about_people_names_each_of_them() -> None:
    """One parameter, given as often as there are people."""
    call = Call("users", "x", params={"a": "b c"}, ids=("ou_1", "ou_2"))
    assert call.query == "a=b+c&user_ids=ou_1&user_ids=ou_2"


def test_a_call_does_not_show_its_body() -> None:
    """The body of the token call is the app secret."""
    assert "hunter2" not in repr(Call("token", "x", body={"app_secret": "hunter2"}))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("chat", "oc_aZ09_-"),
        ("thread", "omt_d4be107c616a"),
        ("message", "om_dc13"),
        ("user", "ou_84"),
    ],
)
def test_an_id_of_its_kind_passes(kind: IdKind, value: str) -> None:
    """Letters, digits, - and _ after the prefix."""
    assert check_id(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("chat", "../x"),
        ("chat", "oc_a/b?c"),
        ("chat", "oc_"),
        ("chat", "oc_a\n"),
        ("chat", "om_a"),
        ("chat", "oc_ä"),
        ("chat", ""),
        ("chat", None),
        ("chat", 7),
        ("thread", "om_a"),
        ("message", "omt_a"),
    ],
)
def test_a_malformed_id_is_refused(kind: IdKind, value: object) -> None:
    """No path and no query can hide in an id."""
    with pytest.raises(MalformedId, match=f"is not the id of a {kind}"):
        check_id(kind, value)


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        ("", "https://open.feishu.cn"),
        ("feishu", "https://open.feishu.cn"),
        (" Lark ", "https://open.larksuite.com"),
        ("https://open.feishu.cn", "https://open.feishu.cn"),
        ("https://OPEN.feishu.cn:443/open-apis/", "https://open.feishu.cn"),
        ("https://open.larksuite.com/", "https://open.larksuite.com"),
        ("https://gate.example.com", "https://gate.example.com"),
        ("https://gate.example.com:8443/open-apis", "https://gate.example.com:8443"),
        ("https://only.example.com:8443", "https://only.example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1:80", "http://127.8.9.1"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://localhost", "https://localhost"),
    ],
)
def test_a_base_url_resolves_to_scheme_and_host(given: str, resolved: str) -> None:
    """Two editions by name, hosts that were named, and this machine."""
    hosts = ["Gate.example.com", "only.example.com:8443"]
    assert resolve_base_url(given, hosts) == resolved


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://open.feishu.cn.evil.example", "open.feishu.cn.evil.example"),
        ("https://evil.example", "evil.example"),
        ("https://open.feishu.cn:8443", "open.feishu.cn:8443"),
        ("https://only.example.com", "only.example.com"),
        ("https://127.0.0.1.evil.example", "127.0.0.1.evil.example"),
    ],
)
def test_a_host_nobody_named_is_refused(given: str, host: str) -> None:
    """The app secret is for hosts the user chose; a port is part of the choice."""
    with pytest.raises(HostNotAllowed) as refusal:
        resolve_base_url(given, ["only.example.com:8443"])
    assert refusal.value.host == host


@pytest.mark.parametrize(
    "given",
    [
        "http://open.feishu.cn",
        "http://gate.example.com",
        "https://user:hunter2@open.feishu.cn",
        "https://user@127.0.0.1",
        "https://open.feishu.cn/?a=b",
        "https://open.feishu.cn?",
        "https://open.feishu.cn#x",
        "https://open.feishu.cn/other",
        "https://open.feishu.cn/open-apis/im",
        "https://öpen.feishu.cn",
        "https://open.feishu.cn:port",
        "https://[::1",
        "https://",
        "ftp://open.feishu.cn",
        "open.feishu.cn",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_base_url_is_refused_without_repeating_it(given: str) -> None:
    """Somebody may have written a password into it."""
    with pytest.raises(ConfigurationError) as refusal:
        resolve_base_url(given, ["gate.example.com"])
    assert not isinstance(refusal.value, HostNotAllowed)
    assert "hunter2" not in str(refusal.value)


def test_loopback_is_this_machine_and_no_other() -> None:
    """The whole of 127.0.0.0/8, ::1 and the name localhost."""
    hosts = ["localhost", "127.0.0.1", "127.255.0.9", "::1", "10.0.0.1", "localhost.evil.example"]
    assert [is_loopback(host) for host in hosts] == [True, True, True, True, False, False]
