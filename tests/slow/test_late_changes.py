"""What changes after it was loaded: whole loads into a database, compared with the whole truth.

Two tenants live through it, one of messages and one of chats; their changes do not touch one
another, so that a load shows many of them. When each is due is told in `tests.test_promises`.
"""

from __future__ import annotations

from dataclasses import dataclass

from feishu_source.sandbox import World, bodies
from feishu_source.sandbox.bodies import Body
from feishu_source.sandbox.marks import mention
from tests.lab import DAY_S, Lab
from tests.laboratory import FROM_MESSAGES, Row

HOUR_S = 3_600


def _rich(world: World, *people: str) -> Body:
    """A post that fills every child table: a mention each, a link, a picture and a file."""
    named = [mention(world.users[each], place) for place, each in enumerate(people, 1)]
    row = [*(bodies.at(one) for one in named), bodies.link("see", "https://example.com/a")]
    files = [("file_1", "plan.pdf", False)]
    return bodies.post_body("plan", [row, [bodies.picture("img_1")]], named, files=files)


def _poor() -> Body:
    """A post of words, which fills none of them."""
    return bodies.post_body("plan", [[bodies.words("nothing left")]])


@dataclass
class Talk:
    """What was said in one chat, and what will become of it."""

    world: World
    chat_id: str
    ann: str
    bob: str

    def __post_init__(self) -> None:
        """All of it at once, then silence."""
        names = ("edited", "recalled", "opened", "cold", "hot", "shrinks", "loses_one", "grows")
        self.said = {name: self._say(name) for name in names}
        for root in ("cold", "hot"):
            for name in ("edited", "recalled", "shrinks", "kept"):
                self.said[f"{root} {name}"] = self._say(name, self.said[root])

    def _say(self, name: str, root: str | None = None) -> str:
        rich = name in ("shrinks", "loses_one")
        what = _rich(self.world, self.ann, self.bob) if rich else _poor()
        if root:
            return self.world.reply_in_thread(root, self.ann, body=what)
        return self.world.post(self.chat_id, self.ann, body=what)

    def warm_up(self) -> None:
        """One of the two threads goes on."""
        self._say("later", self.said["hot"])

    def change(self) -> None:
        """Everything that can become of a message."""
        world, said = self.world, self.said
        for place in ("", "cold ", "hot "):
            world.edit(said[f"{place}edited"], body=bodies.post_body("new", [[bodies.words("x")]]))
            world.recall(said[f"{place}recalled"])
            world.edit(said[f"{place}shrinks"], body=_poor())
        world.edit(said["loses_one"], body=_rich(world, self.bob))
        world.edit(said["grows"], body=_rich(world, self.bob))
        for root in ("opened", "cold", "hot"):
            self._say("reply", said[root])
            world.reply_in_thread(said[root], self.bob, text="to the chat too", also_to_chat=True)
        world.recall(said["opened"])  # a root without its words is a root


def test_messages_that_change_late(lab: Lab, world: World, ann: str) -> None:
    """Edits, recalls, first and further replies, children that shrink to none, in all three kinds.

    An hour later a load has what is new; once the rungs of their roots are due, all the rest.
    """
    bob = world.add_user("Bob")
    chats = [
        world.add_chat(name="chat"),
        world.add_chat(name="threads", group_message_type="thread"),
        world.add_chat(name="topics", mode="topic"),
    ]
    talks = [Talk(world, chat_id, ann, bob) for chat_id in chats]
    lab.load()
    lab.assert_equals_truth()
    world.advance(40 * DAY_S)
    for talk in talks:
        talk.warm_up()
    lab.load()
    world.advance(HOUR_S)
    for talk in talks:
        talk.change()
    before = _rows_of(lab, talks[0].said["edited"])
    world.advance(HOUR_S)
    lab.load()
    assert _rows_of(lab, talks[0].said["edited"]) == before  # no rung of its age was due
    new = {row["chat_id"] for row in lab.rows("messages") if row["text"] == "to the chat too"}
    assert new == set(chats)
    world.advance(60 * DAY_S)
    assert lab.load().exit_code == 0
    lab.assert_equals_truth()
    assert len(lab.rows("message_resources")) == 2 * 2 * len(talks)  # of two posts in each chat
    _remove_one(lab, talks[0].said["grows"])


def _remove_one(lab: Lab, gone: str) -> None:
    """A message that is listed no more stays as it was listed last, with all that hangs on it."""
    before = _rows_of(lab, gone)
    lab.world.advance(60)
    lab.world.remove(gone)
    lab.load(full=True)
    assert _rows_of(lab, gone) == before
    had = {"messages": 1, "message_mentions": 1, "message_links": 1, "message_resources": 2}
    assert {table: len(rows) for table, rows in before.items() if rows} == had
    last = lab.query("select max(last_listed_at) from feishu.messages")[0][0]
    assert before["messages"][0]["last_listed_at"] < last


def _rows_of(lab: Lab, message_id: str) -> dict[str, list[Row]]:
    """All rows of a message, whole."""
    return {
        table: [row for row in lab.rows(table) if row.get("message_id") == message_id]
        for table in FROM_MESSAGES
    }


def test_chats_that_change_late(lab: Lab, world: World, ann: str) -> None:
    """Renamed, switched to thread display, left and joined again, joined late; a member leaves.

    Names come with the next load, details and members with the day's reading.
    """
    renamed, switched, left, joined = (
        world.add_chat(name=name, description="what it is for", member_ids=[ann])
        for name in ("renamed", "switched", "left", "joined")
    )
    world.leave(joined)
    for chat_id in (renamed, switched, left, joined):
        root = world.post(chat_id, ann, text="root")
        world.reply_in_thread(root, ann, text="reply")
        world.post(chat_id, ann, text="before")
    lab.load()
    truth = world.truth()
    lab.assert_equals_truth()
    kept = _rows_of_chat(lab, left)

    world.advance(HOUR_S)
    world.rename_chat(renamed, "another name")
    world.remove_member(renamed, ann)
    world.chats[switched].group_message_type = "thread"
    world.reply_in_thread(world.post(switched, ann, text="root by itself"), ann, text="reply")
    world.post(switched, ann, text="root without a reply")
    world.leave(left)
    world.join(joined)
    world.post(left, ann, text="while the bot is away")
    report = lab.load()
    assert (report.exit_code, report.chats_complete, report.chats_skipped) == (3, 3, 1)
    assert [(p.chat_id, p.name, p.status, p.code) for p in report.problems] == [
        (left, "left", "skipped", 230002)
    ]
    assert len(lab.listings(left)) == 1
    rows = {row["chat_id"]: row for row in lab.rows("chats")}
    assert (rows[renamed]["name"], rows[left]["listed"]) == ("another name", False)
    assert _rows_of_chat(lab, left) == kept
    assert len(lab.rows("chat_members")) == len(truth["chat_members"]) + 1  # the day's reading

    world.advance(20 * DAY_S)
    root = world.post(left, ann, text="long before the bot came back")
    world.reply_in_thread(root, ann, text="reply")
    world.advance(20 * DAY_S)
    world.join(left)
    assert lab.load().exit_code == 0
    lab.assert_equals_truth()
    assert {row["chat_name"] for row in lab.rows("sync_coverage")} == {
        *("another name", "switched", "left", "joined")
    }


def _rows_of_chat(lab: Lab, chat_id: str) -> dict[str, list[Row]]:
    """All rows of a chat, but for whether it is listed."""
    tables = ("chats", "chat_members", *FROM_MESSAGES)
    volatile = ("listed", "_dlt_load_id")
    return {
        table: [
            {name: value for name, value in row.items() if name not in volatile}
            for row in lab.rows(table)
            if row["chat_id"] == chat_id
        ]
        for table in tables
    }
