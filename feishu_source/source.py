"""The dlt source: configuration in, a list of resources out.

In: arguments, or what dlt finds under `[sources.feishu]`. Out: the resources `chats`, `messages`,
`threads`, `chat_members`, `chat_pins`, `chat_tabs`, `chat_announcements`. Building a source
needs no credentials and no network.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource

from feishu_source.configuration import (
    SECTIONS,
    explain_value,
    set_dlt_defaults,
    tell_unknown,
    unknown_settings,
)
from feishu_source.options import Options
from feishu_source.resources import make_resources
from feishu_source.rungs import RUNGS
from feishu_source.settings import DAY_S, HOUR_S
from feishu_source.tenancy import PLACE, Tenant, find_tenant, read_tenants, unknown_names_of

_log = logging.getLogger(__name__)


@dlt.source(name="feishu", section="feishu")
def feishu_source(
    app_id: str | None = None,
    app_secret: TSecretStrValue | None = None,
    user_access_token: TSecretStrValue | None = None,
    app_ticket: TSecretStrValue | None = None,
    app_ticket_file: str | None = None,
    tenant_key: str | None = None,
    base_url: str = "feishu",
    allowed_hosts: list[str] | None = None,
    chat_ids: list[str] | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    shard: str | None = None,
    since: str | None = None,
    until: str | None = None,
    timezone: str = "UTC",
    threads: bool = True,
    look_back_s: int = 2 * HOUR_S,
    rungs: str = RUNGS,
    hot_s: int = 14 * DAY_S,
    poll_every_load_s: int = DAY_S,
    poll_growth: float = 1.25,
    most_hot_threads: int = 2_000,
    most_owed_threads: int = 100,
    skip_idle: bool = False,
    idle_growth: float = 2.0,
    idle_most_s: int = 30 * DAY_S,
    details_period_s: int = DAY_S,
    details_share: float = 0.25,
    user_details: bool = False,
    user_details_period_s: int = 7 * DAY_S,
    page_size: int = 50,
    workers: int = 16,
    requests_per_second: float = 50.0,
    requests_per_minute: float = 1_000.0,
    rate_share: float = 1.0,
    attempts: int = 6,
    back_off_base_s: float = 0.5,
    most_chats_lost: int = 5,
    connect_timeout_s: float = 10.0,
    read_timeout_s: float = 60.0,
    with_sender_name: bool = True,
    card_content: str | None = None,
    forwards: bool = True,
    reactions: bool = False,
    pins: bool = False,
    chat_context: bool = False,
    slice_messages: int = 120_000,
    batch_rows: int = 5_000,
    files: str | None = None,
    files_types: list[str] | None = None,
    files_most_mb: float = 100.0,
    files_total_mb: float = 10_000.0,
    files_workers: int = 4,
) -> Iterable[DltResource]:
    """Chat history of one Feishu or Lark tenant, as a dlt source.

    `pipeline.run(feishu_source())` reads everything due in one unbounded slice;
    `feishu_source.load(pipeline)` reads slice by slice, so that a crash costs at most one.

    Args:
        app_id: id of an app, cli_….
        app_secret: secret of that app; sent to the token endpoint only, kept in memory only.
        user_access_token: a ready token (u-…) instead of an app. It reads what that person may
            read, lives about two hours and is not renewed.
        app_ticket: of an app of the app store: the newest ticket Feishu pushed to its callback.
        app_ticket_file: instead of `app_ticket`: a file that holds it; read anew at each renewal.
        tenant_key: of an app of the app store: the tenant that is read.
        base_url: `feishu`, `lark`, or https://HOST; plain http on this machine only.
        allowed_hosts: hosts beside Feishu's and Lark's that the app secret may be sent to.
        chat_ids: read only these, oc_…; the way to chats between two people, which no endpoint
            lists. Wins over `include` and `exclude`.
        include: read only chats whose name matches one of these patterns: `*` any characters, `?`
            one, capitals do not matter. A chat without a name matches `*` alone.
        exclude: leave out chats whose name matches one of these; wins over `include`.
        shard: `3/8` reads the chats of the third of eight parts only, at an eighth of the rate;
            `open_pipeline` gives each a pipeline of its own. Not for DuckDB.
        since: leave out what was sent before this, ISO 8601, and threads that began before. What is
            loaded already stays and is kept up to date.
        until: leave out what was sent from this on, ISO 8601; a date includes its whole day.
        timezone: zone of `since` and `until` where they name none, an IANA name.
        threads: read the replies in threads; one request a thread and poll.
        look_back_s: how far before the end of what is covered each load reads again, so that late
            messages, edits and recalls of that time are seen; one request per 50 messages.
        rungs: how often what is older is read again: `AGE/PERIOD` in hours (h) or days (d),
            separated by blanks: a change of a message not older than AGE is seen within PERIOD.
            `off` for never, `ever/90d` for everything every 90 days.
        hot_s: how long after its newest reply a thread is polled for more, never less than
            `look_back_s`; 0 switches polls off.
        poll_every_load_s: how long after its newest reply every load polls a thread, never less
            than `look_back_s`.
        poll_growth: after `poll_every_load_s`: the factor by which each silence between two polls
            of a thread is longer than the one before: with 1.25, a reply after a silence of s is
            seen within s / 4.
        most_hot_threads: threads of one chat that are polled for replies; beyond that the longest
            silent are left to the rungs.
        most_owed_threads: threads of one chat that may wait to be read after they failed; beyond
            that the chat itself fails.
        skip_idle: leave out chats in which nothing was said since the last load, as the chat list
            by activity proves; what does not move a chat up in it is seen later.
        idle_growth: with `skip_idle`: a chat is read in any case before its silence has grown so
            many times, a silence under a day counting as one.
        idle_most_s: with `skip_idle`: a chat is read in any case after so long.
        details_period_s: how often a chat's details, members, pins, tabs and announcement are read
            again; a new or renamed chat is read at once.
        details_share: the share of `max_requests` that the chat list, details, members and the like
            may take; what is left out is due in the next load.
        user_details: ask for the details of people behind the messages, one request for 50 of them,
            and write them into `users`; needs contact:contact.base:readonly, and a scope for each
            kind of field.
        user_details_period_s: how often each of them is asked for again; four times as long after
            nothing was told of them.
        page_size: messages a request.
        workers: chats and threads that are read side by side.
        requests_per_second: per endpoint; the platform allows an app 50 in each tenant.
        requests_per_minute: per endpoint; the platform allows an app 1,000 in each tenant. Where
            both limits let more than 3,000 messages a second come, a large load parses them in a
            second process, given two cores, of 75 MB.
        rate_share: share of both limits that this process may use: 0.25 for each of four.
        attempts: tries a request gets when the network or Feishu fails, before its chat fails.
        back_off_base_s: the wait before the second try, doubled each time up to a minute, a random
            part of it; 0 never waits.
        most_chats_lost: chats in a row that the network may fail before the load stops.
        connect_timeout_s: how long to wait for a connection.
        read_timeout_s: how long to wait for an answer.
        with_sender_name: ask for senders' names (undocumented; left out by itself, with a warning,
            where it is refused).
        card_content: the form of cards: empty as Feishu renders them, `user_card_content` as they
            were sent, or `raw_card_content` (undocumented). A change makes no card look edited.
        forwards: open merged forwards, so that what they hold can be read: one request each, once.
        reactions: load who reacted to each message with what, as it stands when the message is
            read: one request per 20 messages, those read again included.
        pins: load the pinned messages of each chat, as often as its members: a request per chat
            and 50 pins.
        chat_context: load the tabs of each chat and what it announces, as often as its members: two
            requests a chat, three where its announcement is of the newer form.
        slice_messages: messages after which a part of a load is written and committed: what a crash
            may cost; by default about a row group of DuckDB's, 122,880. One of long messages ends
            earlier, after 32 MB of them for each 120,000.
        batch_rows: rows an Arrow table holds on the way: memory against speed.
        files: a folder or a URL such as s3://bucket/folder, to which `load` downloads images,
            files, audio and video behind the messages; empty for none.
        files_types: those of `image`, `file`, `audio` and `media` that are wanted; all by default.
        files_most_mb: larger files are left out; the API hands out 100 MB at most.
        files_total_mb: megabytes that one load may download; the next one goes on.
        files_workers: files under way at once.

    Raises:
        ConfigurationError: an argument that cannot be meant.
    """
    options = Options.from_arguments(locals())
    set_dlt_defaults()
    warn_of_unknown_settings()
    return make_resources(options)


def resolve_options(arguments: Mapping[str, Any]) -> Options:
    """The options of `feishu_source`: as given, else as dlt's configuration has them.

    Raises:
        ConfigurationError: an argument that cannot be meant.
    """
    return Options.from_arguments(resolve_arguments(arguments))


def resolve_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `feishu_source`, unchecked: as given, else as dlt's configuration has them.

    `tenant` among them names one whose own settings come between the two.

    Raises:
        ConfigurationError: a value of another type, or no such tenant.
    """
    spec = feishu_source.ref.SPEC()
    unknown = arguments.keys() - default_arguments().keys() - {"tenant"}
    if unknown:
        raise TypeError(f"feishu_source takes no argument {', '.join(sorted(unknown))}")
    given = {name: value for name, value in arguments.items() if value is not None}
    tenant = given.pop("tenant", None)
    if tenant is not None:
        given = find_tenant(tenant, tenants()).settings | given
    wrong = None
    try:
        return dict(resolve_configuration(spec, sections=SECTIONS, explicit_value=given))
    except ConfigValueCannotBeCoercedException as error:
        wrong = explain_value(error)
    raise wrong  # raised here, since dlt's error carries the value


def default_arguments() -> dict[str, Any]:
    """Every argument of `feishu_source` with what it is where nobody sets it."""
    spec = feishu_source.ref.SPEC()
    return {name: getattr(spec, name) for name in spec.get_resolvable_fields()}


def tenants() -> dict[str, Tenant]:
    """All tenants that dlt's configuration has under `[sources.feishu.tenants]`, by name.

    Raises:
        ConfigurationError: none are there, a name cannot be meant, or two go to one dataset.
    """
    set_dlt_defaults()
    return read_tenants(feishu_source.ref.SPEC().get_resolvable_fields())


def warn_of_unknown_settings(tenant: str | None = None) -> list[str]:
    """Tells what is configured for this source, or for one tenant, and read by nobody."""
    known = feishu_source.ref.SPEC().get_resolvable_fields().keys()
    warnings = unknown_settings(known)
    if tenant is not None:
        warnings += tell_unknown(unknown_names_of(tenant, known), {*known, *PLACE})
    for warning in warnings:
        _log.warning("%s", warning)
    return warnings


@dlt.source(name="feishu", section="feishu")
def session_source(session: Any) -> Iterable[DltResource]:
    """The same source over a session that its caller keeps."""
    return make_resources(session)
