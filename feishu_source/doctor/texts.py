"""All texts of the check: `CHECKS`, what is looked at, and `OUTCOMES`, what can be found.

In: the two tables of texts. Out: one of each; every check can also be skipped, and can stumble
over what nobody foresaw. Refuses to know when which of them is found.
"""

from __future__ import annotations

from feishu_source.doctor import texts_feishu, texts_machine
from feishu_source.doctor.text import Outcome, Pair
from feishu_source.report import EXIT_FAILED

CHECKS: dict[str, Pair] = texts_machine.CHECKS | texts_feishu.CHECKS
"""By the stable id of the check, in the order in which they are told."""

SKIPPED = Outcome("skipped", Pair("not checked: see “{because}”", "未检查：参见“{because}”"))
UNFORESEEN = Outcome(
    "failure",
    Pair("the check itself failed: {reason}", "检查本身出错：{reason}"),
    Pair(
        "Run the check again with --log-level debug; if it stays, report it.",
        "请使用 --log-level debug 重新检查；若持续出现，请反馈。",
    ),
    EXIT_FAILED,
)

OUTCOMES: dict[str, Outcome] = (
    texts_machine.OUTCOMES
    | texts_feishu.OUTCOMES
    | {f"{name}.skipped": SKIPPED for name in CHECKS}
    | {f"{name}.unforeseen": UNFORESEEN for name in CHECKS}
)
"""By `id.outcome`."""
