"""Tenants of many shapes, planned and then loaded: what was foretold beside what came to pass.

In: a shape. Out: the plan, and the requests that a first load and a day of loads took. The day's
messages are in the tenant from the beginning, and become visible as its clock goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from feishu_source.api.endpoints import Call
from feishu_source.api.transport import Reply
from feishu_source.forecast import LoadPlan, plan
from feishu_source.sandbox import Sandbox, generate
from feishu_source.sandbox.context import UPGRADED_SCOPE
from feishu_source.session import Session
from tests.belt import Belt
from tests.determinism import Direct

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000
"""2026-01-01 UTC: when the plans are made."""


@dataclass(frozen=True)
class Shape:
    """A tenant, as `generate` takes it, and the loads that are planned of it."""

    seed: int = 1
    chats: int = 10
    messages: int = 1_000
    days: int = 365
    thread_share: float = 0.1
    every_s: int = 3_600
    positions: bool = True
    most_chats: int = 300
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What was foretold, and what came to pass: requests of the first load and of the day."""

    told: LoadPlan
    first: int
    day: int


class Complete(Belt):
    """The belt with what stands before it in a whole load: details and members, once a period."""

    def _read(self, session: Session, threads: bool, kill_after: int | None) -> dict[str, str]:
        roster, now_s = session.roster, session.pinned_s
        period_s = session.options.settings.details_period_s
        for chat_id, name, _ in list(roster.chats(self.known)):
            before = self.known.get(chat_id)
            if before is None or now_s - before["read_s"] >= period_s:
                mode = roster.mode_of(chat_id)
                roster.members_of(chat_id)
                if session.options.settings.pins:
                    roster.pins_of(chat_id)
                if session.options.settings.chat_context:
                    roster.tabs_of(chat_id)
                    roster.announcement_of(chat_id)
                self.known[chat_id] = {"name": name, "mode": mode, "read_s": now_s}
        return super()._read(session, threads, kill_after)


class Placeless(Direct):
    """The way to a tenant whose messages carry none of the undocumented positions."""

    def send(self, call: Call, token: str | None) -> Reply:
        """The reply without them."""
        reply = super().send(call, token)
        if call.endpoint != "messages":
            return reply
        body = json.loads(reply.body)
        for item in body.get("data", {}).get("items", []):
            item.pop("message_position", None)
            item.pop("thread_message_position", None)
        return replace(reply, body=json.dumps(body).encode())


def come_to_pass(shape: Shape) -> Outcome:
    """Makes the plan, then the loads."""
    belt = tenant_of(shape)
    told = plan_of(belt, shape)
    belt.load(**shape.settings)
    first, day = len(belt.sandbox.requests), 0
    for _ in range(DAY_MS // 1_000 // shape.every_s):
        belt.world.now_ms += shape.every_s * 1_000
        belt.load(**shape.settings)
        day += len(belt.sandbox.requests)
    return Outcome(told, first, day)


def tenant_of(shape: Shape) -> Complete:
    """The tenant the day before its last message."""
    world = generate(
        shape.seed,
        chats=shape.chats,
        messages=shape.messages,
        days=shape.days,
        thread_share=shape.thread_share,
        now_ms=NOW_MS + DAY_MS,
    )
    world.now_ms = NOW_MS
    world.scopes |= {"im:chat:readonly", UPGRADED_SCOPE}  # what is refused is not foretold
    for number, chat_id in enumerate(world.chats):
        if number % 3:
            world.announce(chat_id, world.bot.user_id, form="doc" if number % 2 else "docx")
    return Complete(world)


def plan_of(belt: Complete, shape: Shape) -> LoadPlan:
    """The plan of its loads."""
    carry = Direct if shape.positions else Placeless
    return plan(
        every_s=shape.every_s,
        most_chats=shape.most_chats,
        carrier=carry(belt.sandbox),
        **(belt.access | dict(shape.settings)),
    )


def most_requests_of_a_chat(sandbox: Sandbox) -> int:
    """Of the requests since the last clearing, those for one chat or one of its threads."""
    counts: dict[str, int] = {}
    for request in sandbox.requests:
        of = request.query.get("container_id") or request.path.rpartition("/")[2]
        thread = sandbox.world.threads.get(of)
        chat_id = thread.root.chat.chat_id if thread else of
        counts[chat_id] = counts.get(chat_id, 0) + chat_id.startswith("oc_")
    return max(counts.values(), default=0)
