"""A tenant of any size, made from a seed: equal arguments make equal tenants.

In: how many chats, messages and days. Out: a `World` with everything in it that the platform
knows: all kinds of bodies, threads of any length, plain replies, edits, recalls, forwards,
mentions, reactions, pins, tabs, announcements, bots, anonymous and system senders, names that are
meant to break things, and messages with equal times. Bodies are made when they are first read, so a
million messages stay lean.
Refuses to know: HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

from feishu_source.sandbox import phrases
from feishu_source.sandbox.community import DEFAULT_NOW_MS
from feishu_source.sandbox.context import Tab
from feishu_source.sandbox.tenant import Chat, Message, Thread
from feishu_source.sandbox.variety import Variety
from feishu_source.sandbox.world import World

DAY_MS = 86_400_000

_PLAIN_REPLIES = 0.08
_EDITS = 0.02
_RECALLS = 0.01
_EQUAL_TIMES = 0.03
_BOT_SENDERS = 0.04
_NO_SENDER = 0.02
_FUTURE_FIELDS = 0.005
_ALSO_TO_CHAT = 0.03
_REACTED_TO = 0.05
_PINNED = 0.002
_MESSAGES_PER_FORWARD = 400
# A chat with so many messages gets that many in one and the same millisecond: more than a page.
_BURST = 60
_BURST_FROM = 200
_LONGEST_THREAD = 200
_EMOJI = ("THUMBSUP", "OK", "DONE", "HEART", "Get", "JIAYI")
_TABS = ("看板", "Wiki", "值班表")
_ANNOUNCED = '{"title":{"elements":[{"type":"textRun","textRun":{"text":"群规"}}]},"body":null}'
_EDITABLE = ("text", "post", "interactive")


def generate(
    seed: int = 1,
    *,
    chats: int = 50,
    messages: int = 20_000,
    days: int = 365,
    now_ms: int | None = None,
    thread_share: float = 0.1,
    thread_groups: bool = True,
    reactions: bool = False,
    context: bool = False,
    clock: Callable[[], int] | None = None,
) -> World:
    """A tenant with so many chats and messages, the oldest `days` old.

    `thread_share` of the messages are replies in threads. With `thread_groups` one chat in seven is
    a topic group and another one a group in the form of threads: there each message begins a
    thread. The last of five or more chats is empty. With `reactions` people react and pin, with
    `context` chats have tabs and announcements. With a `clock` the time goes on; the messages end
    where it stands now.
    """
    end_ms = clock() if clock else DEFAULT_NOW_MS if now_ms is None else now_ms
    world = World(seed, start_ms=end_ms - days * DAY_MS, now_ms=end_ms, clock=clock)
    chance = Random(f"generate/{seed}")
    add_people(world, chance, max(8, min(400, chats * 2)))
    made = [_add_chat(world, chance, number, thread_groups) for number in range(chats)]
    variety = Variety(seed, list(world.users.values()), list(world.chats))
    for chat, share in zip(made, _shares(chats, messages), strict=True):
        chat.draw = variety.draw
        before = len(world.messages)
        _fill(world, chat, share, thread_share, end_ms, chance)
        if reactions:
            _react(world, chat, world.messages[before:], Random(f"reactions/{seed}/{before}"))
    for number, chat in enumerate(made if context else []):
        _furnish(world, chat, number)
    return world


def add_people(world: World, chance: Random, number: int) -> None:
    """Add people with names of all kinds, and three more apps."""
    for place in range(number):
        if place < len(phrases.LATIN_NAMES):
            world.add_user(phrases.LATIN_NAMES[place])
            continue
        name = chance.choice(phrases.FAMILY_NAMES) + chance.choice(phrases.GIVEN_NAMES)
        names = {"zh_cn": name, "en_us": f"Colleague {place}"} if place % 5 == 0 else None
        world.add_user(name, i18n_names=names)
    for name in ("构建机器人", "Alert Bot", "日报助手"):
        world.add_bot(name)


def details(number: int) -> dict[str, object]:
    """The settings of a chat, which nobody models."""
    return {
        "i18n_names": {"zh_cn": f"群 {number}", "en_us": f"chat {number}"},
        "add_member_permission": "all_members" if number % 2 else "only_owner",
        "user_manager_id_list": [],
        "restricted_mode_setting": {"status": False, "screenshot_has_permission_setting": "all"},
        "hide_member_count_setting": "all_members",
    }


def _add_chat(world: World, chance: Random, number: int, thread_groups: bool) -> Chat:
    people = [user_id for user_id, user in world.users.items() if not user.is_app]
    members = chance.sample(people, min(len(people), 3 + int(chance.paretovariate(0.8)) % 130))
    hostile = phrases.HOSTILE_CHAT_NAMES
    usual = f"{phrases.CHAT_NAMES[number % len(phrases.CHAT_NAMES)]} {number}"
    name = hostile[number // 2] if number % 2 and number // 2 < len(hostile) else usual
    chat_id = world.add_chat(
        name,
        mode="topic" if thread_groups and number % 7 == 3 else "group",
        group_message_type="thread" if thread_groups and number % 7 == 5 else "chat",
        member_ids=members,
        owner_id=members[0] if number % 4 else world.bot.user_id,
        description=f"about {usual}" if number % 3 else None,
        external=number % 11 == 10,
        create_ms=world.start_ms + number,
        details=details(number),
    )
    for user_id, user in world.users.items():
        if user.is_app and user is not world.bot and chance.random() < 0.5:
            world.add_member(chat_id, user_id)
    return world.chats[chat_id]


def _shares(chats: int, messages: int) -> list[int]:
    filled = chats - 1 if chats >= 5 else chats
    weights = [(place + 1) ** -0.8 for place in range(filled)]
    shares = [int(messages * weight / sum(weights)) for weight in weights]
    if shares:
        shares[0] += messages - sum(shares)
    return shares + [0] * (chats - filled)


def _times(count: int, from_ms: int, end_ms: int, chance: Random) -> list[int]:
    times = sorted(from_ms + int(chance.random() * (end_ms - from_ms)) for _ in range(count))
    for place in range(1, count):
        if chance.random() < _EQUAL_TIMES:
            times[place] = times[place - 1]
    if count >= _BURST_FROM:
        first = count // 2
        times[first : first + _BURST] = [times[first]] * _BURST
    return times


def _fill(
    world: World, chat: Chat, count: int, thread_share: float, end_ms: int, chance: Random
) -> None:
    replies = round(count * thread_share)
    forwards = (count - replies) // _MESSAGES_PER_FORWARD
    copies = 0 if chat.mode == "topic" else int(replies * _ALSO_TO_CHAT)
    bots = [user_id for user_id in chat.bots if user_id != world.bot.user_id]
    crowd = _Crowd(chance, list(chat.members), bots)
    for at_ms in _times(count - replies - forwards, chat.create_ms, end_ms, chance):
        message = world.new(chat, crowd.sender(), None, at_ms)
        if chat.timeline and chance.random() < _PLAIN_REPLIES and chat.mode != "topic":
            message.parent = chat.timeline[-1 - int(chance.random() * min(20, len(chat.timeline)))]
        world.list_in_chat(message)
    _forward(world, chat, forwards, crowd)
    _discuss(world, chat, replies - copies, crowd, end_ms)
    _copy(world, chat, copies, crowd)
    chat.timeline.sort(key=lambda message: message.order)
    _alter(world.messages[len(world.messages) - count :], end_ms, chance)


class _Crowd:
    """Who speaks next."""

    def __init__(self, chance: Random, people: list[str], bots: list[str]) -> None:
        self.chance = chance
        self._people = people
        self._bots = bots

    def sender(self) -> str | None:
        """Somebody's id, or None for nobody in particular."""
        draw = self.chance.random()
        if draw < _NO_SENDER:
            return None
        if draw < _NO_SENDER + _BOT_SENDERS and self._bots:
            return self._bots[int(self.chance.random() * len(self._bots))]
        return self._people[int(self.chance.random() * len(self._people))]


def _forward(world: World, chat: Chat, count: int, crowd: _Crowd) -> None:
    """Containers of three messages each; every second one holds the container before it."""
    containers: list[str] = []
    for number in range(count):
        at = (number + 1) * len(chat.timeline) // (count + 2)
        children = [world.id_of(message) for message in chat.timeline[max(0, at - 3) : at]]
        if number % 2:
            children[-1] = containers[-1]
        at_ms = chat.timeline[-1].create_ms
        containers.append(world.forward(chat.chat_id, crowd.sender(), children, at_ms=at_ms))


def _discuss(world: World, chat: Chat, count: int, crowd: _Crowd, end_ms: int) -> None:
    """Threads of 1 to 200 replies, on roots of any age; where there are many, one of 200."""
    chance, left = crowd.chance, count
    roots = [message for message in chat.timeline if not message.is_reply_in_thread]
    while left and roots:
        root = roots[int(chance.random() * len(roots))]
        size = min(left, _LONGEST_THREAD, int(chance.paretovariate(0.7)))
        if left == count >= 2 * _LONGEST_THREAD:
            size = _LONGEST_THREAD
        left -= size
        _answer(world, world.thread_of(root), size, crowd, end_ms)


def _answer(world: World, thread: Thread, size: int, crowd: _Crowd, end_ms: int) -> None:
    at_ms = thread.replies[-1].create_ms if thread.replies else thread.root.create_ms
    for _ in range(size):
        at_ms += int(crowd.chance.expovariate(1) * 3_600_000)
        at_ms = min(at_ms, end_ms)
        world.attach(world.new(thread.root.chat, crowd.sender(), None, at_ms), thread)


def _copy(world: World, chat: Chat, count: int, crowd: _Crowd) -> None:
    threads = {id(m.thread): m.thread for m in chat.timeline if m.thread and m.thread.replies}
    originals = [reply for thread in threads.values() for reply in thread.replies]
    chosen = crowd.chance.sample(originals, count)
    for reply in chosen:
        world.copy_to_chat(reply)


def _react(world: World, chat: Chat, messages: list[Message], chance: Random) -> None:
    """One to four reactions to some messages and replies; a few are pinned."""
    people = list(chat.members)
    for message in messages:
        draw = chance.random()
        if message.recalled or draw >= _REACTED_TO:
            continue
        message_id = world.id_of(message)
        for user_id in chance.sample(people, min(len(people), 1 + int(draw * 80))):
            world.react(message_id, user_id, chance.choice(_EMOJI))
        if draw < _PINNED:
            world.pin(message_id, people[0])


def _furnish(world: World, chat: Chat, number: int) -> None:
    """Tabs, but for topic groups; of three chats two announce something, one in either form."""
    if chat.mode != "topic":
        links = (
            Tab(f"{7_200 + place}", "url", name, {"url": f"https://example.com/{number}/{place}"})
            for place, name in enumerate(_TABS[: number % 4])
        )
        world.show_tabs(chat.chat_id, Tab("7101", "message"), *links)
    if number % 3 and (people := list(chat.members)):
        form: Literal["doc", "docx"] = "doc" if number % 3 == 1 else "docx"
        world.announce(chat.chat_id, people[0], _ANNOUNCED, form=form)


def _alter(messages: list[Message], end_ms: int, chance: Random) -> None:
    for message in messages:
        draw = chance.random()
        if draw < _RECALLS:
            message.recalled = message.copy_type == 0
        elif draw < _RECALLS + _EDITS:
            message.edits = int(message.copy_type == 0 and message.body.msg_type in _EDITABLE)
        elif draw < _RECALLS + _EDITS + _FUTURE_FIELDS:
            message.more = {
                "reaction_summary": {"total": int(draw * 1e6) % 9, "kinds": ["OK"]},
                "is_pinned": draw * 1e6 % 2 < 1,
            }
        if message.recalled or message.edits:
            later_ms = message.create_ms + 1 + int(chance.random() * DAY_MS)
            message.update_ms = max(message.create_ms, min(later_ms, end_ms))
