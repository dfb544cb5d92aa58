"""What a reply says, by its body first and by its status where there is no body to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from feishu_source.api.endpoints import Call
from feishu_source.api.replies import (
    Answer,
    Page,
    Reaction,
    Refusal,
    parse_data,
    parse_items,
    parse_page,
    read_date,
    read_reply,
)
from feishu_source.api.transport import Reply
from feishu_source.errors import (
    ApiError,
    ParameterRefused,
    ReplyBroken,
    RetriesExhausted,
    UnknownCode,
)

CALL = Call("messages", "list messages of chat oc_x", params={"container_id_type": "chat"})
DATE = "Wed, 15 Nov 2023 20:35:02 GMT"


def read(reply: Reply, call: Call = CALL) -> Page | Refusal:
    """A page, or why there is none."""
    return read_reply(call, reply, ("hunter2",), lambda answer: parse_page(answer, "sent"))


def reply_of(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with that JSON."""
    return Reply(status, headers or {}, json.dumps(body).encode())


def refusal_of(reply: Reply) -> Refusal:
    """The refusal a reply is."""
    found = read(reply)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize("status", [200, 400, 404, 500, 502])
def test_code_0_is_an_answer_whatever_the_status(status: int) -> None:
    """The body decides."""
    body = {"code": 0, "data": {"items": [{"a": 1}], "has_more": False}}
    assert read(reply_of(body, status, {"date": DATE})) == Page(
        [{"a": 1}], None, 1_700_080_502.0, None
    )


@pytest.mark.parametrize(
    ("data", "page"),
    [
        (None, Page([], None, None, None)),
        ({}, Page([], None, None, None)),
        ({"items": None, "has_more": None}, Page([], None, None, None)),
        ({"has_more": True, "page_token": "next"}, Page([], "next", None, None)),
        ({"has_more": False, "page_token": "next"}, Page([], None, None, None)),
        ({"page_token": "next"}, Page([], None, None, None)),
        ({"has_more": True}, Page([], None, None, None, stalled=True)),
        ({"has_more": True, "page_token": ""}, Page([], None, None, None, stalled=True)),
        ({"has_more": True, "page_token": 7}, Page([], None, None, None, stalled=True)),
        ({"has_more": True, "page_token": "sent"}, Page([], None, None, None, stalled=True)),
    ],
)
def test_a_listing_goes_on_only_with_a_new_token(data: Any, page: Page) -> None:
    """More that is promised without a way to it is told apart from the end."""
    assert read(reply_of({"code": 0, "data": data})) == page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "data is not an object"),
        ("x", "data is not an object"),
        ({"items": {}}, "items is not a list of objects"),
        ({"items": [1]}, "items is not a list of objects"),
        ({"items": [None]}, "items is not a list of objects"),
        ({"has_more": "true"}, "has_more is not a boolean"),
        ({"has_more": 1}, "has_more is not a boolean"),
    ],
)
def test_an_answer_of_another_shape_breaks_the_contract(data: Any, words: str) -> None:
    """It is asked for again, and never taken for an empty page."""
    refusal = refusal_of(reply_of({"code": 0, "data": data}, headers={"x-tt-logid": "L"}))
    assert (refusal.reaction, type(refusal.error)) == ("retry", ReplyBroken)
    assert (refusal.error.msg, refusal.error.log_id) == (words, "L")


@pytest.mark.parametrize(
    ("status", "reaction", "error", "network"),
    [
        (200, "retry", ReplyBroken, False),
        (204, "retry", ReplyBroken, False),
        (400, "final", ReplyBroken, False),
        (403, "final", ReplyBroken, False),
        (404, "final", ReplyBroken, False),
        (408, "retry", RetriesExhausted, True),
        (429, "rate", RetriesExhausted, True),
        (500, "retry", RetriesExhausted, True),
        (503, "retry", RetriesExhausted, True),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"code":0,"da', b"[]", b"null", b"{}", b'{"code":"0"}', b"\xff"]
)
def test_without_feishu_s_json_the_status_decides(
    status: int, reaction: Reaction, error: type[ApiError], network: bool, body: bytes
) -> None:
    """A gateway in front of the API speaks HTML, or nothing."""
    refusal = refusal_of(Reply(status, {}, body))
    found = (refusal.reaction, type(refusal.error), refusal.error.network)
    assert found == (reaction, error, network)
    assert refusal.error.hint == f"{len(body)} bytes came that are not Feishu's JSON."


def test_a_byte_order_mark_before_the_json_is_skipped() -> None:
    """Some gateways add one."""
    assert read(Reply(200, {}, b'\xef\xbb\xbf{"code":0}')) == Page([], None, None, None)


@pytest.mark.parametrize(
    ("status", "reaction"), [(200, "final"), (400, "final"), (429, "rate"), (500, "retry")]
)
def test_an_unlisted_code_fails_once_its_status_allows_no_hope(
    status: int, reaction: Reaction
) -> None:
    """It is never mistaken for an answer."""
    refusal = refusal_of(reply_of({"code": 987654, "msg": "odd"}, status))
    assert (refusal.reaction, type(refusal.error)) == (reaction, UnknownCode)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"x-ogw-ratelimit-reset": "7", "retry-after": "9"}, 7.0),
        ({"retry-after": "9"}, 9.0),
        ({"x-ogw-ratelimit-reset": "soon", "retry-after": "9"}, 9.0),
        ({"x-ogw-ratelimit-reset": "0"}, None),
        ({"x-ogw-ratelimit-reset": "-1"}, None),
        ({"x-ogw-ratelimit-reset": "nan"}, None),
        ({"x-ogw-ratelimit-reset": "inf"}, None),
        ({"retry-after": DATE}, None),
        ({}, None),
    ],
)
def test_the_server_s_own_header_names_the_wait(
    headers: dict[str, str], wait_s: float | None
) -> None:
    """Then the standard one, then our own back-off."""
    refusal = refusal_of(reply_of({"code": 99991400, "msg": "slow"}, 400, headers))
    assert (refusal.reaction, refusal.wait_s) == ("rate", wait_s)


def test_what_feishu_says_is_shown_without_secrets() -> None:
    """In its words, its links and its details alike."""
    body = {
        "code": 99992402,
        "msg": "hunter2 t-abcdefgh1234 refused\n",
        "error": {
            "log_id": "L",
            "helps": [{"url": "https://open.feishu.cn/a?q=hunter2"}, {"url": "javascript:x"}, 5],
            "troubleshooter": "https://open.feishu.cn/b",
            "field_violations": [{"field": "f", "value": "v", "description": "bad hunter2"}],
            "permission_violations": [{"subject": "im:message"}, {"subject": 5}],
        },
    }
    error = refusal_of(reply_of(body, 400)).error
    assert type(error) is ParameterRefused
    assert (error.msg, error.log_id, error.links, error.details) == (
        "[redacted] [redacted] refused",
        "L",
        ["https://open.feishu.cn/a?q=[redacted]", "https://open.feishu.cn/b"],
        ["im:message", "f: bad [redacted]"],
    )


@pytest.mark.parametrize("error", [None, [], "x", {"helps": {}, "field_violations": "x"}])
def test_an_error_object_of_any_shape_is_survived(error: Any) -> None:
    """The code is what counts."""
    found = refusal_of(reply_of({"code": 230002, "msg": 5, "error": error}, 400)).error
    assert (found.code, found.msg, found.links, found.details) == (230002, "", [], [])


@pytest.mark.parametrize("name", ["x-tt-logid", "x-request-id", "request-id"])
def test_a_log_id_is_taken_from_a_header_when_the_body_has_none(name: str) -> None:
    """Gateways name it in three ways."""
    assert refusal_of(Reply(502, {name: "L\x1b"}, b"")).error.log_id == "L"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(DATE, 1_700_080_502.0), ("yesterday", None), ("", None), ("Wed, 99 Nov 2023", None)],
)
def test_a_date_header_that_cannot_be_read_is_none(value: str, seconds: float | None) -> None:
    """The end of a load is pinned by it, so it is never guessed."""
    assert read_date({"date": value}) == seconds
    assert read_date({}) is None


def test_items_and_data_are_handed_on_as_they_are() -> None:
    """Unknown fields included."""
    answer = Answer({"data": {"items": [{"x": {"y": 1}}], "new": True}}, None, None)
    assert parse_items(answer) == [{"x": {"y": 1}}]
    assert parse_data(answer) == {"items": [{"x": {"y": 1}}], "new": True}
