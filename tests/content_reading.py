"""How the tests of message content read a body: a value becomes JSON, three people have names."""

import json

from feishu_source.content import Content, parse_content

NAMES = {"@_user_1": "Tom", "@_user_10": "Ann", "@_all": "所有人"}


def read(msg_type: str, value: object) -> Content:
    """The content of a message of that type whose body holds that JSON value."""
    return parse_content(msg_type, json.dumps(value), NAMES, False)


def case_id(value: object) -> str:
    """A parameter's name in a test report: its beginning; an expected content has none."""
    return "" if isinstance(value, Content) else str(value)[:60]
