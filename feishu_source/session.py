"""One use of the source: options in, and what its resources share: client, roster, walk.

In: options as dlt resolved them, and the state dlt keeps. Out: one client, one list of chats, one
walk, each made when first needed, so that building a source needs no credentials and no network.
Refuses to know tables and destinations.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from feishu_source.api import (
    AppIdentity,
    Budget,
    Carrier,
    Client,
    Identity,
    UserIdentity,
    check_id,
    is_loopback,
    resolve_base_url,
)
from feishu_source.batch import Bounds, Intake, Row
from feishu_source.coverage import ChatState, Wanted
from feishu_source.errors import ConfigurationError
from feishu_source.hot import EVERY_LOAD_S, HotRule
from feishu_source.report import Progress
from feishu_source.roster import Known, Roster, Selection
from feishu_source.rungs import Rung, parse_ladder
from feishu_source.settings import (
    SHARE_OF_DETAILS,
    Settings,
    find_timezone,
    parse_since,
    parse_until,
    whole_seconds,
)
from feishu_source.state import open_state
from feishu_source.tables import SYNC_COVERAGE, Table
from feishu_source.walk import Walk
from feishu_source.workers import ThreadWorkers, Workers

_log = logging.getLogger(__name__)

NO_CREDENTIALS = (
    "no credentials: set app_id and app_secret under [sources.feishu] in .dlt/secrets.toml, or "
    "SOURCES__FEISHU__APP_ID and SOURCES__FEISHU__APP_SECRET in the environment (or a ready "
    "user_access_token). `feishu-history --demo` needs none."
)


@dataclass(frozen=True)
class Options:
    """What one use of the source was asked for, in plain values; checked when it is built."""

    settings: Settings
    base_url: str
    app_id: str | None
    app_secret: str | None
    user_access_token: str | None
    selection: Selection
    since: datetime | None
    until: datetime | None
    threads: bool
    ladder: tuple[Rung, ...]

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Options:
        """Checks and converts the arguments of `feishu_source`.

        Raises:
            ConfigurationError: names what is wrong with which of them.
        """
        names = {field.name for field in fields(Settings)}
        given = {**arguments, "card_content": arguments["card_content"] or None}
        timezone = arguments["timezone"]
        find_timezone(timezone)
        since = parse_since(arguments["since"], timezone) if arguments["since"] else None
        until = parse_until(arguments["until"], timezone) if arguments["until"] else None
        if since and until and since >= until:
            raise ConfigurationError(f"since ({since}) is not before until ({until})")
        for name in ("include", "exclude", "allowed_hosts"):
            if not all(isinstance(text, str) for text in arguments[name] or ()):
                raise ConfigurationError(f'setting {name} must be a list of texts: ["…"]')
        chat_ids = tuple(check_id("chat", chat_id) for chat_id in arguments["chat_ids"] or ())
        return cls(
            settings=Settings(**{k: v for k, v in given.items() if k in names}),
            base_url=resolve_base_url(arguments["base_url"], arguments["allowed_hosts"] or ()),
            app_id=arguments["app_id"] or None,
            app_secret=arguments["app_secret"] or None,
            user_access_token=arguments["user_access_token"] or None,
            selection=Selection(
                chat_ids, tuple(arguments["include"] or ()), tuple(arguments["exclude"] or ())
            ),
            since=since,
            until=until,
            threads=arguments["threads"],
            ladder=parse_ladder(arguments["rungs"]),
        )

    def identity(self) -> Identity:
        """Who asks.

        Raises:
            ConfigurationError: no credentials, or halves of two kinds.
        """
        if self.user_access_token:
            return UserIdentity(self.user_access_token)
        if not self.app_id and not self.app_secret:
            raise ConfigurationError(NO_CREDENTIALS)
        return AppIdentity(self.app_id or "", self.app_secret or "")

    @property
    def owner(self) -> dict[str, Any]:
        """Whose state a dataset holds: one app on one host."""
        return {"base_url": _lasting_url(self.base_url), "app_id": self.app_id}

    @property
    def bounds(self) -> Bounds:
        """Messages outside are dropped, to the millisecond."""
        return Bounds(
            int(self.since.timestamp() * 1_000) if self.since else None,
            int(self.until.timestamp() * 1_000) if self.until else None,
        )

    @property
    def hot_rule(self) -> HotRule:
        """Hot, and polled in every load, for the look-back: no younger reply is edited unseen."""
        hot_s, look_back_s = self.settings.hot_s, self.settings.look_back_s
        return HotRule(
            max(hot_s, look_back_s) if hot_s else 0,
            max(EVERY_LOAD_S, look_back_s),
            self.settings.most_hot_threads,
        )

    def wanted(self, pinned_s: int, threads: bool, full: bool) -> Wanted:
        """What to read of every chat up to the pinned end: whole seconds inside the bounds."""
        stop_s = whole_seconds(self.until) if self.until else pinned_s
        return Wanted(
            start_s=max(0, whole_seconds(self.since, up=True)) if self.since else 0,
            stop_s=min(stop_s, pinned_s),
            as_of_s=pinned_s,
            look_back_s=self.settings.look_back_s,
            threads=threads and self.threads,
            explicit=stop_s < pinned_s,
            full=full,
            ladder=self.ladder,
            hot=self.hot_rule,
        )


class Session:
    """What the resources of one source share while one load runs.

    `sliced`: a slice of it is read at each evaluation, and whoever made the session ends it.
    `closing_rows` go with the last slice: with what it tells of, or not at all.
    `carrier`, `workers` and `clock` (epoch seconds): how requests travel, how several are under way
    at once, what time it is if the server does not tell. With others than HTTP, threads and this
    machine's, a load is a function of what it is told.
    """

    def __init__(
        self,
        options: Options,
        *,
        full: bool = False,
        most_messages: int | None = None,
        most_requests: int | None = None,
        reset_chats: Iterable[str] = (),
        sliced: bool = False,
        progress: Progress | None = None,
        carrier: Carrier | None = None,
        workers: Callable[[int], Workers] = ThreadWorkers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.progress = progress or Progress()
        self.intake = Intake(options.bounds, options.settings.batch_rows)
        self.walk: Walk | None = None
        self.warnings: list[str] = []
        self.sliced = sliced
        self.closing_rows: Callable[[], list[tuple[Table, list[Row]]]] = self.coverage_rows
        self._full = full
        self._most_messages = most_messages
        self._most_requests = most_requests
        self._reset_chats = tuple(check_id("chat", chat_id) for chat_id in reset_chats)
        self._carrier = carrier
        self._make_workers = workers
        self._clock = clock
        self._client: Client | None = None
        self._roster: Roster | None = None

    @property
    def began(self) -> bool:
        """True once a client was needed, so that there is something to tell of it."""
        return self._client is not None

    @property
    def client(self) -> Client:
        """The client, made at the first request.

        Raises:
            ConfigurationError: credentials are missing.
        """
        if self._client is None:
            options = self.options
            self._client = Client(
                options.identity(),
                options.base_url,
                options.settings,
                budget=Budget(self._most_requests),
                carrier=self._carrier,
            )
        return self._client

    @property
    def roster(self) -> Roster:
        """The chats, their list not yet read."""
        if self._roster is None:
            self._roster = Roster(self.client, self.options.selection)
        return self._roster

    @property
    def spare_requests(self) -> int:
        """Requests that details and members may make, where a load's requests are bounded."""
        return self.client.budget.left_of(SHARE_OF_DETAILS)

    @property
    def pinned_s(self) -> int:
        """The load's end: the server's clock at the chat list, this machine's if it tells none."""
        self.roster.read_list()
        if not self.roster.pinned_s:
            self.roster.pinned_s = int(self.client.server_time_s or self._clock())
        return self.roster.pinned_s

    def open_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """The claims of all chats, in a state that belongs to this tenant and this version.

        Raises:
            ConfigurationError: another app or host wrote it, or a newer version of this source.
        """
        return open_state(state, self.options.owner)

    def begin_walk(self, claims: dict[str, Any], known: Known, threads: bool) -> Walk:
        """The load's walk over all chats; made at its first slice, gone on with at the next."""
        if self.walk is None:
            wanted = list(self.roster.chats({chat_id: {} for chat_id in claims} | known))
            self._reset(claims, {chat_id for chat_id, _, _ in wanted})
            chats = [
                (chat_id, name, mode, ChatState.from_dict(claims.get(chat_id, {})))
                for chat_id, name, mode in wanted
            ]
            self.walk = Walk(
                self.client,
                self.options.settings,
                self.options.wanted(self.pinned_s, threads, self._full),
                self.intake,
                self.roster,
                self._make_workers(self.options.settings.workers),
                self.progress,
                self._most_messages,
                bounded=self.sliced,
            )
            self.walk.add(chats)
        return self.walk

    def coverage_rows(self) -> list[tuple[Table, list[Row]]]:
        """`sync_coverage` of the chats that no slice reached: the last rows of a walk."""
        return [(SYNC_COVERAGE, self.walk.coverage_rows())] if self.walk else []

    def _reset(self, claims: dict[str, Any], wanted: Collection[str]) -> None:
        """Forgets what is claimed of the chats that are to be loaded anew."""
        for chat_id in self._reset_chats:
            claimed = claims.pop(chat_id, None) is not None
            if chat_id in wanted:
                continue
            if claimed or chat_id in self.roster.listed:
                reason = "left out by --chat, --include or --exclude, so it is read by a later load"
            else:
                reason = "no chat of this id was loaded before, and the app sees none"
            self.warnings.append(f"--reset-chat {chat_id}: {reason}.")
            _log.warning("%s", self.warnings[-1])

    def close(self) -> None:
        """Ends workers and connections; a session may be used again, for another load."""
        if self.walk:
            self.walk.close()
        if self._client:
            self._client.close()
        self.walk = self._client = self._roster = None
        self.intake = Intake(self.options.bounds, self.options.settings.batch_rows)


def _lasting_url(base_url: str) -> str:
    """The base URL without what changes at every start: the port of a tenant on this machine."""
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.hostname}" if is_loopback(url.hostname or "") else base_url
