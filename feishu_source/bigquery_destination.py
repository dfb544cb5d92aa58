"""BigQuery as a destination: a merge reads the days it changes, and is one transaction.

In: dlt's configuration of BigQuery. Out: dlt's BigQuery destination with these manners. Refuses to
know what is loaded into it, but that the time a table is partitioned by never changes under a key.

Left alone, dlt deletes by `WHERE EXISTS (the same key in staging)`, of which BigQuery leaves no
partition out: it does so by constants and variables only. Each slice would cost the keys of the
whole table at least, and at most all of it, for a DELETE is billed for the size of the partitions
that it updates. So a script finds the days first, by keys and times alone: those of the staged
rows, and of these the ones where such a row stands already. Where there is none, as in a first
load, nothing is deleted.

dlt sends a merge to BigQuery without a transaction. One that failed between its DELETE and its
INSERT would lose rows if the working folder was lost as well, so each merge is a transaction here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dlt
from dlt.common.destination.client import FollowupJobRequest
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop
from dlt.destinations.impl.bigquery.bigquery import BigQueryClient, BigQueryMergeJob

PARTITION = "x-bigquery-partition"
"""Set on the column by whose day a table is partitioned."""


class _Merge(BigQueryMergeJob):
    @classmethod
    def generate_sql(cls, table_chain: Sequence[Any], sql_client: Any) -> list[str]:
        """dlt's merge as one transaction; declarations come first in a script."""
        sql = super().generate_sql(table_chain, sql_client)
        declared = [line for line in sql if line.startswith("DECLARE ")]
        done = [line for line in sql if line not in declared]
        return [*declared, "BEGIN TRANSACTION", *done, "COMMIT TRANSACTION"]

    @classmethod
    def gen_merge_sql(cls, table_chain: Sequence[Any], sql_client: Any) -> list[str]:
        """dlt's, with one narrower DELETE in place of its own where a table is partitioned."""
        sql: list[str] = super().gen_merge_sql(table_chain, sql_client)
        table = table_chain[0]
        time = get_first_column_name_with_prop(table, PARTITION)
        if time is None or len(table_chain) > 1:
            return sql
        # The rows of a merge key hold those of any key that begins with it.
        key = get_columns_names_with_prop(table, "merge_key")
        key = key or get_columns_names_with_prop(table, "primary_key")
        escape = sql_client.escape_column_name
        name, staged = sql_client.get_qualified_table_names(table["name"])
        kept = [line for line in sql if not line.startswith("DELETE ")]
        return [*_delete(name, staged, escape(time), [escape(column) for column in key]), *kept]


def _delete(table: str, staged: str, time: str, key: Sequence[str]) -> list[str]:
    """Statements that delete the rows that staged rows replace, and read no further days."""
    found = f"MIN(d.{time}), MAX(d.{time}), ARRAY_AGG(DISTINCT DATE(d.{time}))"
    # The bounds surely narrow what is read, the days leave out what lies between them.
    within = f"d.{time} BETWEEN oldest AND newest AND DATE(d.{time}) IN UNNEST(days)"
    same = " AND ".join(f"d.{column} = s.{column}" for column in key)
    replaced = f"{within} AND EXISTS (SELECT 1 FROM {staged} AS s WHERE {same})"
    return [
        "DECLARE oldest, newest TIMESTAMP",
        "DECLARE days ARRAY<DATE>",
        f"SET (oldest, newest, days) = (SELECT AS STRUCT {found} FROM {staged} AS d)",
        f"SET (oldest, newest, days) = (SELECT AS STRUCT {found} FROM {table} AS d"
        f" WHERE {replaced})",
        f"IF days IS NOT NULL THEN DELETE FROM {table} AS d WHERE {replaced}; END IF",
    ]


class _Client(BigQueryClient):
    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[FollowupJobRequest]:
        return [_Merge.from_table_chain(table_chain, self.sql_client)]

    def _get_table_update_sql(
        self, table_name: str, new_columns: Sequence[Any], generate_alter: bool
    ) -> list[str]:
        """A staging table has no partitions.

        A load into it would count as a change of each day that it holds rows of, of which a table
        may have 4,000 in a load and 30,000 in a day: eight slices of a first load of ten years.
        """
        if self.sql_client.is_staging_dataset_active:
            new_columns = [
                {name: hint for name, hint in column.items() if name != PARTITION}
                for column in new_columns
            ]
        sql: list[str] = super()._get_table_update_sql(table_name, new_columns, generate_alter)
        return sql


class _BigQuery(dlt.destinations.bigquery):
    @property
    def client_class(self) -> type[BigQueryClient]:
        return _Client

    @property
    def destination_type(self) -> str:
        """dlt's own, so that a working folder opens with dlt's tools too."""
        return "dlt.destinations.bigquery"


def bigquery_destination(**settings: Any) -> Any:
    """The dlt destination; what `settings` of dlt's leave out, its configuration gives."""
    return _BigQuery(**settings)
