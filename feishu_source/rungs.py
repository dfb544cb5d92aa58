"""The ladder of sweeps: how often what is older than the look-back is read again.

In: when each rung was last swept, and now. Out: which rungs are due, from where on they want to be
read, and what a finished walk may stamp. Refuses to know HTTP, dlt and the clock.

Nothing filters by the time of a change, so an edit of an old message is seen only by reading its
window again. A rung (age, period) promises: a change of a message not older than `age` is seen
within `period`, plus one interval between loads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from feishu_source.errors import ConfigurationError
from feishu_source.settings import DAY_S, HOUR_S

EVER_S = 100 * 365 * DAY_S
"""The age of a rung that reads everything again."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Messages up to `age_s` old are read again once in `period_s`.

    It costs age / period times the chat's own message rate, in pages and threads.
    """

    age_s: int
    period_s: int

    @property
    def key(self) -> str:
        """Its name in the state, where a rung is what it reaches."""
        return str(self.age_s)


RUNGS = "1d/6h 7d/2d 30d/10d 180d/60d"
"""The ladder, where none is configured."""

_LENGTHS = {"h": HOUR_S, "d": DAY_S}
_RUNG = re.compile(r"(\d+)([hd])/(\d+)([hd])")


def parse_ladder(text: str) -> tuple[Rung, ...]:
    """Rungs from `AGE/PERIOD AGE/PERIOD …`, in hours or days; `ever/30d` reads all, `off` none.

    Raises:
        ConfigurationError: not of that form.
    """
    return () if text.strip() == "off" else tuple(map(_parse_rung, text.split()))


def _parse_rung(text: str) -> Rung:
    match = _RUNG.fullmatch(text.replace("ever/", f"{EVER_S // DAY_S}d/"))
    if match is None or not int(match[1]) or not int(match[3]):
        raise ConfigurationError(
            f"rung {text!r} is not AGE/PERIOD in hours or days, such as 7d/2d or ever/30d"
        )
    return Rung(int(match[1]) * _LENGTHS[match[2]], int(match[3]) * _LENGTHS[match[4]])


def due(ladder: Iterable[Rung], swept_s: Mapping[str, int], chat_id: str, now_s: int) -> list[Rung]:
    """The rungs to sweep now: never swept, or not in the slot of the period that now lies in.

    A slot counts, not the time since: a daily schedule that starts two seconds early still does.
    """
    return [rung for rung in ladder if _is_due(rung, swept_s.get(rung.key), chat_id, now_s)]


def _is_due(rung: Rung, swept_s: int | None, chat_id: str, now_s: int) -> bool:
    return swept_s is None or _slot(rung, chat_id, now_s) > _slot(rung, chat_id, swept_s)


def _slot(rung: Rung, chat_id: str, at_s: int) -> int:
    return int(at_s + phase(chat_id) * rung.period_s) // rung.period_s


def phase(chat_id: str) -> float:
    """Where in a period a chat's turn is, 0 to 1, so that the chats' sweeps spread over it."""
    digest = blake2b(chat_id.encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def start_s(rung: Rung, swept_s: Mapping[str, int], now_s: int) -> int:
    """From where on a rung wants to be read: `age` before it was last swept, not before now.

    A message of almost that age that was edited just after the last sweep is still inside.
    """
    return swept_s.get(rung.key, now_s) - rung.age_s
