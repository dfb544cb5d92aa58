"""What went wrong, in one line, and the exit code it gets.

In: any exception that a load ended with. Out: a `Failure`. Errors of this package are looked for
inside dlt's wrappers; others are named, never hidden. Refuses to know how it is shown.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from feishu_source.cli.terminal import printable
from feishu_source.errors import (
    ApiError,
    ConfigurationError,
    FeishuError,
    Interrupted,
    LoadLocked,
    causes,
    redact,
)
from feishu_source.report import (
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_LOCKED,
    SIGNAL_BASE,
    LoadReport,
)

UNEXPECTED = "This was not foreseen: --log-level debug shows where it happened."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is told: `kind` is its class, `code` and `log_id` are Feishu's."""

    exit_code: int
    kind: str
    message: str
    code: int | None = None
    log_id: str | None = None
    advice_en: str | None = None
    advice_zh: str | None = None
    hint: str | None = None
    message_zh: str | None = None
    report: LoadReport | None = None

    def to_dict(self) -> dict[str, Any]:
        """The failure for machines."""
        return {
            "exit_code": self.exit_code,
            "error": {
                "kind": self.kind,
                "message": self.message,
                "code": self.code,
                "log_id": self.log_id,
                "advice_en": self.advice_en,
                "advice_zh": self.advice_zh,
            },
            "report": self.report.to_dict() if self.report else None,
        }


def explain(error: BaseException) -> Failure:
    """The failure that this exception stands for, whatever wrapped it."""
    chain = causes(error)
    ours = next((cause for cause in chain if isinstance(cause, FeishuError)), None)
    if ours is not None:
        return _explain_ours(ours)
    if any(isinstance(cause, KeyboardInterrupt) for cause in chain):
        return Failure(SIGNAL_BASE + signal.SIGINT, "Interrupted", "interrupted")
    return _explain_configuration(chain) or _explain_unexpected(chain[-1])


def _explain_ours(error: FeishuError) -> Failure:
    api = error if isinstance(error, ApiError) else None
    return Failure(
        exit_code=_exit_code(error),
        kind=type(error).__name__,
        message=str(error),
        code=api.code if api else None,
        log_id=api.log_id if api else None,
        advice_en=api.advice_en if api else None,
        advice_zh=api.advice_zh if api else None,
        message_zh=api.in_chinese() if api else None,
        report=error.report,
    )


def _exit_code(error: FeishuError) -> int:
    if isinstance(error, ConfigurationError):
        return EXIT_CONFIGURATION
    if isinstance(error, LoadLocked):
        return EXIT_LOCKED
    if isinstance(error, Interrupted):
        return SIGNAL_BASE + (error.signal or signal.SIGINT)
    return EXIT_FAILED


def _explain_configuration(chain: list[BaseException]) -> Failure | None:
    from feishu_source.destination import NOT_CONFIGURED

    for error in chain:
        if isinstance(error, NOT_CONFIGURED):
            return Failure(EXIT_CONFIGURATION, type(error).__name__, _one_line(error))
    return None


def _explain_unexpected(error: BaseException) -> Failure:
    kind = type(error).__name__
    return Failure(EXIT_FAILED, kind, f"{kind}: {_one_line(error)}", hint=UNEXPECTED)


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return printable(redact(lines[0]), most=300)
