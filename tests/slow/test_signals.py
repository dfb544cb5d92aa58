"""SIGINT and SIGTERM, at whatever moment they come, end a load that then tells what it did."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import dlt
import pytest

from feishu_source import loader
from feishu_source.api.client import Client
from feishu_source.errors import Interrupted
from feishu_source.sandbox import World
from tests.lab import Lab

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def talk(world: World, team: str, ann: str) -> None:
    """Something to load."""
    world.post(team, ann, text="hello")


def raising(number: signal.Signals, step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, at whose end the signal comes, once: in this thread, as Python delivers it."""
    left = [number]

    def do(*arguments: Any, **named: Any) -> Any:
        result = step(*arguments, **named)
        if left:
            signal.raise_signal(left.pop())
        return result

    return do


STEPS = {
    "the state is taken from the destination": (dlt.Pipeline, "sync_destination"),
    "chats are extracted": (dlt.Pipeline, "extract"),
    "a package is normalized": (dlt.Pipeline, "normalize"),
    "a package is loaded": (dlt.Pipeline, "load"),
    "the file is checkpointed": (loader, "checkpoint"),
    "the account is written": (loader, "prune_states"),
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("step", STEPS)
def test_signal_at_the_end_of_a_step_is_heeded(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, step: str, number: signal.Signals
) -> None:
    """dlt looks at its flag within its steps only, and lowers it behind them."""
    before = [signal.getsignal(one) for one in NUMBERS]
    owner, name = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, raising(number, getattr(owner, name)))
        with pytest.raises(Interrupted) as raised:
            lab.load()
    assert (raised.value.signal, raised.value.report and raised.value.report.exit_code) == (
        number,
        128 + number,
    )
    assert [signal.getsignal(one) for one in NUMBERS] == before
    lab.load()
    lab.assert_equals_truth()


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("path", ["/im/v1/chats", "/members", "/im/v1/messages"])
def test_signal_while_a_reply_is_waited_for_lets_no_further_request_be_made(
    lab: Lab, world: World, ann: str, monkeypatch: pytest.MonkeyPatch, path: str, number: int
) -> None:
    """However many chats are left: thousands take minutes."""
    for chat in range(10):
        world.post(world.add_chat(name=f"chat {chat}", member_ids=[ann]), ann, text="hello")
    heeded, cancel = threading.Event(), Client.cancel
    made: list[int] = []

    def note(client: Client, number: int | None = None) -> None:
        cancel(client, number)
        heeded.set()

    def strike() -> None:
        if made or not any(one.path.endswith(path) for one in lab.sandbox.requests):
            return
        made.append(len(lab.sandbox.requests) + 1)  # the one that is being answered
        signal.pthread_kill(main, number)
        assert heeded.wait(30)

    main = threading.get_ident()
    monkeypatch.setattr(Client, "cancel", note)
    world.on_look = strike
    with pytest.raises(Interrupted) as raised:
        lab.load(workers=1)
    world.on_look = None
    assert raised.value.signal == number
    assert [len(lab.sandbox.requests)] == made
    lab.load()
    lab.assert_equals_truth()
