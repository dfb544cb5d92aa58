"""Where a store app's ticket is read from, afresh at each renewal: Feishu replaces it every hour.

In: a file's name, or a value and the environment. Out: the ticket as it is now. Refuses to know
what it is good for, and to show it.
"""

from __future__ import annotations

import os
from pathlib import Path

from feishu_source.errors import ConfigurationError

SUFFIX = "APP_TICKET"
"""How the environment variables end that may hold it: SOURCES__FEISHU__APP_TICKET, a tenant's."""


class TicketFile:
    """A file that the app's event callback writes: the ticket and nothing else.

    While it is being written it may be empty or gone: then the ticket read last is tried.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()
        self._last = ""

    def __call__(self) -> str:
        """The ticket.

        Raises:
            ConfigurationError: there is none, and there never was.
        """
        reason = "it is empty"
        try:
            self._last = self._path.read_text("utf-8").strip() or self._last
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        except OSError as error:
            reason = str(error.strerror)
        if not self._last:
            raise ConfigurationError(
                f"app_ticket_file {self._path} holds no app ticket ({reason}): let the app's event "
                "callback write the newest ticket into it."
            )
        return self._last


class GivenTicket:
    """A ticket that was given; one that came from the environment is looked up there again."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._variables = [
            name
            for name, held in os.environ.items()
            if name.endswith(SUFFIX) and held.strip() == value.strip()
        ]

    def __call__(self) -> str:
        """The ticket."""
        held = (os.environ.get(name, "").strip() for name in self._variables)
        return next(filter(None, held), self._value)
