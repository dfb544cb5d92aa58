"""The stories that each warehouse has to pass, told once; a destination's file says where to.

In: how dlt reaches a warehouse, and how its rows are read back. Out: tests. Not collected by
itself: a class `TestSomething(Stories)` beside a fixture `warehouse` is.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from feishu_source import load, open_pipeline
from feishu_source.report import LoadReport
from feishu_source.sandbox import World, generate
from tests.laboratory import DAY_S, FROM_MESSAGES, Laboratory, Row
from tests.nursery import Nursery

NOW_MS = 1_790_000_000_000
KILLED_AT = (
    "between normalize and load",
    "before rows are merged",
    "before the package is complete",
)


class WarehouseLab(Laboratory):
    """One world, its sandbox, one warehouse that dlt's configuration knows how to reach.

    `where`: arguments of `open_pipeline` beside the working folder.
    """

    compared = ("chats", "chat_members", *FROM_MESSAGES)

    def __init__(self, folder: Path, world: World, where: dict[str, str], **sandbox: Any) -> None:
        super().__init__(world, **sandbox)
        self.where = where | {"pipelines_dir": str(folder / "pipelines")}

    def pipeline(self) -> dlt.Pipeline:
        """A pipeline to that warehouse."""
        return open_pipeline(**self.where)

    def synced(self) -> dlt.Pipeline:
        """The pipeline, with the schema as the warehouse has it."""
        pipeline = self.pipeline()
        pipeline.sync_destination()
        return pipeline

    def load(self, **arguments: Any) -> LoadReport:
        """One load, as the command line does it; requests are counted from its start."""
        self.sandbox.clear_requests()
        return load(self.pipeline(), **(self.access | arguments))

    def lose_state(self) -> None:
        """As on a new machine: what the working folder held is gone."""
        shutil.rmtree(self.where["pipelines_dir"])

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, whole, through the destination's own SQL client."""
        with self.synced().sql_client() as client:
            name = client.make_qualified_table_name(table)
            with client.execute_query(f"SELECT * FROM {name}") as cursor:
                columns = list(cursor.columns_schema)
                found = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return [self.as_python(row) for row in found]

    def as_python(self, row: Row) -> Row:
        """A row as the truth tells it, where a client gives other types."""
        return row


class Stories:
    """What has to hold in every warehouse, compared with the tenant's truth, whole rows."""

    @pytest.fixture
    def nursery(self) -> Iterator[Nursery]:
        """Where processes come from that are killed."""
        with Nursery() as nursery:
            yield nursery

    def test_first_load_and_what_comes_after_it(self, warehouse: WarehouseLab) -> None:
        """All kinds of messages; later new ones, edits, recalls, and threads that go on."""
        world, drawn = warehouse.world, random.Random(1)
        assert warehouse.load(slice_messages=150, batch_rows=50).exit_code == 0
        warehouse.assert_equals_truth()
        for _ in range(2):
            world.advance(DAY_S)
            talk(world, drawn)
            report = warehouse.load()
            assert report.exit_code == 0
            warehouse.assert_equals_truth()
        assert report.rows > 0

    def test_mentions_that_shrink(self, warehouse: WarehouseLab) -> None:
        """From three to one, and from two to none: the surplus goes."""
        world = warehouse.world
        people = [world.add_user(f"Person {number}") for number in range(3)]
        chat = world.add_chat(name="shrinking", member_ids=people)
        first, second, third = (f"@<{each}>" for each in people)
        many = world.post(chat, people[0], text=f"{first} {second} {third}")
        some = world.post(chat, people[0], text=f"{first} {second}")
        warehouse.load()
        warehouse.assert_equals_truth()
        assert mentions(warehouse, many, some) == [3, 2]
        world.advance(60)
        world.edit(many, text=f"only {second}")
        world.edit(some, text="nobody")
        warehouse.load()
        warehouse.assert_equals_truth()
        assert mentions(warehouse, many, some) == [1, 0]

    def test_a_member_who_left_goes(self, warehouse: WarehouseLab) -> None:
        """With the next reading of the list, a day later."""
        world = warehouse.world
        people = [world.add_user(f"Person {number}") for number in range(3)]
        chat = world.add_chat(name="leaving", member_ids=people)
        warehouse.load()
        world.remove_member(chat, people[1])
        world.advance(DAY_S + 60)
        warehouse.load()
        warehouse.assert_equals_truth()
        members = {row["member_id"] for row in warehouse.rows("chat_members")}
        assert people[0] in members
        assert people[1] not in members

    def test_a_lost_working_folder_is_restored_from_the_warehouse(
        self, warehouse: WarehouseLab
    ) -> None:
        """A load on a new machine goes on from what the warehouse holds: one request a chat."""
        warehouse.load(rungs="off")
        warehouse.lose_state()
        warehouse.world.advance(3_600)
        talk(warehouse.world, random.Random(2))
        report = warehouse.load(rungs="off")
        assert (report.exit_code, report.new) in ((0, 7), (0, None))
        warehouse.assert_equals_truth()
        listed = [request for chat in warehouse.world.chats for request in warehouse.listings(chat)]
        starts = [int(request.query["start_time"]) for request in listed]
        assert min(starts) > warehouse.world.now_ms // 1_000 - DAY_S

    @pytest.mark.parametrize("point", KILLED_AT)
    def test_a_load_that_is_killed_loses_nothing_and_doubles_nothing(
        self, warehouse: WarehouseLab, nursery: Nursery, point: str
    ) -> None:
        """Killed twice in the midst of loading, the second time on a machine that is lost."""
        self.kill_twice(warehouse, nursery, point)

    def kill_twice(
        self,
        warehouse: WarehouseLab,
        nursery: Nursery,
        point: str,
        at: tuple[int, int] = (3, 2),
    ) -> None:
        """The story above, at any point of `tests.crash_points`, reached so many times."""
        sizes = {"page_size": 10, "slice_messages": 80, "batch_rows": 30, "workers": 2}
        for number, times in enumerate(at):
            nursery.start(warehouse.where, warehouse.access | sizes, point, times)
            assert nursery.wait() == -signal.SIGKILL
            talk(warehouse.world, random.Random(number))
        warehouse.lose_state()
        assert warehouse.load().exit_code == 0
        warehouse.assert_equals_truth()
        ids = [row["message_id"] for row in warehouse.rows("messages")]
        assert len(ids) == len(set(ids)) == 214


def small_world() -> World:
    """Three chats of all kinds, two hundred messages."""
    return generate(seed=9, chats=3, messages=200, days=30, now_ms=NOW_MS)


def talk(world: World, drawn: random.Random) -> None:
    """Seven new messages, two of them replies in a thread; one edit and one recall."""
    people = [each for each, user in world.users.items() if not user.is_app]
    chats = [each for each, chat in world.chats.items() if chat.mode == "group"]
    posted: list[str] = []
    for number in range(5):
        world.advance(60)
        posted.append(world.post(drawn.choice(chats), drawn.choice(people), text=f"new {number}"))
    for number in range(2):
        world.reply_in_thread(posted[0], drawn.choice(people), text=f"reply {number}")
    world.edit(posted[1], text="edited, with https://example.com")
    world.recall(posted[2])
    world.advance(60)


def mentions(warehouse: WarehouseLab, *message_ids: str) -> list[int]:
    """How many mentions the warehouse has of each message."""
    found = [row["message_id"] for row in warehouse.rows("message_mentions")]
    return [found.count(message_id) for message_id in message_ids]
