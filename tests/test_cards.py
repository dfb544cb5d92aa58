"""Cards are loaded in the form that was asked for; asking for another one changes no message."""

from __future__ import annotations

import pytest

from feishu_source.sandbox import World
from feishu_source.sandbox.cards import card, card_2
from tests.belt import Belt

USER, RAW = "user_card_content", "raw_card_content"


def post_cards(world: World) -> list[str]:
    """One of each version."""
    chat = world.add_chat()
    one = card("Build", "passed in **3** min", ["a", "b"], "Open", "https://a.cn", "img_1")
    return [world.post(chat, body=one), world.post(chat, body=card_2("Release", "is out"))]


def told(belt: Belt, name: str, message_ids: list[str]) -> list[object]:
    """One column of some messages."""
    return [belt.tables["messages"][(each,)][name] for each in message_ids]


@pytest.mark.parametrize(
    ("form", "forms"),
    [(None, ["rendered", "rendered"]), (USER, ["1.0", "2.0"]), (RAW, ["raw", "raw"])],
)
def test_each_form_is_read_and_named(
    belt: Belt, world: World, form: str | None, forms: list[str]
) -> None:
    """Words, links, buttons and pictures, as the tenant says the form reads."""
    cards = post_cards(world)
    belt.load(card_content=form)
    assert told(belt, "card_form", cards) == forms
    belt.assert_equals_truth(card_content=form)


def test_another_form_is_no_other_message(belt: Belt, world: World) -> None:
    """The row tells its form; content_hash moves with an edit, and with nothing else."""
    cards = post_cards(world)
    belt.load()
    before = told(belt, "content_hash", cards)
    world.advance(60)
    belt.load(card_content=USER)
    assert told(belt, "content_hash", cards) == before
    assert told(belt, "card_form", cards) == ["1.0", "2.0"]
    world.edit(cards[1], body=card_2("Release", "is withdrawn"))
    belt.load(card_content=USER)
    after = told(belt, "content_hash", cards)
    assert (after[0], after[1] != before[1]) == (before[0], True)
    assert told(belt, "text", cards)[1] == "is withdrawn"


def test_what_was_not_read_again_keeps_its_form(belt: Belt, world: World) -> None:
    """Two forms stand side by side, and each row says which is its own."""
    old = post_cards(world)
    for _ in range(2):
        belt.load(rungs="off")
        world.advance(86_400)
    new = post_cards(world)
    belt.load(rungs="off", card_content=USER)
    assert told(belt, "card_form", [*old, *new]) == ["rendered", "rendered", "1.0", "2.0"]
