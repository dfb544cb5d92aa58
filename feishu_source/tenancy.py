"""Several tenants from one configuration: what is set for each, and where each goes.

In: sections `[sources.feishu.tenants.NAME]` of dlt's files, and their like in the environment. Out:
`Tenant`s, their settings as values of their types. Refuses to know what a setting does.

What a tenant's section does not give is inherited from `[sources.feishu]`, except that credentials
are of one app or one person: a tenant that names an app_id or a user_access_token of its own
inherits none of the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs import PluggableRunContext
from dlt.common.configuration.specs.base_configuration import extract_inner_hint, is_secret_hint
from dlt.common.configuration.utils import deserialize_value

from feishu_source.configuration import SECTIONS, explain_value
from feishu_source.errors import ConfigurationError, redact
from feishu_source.shards import shard_named

if TYPE_CHECKING:
    from feishu_source.destination import Plan

PLACE = ("destination", "database", "dataset", "pipeline")
"""Where a tenant goes: arguments of `open_pipeline`, which are no settings of the source.
`pipeline` is its name, under which the state of earlier loads is found."""

CREDENTIALS = (
    *("app_id", "app_secret", "user_access_token"),
    *("app_ticket", "app_ticket_file", "tenant_key"),
)

_ALL = "tenants"
_ENVIRONMENT = "__".join((*SECTIONS, _ALL, "")).upper()
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")

_OPENED: WeakKeyDictionary[dlt.Pipeline, str] = WeakKeyDictionary()
"""Pipelines that were opened for a tenant: they load that one and no other."""


@dataclass(frozen=True)
class Tenant:
    """One tenant: its name, and where its tables go, as far as that is configured.

    `hints` are the types of the source's settings.
    """

    name: str
    place: Mapping[str, str]
    hints: Mapping[str, Any] = field(repr=False)

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of `feishu_source`: what the tenant's own section gives, as it is now.

        An empty credential among them is one that is not inherited.

        Raises:
            ConfigurationError: a value of another type, or a secret where none may stand.
        """
        found = {key: _value(self.name, key, hint) for key, hint in self.hints.items()}
        return _with_credentials(_only_given(found))

    def pipeline_arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of `open_pipeline`: as given, else as configured, else of its own name."""
        own = {"pipeline": f"feishu_history_{self.name}", "dataset": f"feishu_{self.name}"}
        configured = own | dict(self.place)
        return {"name": configured.pop("pipeline"), **configured, **given}

    def open_pipeline(self, **given: Any) -> dlt.Pipeline:
        """A pipeline for this tenant alone, which `load` reads with this tenant's settings.

        Raises:
            ConfigurationError: there can be no such DuckDB file, dataset or working folder.
        """
        # A source is built without what opens a warehouse.
        from feishu_source.destination import open_pipeline

        pipeline = open_pipeline(**self.pipeline_arguments(given))
        _OPENED[pipeline] = self.name
        return pipeline

    def plan_pipeline(self, **given: Any) -> Plan:
        """What `open_pipeline` would make, with nothing made."""
        from feishu_source.destination import plan_pipeline

        return plan_pipeline(**self.pipeline_arguments(given))


def read_tenants(hints: Mapping[str, Any]) -> dict[str, Tenant]:
    """All tenants that are configured, by name; `hints` are the types of the source's settings.

    Raises:
        ConfigurationError: none are, a name cannot be meant, or two go to one dataset.
    """
    tenants = {name: _read(name, hints) for name in sorted(set(_names()))}
    if not tenants:
        raise ConfigurationError(
            "no tenants are configured: give each a section such as [sources.feishu.tenants.acme] "
            "in .dlt/config.toml."
        )
    check_places(tenants, {})
    return tenants


def find_tenant(name: str, tenants: Mapping[str, Tenant]) -> Tenant:
    """The tenant of that name.

    Raises:
        ConfigurationError: there is none; the nearest name is told.
    """
    if name in tenants:
        return tenants[name]
    nearest = get_close_matches(name, tenants, n=1)
    meant = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(tenants)}."
    raise ConfigurationError(f"no tenant {redact(name)} is configured: {meant}")


def check_places(tenants: Mapping[str, Tenant], given: Mapping[str, Mapping[str, Any]]) -> None:
    """No two tenants go to one dataset; `given` is what is said of a tenant's place elsewhere.

    Raises:
        ConfigurationError: two do: ids are unique in their tenant only.
    """
    taken: dict[tuple[str, str, str], str] = {}
    for name, tenant in tenants.items():
        arguments = tenant.pipeline_arguments(given.get(name, {}))
        destination, database, dataset = _key(arguments)
        # Rows wait in a second dataset beside the first.
        for schema in (dataset, f"{dataset}_staging"):
            other = taken.setdefault((destination, database, schema), name)
            if other != name:
                raise ConfigurationError(
                    f"the tenants {other} and {name} both go to the dataset "
                    f"{arguments['dataset']} at {database or destination}: give each a dataset of "
                    f"its own under [sources.feishu.tenants.{name}]."
                )


def arguments_for(pipeline: dlt.Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the source; a pipeline that was opened for a tenant names that one.

    Raises:
        ConfigurationError: it was opened for another one.
    """
    opened, named = _OPENED.get(pipeline), given.get("tenant")
    if opened and named and opened != named:
        raise ConfigurationError(
            f"this pipeline was opened for the tenant {opened}, not {named}: each has a dataset of "
            "its own."
        )
    return {**given, "tenant": named or opened}


def unknown_names_of(name: str, known: Collection[str]) -> list[tuple[str, str]]:
    """Where in a tenant's configuration a name stands that no setting has, and the name."""
    section = f"[sources.feishu.tenants.{name}]"
    found = [
        (f"{redact(key)} under {section}", key)
        for provider in _providers()
        for key in _section(provider).get(name, {})
    ]
    variables = [each for each in sorted(os.environ) if _tenant_of(each) == name]
    found += [
        (f"{redact(each)} in the environment", each.rpartition("__")[2].lower())
        for each in variables
    ]
    return [(where, key) for where, key in found if key not in known and key not in PLACE]


def _key(arguments: Mapping[str, Any]) -> tuple[str, str, str]:
    """By which two places are told apart."""
    destination = str(arguments.get("destination", "duckdb"))
    database = ""
    if destination == "duckdb":
        named = arguments.get("database", "feishu_history.duckdb")
        database = str(Path(str(named)).expanduser().resolve())
    return destination, database, _schema(str(arguments["dataset"]))


def _schema(dataset: str) -> str:
    """The dataset as dlt calls it at the destination: `feishuBerlin` is `feishu_berlin` there."""
    try:
        name = str(dlt.Schema("feishu").naming.normalize_table_identifier(dataset))
    except ValueError:  # nothing but blanks, which is told when it is loaded into
        name = dataset
    return re.sub("[^a-z0-9]+", "_", name.lower())


def _read(name: str, hints: Mapping[str, Any]) -> Tenant:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"the tenant {redact(name)!r} has a name that cannot be used: write letters from a to "
            "z, digits and single _ between them."
        )
    place = {key: _value(name, key, str) for key in PLACE}
    tenant = Tenant(name, _only_given(place), hints)
    pipeline = tenant.pipeline_arguments({})["name"]
    if shard := shard_named(pipeline):
        raise ConfigurationError(
            f"the tenant {name} cannot have the pipeline {pipeline}: a name that ends like this is "
            f"that of shard {shard}. Name the tenant otherwise, or set another pipeline under "
            f"[sources.feishu.tenants.{name}]."
        )
    return tenant


def _only_given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None and value != ""}


def _with_credentials(settings: dict[str, Any]) -> dict[str, Any]:
    """Empties what must not be inherited beside the credentials that a tenant has of its own."""
    own = {key for key in CREDENTIALS if key in settings}
    foreign: set[str] = set()
    if own & {"app_id", "user_access_token"}:
        foreign = set(CREDENTIALS)
    elif own:
        foreign = {"user_access_token"}
        if own & {"app_ticket", "app_ticket_file"}:
            foreign |= {"app_ticket", "app_ticket_file"}
    return dict.fromkeys(foreign, "") | settings


def _value(name: str, key: str, hint: Any) -> Any:
    """A setting as a tenant's own section gives it; None where it does not."""
    for provider in _providers():
        value, where = provider.get_value(key, hint, "", *SECTIONS, _ALL, name)
        if value is None:
            continue
        if is_secret_hint(hint) and not provider.supports_secrets:
            raise ConfigurationError(
                f"{where} is a secret and stands in {provider.name}: move it to .dlt/secrets.toml "
                "or into the environment."
            )
        try:
            return deserialize_value(key, value, extract_inner_hint(hint))
        except ConfigValueCannotBeCoercedException as error:
            wrong = explain_value(error, name)
        raise wrong  # raised here, since dlt's error carries the value
    return None


def _names() -> Iterator[str]:
    for provider in _providers():
        yield from _section(provider)
    yield from filter(None, map(_tenant_of, os.environ))


def _tenant_of(variable: str) -> str | None:
    """The tenant that an environment variable speaks of: SOURCES__FEISHU__TENANTS__ACME__APP_ID."""
    rest = variable.removeprefix(_ENVIRONMENT)
    name, _, key = rest.partition("__")
    return name.lower() if rest != variable and key else None


def _section(provider: ConfigProvider) -> dict[str, dict[str, Any]]:
    """All tenants' sections in a file; what is no section there is not of a tenant."""
    found, _ = provider.get_value(_ALL, dict, "", *SECTIONS)
    sections = found if isinstance(found, dict) else {}
    return {name: each for name, each in sections.items() if isinstance(each, dict)}


def _providers() -> list[ConfigProvider]:
    return Container()[PluggableRunContext].providers.providers
