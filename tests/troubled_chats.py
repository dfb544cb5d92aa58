"""A tenant in which nearly every chat has a trouble of its own: three loads, told once.

In: nothing. Out: the fixture `story`: all is well; every chat but one is in trouble; all is well
again. Refuses to know what the loads should have made of it, but for the words in `CASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest

from feishu_source.api.client import Client
from feishu_source.report import LoadReport
from feishu_source.sandbox import Fault, World
from tests.clocks import FakeClock
from tests.lab import MESSAGES, START_MS, Lab
from tests.laboratory import Row

JOIN = "Add the app's bot to the chat, or leave the chat out of the load."
AGAIN = "Run the load again; if it stays, report it with the log id."
NETWORK = "Check the network, the proxy and base_url, then run the load again."

Trouble = Callable[[Lab, str], None]


def fault(name: str, times: int | None = None) -> Trouble:
    """Something goes wrong whenever this chat's messages are listed."""
    return lambda lab, chat_id: lab.sandbox.inject(
        Fault(name, path=MESSAGES, chat_id=chat_id, times=times)
    )


@dataclass(frozen=True)
class Case:
    """A trouble, and what `sync_coverage` has to say about the chat it befell.

    A `*` in the message stands for a number or a link that the test does not fix.
    """

    trouble: Trouble
    status: str
    code: int | None
    message: str
    advice: str
    has_log_id: bool = True


CASES = {
    "left": Case(
        lambda lab, chat_id: lab.world.leave(chat_id),
        "skipped",
        230002,
        "Bot/User can NOT be out of the chat.",
        JOIN,
    ),
    "restricted": Case(
        lambda lab, chat_id: lab.world.restrict(chat_id),
        "skipped",
        231203,
        "The chat type is not supported, ext=Chat open Restricted Mode, "
        "don't allow copying or forwarding messages",
        "Ask the chat's owner to switch restricted mode off, or leave the chat out of the load.",
    ),
    "without permission": Case(
        lambda lab, chat_id: lab.world.refuse(chat_id, 230027),
        "skipped",
        230027,
        "Lack of necessary permissions. ext=need scope: im:message.group_msg *",
        "For groups add im:message.group_msg and publish a new version; for external groups "
        "allow the bot to be shared outside.",
    ),
    "unknown code": Case(
        fault("unknown_code"),
        "failed",
        987654,
        "unexpected error",
        "Look the code up in Feishu's documentation and report it, with the log id.",
    ),
    "internal error": Case(
        fault("internal_2200"),
        "failed",
        2200,
        "internal error",
        "Run the load again later; if it stays, send the log id to Feishu's support.",
    ),
    "rate limit for ever": Case(
        fault("rate_limited_400"),
        "failed",
        99991400,
        "request trigger frequency limit",
        "Another program uses the same app: lower rate_share, or run them one after the other.",
    ),
    "gateway": Case(
        fault("html_502"),
        "failed",
        None,
        "no usable answer came (HTTP 502). * bytes came that are not Feishu's JSON.",
        NETWORK,
    ),
    "cut JSON": Case(
        fault("cut_json"),
        "failed",
        None,
        "the reply breaks its contract (HTTP 200). * bytes came that are not Feishu's JSON.",
        AGAIN,
    ),
    "empty body": Case(
        fault("empty_body"),
        "failed",
        None,
        "the reply breaks its contract (HTTP 200). 0 bytes came that are not Feishu's JSON.",
        AGAIN,
    ),
    "reset connection": Case(
        fault("reset_connection"),
        "failed",
        None,
        "no usable answer came. Reason: the connection failed or was closed (ProtocolError).",
        NETWORK,
        has_log_id=False,
    ),
    "repeating page token": Case(
        fault("repeating_page_token"),
        "failed",
        None,
        "has_more without a new page_token",
        AGAIN,
    ),
}

ODD_ITEMS = {
    "no message_id": "item_without_message_id",
    "no create_time": "item_without_create_time",
    "times in seconds": "item_times_in_seconds",
}


@dataclass
class Story:
    """Three loads of one tenant, and what the second one left behind."""

    lab: Lab
    chats: dict[str, str]
    thread_id: str
    reports: list[LoadReport] = field(default_factory=list)
    coverage: dict[str, Row] = field(default_factory=dict)
    threads: list[Row] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def load(self) -> None:
        """One load: a worker, so that chats come one after the other; two messages a page."""
        self.reports.append(self.lab.load(workers=1, attempts=2, page_size=2))

    def say(self, what: str) -> None:
        """Three new messages in every chat."""
        world = self.lab.world
        for name, chat_id in self.chats.items():
            for number in range(3):
                world.post(chat_id, text=f"{what} {number} in {name}")
                world.advance(1)

    def note(self) -> None:
        """Remembers what the warehouse holds now."""
        names = {chat_id: name for name, chat_id in self.chats.items()}
        self.coverage = {names[row["chat_id"]]: row for row in self.lab.rows("sync_coverage")}
        self.threads = self.lab.rows("threads")
        self.texts = {name: [] for name in self.chats}
        for chat_id, text in self.lab.query(
            "select chat_id, text from feishu.messages order by create_time"
        ):
            self.texts[names[chat_id]].append(text)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All is well; troubles; all is well again. No wait takes time."""
    folder = tmp_path_factory.mktemp("bad_chats")
    clock = FakeClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt-data"))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.chdir(folder)
        patch.setattr(
            "feishu_source.session.Client", partial(Client, clock=clock, sleep=clock.sleep)
        )
        world = World(seed=1, start_ms=START_MS, now_ms=START_MS)
        with Lab(folder, world) as lab:
            yield tell(lab)


def tell(lab: Lab) -> Story:
    """Lets the story happen."""
    world = lab.world
    chats = {name: world.add_chat(name=name) for name in ("quiet", *CASES, *ODD_ITEMS)}
    root = world.post(chats["quiet"], text="root")
    world.advance(1)
    world.reply_in_thread(root, text="reply before")
    world.advance(1)
    story = Story(lab, chats, str(world.thread_id_of(root)))
    story.say("before")
    story.load()
    world.advance(600)
    story.say("meanwhile")
    world.reply_in_thread(root, text="reply meanwhile")
    world.hide_thread(story.thread_id)
    for name, case in CASES.items():
        case.trouble(lab, chats[name])
    for name, odd in ODD_ITEMS.items():
        fault(odd, times=1)(lab, chats[name])
    story.load()
    story.note()
    lab.sandbox.clear_faults()
    world.show_thread(story.thread_id)
    world.join(chats["left"])
    world.restrict(chats["restricted"], False)
    world.refuse(chats["without permission"], None)
    story.load()
    return story
