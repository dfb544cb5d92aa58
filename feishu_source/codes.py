"""Every Feishu code the connector may meet: what to do, what it means, what helps.

In: nothing. Out: one table, `CODES`, and `find_reaction`, which reads it for one endpoint.
Refuses to know about exceptions, HTTP and retries: it only names the reaction.

A code that is not in the table has no reaction, and the chat it came from fails: it never
passes silently. Texts are the connector's own words; Feishu's own `msg` is shown beside them.

Source: https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code and the
error tables of the endpoints in `feishu_source.api.endpoints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "stop",  # the load ends: somebody has to change the app or the tenant
    "credentials",  # the load ends: app id, secret or token refused
    "quota",  # the load ends: asking again costs and cannot help
    "scope",  # the app lacks a scope: ends the load, but an optional table is left out
    "chat",  # this chat is refused, the others go on
    "thread",  # this thread is refused, its chat goes on
    "message",  # this message is refused
    "file",  # this image, file, audio or video cannot be had
    "parameter",  # the request itself is refused
    "renew",  # the token is dropped and the request repeated once
    "rate",  # the endpoint pauses for the time the server names
    "retry",  # Feishu's own trouble: the request is repeated with back-off
    "optional",  # an optional table is left out, messages go on
]


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One row of the table: the reaction, then meaning and next step in two languages."""

    kind: Kind
    meaning_en: str
    meaning_zh: str
    advice_en: str
    advice_zh: str


OPTIONAL_ENDPOINTS = frozenset(
    {"chat", "members", "pins", "tabs", "announcement", "upgraded_announcement"}
    | {"reactions", "users", "membership", "scopes"}
)
"""The last two are asked by the check alone, the others fill tables of their own: messages can be
read without any of them."""


def find_reaction(code: int, endpoint: str, container: str | None = None) -> Kind | None:
    """What to do about a code is decided by the code, the endpoint and the container together.

    `endpoint` is a key of `endpoints.ENDPOINTS`, `container` is `chat` or `thread` when messages
    are listed. None means that nobody listed the code.

    - chat details, members, pins, tabs, announcements, reactions and details of people: a missing
      scope or a refused chat is `optional`; external groups refuse the first two and still allow
      their history to be read;
    - a refusal that speaks of people, tabs or announcements is known where such are asked for, and
      nowhere else;
    - a refusal of a chat, a thread or a message, met while a file is downloaded, refuses that file;
    - a refusal that speaks of a thread or a message, met while a chat is listed, refuses that chat;
      met while a thread is listed, that thread; met for one message, that message.
    """
    entry = CODES.get(code)
    if entry is None:
        return None
    if endpoint in OPTIONAL_ENDPOINTS and entry.kind in {"scope", "chat"}:
        return "optional"
    if entry.kind == "optional" and endpoint not in OPTIONAL_ENDPOINTS:
        return None
    if endpoint == "resource" and entry.kind in {"chat", "thread", "message"}:
        return "file"
    if entry.kind in {"thread", "message"}:
        return _SMALLEST_LOSS.get((endpoint, container), "chat")
    return entry.kind


_SMALLEST_LOSS: dict[tuple[str, str | None], Kind] = {
    ("messages", "thread"): "thread",
    ("message", None): "message",
    ("reactions", None): "message",
}

_RETRY_EN = "Run the load again later; if it stays, send the log id to Feishu's support."
_RETRY_ZH = "请稍后重新运行；若持续出现，请将 log id 提供给飞书技术支持。"
_CREDENTIALS_EN = (
    "Compare app_id and app_secret with the app's page in the developer console, and base_url with "
    "its edition: an app made on Feishu does not exist on Lark, nor the other way round."
)
_CREDENTIALS_ZH = (
    "请核对开发者后台中的 App ID 与 App Secret，并确认 base_url 为应用所在的平台："
    "飞书应用在 Lark 上不存在，反之亦然。"
)
_SCOPE_EN = (
    "Add the scopes that are named to the app in the developer console (groups need "
    "im:message.group_msg), publish a new version and have it approved."
)
_SCOPE_ZH = (
    "请在开发者后台为应用开通所列权限（读取群消息需要 im:message.group_msg），"
    "发布新版本并通过审核。"
)
USER_TOKEN_EN = (
    "Give a fresh user_access_token, or app_id and app_secret, which are renewed by themselves."
)
USER_TOKEN_ZH = "请提供新的 user_access_token，或改用可自动续期的 app_id 与 app_secret。"
TICKET_EN = (
    "See that the app's event callback keeps the newest app_ticket where app_ticket_file or "
    "app_ticket points, then run the load again: Feishu pushes one every hour."
)
TICKET_ZH = (
    "请确认应用的事件回调已将最新的 app_ticket 写入 app_ticket_file 或 app_ticket 所指位置，"
    "然后重新运行：飞书每小时推送一次。"
)
NOT_INSTALLED_EN = (
    "Compare tenant_key with the one in the events of that tenant, and have its administrator "
    "install and enable the app."
)
NOT_INSTALLED_ZH = "请核对该企业事件中的 tenant_key，并由其管理员安装并启用应用。"
_BOT_EN = "Switch the bot ability on in the developer console and publish a new version."
_BOT_ZH = "请在开发者后台启用机器人能力并发布新版本。"
_JOIN_EN = "Add the app's bot to the chat, or leave the chat out of the load."
_JOIN_ZH = "请将应用机器人加入该会话，或在加载中排除该会话。"
_REPORT_EN = "Report this as a defect of the connector, with the log id."
_REPORT_ZH = "这可能是连接器的缺陷，请附上 log id 反馈。"
_NOTHING_EN = "Nothing to do: the rest is loaded."
_NOTHING_ZH = "无需处理：其余内容已正常加载。"
_FILE_EN = (
    "Nothing to do, unless the reason has gone: then delete its row in resource_files, and the "
    "next load asks again."
)
_FILE_ZH = "无需处理；若原因已消除，请删除 resource_files 中的对应行，下次加载会重新请求。"
RANGE_EN = (
    "Widen the app's contacts range in the developer console, under its data permissions; people "
    "of other tenants stay out of it."
)
RANGE_ZH = "请在开发者后台的数据权限中扩大应用的通讯录权限范围；其他企业的用户不在其中。"
_ID_EN = "Check the id that was configured; ids of chats begin with oc_."
_ID_ZH = "请检查配置的 ID；会话 ID 以 oc_ 开头。"


def _retried(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("retry", meaning_en, meaning_zh, _RETRY_EN, _RETRY_ZH)


def _refused_credentials(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("credentials", meaning_en, meaning_zh, _CREDENTIALS_EN, _CREDENTIALS_ZH)


def _refused_user_token(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("credentials", meaning_en, meaning_zh, USER_TOKEN_EN, USER_TOKEN_ZH)


def _missing_scope(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("scope", meaning_en, meaning_zh, _SCOPE_EN, _SCOPE_ZH)


def _too_many(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry(
        "rate",
        meaning_en,
        meaning_zh,
        "Another program uses the same app: lower rate_share, or run them one after the other.",
        "有其他程序正在使用同一应用：请调低 rate_share，或错开运行时间。",
    )


def _wrong_request(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("parameter", meaning_en, meaning_zh, _REPORT_EN, _REPORT_ZH)


def _wrong_id(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("chat", meaning_en, meaning_zh, _ID_EN, _ID_ZH)


def _left_out(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("optional", meaning_en, meaning_zh, _NOTHING_EN, _NOTHING_ZH)


def _unreadable(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry(
        "optional",
        meaning_en,
        meaning_zh,
        "Let the app read the announcement's document, or do without it: the rest is loaded.",
        "请为应用添加群公告文档的阅读权限，或忽略该公告：其余内容照常加载。",
    )


def _other_tenant() -> CodeEntry:
    return CodeEntry(
        "chat",
        "the chat belongs to another tenant",
        "会话属于其他租户",
        "Load this chat with an app of that tenant.",
        "请使用该租户的应用加载此会话。",
    )


def _not_in_chat() -> CodeEntry:
    return CodeEntry(
        "chat",
        "the bot or the user is not in the chat",
        "机器人或用户不在该会话中",
        _JOIN_EN,
        _JOIN_ZH,
    )


def _external() -> CodeEntry:
    return CodeEntry(
        "chat",
        "an external chat, and the app may not read its details",
        "外部会话，应用无权读取其信息",
        "Allow the bot to be shared outside, or do without this chat's details and members.",
        "请开启机器人对外共享能力，或忽略该会话的详情与成员。",
    )


def _not_active() -> CodeEntry:
    return CodeEntry(
        "stop",
        "the app is not installed or not active in this tenant",
        "应用未在该租户安装或启用",
        "Publish the app and have the tenant's administrator activate it.",
        "请发布应用并由企业管理员启用。",
    )


def _no_file(meaning_en: str, meaning_zh: str) -> CodeEntry:
    return CodeEntry("file", meaning_en, meaning_zh, _FILE_EN, _FILE_ZH)


_INTERNAL = _retried("Feishu had an internal error", "飞书服务端内部错误")

CODES: dict[int, CodeEntry] = {
    # Credentials at the token endpoint: answered with HTTP 200 as well as 400.
    10003: _refused_credentials("the app id is malformed or empty", "App ID 格式错误或为空"),
    10005: _refused_credentials("the app id is not authorised", "App ID 未获授权"),
    10012: _refused_credentials("no app token can be issued", "无法获取 app_access_token"),
    10013: _refused_credentials("no tenant token can be issued", "无法获取 tenant_access_token"),
    10014: _refused_credentials("app id unknown or app secret wrong", "App ID 不存在或密钥错误"),
    10015: _refused_credentials("the app secret is wrong", "App Secret 错误"),
    99991543: _refused_credentials("app id or app secret is invalid", "App ID 或 App Secret 无效"),
    # Tokens at the data endpoints.
    99991661: CodeEntry(
        "stop", "the request carried no token", "请求未携带 token", _REPORT_EN, _REPORT_ZH
    ),
    99991662: CodeEntry(
        "stop",
        "the app is disabled",
        "应用已停用",
        "Enable the app in the developer console or the admin console.",
        "请在开发者后台或管理后台启用该应用。",
    ),
    99991663: CodeEntry(
        "renew",
        "the access token is invalid or expired",
        "access token 无效或已过期",
        _CREDENTIALS_EN,
        _CREDENTIALS_ZH,
    ),
    99991664: CodeEntry(
        "renew",
        "the app token is invalid",
        "app_access_token 无效",
        _CREDENTIALS_EN,
        _CREDENTIALS_ZH,
    ),
    99991671: CodeEntry(
        "renew",
        "the access token has a wrong shape",
        "access token 格式错误",
        _CREDENTIALS_EN,
        _CREDENTIALS_ZH,
    ),
    99991665: _refused_credentials("the tenant code is invalid", "租户标识无效"),
    99991668: _refused_user_token(
        "the user token is invalid, or not accepted here", "用户 token 无效，或该接口不支持用户身份"
    ),
    99991669: _refused_user_token("the refresh token is invalid", "refresh_token 无效"),
    99991677: _refused_user_token("the user token has expired", "用户 token 已过期"),
    # Scopes.
    99991672: _missing_scope("the app lacks a scope", "应用缺少所需权限"),
    99991676: _missing_scope("this kind of token lacks the permission", "该类型 token 缺少权限"),
    99991679: _missing_scope("the user has not granted a scope", "用户未授予所需权限"),
    # The app in its tenant.
    99991673: CodeEntry(
        "stop",
        "the app is not available in this tenant",
        "应用在该租户内不可用",
        "Publish the app and have the tenant's administrator approve it.",
        "请发布应用并由企业管理员审核通过。",
    ),
    99991401: CodeEntry(
        "stop",
        "this machine's address is not in the app's IP allow-list",
        "本机 IP 不在应用的 IP 白名单中",
        "Add the outgoing IP address to the app's allow-list, or switch the list off.",
        "请将出口 IP 加入应用的 IP 白名单，或关闭该限制。",
    ),
    99991403: CodeEntry(
        "quota",
        "the month's quota of API calls is used up",
        "本月 API 调用额度已用完",
        "Wait for the next month or buy quota; load fewer chats or less often.",
        "请等待下月或购买额度；也可减少会话数量或加载频率。",
    ),
    230006: CodeEntry("stop", "the bot ability is off", "机器人能力未启用", _BOT_EN, _BOT_ZH),
    232025: CodeEntry("stop", "the bot ability is off", "机器人能力未启用", _BOT_EN, _BOT_ZH),
    231204: CodeEntry(
        "stop",
        "this type of app cannot act as a user",
        "该类型应用不支持用户身份",
        "Use app_id and app_secret instead of a user_access_token.",
        "请改用 app_id 与 app_secret，而不是 user_access_token。",
    ),
    232004: _refused_credentials("the app is not known", "应用不存在"),
    232034: _not_active(),
    1772025: CodeEntry("stop", "the bot ability is off", "机器人能力未启用", _BOT_EN, _BOT_ZH),
    1772034: _not_active(),
    212100: CodeEntry(
        "stop",
        "the app is not installed in this tenant",
        "应用未在该企业内安装",
        "Publish the app and have the tenant's administrator activate it.",
        "请发布应用并由企业管理员启用。",
    ),
    99991201: CodeEntry(
        "stop",
        "the host does not know this path",
        "请求路径不存在",
        "Check base_url: it must be Feishu's or Lark's open platform.",
        "请检查 base_url：应为飞书或 Lark 开放平台地址。",
    ),
    # One chat.
    230002: _not_in_chat(),
    230013: CodeEntry(
        "chat",
        "the partner has resigned or may not use the app",
        "对方已离职或不在应用可用范围内",
        "Widen the app's availability if the partner still works here; else leave the chat out.",
        "若对方仍在职，请扩大应用可用范围；否则请排除该会话。",
    ),
    230027: CodeEntry(
        "chat",
        "permission is lacking for this chat",
        "缺少读取该会话的权限",
        "For groups add im:message.group_msg and publish a new version; for external groups "
        "allow the bot to be shared outside.",
        "读取群消息请开通 im:message.group_msg 并发布新版本；外部群请开启机器人对外共享能力。",
    ),
    231203: CodeEntry(
        "chat",
        "the chat is in restricted mode or of a type that is not supported",
        "会话开启了保密模式或类型不受支持",
        "Ask the chat's owner to switch restricted mode off, or leave the chat out of the load.",
        "请联系群主关闭保密模式，或在加载中排除该会话。",
    ),
    232006: _wrong_id("there is no chat of this id", "会话 ID 不存在"),
    232009: CodeEntry(
        "chat",
        "the chat has been dissolved",
        "会话已解散",
        "Leave the chat out of the load; what was loaded stays.",
        "请在加载中排除该会话；已加载的数据保留。",
    ),
    232010: _other_tenant(),
    232011: _not_in_chat(),
    232033: _external(),
    1772002: _other_tenant(),
    1772003: _not_in_chat(),
    1772004: _external(),
    99992351: _wrong_id("an id is not known", "ID 不存在"),
    99992354: _wrong_id("an id is malformed", "ID 格式错误"),
    99992361: _wrong_id("an id belongs to another app", "ID 不属于当前应用"),
    # One thread or one message.
    230050: CodeEntry(
        "message",
        "the message is not visible to the bot",
        "消息对机器人不可见",
        _NOTHING_EN,
        _NOTHING_ZH,
    ),
    230073: CodeEntry(
        "thread",
        "the thread is not visible to the bot",
        "话题对机器人不可见",
        "Mention the bot in the thread, or let new members view the chat's history.",
        "请在话题中@机器人，或允许新成员查看历史消息。",
    ),
    230110: CodeEntry(
        "thread", "the message has been deleted", "消息已被删除", _NOTHING_EN, _NOTHING_ZH
    ),
    # One image, file, audio or video.
    234001: _no_file("the request for the file was refused", "文件请求参数无效"),
    234003: _no_file("the file does not stand in the message", "消息中没有该文件"),
    234004: _no_file("the bot is not in the chat of the file", "机器人不在文件所在的会话中"),
    234009: _no_file("the app may not read files of this chat", "应用无权读取该会话的文件"),
    234019: _no_file("the app is not available to the chat's partner", "对方不在应用可用范围内"),
    234037: _no_file("the file is larger than the API hands out, 100 MB", "文件超过 100 MB 上限"),
    234038: _no_file("the chat is in restricted mode", "会话开启了保密模式"),
    234040: _no_file("the message is not visible to the bot", "消息对机器人不可见"),
    234041: _no_file("the tenant's key for its data is gone", "企业密钥已被删除"),
    234042: _no_file("the tenant does not hand out its files", "企业限制，无法获取文件"),
    234043: _no_file(
        "files of this type of message are not handed out", "该类型消息的文件不支持下载"
    ),
    234002: _refused_credentials("the app is not authorised to download", "应用未获下载授权"),
    # Tabs and announcements.
    232003: _left_out("the chat announces nothing", "会话没有群公告"),
    232024: CodeEntry(
        "optional",
        "people of the chat are out of the app's reach",
        "会话中的用户不在应用可用范围内",
        "Widen the app's availability, or do without: the rest is loaded.",
        "请扩大应用可用范围，或忽略：其余内容照常加载。",
    ),
    232050: _left_out("this kind of chat has no tabs", "该类型会话不支持标签页"),
    232066: _unreadable("the app may not read the announcement", "应用无权阅读群公告"),
    232097: _left_out("the announcement is of the newer form", "群公告为新版本"),
    1770002: _left_out("the chat announces nothing", "会话没有群公告"),
    1770032: _unreadable("the app may not read the announcement", "应用无权阅读群公告"),
    1772001: _left_out("the chat announces nothing", "会话没有群公告"),
    # People.
    40001: _wrong_request("a parameter about people was refused", "通讯录请求参数错误"),
    41050: CodeEntry(
        "optional",
        "a person is out of the app's range of contacts",
        "用户不在应用的通讯录权限范围内",
        RANGE_EN,
        RANGE_ZH,
    ),
    40004: CodeEntry(
        "optional",
        "a department is out of the app's range of contacts",
        "部门不在应用的通讯录权限范围内",
        RANGE_EN,
        RANGE_ZH,
    ),
    # The request.
    230001: _wrong_request("a parameter was refused", "请求参数错误"),
    232001: _wrong_request("a parameter was refused", "请求参数错误"),
    1770001: _wrong_request("a parameter was refused", "请求参数错误"),
    9499: _wrong_request("the request was malformed", "请求格式错误"),
    99992402: _wrong_request("a field was refused", "字段校验失败"),
    # Rate limits: the body's code counts, it comes with HTTP 429 or 400.
    99991400: _too_many("too many requests", "请求过于频繁"),
    11232: _too_many("too many requests for this app and tenant", "应用请求过于频繁"),
    11233: _too_many("too many requests for this chat", "单个会话请求过于频繁"),
    11247: _too_many("too many requests of this kind", "此类请求过于频繁"),
    230020: _too_many("too many requests for this chat", "单个会话请求过于频繁"),
    232019: _too_many("too many requests for this chat", "单个会话请求过于频繁"),
    # Feishu's own trouble.
    1500: _INTERNAL,
    1503: _INTERNAL,
    1551: _INTERNAL,
    1663: _INTERNAL,
    1668: _INTERNAL,
    2200: _INTERNAL,
    5000: _INTERNAL,
    55001: _INTERNAL,
    1771001: _INTERNAL,
    1771002: _INTERNAL,
    1771003: _INTERNAL,
    1771004: _INTERNAL,
    1771005: _INTERNAL,
}
