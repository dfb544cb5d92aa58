"""What people write and are called: plain, mixed, and meant to break things.

In: nothing. Out: tuples of strings. Refuses to know: everything else.
"""

from __future__ import annotations

FAMILY_NAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙")
GIVEN_NAMES = (
    "小明",
    "伟",
    "芳",
    "娜",
    "秀英",
    "敏",
    "静",
    "丽华",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "思远",
    "子涵",
)
LATIN_NAMES = (
    "Alice Smith",
    "Bob O'Neill",
    "Zoë Müller",
    "José García",
    "محمد علي",
    "Анна Иванова",
    "[red]Eve[/red]",
    'D\'Arcy "Dee" Lee',
)

HOSTILE_CHAT_NAMES: tuple[str | None, ...] = (
    "[/red]",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "🎉👨‍👩‍👧‍👦 周末活动 🏖️",
    "‮txt.exe‬ שלום مرحبا",
    "",
    None,
    "长" * 300,
    "name\twith\nbreaks",
    "'; DROP TABLE chats; --",
    '=HYPERLINK("https://example.com")',
)

CHAT_NAMES = (
    "产品评审",
    "Backend On-Call",
    "数据平台 Data Platform",
    "Weekly Planning",
    "上线发布群",
    "客户支持 Support",
    "设计讨论",
    "Release Train",
    "午饭吃什么",
    "Incident Room",
    "新人培训",
    "Finance 报销",
)

OPENERS = (
    "大家好",
    "Quick question",
    "提醒一下",
    "FYI",
    "刚刚确认了",
    "Update",
    "早上好",
    "Heads-up",
)

SENTENCES = (
    "今天的构建已经通过,下午可以发布。",
    "the nightly job finished in 42 minutes",
    "这个需求要不要放到下个迭代?",
    "Please have a look at the numbers before the meeting.",
    "我先去吃饭了,回来再看 🍜",
    "报表口径已经对齐 — see the sheet.",
    "线上有一个 500 错误,正在排查。",
    "LGTM, merging now",
    "会议改到三点半。",
    "the rollout is at 10 % and looks calm",
    "谢谢!收到 👍",
    "C:\\temp\\logs 里面有完整的日志",
    "100% 完成; next step: clean-up",
    "这里有个“引号”问题, see also <b>bold</b> & co.",
)

ODD_SENTENCES = (
    "[/red] [bold]markup[/bold] that is none",
    "\x1b[2J\x1b[31mterminal\x1b[0m",
    "שלום עולם ‮reversed‬ مرحبا",
    "e\u0301 versus \u00e9, zero\u200bwidth, 👩🏽‍💻",
    "=1+1; '; DROP TABLE messages; --",
    "first line\nsecond line\r\n\tthird",
    "@_all_hands is no mention, @_user_99 has no entry",
    '[not a link] (https) ](x) and {"json": true}',
    "   kept as it is, with its spaces   ",
    "很长的一段话。" * 400,
)

EMOJIS = ("SMILE", "THUMBSUP", "OK", "HEART", "DONE")
FILES = ("季度报告.pdf", "budget 2025 (final).xlsx", "架构图.png", "notes.md", "日志.tar.gz")
PLACES = (("上海市浦东新区", 121.4998, 31.2397), ("北京市海淀区", 116.298, 39.9593))
TOPICS = ("季度复盘", "Sprint planning", "供应商会议", "1:1", "发布评审 Release review")
VOTES = (("午饭去哪里?", ("食堂", "Noodles", "随便")), ("Which day?", ("Mon", '周二 "Tue"', "—")))
TODOS = ("更新文档", "Rotate the credentials", "补充测试用例")
LANGUAGES = (
    ("GO", "func main() {\n    run()\n}"),
    ("PYTHON", "print('你好')"),
    ("SQL", "select 1"),
)
URLS = (
    "https://example.com/docs/42",
    "http://wiki.example.com/页面?id=7&x=1",
    "https://example.org",
)
