"""A DuckDB file: what it may be called, and what must stand at its path.

In: a path and a dataset. Out: nothing, or why that cannot be a destination. Refuses to know dlt.
"""

from __future__ import annotations

from pathlib import Path

from feishu_source.errors import ConfigurationError

_MAGIC_AT, _MAGIC = 8, b"DUCK"
"""Where a DuckDB file says that it is one. Source: https://duckdb.org/docs/internals/storage"""

_DATASETS_OF_DUCKDB = frozenset({"information_schema", "pg_catalog", "system", "temp"})
"""Schemas and catalogs that refuse every `create schema` or `create table`."""


def check_names(path: Path, dataset: str, option: str = "--database") -> None:
    """DuckDB can tell the file's catalog from every schema that a load reads or writes.

    Raises:
        ConfigurationError: it cannot, or the dataset is one of DuckDB's own.
    """
    if dataset.lower() in _DATASETS_OF_DUCKDB:
        raise ConfigurationError(
            f"the dataset {dataset} is DuckDB's own and cannot hold tables: choose another "
            "--dataset."
        )
    # DuckDB names the catalog by the file's name up to its first dot.
    catalog = next(filter(None, path.name.split(".")), "").lower()
    schemas = (dataset, f"{dataset}_staging", "information_schema")
    if taken := next((schema for schema in schemas if schema.lower() == catalog), None):
        what = "dataset" if taken == dataset else "schema"
        raise ConfigurationError(
            f"the DuckDB file {path.name} and the {what} {taken} have the same name, which "
            f"DuckDB cannot tell apart: choose another {option} or --dataset."
        )


def check_file(path: Path, what: str = "database", option: str = "--database") -> None:
    """The path is that of a DuckDB file, or of none yet.

    `what` and `option`: what it is to be, and by which option it was named.

    Raises:
        ConfigurationError: something else stands there, and is left as it is.
    """
    if path.name == ":memory:":
        raise ConfigurationError(
            f"a database in memory is gone when the load ends: name a file with {option}."
        )
    if path.is_dir():
        raise ConfigurationError(f"the {what} {path} is a folder: name a file in it.")
    if path.exists() and not _is_duckdb(path):
        is_empty = path.is_file() and path.stat().st_size == 0
        raise ConfigurationError(
            f"the {what} {path} is "
            + ("an empty file: delete it" if is_empty else "not a DuckDB file: move it away")
            + f", or name another with {option}."
        )


def _is_duckdb(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return True  # who may not read it is told so when it is opened
