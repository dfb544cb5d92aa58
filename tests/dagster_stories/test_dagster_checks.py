"""Checks of `sync_coverage`: they name the chats that are amiss, and hold up nothing."""

from feishu_source.tables import TABLES
from tests.dagster_stories.dagster_lab import DagsterLab, checks
from tests.laboratory import DAY_S


def chat_named(lab: DagsterLab, name: str) -> str:
    """The id of the chat of that name."""
    (found,) = (each for each, chat in lab.world.chats.items() if chat.name == name)
    return found


def test_a_skipped_chat_fails_its_check_by_name_and_the_tables_stand(lab: DagsterLab) -> None:
    """The others are loaded, the run succeeds; Feishu's code and the advice are in the metadata."""
    lab.world.advance(5 * DAY_S)
    board = chat_named(lab, "Board")
    lab.world.restrict(board)
    result = lab.run()
    assert result.success
    assert len(result.get_asset_materialization_events()) == len(TABLES)
    assert checks(result)["no_chat_is_skipped"] == (False, f"Board ({board})")
    (found,) = (
        each
        for each in result.get_asset_check_evaluations()
        if each.check_name == "no_chat_is_skipped"
    )
    assert (found.metadata["chats"].value, found.metadata["failing"].value) == (4, 1)
    (record,) = found.metadata["which"].records
    (row,) = (each for each in lab.rows("sync_coverage") if each["chat_id"] == board)
    assert record.data == {
        "chat_id": board,
        "chat_name": "Board",
        "status": "skipped",
        "error_code": 231203,
        "error_message": row["error_message"],
        "advice_en": row["advice_en"],
        "log_id": row["log_id"],
        "covered_until": "1970-01-01 00:00:00+00:00",
    }
    lab.world.restrict(board, False)
    assert checks(lab.run()) == {"no_chat_is_skipped": (True, ""), "no_chat_is_stale": (True, "")}
    lab.assert_equals_truth()


def test_chats_of_a_tolerated_code_fail_no_check(lab: DagsterLab) -> None:
    """As `--tolerate` has it."""
    lab.world.advance(5 * DAY_S)
    lab.world.restrict(chat_named(lab, "Board"))
    lab.given["tolerate"] = [231203]
    assert checks(lab.run()) == {"no_chat_is_skipped": (True, ""), "no_chat_is_stale": (True, "")}


def test_a_chat_that_is_no_longer_loaded_goes_stale(lab: DagsterLab) -> None:
    """It was complete when it was last loaded, five days ago."""
    lab.run()
    lab.world.advance(5 * DAY_S)
    (lunch, *others) = sorted(lab.world.chats, key=lambda chat: chat != chat_named(lab, "Lunch"))
    result = lab.run(only=others)
    assert checks(result) == {
        "no_chat_is_skipped": (True, ""),
        "no_chat_is_stale": (False, f"Lunch ({lunch})"),
    }


def test_many_chats_are_counted_and_some_named(lab: DagsterLab) -> None:
    """A description is read by people; the metadata has them all."""
    for number in range(20):
        lab.world.add_chat(name=f"Chat {number}")
    told = checks(lab.run())["no_chat_is_stale"]
    assert told[0] is False
    assert told[1]
    assert told[1].endswith(", and 4 more")
    assert told[1].count("(oc_") == 20


def test_without_a_load_nothing_is_covered(lab: DagsterLab) -> None:
    """A check alone, before any load: it fails, and makes no file."""
    result = lab.check()
    assert checks(result) == {
        "no_chat_is_skipped": (False, "no chat was ever loaded"),
        "no_chat_is_stale": (False, "no chat was ever loaded"),
    }
    assert not (lab.home.parent / "history.duckdb").exists()


def test_a_check_alone_reads_what_an_earlier_run_loaded(lab: DagsterLab) -> None:
    """So that it notices that loads have stopped."""
    lab.run()
    described = checks(lab.check())["no_chat_is_stale"][1]
    assert described
    assert described.count("(oc_") == 4
    assert lab.sandbox.requests == []
