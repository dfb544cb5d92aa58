"""Full-text search over the messages of a DuckDB file, Chinese included.

`update_file(database, dataset)` brings the index up to date, as a load does at its end where that
is asked for; `standing` tells how it stands, `find` what it finds. The index is of plain tables in
a schema beside the dataset: who deletes that schema deletes the index, and nothing else.
"""

from feishu_source.search.finding import Hit, find
from feishu_source.search.index import (
    Standing,
    Updated,
    check_searchable,
    standing,
    update,
    update_file,
)
from feishu_source.search.terms import NothingToFind

__all__ = [
    "Hit",
    "NothingToFind",
    "Standing",
    "Updated",
    "check_searchable",
    "find",
    "standing",
    "update",
    "update_file",
]
