"""What one use of the source was asked for: arguments, checked and in plain values.

In: the arguments of `feishu_source`, as dlt resolved them. Out: `Options`, or what is wrong with
which of them. Refuses to know where they came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from feishu_source.api import (
    AppIdentity,
    Identity,
    StoreIdentity,
    UserIdentity,
    check_id,
    is_loopback,
    resolve_base_url,
)
from feishu_source.errors import ConfigurationError
from feishu_source.rungs import Rung, parse_ladder
from feishu_source.selection import Selection
from feishu_source.settings import (
    Settings,
    find_timezone,
    parse_since,
    parse_until,
)
from feishu_source.shards import Shard, parse_shard
from feishu_source.ticket import GivenTicket, TicketFile

NO_CREDENTIALS = (
    "no credentials: set app_id and app_secret under [sources.feishu] in .dlt/secrets.toml, or "
    "SOURCES__FEISHU__APP_ID and SOURCES__FEISHU__APP_SECRET in the environment (or a ready "
    "user_access_token). `feishu-history --demo` needs none."
)

FILE_TYPES = ("image", "file", "audio", "media")
"""Types of resources that the API hands out."""

NO_TICKET = (
    "tenant_key is for an app of the app store, which needs an app ticket too: set app_ticket_file "
    "to the file that the app's event callback writes it into, or app_ticket in "
    ".dlt/secrets.toml or as SOURCES__FEISHU__APP_TICKET. A custom app has no tenant_key: leave it "
    "out."
)
TWO_TICKETS = "app_ticket and app_ticket_file are both set: leave one of them out."


@dataclass(frozen=True)
class Options:
    """What one use of the source was asked for, in plain values; checked when it is built."""

    settings: Settings
    base_url: str
    app_id: str | None
    app_secret: str | None
    user_access_token: str | None
    app_ticket: str | None
    app_ticket_file: str | None
    tenant_key: str | None
    selection: Selection
    since: datetime | None
    until: datetime | None
    threads: bool
    ladder: tuple[Rung, ...]
    files: str | None = None
    files_types: tuple[str, ...] = FILE_TYPES

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Options:
        """Checks and converts the arguments of `feishu_source`.

        Raises:
            ConfigurationError: names what is wrong with which of them.
        """
        names = {field.name for field in fields(Settings)}
        given = {**arguments, "card_content": arguments["card_content"] or None}
        timezone = arguments["timezone"]
        find_timezone(timezone)
        since = parse_since(arguments["since"], timezone) if arguments["since"] else None
        until = parse_until(arguments["until"], timezone) if arguments["until"] else None
        if since and until and since >= until:
            raise ConfigurationError(f"since ({since}) is not before until ({until})")
        for name in ("include", "exclude", "allowed_hosts"):
            if not all(isinstance(text, str) for text in arguments[name] or ()):
                raise ConfigurationError(f'setting {name} must be a list of texts: ["…"]')
        shard = parse_shard(arguments["shard"])
        chat_ids = tuple(check_id("chat", chat_id) for chat_id in arguments["chat_ids"] or ())
        return cls(
            settings=_share(Settings(**{k: v for k, v in given.items() if k in names}), shard),
            base_url=resolve_base_url(arguments["base_url"], arguments["allowed_hosts"] or ()),
            app_id=arguments["app_id"] or None,
            app_secret=arguments["app_secret"] or None,
            user_access_token=arguments["user_access_token"] or None,
            app_ticket=arguments["app_ticket"] or None,
            app_ticket_file=arguments["app_ticket_file"] or None,
            tenant_key=arguments["tenant_key"] or None,
            selection=Selection(
                chat_ids,
                tuple(arguments["include"] or ()),
                tuple(arguments["exclude"] or ()),
                shard,
            ),
            since=since,
            until=until,
            threads=arguments["threads"],
            ladder=parse_ladder(arguments["rungs"]),
            files=arguments["files"] or None,
            files_types=_check_types(arguments["files_types"]),
        )

    def identity(self) -> Identity:
        """Who asks.

        Raises:
            ConfigurationError: no credentials, or halves of two kinds.
        """
        if self.user_access_token:
            return UserIdentity(self.user_access_token)
        if self.of_store:
            return self._store_identity()
        if not self.app_id and not self.app_secret:
            raise ConfigurationError(NO_CREDENTIALS)
        return AppIdentity(self.app_id or "", self.app_secret or "")

    @property
    def of_store(self) -> bool:
        """Whether an app of the app store asks: a custom app has neither ticket nor tenant key."""
        given = self.app_ticket or self.app_ticket_file or self.tenant_key
        return bool(given) and not self.user_access_token

    def _store_identity(self) -> Identity:
        if self.app_ticket and self.app_ticket_file:
            raise ConfigurationError(TWO_TICKETS)
        if not (self.app_ticket or self.app_ticket_file):
            raise ConfigurationError(NO_TICKET)
        read_ticket = (
            TicketFile(self.app_ticket_file)
            if self.app_ticket_file
            else GivenTicket(self.app_ticket or "")
        )
        return StoreIdentity(
            self.app_id or "", self.app_secret or "", self.tenant_key or "", read_ticket
        )

    @property
    def owner(self) -> dict[str, Any]:
        """Whose state a dataset holds: one app on one host, in one tenant where it has several."""
        owner = {"base_url": _lasting_url(self.base_url), "app_id": self.app_id}
        return owner | {"tenant_key": self.tenant_key} if self.of_store else owner


def _share(settings: Settings, shard: Shard | None) -> Settings:
    """All shards together keep to one rate, which the platform counts for the app."""
    return replace(settings, rate_share=settings.rate_share / shard.of) if shard else settings


def _check_types(given: Sequence[str] | None) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(given or FILE_TYPES))
    if wrong := [repr(each) for each in types if each not in FILE_TYPES]:
        raise ConfigurationError(
            f"setting files_types holds {', '.join(wrong)}; the API hands out "
            f"{', '.join(FILE_TYPES)}."
        )
    return types


def _lasting_url(base_url: str) -> str:
    """The base URL without what changes at every start: the port of a tenant on this machine."""
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.hostname}" if is_loopback(url.hostname or "") else base_url
