"""Words become arguments of the library; what was not said is not passed on."""

from __future__ import annotations

import click
import pytest

from feishu_source.cli.options import Options, command, parse
from feishu_source.version import VERSION


def options(line: str) -> Options:
    """The options of a command line that is one."""
    parsed = parse(line.split())
    assert isinstance(parsed, Options)
    return parsed


def test_no_words_pass_nothing_on() -> None:
    """Configuration files, the environment and the library's defaults keep their say."""
    assert options("") == Options()
    assert options("").pipeline_arguments() == {}
    assert options("").load_arguments() == {}
    assert options("").source_arguments() == {}


def test_every_word_reaches_its_argument() -> None:
    """The names on the left are the library's."""
    given = options(
        "--destination postgres --database a.db --dataset chat --pipelines-dir p "
        "--chat oc_1 --chat oc_2 --include Team* --include Sales* --exclude *test* "
        "--since 2026-01-01 --until 2026-01-31 --timezone Asia/Shanghai --no-threads --files f "
        "--full --max-messages 500 --max-requests 200 --reset-chat oc_3 --reset-chat oc_4 "
        "--tolerate 231203,230002 --tolerate 230027"
    )
    assert given.pipeline_arguments() == {
        "destination": "postgres",
        "database": "a.db",
        "dataset": "chat",
        "pipelines_dir": "p",
    }
    assert given.load_arguments() == {
        "full": True,
        "max_messages": 500,
        "max_requests": 200,
        "reset_chats": ("oc_3", "oc_4"),
        "tolerate": (231203, 230002, 230027),
    }
    assert given.source_arguments() == {
        "chat_ids": ["oc_1", "oc_2"],
        "include": ["Team*", "Sales*"],
        "exclude": ["*test*"],
        "since": "2026-01-01",
        "until": "2026-01-31",
        "timezone": "Asia/Shanghai",
        "files": "f",
        "threads": False,
    }


def test_the_demo_keeps_its_database_and_state_apart() -> None:
    """A demo never touches the history of a real tenant; where it goes may be chosen."""
    assert options("--demo").pipeline_arguments() == {
        "database": "demo.duckdb",
        "pipelines_dir": ".demo/pipelines",
        "name": "feishu_demo",
    }
    chosen = options("--demo --database x.duckdb --pipelines-dir y --dataset z")
    assert chosen.pipeline_arguments() == {
        "database": "x.duckdb",
        "dataset": "z",
        "pipelines_dir": "y",
        "name": "feishu_demo",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tolerate", "none"], "error codes are numbers"),
        (["--max-messages", "0"], "0 is not in the range x>=1"),
        (["--max-messages", "many"], "'many' is not a valid integer range"),
        (["--log-level", "loud"], "'loud' is not one of"),
        (["--no-such-thing"], "No such option '--no-such-thing'"),
        (["oc_1"], "unexpected extra argument"),
        (["--demo", "--destination", "postgres"], "--demo loads into DuckDB"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(words: list[str], said: str) -> None:
    """Each by its own sentence, before anything is read or written."""
    with pytest.raises(click.UsageError) as refusal:
        parse(words)
    assert said in refusal.value.format_message()


def test_help_and_version_end_the_command_with_success(capsys: pytest.CaptureFixture[str]) -> None:
    """Both print and do nothing else."""
    assert (parse(["--version"]), capsys.readouterr().out) == (0, f"feishu-history {VERSION}\n")
    assert parse(["--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: feishu-history [OPTIONS]\n")


def test_every_option_explains_itself() -> None:
    """An option without a word of help is not offered."""
    silent = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []
