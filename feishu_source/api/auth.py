"""Access tokens: obtained, cached, renewed.

In: what the user configured, and a `post` that carries the request. Out: a token to send.
Refuses to open a socket, to read a clock of its own, to log, and to show a secret in a repr.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from feishu_source.api.endpoints import TokenName
from feishu_source.codes import USER_TOKEN_EN, USER_TOKEN_ZH
from feishu_source.errors import ConfigurationError, CredentialsRefused, FeishuError

Clock = Callable[[], float]
"""Seconds on a clock that never steps back; where its zero lies does not matter."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token and the seconds it still lives, as the reply states them."""

    token: str
    expire_s: float

    def __repr__(self) -> str:
        return f"Grant(token=[redacted], expire_s={self.expire_s})"


Post = Callable[[TokenName, Mapping[str, str]], Grant]
"""Sends a body to one of the token endpoints and returns what was granted."""

NOTHING_GRANTED = Grant("", 0.0)
"""What comes of a call that only asks for an app ticket to be pushed."""


class Identity(Protocol):
    """Who asks: an app, whose tokens are renewed, or a user, whose token is what it is."""

    def token(self, post: Post, clock: Clock, margin_s: float) -> str:
        """A token that is good for at least a while."""

    def drop(self, token: str) -> bool:
        """Whether another token can be had now that this one was refused."""

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""

    def explain(self, refused: CredentialsRefused) -> None:
        """Adds to a refusal what is known about these credentials."""


class KeptToken:
    """A token kept in memory only, shared by all threads and renewed `margin_s` before its end.

    The margin must stay under 30 minutes: with more than that left the platform hands out the same
    token again.
    """

    def __init__(self) -> None:
        self._renewing = threading.Lock()
        self._token: str | None = None
        self._renew_at_s = 0.0
        self._failures = 0
        self._failure: FeishuError | None = None

    @property
    def value(self) -> str:
        """The token as it is, for whoever has to hide it; empty without any."""
        return self._token or ""

    def token(self, fetch: Callable[[], Grant], clock: Clock, margin_s: float) -> str:
        """The cached token, or a new one; one thread fetches, the others wait for its result."""
        seen = self._failures
        with self._renewing:
            if self._token is None or clock() >= self._renew_at_s:
                if self._failure is not None and self._failures > seen:
                    # It failed while this thread waited, which need not repeat all the retries.
                    raise copy.copy(self._failure)
                return self._fetch(fetch, clock, margin_s)
            return self._token

    def drop(self, token: str) -> None:
        """Forgets the token if it is still the current one: twenty refusals, one renewal."""
        with self._renewing:
            if self._token == token:
                self._token = None

    def _fetch(self, fetch: Callable[[], Grant], clock: Clock, margin_s: float) -> str:
        # The life counts from before the request: the reply may have been long on its way.
        asked_at_s = clock()
        try:
            grant = fetch()
        except FeishuError as error:
            self._failures, self._failure = self._failures + 1, error
            raise
        # A life no longer than the margin would mean a renewal before every single request.
        life_s = max(grant.expire_s - margin_s, grant.expire_s / 2)
        self._token, self._renew_at_s = grant.token, asked_at_s + life_s
        return grant.token


class AppIdentity:
    """A custom app's tenant access token.

    Source: https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal
    """

    def __init__(self, app_id: str, app_secret: str) -> None:
        self.app_id = check_credential("app_id", app_id)
        self._app_secret = check_credential("app_secret", app_secret)
        self._kept = KeptToken()

    def token(self, post: Post, clock: Clock, margin_s: float) -> str:
        """The cached token, or a new one."""
        body = {"app_id": self.app_id, "app_secret": self._app_secret}
        return self._kept.token(lambda: post("token", body), clock, margin_s)

    def drop(self, token: str) -> bool:
        """Another one can be had."""
        self._kept.drop(token)
        return True

    def secrets(self) -> tuple[str, ...]:
        """The app secret and the current token."""
        return (self._app_secret, self._kept.value)

    def explain(self, refused: CredentialsRefused) -> None:
        """App ids of both editions begin with cli_."""
        if not self.app_id.startswith("cli_"):
            refused.hint = "The app_id does not begin with cli_, as app ids do."
            refused.hint_zh = "app_id 应以 cli_ 开头。"

    def __repr__(self) -> str:
        return f"AppIdentity(app_id={self.app_id!r}, app_secret=[redacted])"


class UserIdentity:
    """A ready-made access token: it cannot be renewed, so a refusal ends the load."""

    def __init__(self, user_access_token: str) -> None:
        if re.match(r"\s*bearer\b", user_access_token, re.IGNORECASE):
            raise ConfigurationError("user_access_token must be given without the word Bearer.")
        self._token = check_credential("user_access_token", user_access_token)

    def token(self, post: Post, clock: Clock, margin_s: float) -> str:
        """The token that was given."""
        return self._token

    def drop(self, token: str) -> bool:
        """There is no other."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The token itself."""
        return (self._token,)

    def explain(self, refused: CredentialsRefused) -> None:
        """The next step is another token, whatever the code would advise an app."""
        refused.hint = "A ready-made access token lives about two hours and is not renewed here."
        refused.hint_zh = "现成的 access token 有效期约两小时，此处不会续期。"
        refused.advice_en, refused.advice_zh = USER_TOKEN_EN, USER_TOKEN_ZH

    def __repr__(self) -> str:
        return "UserIdentity(user_access_token=[redacted])"


_TOKEN_FIELDS: Mapping[TokenName, str] = {
    "token": "tenant_access_token",
    "app_token": "app_access_token",
    "tenant_token": "tenant_access_token",
}


def parse_grant(reply: Mapping[str, object], name: TokenName = "token") -> Grant:
    """Token endpoints answer flat, without `data`; any life may be left, 7200 s is a maximum.

    Raises:
        ValueError: the reply lacks a token that fits into a header, or a life above zero.
    """
    if name not in _TOKEN_FIELDS:
        return NOTHING_GRANTED
    field = _TOKEN_FIELDS[name]
    token, expire = reply.get(field), reply.get("expire")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ValueError(f"{field} is missing or malformed")
    if not isinstance(expire, int | float) or isinstance(expire, bool) or not expire > 0:
        raise ValueError("expire is missing or not above zero")
    return Grant(token, float(expire))


def check_credential(name: str, given: object) -> str:
    """The value without surrounding white space, fit for a header; the error never repeats it."""
    value = given.strip() if isinstance(given, str) else ""
    if not value:
        raise ConfigurationError(
            f"{name} is empty: set it in .dlt/secrets.toml under [sources.feishu] or as "
            f"SOURCES__FEISHU__{name.upper()}."
        )
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ConfigurationError(
            f"{name} holds white space or characters outside ASCII: copy it again from the console."
        )
    return value
