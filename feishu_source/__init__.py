"""Feishu and Lark chat history for a data warehouse: a dlt source that loses nothing.

`feishu_source()` is the source, `load(pipeline)` the loop that reads it slice by slice,
`open_pipeline()` a pipeline whose working folder belongs to one destination, `check(pipeline)` what
a load would meet, `plan()` what it would cost, `tenants()` those that are configured.

    A page of Feishu JSON becomes messages; messages become rows; rows become Arrow tables; dlt
    loads them. Each step is a room, imports point downward in this list, nothing flows back:

    cli/                                     words in, exit code out; the only place that prints
    doctor/                                  the check before a load: what stands in its way
    forecast/                                the plan of a load: what it will cost in requests
    loader  source                           the loading bay: slices, dlt's decorators
    extras                                   behind the messages: people, files, index, a copy
    analytics/                               questions to what was loaded: one SQL, every warehouse
    tenancy                                  several tenants: what is set for each, where it goes
    resources                                what dlt is told of; imports what is below when read
    reading                                  a resource is read: batches out, dlt's state
    views                                    files of Parquet seen as tables
    exclusion                                one load at a time, or it is told
    files/                                   images and files, downloaded behind their messages
    holdings  refusals                       the warehouse: what it holds, what it says
    destination                              the way to it: a pipeline, and where it works
    bigquery_destination                     BigQuery's own way: what a merge reads
    search/                                  full-text search: an index beside the messages
    duckdb_copy                              a copy of the file for those who read it meanwhile
    manners                                  which kinds of destination have ways of their own here
    duckdb_destination  duckdb_file          DuckDB's own ways: how it is opened, what is a file
    duckdb_merge                             rows merged right from their files
    open_files                               files kept open, and the memory DuckDB has for them
    postgres_destination                     PostgreSQL's: how rows are copied
    filesystem_destination  open_tables      files' own ways: appended or merged, which count
    sqlalchemy_destination                   SQLite's and MySQL's: how texts fit, how rows are found
    load_lock                                a lock that a database holds for a load
    configuration                            what was configured and cannot be meant; what dlt needs
    account                                  what a load has done, and how it ended
    session  terms                           one use of the source: client, chats, walk
    options  ticket                          what it was asked for, checked; a store app's ticket
    ahead  gathered                          slices read ahead, their batches put together
    walk  windows  reader  threads           the belt: chats and threads side by side; no dlt
    reception  opener  reactions             what comes back; forwards opened, reactions asked for
    workers                                  requests under way
    parsing_process                          messages parsed on another core, where one is short
    roster  people                           which chats there are; details of people
    status  visit  stretches                 a chat in this load: what came back, how it stands
    batch                                    rows collected into Arrow tables, with their claims
    parsing                                  pure: messages to the tables of a batch
    names_seen                               pure: names of people that are new
    forwards  reaction_rows  user_rows       pure: forwards, reactions, pins and people to rows
    context_rows                             pure: tabs and announcements to rows
    rows  chat_rows  fields  content/        pure: an item of the API to rows, a body to text
    tombstones                               pure: rows that remove what stood there
    arrow                                    pure: rows to an Arrow table
    newest_rows                              pure: SQL for the newest of appended rows
    inheritance                              pure: what other pipelines have loaded here
    idle  selection  shards                  pure: which chats are wanted, which may be left out
    reaction_debt                            pure: of which time reactions are lacking
    coverage  rungs  hot  state  tables/     pure: what is claimed and due; what the tables are
    api/                                     the door: tokens, requests, retries, the limiter
    errors  codes  report  settings          words all of them use
    json_text  version                       what even those may use
    sandbox/                                 a tenant on loopback; imports none of the above
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from feishu_source.version import VERSION as __version__

if TYPE_CHECKING:
    from feishu_source.destination import open_pipeline
    from feishu_source.doctor import CheckReport, Finding, check
    from feishu_source.forecast import LoadPlan, plan
    from feishu_source.loader import load
    from feishu_source.report import LoadReport, Progress
    from feishu_source.source import feishu_source, tenants
    from feishu_source.views import latest_views

# Importing dlt takes a second: the errors, the sandbox and `--help` do not wait for it.
_HOMES = {
    "feishu_source": "source",
    "load": "loader",
    "open_pipeline": "destination",
    "CheckReport": "doctor",
    "Finding": "doctor",
    "check": "doctor",
    "LoadPlan": "forecast",
    "latest_views": "views",
    "plan": "forecast",
    "LoadReport": "report",
    "Progress": "report",
    "tenants": "source",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    if name in _HOMES:
        return getattr(import_module(f"feishu_source.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CheckReport",
    "Finding",
    "LoadPlan",
    "LoadReport",
    "Progress",
    "__version__",
    "check",
    "feishu_source",
    "latest_views",
    "load",
    "open_pipeline",
    "plan",
    "tenants",
]
