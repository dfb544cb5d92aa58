"""What a random history is drawn from.

In: nothing. Out: strategies, each of values that have once made a difference.
"""

from __future__ import annotations

from hypothesis import strategies as st

from feishu_source.rungs import RUNGS
from feishu_source.settings import DAY_S, HOUR_S

LATE = st.sampled_from([0, 0, 0, 500, 3_500, 60_000])
FARTHEST_BACK_MS = 500_000
"""With the latest a message becomes visible, this stays below the look-back."""

SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        "start_inclusive": st.just(False),
        "end_inclusive": st.just(False),
        "start_zero_accepted": st.just(False),
        "code_http_status": st.just(200),
        "position_as_int": st.just(True),
        "all_mention": st.sampled_from(["all", "object"]),
        "last_page_token_present": st.just(True),
        "empty_pages": st.just(True),
        "accept_with_sender_name": st.just(False),
        "accept_only_thread_root": st.just(False),
        "refusal_code": st.just(99992402),
        "topic_default_roots_only": st.just(True),
        "thread_lists_root": st.just(False),
        "history_before_join": st.just(False),
        "recalled_body": st.sampled_from(["missing", "empty"]),
        "hard_delete_missing": st.just(False),
        "log_id_key": st.just("logid"),
        "gzip": st.just(False),
        "date_header": st.just(False),
        "content_v2": st.just(True),
        "merge_forward_bare": st.just(True),
        "reactions_mixed": st.just(False),
        "reactions_refused": st.just("batch"),
        "reactions_none_listed": st.just(False),
    },
)
"""Everything that nobody tells, read the other way."""

FAULTS = st.sampled_from(
    [
        "html_502",
        "cut_json",
        "empty_body",
        "reset_connection",
        "rate_limited",
        "rate_limited_400",
        "quota",
        "internal_2200",
        "repeating_page_token",
        "unknown_code",
        "token_expired",
        "token_revoked",
        "quota",
        "bot_ability_off",
        "redirect_307",
        "duplicate_item",
    ]
)
"""Without those that spoil an item: such an item is rejected, or is read as it came."""

SETTINGS = st.fixed_dictionaries(
    {
        "page_size": st.sampled_from([2, 3]),
        "slice_messages": st.integers(2, 9),
        "batch_rows": st.sampled_from([1, 3, 100]),
        "workers": st.sampled_from([1, 1, 2, 4]),
        "pages_ahead": st.sampled_from([1, 4]),
        "stretches": st.sampled_from([1, 2, 5]),
        "stretch_pages": st.sampled_from([1, 2, 48]),
    }
)
"""Of one load."""
SCHEDULES = st.fixed_dictionaries(
    {
        "rungs": st.sampled_from(["off", "1h/1h 1d/6h", "2h/1h 7d/2d 60d/10d", RUNGS, "ever/1d"]),
        "hot_s": st.sampled_from([0, HOUR_S, 3 * DAY_S, 14 * DAY_S]),
        "poll_every_load_s": st.sampled_from([0, HOUR_S, DAY_S]),
        "poll_growth": st.sampled_from([1.25, 1.25, 2.0]),
        "skip_idle": st.booleans(),
        "reactions": st.booleans(),
        "idle_growth": st.sampled_from([1.5, 2.0, 10.0]),
        "idle_witnesses": st.sampled_from([1, 1, 2]),
    }
)
"""Of all loads of a history: what they promise. There are few chats, so few have to prove that
others are idle; then a reply that counted as activity could hide a message (`test_sync_idle`)."""
MOST = st.sampled_from([None, None, None, 1, 3, 10])
MOST_REQUESTS = st.sampled_from([None, None, None, 3, 5, 8, 15])
KILLS = st.sampled_from([None, None, 0, 1, 2, 4, 8])
GAPS = st.sampled_from([0, 0.4, 1, 1, 30, 700])
TIMES = st.sampled_from([1, 2, 3, None])
REACTIONS = st.sampled_from([1, 1, 2, 11])
"""More than ten are more than a page."""
CHANGES = st.sampled_from(["edit", "edit", "recall", "remove", "hide", "show", "delete"])
WORDS = st.sampled_from(["plain", "@<{ann}> and @<{bob}>", "@<all> https://example.com/a"])
KINDS = st.sampled_from(["group", "group", "thread", "topic"])
