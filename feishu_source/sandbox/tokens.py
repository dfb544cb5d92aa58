"""Access tokens: given out, renewed, expired, revoked.

In: an app id and secret, a token, the time. Out: a token with what is left of it, or a refusal.
Refuses to know: HTTP, and what a token is good for.
"""

from __future__ import annotations

from feishu_source.sandbox.refusals import Refused

LIFE_MS = 2 * 3600 * 1000
"""A token lives two hours."""
RENEWABLE_MS = 30 * 60 * 1000
"""With less than 30 minutes left a new token is given out; the old one stays good."""


class Minted:
    """Tokens of one kind, the newest given out until it is about to end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._issued = 0
        self._current: str | None = None
        self._expires_ms: dict[str, int] = {}

    def grant(self, now_ms: int) -> tuple[str, int]:
        """A token and the seconds that are left of it."""
        left_ms = self._expires_ms.get(self._current or "", 0) - now_ms
        if self._current is None or left_ms < RENEWABLE_MS:
            self._issued += 1
            self._current = f"{self._prefix}n{self._issued:04d}x{self._issued * 7919:08x}"
            self._expires_ms[self._current] = now_ms + LIFE_MS
            left_ms = LIFE_MS
        return self._current, left_ms // 1000

    def knows(self, token: str) -> bool:
        """Whether it was given out here, ended or not."""
        return token in self._expires_ms

    def is_good(self, token: str, now_ms: int) -> bool:
        """Whether it was given out and has not ended."""
        return self._expires_ms.get(token, 0) > now_ms

    def expire(self, now_ms: int) -> None:
        """End the life of every one now."""
        for token in self._expires_ms:
            self._expires_ms[token] = min(self._expires_ms[token], now_ms)

    def revoke(self) -> None:
        """Make every one unknown."""
        self._expires_ms.clear()
        self._current = None


class Tokens:
    """The tokens of one app in one tenant, on the tenant's clock."""

    def __init__(self, seed: int, app_id: str, app_secret: str, user_token: str) -> None:
        self.app_id = app_id
        self.app_secret = app_secret
        self.user_token: str | None = user_token
        self.of_tenant = Minted(f"t-sandbox{seed:x}")

    def issue(self, app_id: object, app_secret: object, now_ms: int) -> tuple[str, int]:
        """A tenant token and the seconds that are left of it."""
        self.check_app(app_id, app_secret)
        return self.of_tenant.grant(now_ms)

    def check_app(self, app_id: object, app_secret: object) -> None:
        """Raise unless these are the app's."""
        if not isinstance(app_id, str) or not app_id.startswith("cli_"):
            raise Refused(10003)
        if app_id != self.app_id:
            raise Refused(10014)
        if app_secret != self.app_secret:
            raise Refused(10015)

    def check(self, authorization: str | None, now_ms: int) -> None:
        """Raise unless the header carries a good token."""
        kind, _, token = (authorization or "").partition(" ")
        if not token or kind != "Bearer":
            raise Refused(99991661)
        if token.startswith("t-"):
            if not self.of_tenant.is_good(token, now_ms):
                raise Refused(99991663)
        elif token.startswith(("u-", "eyJ")):
            if token != self.user_token:
                raise Refused(99991668)
        else:
            raise Refused(99991668 if token.startswith("Bearer") else 99991671)

    def expire(self, now_ms: int) -> None:
        """End the life of every tenant token now."""
        self.of_tenant.expire(now_ms)

    def revoke(self) -> None:
        """Make every tenant token unknown."""
        self.of_tenant.revoke()
