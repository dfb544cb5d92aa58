"""What is not known about the platform is a switch; what can go wrong has a name.

In: nothing. Out: `Switches` and `Fault`, plain values that a test picks from.
Refuses to know: how the server carries either of them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    """One reading of everything the platform's documentation leaves open.

    The defaults are the likeliest reading; a test turns one switch at a time.
    """

    start_inclusive: bool = True
    """Whether a message in the second `start_time` itself is listed."""
    end_inclusive: bool = True
    """Whether a message in the second `end_time` itself is listed."""
    start_zero_accepted: bool = True
    """Whether `start_time=0` is accepted; otherwise it is refused with 230001."""
    code_http_status: Literal[200, 400] = 400
    """The HTTP status under which a code other than 0 arrives."""
    position_as_int: bool = False
    """Whether the positions are JSON numbers; otherwise they are strings."""
    all_mention: Literal["none", "all", "object"] = "none"
    """The entry of `@_all` in mentions: none at all, the id "all", or an object as id."""
    last_page_token_present: bool = False
    """Whether a last page carries a page token beside `has_more: false`."""
    empty_pages: bool = False
    """Whether an empty page with `has_more: true` stands between any two pages."""
    accept_with_sender_name: bool = True
    """Whether the undocumented `with_sender_name` is accepted."""
    accept_only_thread_root: bool = True
    """Whether the undocumented `only_thread_root_messages` is accepted."""
    refusal_code: Literal[230001, 99992402] = 230001
    """The code that refuses an undocumented parameter."""
    topic_default_roots_only: bool = False
    """What a native topic group lists when `only_thread_root_messages` is not sent."""
    thread_lists_root: bool = True
    """Whether the thread container lists the root beside the replies."""
    content_v2: bool = False
    """Whether a post has its untouched Markdown in `content_v2` beside `content`."""
    history_before_join: bool = True
    """Whether messages older than the bot's joining are listed."""
    recalled_body: Literal["sentence", "missing", "empty"] = "sentence"
    """What stands in the body of a recalled message."""
    hard_delete_missing: bool = True
    """Whether a removed message is missing from the list; otherwise it has `deleted: true`."""
    merge_forward_bare: bool = False
    """Whether a merge_forward body is the bare sentence instead of JSON."""
    log_id_key: Literal["log_id", "logid"] = "log_id"
    """How an error body spells its log id."""
    date_header: bool = True
    """Whether replies carry a `Date` header."""
    activity: Literal["messages", "replies", "people"] = "messages"
    """What moves a chat up in the list by activity: messages; replies in threads as well; or only
    messages that no app sent."""
    out_of_range: Literal["left out", "refused"] = "left out"
    """What becomes of a request about people one of whom is out of the app's range of contacts."""
    scopes_open: bool = True
    """Whether an app may read its own granted scopes without a scope for that."""
    file_ranges: bool = True
    """Whether a part of a file can be asked for; otherwise the whole of it comes."""
    file_etag: bool = True
    """Whether files come with an ETag."""
    file_disposition: bool = True
    """Whether files come with a Content-Disposition, which holds their name."""
    reactions_mixed: bool = True
    """Whether one request may ask for the reactions to messages of several chats."""
    reactions_refused: Literal["alone", "batch"] = "alone"
    """Whether a message whose reactions are refused fails alone, or its whole batch with it."""
    reactions_none_listed: bool = True
    """Whether a message without reactions is answered with an empty list, or not at all."""
    gzip: bool = True
    """Whether replies are compressed for a client that accepts it."""


FAULTS: Mapping[str, str] = {
    "html_502": "a gateway answers with an HTML page and status 502",
    "html_200": "a sign-in page of some proxy answers with HTML and status 200",
    "cut_json": "the reply ends in the middle of its JSON",
    "empty_body": "status 200 and no body at all",
    "reset_connection": "the connection is reset before any reply",
    "rate_limited": "99991400 at HTTP 429 with both headers",
    "rate_limited_400": "99991400 at HTTP 400 with both headers",
    "rate_limited_no_header": "99991400 at HTTP 429 without headers",
    "quota": "99991403: the month's calls are used up",
    "internal_2200": "2200: the platform's internal error",
    "repeating_page_token": "a page gives the page token it was asked with",
    "item_without_message_id": "the first item of a page has no message_id",
    "item_without_create_time": "the first item of a page has no create_time",
    "item_times_in_seconds": "the first item of a page has its times in seconds",
    "unknown_code": "a code that is documented nowhere",
    "token_expired": "99991663 although the token is good",
    "token_revoked": "every token becomes invalid: 99991663 until a new one is fetched",
    "missing_scope": "99991672 with the missing scope and a link",
    "bot_ability_off": "230006: the app is no bot",
    "redirect_307": "a redirect to another server, which records what it gets",
    "lone_surrogate": "the first item's body holds an escaped half of a surrogate pair",
    "duplicate_item": "the first item of a page stands there twice",
    "cut_file": "the connection is closed in the middle of a file",
    "stalled_file": "nothing comes any more in the middle of a file",
    "wrong_range": "another part of a file comes than was asked for",
    "reaction_failed": "the first message of a batch has a fail_reason in place of its reactions",
    "extra_fields": "every item has fields nobody has seen before",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something goes wrong with the requests it matches: `times` of them, after the first `after`.

    `path` is an actual path or a template such as `/open-apis/im/v1/chats/:chat_id`; None
    matches every path. `times=None` is for ever. `code` is for `unknown_code`: any other code.
    `reset_s` is the pause that a rate limit asks for in its headers.
    """

    name: str
    path: str | None = None
    chat_id: str | None = None
    thread_id: str | None = None
    times: int | None = 1
    after: int = 0
    code: int = 987654
    reset_s: int = 1

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"no fault is named {self.name!r}; there are {', '.join(FAULTS)}")
