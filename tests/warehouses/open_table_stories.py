"""What holds in tables of an open format beside what every warehouse has to do."""

from __future__ import annotations

import random

import pytest

from tests.crash_points import OF_OPEN_TABLES
from tests.nursery import Nursery
from tests.warehouses.stories import Stories, WarehouseLab, talk


class OpenTableStories(Stories):
    """Delta's and Iceberg's alike."""

    def test_new_messages_are_counted(self, warehouse: WarehouseLab) -> None:
        """Those that the table has gained; one that was edited is none."""
        assert warehouse.load().new == 200
        talk(warehouse.world, random.Random(1))
        assert warehouse.load().new == 7

    def test_a_chat_that_left_the_list_keeps_its_details(self, warehouse: WarehouseLab) -> None:
        """They are read back from the table."""
        chat_id = next(iter(warehouse.world.chats))
        warehouse.load()
        (before,) = (row for row in warehouse.rows("chats") if row["chat_id"] == chat_id)
        warehouse.world.leave(chat_id)
        warehouse.load()
        (after,) = (row for row in warehouse.rows("chats") if row["chat_id"] == chat_id)
        later = {"listed": False, "_dlt_load_id": after["_dlt_load_id"]}
        assert after == before | later

    @pytest.mark.parametrize("point", OF_OPEN_TABLES)
    def test_a_kill_around_a_commit(
        self, warehouse: WarehouseLab, nursery: Nursery, point: str
    ) -> None:
        """A table is as it was, or as it will be; a commit that is repeated doubles nothing."""
        self.kill_twice(warehouse, nursery, point)
