"""Kinds of destination that have manners of their own here, and what each asks for beforehand.

In: a destination as dlt knows it, the name of a dataset. Out: the same destination with our
manners, or why it cannot be. Refuses to know what the manners are: their rooms import what is an
extra, and are entered when they are wanted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from feishu_source.errors import ConfigurationError
from feishu_source.load_lock import LoadLock


@dataclass(frozen=True, slots=True)
class Manners:
    """A kind of destination that has manners of its own here, in the room that makes it.

    `extra` installs it; by the modules that it `needs` one sees that it is installed. No tables
    can or should be made in datasets that match `reserved`; None: names are left to dlt.
    """

    room: str
    extra: str
    needs: tuple[str, ...]
    reserved: str | None = None
    has_lock: bool = False

    def check_dataset(self, dataset: str) -> None:
        """Refuses the name of a schema that the server keeps for itself."""
        if self.reserved and re.fullmatch(self.reserved, dataset):
            raise ConfigurationError(
                f"the dataset {dataset} is the server's own and cannot hold tables: choose another "
                "--dataset."
            )

    def check_installed(self, name: str) -> None:
        """Without these dlt would fail in the midst of a load, or load in another way."""
        if missing := [module for module in self.needs if not _is_installed(module)]:
            raise ConfigurationError(
                f"the destination {name} needs what is not installed here ({', '.join(missing)}). "
                f"Next step: pip install 'feishu-source[{self.extra}]'"
            )

    def make(self, found: Any) -> Any:
        """The same as dlt's, with our manners; the room imports what is an extra."""
        make = getattr(import_module(f"feishu_source.{self.room}"), self.room)
        return make(**{"destination_name": found.destination_name, **found.config_params})


def load_lock(pipeline: Any) -> LoadLock | None:
    """What keeps a second load out of the same dataset, at the destination; None if nothing can.

    Also for a pipeline to dlt's own destination of that kind, where what the room needs is there.
    """
    own = MANNERS.get(pipeline.destination.destination_type)
    if own is None or not own.has_lock or not all(map(_is_installed, own.needs)):
        return None
    room = import_module(f"feishu_source.{own.room}")
    lock: LoadLock | None = room.load_lock(pipeline.sql_client())
    return lock


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is the package that it would be in
        return False


MANNERS = {
    "dlt.destinations.postgres": Manners(
        "postgres_destination",
        "postgres",
        ("psycopg2", "adbc_driver_postgresql"),
        r"information_schema|pg_.*",
        has_lock=True,
    ),
    "dlt.destinations.bigquery": Manners(
        "bigquery_destination", "bigquery", ("google.cloud.bigquery",)
    ),
    "dlt.destinations.sqlalchemy": Manners(
        "sqlalchemy_destination",
        "sqlalchemy",
        ("sqlalchemy",),
        r"information_schema|performance_schema|mysql|sys|temp",
        has_lock=True,
    ),
}
"""By dlt's name of the kind; not DuckDB, whose destination is made where its path is known."""
