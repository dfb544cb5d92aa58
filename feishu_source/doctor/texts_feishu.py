"""Texts about what Feishu answers.

In: nothing. Out: `CHECKS` and `OUTCOMES` of what is checked by asking. Where `codes` knows the
code, its meaning and advice are told.
"""

from __future__ import annotations

from feishu_source.codes import RANGE_EN, RANGE_ZH
from feishu_source.doctor.text import Outcome, Pair
from feishu_source.report import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_INCOMPLETE

CHECKS = {
    "connection": Pair("connection", "网络连接"),
    "credentials": Pair("credentials", "凭证"),
    "clock": Pair("clock", "时钟"),
    "quota": Pair("monthly quota", "月度额度"),
    "scopes": Pair("granted scopes", "已授予的权限"),
    "bot": Pair("bot ability", "机器人能力"),
    "chat_list": Pair("list of chats", "会话列表"),
    "selection": Pair("choice of chats", "会话选择"),
    "chat_details": Pair("details of a chat", "会话详情"),
    "chat_members": Pair("members of a chat", "会话成员"),
    "chat_pins": Pair("pins of a chat", "会话 Pin"),
    "chat_tabs": Pair("tabs of a chat", "会话标签页"),
    "announcement": Pair("announcement of a chat", "群公告"),
    "user_details": Pair("details of people", "人员详细信息"),
    "group_messages": Pair("scope for messages of groups", "群消息权限"),
    "chats": Pair("messages of chats", "会话消息"),
    "chat": Pair("chat", "会话"),
    "threads": Pair("replies in threads", "话题回复"),
    "reactions": Pair("reactions to a message", "消息的表情回复"),
    "parameters": Pair("undocumented parameters", "未公开的参数"),
    "rate_limit": Pair("rate limit", "频率限制"),
}

_GROUP_SCOPE = Pair(
    "Add im:message.group_msg to the app in the developer console, publish a new version and have "
    "it approved.",
    "请在开发者后台为应用开通 im:message.group_msg，发布新版本并通过审核。",
)
_OPTIONAL = Pair(
    "Messages are loaded without. To have them, add im:chat:readonly, publish a new version and "
    "have it approved.",
    "消息仍会加载。如需该信息，请开通 im:chat:readonly，发布新版本并通过审核。",
)
_PINS = Pair(
    "Messages are loaded without. To have pins, add im:message.pins:read or im:message:readonly, "
    "publish a new version and have it approved; or set pins to false.",
    "消息仍会加载。如需 Pin，请开通 im:message.pins:read 或 im:message:readonly，"
    "发布新版本并通过审核；或将 pins 设为 false。",
)
_TABS = Pair(
    "Messages are loaded without. To have tabs, add im:chat.tabs:read or im:chat:readonly, publish "
    "a new version and have it approved; or set chat_context to false.",
    "消息仍会加载。如需标签页，请开通 im:chat.tabs:read 或 im:chat:readonly，"
    "发布新版本并通过审核；或将 chat_context 设为 false。",
)
_ANNOUNCEMENTS = Pair(
    "Messages are loaded without. To have announcements of either form, add "
    "im:chat.announcement:read, publish a new version and have it approved; or set chat_context to "
    "false.",
    "消息仍会加载。如需新旧两种群公告，请开通 im:chat.announcement:read，"
    "发布新版本并通过审核；或将 chat_context 设为 false。",
)
_REACTIONS = Pair(
    "Messages are loaded without. To have reactions, add im:message.reactions:read or "
    "im:message:readonly, publish a new version and have it approved; or set reactions to false.",
    "消息仍会加载。如需表情回复，请开通 im:message.reactions:read 或 im:message:readonly，"
    "发布新版本并通过审核；或将 reactions 设为 false。",
)
_CONTACTS = Pair(
    "Messages are loaded without. To have them, add contact:contact.base:readonly and a scope for "
    "each kind of field, publish a new version and have it approved; or switch user_details off.",
    "消息仍会加载。如需该信息，请开通 contact:contact.base:readonly 及各类字段的权限，"
    "发布新版本并通过审核；或关闭 user_details。",
)
_RANGE = Pair(RANGE_EN, RANGE_ZH)
_JOIN = Pair(
    "Add the app's bot to the chat, or leave the chat out of the load.",
    "请将应用机器人加入该会话，或在加载中排除该会话。",
)

OUTCOMES = {
    "connection.ok": Outcome("ok", Pair("{host} answers", "{host} 有应答")),
    "connection.lost": Outcome(
        "failure",
        Pair(
            "nobody answers at {host}, or somebody else than Feishu's API does",
            "{host} 没有应答，或应答并非来自飞书 API",
        ),
        Pair("Check the network, the proxy and base_url.", "请检查网络、代理与 base_url。"),
        EXIT_FAILED,
    ),
    "connection.turned_away": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "credentials.missing": Outcome(
        "failure",
        Pair("none are configured", "未配置"),
        Pair(
            "Set app_id and app_secret under [sources.feishu] in .dlt/secrets.toml, or "
            "SOURCES__FEISHU__APP_ID and SOURCES__FEISHU__APP_SECRET in the environment.",
            "请在 .dlt/secrets.toml 的 [sources.feishu] 下设置 app_id 与 app_secret，"
            "或设置环境变量 SOURCES__FEISHU__APP_ID 与 SOURCES__FEISHU__APP_SECRET。",
        ),
        EXIT_CONFIGURATION,
    ),
    "credentials.wrong": Outcome(
        "failure",
        Pair("{words}", "{words}"),
        Pair("Copy them again from the developer console.", "请从开发者后台重新复制。"),
        EXIT_CONFIGURATION,
    ),
    "credentials.app": Outcome(
        "ok",
        Pair(
            "app {app_id}: a tenant access token was granted",
            "应用 {app_id}：已获得 tenant access token",
        ),
    ),
    "credentials.store": Outcome(
        "ok",
        Pair(
            "store app {app_id}: the ticket is valid, a tenant access token was granted for "
            "tenant {tenant_key}",
            "商店应用 {app_id}：app_ticket 有效，已获得租户 {tenant_key} 的 tenant access token",
        ),
    ),
    "credentials.user": Outcome(
        "ok",
        Pair(
            "a ready-made user access token is accepted; it lives about two hours and is not "
            "renewed",
            "已接受现成的 user access token；有效期约两小时，不会自动续期",
        ),
    ),
    "credentials.refused": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "clock.ok": Outcome(
        "ok", Pair("agrees with the server's to {seconds} s", "与服务器相差 {seconds} 秒")
    ),
    "clock.off": Outcome(
        "warning",
        Pair(
            "this machine's differs from the server's by {seconds} s. Loads take their end from "
            "the server, so no message is missed; the times in sync_runs and in logs are wrong, "
            "and far off no certificate would be trusted",
            "本机与服务器相差 {seconds} 秒。加载的截止时间取自服务器，因此不会遗漏消息；"
            "但 sync_runs 与日志中的时间不准，偏差过大时证书也会失效",
        ),
        Pair("Let this machine's clock be set by NTP.", "请为本机启用 NTP 对时。"),
    ),
    "clock.untold": Outcome(
        "warning",
        Pair(
            "the server tells no time (a proxy may have removed the Date header): loads end by "
            "this machine's clock",
            "服务器未提供时间（Date 头可能被代理删除）：加载的截止时间取自本机时钟",
        ),
        Pair(
            "Make sure that this machine's clock is right, or let the proxy pass the Date header.",
            "请确保本机时钟准确，或让代理保留 Date 头。",
        ),
    ),
    "quota.unknown_rest": Outcome(
        "ok",
        Pair("not used up; the API does not tell what is left", "尚未用完；API 不提供剩余额度"),
    ),
    "quota.used_up": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "scopes.ok": Outcome("ok", Pair("of use here: {granted}", "与此相关的有：{granted}")),
    "scopes.user": Outcome(
        "skipped",
        Pair(
            "a user's token cannot list them; each is told by what is refused",
            "用户 token 无法列出；各项权限按被拒绝的请求判断",
        ),
    ),
    "scopes.refused": Outcome(
        "skipped",
        Pair(
            "they cannot be listed; each is told by what is refused",
            "无法列出；各项权限按被拒绝的请求判断",
        ),
    ),
    "bot.on": Outcome("ok", Pair("is on", "已启用")),
    "bot.off": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "chat_list.ok": Outcome("ok", Pair("{chats} chats", "{chats} 个会话")),
    "chat_list.long": Outcome(
        "ok",
        Pair(
            "{chats} chats and more: the check reads no further", "{chats} 个以上：检查不再继续读取"
        ),
    ),
    "chat_list.none": Outcome(
        "warning",
        Pair("the bot is in no group", "机器人未加入任何群"),
        Pair(
            "Add the bot to the groups that are to be loaded; chats between two people are never "
            "listed, name them with --chat.",
            "请将机器人加入需要加载的群；单聊不会被列出，请用 --chat 指定。",
        ),
    ),
    "chat_list.refused": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "selection.all": Outcome("ok", Pair("{chats} chats would be loaded", "将加载 {chats} 个会话")),
    "selection.none": Outcome(
        "warning",
        Pair(
            "no chat would be loaded: --chat, --include and --exclude leave none",
            "不会加载任何会话：--chat、--include 与 --exclude 没有匹配的会话",
        ),
        Pair("Check the patterns against the chats' names.", "请对照会话名称检查匹配规则。"),
    ),
    "chat_details.ok": Outcome("ok", Pair("can be read", "可以读取")),
    "chat_details.refused": Outcome("warning", "meaning", _OPTIONAL),
    "chat_details.lost": Outcome("warning", "meaning", "advice"),
    "chat_members.ok": Outcome("ok", Pair("can be listed", "可以列出")),
    "chat_members.refused": Outcome("warning", "meaning", _OPTIONAL),
    "chat_members.lost": Outcome("warning", "meaning", "advice"),
    "chat_pins.ok": Outcome("ok", Pair("can be listed", "可以列出")),
    "chat_pins.refused": Outcome("warning", "meaning", _PINS),
    "chat_pins.lost": Outcome("warning", "meaning", "advice"),
    "chat_tabs.ok": Outcome("ok", Pair("can be listed", "可以列出")),
    "chat_tabs.refused": Outcome("warning", "meaning", _TABS),
    "chat_tabs.lost": Outcome("warning", "meaning", "advice"),
    "announcement.ok": Outcome("ok", Pair("can be read", "可以读取")),
    "announcement.refused": Outcome("warning", "meaning", _ANNOUNCEMENTS),
    "announcement.lost": Outcome("warning", "meaning", "advice"),
    "reactions.ok": Outcome("ok", Pair("can be read", "可以读取")),
    "reactions.none": Outcome(
        "skipped", Pair("no message was there to ask about", "没有可供询问的消息")
    ),
    "reactions.refused": Outcome("warning", "meaning", _REACTIONS),
    "reactions.lost": Outcome("warning", "meaning", "advice"),
    "user_details.ok": Outcome(
        "ok", Pair("one person was told of: {fields}", "已获取一人的信息：{fields}")
    ),
    "user_details.out_of_range": Outcome(
        "warning",
        Pair(
            "nothing was told of a member of the first chat: the app's range of contacts does not "
            "hold them",
            "未返回第一个会话中某成员的信息：该成员不在应用的通讯录权限范围内",
        ),
        _RANGE,
    ),
    "user_details.refused": Outcome("warning", "meaning", _CONTACTS),
    "user_details.lost": Outcome("warning", "meaning", "advice"),
    "group_messages.read": Outcome("ok", Pair("a group was read", "已读取一个群")),
    "group_messages.granted": Outcome(
        "ok", Pair("im:message.group_msg is granted", "已授予 im:message.group_msg")
    ),
    "group_messages.missing": Outcome(
        "failure",
        Pair(
            "the app lacks im:message.group_msg: no message of a group can be read",
            "应用缺少 im:message.group_msg：无法读取任何群消息",
        ),
        _GROUP_SCOPE,
        EXIT_INCOMPLETE,
    ),
    "group_messages.likely": Outcome(
        "failure",
        Pair(
            "most likely the app lacks im:message.group_msg: the bot is in the chat, and is "
            "refused all the same",
            "应用很可能缺少 im:message.group_msg：机器人已在会话中，但仍被拒绝",
        ),
        _GROUP_SCOPE,
        EXIT_INCOMPLETE,
    ),
    "group_messages.unproven": Outcome(
        "skipped",
        Pair("no group was there to try it with", "没有可用于验证的群"),
    ),
    "chats.all": Outcome(
        "ok",
        Pair("{read} of {chats} tried, all can be read", "共 {chats} 个，抽查 {read} 个，均可读取"),
    ),
    "chats.some": Outcome(
        "warning",
        Pair(
            "{chats} in all, {tried} tried, {refused} of them cannot be read",
            "共 {chats} 个，抽查 {tried} 个，其中 {refused} 个无法读取",
        ),
    ),
    "chats.stopped": Outcome("failure", "meaning", "advice", EXIT_FAILED),
    "chat.refused": Outcome("warning", "meaning", "advice", EXIT_INCOMPLETE),
    "chat.outside": Outcome(
        "warning",
        Pair("the bot is not in the chat", "机器人不在该会话中"),
        _JOIN,
        EXIT_INCOMPLETE,
    ),
    "chat.no_scope": Outcome(
        "warning",
        Pair(
            "the app lacks im:message.group_msg, see above",
            "应用缺少 im:message.group_msg，见上文",
        ),
        _GROUP_SCOPE,
        EXIT_INCOMPLETE,
    ),
    "chat.external": Outcome(
        "warning",
        Pair(
            "im:message.group_msg is granted: the chat is an external one, which the app may not "
            "read",
            "im:message.group_msg 已授予：这是外部群，应用无权读取",
        ),
        Pair(
            "Allow the bot to be shared outside, or leave the chat out of the load.",
            "请开启机器人对外共享能力，或在加载中排除该会话。",
        ),
        EXIT_INCOMPLETE,
    ),
    "chat.unexplained": Outcome(
        "warning",
        Pair(
            "permission is lacking, although im:message.group_msg is granted",
            "im:message.group_msg 已授予，但仍缺少权限",
        ),
        Pair(
            "Make sure that the bot is in the chat and the app's newest version is approved; if it "
            "stays, send the log id to Feishu's support.",
            "请确认机器人已在会话中且应用最新版本已通过审核；"
            "若持续出现，请将 log id 提供给飞书技术支持。",
        ),
        EXIT_INCOMPLETE,
    ),
    "chat.either": Outcome(
        "warning",
        Pair(
            "permission is lacking: the scope im:message.group_msg, or the bot is not in the chat; "
            "neither could be asked",
            "缺少权限：可能未开通 im:message.group_msg，也可能机器人不在会话中；两者均无法查询",
        ),
        Pair(
            "Add the bot to the chat; add im:message.group_msg and im:chat:readonly, publish a new "
            "version, then check again.",
            "请将机器人加入该会话；开通 im:message.group_msg 与 im:chat:readonly "
            "并发布新版本，然后重新检查。",
        ),
        EXIT_INCOMPLETE,
    ),
    "threads.ok": Outcome("ok", Pair("one thread was read", "已读取一个话题")),
    "threads.off": Outcome(
        "skipped", Pair("not asked for (--no-threads)", "未要求（--no-threads）")
    ),
    "threads.none": Outcome(
        "skipped",
        Pair("no thread among the newest messages", "最新消息中没有话题"),
    ),
    "threads.invisible": Outcome("warning", "meaning", "advice"),
    "threads.refused": Outcome("failure", "meaning", "advice", EXIT_INCOMPLETE),
    "parameters.ok": Outcome("ok", Pair("accepted", "已接受")),
    "parameters.dropped": Outcome(
        "warning",
        Pair("loads do without: {words}", "加载时不再使用：{words}"),
    ),
    "rate_limit.ok": Outcome("ok", Pair("no request was turned away", "没有请求被限流")),
    "rate_limit.met": Outcome(
        "warning",
        Pair("{refused} requests were turned away", "{refused} 次请求被限流"),
        Pair(
            "Another program uses the same app: lower rate_share, or run them one after the other.",
            "有其他程序正在使用同一应用：请调低 rate_share，或错开运行时间。",
        ),
    ),
}
