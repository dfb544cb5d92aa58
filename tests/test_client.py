"""The client against a tenant on loopback: what it asks, where a listing ends, how it stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Literal

import pytest

from feishu_source.api.auth import AppIdentity
from feishu_source.api.client import Client, Page
from feishu_source.errors import (
    Interrupted,
    MalformedId,
    OptionalRefused,
    PageTokenRefused,
)
from feishu_source.sandbox import Switches
from feishu_source.settings import Settings
from tests.small_tenant import LIST, NOW_S, TOKEN, Tenant, served_tenant


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    """A tenant that is served while the test runs."""
    with served_tenant() as tenant:
        yield tenant


def words(page: Page) -> list[str]:
    """The bodies of a page's messages."""
    return [item["body"]["content"] for item in page.items]


# What is asked


def test_the_chats_are_listed_by_creation_or_by_activity(tenant: Tenant) -> None:
    """By name; each page in the order of the first."""
    client = tenant.client(list_page_size=1)
    tenant.world.add_chat(name="busy")
    first = client.fetch_chats(by_activity=True)
    client.fetch_chats(first.next_page_token, by_activity=True)
    client.fetch_chats()
    orders = [request.query["sort_type"] for request in tenant.sandbox.requests[1:]]
    assert orders == ["ByActiveTimeDesc", "ByActiveTimeDesc", "ByCreateTimeAsc"]


def test_a_timeline_is_asked_for_in_seconds_with_every_parameter_as_a_string(
    tenant: Tenant,
) -> None:
    """The query is what the documentation names, and two parameters that it does not."""
    tenant.list(tenant.client())
    assert [(r.method, r.path, r.query) for r in tenant.sandbox.requests] == [
        ("POST", TOKEN, {}),
        (
            "GET",
            LIST,
            {
                "container_id_type": "chat",
                "container_id": tenant.chat_id,
                "start_time": "0",
                "end_time": str(NOW_S),
                "sort_type": "ByCreateTimeAsc",
                "page_size": "50",
                "with_sender_name": "true",
                "only_thread_root_messages": "false",
            },
        ),
    ]


def test_settings_decide_what_is_sent(tenant: Tenant) -> None:
    """Page size, order, card content and the two undocumented parameters."""
    client = tenant.client(
        page_size=7, with_sender_name=False, flat_topics=False, card_content="user_card_content"
    )
    client.fetch_messages("chat", tenant.chat_id, descending=True)
    assert client.flat_topics is False
    assert tenant.sandbox.requests[-1].query == {
        "container_id_type": "chat",
        "container_id": tenant.chat_id,
        "sort_type": "ByCreateTimeDesc",
        "page_size": "7",
        "card_msg_content_type": "user_card_content",
    }


def test_a_thread_is_asked_for_without_times_and_comes_with_its_root(tenant: Tenant) -> None:
    """The thread container takes no time range."""
    page = tenant.client().fetch_messages("thread", tenant.thread_id)
    assert words(page) == ['{"text":"secret words 0"}', '{"text":"a reply"}']
    assert tenant.sandbox.requests[-1].query == {
        "container_id_type": "thread",
        "container_id": tenant.thread_id,
        "sort_type": "ByCreateTimeAsc",
        "page_size": "50",
        "with_sender_name": "true",
    }


def test_pages_follow_each_other_to_the_end(tenant: Tenant) -> None:
    """120 messages are pages of 50, 50 and 20; each knows the server's time and its log id."""
    client = tenant.client()
    pages = list(client.pages(lambda token: tenant.list(client, token)))
    assert [text for page in pages for text in words(page)] == [
        f'{{"text":"secret words {n}"}}' for n in range(120)
    ]
    assert [(len(p.items), p.server_time_s, p.stalled) for p in pages] == [
        (50, float(NOW_S), False),
        (50, float(NOW_S), False),
        (20, float(NOW_S), False),
    ]
    assert len({page.log_id for page in pages} - {None}) == 3
    assert client.server_time_s == float(NOW_S)


def test_the_server_s_time_is_unknown_without_a_date_header(tenant: Tenant) -> None:
    """None rather than this machine's clock."""
    tenant.sandbox.switches = Switches(date_header=False)
    client = tenant.client()
    assert (tenant.list(client).server_time_s, client.server_time_s) == (None, None)


def test_one_message_comes_as_a_list(tenant: Tenant) -> None:
    """A merge_forward would come with all that it holds."""
    items = tenant.client().fetch_message(tenant.root_id)
    assert [item["message_id"] for item in items] == [tenant.root_id]


def test_chats_members_and_details_are_asked_for_as_documented(tenant: Tenant) -> None:
    """Chats by creation time, in pages of a hundred."""
    client = tenant.client()
    chats = client.fetch_chats()
    details = client.fetch_chat(tenant.chat_id)
    members = client.fetch_members(tenant.chat_id)
    assert [chat["chat_id"] for chat in chats.items] == [tenant.chat_id]
    assert (details["name"], details["chat_mode"]) == ("room", "group")
    assert [member["name"] for member in members.items] == ["Tom"]
    assert [(r.path, r.query) for r in tenant.sandbox.requests[1:]] == [
        ("/open-apis/im/v1/chats", {"page_size": "100", "sort_type": "ByCreateTimeAsc"}),
        (f"/open-apis/im/v1/chats/{tenant.chat_id}", {}),
        (f"/open-apis/im/v1/chats/{tenant.chat_id}/members", {"page_size": "100"}),
    ]


@pytest.mark.parametrize(
    ("kind", "start_time_s", "end_time_s", "why"),
    [
        ("chat", 1_700_000_000_000, 1_700_000_000_001, "milliseconds"),
        ("chat", None, 1_700_000_000_000, "milliseconds"),
        ("chat", 2, 1, "after"),
        ("chat", -1, 1, "whole seconds"),
        ("chat", 1.5, 2, "whole seconds"),
        ("chat", "1", 2, "whole seconds"),
        ("chat", True, 2, "whole seconds"),
        ("thread", 1, 2, "no time range"),
    ],
)
def test_a_window_the_api_would_misread_is_refused_before_any_request(
    tenant: Tenant, kind: Literal["chat", "thread"], start_time_s: Any, end_time_s: Any, why: str
) -> None:
    """Milliseconds are answered with an empty page, which looks like an empty chat."""
    container_id = tenant.chat_id if kind == "chat" else tenant.thread_id
    with pytest.raises(ValueError, match=why):
        tenant.client().fetch_messages(
            kind, container_id, start_time_s=start_time_s, end_time_s=end_time_s
        )
    assert tenant.sandbox.requests == []


def test_a_malformed_id_is_refused_before_any_request(tenant: Tenant) -> None:
    """Whatever is asked for."""
    client = tenant.client()
    for ask in (
        lambda: client.fetch_messages("chat", "oc_a/b?c"),
        lambda: client.fetch_messages("thread", "oc_a"),
        lambda: client.fetch_chat("../x"),
        lambda: client.fetch_members("oc_ a"),
        lambda: client.fetch_message("om_a#b"),
    ):
        with pytest.raises(MalformedId):
            ask()
    assert tenant.sandbox.requests == []


# Where a listing ends


def test_a_last_page_that_carries_a_token_is_the_last(tenant: Tenant) -> None:
    """has_more decides; older replies keep a token beside has_more=false."""
    tenant.sandbox.switches = Switches(last_page_token_present=True)
    client = tenant.client()
    pages = list(client.pages(lambda token: tenant.list(client, token)))
    assert [len(page.items) for page in pages] == [50, 50, 20]


def test_an_empty_page_with_a_new_token_goes_on(tenant: Tenant) -> None:
    """An empty page in between is not the end."""
    tenant.sandbox.switches = Switches(empty_pages=True)
    client = tenant.client()
    pages = list(client.pages(lambda token: tenant.list(client, token)))
    assert [len(page.items) for page in pages if page.items] == [50, 50, 20]
    assert len(pages) > 3


def test_a_token_that_does_not_advance_ends_the_listing_and_says_so(tenant: Tenant) -> None:
    """Asking on would loop for ever, and what follows is not known."""
    tenant.inject("repeating_page_token")
    client = tenant.client()
    pages = list(client.pages(lambda token: tenant.list(client, token)))
    assert [(len(p.items), p.next_page_token is None, p.stalled) for p in pages] == [
        (50, False, False),
        (50, True, True),
    ]


def test_a_token_seen_before_ends_the_listing_and_says_so(tenant: Tenant) -> None:
    """Two tokens that point at each other are a loop as well."""
    following = {None: "a", "a": "b", "b": "a"}
    pages = tenant.client().pages(lambda token: Page([], following[token], None, None))
    assert [(page.next_page_token, page.stalled) for page in pages] == [
        ("a", False),
        ("b", False),
        (None, True),
    ]


def test_a_page_token_that_no_longer_holds_says_that_the_window_must_be_restarted(
    tenant: Tenant,
) -> None:
    """Its life is unknown; the undocumented parameters are not suspected."""
    with pytest.raises(PageTokenRefused) as refusal:
        tenant.list(tenant.client(), "stale")
    assert refusal.value.code == 230001
    assert tenant.sandbox.count(LIST) == 1


# The end


def test_cancelling_wakes_a_back_off_and_refuses_every_later_request(tenant: Tenant) -> None:
    """Without an injected sleep, a wait of half a minute ends at once."""
    tenant.inject("html_502", times=None)
    backing_off = threading.Event()

    def longest() -> float:
        backing_off.set()
        return 1.0

    client = Client(
        AppIdentity(tenant.sandbox.app_id, tenant.sandbox.app_secret),
        tenant.sandbox.base_url,
        Settings(back_off_base_s=30.0),
        random=longest,
    )
    with closing(client), ThreadPoolExecutor(1) as pool:
        listing = pool.submit(tenant.list, client)
        backing_off.wait()
        client.cancel(15)
        with pytest.raises(Interrupted, match="interrupted by SIGTERM"):
            listing.result()
        with pytest.raises(Interrupted):
            client.fetch_chats()
    assert tenant.sandbox.count(LIST) == 1


def test_cancelling_wakes_those_who_wait_for_the_rate_limit(tenant: Tenant) -> None:
    """A pause of a minute ends at once."""
    tenant.inject("rate_limited_no_header", times=None)
    pausing = threading.Event()

    def longest() -> float:
        pausing.set()
        return 1.0

    client = Client(
        AppIdentity(tenant.sandbox.app_id, tenant.sandbox.app_secret),
        tenant.sandbox.base_url,
        Settings(back_off_base_s=60.0),
        random=longest,
    )
    with closing(client), ThreadPoolExecutor(1) as pool:
        listing = pool.submit(tenant.list, client)
        pausing.wait()
        client.cancel()
        with pytest.raises(Interrupted):
            listing.result()


def test_logs_hold_no_secret_no_token_and_no_message_text(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """A retry is told at INFO, with endpoint, code, status, log id and wait."""
    caplog.set_level(logging.DEBUG)
    for fault in ("html_502", "internal_2200", "rate_limited", "token_expired", "cut_json"):
        tenant.inject(fault)
    tenant.list(tenant.client())
    own = [r.getMessage() for r in caplog.records if r.name.startswith("feishu_source")]
    log_ids = [line.split("log id ")[1].split(";")[0] for line in own]
    assert [line.replace(log_id, "L") for line, log_id in zip(own, log_ids, strict=True)] == [
        f"GET {LIST}: no usable answer came, code None, HTTP 502, log id L; again in 0.5 s",
        f"GET {LIST}: Feishu had an internal error, code 2200, HTTP 500, log id L; again in 1.0 s",
        f"GET {LIST}: too many requests, code 99991400, HTTP 429, log id L; again in 1.0 s",
        f"GET {LIST}: the access token is invalid or expired, code 99991663, HTTP 400, log id L; "
        "again in 0.0 s",
        f"GET {LIST}: the reply breaks its contract, code None, HTTP 200, log id L; again in 2.0 s",
    ]
    everything = "\n".join(record.getMessage() for record in caplog.records)
    for hidden in (tenant.sandbox.app_secret, "t-sandbox", "Bearer", "secret words"):
        assert hidden not in everything


# What only the check asks


def test_membership_is_told_by_yes_or_no(tenant: Tenant) -> None:
    """A chat that refuses its messages for another reason still answers."""
    client = tenant.client()
    tenant.world.refuse(tenant.chat_id, 230027)
    assert client.fetch_membership(tenant.chat_id) is True
    tenant.world.refuse(tenant.chat_id, None)
    tenant.world.leave(tenant.chat_id)
    assert client.fetch_membership(tenant.chat_id) is False


def test_scopes_are_those_that_were_granted(tenant: Tenant) -> None:
    """Others that the app asks for are listed too, as not granted."""
    tenant.world.scopes.remove("im:message.group_msg")
    assert tenant.client().fetch_scopes() == tenant.world.scopes


def test_a_refusal_of_either_leaves_messages_readable(tenant: Tenant) -> None:
    """They are optional: nothing ends because the check may not ask."""
    client = tenant.client()
    tenant.sandbox.switches = Switches(scopes_open=False)
    tenant.world.refuse(tenant.chat_id, 232033)
    with pytest.raises(OptionalRefused) as scopes:
        client.fetch_scopes()
    with pytest.raises(OptionalRefused) as membership:
        client.fetch_membership(tenant.chat_id)
    assert (scopes.value.code, membership.value.code) == (99991672, 232033)


def test_authenticating_fetches_one_token_and_shows_none(tenant: Tenant) -> None:
    """The next request sends the same."""
    client = tenant.client()
    client.authenticate()
    client.fetch_scopes()
    assert [request.path for request in tenant.sandbox.requests] == [
        TOKEN,
        "/open-apis/application/v6/scopes",
    ]
