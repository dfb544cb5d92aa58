"""The page of what can go wrong: exit codes, the errors of this package, Feishu's codes.

In: `feishu_source.codes`, `errors`, `report`. Out: Markdown.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docs.generate.markdown import code, page, table
from docs.generate.words import Words
from feishu_source import report
from feishu_source.codes import CODES, Kind
from feishu_source.errors import (
    REACTIONS,
    ApiError,
    ConfigurationError,
    DestinationError,
    FeishuError,
    Interrupted,
    LoadLocked,
    StopError,
)

EXIT_CODES = {
    str(report.EXIT_COMPLETE): "Every chat is complete.",
    str(report.EXIT_FAILED): "The load failed: what it read before is loaded, the next goes on.",
    str(report.EXIT_CONFIGURATION): "Wrong arguments or configuration; nothing was requested.",
    str(report.EXIT_INCOMPLETE): "Something is incomplete: a chat is partial, skipped or failed.",
    str(
        report.EXIT_LOCKED
    ): "Another load of the same pipeline, or into the same dataset, is running.",
    f"{report.SIGNAL_BASE + 2}, {report.SIGNAL_BASE + 15}": (
        "Interrupted by SIGINT or SIGTERM; what was read is loaded."
    ),
}
ENDS: dict[type[FeishuError], str] = {
    ConfigurationError: str(report.EXIT_CONFIGURATION),
    DestinationError: str(report.EXIT_FAILED),
    LoadLocked: str(report.EXIT_LOCKED),
    Interrupted: f"{report.SIGNAL_BASE + 2}, {report.SIGNAL_BASE + 15}",
    StopError: str(report.EXIT_FAILED),
}
"""With what a load ends that meets one of these, wherever it does."""

KINDS: dict[Kind, tuple[str, str]] = {
    "credentials": ("Credentials", "The load ends."),
    "renew": ("Tokens", "The token is dropped and the request made again, once; then it ends."),
    "scope": (
        "Scopes",
        "The load ends. For details or members of chats it does not: it does without.",
    ),
    "stop": ("The app and its tenant", "The load ends."),
    "quota": ("Monthly quota", "The load ends at once: asking again costs and cannot help."),
    "chat": (
        "One chat",
        "The chat is skipped and asked for again by each load, the others are loaded. Where only "
        "its details or members are refused, its messages are loaded.",
    ),
    "thread": ("One thread", "The thread is skipped, its chat is loaded."),
    "message": (
        "One message",
        "Met for a single message, that one; in a thread, the thread; in a chat, the chat.",
    ),
    "file": ("One file", "The file is left out and not asked for again, its message is loaded."),
    "optional": (
        "Beside the messages",
        "The details of those people, the tabs or the announcement of that chat are left out; "
        "everything else is loaded.",
    ),
    "parameter": (
        "The request itself",
        "Asked again without the undocumented parameter it may be about, or from the start of its "
        "window; else the chat fails.",
    ),
    "rate": (
        "Rate limits",
        "All requests of that endpoint wait as long as Feishu says, then go on.",
    ),
    "retry": ("Trouble at Feishu", "The request is made again with back-off; then the chat fails."),
}


def write(words: Words) -> str:
    """The page."""
    return page(
        f"# {words('Exit codes, errors and their next steps')}",
        words(
            "Every error tells what failed, Feishu's code and words, the next step and the log id, "
            "in the language of `--lang`; chats that are not complete stand in `sync_coverage` "
            "with the same. What to do about each exit code is told in "
            "[recover](../guides/recover.md)."
        ),
        f"## {words('Exit codes')}",
        table(
            [words("exit code"), words("meaning")],
            [[number, words(meaning)] for number, meaning in EXIT_CODES.items()],
        ),
        f"## {words('Errors in Python')}",
        words(
            "All of them are in `feishu_source.errors`; the indentation shows what is a kind of "
            "what. Without an exit code: the load goes on, and the chat or thread is told in the "
            "report; it ends with 1 where there is no token or no list of chats."
        ),
        table(
            [words(name) for name in ("error", "exit code", "meaning", "next step")],
            [_error_row(*each, words) for each in _errors(FeishuError)],
        ),
        f"## {words('Codes of Feishu')}",
        words(
            "By what is done about them. A code that is not listed here fails its chat, or ends "
            "the load where there is no chat yet; Feishu's own words and the log id are told."
        ),
        *_codes(words),
    )


def _errors(error: type[FeishuError], depth: int = 0) -> Iterator[tuple[type[FeishuError], int]]:
    yield error, depth
    for kind in error.__subclasses__():
        if kind.__module__ == FeishuError.__module__:  # other rooms have errors of their own
            yield from _errors(kind, depth + 1)


def _error_row(error: type[FeishuError], depth: int, words: Words) -> list[str]:
    advice = ""
    if issubclass(error, ApiError) and "default_advice_en" in vars(error):
        advice = words.pair(error.default_advice_en, error.default_advice_zh)
    meaning = (inspect.getdoc(error) or "").splitlines()[0]
    ends = [number for kind, number in ENDS.items() if issubclass(error, kind)]
    return [
        "&emsp;" * depth + code(error.__name__),
        *(ends or [""]),
        words(meaning),
        advice,
    ]


def _codes(words: Words) -> Iterator[str]:
    for kind, (title, reaction) in KINDS.items():
        yield f"### {words(title)}"
        yield (
            words(reaction)
            + words.pair(" ", "")
            + words("In Python: {error}.").format(error=code(REACTIONS[kind].__name__))
        )
        yield table(
            [words(name) for name in ("code", "meaning", "next step")],
            [
                [
                    str(number),
                    words.pair(_sentence(entry.meaning_en), entry.meaning_zh),
                    words.pair(entry.advice_en, entry.advice_zh),
                ]
                for number, entry in CODES.items()
                if entry.kind == kind
            ],
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
