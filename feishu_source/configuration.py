"""What a person wrote into dlt's configuration and did not mean: told, never guessed.

In: dlt's errors, its TOML files, the environment. Out: one sentence that names file or key, and
what to write instead; a value is never repeated, it may be a secret. And what dlt is told where
nobody told it anything. Refuses to know what a setting of ours does.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.specs import PluggableRunContext
from dlt.common.runtime.anon_tracker import disable_anon_tracker

from feishu_source.errors import ConfigurationError, redact

SECTIONS = ("sources", "feishu")

_ENVIRONMENT = "SOURCES__FEISHU__"

_OF_DLT = frozenset(
    {
        *("max_table_nesting", "root_key", "schema_contract", "parallelized", "naming"),
        *("json_normalizer", "allow_identifier_change_on_table_with_data"),
    }
)
"""What dlt itself reads from the section of a source."""

_KINDS: dict[str, tuple[str, str]] = {
    "list": ("a list", '["…"]'),
    "int": ("a whole number", "1"),
    "float": ("a number", "1.0"),
    "bool": ("true or false", "true"),
}


_DLT_DEFAULTS: dict[str, Any] = {
    "runtime.dlthub_telemetry": False,
    "normalize.parquet_normalizer.add_dlt_load_id": True,
    "load.delete_completed_jobs": True,
    "load.truncate_staging_dataset": True,
    "load.auto_abort_on_terminal_error": True,
    "destination.keep_staged_files": False,
    "sources.feishu.data_writer.buffer_max_items": 1,
}


def set_dlt_defaults() -> None:
    """Sets what a correct load needs of dlt, unless the user's configuration says otherwise.

    Load ids on every row; no copies of messages left in the working folder, the staging dataset or
    the files that Snowflake and Databricks load from; a package that can never be loaded does not
    block for ever; tables are written as they come, since they are gathered by their bytes, where
    dlt would wait for 5,000 rows of whatever length; no telemetry.

    Raises:
        ConfigurationError: a file of dlt's configuration cannot be read.
    """
    unreadable = None
    try:
        missing = {key: v for key, v in _DLT_DEFAULTS.items() if dlt.config.get(key) is None}
    except TomlProviderReadException as error:  # here, where dlt reads its files first
        unreadable = explain_files(error)
    if unreadable is not None:
        raise unreadable
    for key, value in missing.items():
        dlt.config[key] = value
    if not dlt.config["runtime.dlthub_telemetry"]:
        disable_anon_tracker()  # dlt has started it by now, with a default of its own


def explain_value(
    error: ConfigValueCannotBeCoercedException, tenant: str | None = None
) -> ConfigurationError:
    """A setting whose value is of another kind than it takes."""
    name = error.field_name
    kind, example = _KINDS.get(getattr(error.hint, "__name__", ""), ("a text", '"…"'))
    sections = (*SECTIONS, "tenants", tenant) if tenant else SECTIONS
    variable = "__".join((*sections, name)).upper()
    return ConfigurationError(
        f"setting {name} is not {kind}: write {name} = {example} under [{'.'.join(sections)}] in "
        f".dlt/config.toml, or {variable}='{example}' in the environment."
    )


def explain_files(error: TomlProviderReadException) -> ConfigurationError:
    """A TOML file that cannot be read: which, and at which line."""
    for path in map(Path, error.full_paths):
        if reason := _why_unreadable(path):
            return ConfigurationError(f"{path} cannot be read: {reason}. Mend it and run again.")
    return ConfigurationError(f"{' or '.join(error.full_paths)} cannot be read as TOML.")


def _why_unreadable(path: Path) -> str | None:
    try:
        _read_toml(path)
    except tomllib.TOMLDecodeError as error:
        return redact(str(error))  # its words and place; of the text one character at most
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except OSError as error:
        return str(error.strerror)
    return None


def _read_toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


def unknown_settings(known: Collection[str]) -> list[str]:
    """Settings of this source that nobody reads, each with the one that was probably meant."""
    return tell_unknown(unknown_names(known), known)


def tell_unknown(named: Iterable[tuple[str, str]], known: Collection[str]) -> list[str]:
    """A sentence for each name that no setting has."""
    return [
        f"{where} is not a setting and is ignored{_suggest(key, known)}" for where, key in named
    ]


def unknown_names(known: Collection[str]) -> list[tuple[str, str]]:
    """Where each such name stands, and the name."""
    named = (*_keys_in_files(), *_keys_in_environment())
    return [(where, key) for where, key in named if key not in known and key not in _OF_DLT]


def _suggest(key: str, known: Collection[str]) -> str:
    nearest = get_close_matches(key, known, n=1)
    return f": did you mean {nearest[0]}?" if nearest else "."


def _keys_in_files() -> Iterator[tuple[str, str]]:
    for provider in Container()[PluggableRunContext].providers.providers:
        for path in provider.present_locations:
            section: Any = _read_toml(Path(path))
            for name in SECTIONS:
                section = section.get(name) if isinstance(section, dict) else None
            for key, value in (section if isinstance(section, dict) else {}).items():
                if not isinstance(value, dict):  # a section of dlt's below that of the source
                    yield f"{redact(key)} under [sources.feishu] in {path}", key


def _keys_in_environment() -> Iterator[tuple[str, str]]:
    for variable in sorted(os.environ):
        key = variable.removeprefix(_ENVIRONMENT)
        if key != variable and "__" not in key:
            yield f"{redact(variable)} in the environment", key.lower()
