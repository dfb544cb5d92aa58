"""Cards: as the client renders them, or as their sender wrote them.

Comes in: a card object in any of its forms: rendered rows, card JSON 1.0, 2.0, the raw form that
wraps either in a string, or a template with its variables. Goes out: which form it was, the title,
and one line per block in reading order.
Refuses to know: style, layout, what a button does beyond its link.

Source: /uAjLw4CM/ukTMukTMukTM/im-v1/message/events/message_content (rendered). As sent is what
`card_msg_content_type` gives: `user_card_content`, or the undocumented `raw_card_content`.
"""

from collections.abc import Callable

from feishu_source.json_text import parse_json

from .card_tags import INLINE_TAGS, RENDERED_TAGS, add_target, flat, plain, url_of
from .post import render_row, render_rows, string
from .text import read_markdown, trim
from .values import (
    Content,
    JsonObject,
    Names,
    count_unparsed,
    first_locale,
    parse_string,
)

# Deeper than any card that a client can draw, far from the interpreter's own limit.
MAX_DEPTH = 64

# A rendered card is a title and rows; each of these stands only in a card as sent.
_SENT_KEYS = ("schema", "header", "body", "i18n_header", "i18n_elements", "config", "card_link")


def parse_card(data: JsonObject, names: Names, out: Content) -> None:
    """The title is a column of its own; the text is what a reader of the card sees."""
    card = _unwrap(data, out)
    out.card_form = _form(data, card)
    if out.card_form == "template":
        out.text = trim("\n".join(_variables(card, out)))
    elif _is_rendered(card):
        out.title = parse_string(card, "title", out)
        out.text = render_rows(card.get("elements"), RENDERED_TAGS, names, out)
    else:
        out.title = _read_title(card, out)
        out.add_link(url_of(card.get("card_link")), None)
        blocks = _Blocks(names, out)
        out.text = trim("\n".join([*blocks.header(card), *blocks.lines(_elements(card))]))


def _form(data: JsonObject, card: JsonObject) -> str | None:
    """The words of the column `card_form`; None for what is no card."""
    if "json_card" in data:
        return "raw"
    if card.get("type") == "template" or "template_id" in card:
        return "template"
    if _is_rendered(card):
        return "rendered"
    if card.get("schema") == "2.0" or "body" in card:
        return "2.0"
    return "1.0" if "elements" in card or any(key in card for key in _SENT_KEYS) else None


def _variables(card: JsonObject, out: Content) -> list[str]:
    """The values that a sender put into a template, a line each; its own words stay unknown."""
    within = card.get("data")
    given = (within if isinstance(within, dict) else card).get("template_variable")
    lines: list[str] = []
    todo: list[object] = [given]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if url := url_of(value):
                out.add_link(url, None)
            else:
                todo += reversed(value.values())
        elif isinstance(value, list):
            todo += reversed(value)
        elif isinstance(value, str) and value.startswith("img_"):
            out.add_resource("image", value)
        elif isinstance(value, str):
            lines.append(read_markdown(value, {}, out))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            lines.append(str(value))
    return lines


def _unwrap(data: JsonObject, out: Content) -> JsonObject:
    """The card inside of `json_card`, which is a string of JSON; else the object itself."""
    given = data.get("json_card")
    card: object = given
    if isinstance(given, str):
        try:
            card = parse_json(given)
        except ValueError:
            card = None
    if isinstance(card, dict):
        return card
    count_unparsed(given, out)
    wrapped = data.get("data")  # as it is written for sending
    return wrapped if data.get("type") == "card" and isinstance(wrapped, dict) else data


def _is_rendered(card: JsonObject) -> bool:
    if any(key in card for key in _SENT_KEYS):
        return False
    elements = card.get("elements")
    return "title" in card or (
        isinstance(elements, list) and any(isinstance(row, list) for row in elements)
    )


def _read_title(card: JsonObject, out: Content) -> str | None:
    header, translated = card.get("header"), card.get("i18n_header")
    if not header and isinstance(translated, dict):
        header = first_locale(translated, dict)
    title = flat(header).get("title") if isinstance(header, dict) else header
    if not isinstance(title, dict):
        return parse_string({"title": title}, "title", out)
    return plain(title) or None


def _elements(card: JsonObject) -> object:
    """The blocks: at the top in 1.0, by locale in a translated card, in the body in 2.0."""
    if elements := card.get("elements"):
        return elements
    translated, body = card.get("i18n_elements"), card.get("body")
    if isinstance(translated, dict) and (blocks := first_locale(translated, list)):
        return blocks
    return flat(body).get("elements") if isinstance(body, dict) else body


class _Blocks:
    """The blocks of one card as sent, read into lines; `depth` is how far down the reader is."""

    __slots__ = ("depth", "names", "out")

    def __init__(self, names: Names, out: Content) -> None:
        self.names = names
        self.out = out
        self.depth = 0

    def header(self, card: JsonObject) -> list[str]:
        """What stands under the title."""
        header = card.get("header")
        words = self.words(flat(header).get("subtitle")) if isinstance(header, dict) else ""
        return [words] if words else []

    def lines(self, blocks: object) -> list[str]:
        """The lines of the blocks, in reading order; what lies past the depth limit is counted."""
        if not isinstance(blocks, list) or self.depth == MAX_DEPTH:
            count_unparsed(blocks or None, self.out)
            return []
        self.depth += 1
        lines = [line for block in blocks for line in self.block(block) if line]
        self.depth -= 1
        return lines

    def block(self, block: object) -> list[str]:
        """The lines of one block; a row of a rendered card is one line."""
        if isinstance(block, list):
            return [render_row(block, RENDERED_TAGS, self.names, self.out)]
        if not isinstance(block, dict):
            return [self.words(block)]
        block, tag = flat(block), block.get("tag")
        if isinstance(tag, str):
            if tag in _BLOCKS:
                return _BLOCKS[tag](self, block)
            if tag in INLINE_TAGS:
                return [INLINE_TAGS[tag](block, self.names, self.out)]
        return self.unknown(block)

    def words(self, value: object) -> str:
        """What a text object says, mentions by name; the raw form spells Markdown as elements."""
        if words := plain(value):
            return read_markdown(words, self.names, self.out)
        elements = flat(value).get("elements") if isinstance(value, dict) else None
        return "".join(self.lines(elements))

    def unknown(self, block: JsonObject) -> list[str]:
        said = [self.words(block.get(key)) for key in ("text", "content")]
        return [*said, *self.lines(block.get("elements"))]

    def text(self, block: JsonObject) -> list[str]:
        return [self.words(block)]

    def div(self, block: JsonObject) -> list[str]:
        said = [self.words(block.get("text"))]
        said += [self.words(flat(field).get("text")) for field in _objects(block.get("fields"))]
        return said + self.lines(_objects([block.get("extra")]))

    def note(self, block: JsonObject) -> list[str]:
        return [" ".join(self.lines(block.get("elements")))]

    def action(self, block: JsonObject) -> list[str]:
        return [" ".join(self.lines(block.get("actions")))]

    def container(self, block: JsonObject) -> list[str]:
        add_target(block, "", self.out)
        return self.lines(block.get("elements"))

    def images(self, block: JsonObject) -> list[str]:
        pictures = _objects(block.get("img_list"))
        return [" ".join(INLINE_TAGS["img"](each, self.names, self.out) for each in pictures)]

    def input(self, block: JsonObject) -> list[str]:
        words = (plain(block.get(key)) for key in ("default_value", "placeholder"))
        asked = next(filter(None, words), "")
        return [self.words(block.get("label")), f"[{asked}]" if asked else ""]

    def chart(self, block: JsonObject) -> list[str]:
        spec = block.get("chart_spec")
        title = spec.get("title") if isinstance(spec, dict) else None
        return [f"[chart: {words}]" if (words := plain(title)) else ""]

    def column_set(self, block: JsonObject) -> list[str]:
        return self.lines(block.get("columns"))

    def panel(self, block: JsonObject) -> list[str]:
        header = block.get("header")
        title = flat(header).get("title") if isinstance(header, dict) else None
        return [self.words(title), *self.lines(block.get("elements"))]

    def table(self, block: JsonObject) -> list[str]:
        columns = _objects(block.get("columns"))
        titles = [string(column, "display_name") or string(column, "name") for column in columns]
        rows = [
            [self.cell(row.get(string(column, "name"))) for column in columns]
            for row in _objects(block.get("rows"))
        ]
        return [" | ".join(row) for row in (titles, *rows)]

    def cell(self, value: object) -> str:
        if isinstance(value, str):
            return read_markdown(value, self.names, self.out)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if is_number else ""


def _objects(values: object) -> list[JsonObject]:
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


_BLOCKS: dict[str, Callable[[_Blocks, JsonObject], list[str]]] = {
    "div": _Blocks.div,
    "text": _Blocks.text,
    "markdown": _Blocks.text,
    "lark_md": _Blocks.text,
    "plain_text": _Blocks.text,
    "note": _Blocks.note,
    "action": _Blocks.action,
    "actions": _Blocks.action,
    "img_combination": _Blocks.images,
    "input": _Blocks.input,
    "chart": _Blocks.chart,
    "column_set": _Blocks.column_set,
    "column": _Blocks.container,
    "form": _Blocks.container,
    "interactive_container": _Blocks.container,
    "collapsible_panel": _Blocks.panel,
    "table": _Blocks.table,
}
