"""What a listing of messages may be asked for: its window, and parameters nobody documented.

In: times in seconds; what the API accepts. Out: query parameters.
Refuses to know requests: it is given the function that makes one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import TypeVar

from feishu_source.errors import PageTokenRefused, ParameterRefused
from feishu_source.settings import Settings

T = TypeVar("T")

LEAST_MILLISECONDS = 10**11
"""As seconds this is the year 5138; as milliseconds, 1973."""

_WITHOUT: Mapping[str, str] = {
    "with_sender_name": "sender names are missing from now on",
    "only_thread_root_messages": "replies in topic groups are no longer listed flat",
}


def check_window(
    container_id_type: str, start_time_s: int | None, end_time_s: int | None
) -> dict[str, str]:
    """The window's two query parameters, in seconds.

    Raises:
        ValueError: the API would refuse the window, or, worse, answer it with nothing.
    """
    times = {"start_time": start_time_s, "end_time": end_time_s}
    given = {name: value for name, value in times.items() if value is not None}
    if given and container_id_type == "thread":
        raise ValueError("the API takes no time range for a thread")
    for name, value in given.items():
        if type(value) is not int or value < 0:
            raise ValueError(f"{name} must be whole seconds since 1970, not {value!r}")
        if value >= LEAST_MILLISECONDS:
            raise ValueError(f"{name} {value} is in milliseconds; the API takes seconds")
    if start_time_s is not None and end_time_s is not None and start_time_s > end_time_s:
        raise ValueError(f"start_time {start_time_s} is after end_time {end_time_s}")
    return {name: str(value) for name, value in given.items()}


class UndocumentedParameters:
    """Parameters of the vendor's own client that its documentation does not know.

    They may be refused some day. A listing whose first page is refused is asked for again without
    them, one by one and then without any; what proves to be the cause is no longer sent.
    """

    def __init__(self, settings: Settings, warn: Callable[[str], None]) -> None:
        self._lock = threading.Lock()
        self._warn = warn
        self._sent: dict[str, str] = {}
        if settings.with_sender_name:
            self._sent["with_sender_name"] = "true"
        if settings.flat_topics:
            self._sent["only_thread_root_messages"] = "false"

    def sends(self, name: str) -> bool:
        """Whether the parameter is still sent."""
        return name in self._sent

    def fetch(
        self,
        fetch: Callable[[dict[str, str]], T],
        container_id_type: str,
        page_token: str | None,
    ) -> T:
        """What `fetch` returns with these parameters, or without those that are refused.

        Raises:
            ParameterRefused: it is refused without them as well, so they are not the cause.
        """
        sent = dict(self._sent)
        if container_id_type == "thread":
            sent.pop("only_thread_root_messages", None)
        try:
            return fetch(sent)
        except PageTokenRefused:
            raise
        except ParameterRefused as error:
            # A later page has shown that the parameters are accepted.
            if page_token is not None or not sent:
                raise
            refused = error
        for left_out in _choices(sent):
            try:
                found = fetch({name: sent[name] for name in sent if name not in left_out})
            except ParameterRefused:
                continue
            self._drop(left_out, refused.code)
            return found
        raise refused

    def _drop(self, names: tuple[str, ...], code: int | None) -> None:
        with self._lock:
            dropped = [name for name in names if name in self._sent]
            self._sent = {n: value for n, value in self._sent.items() if n not in names}
        for name in dropped:
            self._warn(
                f"The API refused the undocumented parameter {name} (code {code}): "
                f"{_WITHOUT[name]}."
            )


def _choices(sent: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """What to leave out: each one alone, then all."""
    for size in range(1, len(sent) + 1):
        yield from combinations(sent, size)
