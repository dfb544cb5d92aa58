"""Every code the sandbox can refuse with, in the platform's words.

In: a code and what is particular to this refusal. Out: `Refused`, to be raised.
Refuses to know: when to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WORDS: Mapping[int, str] = {
    2200: "internal error",
    9499: "Bad Request",
    10003: "invalid param",
    10012: "get app access token failed",
    10013: "get tenant access token failed",
    10014: "app id not exists",
    10015: "app secret invalid",
    40001: "invalid parameter",
    40004: "no dept authority",
    41050: "no user authority",
    212100: "app not install",
    230001: "Your request contains an invalid request parameter.",
    230002: "Bot/User can NOT be out of the chat.",
    230006: "Bot ability is not activated.",
    230013: "Bot has NO availability to this user.",
    230027: "Lack of necessary permissions.",
    230050: "The message is invisible to the operator.",
    230073: "The thread is invisible to the operator.",
    230110: "Action unavailable as the message has been deleted.",
    231203: "The chat type is not supported, ext=Chat open Restricted Mode, "
    "don't allow copying or forwarding messages",
    232001: "Your request contains an invalid request parameter.",
    232003: "Chat announcement can NOT be found in chat information.",
    232006: "Your request specifies a chat_id which is invalid.",
    232009: "Your request specifies a chat which has already been dissolved.",
    232010: "Operator and chat can NOT be in different tenants.",
    232011: "Operator can NOT be out of the chat.",
    232025: "Bot ability is not activated.",
    232033: "The operator or invited bots does NOT have the authority to manage external chats "
    "without the scope.",
    232034: "The app is unavailable or inactivated in the tenant.",
    232050: "Operate chat tab unsupported chat type.",
    232066: "The operator does not have the doc permission.",
    232097: "Unable to operate docx type chat announcement.",
    234001: "Invalid request param.",
    234003: "File not in msg.",
    234004: "App not in chat.",
    234019: "The app is not available to the user of this chat.",
    234037: "Downloaded file size exceeds limit.",
    234038: "The chat is in restricted mode: resources can NOT be downloaded.",
    234040: "The message is invisible to the operator.",
    234043: "Unsupported message type.",
    1770032: "forbidden",
    1772001: "Chat announcement can NOT be found in chat information.",
    1772002: "Operator and chat can NOT be in different tenants.",
    1772003: "Operator can NOT be out of the chat.",
    1772004: "The operator or invited bots does NOT have the authority to manage external chats "
    "without the scope.",
    1772025: "Bot ability is not activated.",
    1772034: "The app is unavailable or inactivated by the tenant.",
    99991201: "path not found",
    99991400: "request trigger frequency limit",
    99991401: "deny by ip settings",
    99991403: "The API calls of this month have been used up.",
    99991661: "Missing access token for authorization. Please make a request with token attached.",
    99991663: "Invalid access token for authorization. Please make a request with token attached.",
    99991664: "Invalid app access token.",
    99991668: "Invalid access token for authorization. Please make a request with token attached.",
    99991671: "Invalid access token for authorization. The token must start with t- or u-.",
    99991672: "Access denied.",
    99991677: "The user access token has expired.",
    99992402: "field validation failed",
}

# The token endpoints answer their codes with HTTP 200 and without an error object.
TOKEN_CODES = frozenset({10003, 10012, 10013, 10014, 10015})


class Refused(Exception):
    """A request that is answered with a code.

    `ext` follows the words of the code; `fields` are (field, value, description) of
    `field_violations`; `scopes` those that are missing; `headers` go with the reply.
    """

    def __init__(
        self,
        code: int,
        ext: str = "",
        *,
        status: int | None = None,
        fields: Sequence[tuple[str, str, str]] = (),
        scopes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.fields = fields
        self.scopes = scopes
        self.headers = dict(headers or {})
        self.msg = WORDS.get(code, "unexpected error") + (f" ext={ext}" if ext else "")


def invalid(code: int, field: str, value: str, why: str) -> Refused:
    """An invalid parameter, by a code of the endpoint or by the general field validation."""
    if code == 99992402:
        return Refused(code, fields=[(field, value, why)])
    return Refused(code, f"invalid {field}: {why}", fields=[(field, value, why)])
