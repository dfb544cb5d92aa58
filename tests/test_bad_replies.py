"""Replies that are late, broken, refused or from elsewhere, as a whole load meets them."""

from __future__ import annotations

from functools import partial

import pytest

from feishu_source.api.client import Client
from feishu_source.errors import QuotaExhausted, ReplyBroken, RetriesExhausted, StopError
from feishu_source.sandbox import Fault, World
from tests.clocks import FakeClock
from tests.lab import MESSAGES, Lab
from tests.laboratory import Row

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
CHATS = "/open-apis/im/v1/chats"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Every wait of a load passes on this clock and takes no time."""
    clock = FakeClock()
    monkeypatch.setattr(
        "feishu_source.session.Client", partial(Client, clock=clock, sleep=clock.sleep)
    )
    return clock


def chats(world: World, number: int) -> list[str]:
    """So many chats with a message each, in the order in which they are read."""
    made = []
    for index in range(number):
        made.append(world.add_chat(name=f"chat {index}"))
        world.post(made[-1], text=f"hello {index}")
        world.advance(1)
    return made


def statuses(lab: Lab) -> dict[str, tuple[object, ...]]:
    """Each chat's status, with code and words of what stands in its way."""
    return {
        row["chat_name"]: (row["status"], row["error_code"], row["error_message"])
        for row in lab.rows("sync_coverage")
    }


def last_run(lab: Lab) -> Row:
    """The latest row of `sync_runs`, of which there must be one for each load."""
    return max(lab.rows("sync_runs"), key=lambda row: row["started_at"])


def test_trouble_that_passes_is_not_noticed(lab: Lab, world: World, clock: FakeClock) -> None:
    """A gateway, a cut, an empty and no reply, an internal error, three spellings of 429."""
    chats(world, 1)
    for name in ("html_502", "cut_json", "empty_body", "reset_connection", "internal_2200"):
        lab.sandbox.inject(Fault(name, path=MESSAGES))
    for name in ("rate_limited", "rate_limited_400", "rate_limited_no_header"):
        lab.sandbox.inject(Fault(name, path=MESSAGES))
    for path in (TOKEN, CHATS):
        lab.sandbox.inject(Fault("cut_json", path=path))
    report = lab.load(workers=1)
    assert (report.exit_code, report.refused, report.retries, report.problems) == (0, 3, 10, [])
    # Where the server says for how long, exactly so long; elsewhere the back-off, which is 0 here.
    assert clock.slept_s == [1.0, 1.0]
    lab.assert_equals_truth()


@pytest.mark.parametrize("fault", ["token_expired", "token_revoked"])
def test_token_that_dies_in_mid_load_is_renewed_once(lab: Lab, world: World, fault: str) -> None:
    """One request more for the token, one for the page it was refused for."""
    chats(world, 2)
    lab.sandbox.inject(Fault(fault, path=MESSAGES, after=1))
    report = lab.load(workers=1)
    assert (report.exit_code, report.retries, lab.sandbox.count(TOKEN)) == (0, 1, 2)
    lab.assert_equals_truth()


def test_five_chats_in_a_row_lost_to_the_network_end_the_load(lab: Lab, world: World) -> None:
    """The network is down, not the chats: the sixth is not asked; what is in hand is loaded."""
    chats(world, 7)
    lab.sandbox.inject(Fault("reset_connection", path=MESSAGES, times=None, after=1))
    with pytest.raises(RetriesExhausted) as failed:
        lab.load(workers=1, attempts=2)
    assert str(failed.value).endswith(
        "Next step: Check the network, the proxy and base_url, then run the load again."
    )
    report = failed.value.report
    assert (report.exit_code, report.chats_complete, report.chats_failed) == (1, 1, 5)
    words = "no usable answer came. Reason: the connection failed or was closed (ProtocolError)."
    assert statuses(lab) == {
        "chat 0": ("complete", None, None),
        **{f"chat {number}": ("failed", None, words) for number in range(1, 6)},
        "chat 6": ("partial", None, words),
    }
    assert [row["text"] for row in lab.rows("messages")] == ["hello 0"]
    lab.sandbox.clear_faults()
    assert lab.load().exit_code == 0
    lab.assert_equals_truth()


def test_quota_used_up_in_mid_load_keeps_what_is_in_hand(lab: Lab, world: World) -> None:
    """No request follows; what was read is loaded and claimed; the next load goes on from there."""
    chats(world, 4)
    lab.sandbox.inject(Fault("quota", path=MESSAGES, times=None, after=2))
    with pytest.raises(QuotaExhausted) as failed:
        lab.load(workers=1)
    error = failed.value
    assert (error.__cause__, error.__context__) == (None, None)  # no circle through dlt's wrappers
    assert lab.sandbox.requests[-1].code == error.code == 99991403
    assert lab.sandbox.count(code=99991403) == 1
    assert str(error).startswith("Could not list messages of chat oc_")
    assert error.advice_en in str(error)
    assert str(error).endswith(f"Log id: {error.log_id}")
    words = "The API calls of this month have been used up."
    assert statuses(lab) == {
        "chat 0": ("complete", None, None),
        "chat 1": ("complete", None, None),
        "chat 2": ("partial", 99991403, words),
        "chat 3": ("partial", 99991403, words),
    }
    told = {(row["advice_en"], row["log_id"]) for row in lab.rows("sync_coverage")}
    assert told == {(None, None), (error.advice_en, error.log_id)}
    assert sorted(row["text"] for row in lab.rows("messages")) == ["hello 0", "hello 1"]
    run = last_run(lab)
    assert (run["exit_code"], run["chats_complete"], run["chats_partial"]) == (1, 2, 2)
    lab.sandbox.clear_faults()
    report = lab.load()
    assert (report.exit_code, report.new) == (0, 2)
    lab.assert_equals_truth()


@pytest.mark.parametrize("path", [TOKEN, MESSAGES])
def test_redirect_is_not_followed(lab: Lab, world: World, path: str) -> None:
    """Neither secret nor token goes to a host that nobody named; the message names that host."""
    chats(world, 1)
    lab.sandbox.inject(Fault("redirect_307", path=path))
    with pytest.raises(StopError) as failed:
        lab.load()
    assert "HTTP 307). The server redirects to 127.0.0.1:" in str(failed.value)
    assert "Next step: Check base_url, and the proxy if there is one." in str(failed.value)
    assert lab.sandbox.redirected == []
    assert (failed.value.report.exit_code, lab.load().exit_code) == (1, 0)
    lab.assert_equals_truth()


def test_chat_list_that_does_not_end_is_no_chat_list(lab: Lab, world: World) -> None:
    """A page token that repeats itself hides chats: the load fails instead of leaving them out."""
    hidden = chats(world, 101)[-1]
    lab.sandbox.inject(Fault("repeating_page_token", path=CHATS))
    with pytest.raises(ReplyBroken) as failed:
        lab.load(chat_ids=[hidden])
    assert str(failed.value).startswith(
        "Could not list chats: the reply breaks its contract "
        '("has_more without a new page_token"). Next step: Run the load again;'
    )
    assert failed.value.report.exit_code == 1
    report = lab.load(chat_ids=[hidden])
    assert (report.exit_code, report.chats_complete) == (0, 1)
    lab.assert_equals_truth(chat_ids=[hidden])
