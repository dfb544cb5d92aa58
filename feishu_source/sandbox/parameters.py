"""The parameters of a request: each is what the API allows, or the request is refused.

In: a query. Out: values. Raises: Refused, with the field and what is wrong with it.
Refuses to know: which endpoint asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from feishu_source.sandbox.refusals import invalid

Query = Mapping[str, str]


def required(query: Query, name: str) -> str:
    """A parameter that must not be missing."""
    value = query.get(name)
    if not value:
        raise invalid(99992402, name, "", f"{name} is required")
    return value


def one_of(query: Query, name: str, allowed: tuple[str, ...], default: str | None) -> str:
    """A parameter that has exactly one of these values."""
    value = required(query, name) if default is None else query.get(name) or default
    if value not in allowed:
        raise invalid(230001, name, value, f"it is not one of {', '.join(allowed)}")
    return value


def sort_type(query: Query) -> str:
    """The order of a list of messages, ascending by default."""
    return one_of(query, "sort_type", ("ByCreateTimeAsc", "ByCreateTimeDesc"), "ByCreateTimeAsc")


def page_size(query: Query, most: int) -> int:
    """The size of a page, 20 by default."""
    value = query.get("page_size") or "20"
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise invalid(99992402, "page_size", value, f"it is not an integer from 1 to {most}")
    return int(value)


def seconds(query: Query, name: str) -> int | None:
    """A time in seconds; one in milliseconds is refused, as is anything else."""
    value = query.get(name)
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 11:
        raise invalid(230001, name, value, "it is not a time in seconds")
    return int(value)
