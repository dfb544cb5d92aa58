"""One small tenant on loopback, for the tests of the door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from feishu_source.api.auth import AppIdentity, Identity
from feishu_source.api.client import Client, Page
from feishu_source.sandbox import Fault, Sandbox, World
from feishu_source.settings import Settings
from tests.clocks import FakeClock

START_MS = 1_700_000_000_000
NOW_S = 1_700_003_600
LIST = "/open-apis/im/v1/messages"
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


@dataclass
class Tenant:
    """A tenant with one group of 120 messages, one thread, and clients whose waits take no time."""

    world: World
    sandbox: Sandbox
    chat_id: str
    root_id: str
    thread_id: str
    clock: FakeClock = field(default_factory=FakeClock)
    clients: list[Client] = field(default_factory=list)

    def client(self, identity: Identity | None = None, **settings: Any) -> Client:
        """A client whose back-off is the longest possible and whose clock jumps over it."""
        client = Client(
            identity or AppIdentity(self.sandbox.app_id, self.sandbox.app_secret),
            self.sandbox.base_url,
            replace(Settings(), **settings),
            clock=self.clock,
            sleep=self.clock.sleep,
            random=lambda: 1.0,
        )
        self.clients.append(client)
        return client

    def list(self, client: Client, page_token: str | None = None) -> Page:
        """A page of the group's whole timeline."""
        return client.fetch_messages(
            "chat", self.chat_id, start_time_s=0, end_time_s=NOW_S, page_token=page_token
        )

    def inject(self, name: str, times: int | None = 1, code: int = 987654) -> None:
        """Something goes wrong with the listing of messages."""
        self.sandbox.inject(Fault(name, path=LIST, times=times, code=code))


@contextmanager
def served_tenant() -> Iterator[Tenant]:
    """A tenant that is served until the block ends, with every client closed."""
    world = World(seed=1, start_ms=START_MS, now_ms=NOW_S * 1_000)
    tom = world.add_user("Tom")
    chat_id = world.add_chat(name="room", mode="group", member_ids=[tom])
    ids = [
        world.post(chat_id, tom, text=f"secret words {n}", at_ms=START_MS + n * 1_000)
        for n in range(120)
    ]
    world.reply_in_thread(ids[0], tom, text="a reply", at_ms=START_MS + 200_000)
    with Sandbox(world) as sandbox:
        tenant = Tenant(world, sandbox, chat_id, ids[0], str(world.thread_id_of(ids[0])))
        yield tenant
        for client in tenant.clients:
            client.close()
