"""Every kind of body, drawn by chance: the same message always draws the same body.

In: a message and the people of its tenant. Out: a `Body`.
Refuses to know: when and where it is posted.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

from feishu_source.sandbox import bodies, cards, oddities, phrases
from feishu_source.sandbox.bodies import Body, Mention, Piece
from feishu_source.sandbox.marks import mention
from feishu_source.sandbox.tenant import Message, User

Drawer = Callable[["Draw"], Body]
T = TypeVar("T")


class Draw:
    """One draw: the chance of one message, and the mentions it has made so far."""

    def __init__(self, chance: Random, people: Sequence[User], chat_ids: Sequence[str]) -> None:
        self.chance = chance
        self._people = people
        self._chat_ids = chat_ids
        self.mentions: list[Mention] = []

    def pick(self, values: Sequence[T]) -> T:
        """One of these."""
        return values[int(self.chance.random() * len(values))]

    def happens(self, share: float) -> bool:
        """True in that share of all draws."""
        return self.chance.random() < share

    def key(self, prefix: str) -> str:
        """A key of a file or picture."""
        return f"{prefix}_v3_{self.chance.getrandbits(64):016x}"

    def person(self) -> User:
        """Somebody of the tenant."""
        return self.pick(self._people)

    def chat_id(self) -> str:
        """A chat of the tenant."""
        return self.pick(self._chat_ids)

    def time_ms(self) -> int:
        """Some time in 2025, in milliseconds."""
        return 1_735_700_000_000 + int(self.chance.random() * 31_000_000) * 1000

    def mention(self) -> Piece:
        """A mention of somebody, with its entry; an app's entry has a field nobody modelled."""
        user = self.person()
        more = {"mentioned_type": "bot"} if user.is_app else None
        entry = mention(user, len(self.mentions) + 1, more)
        self.mentions.append(entry)
        return bodies.at(entry)

    def sentence(self) -> str:
        """A sentence, now and then one that is meant to break things."""
        return self.pick(phrases.ODD_SENTENCES if self.happens(0.03) else phrases.SENTENCES)

    def line(self) -> list[Piece]:
        """The pieces of a line: words, sometimes with mentions and links."""
        pieces = [bodies.words(self.sentence())]
        if self.happens(0.12):
            pieces = [
                self.mention(),
                bodies.words(" " + self.pick(phrases.OPENERS) + ": "),
                *pieces,
            ]
        if self.happens(0.02):
            pieces = [bodies.at_all(), bodies.words(" "), *pieces]
        if self.happens(0.04):
            pieces += [bodies.words(" "), bodies.link(self.pick(phrases.TOPICS), self.url())]
        if self.happens(0.04):
            pieces += [bodies.words(f" {self.url()} ok")]
        if self.happens(0.003):
            pieces += [self.mention() for _ in range(12)]
        return pieces

    def url(self) -> str:
        """An address in the web."""
        return self.pick(phrases.URLS)


def _text(draw: Draw) -> Body:
    return bodies.text_body(draw.line(), draw.mentions)


def _post(draw: Draw) -> Body:
    rows: list[list[Piece]] = [draw.line() for _ in range(1 + int(draw.chance.random() * 3))]
    extras: list[Callable[[], Piece]] = [
        lambda: bodies.picture(draw.key("img")),
        lambda: bodies.film(draw.key("file"), draw.key("img")),
        lambda: bodies.code(*draw.pick(phrases.LANGUAGES)),
        bodies.rule,
    ]
    if draw.happens(0.4):
        rows.insert(1, [draw.pick(extras)()])
    if draw.happens(0.2):
        rows[0].append(bodies.smiley(draw.pick(phrases.EMOJIS)))
    files = []
    if draw.happens(0.1):
        files = [(draw.key("file"), draw.pick(phrases.FILES), draw.happens(0.2))]
    title = draw.pick(phrases.TOPICS) if draw.happens(0.5) else ""
    locale = "en_us" if draw.happens(0.05) else None
    return bodies.post_body(title, rows, draw.mentions, files=files, locale=locale)


def _media(msg_type: str) -> Drawer:
    def drawn(draw: Draw) -> Body:
        lasts = msg_type in ("audio", "media", "video")
        named = msg_type not in ("audio", "image", "sticker")
        return bodies.media_body(
            msg_type,
            draw.key("img" if msg_type == "image" else "file"),
            name=draw.pick(phrases.FILES) if named else None,
            duration_ms=1000 + int(draw.chance.random() * 90_000) if lasts else None,
            cover=draw.key("img") if msg_type in ("media", "video") else None,
        )

    return drawn


def _card(draw: Draw) -> Body:
    if draw.happens(0.2):
        return cards.card_2(draw.pick(phrases.TOPICS), draw.pick(phrases.SENTENCES))
    if draw.happens(0.5):
        fields = [f"负责人: {draw.person().name}", "status: ok"]
        label, url = "打开 Open", draw.url()
        return cards.card(
            draw.pick(phrases.TOPICS), "nightly build", fields, label, url, draw.key("img")
        )
    rows = [
        draw.line(),
        [bodies.rule()],
        [bodies.words("选择: "), cards.choice("select_static", ("是", "否"), "?")],
        [cards.choice("overflow", (), "more"), cards.date_picker("日期", "2025-10-1")],
        [cards.note(bodies.picture(draw.key("img")), bodies.words("备注"))],
        [cards.button("同意"), cards.button("Reject")],
    ]
    return cards.rendered(draw.pick(phrases.TOPICS), rows, draw.mentions)


def _event(msg_type: str) -> Drawer:
    def drawn(draw: Draw) -> Body:
        summary, start_ms = draw.pick(phrases.TOPICS), draw.time_ms()
        end_ms = start_ms + 1_800_000
        sent = {"summary": summary, "start_time": str(start_ms), "end_time": str(end_ms)}
        return bodies.plain_body(
            msg_type,
            sent,
            text=summary,
            event_summary=summary,
            event_start=bodies.when(start_ms),
            event_end=bodies.when(end_ms),
        )

    return drawn


def _share_chat(draw: Draw) -> Body:
    chat_id = draw.chat_id()
    return bodies.plain_body("share_chat", {"chat_id": chat_id}, shared_chat_id=chat_id)


def _share_user(draw: Draw) -> Body:
    user_id = draw.person().user_id
    return bodies.plain_body("share_user", {"user_id": user_id}, shared_user_id=user_id)


def _location(draw: Draw) -> Body:
    name, longitude, latitude = draw.pick(phrases.PLACES)
    sent = {"name": name, "longitude": str(longitude), "latitude": str(latitude)}
    return bodies.plain_body(
        "location",
        sent,
        text=name,
        location_name=name,
        longitude=longitude,
        latitude=latitude,
    )


def _video_chat(draw: Draw) -> Body:
    topic, start_ms = draw.pick(phrases.TOPICS), draw.time_ms()
    sent = {"topic": topic, "start_time": str(start_ms), "meet_number": "123456789"}
    return bodies.plain_body(
        "video_chat", sent, text=topic, event_summary=topic, event_start=bodies.when(start_ms)
    )


def _todo(draw: Draw) -> Body:
    task_id, due_ms, what = draw.key("task"), draw.time_ms(), draw.pick(phrases.TODOS)
    summary = {"title": "", "content": [[{"tag": "text", "text": what}]]}
    sent = {"task_id": task_id, "summary": summary, "due_time": str(due_ms)}
    return bodies.plain_body("todo", sent, text=what, task_id=task_id, due_time=bodies.when(due_ms))


def _vote(draw: Draw) -> Body:
    topic, options = draw.pick(phrases.VOTES)
    return bodies.plain_body(
        "vote",
        {"topic": topic, "options": list(options), "status": 0},
        text="\n".join([topic, *(f"- {option}" for option in options)]),
        vote_topic=topic,
        vote_options=bodies.dump(list(options)),
    )


def _hongbao(_: Draw) -> Body:
    return bodies.plain_body("hongbao", {"text": "[红包]"}, text="[红包]")


def _system(draw: Draw) -> Body:
    names = [draw.person().name for _ in range(1 + int(draw.chance.random() * 3))]
    if draw.happens(0.2):
        divider = {"text": "新话题", "i18n_text": {"en_us": "New topic"}}
        sent = {"template": "{divider_text}", "from_user": [], "divider_text": divider}
        return bodies.plain_body("system", sent, text="新话题")
    template = "{from_user} 邀请 {to_chatters} 加入了群聊 ({reason})"
    sent = {"template": template, "from_user": names[:1], "to_chatters": names}
    text = f"{names[0]} 邀请 {', '.join(names)} 加入了群聊 ({{reason}})"
    return bodies.plain_body("system", sent, text=text)


def _odd(draw: Draw) -> Body:
    return draw.pick(oddities.ALL)


_KINDS: tuple[tuple[int, Drawer], ...] = (
    (620, _text),
    (120, _post),
    (60, _media("image")),
    (30, _media("file")),
    (10, _media("folder")),
    (15, _media("audio")),
    (10, _media("media")),
    (5, _media("video")),
    (25, _media("sticker")),
    (45, _card),
    (5, _event("share_calendar_event")),
    (5, _event("calendar")),
    (5, _event("general_calendar")),
    (5, _share_chat),
    (5, _share_user),
    (5, _location),
    (5, _video_chat),
    (5, _todo),
    (5, _vote),
    (5, _hongbao),
    (10, _odd),
)
_SUMS = list(accumulate(weight for weight, _ in _KINDS))
_DRAWERS = [drawer for _, drawer in _KINDS]


class Variety:
    """Draws the bodies of a tenant's generated messages."""

    def __init__(self, seed: int, people: Sequence[User], chat_ids: Sequence[str]) -> None:
        self._seed = seed
        self._people = tuple(people)
        self._chat_ids = tuple(chat_ids)

    def draw(self, message: Message) -> Body:
        """The body of a message; after an edit, another one of the same kind."""
        chance = Random((self._seed << 64) | (message.number << 8))
        draw = Draw(chance, self._people, self._chat_ids)
        if message.sender is None and draw.happens(0.7):
            return _system(draw)
        drawer = _DRAWERS[bisect(_SUMS, chance.random() * _SUMS[-1])]
        if message.edits:
            chance.seed((self._seed << 64) | (message.number << 8) | message.edits)
        return drawer(draw)
