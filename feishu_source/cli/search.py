"""`query.py search WORDS`: messages that have the words, the best first.

In: the words, and the folder of the questions. Out: an answer on stdout, on stderr whether the
index is missing or behind. Refuses to know how messages are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from feishu_source.cli import query
from feishu_source.errors import ConfigurationError

if TYPE_CHECKING:
    from feishu_source.search import Hit, Standing

BEFORE, AROUND = 15, 55
"""Characters of a snippet: before the hit, and in all."""

COLUMNS = ["create_time", "chat_name", "sender_name", "snippet"]
MORE = ["text", "message_id", "chat_id", "sender_id", "message_app_link", "score"]
"""For machines: a table for people has no room for them."""


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Answers one question, or finds messages; the value is the exit code."""
    query.queries.add_command(search)
    return query.main(folder, arguments)


@click.command("search", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, required=True)
@click.option("--chat", metavar="NAME", help="Only chats with this in their name, or of this id.")
@click.option("--sender", metavar="NAME", help="Only people with this in their name, or this id.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
    help="No more messages than these.",
)  # fmt: skip
@click.option("--update", is_flag=True, help="Bring the index up to date first.")
@query.place_options
@query.scope_options
@query.output_options
@click.pass_obj
def search(
    desk: query.Desk,
    /,
    words: tuple[str, ...],
    timezone: str | None,
    since: str | None,
    until: str | None,
    form: str,
    output: Path | None,
    update: bool,
    chat: str | None,
    sender: str | None,
    limit: int,
    **place: str | None,
) -> None:
    """Find messages that have all WORDS, the best first; '"in quotes"' a phrase."""
    import duckdb

    from feishu_source.analytics import Answer
    from feishu_source.search import find, standing, update_file

    scope = query.find_scope(timezone, since, until)
    held = query.find_plan(place).place
    if held.database is None:
        raise ConfigurationError(f"only a DuckDB file can be searched, not {held.destination}.")
    database = Path(held.database)
    if not database.exists():
        raise ConfigurationError(f"there is no {database}: load it first, or name another.")
    try:
        if update:
            update_file(database, held.dataset)
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            stands = standing(connection, held.dataset)
            _tell(stands, desk)
            hits = find(
                connection,
                held.dataset,
                " ".join(words),
                chat=chat,
                sender=sender,
                since=scope.since if since else None,
                until=scope.until if until else None,
                limit=limit,
            )
    except duckdb.IOException as error:
        raise ConfigurationError(
            f"{database} is open in another process: try again when the load has ended, or search "
            "the copy that it publishes."
        ) from error
    columns = COLUMNS if form == "table" else COLUMNS + MORE
    rows = [_row(hit, scope.zone)[: len(columns)] for hit in hits]
    if form == "table" and not rows and output is None:
        desk.terminal.out.print("Nothing was found.")
        return
    query.hand_over(Answer(columns, rows), form, output, desk)


def snippet(text: str, start: int, end: int) -> str:
    """The text around the hit, on one line."""
    first = max(0, min(start - BEFORE, len(text) - AROUND))
    last = max(first + AROUND, end if end - first < 2 * AROUND else 0)
    cut = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{cut}{'…' if last < len(text) else ''}"


def _row(hit: Hit, zone: Any) -> tuple[Any, ...]:
    moment: datetime = hit.create_time.astimezone(zone)
    shown = snippet(hit.text, hit.start, hit.end)
    ids = (hit.message_id, hit.chat_id, hit.sender_id, hit.link, round(hit.score, 3))
    return (moment, hit.chat, hit.sender, shown, hit.text, *ids)


def _tell(stands: Standing, desk: query.Desk) -> None:
    if stands.state == "missing":
        raise ConfigurationError(
            "there is no search index here yet: make it with --update, and keep it up to date "
            "with feishu-history --search-index."
        )
    if stands.state == "behind":
        desk.terminal.err.print(
            f"The search index is behind: {stands.behind:,} messages were loaded since. "
            "--update brings it up to date.",
            soft_wrap=True,
        )
