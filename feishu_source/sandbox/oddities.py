"""Bodies that are broken, old, or of a kind nobody has seen, each with how it reads all the same.

In: nothing. Out: `ALL`, whole bodies. Refuses to know: chance.
"""

from __future__ import annotations

from typing import Any

from feishu_source.sandbox.bodies import Body, Resource, raw_body


def _raw(msg_type: str, content: object, **columns: Any) -> Body:
    return raw_body(msg_type, content, columns=columns)


_PICTURE = Resource("image", "img_odd")
_FILE = Resource("file", "file_odd", "odd name.bin")

ALL: tuple[Body, ...] = (
    _raw("text", "not JSON at all", text="not JSON at all"),
    _raw("text", '"a JSON string"', text="a JSON string"),
    _raw("text", "[1, 2, 3]"),
    _raw("text", None),
    _raw("text", '{"text":"half \\ud83d of a pair"}', text="half \ufffd of a pair"),
    _raw("text", {"text": "   \n "}),
    _raw("text", {"text": "@_user_7 nobody knows"}, text="@_user_7 nobody knows"),
    _raw("audio", {"duration": 3500}, duration_ms=3500),
    raw_body(
        "audio",
        {"file_key": "file_odd", "duration": "4200"},
        columns={"file_key": "file_odd", "duration_ms": 4200},
        resources=[Resource("audio", "file_odd", None, 4200)],
    ),
    raw_body(
        "audio",
        {"file_key": "file_odd", "duration": "abc"},
        columns={"file_key": "file_odd"},
        resources=[Resource("audio", "file_odd")],
    ),
    _raw("image", {}),
    _raw("location", {"name": "Somewhere"}, text="Somewhere", location_name="Somewhere"),
    _raw(
        "location",
        {"name": "某地", "longitude": "xxx.xxx", "latitude": "91.5"},
        text="某地",
        location_name="某地",
    ),
    _raw(
        "share_calendar_event",
        {"summary": "Review", "start_time": "1710500000", "end_time": "1710503600"},
        text="Review",
        event_summary="Review",
    ),
    _raw("general_calendar", {"summary": "全员大会"}, text="全员大会", event_summary="全员大会"),
    _raw("vote", {"topic": "No options"}, text="No options", vote_topic="No options"),
    raw_body(
        "post",
        {
            "title": "",
            "content": [[]],
            "files": [{"file_key": "file_odd", "file_name": "odd name.bin"}],
        },
        columns={"text": "[file: odd name.bin]"},
        resources=[_FILE],
    ),
    raw_body(
        "post",
        {"title": "flat", "content": [{"tag": "text", "text": "a &lt; b", "un_escape": True}]},
        columns={"title": "flat", "text": "a < b"},
    ),
    raw_body(
        "post",
        {
            "content": [[]],
            "content_v2": [[{"tag": "md", "text": "**a** [b](https://example.com)"}]],
        },
        columns={"text": "**a** [b](https://example.com)"},
        links=[("https://example.com", "b")],
    ),
    raw_body(
        "post",
        {"title": None, "content": [[{"tag": "new", "text": "new tag"}, {"tag": "img"}]]},
        columns={"text": "new tag[image]"},
    ),
    raw_body(
        "post",
        {
            "content": [
                [
                    {"tag": "at", "user_name": "Ann"},
                    {"tag": "a", "text": "", "href": "https://a.example"},
                ]
            ]
        },
        columns={"text": "@Annhttps://a.example"},
        links=[("https://a.example", None)],
    ),
    _raw("interactive", {"title": None, "elements": []}),
    _raw(
        "hologram",
        {"text": "seen from the future", "title": "New"},
        text="seen from the future",
        title="New",
    ),
    _raw("hologram", {"content": "only content"}, text="only content"),
    _raw("hologram", {"shape": [1, 2]}),
    _raw("system", {"template": "  {a} and {b}  ", "a": "one", "b": 2}, text="one and {b}"),
)
