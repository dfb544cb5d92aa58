"""The whole check: each part once, in the order of a load, none stopped by another.

In: where a load would go, and the arguments of the source. Out: a `CheckReport`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.pipeline import PipelineContext

from feishu_source.api import Client, Identity
from feishu_source.destination import Plan, lock_path, plan_of
from feishu_source.doctor import machine, warehouse
from feishu_source.doctor.asking import Clock, Inquiry
from feishu_source.doctor.configuration import Configured, Trust, check_setting_names, configure
from feishu_source.doctor.findings import CheckReport, Finding, find, skip
from feishu_source.doctor.judging import EXTRAS, Asked, judge, wanted_extras
from feishu_source.doctor.texts_feishu import CHECKS as FEISHU_CHECKS
from feishu_source.errors import ConfigurationError, Interrupted, first_line
from feishu_source.settings import Settings
from feishu_source.tenancy import arguments_for

MOST_ATTEMPTS = 2
"""Tries of one request: a check tells of trouble rather than waiting for its end."""

MOST_READ_S = 30.0
"""Seconds for one answer, for the same reason."""

_log = logging.getLogger(__name__)


def check(
    target: dlt.Pipeline | Callable[[], Plan],
    *,
    tolerate: Iterable[int] = (),
    trusts: Trust = lambda host: False,
    clock: Clock = time.time,
    **source_arguments: Any,
) -> CheckReport:
    """What a load would meet now; nothing is written to the tenant, nor to the warehouse's data.

    Args:
        target: the pipeline that would be loaded, or how to plan one, of which nothing is made.
        tolerate: Feishu's codes that do not make a load incomplete.
        trusts: whether somebody has allowed a host beside those that are configured.
        clock: this machine's, in epoch seconds.
        source_arguments: arguments of `feishu_source`; what is left out, configuration gives, that
            of one tenant where `tenant` names it or the pipeline was opened for it.

    Raises:
        ConfigurationError: the pipeline was opened for another tenant.
    """
    if isinstance(target, dlt.Pipeline):
        source_arguments = arguments_for(target, source_arguments)
    with _current_pipeline_kept():
        return _Examination(target, frozenset(tolerate), trusts, clock, source_arguments).run()


class _Examination:
    """The parts of one check; what one part finds out, later parts use."""

    def __init__(
        self,
        target: dlt.Pipeline | Callable[[], Plan],
        tolerate: frozenset[int],
        trusts: Trust,
        clock: Clock,
        given: Mapping[str, Any],
    ) -> None:
        self._target = target
        self._tolerate = tolerate
        self._trusts = trusts
        self._clock = clock
        self._given = given
        self._configured = Configured()
        self._state: warehouse.State = {}
        self._requests: Mapping[str, int] = {}

    def run(self) -> CheckReport:
        """All parts, one after the other."""
        parts: dict[str, Callable[[], Iterable[Finding]]] = {
            "versions": lambda: [machine.check_versions()],
            "settings": self._check_settings,
            "setting_names": lambda: [check_setting_names(self._given.get("tenant"))],
            "destination": self._check_target,
            "connection": self._check_feishu,
        }
        findings: list[Finding] = []
        for name, examine in parts.items():
            findings += _unstopped(name, examine)
        return CheckReport(tuple(findings), self._requests)

    def _check_settings(self) -> list[Finding]:
        self._configured = configure(self._given, self._trusts)
        return self._configured.findings

    def _check_target(self) -> Iterator[Finding]:
        """Lock, working folder, destination, state."""
        try:
            target = self._target
            plan = plan_of(target) if isinstance(target, dlt.Pipeline) else target()
        except (ConfigurationError, ConfigurationException) as error:
            yield from (skip(name, "destination") for name in ("lock", "working_folder"))
            yield find("destination.wrong", words=first_line(error))
            yield skip("state", "destination")
            return
        lock = machine.check_lock(lock_path(plan.folder, plan.name))
        yield lock
        yield machine.check_working_folder(plan.folder)
        if lock.outcome == "held":  # that load has the database open, and its state is on the move
            yield from (skip(name, "lock") for name in ("destination", "state"))
            return
        seen = warehouse.look_at(plan)
        yield seen.finding
        self._state = seen.state or {}
        options = self._configured.options
        if options is None:
            yield skip("state", self._configured.blocked_by)
        else:
            yield warehouse.check_state(seen, options.owner)
            if options.files:
                yield warehouse.check_files(plan, options.files)

    def _check_feishu(self) -> list[Finding]:
        options, blocked_by = self._configured.options, self._configured.blocked_by
        extras = wanted_extras(options.settings) if options else []
        left_out = {"chat", *(EXTRAS.keys() - set(extras))}
        names = [name for name in FEISHU_CHECKS if name not in left_out]
        if options is None:
            return [skip(name, blocked_by) for name in names]
        try:
            identity = options.identity()
        except ConfigurationError as error:
            app = options.app_id or options.app_secret
            some = app or options.user_access_token or options.of_store
            wrong = find("credentials.wrong", words=str(error))
            found = wrong if some else find("credentials.missing")
            return [found if name == found.id else skip(name, found.id) for name in names]
        return self._ask(identity)

    def _ask(self, identity: Identity) -> list[Finding]:
        options = self._configured.options
        assert options is not None
        client = Client(identity, options.base_url, _impatient(options.settings))
        inquiry = Inquiry(
            client, options.selection, self._state.get("chats", {}).keys(), self._clock
        )
        is_user = bool(options.user_access_token)
        extras = wanted_extras(options.settings)
        try:
            answers = inquiry.ask(is_user=is_user, threads=options.threads, extras=extras)
        finally:
            self._requests = client.stats.by_endpoint("requests")
            client.close()
        host = self._configured.host
        tenant_key = options.tenant_key if options.of_store else None
        who = (host, options.app_id, is_user)
        return judge(answers, Asked(*who, options.threads, self._tolerate, tenant_key, extras))


def _unstopped(name: str, examine: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a part; what nobody foresaw ends that part, is told, and stops no other."""
    findings: list[Finding] = []
    try:
        findings.extend(examine())
    except Interrupted:
        raise
    except Exception as error:
        _log.debug("the check of %s failed", name, exc_info=error)
        reason = f"{type(error).__name__}: {first_line(error)}"
        findings.append(find(f"{name}.unforeseen", reason=reason))
    return findings


def _impatient(settings: Settings) -> Settings:
    return replace(
        settings,
        attempts=min(settings.attempts, MOST_ATTEMPTS),
        rate_attempts=MOST_ATTEMPTS,
        read_timeout_s=min(settings.read_timeout_s, MOST_READ_S),
    )


@contextmanager
def _current_pipeline_kept() -> Iterator[None]:
    """dlt's current pipeline is the same afterwards; scratch ones take its place meanwhile."""
    context = Container()[PipelineContext]
    before = context.pipeline() if context.is_active() else None
    try:
        yield
    finally:
        if isinstance(before, dlt.Pipeline):
            before.activate()
        elif context.is_active():
            context.deactivate()
