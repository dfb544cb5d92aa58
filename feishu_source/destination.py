"""The way to the warehouse: a pipeline, where it loads to, where it works.

In: names and paths. Out: a dlt pipeline, or what one would be. Refuses to know Feishu, and what is
loaded.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import (
    DestinationException,
    InvalidDestinationReference,
    UnknownDestinationModule,
)
from dlt.common.exceptions import MissingDependencyException
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from duckdb import DuckDBPyConnection

from feishu_source.configuration import set_dlt_defaults
from feishu_source.duckdb_destination import duckdb_destination
from feishu_source.duckdb_file import check_file, check_names
from feishu_source.errors import ConfigurationError
from feishu_source.filesystem_destination import bucket, filesystem_destination
from feishu_source.manners import MANNERS
from feishu_source.report import Place
from feishu_source.shards import Shard, check_dataset, parse_shard

NOT_CONFIGURED = (
    ConfigurationException,
    InvalidDestinationReference,
    MissingDependencyException,
    UnknownDestinationModule,
)
"""What dlt raises where an argument, a setting or the installation is wrong."""

_DUCKDB = "dlt.destinations.duckdb"


NO_SHARDS = (
    "a DuckDB file has one writer at a time, so shards cannot load into it side by side: leave out "
    "the shard, or load into a server, such as --destination postgres."
)


def open_pipeline(
    destination: str = "duckdb",
    database: str = "feishu_history.duckdb",
    dataset: str = "feishu",
    pipelines_dir: str | None = None,
    name: str = "feishu_history",
    shard: str | None = None,
) -> dlt.Pipeline:
    """A pipeline whose working folder belongs to this destination, database and dataset alone.

    Args:
        destination: a name dlt knows; its credentials come from dlt's configuration.
        database: the DuckDB file; other destinations ignore it.
        dataset: schema or dataset the tables go to.
        pipelines_dir: where working folders are kept; dlt's folder if not given
            (`~/.dlt/pipelines`; `/var/dlt/pipelines` for root).
        name: the pipeline's name, under which its state is kept at the destination.
        shard: `3/8` for the third of eight, each loaded by a pipeline of its own into the same
            dataset, at the same time if need be; `load` takes the same.

    Raises:
        ConfigurationError: there can be no such DuckDB file, dataset, working folder or shard.
    """
    plan = plan_pipeline(destination, database, dataset, pipelines_dir, name, shard)
    if plan.place.database:
        _make_parent(Path(plan.place.database))
    _make_private(plan.folder)
    return plan.open(plan.folder)


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline that is not made yet: where it would load to, and where it would work."""

    name: str
    place: Place
    target: Any
    folder: Path

    def open(self, folder: Path) -> dlt.Pipeline:
        """The pipeline, working in a folder."""
        return dlt.pipeline(
            self.name,
            destination=self.target,
            dataset_name=self.place.dataset,
            pipelines_dir=str(folder),
        )


def plan_pipeline(
    destination: str = "duckdb",
    database: str = "feishu_history.duckdb",
    dataset: str = "feishu",
    pipelines_dir: str | None = None,
    name: str = "feishu_history",
    shard: str | None = None,
) -> Plan:
    """The plan of a pipeline: what `open_pipeline` would make, with nothing made.

    Raises:
        ConfigurationError: the DuckDB file and the dataset have the same name, the dataset cannot
            be told from others or is where a shard stages its rows, shards cannot be loaded there,
            nobody knows such a destination, what it needs is not installed, or the working folder
            has a name that dlt or DuckDB misread.
    """
    set_dlt_defaults()
    part = parse_shard(shard)
    check_dataset(dataset)
    target: Any = destination
    path: Path | None = None
    where = [destination, dataset]
    if destination == "duckdb":
        if part:
            raise ConfigurationError(NO_SHARDS)
        path = Path(database).expanduser().resolve()
        dataset = _name_at_destination(dataset)
        check_names(path, dataset)
        check_file(path)
        target = duckdb_destination(path)
        where = [destination, dataset, str(path)]
    elif destination == "filesystem":
        dataset = _name_at_destination(dataset)
        target = filesystem_destination()
        where = [destination, dataset, bucket()]
    else:
        found = _find(destination, part)
        own = MANNERS.get(found.destination_type)
        if own and own.reserved:
            dataset = _name_at_destination(dataset)
            own.check_dataset(dataset)
            where = [destination, dataset]
        if own:
            own.check_installed(destination)
        target = own.make(found) if own else found
    digest = hashlib.sha256("\n".join(where).encode()).hexdigest()[:12]
    root = Path(pipelines_dir or get_dlt_pipelines_dir()).expanduser().resolve()
    _check_folder(root)
    place = Place(destination, str(path) if path else None, dataset)
    own_name = part.name(name) if part else name
    return Plan(own_name, place, target, root / f"{destination}-{digest}")


def _find(destination: str, shard: Shard | None) -> Any:
    """dlt's destination of that name; shards that load at once each stage their rows apart."""
    settings = {"staging_dataset_name_layout": shard.name("%s_staging")} if shard else {}
    try:
        return Destination.from_reference(destination, **settings)
    except (InvalidDestinationReference, UnknownDestinationModule) as error:
        raise ConfigurationError(
            f"{destination!r} is no destination that dlt knows: write duckdb, postgres, bigquery, "
            "snowflake or another name of dlt's, or configure one under [destination] in "
            ".dlt/config.toml."
        ) from error


def plan_of(pipeline: dlt.Pipeline) -> Plan:
    """The plan that a pipeline was made by, by `open_pipeline` or by dlt."""
    place = describe(pipeline)
    if place.database is None and pipeline.destination.destination_type == _DUCKDB:
        place = replace(place, database=_find_database(pipeline))
    return Plan(pipeline.pipeline_name, place, pipeline.destination, Path(pipeline.pipelines_dir))


def _find_database(pipeline: dlt.Pipeline) -> str | None:
    """The DuckDB file that dlt's configuration names; None for a connection that is open."""
    if isinstance(pipeline.destination.config_params.get("credentials"), DuckDBPyConnection):
        return None
    credentials = pipeline.destination_client().config.credentials
    return credentials.database if isinstance(credentials, DuckDbCredentials) else None


def lock_path(folder: str | Path, name: str) -> Path:
    """The lock of the pipeline of that name which works in a folder."""
    return Path(folder) / f"{name}.lock"


def _name_at_destination(dataset: str) -> str:
    """The dataset as dlt will call it: `my-data` becomes `my_data`.

    Raises:
        ConfigurationError: nothing would be left by which to tell it from others.
    """
    if not re.search("[A-Za-z0-9]", dataset) or not dataset.isascii():
        raise ConfigurationError(
            f"the dataset {dataset!r} cannot be told from others: its name is made of the letters "
            "a to z, digits and _."
        )
    return str(dlt.Schema("feishu").naming.normalize_table_identifier(dataset))


def _check_folder(folder: Path) -> None:
    """dlt takes % for a format in the names of its files, DuckDB the others for a pattern."""
    if found := re.search(r"[%*?\[\]]", str(folder)):
        raise ConfigurationError(
            f"the working folder {folder} cannot have {found[0]} in its name: name another with "
            "--pipelines-dir."
        )


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder of the database {path} cannot be made ({error.strerror}): name another "
            "with --database."
        ) from error


def _make_private(folder: Path) -> None:
    """Extracted messages lie in this folder until they are loaded: only its owner may read it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"the working folder {folder} cannot be made ({error.strerror}): name another with "
            "--pipelines-dir."
        ) from error


def database_of(pipeline: dlt.Pipeline) -> str | None:
    """The DuckDB file that `open_pipeline` was given, without a look at any configuration."""
    given = pipeline.destination.config_params.get("credentials")
    database = given.database if isinstance(given, DuckDbCredentials) else given
    is_file = pipeline.destination.destination_name == "duckdb" and isinstance(database, str)
    return database if is_file else None


def describe(pipeline: dlt.Pipeline) -> Place:
    """Where this pipeline loads to; dlt resolves its whole configuration anew to tell that."""
    name = pipeline.destination.destination_name
    return Place(name, database_of(pipeline), _dataset_of(pipeline))


def _dataset_of(pipeline: dlt.Pipeline) -> str:
    """The dataset as the destination calls it; as it was given where that cannot be asked."""
    given = pipeline.dataset_name or ""
    try:
        config: Any = pipeline.destination_client().config
        return str(config.normalize_dataset_name(dlt.Schema("feishu")) or given)
    except (DestinationException, AttributeError, ValueError, *NOT_CONFIGURED):
        return given  # no credentials yet, or a destination without datasets


def file_format(pipeline: dlt.Pipeline) -> Any:  # dlt declares its argument without None
    """Parquet, as rows are when they are extracted; None, dlt's choice, where that is not taken."""
    formats = pipeline.destination.capabilities().supported_loader_file_formats or ()
    return "parquet" if "parquet" in formats else None
