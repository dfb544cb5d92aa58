"""What makes a load a function of what it is told: no sockets, no threads, no clock of its own.

In: a sandbox, a source of chance. Out: the carrier and the workers of a session. The way over HTTP
and threads is what `tests.lab` and the tests of those rooms are for.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, TypeVar

from feishu_source.api.endpoints import ENDPOINTS, Call
from feishu_source.api.transport import Reply, TransportFailure
from feishu_source.sandbox import Sandbox
from feishu_source.sandbox.loopback import HttpRequest, parse_query
from feishu_source.workers import Job, Workers

T = TypeVar("T")


class Direct:
    """A carrier that asks the sandbox itself."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def send(self, call: Call, token: str | None) -> Reply:
        """One attempt. Raises: TransportFailure, where the sandbox would reset the connection."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        body = b"" if call.body is None else json.dumps(dict(call.body)).encode()
        method, query = ENDPOINTS[call.endpoint].method, parse_query(call.query)
        reply = self._sandbox.answer(HttpRequest(method, call.path, query, headers, body))
        if reply.reset:
            raise TransportFailure("the connection was reset", "连接被重置")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Reply(reply.status, headers, reply.body)

    def close(self) -> None:
        """There is nothing to close."""


class Shuffled(Workers):
    """Workers whose jobs end in an order drawn by chance, one at a time.

    A job under way may have been answered long before its answer is taken in, while others were
    asked for: that is drawn as well.
    """

    def __init__(self, number: int, chance: Random) -> None:
        super().__init__(number)
        self._chance = chance
        self._under_way: list[Job] = []
        self._answered: list[tuple[Job, Any]] = []
        self._woken = 0

    def wake(self) -> None:
        """Makes `take` return."""
        self._woken += 1

    def close(self) -> None:
        """Nothing is under way unless a load was killed; that is forgotten."""
        self.drop_waiting()
        self._under_way.clear()
        self._answered.clear()

    def _begin(self, job: Job) -> None:
        self._under_way.append(job)

    def _next_ended(self) -> tuple[Job, Any] | None:
        if self._woken:
            self._woken -= 1
            return None
        while self._under_way and (not self._answered or self._chance.random() < 0.5):
            job = self._drawn(self._under_way)
            self._answered.append((job, job.run()))
        return self._drawn(self._answered)

    def _drawn(self, things: list[T]) -> T:
        return things.pop(self._chance.randrange(len(things)))
