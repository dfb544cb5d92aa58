"""The error tree: which code becomes which error, and what a reader of the message learns."""

from __future__ import annotations

import copy
import pickle

import pytest

from feishu_source import errors
from feishu_source.codes import CODES, Kind, find_reaction
from feishu_source.errors import (
    MOST_WORDS,
    ApiError,
    ChatRefused,
    FeishuError,
    HostNotAllowed,
    Interrupted,
    OptionalRefused,
    QuotaExhausted,
    ScopeMissing,
    StopError,
    UnknownCode,
    redact,
)

FACT_SHEET: dict[Kind, set[int]] = {
    "credentials": {
        *(234002, 10003, 10005, 10012, 10013, 10014, 10015, 99991543, 232004),
        *(99991665, 99991668, 99991669, 99991677),
    },
    "stop": {
        *(99991661, 99991662, 99991673, 99991401, 99991201),
        *(230006, 232025, 231204, 232034, 212100, 1772025, 1772034),
    },
    "quota": {99991403},
    "scope": {99991672, 99991676, 99991679},
    "renew": {99991663, 99991664, 99991671},
    "chat": {
        *(230002, 230013, 230027, 231203, 232006, 232009, 232010, 232011, 232033),
        *(1772002, 1772003, 1772004),
        *(99992351, 99992354, 99992361),
    },
    "thread": {230073, 230110},
    "message": {230050},
    "file": {
        *(234001, 234003, 234004, 234009, 234019, 234037, 234038),
        *(234040, 234041, 234042, 234043),
    },
    "parameter": {230001, 232001, 9499, 99992402, 40001, 1770001},
    "optional": {
        *(40004, 41050, 232003, 232024, 232050, 232066, 232097),
        *(1770002, 1770032, 1772001),
    },
    "rate": {99991400, 11232, 11233, 11247, 230020, 232019},
    "retry": {1500, 1503, 1551, 1663, 1668, 2200, 5000, 55001, *range(1771001, 1771006)},
}


def test_every_code_of_the_documentation_has_its_reaction() -> None:
    """The table sorts each code by what to do, and holds no other."""
    sorted_codes: dict[str, set[int]] = {}
    for code, entry in CODES.items():
        sorted_codes.setdefault(entry.kind, set()).add(code)
    assert sorted_codes == FACT_SHEET


def test_every_code_has_its_meaning_and_next_step_in_two_languages() -> None:
    """No text is missing, none is in the wrong language, advice is a sentence."""
    for code, entry in CODES.items():
        english = entry.meaning_en + entry.advice_en
        chinese = (entry.meaning_zh, entry.advice_zh)
        assert english.isascii(), code
        assert entry.meaning_en, code
        assert entry.advice_en.endswith("."), code
        assert [any("\u4e00" <= c <= "\u9fff" for c in text) for text in chinese] == [True] * 2
        assert entry.advice_zh.endswith("。"), code


def test_every_reaction_that_can_end_a_call_has_its_error() -> None:
    """No code leads into nothing."""
    assert set(errors.REACTIONS) == {entry.kind for entry in CODES.values()}


@pytest.mark.parametrize(
    ("code", "endpoint", "container", "reaction"),
    [
        (99991672, "messages", "chat", "scope"),
        (99991672, "chats", None, "scope"),
        (99991672, "chat", None, "optional"),
        (99991672, "members", None, "optional"),
        (232033, "chat", None, "optional"),
        (232033, "messages", "chat", "chat"),
        (230006, "members", None, "stop"),
        (230027, "messages", "chat", "chat"),
        (230002, "messages", "thread", "chat"),
        (230073, "messages", "thread", "thread"),
        (230073, "messages", "chat", "chat"),
        (230110, "messages", "thread", "thread"),
        (230110, "message", None, "message"),
        (230050, "messages", "thread", "thread"),
        (230002, "resource", None, "file"),
        (230110, "resource", None, "file"),
        (99991672, "resource", None, "scope"),
        (99991672, "users", None, "optional"),
        (41050, "users", None, "optional"),
        (41050, "messages", "chat", None),
        (40001, "users", None, "parameter"),
        (232066, "announcement", None, "optional"),
        (1772003, "upgraded_announcement", None, "optional"),
        (232050, "chat", None, "optional"),
        (232050, "messages", "chat", None),
        (987654, "messages", "chat", None),
    ],
)
def test_the_same_code_may_mean_another_reaction_elsewhere(
    code: int, endpoint: str, container: str | None, reaction: str | None
) -> None:
    """What is lost is the smallest thing that was asked for."""
    assert find_reaction(code, endpoint, container) == reaction


def test_an_api_error_reads_as_one_line_with_its_next_step() -> None:
    """What failed, Feishu's code and words, the meaning, the next step, the link, the log id."""
    error = ChatRefused(
        "list messages of chat oc_x",
        code=230002,
        msg="Bot/User can NOT be out of the chat.",
        log_id="2026A",
        http_status=400,
        links=["https://open.feishu.cn/search?log_id=2026A"],
        details=["chat_id: not a member"],
    )
    assert str(error) == (
        "Could not list messages of chat oc_x: the bot or the user is not in the chat (code "
        '230002, "Bot/User can NOT be out of the chat."). Details: chat_id: not a member. '
        "Next step: Add the app's bot to the chat, or leave the chat out of the load. "
        "See https://open.feishu.cn/search?log_id=2026A Log id: 2026A"
    )


def test_an_error_without_a_code_names_the_http_status() -> None:
    """A gateway's page has no code; then the status is what there is to say."""
    error = StopError("list chats", http_status=307, hint="It redirects.")
    assert str(error) == (
        "Could not list chats: the answer did not come from Feishu's API (HTTP 307). "
        "It redirects. Next step: Check base_url, and the proxy if there is one."
    )


def test_an_unlisted_code_says_that_nobody_listed_it() -> None:
    """It is shown with its number, to be looked up."""
    assert str(UnknownCode("list chats", code=987654, msg="odd")) == (
        "Could not list chats: an error code the connector does not know (code 987654, "
        '"odd"). Next step: Look the code up in Feishu\'s documentation and report it, '
        "with the log id."
    )


def test_a_missing_scope_can_be_asked_for_whatever_the_class() -> None:
    """For messages it stops the load, for members it is done without; both say why."""
    found = [
        ScopeMissing("list chats", code=99991672).scope_missing,
        OptionalRefused("list members", code=99991679).scope_missing,
        OptionalRefused("list members", code=232033).scope_missing,
    ]
    assert found == [True, True, False]


def test_the_tree_is_sorted_by_what_the_caller_does() -> None:
    """Catching the reaction catches its special cases."""
    pairs = [
        (StopError, errors.CredentialsRefused),
        (StopError, QuotaExhausted),
        (StopError, ScopeMissing),
        (errors.ConfigurationError, HostNotAllowed),
        (errors.ConfigurationError, errors.MalformedId),
        (errors.ParameterRefused, errors.PageTokenRefused),
        (FeishuError, Interrupted),
        (FeishuError, errors.LoadLocked),
        (FeishuError, ApiError),
    ]
    assert [issubclass(child, parent) for parent, child in pairs] == [True] * len(pairs)
    assert not issubclass(errors.ConfigurationError, ApiError)


def test_the_drawn_tree_names_every_error() -> None:
    """The docstring of the module is the map; nothing is missing on it."""
    named = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, FeishuError)
    }
    drawing = errors.__doc__ or ""
    assert {name for name in named if f" {name}" in drawing} == named


def test_errors_survive_copying_and_pickling() -> None:
    """Threads hand copies to each other, and processes pickle what they raise."""
    error = ChatRefused("list chats", code=230002, msg="no", log_id="L", details=["a"])
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), vars(twin), str(twin)) == (ChatRefused, vars(error), str(error))
    for other in (HostNotAllowed("a.example"), Interrupted(15), Interrupted()):
        assert str(pickle.loads(pickle.dumps(other))) == str(other)


def test_no_load_report_is_attached_before_there_is_one() -> None:
    """Whoever shows an error may ask for its report."""
    assert FeishuError("x").report is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token t-7f1bcd13fc57d46bac21793a18e560 is bad", "token [redacted] is bad"),
        ("u-abcdefgh12 and eyJhbGciOi.eyJzdWIi.c2ln", "[redacted] and [redacted]"),
        ("Authorization: Bearer abc", "Authorization: [redacted]"),
        ("the secret is hunter2!", "the secret is [redacted]!"),
        ("a\x1b[31mred\r\nline\u202e\u2028end\x00", "a [31mred line end"),
        ("half \ud83d of a pair", "half   of a pair"),
        ("chat-level client-side opt-u-x", "chat-level client-side opt-u-x"),
        ("群 oc_1", "群 oc_1"),
    ],
)
def test_words_from_outside_are_shown_without_secrets_and_control_characters(
    text: str, shown: str
) -> None:
    """The secret itself, everything that looks like a token, and whatever moves a cursor."""
    assert redact(text, ("hunter2", "")) == shown


def test_words_from_outside_are_cut() -> None:
    """A page of HTML in `msg` does not fill the log."""
    assert redact("x" * 501) == "x" * (MOST_WORDS - 1) + "…"
    assert redact("x" * 500) == "x" * 500


def test_a_host_that_is_not_allowed_names_the_setting() -> None:
    """The reader learns where to write the host's name."""
    error = HostNotAllowed("feishu.example.com")
    assert error.host == "feishu.example.com"
    assert str(error) == (
        "base_url points to feishu.example.com, which is neither Feishu nor Lark. If the app "
        "secret may be sent there, name the host in allowed_hosts "
        "(SOURCES__FEISHU__ALLOWED_HOSTS)."
    )


def test_every_kind_of_error_has_its_meaning_in_two_languages() -> None:
    """Where no code gives one."""
    for kind in [*errors.REACTIONS.values(), errors.ReplyBroken, errors.UnknownCode]:
        error = kind("list chats")
        assert error.meaning.isascii(), kind
        assert any("\u4e00" <= c <= "\u9fff" for c in error.meaning_zh), kind


def test_the_meaning_of_a_code_is_in_two_languages() -> None:
    """As the table has it."""
    error = errors.ChatRefused("list messages", code=230002)
    entry = CODES[230002]
    assert (error.meaning, error.meaning_zh) == (entry.meaning_en, entry.meaning_zh)


def test_an_error_is_told_in_chinese_with_all_its_parts() -> None:
    """Feishu's words, scopes, links and log id as they came."""
    error = errors.ScopeMissing(
        "list chats",
        code=99991672,
        msg="Access denied.",
        log_id="log_1",
        links=["https://open.feishu.cn/app"],
        details=["im:chat", "im:chat:read"],
        hint="A hint.",
        hint_zh="一个提示。",
    )
    assert error.in_chinese() == (
        "应用缺少所需权限（错误码 99991672，“Access denied.”）。"
        "详情：im:chat；im:chat:read。一个提示。"
        f"下一步：{CODES[99991672].advice_zh}参见 https://open.feishu.cn/app Log id：log_1"
    )
    lost = errors.RetriesExhausted("list chats", http_status=502)
    assert lost.in_chinese() == f"没有得到可用的应答（HTTP 502）。下一步：{lost.advice_zh}"
