"""Views over files of Parquet, to which each load only appends.

In: a pipeline to files. Out: the SQL that makes a view of each table's newest rows. Refuses to run
it: that is for who reads.
"""

from __future__ import annotations

import dlt

from feishu_source.errors import ConfigurationError
from feishu_source.filesystem_destination import files_client
from feishu_source.newest_rows import Dialect, view_statements
from feishu_source.tables import TABLES


def latest_views(pipeline: dlt.Pipeline, dialect: Dialect = "duckdb") -> list[str]:
    """Statements that make a view of the newest rows of each table, for DuckDB or Spark.

    DuckDB's views stand in a schema of the dataset's name; Spark's are temporary and are called
    DATASET_TABLE. They see what later loads bring, and have to be made anew only for tables that
    had no file yet, or new columns.

    Args:
        pipeline: one that `open_pipeline(destination="filesystem")` gave.
        dialect: who will read, `duckdb` or `spark`.

    Raises:
        ConfigurationError: the pipeline loads elsewhere, or not into plain Parquet files.
    """
    files = files_client(pipeline)
    if files is None or files.table_format:
        raise ConfigurationError(
            "only plain Parquet files need views: the pipeline has to load into the destination "
            "filesystem, and table_format must not be set there."
        )
    tables = [table for table in TABLES.values() if files.has_files(table.name)]
    return view_statements(tables, files.dataset_url, files.dataset_name, dialect)
