"""One function per message type, one table of them.

Comes in: a message type and its body. Goes out: the filled `Content`. Refuses to know: the rest
of the message, and how rows are made of it.

Source: /uAjLw4CM/ukTMukTMukTM/im-v1/message/events/message_content
"""

import re
from collections.abc import Callable

import orjson

from feishu_source.json_text import parse_json, scrub_string

from .card import parse_card
from .post import parse_post
from .text import is_blank, read_text, trim
from .values import (
    Content,
    JsonObject,
    Names,
    count_unparsed,
    parse_degrees,
    parse_duration_ms,
    parse_string,
    parse_time_ms,
)

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def parse_content(msg_type: str, body: str | None, mention_names: Names, deleted: bool) -> Content:
    """Whatever the body holds, it is read as far as it can be; this never raises.

    `body` is the string as the API gave it, `mention_names` maps a mention's key to its non-empty
    name. A recalled message says nothing.
    """
    out = Content()
    if deleted or not body:
        return out
    try:
        data = parse_json(body)
    except ValueError:
        out.text = scrub_string(body)
        # A merged forward carries its one sentence bare; that is how the API sends it.
        out.unparsed = 0 if msg_type == "merge_forward" else 1
    else:
        if isinstance(data, dict):
            _PARSERS.get(msg_type, _parse_other)(data, mention_names, out)
        elif isinstance(data, str):
            out.text = data
        else:
            out.unparsed = 1
    if out.text is not None and is_blank(out.text):
        out.text = None
    return out


def _parse_text(data: JsonObject, names: Names, out: Content) -> None:
    text = parse_string(data, "text", out)
    if text:
        out.text = read_text(text, names, out)


def _parse_hongbao(data: JsonObject, names: Names, out: Content) -> None:
    out.text = parse_string(data, "text", out)


def _parse_image(data: JsonObject, names: Names, out: Content) -> None:
    out.image_key = parse_string(data, "image_key", out)
    out.add_resource("image", out.image_key)


def _parse_file(data: JsonObject, names: Names, out: Content) -> None:
    _parse_resource("file", data, out)


def _parse_folder(data: JsonObject, names: Names, out: Content) -> None:
    _parse_resource("folder", data, out)


def _parse_audio(data: JsonObject, names: Names, out: Content) -> None:
    out.duration_ms = parse_duration_ms(data, "duration", out)
    _parse_resource("audio", data, out)


def _parse_media(data: JsonObject, names: Names, out: Content) -> None:
    out.duration_ms = parse_duration_ms(data, "duration", out)
    _parse_resource("media", data, out)
    _parse_image(data, names, out)  # the cover


def _parse_resource(resource_type: str, data: JsonObject, out: Content) -> None:
    out.file_key = parse_string(data, "file_key", out)
    out.file_name = parse_string(data, "file_name", out)
    out.add_resource(resource_type, out.file_key, out.file_name, out.duration_ms)


def _parse_sticker(data: JsonObject, names: Names, out: Content) -> None:
    out.add_resource("sticker", parse_string(data, "file_key", out))


def _parse_calendar(data: JsonObject, names: Names, out: Content) -> None:
    out.text = out.event_summary = parse_string(data, "summary", out)
    out.event_start_ms = parse_time_ms(data, "start_time", out)
    out.event_end_ms = parse_time_ms(data, "end_time", out)


def _parse_video_chat(data: JsonObject, names: Names, out: Content) -> None:
    out.text = out.event_summary = parse_string(data, "topic", out)
    out.event_start_ms = parse_time_ms(data, "start_time", out)


def _parse_share_chat(data: JsonObject, names: Names, out: Content) -> None:
    out.shared_chat_id = parse_string(data, "chat_id", out)


def _parse_share_user(data: JsonObject, names: Names, out: Content) -> None:
    out.shared_user_id = parse_string(data, "user_id", out)


def _parse_location(data: JsonObject, names: Names, out: Content) -> None:
    out.text = out.location_name = parse_string(data, "name", out)
    out.longitude = parse_degrees(data, "longitude", 180, out)
    out.latitude = parse_degrees(data, "latitude", 90, out)


def _parse_system(data: JsonObject, names: Names, out: Content) -> None:
    template = parse_string(data, "template", out)
    if template:
        out.text = _PLACEHOLDER.sub(lambda key: _fill(key, data), template).strip()


def _fill(key: re.Match[str], data: JsonObject) -> str:
    value = data.get(key[1])
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return key[0]


def _parse_todo(data: JsonObject, names: Names, out: Content) -> None:
    out.task_id = parse_string(data, "task_id", out)
    out.due_time_ms = parse_time_ms(data, "due_time", out)
    summary = data.get("summary")
    if isinstance(summary, dict):
        parse_post(summary, names, out)
    else:
        count_unparsed(summary, out)


def _parse_vote(data: JsonObject, names: Names, out: Content) -> None:
    out.vote_topic = parse_string(data, "topic", out)
    lines = [out.vote_topic] if out.vote_topic else []
    given = data.get("options")
    if isinstance(given, list):
        options = [option for option in given if isinstance(option, str)]
        out.unparsed += len(given) - len(options)
        out.vote_options = orjson.dumps(options).decode()
        lines += [f"- {option}" for option in options]
    else:
        count_unparsed(given, out)
    out.text = trim("\n".join(lines))


def _parse_merge_forward(data: JsonObject, names: Names, out: Content) -> None:
    out.text = parse_string(data, "content", out)


def _parse_other(data: JsonObject, names: Names, out: Content) -> None:
    """A type nobody listed: its words where the listed types keep theirs; nothing is owed."""
    text, content, title = data.get("text"), data.get("content"), data.get("title")
    out.text = text if isinstance(text, str) else content if isinstance(content, str) else None
    out.title = title if isinstance(title, str) and title else None


_PARSERS: dict[str, Callable[[JsonObject, Names, Content], None]] = {
    "text": _parse_text,
    "post": parse_post,
    "interactive": parse_card,
    "image": _parse_image,
    "file": _parse_file,
    "folder": _parse_folder,
    "audio": _parse_audio,
    "media": _parse_media,
    "video": _parse_media,  # the name that the vendor's own clients also know for media
    "sticker": _parse_sticker,
    "hongbao": _parse_hongbao,
    "share_calendar_event": _parse_calendar,
    "calendar": _parse_calendar,
    "general_calendar": _parse_calendar,
    "video_chat": _parse_video_chat,
    "share_chat": _parse_share_chat,
    "share_user": _parse_share_user,
    "location": _parse_location,
    "system": _parse_system,
    "todo": _parse_todo,
    "vote": _parse_vote,
    "merge_forward": _parse_merge_forward,
}
