"""Every error of this package, sorted by what the caller does about it.

    FeishuError
    ├── ConfigurationError          fix the arguments; raised before any request
    │   ├── HostNotAllowed          name the host in `allowed_hosts`, or do not send it the secret
    │   └── MalformedId             an id that cannot be one
    ├── DestinationError            the warehouse refused or could not be reached
    ├── LoadLocked                  another load holds the lock: wait for it
    ├── Interrupted                 somebody asked the load to end
    ├── RequestsSpent               the load may make no more requests: the next one goes on
    └── ApiError                    Feishu, or the way to it, refused
        ├── StopError               end the load: what is in hand stays, somebody has to act
        │   ├── CredentialsRefused  app id, secret or token
        │   ├── ScopeMissing        the app lacks a scope that messages need
        │   └── QuotaExhausted      the month's calls are used up: never ask again
        ├── ChatRefused             skip the chat
        ├── ThreadRefused           skip the thread
        ├── FileRefused             this image, file, audio or video cannot be had
        ├── MessageRefused          skip the message (asked for by its id)
        ├── OptionalRefused         do without: chat details or members, messages go on
        ├── ParameterRefused        the request itself
        │   └── PageTokenRefused    list the window again from its start
        ├── RetriesExhausted        the network, a gateway, Feishu's own trouble, the rate limit
        ├── ReplyBroken             an answer that breaks the contract, after retries
        └── UnknownCode             a code nobody listed fails the chat, never passes silently

In: what was tried, and Feishu's reply. Out: one line to read, and its parts as fields.
Refuses to know HTTP, and to show a secret, a token or a message's text.
"""

from __future__ import annotations

import re
import signal as signals
from collections.abc import Iterable, Sequence
from typing import Any

from feishu_source.codes import CODES, CodeEntry, Kind

MOST_WORDS = 500
"""Characters of Feishu's own words that are shown: a scope error lists scopes and a link in 300."""


class FeishuError(Exception):
    """The root of every error this package raises on purpose.

    `report` is the `LoadReport` of the load that ended with this error, once there is one.
    """

    report: Any = None


class ConfigurationError(FeishuError):
    """An argument or a setting is wrong; no request was made."""


class HostNotAllowed(ConfigurationError):
    """The app secret is not sent to a host that nobody named."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return (
            f"base_url points to {self.host}, which is neither Feishu nor Lark. If the app secret "
            "may be sent there, name the host in allowed_hosts (SOURCES__FEISHU__ALLOWED_HOSTS)."
        )


class MalformedId(ConfigurationError):
    """An id that cannot be one is refused before it becomes part of a URL."""


class DestinationError(FeishuError):
    """The destination refused, or could not be reached; what was loaded before stays."""


class LoadLocked(FeishuError):
    """Another load holds the lock of this pipeline."""


class Interrupted(FeishuError):
    """The load was asked to end, by a signal if `signal` is its number."""

    def __init__(self, signal: int | None = None) -> None:
        super().__init__(signal)
        self.signal = signal

    def __str__(self) -> str:
        return "interrupted" if self.signal is None else f"interrupted by {_name_of(self.signal)}"


def _name_of(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:  # none that this platform knows
        return f"signal {number}"


class RequestsSpent(FeishuError):
    """The load has made as many requests as it may; what it read stays, the next one goes on."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return (
            f"the load has made all the requests it may (max_requests is {self.most:,}). The next "
            "load goes on. But each needs a token, the chat list (1 request per 100 chats) and one "
            "request per chat: allow more if loads keep ending like this."
        )


class ApiError(FeishuError):
    """Feishu, or the way to it, refused what was asked.

    `what` names the attempt ("list messages of chat oc_x"), `msg` holds Feishu's words, the two
    `meaning` and the two `advice` the connector's. `links` lead to the console, `details` name
    scopes or fields, `hint` is what the connector noticed by itself, `network` says that no answer
    of Feishu's came at all. Texts that come from outside must have passed `redact`.
    """

    default_meaning = "the request was refused"
    default_meaning_zh = "请求被拒绝"
    default_advice_en = "Send the log id to Feishu's support."
    default_advice_zh = "请将 log id 提供给飞书技术支持。"

    def __init__(
        self,
        what: str,
        *,
        code: int | None = None,
        msg: str = "",
        log_id: str | None = None,
        http_status: int | None = None,
        links: Sequence[str] = (),
        details: Sequence[str] = (),
        hint: str | None = None,
        hint_zh: str | None = None,
        network: bool = False,
    ) -> None:
        super().__init__(what)
        entry = CODES.get(code) if code is not None else None
        self.what = what
        self.code = code
        self.msg = msg
        self.log_id = log_id
        self.http_status = http_status
        self.links = list(links)
        self.details = list(details)
        self.hint = hint
        self.hint_zh = hint_zh or hint
        self.network = network
        self.meaning = entry.meaning_en if entry else self.default_meaning
        self.meaning_zh = entry.meaning_zh if entry else self.default_meaning_zh
        self.advice_en = entry.advice_en if entry else self.default_advice_en
        self.advice_zh = entry.advice_zh if entry else self.default_advice_zh

    @property
    def scope_missing(self) -> bool:
        """Whether the app, or the user's consent, lacks a scope."""
        return _kind_of(self.code) == "scope"

    @property
    def words(self) -> str:
        """Feishu's own words; where it said none, what came in their place."""
        if self.msg:
            return self.msg
        return " ".join([f"{self.meaning}{self._quote()}.", *([self.hint] if self.hint else [])])

    def __str__(self) -> str:
        parts = [f"Could not {self.what}: {self.meaning}{self._quote()}."]
        if self.details:
            parts.append(f"Details: {'; '.join(self.details)}.")
        if self.hint:
            parts.append(self.hint)
        parts.append(f"Next step: {self.advice_en}")
        if self.links:
            parts.append(f"See {' '.join(self.links)}")
        if self.log_id:
            parts.append(f"Log id: {self.log_id}")
        return " ".join(parts)

    def in_chinese(self) -> str:
        """The same line in Chinese; the attempt has no name there, Feishu's words stay."""
        quoted = [f"错误码 {self.code}"] if self.code is not None else []
        if self.http_status is not None and self.code is None:
            quoted.append(f"HTTP {self.http_status}")
        if self.msg:
            quoted.append(f"“{self.msg}”")
        words = f"（{'，'.join(quoted)}）" if quoted else ""
        parts = [f"{self.meaning_zh}{words}。"]
        if self.details:
            parts.append(f"详情：{'；'.join(self.details)}。")
        parts.append(self.hint_zh or "")
        parts.append(f"下一步：{self.advice_zh}")
        if self.links:
            parts.append(f"参见 {' '.join(self.links)} ")
        if self.log_id:
            parts.append(f"Log id：{self.log_id}")
        return "".join(parts)

    def _quote(self) -> str:
        known = [f"code {self.code}"] if self.code is not None else []
        if self.http_status is not None and self.code is None:
            known.append(f"HTTP {self.http_status}")
        if self.msg:
            known.append(f'"{self.msg}"')
        return f" ({', '.join(known)})" if known else ""


class StopError(ApiError):
    """The load ends: asking for another chat would be refused the same way."""

    default_meaning = "the answer did not come from Feishu's API"
    default_meaning_zh = "应答并非来自飞书 API"
    default_advice_en = "Check base_url, and the proxy if there is one."
    default_advice_zh = "请检查 base_url 以及代理设置。"


class CredentialsRefused(StopError):
    """App id, app secret or access token are refused, a renewed token too."""


class ScopeMissing(StopError):
    """The app lacks a scope without which no message can be read."""


class QuotaExhausted(StopError):
    """The month's API calls are used up: each further call costs and none helps."""


class ChatRefused(ApiError):
    """This chat is refused, the others are not."""


class ThreadRefused(ApiError):
    """This thread is refused, its chat is not."""


class MessageRefused(ApiError):
    """This message, asked for by its id, is refused."""


class FileRefused(ApiError):
    """This image, file, audio or video cannot be had; its message is loaded."""


class OptionalRefused(ApiError):
    """Chat details or members are refused; messages can be read without them."""


class ParameterRefused(ApiError):
    """A parameter of the request is refused."""


class PageTokenRefused(ParameterRefused):
    """A request that carried a page token is refused: list the window again from its start."""


class RetriesExhausted(ApiError):
    """Repeating did not help.

    `network` is true when the connection failed or a gateway answered in Feishu's place; it is
    false for Feishu's own error codes and for the rate limit.
    """

    default_meaning = "no usable answer came"
    default_meaning_zh = "没有得到可用的应答"
    default_advice_en = "Check the network, the proxy and base_url, then run the load again."
    default_advice_zh = "请检查网络、代理与 base_url，然后重新运行。"


def is_lost(result: object) -> bool:
    """True if the network gave no answer, however often it was asked."""
    return isinstance(result, RetriesExhausted) and result.network


class ReplyBroken(ApiError):
    """Feishu answered, and the answer is not what its documentation says."""

    default_meaning = "the reply breaks its contract"
    default_meaning_zh = "应答不符合接口约定"
    default_advice_en = "Run the load again; if it stays, report it with the log id."
    default_advice_zh = "请重新运行；若持续出现，请附上 log id 反馈。"


class UnknownCode(ApiError):
    """A code nobody listed: its chat fails until somebody decides what the code means."""

    default_meaning = "an error code the connector does not know"
    default_meaning_zh = "连接器未收录的错误码"
    default_advice_en = "Look the code up in Feishu's documentation and report it, with the log id."
    default_advice_zh = "请在飞书开放平台文档中查询该错误码，并附上 log id 反馈。"


REACTIONS: dict[Kind, type[ApiError]] = {
    "stop": StopError,
    "credentials": CredentialsRefused,
    "renew": CredentialsRefused,
    "scope": ScopeMissing,
    "quota": QuotaExhausted,
    "chat": ChatRefused,
    "thread": ThreadRefused,
    "message": MessageRefused,
    "file": FileRefused,
    "optional": OptionalRefused,
    "parameter": ParameterRefused,
    "rate": RetriesExhausted,
    "retry": RetriesExhausted,
}
"""The error each reaction ends in, when it ends in one."""

_TOKEN = re.compile(r"(?i:bearer\s+)\S+|\b[tuar]-[\w.~+/=-]{8,}|\beyJ[\w.~+/=-]{8,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """A text from outside, fit to be shown: no secret, no token, one line, 500 characters."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    text = _CONTROL.sub(" ", text)
    text = _TOKEN.sub("[redacted]", text).strip()
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"


def first_line(error: BaseException) -> str:
    """The first line of an exception's words, fit to be shown."""
    return redact((str(error).strip().splitlines() or [""])[0])


def causes(error: BaseException) -> list[BaseException]:
    """The exception and what it was raised from, the root cause last; dlt's wrappers included."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        wrapped = getattr(cause, "exception", None) or getattr(cause, "client_exception", None)
        context = None if cause.__suppress_context__ else cause.__context__
        if isinstance(context, StopIteration):  # where a generator ended is no trouble
            context = None
        cause = cause.__cause__ or wrapped or context
    return chain


def _kind_of(code: int | None) -> Kind | None:
    entry: CodeEntry | None = CODES.get(code) if code is not None else None
    return entry.kind if entry else None


NO_RETRY = (ConfigurationError, StopError, RequestsSpent)
"""What another try of the same load would end with again: for orchestrators that try by themselves.
Somebody has to act, or the load may make no more requests."""
