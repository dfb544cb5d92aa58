"""The index follows what loads change, and what is found is what is there."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from feishu_source import extras, load, open_pipeline
from feishu_source.cli.search import main
from feishu_source.errors import ConfigurationError
from feishu_source.sandbox import World
from feishu_source.search import Standing, Updated, find, index, standing, update, update_file
from feishu_source.search.index import Names
from feishu_source.search.terms import terms_of
from tests.lab import Lab


@contextmanager
def opened(lab: Lab, *, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database of a laboratory."""
    with duckdb.connect(str(lab.database), read_only=read_only) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def found(lab: Lab, words: str, **filters: Any) -> list[str]:
    """The texts that a query finds, the best first."""
    with opened(lab) as connection:
        return [hit.text for hit in find(connection, "feishu", words, **filters)]


def stands(lab: Lab) -> Standing:
    """How the index stands."""
    with opened(lab) as connection:
        return standing(connection, "feishu")


def check_index(lab: Lab) -> None:
    """The index holds the terms of every text, no others, and each text once."""
    with opened(lab) as connection:
        texts = connection.execute(
            "select message_id, text from feishu.messages where text is not null"
        ).fetchall()
        held = connection.execute(
            "select message_id, length, list_sort(flatten(list(repeat([term], frequency))))"
            " from feishu_search.documents join feishu_search.postings using (document)"
            " group by all order by message_id"
        ).fetchall()
        orphans = connection.execute(
            "from feishu_search.postings where document not in"
            " (select document from feishu_search.documents)"
        ).fetchall()
    wanted = [(key, len(terms_of(text)), sorted(terms_of(text))) for key, text in texts]
    assert [(key, length, sorted(terms)) for key, length, terms in held] == sorted(wanted)
    assert orphans == []


@pytest.fixture
def talk(lab: Lab, world: World, ann: str, team: str) -> dict[str, str]:
    """Chinese, English, both, an emoji; loaded and indexed. The ids by name."""
    bob = world.add_user("Bob 王小明")
    other = world.add_chat(name="产品评审 Product review", member_ids=[ann, bob])
    ids = {}
    for name, chat, sender, text in (
        ("chinese", team, ann, "灰度发布的计划已经上线"),
        ("english", team, bob, "The release plan is Online"),
        ("mixed", other, bob, "Kubernetes集群报警,请处理"),
        ("emoji", other, ann, "Release train 🚄 发布"),
    ):
        world.advance(60)
        ids[name] = world.post(chat, sender, text=text)
    world.advance(60)
    assert lab.load().exit_code == 0
    assert update_file(lab.database, "feishu") == Updated(4, 0, 4)
    return ids | {"team": team, "other": other, "bob": bob}


def test_a_hit_is_the_message_with_its_names_and_the_place_of_the_words(
    lab: Lab, world: World, talk: dict[str, str]
) -> None:
    """Whole: who shows it asks nobody else."""
    with opened(lab) as connection:
        (hit,) = find(connection, "feishu", "KUBERNETES 集群")
    row = next(row for row in lab.rows("messages") if row["message_id"] == talk["mixed"])
    assert hit.score > 0
    assert (hit.message_id, hit.create_time, hit.text) == (
        talk["mixed"],
        row["create_time"],
        "Kubernetes集群报警,请处理",
    )
    assert (hit.chat_id, hit.chat) == (talk["other"], "产品评审 Product review")
    assert (hit.sender_id, hit.sender) == (talk["bob"], "Bob 王小明")
    assert (hit.link, hit.text[hit.start : hit.end]) == (row["message_app_link"], "Kubernetes")


def test_words_phrases_and_scripts(lab: Lab, talk: dict[str, str]) -> None:
    """All words are wanted; of two messages with the word the shorter is the better."""
    assert found(lab, "发布计划") == ["灰度发布的计划已经上线"]
    assert found(lab, '"发布计划"') == []
    assert found(lab, '"发布的计划"') == ["灰度发布的计划已经上线"]
    assert found(lab, "发布") == ["Release train 🚄 发布", "灰度发布的计划已经上线"]
    assert found(lab, "release") == ["The release plan is Online", "Release train 🚄 发布"]
    assert found(lab, "release plan") == ["The release plan is Online"]
    assert found(lab, "🚄") == ["Release train 🚄 发布"]
    assert found(lab, "\uff4f\uff4e\uff4c\uff49\uff4e\uff45") == ["The release plan is Online"]
    assert found(lab, "release 集群") == []
    assert found(lab, "发布", limit=1) == ["Release train 🚄 发布"]


def test_no_hits_are_wanted(lab: Lab, talk: dict[str, str]) -> None:
    """It ends, and with none."""
    assert found(lab, "kubernetes", limit=0) == []


def test_filters(lab: Lab, world: World, talk: dict[str, str]) -> None:
    """By a part of a name, whatever its capitals, or by an id; times as instants."""
    assert found(lab, "release", chat="product REVIEW") == ["Release train 🚄 发布"]
    assert found(lab, "release", chat=talk["team"]) == ["The release plan is Online"]
    assert found(lab, "release", sender="小明") == ["The release plan is Online"]
    assert found(lab, "release", sender=talk["bob"]) == ["The release plan is Online"]
    assert found(lab, "release", chat="%") == []
    sent = world.message(talk["emoji"]).create_ms / 1000
    moment = datetime.fromtimestamp(sent, UTC)
    assert found(lab, "release", since=moment) == ["Release train 🚄 发布"]
    assert found(lab, "release", until=moment) == ["The release plan is Online"]


def test_edits_replace_recalls_leave_and_new_messages_arrive(
    lab: Lab, world: World, talk: dict[str, str], ann: str
) -> None:
    """What was read again and is the same is not indexed again."""
    world.edit(talk["english"], text="postponed 延期")
    world.recall(talk["chinese"])
    world.post(talk["team"], ann, text="新的消息")
    lab.load()
    assert stands(lab) == Standing("behind", 5)
    assert update_file(lab.database, "feishu") == Updated(2, 1, 4)
    assert stands(lab) == Standing("current", 0)
    assert found(lab, "plan") == found(lab, "计划") == []
    assert found(lab, "延期") == ["postponed 延期"]
    assert found(lab, "消息") == ["新的消息"]
    check_index(lab)


def test_a_recalled_message_is_not_found_before_the_index_knows(
    lab: Lab, world: World, talk: dict[str, str]
) -> None:
    """Its text is gone from the messages, and nothing of it is shown."""
    world.recall(talk["chinese"])
    world.edit(talk["english"], text="short")
    lab.load()
    assert found(lab, "上线") == []
    with opened(lab) as connection:
        (hit,) = find(connection, "feishu", "plan")
    assert (hit.text, hit.start, hit.end) == ("short", 0, 0)


def test_rows_that_somebody_deleted_leave(lab: Lab, talk: dict[str, str]) -> None:
    """No load knows of it: the numbers of messages and documents tell."""
    with opened(lab, read_only=False) as connection:
        connection.execute("delete from feishu.messages where message_id = ?", [talk["emoji"]])
    assert stands(lab) == Standing("behind", 0)
    assert update_file(lab.database, "feishu") == Updated(0, 1, 3)
    assert stands(lab) == Standing("current", 0)
    check_index(lab)


@pytest.mark.parametrize("lost", ["drop schema feishu_search cascade", "another version"])
def test_a_lost_index_is_built_anew(lab: Lab, talk: dict[str, str], lost: str) -> None:
    """So is one whose terms are cut in another way."""
    if lost == "another version":
        lost = "update feishu_search.version set version = '0'"
    with opened(lab, read_only=False) as connection:
        connection.execute(lost)
    assert stands(lab) == Standing("missing", 4)
    assert update_file(lab.database, "feishu") == Updated(4, 0, 4)
    check_index(lab)


def test_an_empty_dataset_has_an_empty_index(lab: Lab, world: World, team: str) -> None:
    """Nothing is found, and nothing is due."""
    lab.load()
    with opened(lab) as connection:
        assert standing(connection, "feishu") == Standing("missing", 0)
    assert update_file(lab.database, "feishu") == Updated(0, 0, 0)
    assert stands(lab) == Standing("current", 0)
    assert found(lab, "anything") == []


def test_what_is_no_dataset_is_told(lab: Lab) -> None:
    """A file without tables, a name that is not there."""
    with duckdb.connect(str(lab.database)) as connection:
        for look in (standing, update):
            with pytest.raises(ConfigurationError, match=r"no table other\.messages here: load"):
                look(connection, "other")


def test_batches_leave_what_one_batch_leaves(lab: Lab, world: World, talk: dict[str, str]) -> None:
    """Whatever their size; terms of a message never stand in two."""
    world.edit(talk["english"], text="other words")
    lab.load()
    with opened(lab, read_only=False) as connection:
        connection.execute("drop schema feishu_search cascade")
        assert update(connection, "feishu", batch=1) == Updated(4, 0, 4)
    check_index(lab)


def test_long_texts_are_indexed_few_at_a_time(
    lab: Lab, world: World, ann: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cut into terms takes a hundred times its length; DuckDB gets what it needs."""
    words = random.Random(1)
    letters = [chr(words.randrange(0x4E00, 0x9FA5)) for _ in range(500)]
    for _ in range(12):
        world.advance(60)
        world.post(team, ann, text="".join(words.choices(letters, k=20_000)))
    lab.load()
    cut: list[int] = []

    def note(due: list[tuple[Any, ...]], first: int) -> pa.Table:
        cut.append(len(due))
        return original(due, first)

    original = index._cut
    monkeypatch.setattr(index, "_cut", note)
    monkeypatch.setattr(index, "BATCH_CHARS", 50_000)
    monkeypatch.setattr(index, "LIMITS_MB", (1, 256))
    assert update_file(lab.database, "feishu") == Updated(12, 0, 12)
    assert cut == [3, 3, 3, 3]
    check_index(lab)


KILLED = """
import os, signal, sys
from pathlib import Path
from feishu_source.search import index

def dies(connection, names, rows):
    if dies.left == 0:
        connection.register("batch", rows)
        connection.begin()
        connection.execute(names.fill(index._ADD_DOCUMENTS))
        os.kill(os.getpid(), signal.SIGKILL)
    dies.left -= 1
    write(connection, names, rows)

write, index._write = index._write, dies
dies.left = int(sys.argv[2])
index.update.__defaults__ = (1,)
index.update_file(Path(sys.argv[1]), "feishu")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("written", [0, 2])
def test_a_kill_in_the_midst_loses_the_batch_at_hand(
    lab: Lab, talk: dict[str, str], written: int
) -> None:
    """The next update goes on from there; until then the index says that it is behind."""
    with opened(lab, read_only=False) as connection:
        connection.execute("drop schema feishu_search cascade")
    words = [sys.executable, "-c", KILLED, str(lab.database), str(written)]
    assert subprocess.run(words, cwd=Path(__file__).parents[2], check=False).returncode == -9
    assert stands(lab) == Standing("behind", 4)
    assert update_file(lab.database, "feishu") == Updated(4 - written, 0, 4)
    check_index(lab)


def test_names_are_quoted_and_braces_refused() -> None:
    """A dataset's name is no SQL."""
    assert Names('a"b').messages == '"a""b".messages'
    with pytest.raises(ConfigurationError, match="brace"):
        Names("{x}")


def test_a_load_brings_the_index_up_to_date_where_it_is_asked_to(
    lab: Lab, world: World, ann: str, team: str
) -> None:
    """Before the copy for readers is made, so that the copy can be searched."""
    world.post(team, ann, text="第一条消息")
    copy = lab.folder / "copy.duckdb"
    report = lab.load(search_index=True, publish=copy)
    assert (report.searchable, report.warnings) == (1, [])
    with duckdb.connect(str(copy), read_only=True) as connection:
        (hit,) = find(connection, "feishu", "消息")
    assert hit.text == "第一条消息"
    world.post(team, ann, text="第二条消息")
    assert lab.load().searchable is None
    assert stands(lab).state == "behind"
    assert lab.load(search_index=True).searchable == 2
    check_index(lab)


def test_an_index_that_cannot_be_updated_fails_no_load(
    lab: Lab, talk: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is behind, and the next load updates it."""

    def refuse(*_: object) -> None:
        raise duckdb.IOException("words of a message")

    with monkeypatch.context() as patched:
        patched.setattr(extras, "update_file", refuse)
        report = lab.load(search_index=True)
    assert (report.exit_code, report.searchable) == (0, None)
    assert [told[:57] for told in report.warnings] == [
        "the search index could not be updated (IOException) and i"
    ]
    assert lab.load(search_index=True).searchable == 4


def test_only_duckdb_has_an_index(lab: Lab) -> None:
    """Told before anything is asked for."""
    pipeline = open_pipeline("filesystem", pipelines_dir=str(lab.folder / "pipelines"))
    with pytest.raises(ConfigurationError, match="leave out --search-index"):
        load(pipeline, search_index=True, **lab.access)
    assert lab.sandbox.requests == []


QUERIES = Path(__file__).parents[2] / "pipelines" / "queries"


def asked(lab: Lab, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `query.py search`."""
    capsys.readouterr()
    code = main(QUERIES, ["search", *words, "--database", str(lab.database)])
    return (code, *capsys.readouterr())


def test_the_command_finds_and_tells_how_the_index_stands(
    lab: Lab, world: World, ann: str, team: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, made, behind, updated; what strangers wrote moves no terminal."""
    lab.load()
    code, out, err = asked(lab, capsys, "发布")
    assert (code, out) == (2, "")
    assert "make it with --update" in err
    assert asked(lab, capsys, "发布", "--update") == (0, "Nothing was found.\n", "")
    message = world.post(team, ann, text="前" * 70 + "\x1b[31m发布 now")
    lab.load()
    code, out, err = asked(lab, capsys, "发布")
    assert (code, out) == (0, "Nothing was found.\n")
    assert "behind: 1 messages were loaded since" in err
    code, out, err = asked(lab, capsys, "发布", "NOW", "--update", "--chat", "team")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "发布 now" in out
    assert "│ Team" in out
    assert "│ Ann" in out
    code, out, _ = asked(lab, capsys, '"发布 now"', "--format", "json")
    (row,) = json.loads(out)
    assert (row["message_id"], row["chat_id"], row["sender_name"]) == (message, team, "Ann")
    code, _, err = asked(lab, capsys, "!!")
    assert (code, "nothing to search for" in err) == (2, True)
