"""A window listed in several places at once gives the pages of one listing, in its order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil

import pytest

from feishu_source.api import Page
from feishu_source.sandbox import Fault, World, generate
from feishu_source.settings import Settings
from feishu_source.stretches import Listing, Stretch
from tests.belt import Belt
from tests.lab import MESSAGES

NOW_MS = 1_790_000_000_000
START_S = -100_000


def page(number: int, token: str | None, *, empty: bool = False) -> Page:
    """A page told apart by its log id."""
    return Page([] if empty else [{}], token, None, str(number))


def take(listing: Listing, created_s: int | None) -> str | None:
    """Takes the page whose turn it is, whose last message was sent then."""
    taken = listing.take()
    listing.note_taken(created_s)
    return taken.log_id


def begun(stop_s: int = 1_000_000, *, pages: int = 30) -> Listing:
    """A listing whose pages hold a hundred seconds each, the last of them up to 200."""
    listing = Listing(START_S, stop_s)
    for number in range(1, pages + 1):
        listing.note(listing.now, page(number, f"t{number}"))
        take(listing, 200 - (pages - number) * 100)
    return listing


def bounds(listing: Listing) -> list[tuple[int, int]]:
    """The stretches in order."""
    return [(each.start_s, each.stop_s) for each in (listing.now, *listing.ahead)]


def test_stretches_follow_one_another_as_the_pages_before_them_were_dense() -> None:
    """Ten pages of a hundred seconds each; as many stretches as are allowed, and no more."""
    listing = begun()
    while listing.open_ahead(pages=10, most=4):
        pass
    first = (START_S, 1_000_000)
    assert bounds(listing) == [first, (1_200, 2_200), (2_200, 3_200), (3_200, 4_200)]


def test_a_small_chat_is_listed_in_one_place() -> None:
    """Pages come first that pay for the half one a stretch costs; a short rest is worth none."""
    assert begun(pages=11).open_ahead(pages=48, most=4) is None
    assert begun(pages=12).open_ahead(pages=48, most=4) is not None
    assert begun(stop_s=1_600).open_ahead(pages=10, most=4) is None


def test_no_stretch_is_opened_while_pages_wait_that_are_large() -> None:
    """Until they are taken, whichever stretch they are of."""
    listing = begun()
    assert listing.open_ahead(10, 4, 100) is not None
    for stretch in (listing.now, listing.ahead[0]):
        listing.note(stretch, replace(page(1, "b1"), size=50))
    assert (listing.held_bytes, listing.open_ahead(10, 4, 100)) == (100, None)
    take(listing, 300)
    assert listing.open_ahead(10, 4, 100) is not None


def test_pages_come_in_the_order_of_time_whichever_came_first() -> None:
    """The second stretch is complete before the first; its pages wait."""
    listing = begun(stop_s=2_000)
    ahead = listing.open_ahead(pages=10, most=2)
    assert ahead is not None
    listing.note(ahead, page(5, "a5"))
    listing.note(ahead, page(6, None))
    assert not listing.now.ready
    listing.note(listing.now, page(3, "b3"))
    listing.note(listing.now, page(4, "b4"))
    assert [take(listing, 700), take(listing, 1_250)] == ["3", "4"]
    assert [take(listing, 1_600), listing.exhausted] == ["5", False]
    assert [take(listing, 1_900), listing.exhausted] == ["6", True]


def test_an_empty_stretch_makes_the_next_one_longer() -> None:
    """Years of silence cost a handful of requests, not one for each day."""
    listing = begun(stop_s=10**9, pages=480)
    opened = 0
    while (stretch := listing.open_ahead(pages=48, most=1_000)) is not None:
        listing.note(stretch, page(0, None, empty=True))
        opened += 1
    assert 3 <= opened <= 5
    assert bounds(listing)[-1][1] > 10**8
    assert all(before[1] >= after[0] for before, after in pairwise(bounds(listing)[1:]))


def test_a_gap_between_stretches_is_listed_when_its_turn_comes() -> None:
    """A stretch opened inside of one that proved dense ends before the next one begins."""
    listing = begun()
    listing.ahead = [Stretch(5_000, 6_000)]
    assert listing.open_ahead(pages=10, most=3) is listing.ahead[0]
    assert bounds(listing) == [(START_S, 1_000_000), (1_200, 2_200), (5_000, 6_000)]
    listing.note(listing.now, page(3, "b3"))
    take(listing, 1_200)
    listing.note(listing.now, page(4, None))
    take(listing, 2_000)
    assert bounds(listing) == [(2_200, 5_000), (5_000, 6_000)]


def test_a_stretch_that_meets_trouble_is_listed_in_its_turn() -> None:
    """It and what lies behind it; nothing more is listed ahead."""
    listing = begun()
    first, second, third = (listing.open_ahead(pages=10, most=9) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    listing.drop(second)
    assert listing.ahead == [first]
    assert listing.open_ahead(pages=10, most=9) is None


@pytest.fixture
def huge() -> World:
    """One chat of 4,000 messages, hardly a thread."""
    return generate(seed=6, chats=1, messages=4_000, days=200, thread_share=0.01, now_ms=NOW_MS)


def listings(belt: Belt) -> int:
    """How often the timeline was listed from somewhere."""
    return sum(
        each.path == MESSAGES
        and each.query["container_id_type"] == "chat"
        and "page_token" not in each.query
        for each in belt.sandbox.requests
    )


def pages(belt: Belt) -> int:
    """Pages of the timeline that were asked for."""
    return sum(
        each.path == MESSAGES and each.query["container_id_type"] == "chat"
        for each in belt.sandbox.requests
    )


def test_a_huge_chat_is_listed_in_several_places_for_hardly_more_requests(huge: World) -> None:
    """At most 1.02 times the least, and the tables are what one listing makes of it."""
    with Belt(huge) as belt:
        belt.load(page_size=5, stretches=1, slice_messages=100_000)
        least = pages(belt)
        assert listings(belt) == 1
    with Belt(huge) as belt:
        belt.load(page_size=5, slice_messages=100_000)
        assert listings(belt) >= 6
        assert pages(belt) <= ceil(1.02 * least)
        belt.assert_equals_truth()


def test_what_was_read_ahead_is_not_read_again_by_the_next_slice(huge: World) -> None:
    """Pages wait across the cut, beside the token that leads on."""
    with Belt(huge) as belt:
        belt.load(page_size=5, stretches=1, slice_messages=100_000)
        least = pages(belt)
    with Belt(huge) as belt:
        belt.load(page_size=5, slice_messages=1_000)
        assert belt.slices >= 4
        assert pages(belt) <= ceil(1.03 * least)
        belt.assert_equals_truth()


def test_long_messages_are_not_heaped_up_ahead(
    huge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that wait hold about as much as a batch, and those that were under way meanwhile."""
    held: list[tuple[int, int]] = []

    def note(listing: Listing, stretch: Stretch, page: Page) -> None:
        original(listing, stretch, page)
        held.append((listing.held_bytes, page.size))

    original = Listing.note
    monkeypatch.setattr(Listing, "note", note)
    for most in (16_000_000, 20_000):
        held.clear()
        with Belt(huge) as belt:
            belt.load(page_size=5, slice_messages=100_000, batch_bytes=most)
            belt.assert_equals_truth()
    assert sum(size for _, size in held) > 1_000_000
    under_way = Settings().workers * max(size for _, size in held)
    assert 20_000 < max(at_once for at_once, _ in held) < 20_000 + under_way


def test_trouble_ahead_is_met_again_in_its_turn(huge: World) -> None:
    """A page token that no longer holds, wherever it is met, costs requests and no message."""
    with Belt(huge) as belt:
        for after in (20, 100, 150):
            belt.sandbox.inject(Fault("unknown_code", path=MESSAGES, after=after, code=230001))
        assert set(belt.load(page_size=5, slice_messages=1_000).values()) == {"complete"}
        belt.assert_equals_truth()


def test_where_requests_are_counted_none_is_made_ahead(huge: World) -> None:
    """A bound would be spent on pages whose turn never comes."""
    with Belt(huge) as belt:
        belt.load(page_size=5, max_requests=100)
        assert listings(belt) == 1
    with Belt(huge) as belt:
        belt.load(page_size=5, max_messages=500)
        assert listings(belt) == 1


def test_no_page_is_asked_for_twice(world: World, ann: str) -> None:
    """Nor while a chat's mode is asked for, which comes first, and threads are read meanwhile."""
    chat_id = world.add_chat(name="Team", member_ids=[ann])
    for _ in range(30):
        root = world.post(chat_id, ann, text="root")
        world.reply_in_thread(root, ann, text="reply")
        world.advance(600)
    for _ in range(20):
        with Belt(world) as belt:
            belt.known = {}
            belt.load(page_size=5, stretches=1)
            world.advance(3_600)
            assert belt.load(page_size=5, stretches=1) == {chat_id: "complete"}
            asked = [tuple(sorted(each.query.items())) for each in belt.listings(chat_id)]
            assert len(asked) == len(set(asked))


def test_a_listing_never_goes_back_in_time() -> None:
    """Bursts and long silences: what is opened lies ahead of what is being read."""
    listing = begun(stop_s=10**9, pages=480)
    first = listing.open_ahead(pages=10, most=3)
    assert first is not None
    listing.note(first, page(1, None))
    listing.note(listing.now, page(2, "b2"))
    take(listing, first.start_s)
    take(listing, first.start_s + 1)
    while (stretch := listing.open_ahead(pages=10, most=3)) is not None:
        assert stretch.start_s > listing.now.start_s >= first.start_s
    assert [start for start, _ in bounds(listing)] == sorted(start for start, _ in bounds(listing))
