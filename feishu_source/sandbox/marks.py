"""Texts in which mentions are marked: `@<user id>` and `@<all>`.

In: a marked text and the users. Out: a text body with its mentions.
Refuses to know: who posts it where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from feishu_source.sandbox import bodies
from feishu_source.sandbox.bodies import Body, Mention, Piece
from feishu_source.sandbox.tenant import User

_MARK = re.compile(r"@<([^<>\s]+)>")


def marked_text(marked: str, users: Mapping[str, User]) -> Body:
    """A text body; whoever is mentioned twice has one entry. Raises: KeyError, for a stranger."""
    mentions: dict[str, Mention] = {}
    pieces: list[Piece] = []
    for index, part in enumerate(_MARK.split(marked)):
        if index % 2 == 0:
            pieces.append(bodies.words(part))
        elif part == "all":
            pieces.append(bodies.at_all())
        else:
            entry = mention(users[part], len(mentions) + 1)
            pieces.append(bodies.at(mentions.setdefault(part, entry)))
    return bodies.text_body(pieces, list(mentions.values()))


def mention(user: User, place: int, more: Mapping[str, str] | None = None) -> Mention:
    """The entry of whoever is mentioned as the `place`-th; an app stands there by its open_id."""
    user_id = user.open_bot_id or user.user_id
    return Mention(f"@_user_{place}", user_id, user.name, user.tenant_key, more)
