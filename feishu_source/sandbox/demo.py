"""The tenant of the demo: it moves by itself, and whoever comes back later finds it further on.

In: a seed and a clock. Out: a `World` that catches up with its clock whenever somebody looks.
What has happened by some time depends on the seed and that time alone: the same messages with the
same ids, plus new ones. About a dozen chats talk since the beginning of the quarter before the
last; in a live room somebody says something every 3 seconds, so that a load that starts five
seconds after another always finds news, and retention takes what was said there hours ago.
Refuses to know: HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count
from random import Random

from feishu_source.sandbox.generate import DAY_MS, add_people, details
from feishu_source.sandbox.tenant import Chat, Message
from feishu_source.sandbox.variety import Variety
from feishu_source.sandbox.world import World

SHIFT_MS = 2 * 3_600_000
"""How long a shift in the live room is."""
SHIFT_STAYS_MS = 3 * 3_600_000
"""How long after its beginning a shift's messages are taken by retention."""
BEAT_MS = 3_000
"""The live room has one new message in every span of this length."""
_JITTER_MS = 400
# Ids come from times, not from counting, so that they do not depend on what came before.
_CHATS_PER_MS = 1 << 6
_ROOM_PLACE = _CHATS_PER_MS - 1
_MOST_REPLIES = 6
_REPLY_NUMBERS = 1 << 61
_DAY_PACE_MS = DAY_MS
_ROOM_PACE_MS = 10 * 60_000
"""How soon, at most, something comes of a message."""

_STANDING: tuple[tuple[str, str, float], ...] = (
    ("产品评审 Product review", "group", 1.3),
    ("Backend on-call", "group", 1.5),
    ("数据平台 Data platform", "group", 1.3),
    ("Release train 🚄", "thread", 1.2),
    ("客户支持 Customer support", "topic", 1.1),
    ("设计讨论 Design", "group", 1.0),
    ("Incident room", "topic", 0.9),
    ("Weekly planning", "group", 0.7),
    ("新人培训 Onboarding", "thread", 0.6),
    ("午饭吃什么 🍜", "group", 0.5),
    ("Finance 报销", "group", 0.3),
    ("公司公告 Announcements", "group", 0.2),
)
"""The chats that stay: name, kind, messages a day."""

Deed = Callable[[int], None]


def _now_ms() -> int:
    return int(time.time() * 1000)


def demo_world(seed: int = 1, *, clock: Callable[[], int] | None = None) -> World:
    """The demo's tenant; the clock gives milliseconds and is the real one by default."""
    return Demo(seed, clock or _now_ms).world


def founding_ms(now_ms: int) -> int:
    """The beginning of the quarter before the last: half a year ago, or up to nine months."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    quarter = now.year * 4 + (now.month - 1) // 3 - 2
    founded = datetime(quarter // 4, quarter % 4 * 3 + 1, 1, tzinfo=UTC)
    return int(founded.timestamp()) * 1000


class Demo:
    """What happens in the demo's tenant, in the order of time, as far as the clock has come."""

    def __init__(self, seed: int, clock: Callable[[], int]) -> None:
        self.seed = seed
        self.world = World(seed, start_ms=founding_ms(clock()), clock=clock)
        add_people(self.world, Random(f"demo/{seed}"), 40)
        people = [user_id for user_id, user in self.world.users.items() if not user.is_app]
        self._bots = [user_id for user_id, user in self.world.users.items() if user.is_app][1:]
        self._chats = [self._standing(place, people) for place in range(len(_STANDING))]
        self._variety = Variety(seed, list(self.world.users.values()), list(self.world.chats))
        for chat in self._chats:
            chat.draw = self._variety.draw
        self._people = people
        self._events: list[tuple[int, int, Deed]] = []
        self._order = count()
        self._next_day_ms = self.world.start_ms
        self._room = self._live_room()
        self._next_shift = max(0, clock() - SHIFT_STAYS_MS) // SHIFT_MS
        self.world.on_look = self.catch_up
        self.catch_up()

    def catch_up(self) -> None:
        """Let everything happen that is due."""
        now_ms = self.world.now_ms
        while self._next_day_ms <= now_ms:
            self._plan_day(self._next_day_ms)
            self._next_day_ms += DAY_MS
        while self._next_shift * SHIFT_MS <= now_ms:
            self._plan_shift(self._next_shift)
            self._next_shift += 1
        while self._events and self._events[0][0] <= now_ms:
            at_ms, _, deed = heappop(self._events)
            deed(at_ms)

    def _at(self, at_ms: int, deed: Deed) -> None:
        heappush(self._events, (at_ms, next(self._order), deed))

    # chats

    def _standing(self, place: int, people: list[str]) -> Chat:
        name, kind, _ = _STANDING[place]
        chance = Random(f"demo/{self.seed}/members/{place}")
        members = chance.sample(people, 6 + place * 2)
        chat_id = self.world.add_chat(
            name,
            mode="topic" if kind == "topic" else "group",
            group_message_type="thread" if kind == "thread" else "chat",
            member_ids=members,
            owner_id=members[0],
            description=f"{name}, since the beginning",
            create_ms=self.world.start_ms + place,
            details=details(place),
        )
        return self.world.chats[chat_id]

    def _live_room(self) -> Chat:
        chat_id = self.world.add_chat(
            "值班室 Live room",
            member_ids=self._people[:12],
            owner_id=self._people[0],
            description="Somebody says something every three seconds; kept for some hours only",
            create_ms=self.world.start_ms + len(_STANDING),
        )
        room = self.world.chats[chat_id]
        room.draw = self._variety.draw
        return room

    def _plan_shift(self, number: int) -> None:
        """Two hours in the live room; an hour after their end retention takes their messages."""
        room, begin_ms = self._room, number * SHIFT_MS
        chance = Random(f"demo/{self.seed}/shift/{number}")

        def begin(_: int) -> None:
            # Positions follow the clock, whichever shift this world began with.
            room.next_position = number * SHIFT_MS // BEAT_MS * 2

        def forget(_: int) -> None:
            for message in room.timeline:
                if message.create_ms < begin_ms + SHIFT_MS and not message.removed:
                    self.world.remove(self.world.id_of(message))

        self._at(begin_ms, begin)
        for beat_ms in range(begin_ms, begin_ms + SHIFT_MS, BEAT_MS):
            at_ms = beat_ms + int(chance.random() * _JITTER_MS)
            self._speak(room, at_ms, _ROOM_PLACE, chance, _ROOM_PACE_MS, begin_ms)
        self._at(begin_ms + SHIFT_STAYS_MS, forget)

    def _plan_day(self, day_ms: int) -> None:
        for place, chat in enumerate(self._chats):
            chance = Random(f"demo/{self.seed}/{place}/{day_ms}")
            for at_ms in sorted(set(_some_times(chance, day_ms, _STANDING[place][2]))):
                self._speak(chat, at_ms, place, chance, _DAY_PACE_MS)

    # messages

    def _speak(
        self,
        chat: Chat,
        at_ms: int,
        place: int,
        chance: Random,
        pace_ms: int,
        since_ms: int = 0,
    ) -> None:
        """Plan a message and what comes of it later: replies, an edit, a recall.

        It answers no message older than `since_ms`: which of those there are depends on when
        this world began.
        """
        numbers = at_ms * _CHATS_PER_MS + place
        sender_id = self._sender(chat, chance)
        answers = chat.mode != "topic" and chance.random() < 0.06

        def post(now_ms: int) -> None:
            message = self.world.new(chat, sender_id, None, now_ms, numbers)
            if answers and chat.timeline and chat.timeline[-1].create_ms >= since_ms:
                message.parent = chat.timeline[-1]
            self.world.list_in_chat(message)

        self._at(at_ms, post)
        fate = chance.random()
        if fate < 0.06:
            self._at(at_ms + int(chance.random() * pace_ms), lambda ms: self._edit(numbers, ms))
        elif fate < 0.08:
            self._at(at_ms + int(chance.random() * pace_ms), lambda ms: self._recall(numbers, ms))
        elif fate < 0.15:
            self._plan_thread(chat, numbers, at_ms, chance, pace_ms)

    def _plan_thread(
        self, chat: Chat, numbers: int, at_ms: int, chance: Random, pace_ms: int
    ) -> None:
        for place in range(1 + int(chance.random() * _MOST_REPLIES)):
            at_ms += 1 + int(chance.random() * pace_ms)
            sender_id = self._sender(chat, chance)
            number = _REPLY_NUMBERS + numbers * _MOST_REPLIES + place
            self._at(at_ms, self._replying(numbers, number, sender_id))

    def _replying(self, root: int, number: int, sender_id: str | None) -> Deed:
        def reply(now_ms: int) -> None:
            thread = self.world.thread_of(self._message(root))
            made = self.world.new(thread.root.chat, sender_id, None, now_ms, number)
            self.world.attach(made, thread)

        return reply

    def _edit(self, number: int, now_ms: int) -> None:
        message = self._message(number)
        if not message.recalled and message.body.msg_type in ("text", "post", "interactive"):
            message.edits += 1
            message.update_ms, message.wires = now_ms, None

    def _recall(self, number: int, now_ms: int) -> None:
        message = self._message(number)
        message.recalled = True
        message.update_ms, message.wires = now_ms, None

    def _message(self, number: int) -> Message:
        return self.world.message(self.world.message_ids.id_of(number))

    def _sender(self, chat: Chat, chance: Random) -> str | None:
        draw = chance.random()
        if draw < 0.02:
            return None
        if draw < 0.06:
            return chance.choice(self._bots)
        return chance.choice(list(chat.members))


def _some_times(chance: Random, day_ms: int, a_day: float) -> Iterator[int]:
    """Times on a day between seven and seventeen o'clock, so many on average."""
    while chance.random() < a_day / (1 + a_day):
        yield day_ms + 7 * 3_600_000 + int(chance.random() * 36_000_000)
