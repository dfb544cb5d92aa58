"""A load on the belt is a function of what it is told, whichever request is answered first."""

from __future__ import annotations

from feishu_source.sandbox import generate
from tests.belt import Belt

NOW_MS = 1_790_000_000_000


def _order(seed: int) -> list[tuple[str, ...]]:
    """The requests of a load, in the order in which they were made."""
    with Belt(generate(seed=3, chats=4, messages=60, days=3, now_ms=NOW_MS)) as belt:
        belt.chance.seed(seed)
        belt.load(page_size=5, slice_messages=20)
        belt.assert_equals_truth()
        return [(each.path, *each.query.values()) for each in belt.sandbox.requests]


def test_same_chance_makes_the_same_requests_in_the_same_order() -> None:
    """So that a history that fails can be told again, and made shorter."""
    assert _order(1) == _order(1)


def test_another_chance_makes_them_in_another_order() -> None:
    """Any request under way may be answered first; the tables are the same."""
    orders = [_order(seed) for seed in range(4)]
    assert len({tuple(order) for order in orders}) == 4
