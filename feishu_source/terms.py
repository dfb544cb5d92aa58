"""What one use of the source was asked for, in the terms of the rooms that read.

In: options. Out: the bounds of messages, what is wanted of every chat, when a chat is idle. Apart
from the options, which are checked when a source is built and not read yet.
"""

from __future__ import annotations

from feishu_source.batch import Bounds
from feishu_source.coverage import Wanted
from feishu_source.hot import HotRule
from feishu_source.idle import IdleRule
from feishu_source.options import Options
from feishu_source.settings import Settings, whole_seconds


def bounds(options: Options) -> Bounds:
    """Messages outside are dropped, to the millisecond."""
    since, until = options.since, options.until
    return Bounds(
        int(since.timestamp() * 1_000) if since else None,
        int(until.timestamp() * 1_000) if until else None,
    )


def wanted(options: Options, pinned_s: int, threads: bool, full: bool) -> Wanted:
    """What to read of every chat up to the pinned end: whole seconds inside the bounds."""
    stop_s = whole_seconds(options.until) if options.until else pinned_s
    return Wanted(
        start_s=max(0, whole_seconds(options.since, up=True)) if options.since else 0,
        stop_s=min(stop_s, pinned_s),
        as_of_s=pinned_s,
        look_back_s=options.settings.look_back_s,
        threads=threads and options.threads,
        explicit=stop_s < pinned_s,
        full=full,
        ladder=options.ladder,
        hot=_hot_rule(options.settings),
        forwards=options.settings.forwards,
        reactions=options.settings.reactions,
    )


def _hot_rule(settings: Settings) -> HotRule:
    """Hot, and polled in every load, for the look-back: no younger reply is edited unseen."""
    hot_s, look_back_s = settings.hot_s, settings.look_back_s
    return HotRule(
        max(hot_s, look_back_s) if hot_s else 0,
        max(settings.poll_every_load_s, look_back_s),
        settings.most_hot_threads,
        settings.most_owed_threads,
        settings.poll_growth,
    )


def idle_rule(settings: Settings) -> IdleRule:
    """When a chat in which nothing is said is read all the same."""
    return IdleRule(settings.idle_growth, settings.idle_most_s, settings.idle_witnesses)
