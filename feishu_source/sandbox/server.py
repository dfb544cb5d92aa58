"""The tenant over HTTP: who may ask, how often, and what goes wrong on purpose.

In: HTTP requests on loopback. Out: replies as the platform gives them, and a record of both.
Refuses to know: what the endpoints answer (endpoints.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from email.utils import formatdate
from random import Random
from types import TracebackType
from typing import Any

import orjson

from feishu_source.sandbox import faults
from feishu_source.sandbox.endpoints import (
    POSTED_PATHS,
    RESOURCE_PATH,
    TOKEN_PATH,
    TOKEN_PATHS,
    Endpoints,
    match,
)
from feishu_source.sandbox.faults import Faults
from feishu_source.sandbox.limits import Limits
from feishu_source.sandbox.loopback import HttpReply, HttpRequest, Loopback
from feishu_source.sandbox.reactions import (
    REACTIONS_PATH,
    asked_messages,
    failed_messages,
)
from feishu_source.sandbox.refusals import TOKEN_CODES, Refused
from feishu_source.sandbox.store import StoreApp
from feishu_source.sandbox.switches import Fault, Switches
from feishu_source.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked and what came of it; `code` is None where the reply had none.

    `at` is on the sandbox's monotonic clock, at the arrival. `asked`: the messages that a batch
    asked about, `failed`: those of them whose answer was a reason.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    code: int | None
    at: float
    asked: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Sandbox:
    """A world served on 127.0.0.1 while the `with` block lasts.

    `latency_ms` delays every reply by so many milliseconds, drawn from (low, high). With a
    `store_app` the app is one of the app store, and a token tells which of its tenants is asked;
    `world` is the first of them.
    """

    def __init__(
        self,
        world: World,
        *,
        store_app: StoreApp | None = None,
        switches: Switches | None = None,
        rate_limit: bool = False,
        latency_ms: tuple[float, float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        port: int = 0,
    ) -> None:
        self.world = world
        if switches is not None:
            world.switches = switches
        self.requests: list[Request] = []
        self.redirected: list[HttpRequest] = []
        """What the other server got that `redirect_307` points to."""
        self._limits = Limits(monotonic) if rate_limit else None
        self._latency_ms = latency_ms
        self._sleep = sleep
        self._monotonic = monotonic
        self._random = Random(f"latency{world.seed}")
        self._store_app = store_app
        self._worlds = store_app.worlds if store_app else (world,)
        self._endpoints = {each.tenant_key: Endpoints(each) for each in self._worlds}
        self._faults = Faults()
        self._replies = 0
        self._server = Loopback(self.answer, port)
        self._elsewhere = Loopback(self._record_redirected)

    @property
    def app_id(self) -> str:
        """The app_id that is accepted."""
        return self.world.tokens.app_id

    @property
    def app_secret(self) -> str:
        """The app_secret that is accepted."""
        return self.world.tokens.app_secret

    @property
    def user_access_token(self) -> str | None:
        """The one user token that is accepted."""
        return self.world.tokens.user_token

    @property
    def base_url(self) -> str:
        """The address, without a path."""
        return self._server.base_url

    @property
    def switches(self) -> Switches:
        """How the platform's unknowns are read; may be set at any time."""
        return self.world.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        with self.world.lock:
            self.world.switches = switches

    def __enter__(self) -> Sandbox:
        self._server.start()
        self._elsewhere.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._elsewhere.stop()

    def inject(self, *armed: Fault) -> None:
        """Let something go wrong with the requests to come."""
        with self.world.lock:
            for fault in armed:
                self._faults.inject(fault)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self.world.lock:
            self._faults.clear()

    def count(self, path_prefix: str = "", *, code: int | None = None) -> int:
        """How many requests there were to paths that begin so, and were answered so."""
        return sum(
            request.path.startswith(path_prefix) and code in (None, request.code)
            for request in list(self.requests)
        )

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self.requests.clear()
        self.redirected.clear()

    # one request

    def answer(self, request: HttpRequest) -> HttpReply:
        """One request, however it came here."""
        at = self._monotonic()
        if self._latency_ms is not None:
            self._sleep(self._random.uniform(*self._latency_ms) / 1000)
        with ExitStack() as locks:
            for world in self._worlds:
                locks.enter_context(world.lock)
                world.look()
            self._replies += 1
            reply, code = self._reply(request)
            recorded = Request(
                request.method, request.path, dict(request.query), reply.status, code, at
            )
            if request.path == REACTIONS_PATH:
                asked, failed = asked_messages(request.body), failed_messages(reply.body)
                recorded = replace(recorded, asked=asked, failed=failed)
            self.requests.append(recorded)
        return reply

    def _reply(self, request: HttpRequest) -> tuple[HttpReply, int | None]:
        log_id = f"{self.world.now_ms // 1000:x}{self.world.seed:08x}{self._replies:012x}"
        try:
            template, ident = match(request.path)
            fault = self._faults.matching(template, request.path, request.query, ident)
            broken = faults.transport(fault, self._elsewhere_url) if fault else None
            if broken is not None:
                return self._finished(broken, log_id), None
            reply = self._success(request, template, ident, fault)
            if fault is not None:
                spoiled = faults.spoil(fault, reply, request.query)
                if spoiled is reply:
                    self._faults.did_not_happen(fault)
                reply = spoiled
            return self._finished(reply, log_id), 0
        except Refused as refused:
            return self._finished(self._refusal(refused, log_id), log_id), refused.code

    def _success(
        self, request: HttpRequest, template: str, ident: str, fault: Fault | None
    ) -> HttpReply:
        if request.method != ("POST" if template in POSTED_PATHS else "GET"):
            raise Refused(99991201, status=404)
        authorization = request.headers.get("authorization")
        world = self._store_app.world_of(authorization) if self._store_app else self.world
        self._guard(request, template, fault, world)
        if template in TOKEN_PATHS:
            granted = {"code": 0, "msg": "ok", **self._granted(template, request)}
            return HttpReply(200, orjson.dumps(granted))
        endpoints = self._endpoints[world.tenant_key]
        if template == RESOURCE_PATH:
            return endpoints.download(ident, request.query, request.headers)
        if template == REACTIONS_PATH:
            data = endpoints.reactions(request.query, request.body)
        else:
            data = endpoints.answer(template, ident, request.query)
        return HttpReply(200, b'{"code":0,"msg":"success","data":' + data + b"}")

    def _guard(
        self, request: HttpRequest, template: str, fault: Fault | None, world: World
    ) -> None:
        if self._limits is not None:
            wait_s = self._limits.refusal(template)
            if wait_s is not None:
                headers = {"x-ogw-ratelimit-limit": "1000", "x-ogw-ratelimit-reset": str(wait_s)}
                raise Refused(99991400, status=429, headers=headers)
        if fault is not None and fault.name == "token_revoked":
            world.tokens.revoke()
        refused = faults.refusal(fault, template) if fault else None
        if refused is not None:
            raise refused
        if template in TOKEN_PATHS:
            return
        world.tokens.check(request.headers.get("authorization"), world.now_ms)
        if not world.ip_allowed:
            raise Refused(99991401)
        if world.quota_used_up:
            raise Refused(99991403)

    def _granted(self, template: str, request: HttpRequest) -> dict[str, Any]:
        """What a token endpoint answers, flat.

        With which code each refuses the other kind of app is not documented: "app not usable".
        """
        try:
            asked = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise Refused(10003) from error
        if not isinstance(asked, dict):
            raise Refused(10003)
        if (self._store_app is None) != (template == TOKEN_PATH):
            raise Refused(10014)
        if self._store_app is not None:
            return self._store_app.answer(template, asked)
        token, left_s = self.world.tokens.issue(
            asked.get("app_id"), asked.get("app_secret"), self.world.now_ms
        )
        return {"tenant_access_token": token, "expire": left_s}

    def _refusal(self, refused: Refused, log_id: str) -> HttpReply:
        if refused.code in TOKEN_CODES:
            return HttpReply(200, orjson.dumps({"code": refused.code, "msg": refused.msg}))
        status = refused.status or self.world.switches.code_http_status
        error: dict[str, Any] = {self.world.switches.log_id_key: log_id}
        error["troubleshooter"] = f"https://open.feishu.cn/search?log_id={log_id}"
        msg = refused.msg
        if refused.fields:
            error["field_violations"] = [
                dict(zip(("field", "value", "description"), each, strict=True))
                for each in refused.fields
            ]
        if refused.scopes:
            link = f"https://open.feishu.cn/app/{self.app_id}/auth?q={','.join(refused.scopes)}"
            scopes = [
                {"type": "action_scope_required", "subject": scope, "description": "missing"}
                for scope in refused.scopes
            ]
            error["permission_violations"] = scopes
            error["helps"] = [{"url": link, "description": "apply for the scopes"}]
            msg += f" One of these scopes is required: [{', '.join(refused.scopes)}]. {link}"
        whole = {"code": refused.code, "msg": msg, "error": error}
        return HttpReply(status, orjson.dumps(whole), refused.headers)

    def _finished(self, reply: HttpReply, log_id: str) -> HttpReply:
        headers = {**reply.headers, "X-Tt-Logid": log_id}
        if self.world.switches.date_header:
            headers["Date"] = formatdate(self.world.now_ms / 1000, usegmt=True)
        compressible = reply.compressible and self.world.switches.gzip
        return replace(reply, headers=headers, compressible=compressible)

    # the other server

    def _elsewhere_url(self) -> str:
        return self._elsewhere.base_url if self._elsewhere.started else "http://elsewhere.test"

    def _record_redirected(self, request: HttpRequest) -> HttpReply:
        self.redirected.append(request)
        return HttpReply(200, b'{"code":0,"msg":"success","data":{"items":[],"has_more":false}}')
