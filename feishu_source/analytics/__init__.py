"""Questions to what was loaded: SQL of one text for every warehouse, and who answers it.

In: files of SQL, a time zone, a range, the plan of a pipeline. Out: rows, or views that are made in
the warehouse. Refuses to know how answers are shown.
"""

from feishu_source.analytics.dialects import PARAMETERS, render, say, tables_of
from feishu_source.analytics.questions import Question, nearest, read_questions, read_views
from feishu_source.analytics.scope import Scope
from feishu_source.analytics.warehouse import (
    Answer,
    Warehouse,
    create_views,
    open_warehouse,
    say_views,
)

__all__ = [
    "PARAMETERS",
    "Answer",
    "Question",
    "Scope",
    "Warehouse",
    "create_views",
    "nearest",
    "open_warehouse",
    "read_questions",
    "read_views",
    "render",
    "say",
    "say_views",
    "tables_of",
]
