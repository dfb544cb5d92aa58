"""An app of the app store: one app, a tenant access token for each tenant that installed it.

In: what the user configured, a `post` that carries requests, and a way to read the app ticket. Out:
a token to send. Refuses to know where the ticket is kept, to log, and to show a secret in a repr.
"""

from __future__ import annotations

from collections.abc import Callable

from feishu_source.api.auth import Clock, Grant, KeptToken, Post, check_credential
from feishu_source.codes import NOT_INSTALLED_EN, NOT_INSTALLED_ZH, TICKET_EN, TICKET_ZH
from feishu_source.errors import ApiError, CredentialsRefused

TICKET_REFUSED = 10012
APP_TOKEN_REFUSED = 99991664
TENANT_REFUSED = 10013

KEPT_TICKETS = 8
"""Tickets that are remembered so as to be hidden: one an hour is pushed, one is sent a renewal."""

ReadTicket = Callable[[], str]
"""The app ticket as it is now: Feishu pushes another one every hour."""


class StoreIdentity:
    """A store app's tenant access token: had by an app access token, had by the app ticket.

    The ticket is read afresh whenever an app access token is needed, at most every two hours.

    Source: https://open.feishu.cn/document/server-docs/authentication-management/access-token/app_access_token
    and .../tenant_access_token, .../app_ticket_resend beside it.
    """

    def __init__(
        self, app_id: str, app_secret: str, tenant_key: str, read_ticket: ReadTicket
    ) -> None:
        self.app_id = check_credential("app_id", app_id)
        self._app_secret = check_credential("app_secret", app_secret)
        self.tenant_key = check_credential("tenant_key", tenant_key)
        self._read_ticket = read_ticket
        self._tickets: list[str] = []
        self._of_app = KeptToken()
        self._of_tenant = KeptToken()
        self._ticket()  # one that is not there is told before anything is asked

    def token(self, post: Post, clock: Clock, margin_s: float) -> str:
        """The cached token, or a new one."""

        def app_token() -> str:
            return self._of_app.token(lambda: self._fetch_app(post), clock, margin_s)

        return self._of_tenant.token(lambda: self._fetch(post, app_token), clock, margin_s)

    def drop(self, token: str) -> bool:
        """Another one can be had."""
        self._of_tenant.drop(token)
        return True

    def secrets(self) -> tuple[str, ...]:
        """The app secret, the tickets and both tokens."""
        return (self._app_secret, self._of_app.value, self._of_tenant.value, *self._tickets)

    def explain(self, refused: CredentialsRefused) -> None:
        """What is wrong with a ticket or a tenant, neither of which a custom app has."""
        if refused.code == TICKET_REFUSED:
            refused.hint = "The app_ticket is not valid, or not any more."
            refused.hint_zh = "app_ticket 无效或已失效。"
            refused.advice_en, refused.advice_zh = TICKET_EN, TICKET_ZH
        elif refused.code == TENANT_REFUSED:
            refused.hint = f"The tenant_key is {self.tenant_key}."
            refused.hint_zh = f"tenant_key 为 {self.tenant_key}。"
            refused.advice_en, refused.advice_zh = NOT_INSTALLED_EN, NOT_INSTALLED_ZH

    def __repr__(self) -> str:
        return (
            f"StoreIdentity(app_id={self.app_id!r}, tenant_key={self.tenant_key!r}, "
            "app_secret=[redacted], app_ticket=[redacted])"
        )

    def _fetch(self, post: Post, app_token: Callable[[], str]) -> Grant:
        token = app_token()
        try:
            return self._ask(post, token)
        except CredentialsRefused as refused:
            if refused.code != APP_TOKEN_REFUSED:
                raise
        self._of_app.drop(token)
        return self._ask(post, app_token())

    def _ask(self, post: Post, app_token: str) -> Grant:
        body = {"app_access_token": app_token, "tenant_key": self.tenant_key}
        return post("tenant_token", body)

    def _fetch_app(self, post: Post) -> Grant:
        """An app token; a ticket that was replaced while it was sent is read once more."""
        ticket = self._ticket()
        try:
            return self._exchange(post, ticket)
        except CredentialsRefused as refused:
            if refused.code != TICKET_REFUSED:
                raise
            newer = self._ticket()
            if newer == ticket:
                self._ask_for_another(post, refused)
                raise
        return self._exchange(post, newer)

    def _exchange(self, post: Post, ticket: str) -> Grant:
        body = {"app_id": self.app_id, "app_secret": self._app_secret, "app_ticket": ticket}
        return post("app_token", body)

    def _ask_for_another(self, post: Post, refused: CredentialsRefused) -> None:
        """Has Feishu push a ticket, for the next load: it comes minutes later, and not to us."""
        try:
            post("ticket", {"app_id": self.app_id, "app_secret": self._app_secret})
        except ApiError:  # the refusal of the ticket is what has to be told
            return
        refused.hint = f"{refused.hint} Feishu was asked to push another one to the app's callback."
        refused.hint_zh = f"{refused.hint_zh}已请求飞书向应用回调地址重新推送。"

    def _ticket(self) -> str:
        ticket = check_credential("app_ticket", self._read_ticket())
        if ticket not in self._tickets:
            self._tickets = [*self._tickets[1 - KEPT_TICKETS :], ticket]
        return ticket
