"""Cards: the rendered form that a list gives by default, and the forms as they were sent.

In: words, URLs, keys. Out: a `Body` whose `cards` hold the other forms, each with its reading.
Refuses to know: chance (variety.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from feishu_source.sandbox.bodies import Body, Mention, Piece, Resource, dump, rows_read

UPGRADE_PLACEHOLDER = "请升级至最新版本客户端，以查看内容"
"""What the platform renders in the place of a card it cannot render."""


def button(label: str) -> Piece:
    """A button in a rendered card."""
    return Piece("", {"tag": "button", "text": label, "type": "default"}, f"[{label}]")


def choice(tag: str, options: Sequence[str], placeholder: str) -> Piece:
    """A `select_static` or an `overflow`, in a rendered card."""
    element = {"tag": tag, "options": list(options), "placeholder": placeholder}
    return Piece("", element, f"[{' | '.join(options) or placeholder}]")


def date_picker(placeholder: str, initial: str | None) -> Piece:
    """A date picker in a rendered card."""
    element = {"tag": "date_picker", "placeholder": placeholder}
    if initial is not None:
        element["initial_date"] = initial
    return Piece("", element, f"[{initial or placeholder}]")


def note(*pieces: Piece) -> Piece:
    """A note in a rendered card: small pieces in one line."""
    return Piece(
        "",
        {"tag": "note", "elements": [dict(piece.element) for piece in pieces]},
        "".join(piece.reads for piece in pieces),
        tuple(link for piece in pieces for link in piece.links),
        tuple(resource for piece in pieces for resource in piece.resources),
    )


def rendered(
    title: str | None, rows: Sequence[Sequence[Piece]], mentions: Sequence[Mention] = ()
) -> Body:
    """A card as a list gives it by default."""
    pieces = [piece for row in rows for piece in row]
    elements = [[dict(piece.element) for piece in row] for row in rows]
    columns = {"title": title or None, "text": rows_read(rows)}
    return Body(
        "interactive",
        dump({"title": title, "elements": elements}),
        {name: value for name, value in columns.items() if value is not None},
        tuple(mentions),
        any(piece.everyone for piece in pieces),
        tuple(link for piece in pieces for link in piece.links),
        tuple(resource for piece in pieces for resource in piece.resources),
    )


def sent(
    title: str, line: str, fields: Sequence[str], label: str, url: str, image_key: str
) -> dict[str, Any]:
    """The blocks of a card as it was sent in version 1.0."""
    plain = [{"is_short": True, "text": {"tag": "lark_md", "content": each}} for each in fields]
    alt = {"tag": "plain_text", "content": ""}
    press = {"tag": "button", "text": {"tag": "plain_text", "content": label}, "url": url}
    return {
        "config": {"wide_screen_mode": True},
        "header": {"title": {"tag": "plain_text", "content": title}, "template": "blue"},
        "elements": [
            {"tag": "div", "text": {"tag": "lark_md", "content": line}, "fields": plain},
            {"tag": "hr"},
            {"tag": "img", "img_key": image_key, "alt": alt},
            {"tag": "action", "actions": [press]},
        ],
    }


def card(
    title: str, line: str, fields: Sequence[str], label: str, url: str, image_key: str
) -> Body:
    """A card of version 1.0 in its three forms: a line, fields, a rule, a picture, a button."""
    whole = sent(title, line, fields, label, url, image_key)
    picture = Resource("image", image_key)
    text = "\n".join([line, *fields, "---", "[image]", f"[{label}]"])
    reading: dict[str, Any] = {
        "columns": {"title": title, "text": text},
        "links": ((url, label),),
        "resources": (picture,),
    }
    raw = {"json_card": dump(whole), "json_attachment": "{}", "card_schema": 1}
    rows = [[_words(line)], *[[_words(each)] for each in fields], [_rule()], [_image(image_key)]]
    shown = rendered(title, [*rows, [button(label)]])
    return Body(
        "interactive",
        shown.content,
        shown.columns,
        resources=(picture,),
        cards={
            "user_card_content": Body("interactive", dump(whole), **reading, card_form="1.0"),
            "raw_card_content": Body("interactive", dump(raw), **reading, card_form="raw"),
        },
    )


def card_2(title: str, line: str) -> Body:
    """A card of version 2.0: a list gives a picture and a placeholder instead of its words."""
    whole = {
        "schema": "2.0",
        "header": {"title": {"tag": "plain_text", "content": title}},
        "body": {"elements": [{"tag": "markdown", "content": line}]},
    }
    reading = {"title": title, "text": line}
    raw = {"json_card": dump(whole), "json_attachment": "{}", "card_schema": 2}
    image_key = "img_v2_placeholder"
    shown = rendered(None, [[_image(image_key), _words(UPGRADE_PLACEHOLDER), _words("")]])
    return Body(
        "interactive",
        shown.content,
        shown.columns,
        resources=shown.resources,
        cards={
            "user_card_content": Body("interactive", dump(whole), reading, card_form="2.0"),
            "raw_card_content": Body("interactive", dump(raw), reading, card_form="raw"),
        },
    )


def _words(text: str) -> Piece:
    return Piece(text, {"tag": "text", "text": text}, text)


def _rule() -> Piece:
    return Piece("", {"tag": "hr"}, "---")


def _image(key: str) -> Piece:
    resource = Resource("image", key)
    return Piece("", {"tag": "img", "image_key": key}, "[image]", resources=(resource,))
