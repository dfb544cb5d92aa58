"""An app of the app store: tickets, tokens, and the tenants that installed it.

In: the body of a request to one of its token endpoints. Out: what is answered, or `Refused`.
Refuses to know: HTTP, and what a token is good for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from feishu_source.sandbox.endpoints import APP_TOKEN_PATH, TENANT_TOKEN_PATH
from feishu_source.sandbox.refusals import Refused
from feishu_source.sandbox.tokens import Minted
from feishu_source.sandbox.world import World

TICKET_LIFE_MS = 2 * 3600 * 1000
"""How long a ticket is good is not documented. One is pushed every hour, and whoever took the last
one must be able to use it until the next has arrived."""


class StoreApp:
    """One app in several tenants, on the first one's clock; it has the first one's app id.

    `on_ticket` is the app's event callback: it gets every ticket that is pushed. `pushed` are all
    of them, the newest last.
    """

    def __init__(self, *worlds: World, on_ticket: Callable[[str], object] | None = None) -> None:
        self.worlds = worlds
        self.on_ticket = on_ticket
        self.pushed: list[str] = []
        first = worlds[0]
        self._tokens = first.tokens
        self._of_app = Minted(f"a-sandbox{first.seed:x}")
        self._expires_ms: dict[str, int] = {}
        self._installed: Mapping[str, World] = {world.tenant_key: world for world in worlds}
        if len(self._installed) < len(worlds):
            raise ValueError("two worlds of one seed are one tenant")
        for world in worlds[1:]:
            world.take_app(self._tokens.app_id, self._tokens.app_secret)
        self.push()

    @property
    def ticket(self) -> str:
        """The newest ticket."""
        return self.pushed[-1]

    def push(self) -> None:
        """A new ticket for the callback, as every hour; older ones are good until their end."""
        number = len(self.pushed) + 1
        ticket = f"ticket-sandbox{self.worlds[0].seed:x}n{number:04d}x{number * 7919:08x}"
        self._expires_ms[ticket] = self._now_ms + TICKET_LIFE_MS
        self.pushed.append(ticket)
        if self.on_ticket is not None:
            self.on_ticket(ticket)

    def expire_tickets(self) -> None:
        """End the life of every ticket now; tokens that were had for them stay."""
        self._expires_ms.clear()

    def revoke_app_tokens(self) -> None:
        """Make every app token unknown."""
        self._of_app.revoke()

    @property
    def _now_ms(self) -> int:
        return self.worlds[0].now_ms

    def answer(self, template: str, asked: Mapping[str, object]) -> dict[str, object]:
        """What a token endpoint answers to a body, flat."""
        if template == APP_TOKEN_PATH:
            return _flat("app_access_token", self._app_token(asked))
        if template == TENANT_TOKEN_PATH:
            return _flat("tenant_access_token", self._tenant_token(asked))
        self._tokens.check_app(asked.get("app_id"), asked.get("app_secret"))
        self.push()
        return {}

    def _app_token(self, asked: Mapping[str, object]) -> tuple[str, int]:
        """An app token for a good ticket."""
        self._tokens.check_app(asked.get("app_id"), asked.get("app_secret"))
        if self._expires_ms.get(str(asked.get("app_ticket")), 0) <= self._now_ms:
            raise Refused(10012)
        return self._of_app.grant(self._now_ms)

    def _tenant_token(self, asked: Mapping[str, object]) -> tuple[str, int]:
        """A tenant token for a good app token, in a tenant that installed the app."""
        if not self._of_app.is_good(str(asked.get("app_access_token")), self._now_ms):
            raise Refused(99991664)
        world = self._installed.get(str(asked.get("tenant_key")))
        if world is None or not world.installed:
            raise Refused(10013)
        return world.tokens.of_tenant.grant(world.now_ms)

    def world_of(self, authorization: str | None) -> World:
        """The tenant that a token was given out for; the first one for a token nobody knows."""
        token = (authorization or "").removeprefix("Bearer ")
        found = (world for world in self.worlds if world.tokens.of_tenant.knows(token))
        return next(found, self.worlds[0])


def _flat(name: str, granted: tuple[str, int]) -> dict[str, object]:
    token, left_s = granted
    return {name: token, "expire": left_s}
