"""Files as a destination: Parquet, Delta Lake or Iceberg, in a folder or a bucket.

In: dlt's configuration under `[destination.filesystem]`, and `table_format` there: nothing for
plain Parquet, `delta` or `iceberg`. Out: dlt's filesystem destination with these manners. Refuses
to know what is loaded.

Left alone, dlt appends to Parquet files and says so with a warning per table; a killed load can
leave half a file there; and a state may be stored that claims the rows of a load which is not noted
as finished. In Delta and Iceberg tables dlt knows no delete-insert, by which children vanish with
their message's newest version.
"""

from __future__ import annotations

import json
import shutil
from os import replace as put_in_place
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import configspec, resolve_type
from dlt.common.configuration.specs import CredentialsConfiguration
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import JobClientBase, LoadJob
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.impl.filesystem.configuration import FilesystemDestinationClientConfiguration
from dlt.destinations.impl.filesystem.filesystem import (
    FilesystemClient,
    FilesystemLoadJob,
    ReferenceFollowupJob,
)

from feishu_source.errors import ConfigurationError
from feishu_source.newest_rows import LOAD_ID
from feishu_source.tables import Table

TABLE_FORMATS = ("delta", "iceberg")

UNFINISHED = ".part"
"""Ends the name of a file that is still being copied; a killed load may leave one."""


@configspec(init=False)
class FilesConfiguration(FilesystemDestinationClientConfiguration):
    """dlt's own settings, and how tables are kept.

    `table_format`: empty for Parquet files to which each load appends, `delta` or `iceberg`;
    `DESTINATION__FILESYSTEM__TABLE_FORMAT` sets it.
    """

    table_format: str | None = None

    @resolve_type("credentials")
    def resolve_credentials_type(self) -> type[CredentialsConfiguration]:
        """Which credentials a bucket takes; dlt wants to be told by each class."""
        return super().resolve_credentials_type()

    def on_resolved(self) -> None:
        """Refuses a format that nobody knows."""
        super().on_resolved()
        if self.table_format and self.table_format not in TABLE_FORMATS:
            raise ConfigurationError(
                f"table_format is none of {', '.join(TABLE_FORMATS)}: set one of them under "
                "[destination.filesystem] in .dlt/config.toml, or none for Parquet files."
            )


class WholeFiles(FilesystemLoadJob):
    """A copy of a file that is there whole or not at all, as an object in a bucket is."""

    def run(self) -> None:
        """Copies beside its place, and moves it there."""
        client = self._job_client
        if not client.config.is_local_filesystem:
            super().run()
            return
        path = Path(self.make_remote_path())
        part = path.with_name(path.name + UNFINISHED)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._file_path, part)
        put_in_place(part, path)


class FilesClient(FilesystemClient):
    """dlt's client, which appends without a word, and notes a load before what it claims."""

    config: FilesConfiguration

    @property
    def table_format(self) -> Any:
        """`delta`, `iceberg`, or None for Parquet files."""
        return self.config.table_format or None

    def prepare_load_table(self, table_name: str) -> PreparedTableSchema:
        """The table as it is loaded: to Parquet files rows can only be appended."""
        if self.table_format:
            return super().prepare_load_table(table_name)
        table = JobClientBase.prepare_load_table(self, table_name)
        if table["write_disposition"] == "merge":
            table["write_disposition"] = "append"
            for column in table["columns"].values():  # else dlt warns of it, whenever it loads
                column.pop("hard_delete", None)
        return table

    def get_load_job_class(self, table: PreparedTableSchema, file_path: str) -> type[LoadJob]:
        """How a file is loaded."""
        known = super().get_load_job_class(table, file_path)
        return WholeFiles if known is FilesystemLoadJob else known

    @staticmethod
    def get_reference_followup_job_class(
        table: PreparedTableSchema,
    ) -> type[ReferenceFollowupJob] | None:
        """How the rows of a Delta or Iceberg table get there: dlt's way, or ours."""
        known = FilesystemClient.get_reference_followup_job_class(table)
        if known is None or table.get("x-merge-strategy") != "delete-insert":
            return known
        from feishu_source.open_tables import DeltaReplace, IcebergReplace  # with Arrow

        return DeltaReplace if table["table_format"] == "delta" else IcebergReplace

    def complete_load(self, load_id: str) -> None:
        """Notes that the load is finished, then its state.

        dlt does it the other way round. A kill in between would leave a state that claims rows
        which no view counts. As it is here, they are read once more.
        """
        self._store_load(load_id)
        self._store_current_state(load_id)

    def finished_loads(self) -> set[str]:
        """The ids of all loads that came to their end."""
        try:
            names = self.list_table_files(self.schema.loads_table_name)
        except DestinationUndefinedEntity:
            return set()
        stems = (self.pathlib.basename(name).removesuffix(".jsonl") for name in names)
        return {stem.rpartition("__")[2] for stem in stems}

    def newest_states(self) -> dict[str, str]:
        """The newest state of each pipeline that loaded here, as dlt packs it, by its name.

        Those of loads that came to their end: `complete_load` writes no other.
        """
        newest: dict[str, tuple[str, str]] = {}
        for path, (name, load_id, _) in self._list_dlt_table_files(self.schema.state_table_name):
            newest[name] = max(newest.get(name, ("", "")), (load_id, path))
        return {name: self._read_state(path) for name, (_, path) in newest.items()}

    def _read_state(self, path: str) -> str:
        return str(json.loads(self.fs_client.read_text(path, encoding="utf-8"))["state"])

    @property
    def dataset_url(self) -> str:
        """The folder of the dataset: a path on this machine, or the URL of a bucket's folder."""
        path = self.dataset_path.rstrip(self.pathlib.sep)
        return path if self.config.is_local_filesystem else self.make_remote_url(path)

    def has_files(self, table_name: str) -> bool:
        """True if some load wrote rows of this table, or found that there are none."""
        folder = self.get_table_dir(table_name)
        return bool(self.fs_client.isdir(folder) and self.list_table_files(table_name))

    def count_rows(self, table_name: str) -> int | None:
        """How many rows a table has; None for Parquet files, which hold versions of rows."""
        if not self.table_format:
            return None
        from feishu_source.open_tables import count_rows

        try:
            return count_rows(self.load_open_table(self.table_format, table_name))
        except DestinationUndefinedEntity:
            return 0

    def newest_rows(self, table: Table) -> list[tuple[Any, ...]]:
        """The rows of a table that count, in the order of its columns. For small tables."""
        if self.table_format:
            from feishu_source.open_tables import read_columns

            found = self.load_open_table(self.table_format, table.name)
            rows = read_columns(found, table.names).to_pylist()
        else:
            rows = self._newest_in_files(table)
        return [tuple(row[name] for name in table.names) for row in rows]

    def _newest_in_files(self, table: Table) -> list[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.dataset as ds

        from feishu_source.arrow import schema_of

        schema = schema_of(table).append(pa.field(LOAD_ID, pa.string()))
        files = [name for name in self.list_table_files(table.name) if name.endswith(".parquet")]
        data = ds.dataset(files, schema, format="parquet", filesystem=self.fs_client)
        finished = pa.array(sorted(self.finished_loads()), pa.string())  # even where none is
        counts = ds.field(LOAD_ID).isin(finished)
        rows = data.to_table([*table.names, LOAD_ID], filter=counts).sort_by(LOAD_ID).to_pylist()
        return list({tuple(row[name] for name in table.key): row for row in rows}.values())


class _Files(dlt.destinations.filesystem):
    @property
    def spec(self) -> type[FilesConfiguration]:
        return FilesConfiguration

    @property
    def client_class(self) -> type[FilesClient]:
        return FilesClient

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.filesystem"

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.preferred_loader_file_format = "parquet"
        known = found.supported_merge_strategies or []
        found.supported_merge_strategies = ["delete-insert", *known]
        return found

    @classmethod
    def adjust_capabilities(
        cls, caps: DestinationCapabilitiesContext, config: Any, naming: Any
    ) -> DestinationCapabilitiesContext:
        if config.table_format:
            caps.preferred_table_format = config.table_format
        return super().adjust_capabilities(caps, config, naming)


def filesystem_destination() -> Any:
    """The dlt destination, which finds its bucket and credentials in dlt's configuration."""
    return _Files()


def bucket() -> str:
    """The bucket or folder that is configured, by a text that tells it from others."""
    key = "destination.filesystem.bucket_url"
    url = str(dlt.config.get(key, str) or dlt.secrets.get(key, str) or "")
    return url if "://" in url else str(Path(url).resolve())


def files_client(pipeline: dlt.Pipeline) -> FilesClient | None:
    """The client of a pipeline to files; None for a pipeline to anything else."""
    if not isinstance(pipeline.destination, _Files):
        return None
    client: Any = pipeline.destination_client()
    return client if isinstance(client, FilesClient) else None
