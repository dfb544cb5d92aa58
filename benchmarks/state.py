"""What the state costs: bytes at the destination, seconds a load, and whether they grow.

`python -m benchmarks.state [--chats 10000] [--hot-threads 20000] [--loads 120]` makes the claims of
so many chats and stores them as a load does, into an empty DuckDB file, again and again, each time
with other times in it, older versions deleted as a load deletes them. It prints the size of one
version, what it adds to a load, and the file's size after so many loads.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
from dlt.extract import DltResource

from benchmarks.printing import print_machine
from feishu_source import open_pipeline
from feishu_source.coverage import ChatState
from feishu_source.destination import describe
from feishu_source.holdings import checkpoint, prune_states
from feishu_source.rungs import RUNGS, parse_ladder
from feishu_source.state import STATE_VERSION

NOW_S = 1_790_000_000
ROUNDS = 5


def main(arguments: list[str] | None = None) -> None:
    """Prints the account."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chats", type=int, default=10_000)
    parser.add_argument("--hot-threads", type=int, default=20_000)
    parser.add_argument("--loads", type=int, default=120)
    options = parser.parse_args(arguments)
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        full = _pipeline(Path(folder), "full")
        bare = _pipeline(Path(folder), "bare")
        claims = make_claims(options.chats, options.hot_threads)
        few = make_claims(1, 0)
        stored = _seconds_to_store(full, claims) - _seconds_to_store(bare, few)
        restored = _seconds_to_restore(full) - _seconds_to_restore(bare)
        size = _query(full, "SELECT max(length(state)) FROM feishu_claims._dlt_pipeline_state")
        print(f"\nthe state of {options.chats:,} chats and {options.hot_threads:,} hot threads")
        print(f"  one version of the state: {size / 1_000:,.0f} KB at the destination")
        print(f"  storing it adds {stored:.2f} s to a slice, reading it {restored:.2f} s to a load")
        _print_growth(full, claims, options.loads)
        print(flush=True)


def make_claims(chats: int, hot_threads: int) -> dict[str, Any]:
    """Claims as loads leave them: all rungs swept, threads spread over the chats."""
    drawn = random.Random(1)
    swept = {rung.key: NOW_S for rung in parse_ladder(RUNGS)}
    states = [
        ChatState(0, NOW_S, threads_covered=True, swept_s=dict(swept), polled_s=NOW_S)
        for _ in range(chats)
    ]
    for _ in range(hot_threads):
        newest_ms = (NOW_S - drawn.randrange(14 * 86_400)) * 1_000
        drawn.choice(states).hot_threads[f"omt_{drawn.randbytes(16).hex()}"] = newest_ms
    return {f"oc_{drawn.randbytes(16).hex()}": state.to_dict() for state in states}


def _aged(claims: dict[str, Any], hours: int) -> dict[str, Any]:
    until_s = NOW_S + hours * 3_600
    return {chat_id: claim | {"covered_until_s": until_s} for chat_id, claim in claims.items()}


def _pipeline(folder: Path, name: str) -> dlt.Pipeline:
    return open_pipeline(
        database=str(folder / f"{name}.duckdb"),
        dataset="feishu_claims",
        pipelines_dir=str(folder / name),
    )


def _store(pipeline: dlt.Pipeline, claims: dict[str, Any]) -> None:
    """As a slice does: rows of any kind, and the claims in the state of `messages`."""
    pipeline.run(_source(claims))


@dlt.source(name="feishu")
def _source(claims: dict[str, Any]) -> Iterator[DltResource]:
    def read() -> Iterator[dict[str, int]]:
        dlt.current.resource_state("messages").update(version=STATE_VERSION, chats=claims)
        yield {"n": 1}

    yield dlt.resource(read, name="messages")


def _print_growth(pipeline: dlt.Pipeline, claims: dict[str, Any], loads: int) -> None:
    """Stores and prunes so many versions as loads do, and shows how large the file is."""
    database = Path(str(describe(pipeline).database))
    print(f"  {'loads':>8}{'versions kept':>16}{'file MB':>10}")
    for load in range(1, loads + 1):
        _store(pipeline, _aged(claims, ROUNDS + load))
        checkpoint(pipeline)
        prune_states(pipeline)
        if load % max(1, loads // 6) == 0:
            kept = _query(pipeline, "SELECT count(*) FROM feishu_claims._dlt_pipeline_state")
            print(f"  {load:8,}{kept:16,}{database.stat().st_size / 1e6:10,.1f}", flush=True)


def _query(pipeline: dlt.Pipeline, sql: str) -> Any:
    with pipeline.sql_client() as client:
        rows = client.execute_sql(sql)
    assert rows
    return rows[0][0]


def _seconds_to_store(pipeline: dlt.Pipeline, claims: dict[str, Any]) -> float:
    rounds = []
    for number in range(ROUNDS):
        aged = _aged(claims, number)
        begun = time.perf_counter()
        _store(pipeline, aged)
        rounds.append(time.perf_counter() - begun)
    return statistics.median(rounds)


def _seconds_to_restore(pipeline: dlt.Pipeline) -> float:
    pipeline.drop()
    begun = time.perf_counter()
    pipeline.sync_destination()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
