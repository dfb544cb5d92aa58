"""The demo needs no account, moves by itself, and its questions have answers."""

from __future__ import annotations

import io
import json
from math import ceil
from pathlib import Path

import pytest
from rich.console import Console

from feishu_source import load, open_pipeline
from feishu_source.cli import demo, main
from feishu_source.reader import STEP_BACK_S
from tests.cli_tenant import DAY_MS, Tenant, tenant, workplace

__all__ = ["tenant", "workplace"]

NOW_MS = 1_790_000_000_000  # 2026-09-21, in the middle of a live room


@pytest.mark.usefixtures("workplace")
def test_the_demo_loads_its_tenant_and_answers_its_questions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary, each question with its SQL, what to do next, whatever is configured elsewhere."""
    monkeypatch.setenv("SOURCES__FEISHU__USER_ACCESS_TOKEN", "u-0123456789")
    monkeypatch.setenv("SOURCES__FEISHU__INCLUDE", '["no such chat"]')
    monkeypatch.setenv("SOURCES__FEISHU__SINCE", "2099-01-01")
    assert main(["--demo"]) == 0
    out = capsys.readouterr().out
    assert "0 complete" not in out
    assert out.startswith("loaded into   duckdb, demo.duckdb, dataset feishu\nchats ")
    for question in demo.QUESTIONS:
        assert f"\n{question.words}\n{question.sql.format(dataset='feishu')}\n┏━" in out
    assert out.endswith(f"\n\ndemo.duckdb holds it all.\n{demo.NEXT_STEPS}\n")


@pytest.mark.parametrize(
    ("given", "asked"),
    [("my-data", "my_data"), ("feishu;drop", "feishu_drop"), ("Order", '"order"')],
)
def test_the_questions_are_asked_of_any_dataset(
    tenant: Tenant, given: str, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name it has at the destination, in quotes where SQL wants them."""
    assert main(["--dataset", given, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    written = io.StringIO()
    Console(file=written, width=100).print(demo.answers(report["database"], report["dataset"]))
    assert f"from {asked}.messages m join {asked}.chats c" in written.getvalue()
    assert "│ Team         │        5 │" in written.getvalue()


def load_demo(now_ms: int) -> tuple[int, int | None, int | None]:
    """Exit code, new rows and rows read again of a demo at that time."""
    pipeline = open_pipeline(database="demo.duckdb", pipelines_dir=".demo/pipelines")
    with demo.tenant(lambda: now_ms) as access:
        report = load(pipeline, **(access | {"threads": False, "include": ["*live room*"]}))
    return report.exit_code, report.new, report.read_again


@pytest.mark.usefixtures("workplace")
def test_a_demo_six_seconds_later_finds_what_was_said_in_between() -> None:
    """A live room speaks every three seconds; the look-back of two hours is read again."""
    exit_code, _, again = load_demo(NOW_MS)
    assert (exit_code, again) == (0, 0)
    assert load_demo(NOW_MS + 6_000) == (0, 2, ceil((7_200 + STEP_BACK_S) / 3))


def test_the_questions_have_exact_answers(tenant: Tenant, workplace: Path) -> None:
    """Chats by their messages, people by their mentions, threads by their replies."""
    world = tenant.world
    ben = world.add_user("Ben")
    root = world.post(tenant.team, ben, text="plans?", at_ms=world.now_ms - DAY_MS)
    for text in ("yes", "no"):
        world.reply_in_thread(root, ben, text=text)
    assert main(["--quiet"]) == 0
    written = io.StringIO()
    Console(file=written, width=100).print(demo.answers("feishu_history.duckdb", "feishu"))
    assert [line for line in written.getvalue().splitlines() if line.startswith("│")] == [
        "│ Team         │        8 │      2 │ 2026-01-11   │",
        "│ [/red] Other │        1 │      1 │ 2026-01-01   │",
        "│ plans? │       2 │ 2026-01-11 │",
    ]
