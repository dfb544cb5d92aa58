"""A weekend in a small tenant, and what every query has to answer about it, written by hand.

In: nothing. Out: a world, and whole tables of answers as a reader in Berlin sees them: from
Saturday to Monday, with the night in which the clocks go from two to three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from feishu_source.analytics import Scope
from feishu_source.sandbox import World
from feishu_source.sandbox.bodies import media_body

BERLIN = ZoneInfo("Europe/Berlin")
SINCE, UNTIL = "2026-03-28", "2026-03-30"
SATURDAY, SUNDAY, MONDAY = (date(2026, 3, day) for day in (28, 29, 30))

Rows = list[tuple[Any, ...]]


def utc(text: str) -> datetime:
    """The instant of `28 08:00`, a day of March 2026 and a time."""
    return datetime.strptime(f"2026-03-{text} +0000", "%Y-%m-%d %H:%M %z")


def local(text: str) -> datetime:
    """The instant of a day of March and a time on Berlin's clock."""
    return datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN)


def scope(since: str | None = SINCE, until: str | None = UNTIL) -> Scope:
    """Whom the answers are for."""
    return Scope.parse("Europe/Berlin", since, until, datetime(2026, 4, 2, tzinfo=UTC))


@dataclass
class Story:
    """The world, and the ids of whoever and whatever is in it, by name."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)

    def say(self, name: str, sender: str | None, at: str, **what: Any) -> None:
        """A message: in `chat`, an `answer` to another one, or a reply in a `thread`."""
        sender_id = self.ids[sender] if sender else None
        if text := what.get("text"):
            for who in ("ann", "ben", "cleo"):
                text = text.replace(f"@{who}", f"@<{self.ids[who]}>")
            what["text"] = text
        what["at_ms"] = int(utc(at).timestamp() * 1000)
        if answered := what.pop("answer", None):
            self.ids[name] = self.world.reply(self.ids[answered], sender_id, **what)
        elif root := what.pop("thread", None):
            self.ids[name] = self.world.reply_in_thread(self.ids[root], sender_id, **what)
        else:
            chat_id = self.ids[what.pop("chat", "team")]
            self.ids[name] = self.world.post(chat_id, sender_id, **what)

    @property
    def names(self) -> dict[str, str]:
        """Names by id."""
        return {message_id: name for name, message_id in self.ids.items()}


def tell() -> Story:
    """What happens; `feishu_source/sandbox` keeps the truth of it."""
    start_ms = int(utc("20 00:00").timestamp() * 1000)
    now_ms = int(datetime(2026, 4, 2, 12, tzinfo=UTC).timestamp() * 1000)
    world = World(seed=7, start_ms=start_ms, now_ms=now_ms)
    story = Story(world)
    ids, say = story.ids, story.say
    for name in ("Ann", "Ben", "Cleo"):
        ids[name.lower()] = world.add_user(name)
    ids["robot"] = world.add_bot("Robot")
    people = [ids["ann"], ids["ben"], ids["cleo"]]
    ids["team"] = world.add_chat(name="Team", member_ids=people)
    ids["topics"] = world.add_chat(name="Topics", mode="topic", member_ids=people[:2])
    ids["closed"] = world.add_chat(name="Closed", member_ids=people)

    say("earlier", "ann", "25 10:00", text="before the range")
    say("midnight", "ann", "27 23:00", text="the first instant of Saturday in Berlin")
    say("help", "ann", "28 08:00", text="Who can help?")
    say("can", "ben", "28 08:30", text="I cna", answer="help")
    say("late", "ben", "28 22:30", text="@ann see https://x.example.com/?q=1 now")
    say("anyone", "ben", "28 23:30", text="Anyone there?")
    say("gone", "cleo", "29 00:30", text="I was, for a moment", answer="anyone")
    say("skipped", "cleo", "29 01:30", text="@ben after the clocks changed, @<all>")
    say("plan", "ann", "29 10:00", text="The plan")
    say("joined", None, "29 10:05", msg_type="system", content={}, columns={})
    say("good", "ann", "29 10:10", text="好吗？", thread="plan")
    say("noted", "robot", "29 10:15", text="noted", thread="plan")
    say(
        *("yes", "ben", "29 10:30"),
        text="yes @ann https://example.com/a",
        thread="plan",
        also_to_chat=True,
    )
    say("oops", "cleo", "29 10:40", text="not here", thread="plan")
    say("build", "robot", "30 06:00", text="build ok? https://example.com/a")
    say("nobody", None, "30 07:00", text="I would rather not say")
    say("file", "ben", "30 08:00", body=media_body("file", "file_v3_1", name="plan.pdf"))
    say("wrong", "ben", "30 21:30", text="wrong chat")
    say("after", "ann", "30 22:00", text="the first instant of Tuesday in Berlin")
    say("one", "ben", "29 12:00", text="Topic one?", chat="topics")
    say("one, too", "ann", "29 12:06", text="answer", thread="one")
    say("two", "ann", "30 09:00", text="Topic two？", chat="topics")
    say("three", "ben", "30 10:00", text="Topic three", chat="topics")
    say("three, too", "ann", "30 10:25", text="answer", thread="three")
    for name in ("gone", "oops", "wrong"):
        world.recall(ids[name])
    world.edit(ids["can"], text="I can")
    world.edit(ids["build"], text="build ok! https://example.com/a")
    world.restrict(ids["closed"])
    return story


def answers(story: Story) -> dict[str, Rows]:
    """Every query's rows for that weekend, in order."""
    ids = story.ids
    links = {row["message_id"]: row["message_app_link"] for row in story.world.truth()["messages"]}
    ann, ben, cleo = ids["ann"], ids["ben"], ids["cleo"]
    team, topics = ids["team"], ids["topics"]
    return {
        "daily_activity": [
            (SATURDAY, 4, 0, 1, 2, 0, 0),
            (SUNDAY, 10, 5, 2, 3, 1, 2),
            (MONDAY, 7, 1, 2, 2, 1, 1),
        ],
        "active_people": [
            ("Ben", ben, 8, 1, 1, 2, 3, local("30 23:30")),
            ("Ann", ann, 7, 3, 0, 2, 3, local("30 12:25")),
            ("Cleo", cleo, 3, 1, 2, 1, 1, local("29 12:40")),
        ],
        "response_times": [
            ("Topics", topics, 3, 2, 6.0, 25.0, 25.0),
            ("Team", team, 1, 1, 30.0, 30.0, 30.0),
        ],
        "unanswered_questions": [
            (local("30 11:00"), 1, "Topics", "Ann", "Topic two？", links[ids["two"]], ids["two"]),
            (
                *(local("29 00:30"), 2, "Team", "Ben", "Anyone there?"),
                *(links[ids["anyone"]], ids["anyone"]),
            ),
        ],
        "busiest_hours": [
            *((1, 9, 1, 0), (1, 10, 1, 1), (1, 11, 1, 1), (1, 12, 2, 2), (1, 23, 1, 1)),
            *((6, 0, 1, 1), (6, 9, 2, 2), (6, 23, 1, 1)),
            *((7, 0, 1, 1), (7, 1, 1, 1), (7, 3, 1, 1), (7, 12, 4, 3), (7, 14, 2, 2)),
        ],
        "mention_network": [
            ("Ben", "Ann", 2, 1, local("29 12:30"), ben, ann),
            ("Cleo", "Ben", 1, 1, local("29 03:30"), cleo, ben),
        ],
        "longest_threads": [
            (
                *("Team", "The plan", "Ann", 3, 2, local("29 12:00"), local("29 12:30")),
                story.world.thread_id_of(ids["plan"]),
            ),
            (
                *("Topics", "Topic three", "Ben", 1, 1, local("30 12:00"), local("30 12:25")),
                story.world.thread_id_of(ids["three"]),
            ),
            (
                *("Topics", "Topic one?", "Ben", 1, 1, local("29 14:00"), local("29 14:06")),
                story.world.thread_id_of(ids["one"]),
            ),
        ],
        "message_types": [("text", 20, 95.2, 2, 3), ("file", 1, 4.8, 0, 1)],
        "files_and_links": [
            ("link", "https://example.com/a", 2, 1, 1, local("30 08:00")),
            ("file", "plan.pdf", 1, 1, 1, local("30 10:00")),
            ("link", "https://x.example.com/?q=1", 1, 1, 1, local("28 23:30")),
        ],
        "edits_and_recalls": [
            ("Team", team, 16, 2, 1, 3, 12.5, 18.8),
            ("Topics", topics, 5, 0, 0, 0, 0.0, 0.0),
        ],
        "coverage": _coverage(story),
        "newcomers": [
            ("Cleo", local("29 01:30"), "Team", 3, 1, 1, local("29 12:40"), cleo),
            ("Ben", local("28 09:30"), "Team", 8, 2, 3, local("30 23:30"), ben),
        ],
    }


def _coverage(story: Story) -> Rows:
    """The load was on Thursday, so that nothing is behind the end of the range."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    loaded = datetime(2026, 4, 2, 12, tzinfo=UTC)
    whole = ("complete", beginning, loaded, 0, True, 0)
    rows = [
        ("Team", *whole, 16, local("30 23:30"), None, None, None, story.ids["team"]),
        ("Topics", *whole, 5, local("30 12:25"), None, None, None, story.ids["topics"]),
    ]
    refused = (
        *("Closed", "skipped", None, None, None, False, 0, 0, None, 231203),
        "The chat type is not supported, ext=Chat open Restricted Mode, "
        "don't allow copying or forwarding messages",
        "Ask the chat's owner to switch restricted mode off, or leave the chat out of the load.",
        story.ids["closed"],
    )
    return [refused, *sorted(rows, key=lambda row: str(row[-1]))]


def thread_summaries(story: Story) -> Rows:
    """The whole view, by the time at which threads began."""
    ids, thread_id = story.ids, story.world.thread_id_of
    people = {"Ann": ids["ann"], "Ben": ids["ben"]}

    def row(chat: str, root: str, by: str, began: str, text: str, *more: Any) -> tuple[Any, ...]:
        begun = (ids[root], local(began), people[by], "user", by, text, False)
        return (thread_id(ids[root]), ids[chat.lower()], chat, *begun, *more)

    first, last = local("29 12:10"), local("29 12:30")
    at_six, at_25 = local("29 14:06"), local("30 12:25")
    return [
        row("Team", "plan", "Ann", "29 12:00", "The plan", 3, 1, 2, first, last),
        row("Topics", "one", "Ben", "29 14:00", "Topic one?", 1, 0, 1, at_six, at_six),
        row("Topics", "two", "Ann", "30 11:00", "Topic two？", 0, 0, 0, None, None),
        row("Topics", "three", "Ben", "30 12:00", "Topic three", 1, 0, 1, at_25, at_25),
    ]


CONVERSATIONS = {
    "Team": [
        *("earlier", "midnight", "help", "can", "late", "anyone", "gone", "skipped", "plan"),
        *("> good", "> noted", "> yes", "> oops", "joined"),
        *("build", "nobody", "file", "wrong", "after"),
    ],
    "Topics": ["one", "> one, too", "two", "three", "> three, too"],
}
"""In reading order, replies in threads marked; the copy of `yes` is not there."""


def _check_people(ask: Callable[[str], Rows], story: Story) -> None:
    """Those who wrote, and whom they mentioned; all were told of by one load."""
    ids = story.ids
    people = [
        (ids["ann"], "open_id", "user", "Ann", 1, True, True),
        (ids["ben"], "open_id", "user", "Ben", 1, True, True),
        (ids["cleo"], "open_id", "user", "Cleo", 1, True, False),
        (ids["robot"], "app_id", "app", "Robot", 1, True, False),
    ]
    rows = ask(
        "select person_id, id_type, kind, name, names, is_sender, is_mentioned from feishu.people"
        " order by name"
    )
    assert rows == people
    named = ask(
        "select n.person_id, n.name, n.is_current, n.first_seen_at = p.first_seen_at,"
        " n.last_seen_at = p.last_seen_at from feishu.people_names as n"
        " join feishu.people as p on p.person_id = n.person_id order by n.name"
    )
    assert named == [(person[0], person[3], True, True, True) for person in people]


def check_views(ask: Callable[[str], Rows], story: Story) -> None:
    """What the views show of the story."""
    names = story.names
    assert ask("select * from feishu.thread_summary order by started_at") == thread_summaries(story)
    for chat, expected in CONVERSATIONS.items():
        rows = ask(
            "select reading_order, message_id, is_thread_reply from feishu.conversation"
            f" where chat_name = '{chat}' order by reading_order"
        )
        assert [place for place, _, _ in rows] == list(range(1, len(expected) + 1))
        assert [("> " if reply else "") + names[each] for _, each, reply in rows] == expected
    _check_people(ask, story)
    marked = ask(
        "select message_id, chat_name, sender_name, is_copy, is_thread_reply"
        " from feishu.message_with_names"
    )
    ids = [row[0] for row in marked]
    assert len(ids) == len(set(ids)) == len(story.world.truth()["messages"])
    replies = {"good", "noted", "yes", "oops", "one, too", "three, too"}
    assert {names[row[0]] for row in marked if row[4]} == replies
    (copy,) = [row for row in marked if row[3]]
    assert copy[0] not in names
    assert copy[1:3] == ("Team", "Ben")
    (noted,) = [row[1:] for row in marked if row[0] == story.ids["noted"]]
    assert noted == ("Team", "Robot", False, True)
