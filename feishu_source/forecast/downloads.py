"""How many files a first load would download: a request each, behind those for messages.

In: what the chats showed, and how many messages each has. Out: a `Spread`. Refuses to ask.

In a chat that was seen whole they are counted. Elsewhere their share is that of the pages seen,
drawn toward that of all chats as far as few were seen, with the error of so few, doubled because
neighbours are alike: people send ten pictures at once. Replies in threads are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from feishu_source.forecast.asking import Seen
from feishu_source.forecast.profile import Profile
from feishu_source.forecast.spread import DEVIATIONS, Spread, extrapolate

_WEIGHT = 20
"""Messages that count as seen of the usual share, beside those of the chat itself."""


def files_of(seen: Sequence[Seen], profiles: Mapping[str, Profile], chats: int) -> Spread:
    """Files of so many chats, of which these were drawn by chance."""
    counts = {each.chat_id: _count(each) for each in seen}
    messages, files = (sum(column) for column in zip((0, 0), *counts.values(), strict=True))
    usual = files / messages if messages else 0.0
    return extrapolate(
        [
            _files(profiles[each.chat_id], *counts[each.chat_id], usual) if each.looks else Spread()
            for each in seen
        ],
        chats,
    )


def _count(seen: Seen) -> tuple[int, int]:
    """Messages that a chat showed, and the files in them."""
    items = {item.message_id: item.files for look in seen.looks for item in look.items}
    return len(items), sum(items.values())


def _files(profile: Profile, shown: int, files: int, usual: float) -> Spread:
    if profile.counted:
        return Spread.exact(files)
    messages = profile.whole.messages
    share = (files + usual * _WEIGHT) / (shown + _WEIGHT)
    error = DEVIATIONS * 2 * math.sqrt(share * (1 + share) / (shown + 1))
    low, high = max(0.0, messages.low - shown), max(0.0, messages.high - shown)
    return Spread(
        files + max(0.0, messages.mid - shown) * share,
        files + low * max(0.0, share - error),
        files + high * (share + error),
        messages.variance * share**2,
        files,
    )
