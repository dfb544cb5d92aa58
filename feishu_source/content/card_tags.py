"""The elements of cards that stand inside a line: buttons, choices, pictures, links.

Comes in: one element, rendered or as sent. Goes out: its words; links and resources go to the
`Content`. Refuses to know: the blocks around it.
"""

from .post import POST_TAGS, Tags, render_link, render_row, string
from .values import Content, JsonObject, Names, first_locale, parse_string


def plain(value: object) -> str:
    """The words of a text object, which may be a bare string, translated, or in `property`."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    value = flat(value)
    words = string(value, "content") or string(value, "text")
    for key in ("i18n", "i18n_content", "i18nContent"):
        translated = value.get(key)
        if not words and isinstance(translated, dict):
            words = first_locale(translated, str) or ""
    return words


def flat(element: JsonObject) -> JsonObject:
    """The raw form keeps an element's values under `property`; here they are its own."""
    values = element.get("property")
    return {**element, **values} if isinstance(values, dict) else element


def url_of(value: object) -> str | None:
    """The url itself, or the one of an object that has one for each platform."""
    if isinstance(value, dict):
        value = value.get("url")
    return value if isinstance(value, str) else None


def add_target(element: JsonObject, label: str, out: Content) -> None:
    """Where an element leads is a link: `url`, `multi_url`, or a 2.0 behaviour."""
    behaviors = element.get("behaviors")
    opened = [
        string(behavior, "default_url")
        for behavior in (behaviors if isinstance(behaviors, list) else [])
        if isinstance(behavior, dict)
    ]
    urls = (url_of(element.get("url")), url_of(element.get("multi_url")), *opened)
    out.add_link(next(filter(None, urls), None), label)


def _render_button(element: JsonObject, names: Names, out: Content) -> str:
    label = plain(element.get("text"))
    add_target(element, label, out)
    return _bracketed(label)


def _render_options(element: JsonObject, names: Names, out: Content) -> str:
    given = element.get("options")
    options = given if isinstance(given, list) else []
    labels = [_read_option(option, out) for option in options]
    return _bracketed(" | ".join(filter(None, labels)) or plain(element.get("placeholder")))


def _read_option(option: object, out: Content) -> str:
    if not isinstance(option, dict):
        return plain(option)
    label = plain(option.get("text"))
    add_target(option, label, out)
    return label


def _render_picker(element: JsonObject, names: Names, out: Content) -> str:
    initial = (string(element, f"initial_{unit}") for unit in ("date", "time", "datetime"))
    return _bracketed(next(filter(None, initial), "") or plain(element.get("placeholder")))


def _bracketed(words: str) -> str:
    return f"[{words}]" if words else ""


def _render_image(element: JsonObject, names: Names, out: Content) -> str:
    key = "img_key" if "img_key" in element else "image_key"
    out.add_resource("image", parse_string(element, key, out))
    return "[image]"


def _render_link(element: JsonObject, names: Names, out: Content) -> str:
    return render_link(plain(element), url_of(element.get("url")), out)


def _render_note(element: JsonObject, names: Names, out: Content) -> str:
    elements = element.get("elements")
    # A note holds words and pictures, never another note.
    return render_row(elements, INLINE_TAGS, names, out) if isinstance(elements, list) else ""


INLINE_TAGS: Tags = {
    **POST_TAGS,
    "img": _render_image,
    "link": _render_link,
    "button": _render_button,
    "overflow": _render_options,
    "select_static": _render_options,
    "multi_select_static": _render_options,
    "select_person": _render_options,
    "multi_select_person": _render_options,
    "date_picker": _render_picker,
    "picker_time": _render_picker,
    "picker_datetime": _render_picker,
}
RENDERED_TAGS: Tags = {**INLINE_TAGS, "note": _render_note}
