"""The calls this package can make, all of them: nothing that writes to a tenant is on the list.

In: ids and a configured base URL. Out: paths and a checked base URL.
Refuses to know tokens, replies and sockets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import SplitResult, urlencode, urlsplit

from feishu_source.errors import ConfigurationError, HostNotAllowed, MalformedId

TokenName = Literal["token", "app_token", "tenant_token", "ticket"]
EndpointName = (
    TokenName
    | Literal["chats", "chat", "members", "membership", "messages", "message", "scopes"]
    | Literal["resource", "reactions", "pins", "users"]
    | Literal["tabs", "announcement", "upgraded_announcement"]
)
IdKind = Literal["chat", "thread", "message", "user"]

FEISHU = "https://open.feishu.cn"
LARK = "https://open.larksuite.com"
_NAMED_HOSTS = {"": FEISHU, "feishu": FEISHU, "lark": LARK}

_API = "/open-apis"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path template; the rate limit is counted per template.

    `per_second`: a bound of its own, where the platform sets a lower one than for others.
    """

    method: Literal["GET", "POST"]
    path: str
    per_second: float | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ENDPOINTS: Mapping[EndpointName, Endpoint] = {
    "token": Endpoint("POST", f"{_API}/auth/v3/tenant_access_token/internal"),
    # Of an app of the app store: the first two in turn, the last where its ticket is refused. That
    # one has Feishu push a ticket to the app's own callback; it touches no tenant.
    "app_token": Endpoint("POST", f"{_API}/auth/v3/app_access_token"),
    "tenant_token": Endpoint("POST", f"{_API}/auth/v3/tenant_access_token"),
    "ticket": Endpoint("POST", f"{_API}/auth/v3/app_ticket/resend"),
    "chats": Endpoint("GET", f"{_API}/im/v1/chats"),
    "chat": Endpoint("GET", f"{_API}/im/v1/chats/{{id}}"),
    "members": Endpoint("GET", f"{_API}/im/v1/chats/{{id}}/members"),
    "membership": Endpoint("GET", f"{_API}/im/v1/chats/{{id}}/members/is_in_chat"),
    "messages": Endpoint("GET", f"{_API}/im/v1/messages"),
    "message": Endpoint("GET", f"{_API}/im/v1/messages/{{id}}"),
    "resource": Endpoint("GET", f"{_API}/im/v1/messages/{{id}}/resources/{{key}}"),
    "reactions": Endpoint("POST", f"{_API}/im/v1/messages/reactions/batch_query"),  # only reads
    "pins": Endpoint("GET", f"{_API}/im/v1/pins"),
    "tabs": Endpoint("GET", f"{_API}/im/v1/chats/{{id}}/chat_tabs/list_tabs"),
    "announcement": Endpoint("GET", f"{_API}/im/v1/chats/{{id}}/announcement"),
    "upgraded_announcement": Endpoint("GET", f"{_API}/docx/v1/chats/{{id}}/announcement", 20.0),
    "scopes": Endpoint("GET", f"{_API}/application/v6/scopes"),
    "users": Endpoint("GET", f"{_API}/contact/v3/users/batch"),
}

SLOWER: Mapping[str, float] = {
    name: each.per_second for name, each in ENDPOINTS.items() if each.per_second is not None
}
"""Requests a second that the platform allows of those endpoints that it allows fewer of."""

TOKEN_ENDPOINTS: Mapping[EndpointName, str] = {
    "token": "get a tenant access token",
    "app_token": "get an app access token",
    "tenant_token": "get a tenant access token",
    "ticket": "ask for another app ticket",
}
"""The calls that carry no token, each with what it is called in messages."""

_ID_SHAPES: Mapping[IdKind, re.Pattern[str]] = {
    "chat": re.compile(r"oc_[A-Za-z0-9_-]+"),
    "thread": re.compile(r"omt_[A-Za-z0-9_-]+"),
    "message": re.compile(r"om_[A-Za-z0-9_-]+"),
    "user": re.compile(r"ou_[A-Za-z0-9_-]+"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an endpoint: what it is called in messages, and everything that is sent.

    `ids`: those of a batch, each of which is sent as `user_ids`.
    """

    endpoint: EndpointName
    what: str
    id: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    key: str = ""
    ids: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """What stands behind the question mark."""
        return urlencode([*self.params.items(), *(("user_ids", each) for each in self.ids)])

    @property
    def container(self) -> str | None:
        """`chat` or `thread` where messages are listed."""
        return self.params.get("container_id_type")

    @property
    def path(self) -> str:
        """The path with its id and key in place; both were checked and need no quoting."""
        return ENDPOINTS[self.endpoint].path.replace("{id}", self.id).replace("{key}", self.key)


def check_id(kind: IdKind, value: object) -> str:
    """The id itself, once it has the shape of its kind: no path, no query can hide in it.

    Raises:
        MalformedId: anything else.
    """
    if isinstance(value, str) and _ID_SHAPES[kind].fullmatch(value):
        return value
    prefix = _ID_SHAPES[kind].pattern.partition("[")[0]
    raise MalformedId(
        f"{value!r:.80} is not the id of a {kind}: it begins with {prefix} and holds only letters, "
        "digits, - and _."
    )


def is_resource_key(value: str) -> bool:
    """Whether a message's word for a file can be a key: no path and no query can hide in one."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.=~-]{0,511}", value) is not None


def resolve_base_url(value: str, allowed_hosts: Collection[str] = ()) -> str:
    """The base URL to which app id and secret may be sent, as `scheme://host[:port]`.

    `feishu` (or nothing) and `lark` name the two editions. Another https host must be in
    `allowed_hosts`, as `host` or `host:port`; http is for this machine alone.

    Raises:
        HostNotAllowed: a host that nobody named.
        ConfigurationError: not a base URL.
    """
    value = value.strip()
    named = _NAMED_HOSTS.get(value.lower())
    if named is not None:
        return named
    url, authority = _split(value)
    origin = f"{url.scheme}://{authority}"
    if is_loopback(url.hostname or "") or origin in {FEISHU, LARK}:
        return origin
    if url.scheme != "https":
        raise ConfigurationError(
            f"base_url {origin} would send the app secret unencrypted; write https://."
        )
    allowed = {host.strip().lower() for host in allowed_hosts}
    if authority in allowed or url.hostname in allowed:
        return origin
    raise HostNotAllowed(authority)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: str) -> tuple[SplitResult, str]:
    """The parts of a base URL and its `host[:port]`.

    The value itself is not repeated in errors: somebody may have put a password into it.
    """
    try:
        url = urlsplit(value)
        host, port = url.hostname, url.port
    except ValueError:
        raise ConfigurationError("base_url is not a URL") from None
    if url.scheme not in {"https", "http"} or not host:
        raise ConfigurationError("base_url must be feishu, lark or a URL such as " + FEISHU)
    if not re.fullmatch(r"[a-z0-9.:_-]+", host):
        raise ConfigurationError("base_url holds a host name that is not plain ASCII")
    if "@" in url.netloc or url.query or url.fragment or "?" in value or "#" in value:
        raise ConfigurationError("base_url must hold no user, password, query or fragment")
    if url.path.rstrip("/") not in {"", _API}:
        raise ConfigurationError(f"base_url must hold no path, except {_API}")
    authority = f"[{host}]" if ":" in host else host
    return url, authority if port in (None, 443 if url.scheme == "https" else 80) else (
        f"{authority}:{port}"
    )
