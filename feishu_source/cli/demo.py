"""The demo: a tenant on this machine to load from, and questions to ask of what was loaded.

In: nothing, or the database a demo has filled. Out: access to the tenant, tables of answers.
The tenant lives by the clock: a second demo finds what was said since the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from feishu_source.cli.summary import quoted, shorten
from feishu_source.cli.terminal import printable

SEED = 1

UNCONFIGURED: dict[str, Any] = {
    "user_access_token": "",
    "chat_ids": [],
    "include": [],
    "exclude": [],
    "since": "",
    "until": "",
    # The tenant has no rate limit and no other users.
    "requests_per_second": 1_000_000.0,
    "requests_per_minute": 60_000_000.0,
}
"""What is configured for a real tenant does not choose what a demo loads, nor how fast."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words and in DuckDB's SQL; `{dataset}` stands for the schema."""

    words: str
    sql: str


QUESTIONS = (
    Question(
        "Which chats are the busiest, and when did somebody last write?",
        """\
select c.name as chat, count(*) as messages, count(distinct m.sender_id) as people,
       max(m.create_time)::date as last_message
from {dataset}.messages m join {dataset}.chats c using (chat_id)
group by c.chat_id, c.name order by messages desc, chat limit 5""",
    ),
    Question(
        "Who is mentioned most?",
        """\
select mentioned_name as person, count(*) as mentions, count(distinct chat_id) as chats
from {dataset}.message_mentions where mentioned_id <> 'all'
group by mentioned_id, mentioned_name order by mentions desc, person limit 5""",
    ),
    Question(
        "Which threads are the longest?",
        """\
select root.text as thread, count(*) as replies, max(reply.create_time)::date as last_reply
from {dataset}.messages reply
join {dataset}.threads t using (thread_id)
join {dataset}.messages root on root.message_id = t.root_message_id
where reply.message_id <> t.root_message_id
group by t.thread_id, root.text order by replies desc, thread limit 5""",
    ),
)

NEXT_STEPS = """\
Run it again: only what is new, and the last hours, are read.
Your own tenant: create an app in the Feishu or Lark console (README, "A real account"), then
  set SOURCES__FEISHU__APP_ID and SOURCES__FEISHU__APP_SECRET in the environment
  run feishu-history"""


@contextmanager
def tenant(clock: Callable[[], int] | None = None) -> Iterator[dict[str, Any]]:
    """The demo tenant serves on loopback; the value is what the source needs to read all of it.

    `clock` gives milliseconds since the epoch; the tenant lives by the real one if left out.
    """
    # Only a demo needs the sandbox.
    from feishu_source.sandbox import Sandbox, demo_world

    with Sandbox(demo_world(seed=SEED, clock=clock)) as sandbox:
        yield UNCONFIGURED | {
            "base_url": sandbox.base_url,
            "app_id": sandbox.app_id,
            "app_secret": sandbox.app_secret,
        }


def answers(database: str, dataset: str) -> RenderableType:
    """Every question with its SQL and what this database answers."""
    import duckdb

    parts: list[RenderableType] = []
    with duckdb.connect(database, read_only=True) as connection:
        for question in QUESTIONS:
            sql = question.sql.format(dataset=quoted(dataset))
            rows = connection.execute(sql)
            columns = [str(column[0]) for column in rows.description or ()]
            parts += [
                Text(f"\n{question.words}\n{sql}"),
                _table(columns, rows.fetchall()),
            ]
    return Group(*parts, Text(f"\n{shorten(database)} holds it all.\n{NEXT_STEPS}"))


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> Table:
    table = Table()
    for column, example in zip(columns, rows[0] if rows else columns, strict=True):
        table.add_column(column, justify="right" if isinstance(example, int) else "left")
    for row in rows:
        table.add_row(*(Text(printable(str(value), most=50)) for value in row))
    return table
