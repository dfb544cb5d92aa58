"""Posts: rows of elements become lines of text.

Comes in: a post object, or the rows of a rendered card. Goes out: one line per row; links and
resources go to the `Content` in the order they appear. Refuses to know: cards as sent.

Source: /uAjLw4CM/ukTMukTMukTM/im-v1/message/events/message_content
"""

from collections.abc import Callable, Mapping
from html import unescape

from .text import is_blank, name_at, read_markdown, read_text, trim
from .values import (
    Content,
    JsonObject,
    Names,
    count_unparsed,
    first_locale,
    parse_duration_ms,
    parse_string,
)

Tags = Mapping[str, Callable[[JsonObject, Names, Content], str]]

_POST_KEYS = ("content", "title", "content_v2", "files")


def parse_post(data: JsonObject, names: Names, out: Content) -> None:
    """The title is a column of its own; the text is the rows, then a line for each file."""
    post = data if any(key in data for key in _POST_KEYS) else first_locale(data, dict)
    if post is None:
        return
    out.title = parse_string(post, "title", out)
    text = render_rows(post.get("content"), POST_TAGS, names, out)
    if is_blank(text):
        # The twin with the untouched Markdown; `content` is the stable one where both speak.
        text = render_rows(post.get("content_v2"), POST_TAGS, names, out)
    files = _render_files(post.get("files"), out)
    out.text = "\n".join(files if is_blank(text) else [text, *files])


def render_rows(rows: object, tags: Tags, names: Names, out: Content) -> str:
    """A row is a line; a flat list of elements is one row. What is no list is counted."""
    if not isinstance(rows, list):
        count_unparsed(rows, out)
        return ""
    if not any(isinstance(row, list) for row in rows):
        return trim(render_row(rows, tags, names, out))
    return trim(
        "\n".join(
            render_row(row if isinstance(row, list) else [row], tags, names, out)
            for row in rows
            if isinstance(row, list | dict)
        )
    )


def render_row(elements: list[object], tags: Tags, names: Names, out: Content) -> str:
    """The elements one after another; what is no element says nothing."""
    return "".join(
        [
            _renderer(element, tags)(element, names, out)
            for element in elements
            if isinstance(element, dict)
        ]
    )


def _renderer(element: JsonObject, tags: Tags) -> Callable[[JsonObject, Names, Content], str]:
    tag = element.get("tag")
    return tags.get(tag, _render_unknown) if isinstance(tag, str) else _render_unknown


def string(element: JsonObject, key: str) -> str:
    """A member that only feeds the text: a string, or nothing."""
    value = element.get(key)
    return value if isinstance(value, str) else ""


def render_link(label: str, url: str | None, out: Content) -> str:
    """A link in Markdown; only the part that is there, or once what would stand there twice."""
    out.add_link(url, label)
    if not url:
        return label
    return f"[{label}]({url})" if label and label != url else url


def _render_text(element: JsonObject, names: Names, out: Content) -> str:
    text = string(element, "text")
    if element.get("un_escape") is True:
        text = unescape(text)
    return read_text(text, names, out)


def _render_markdown(element: JsonObject, names: Names, out: Content) -> str:
    return read_markdown(string(element, "text"), names, out)


def _render_link(element: JsonObject, names: Names, out: Content) -> str:
    return render_link(string(element, "text"), parse_string(element, "href", out), out)


def _render_at(element: JsonObject, names: Names, out: Content) -> str:
    return name_at(string(element, "user_id"), string(element, "user_name"), names, out)


def _render_image(element: JsonObject, names: Names, out: Content) -> str:
    out.add_resource("image", parse_string(element, "image_key", out))
    return "[image]"


def _render_media(element: JsonObject, names: Names, out: Content) -> str:
    out.add_resource(
        "media",
        parse_string(element, "file_key", out),
        parse_string(element, "file_name", out),
        parse_duration_ms(element, "duration", out),
    )
    _render_image(element, names, out)  # the cover: a resource, no word
    return "[video]"


def _render_emotion(element: JsonObject, names: Names, out: Content) -> str:
    emoji_type = string(element, "emoji_type")
    return f":{emoji_type}:" if emoji_type else ""


def _render_rule(element: JsonObject, names: Names, out: Content) -> str:
    return "---"


def _render_code(element: JsonObject, names: Names, out: Content) -> str:
    return f"```{string(element, 'language').lower()}\n{string(element, 'text')}\n```"


def _render_unknown(element: JsonObject, names: Names, out: Content) -> str:
    return read_text(string(element, "text"), names, out)


def _render_files(files: object, out: Content) -> list[str]:
    if not isinstance(files, list):
        count_unparsed(files, out)
        return []
    return [_render_file(file, out) for file in files if isinstance(file, dict)]


def _render_file(file: JsonObject, out: Content) -> str:
    kind = "folder" if file.get("is_folder") is True else "file"
    name = parse_string(file, "file_name", out)
    out.add_resource(kind, parse_string(file, "file_key", out), name)
    return f"[{kind}: {name}]" if name else f"[{kind}]"


POST_TAGS: Tags = {
    "text": _render_text,
    "md": _render_markdown,
    "a": _render_link,
    "at": _render_at,
    "img": _render_image,
    "media": _render_media,
    "emotion": _render_emotion,
    "hr": _render_rule,
    "code_block": _render_code,
}
