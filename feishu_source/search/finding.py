"""Messages that a query finds, the best first.

In: a connection, the dataset, a query and filters. Out: hits, each with the place of its words in
the text. Refuses to know how the index is made, and how hits are shown: texts are strangers'.

Ranked by BM25: a rare word tells more than a common one, a short message more than a long one. Of
two that are equal the newer comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from feishu_source.search.index import Names
from feishu_source.search.terms import Query, fold, parse_query

LIMIT = 20

_SATURATION, _LENGTH_SHARE = 1.2, 0.75
"""BM25's k1 and b, as most search engines set them."""

_LOOKED_AT = 500
"""Messages whose text is fetched at a time where phrases are verified on it."""

_RANKED = f"""
create or replace temp table ranked as
with wanted as (select term, document, frequency from {{index}}.postings where term in $terms),
  rarity as (
    select term, ln(1 + (n - count(*) + 0.5) / (count(*) + 0.5)) as idf
    from wanted, (select count(*) as n from {{index}}.documents) group by term, n),
  scored as (
    select document, sum(
        idf * frequency * ({_SATURATION} + 1)
        / (frequency + {_SATURATION}
            * (1 - {_LENGTH_SHARE} + {_LENGTH_SHARE} * length / mean))) as score
    from wanted join rarity using (term) join {{index}}.documents using (document),
      (select avg(length) as mean from {{index}}.documents)
    group by document having count(*) = len($terms))
select row_number() over (order by score desc, m.create_time desc, m.message_id) as place,
  m.message_id, score
from scored join {{index}}.documents using (document)
  join {{messages}} m using (message_id) left join {{dataset}}.chats c using (chat_id)
where m.text is not null and not m.deleted
  and ($chat::text is null or m.chat_id = $chat or contains(lower(c.name), lower($chat)))
  and ($sender::text is null or m.sender_id = $sender
    or contains(lower(m.sender_name), lower($sender)))
  and ($since::timestamptz is null or m.create_time >= $since)
  and ($until::timestamptz is null or m.create_time < $until)
"""

_FETCHED = """
select m.message_id, m.create_time, m.chat_id, c.name, m.sender_id, m.sender_name, m.text,
  m.message_app_link, r.score
from (from ranked where place > $after order by place limit $many) r
  join {messages} m using (message_id) left join {dataset}.chats c using (chat_id)
order by r.place
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found; `start` and `end` enclose the first of the words in `text`.

    Both are 0 where no word stands as it was asked for, as after a change since the last update.
    `create_time` has the zone of the connection.
    """

    message_id: str
    create_time: datetime
    chat_id: str
    chat: str | None
    sender_id: str | None
    sender: str | None
    text: str
    link: str | None
    score: float
    start: int
    end: int


def find(
    connection: DuckDBPyConnection,
    dataset: str,
    words: str,
    *,
    chat: str | None = None,
    sender: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = LIMIT,
) -> list[Hit]:
    """The messages that have all words, the best first, no more than `limit`.

    `chat` and `sender`: an id, or a part of a name. `since` (included) and `until` (not included)
    have a zone. The index must be there; what it lacks is not found.

    Raises:
        NothingToFind: there is no word to search for.
    """
    query = parse_query(words)
    names = Names(dataset)
    filters = {"chat": chat, "sender": sender, "since": since, "until": until}
    _execute(connection, names, _RANKED, {"terms": list(query.terms), **filters})
    hits: list[Hit] = []
    for hit in _fetched(connection, names, query, limit):
        hits.append(hit)
        if len(hits) == limit:
            break
    connection.execute("drop table ranked")
    return hits


def _fetched(
    connection: DuckDBPyConnection, names: Names, query: Query, limit: int
) -> Iterator[Hit]:
    after, many = 0, max(limit, _LOOKED_AT) if query.phrases else limit
    while limit > 0:
        places = {"after": after, "many": many}
        rows = _execute(connection, names, _FETCHED, places).fetchall()
        for row in rows:
            folded = fold(row[6])
            if all(phrase in folded for phrase in query.phrases):
                yield Hit(*(*row, *_span(row[6], query.words)))
        if len(rows) < many:
            return
        after += many


def _execute(
    connection: DuckDBPyConnection, names: Names, sql: str, values: dict[str, Any]
) -> DuckDBPyConnection:
    return connection.execute(names.fill(sql, dataset=names.dataset), values)


def _span(text: str, words: tuple[str, ...]) -> tuple[int, int]:
    """Where the first of the words stands in the text, which folding may have made longer."""
    pieces = [fold(character) for character in text]
    owners = [place for place, piece in enumerate(pieces) for _ in piece]
    folded = "".join(pieces)
    found = [(at, len(word)) for word in words if (at := folded.find(word)) >= 0]
    if not found:
        return 0, 0
    at, length = min(found)
    return owners[at], owners[at + length - 1] + 1
