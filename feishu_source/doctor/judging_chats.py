"""Why a chat cannot be read, told apart as far as the answers allow: pure.

230027 says that permission is lacking and not which: the scope for groups, the bot's membership,
or the right to an external chat. Three answers tell them apart: the list of granted scopes,
`is_in_chat`, which stays open where messages are refused, and the scope that Feishu itself names
in `permission_violations`. Feishu's `msg` is shown and never matched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from feishu_source.doctor.asking import Answers, Tried
from feishu_source.doctor.findings import Finding, find
from feishu_source.errors import ApiError
from feishu_source.report import EXIT_COMPLETE

GROUP_SCOPE = "im:message.group_msg"
OUTSIDE = frozenset({230002, 232011})
LACKS_PERMISSION = 230027


def judge_group_scope(answers: Answers, tolerate: Collection[int]) -> Finding:
    """Whether messages of groups may be read at all, by the strongest evidence there is."""
    if any(tried.is_group and not tried.error for tried in answers.tried):
        return find("group_messages.read")
    doubtful = [tried for tried in answers.tried if _code(tried) == LACKS_PERMISSION]
    named = [tried for tried in doubtful if _names_the_scope(tried)]
    likely = [tried for tried in doubtful if tried.is_member and not tried.external]
    lenient = EXIT_COMPLETE if LACKS_PERMISSION in tolerate else None
    listed = answers.scopes if isinstance(answers.scopes, frozenset) else None
    if listed is not None and GROUP_SCOPE in listed:
        return find("group_messages.granted")
    if listed is not None or named:
        error = _first(named or doubtful)
        return find("group_messages.missing", error=error, exit_code=lenient)
    if likely:
        return find("group_messages.likely", error=_first(likely), exit_code=lenient)
    return find("group_messages.unproven")


def _is_granted(answers: Answers) -> bool | None:
    """Whether the app has the scope for groups: by a group that was read, by the list, or None."""
    if any(tried.is_group and not tried.error for tried in answers.tried):
        return True
    return GROUP_SCOPE in answers.scopes if isinstance(answers.scopes, frozenset) else None


def judge_chats(answers: Answers, tolerate: Collection[int]) -> Iterator[Finding]:
    """One finding for all that were tried, then one for each that cannot be read."""
    tried = answers.tried
    refused = [each for each in tried if each.error]
    granted = _is_granted(answers)
    if answers.stopped:
        yield find("chats.stopped", error=answers.stopped)
    elif refused:
        yield find("chats.some", chats=answers.wanted, tried=len(tried), refused=len(refused))
    else:
        yield find("chats.all", chats=answers.wanted, read=len(tried))
    for each in refused:
        lenient = EXIT_COMPLETE if _code(each) in tolerate else None
        yield find(
            f"chat.{_reason(each, granted)}",
            error=each.error,
            chat=(each.chat_id, each.name),
            exit_code=lenient,
        )


def _reason(tried: Tried, granted: bool | None) -> str:
    """The outcome that tells best why this chat is refused."""
    code = _code(tried)
    if code in OUTSIDE and tried.is_member is not True:
        return "outside"
    if code != LACKS_PERMISSION:
        return "refused"
    if tried.is_member is False:
        return "outside"
    if granted is None:
        lacks = _names_the_scope(tried) or (tried.is_member and not tried.external)
        return "no_scope" if lacks else "either"
    if not granted:
        return "no_scope"
    return "external" if tried.external else "unexplained"


def _names_the_scope(tried: Tried) -> bool:
    """Feishu names the same scope for apps and, with a suffix, for users."""
    details = tried.error.details if tried.error else []
    return any(detail.startswith(GROUP_SCOPE) for detail in details)


def _code(tried: Tried) -> int | None:
    return tried.error.code if tried.error else None


def _first(tried: list[Tried]) -> ApiError | None:
    return tried[0].error if tried else None
