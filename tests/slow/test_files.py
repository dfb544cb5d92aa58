"""Files of messages: each is downloaded once, and each row of `resource_files` is true."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import fsspec  # type: ignore[import-untyped]
import pytest

from feishu_source.errors import ConfigurationError
from feishu_source.files import pending
from feishu_source.report import FilesReport
from feishu_source.sandbox import Fault, Switches, World
from feishu_source.sandbox.bodies import Resource as Part
from feishu_source.sandbox.bodies import media_body, plain_body
from feishu_source.sandbox.files import StoredFile, drawn_file
from tests.files_lab import (
    MEGABYTE,
    RESOURCE,
    asked,
    assert_true,
    decided,
    files_in,
    missing_row,
    statuses,
    stored_row,
)
from tests.lab import DAY_S, Lab


def test_without_a_place_nothing_is_asked_for(lab: Lab, world: World, team: str) -> None:
    """The table is there all the same, for queries that join it."""
    world.post(team, body=media_body("image", "img_1"))
    report = lab.load()
    assert (report.exit_code, report.files, asked(lab)) == (0, None, [])
    assert lab.query("select count(*) from feishu.message_resources") == [(1,)]
    assert lab.query("select count(*) from feishu.resource_files") == [(0,)]


def test_every_kind_is_downloaded_or_told_why_not(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Whole rows; what the API never hands out costs no request."""
    world.files["file_1"] = StoredFile(b"report", "other.pdf", "application/pdf")
    world.files["file_3"] = StoredFile(b"sound")
    image = world.post(team, body=media_body("image", "img_1"))
    film = world.post(team, body=media_body("media", "file_2", name="a/b.mp4", cover="img_2"))
    report_ = world.post(team, body=media_body("file", "file_1", name="Q1: plan?.pdf"))
    sound = world.post(team, body=media_body("audio", "file_3", duration_ms=7))
    sticker = world.post(team, body=media_body("sticker", "st_1"))
    folder = world.post(team, body=media_body("folder", "fd_1", name="folder"))
    card = {"elements": [[{"tag": "img", "image_key": "img_3"}]]}
    picture = world.post(
        team, body=plain_body("interactive", card, [Part("image", "img_3")], text="[image]")
    )
    report = lab.load(files=str(place))
    assert report.exit_code == 0
    assert asked(lab) == ["file_1", "file_2", "file_3", "img_1", "img_2"]
    drawn = {key: drawn_file(key).content for key in ("img_1", "img_2", "file_2")}
    png = "image/png"
    assert decided(lab) == {
        "img_1": stored_row(
            *(image, "img_1", "image", drawn["img_1"], place),
            safe_name="img_1.bin",
            content_type=png,
        ),
        "img_2": stored_row(
            *(film, "img_2", "image", drawn["img_2"], place),
            safe_name="img_2.bin",
            content_type=png,
        ),
        "file_2": stored_row(film, "file_2", "media", drawn["file_2"], place, safe_name="b.mp4"),
        "file_1": stored_row(
            *(report_, "file_1", "file", b"report", place),
            safe_name="Q1 plan.pdf",
            content_type="application/pdf",
        ),
        "file_3": stored_row(sound, "file_3", "audio", b"sound", place, safe_name="download"),
        "st_1": missing_row(
            *(sticker, "st_1", "sticker", "unsupported"),
            error_message="the API hands out no stickers",
        ),
        "fd_1": missing_row(
            folder, "fd_1", "folder", "unsupported", error_message="the API hands out no folders"
        ),
        "img_3": missing_row(
            *(picture, "img_3", "image", "unsupported"),
            error_message="the API hands out nothing that stands in a card",
        ),
    }
    assert report.files == FilesReport(
        stored=5,
        bytes=sum(map(len, drawn.values())) + len(b"report" + b"sound"),
        unsupported=3,
        reasons={
            "the API hands out no stickers": 1,
            "the API hands out no folders": 1,
            "the API hands out nothing that stands in a card": 1,
        },
    )
    assert_true(lab, place)
    lab.assert_equals_truth()
    assert lab.rows("sync_runs")[0]["requests"] == report.requests == len(lab.sandbox.requests)


def test_a_file_is_asked_for_once_however_often_it_was_sent(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """By its key, in one load and in later ones; by its content, there is one of it."""
    world.files |= {"file_1": StoredFile(b"same"), "file_2": StoredFile(b"same")}
    for key in ("file_1", "file_1", "file_2"):
        world.post(team, body=media_body("file", key, name=f"{key}.txt"))
    report = lab.load(files=str(place))
    assert asked(lab) == ["file_1", "file_2"]
    assert report.files == FilesReport(stored=2, bytes=8, reused=1)
    world.post(team, body=media_body("file", "file_2", name="again.txt"))
    report = lab.load(files=str(place))
    assert (asked(lab), report.files) == ([], FilesReport(reused=1))
    assert list(files_in(place).values()) == [b"same"]
    assert len(lab.rows("resource_files")) == 4
    assert_true(lab, place)


def test_what_is_decided_is_not_asked_for_again(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Not when its message is edited, read again or recalled: rows of files are their own."""
    message = world.post(team, body=media_body("image", "img_1"))
    world.post(team, body=media_body("sticker", "st_1"))
    lab.load(files=str(place))
    before = lab.rows("resource_files")
    world.edit(message, body=media_body("image", "img_1"))
    report = lab.load(files=str(place), full=True)
    assert (report.rows, asked(lab), report.files) == (2, [], FilesReport())
    world.recall(message)
    report = lab.load(files=str(place))
    assert (asked(lab), report.files) == ([], FilesReport())
    assert lab.rows("resource_files") == before


def _recall_unseen(lab: Lab, message: str) -> None:
    """Recalled as soon as it was listed."""
    lab.sandbox.inject(Fault("unknown_code", path=RESOURCE, code=230110))


def _leave(lab: Lab, message: str) -> None:
    lab.sandbox.inject(Fault("unknown_code", path=RESOURCE, code=234004))


def _enlarge(lab: Lab, message: str) -> None:
    lab.world.files["file_1"] = StoredFile(b"", size=100 * MEGABYTE + 1)


@pytest.mark.parametrize(
    ("happens", "code", "status"),
    [(_recall_unseen, 230110, 400), (_leave, 234004, 200), (_enlarge, 234037, 200)],
)
def test_what_cannot_be_had_fails_no_load_and_is_asked_for_once(
    lab: Lab,
    world: World,
    team: str,
    place: Path,
    happens: Callable[[Lab, str], None],
    code: int,
    status: Any,
) -> None:
    """The row tells Feishu's code, words and log id; at any HTTP status."""
    lab.sandbox.switches = Switches(code_http_status=status)
    message = world.post(team, body=media_body("file", "file_1", name="a.txt"))
    happens(lab, message)
    report = lab.load(files=str(place))
    assert (report.exit_code, asked(lab)) == (0, ["file_1"])
    (row,) = lab.rows("resource_files")
    assert row["log_id"]
    told = decided(lab)["file_1"]
    assert told == missing_row(
        *(message, "file_1", "file", "refused"),
        error_code=code,
        error_message=told["error_message"],
        attempts=1,
    )
    assert report.files == FilesReport(refused=1, reasons={told["error_message"]: 1})
    report = lab.load(files=str(place))
    assert (asked(lab), report.files) == ([], FilesReport())


def test_what_failed_for_a_passing_reason_is_asked_for_by_five_loads(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """And by none behind them."""
    world.post(team, body=media_body("file", "file_1", name="a.txt"))
    lab.sandbox.inject(Fault("unknown_code", path=RESOURCE, times=None))
    for load in range(1, pending.MOST_ATTEMPTS + 1):
        report = lab.load(files=str(place))
        assert (report.exit_code, asked(lab)) == (0, ["file_1"])
        row = decided(lab)["file_1"]
        assert (row["status"], row["error_code"], row["attempts"]) == ("failed", 987654, load)
    lab.load(files=str(place))
    assert asked(lab) == []


def test_what_failed_is_there_once_it_heals(lab: Lab, world: World, team: str, place: Path) -> None:
    """One row, without what went wrong before."""
    message = world.post(team, body=media_body("file", "file_1", name="a.txt"))
    lab.sandbox.inject(Fault("internal_2200", path=RESOURCE, times=6))
    assert lab.load(files=str(place)).files == FilesReport(failed=1, reasons={"internal error": 1})
    lab.load(files=str(place))
    content = drawn_file("file_1").content
    assert decided(lab) == {
        "file_1": stored_row(
            message, "file_1", "file", content, place, safe_name="a.txt", attempts=2
        )
    }


def test_the_network_is_not_asked_for_ever(lab: Lab, world: World, team: str, place: Path) -> None:
    """Where no file comes at all, the rest waits for the next load."""
    for number in range(9):
        world.post(team, body=media_body("file", f"file_{number}"))
    lab.sandbox.inject(Fault("reset_connection", path=RESOURCE, times=None))
    report = lab.load(files=str(place), attempts=1, files_workers=1)
    assert (report.exit_code, len(asked(lab))) == (0, 5)
    assert report.files is not None
    assert report.files.failed == 4
    assert [w for w in report.warnings if w.startswith("not all files were asked for: Could")]
    lab.sandbox.clear_faults()
    assert lab.load(files=str(place)).files == FilesReport(
        stored=9, bytes=sum(len(drawn_file(f"file_{n}").content) for n in range(9))
    )


def test_what_is_larger_than_wanted_waits_until_it_is_wanted(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Nothing of it is fetched; a load that takes larger ones asks again."""
    world.files["file_1"] = StoredFile(b"x" * 3_000_000)
    message = world.post(team, body=media_body("file", "file_1", name="a.txt"))
    for _ in range(2):
        lab.load(files=str(place), files_most_mb=1.0)
        assert decided(lab) == {
            "file_1": missing_row(
                *(message, "file_1", "file", "too_large"),
                size=3_000_000,
                error_message="the file has 3,000,000 bytes or more: files_most_mb",
            )
        }
    assert (asked(lab), files_in(place)) == ([], {})
    lab.load(files=str(place), files_most_mb=3.0)
    assert (asked(lab), statuses(lab)) == (["file_1"], {"file_1": "stored"})
    assert_true(lab, place)


def test_a_load_fetches_no_more_than_it_may_and_the_next_one_goes_on(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Newest first."""
    for number in range(5):
        world.advance(60)
        world.files[f"file_{number}"] = StoredFile(bytes([number]) * MEGABYTE)
        world.post(team, body=media_body("file", f"file_{number}"))
    seen = []
    for _ in range(3):
        report = lab.load(files=str(place), files_total_mb=2.0, files_workers=1)
        assert report.exit_code == 0
        assert report.files is not None
        seen.append((report.files.stored, bool(report.files.ended)))
    assert seen == [(2, True), (2, True), (1, False)]
    assert statuses(lab) == {f"file_{number}": "stored" for number in range(5)}
    assert_true(lab, place)


def test_requests_are_bounded_with_those_for_files(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Messages first; what waits comes with the next load."""
    for number in range(9):
        world.post(team, body=media_body("file", f"file_{number}"))
    lab.load()
    report = lab.load(files=str(place), max_requests=8)
    assert (report.exit_code, report.requests, len(lab.sandbox.requests)) == (0, 8, 8)
    assert report.files is not None
    assert report.files.stored == len(asked(lab)) > 0
    assert report.files.ended
    lab.load(files=str(place))
    assert len(asked(lab)) == 9 - report.files.stored


def test_types_that_are_not_wanted_are_left_until_they_are(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """No row: nothing was decided on them."""
    world.post(team, body=media_body("image", "img_1"))
    world.post(team, body=media_body("audio", "file_1", duration_ms=1))
    lab.load(files=str(place), files_types=["image"])
    assert statuses(lab) == {"img_1": "stored"}
    lab.load(files=str(place))
    assert (asked(lab), statuses(lab)) == (["file_1"], {"img_1": "stored", "file_1": "stored"})


def test_files_are_of_the_chats_that_are_loaded(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Not of those left out, and not of those that are refused now."""
    other, third = world.add_chat(name="Other"), world.add_chat(name="Third")
    for number, chat in enumerate((team, other, third)):
        world.post(chat, body=media_body("file", f"file_{number}"))
    lab.load()
    world.chats[other].bot_in = False
    lab.load(files=str(place), exclude=["Team"])
    assert (asked(lab), statuses(lab)) == (["file_2"], {"file_2": "stored"})
    lab.load(files=str(place))
    assert asked(lab) == ["file_0"]
    world.chats[other].bot_in = True
    lab.load(files=str(place))
    assert asked(lab) == ["file_1"]


def test_history_is_asked_of_the_warehouse_in_portions(
    lab: Lab, world: World, team: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is decided on before the next; a key that is met again is known by then."""
    monkeypatch.setattr(pending, "PORTION", 3)
    for number in range(10):
        world.advance(60)
        world.post(team, body=media_body("file", f"file_{number % 4}"))
    report = lab.load(files=str(place))
    assert asked(lab) == ["file_0", "file_1", "file_2", "file_3"]
    assert report.files is not None
    assert (report.files.stored, report.files.reused) == (4, 6)
    assert len({row["_dlt_load_id"] for row in lab.rows("resource_files")}) == 4
    assert_true(lab, place)


def test_a_key_that_is_refused_in_one_message_is_had_from_another(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Whoever forwarded it may have sent it where it can be had."""
    world.post(team, body=media_body("file", "file_1"))
    world.post(team, body=media_body("file", "file_1"))
    lab.sandbox.inject(Fault("unknown_code", path=RESOURCE, code=230110))
    report = lab.load(files=str(place))
    assert report.files is not None
    assert (report.files.refused, report.files.stored, report.exit_code) == (1, 1, 0)
    assert_true(lab, place)


def test_what_cannot_be_a_key_is_not_asked_for(
    lab: Lab, world: World, team: str, place: Path
) -> None:
    """Whoever sends a message by an app may write anything into it; nor is it asked for in SQL."""
    world.post(team, body=media_body("file", "../../im/v1/chats?x=", name="a.txt"))
    world.post(team, body=media_body("file", "'; drop table feishu.messages; --"))
    world.post(team, body=media_body("file", "file_1"))
    lab.load()
    world.advance(2 * DAY_S)
    lab.load(rungs="off")  # behind which they are not read again
    with duckdb.connect(str(lab.database)) as connection:
        connection.execute(
            "update feishu.message_resources set message_id = 'om_a/b' "
            "where resource_key = 'file_1'"
        )
    report = lab.load(files=str(place), rungs="off")
    assert (report.exit_code, asked(lab), set(statuses(lab).values())) == (0, [], {"unsupported"})
    words = "its key or its message's id has not the shape of one"
    assert report.files == FilesReport(unsupported=3, reasons={words: 3})
    assert len(lab.rows("messages")) == 3


def test_files_go_to_any_storage_that_fsspec_knows(lab: Lab, world: World, team: str) -> None:
    """Rows hold URLs."""
    world.post(team, body=media_body("file", "file_1"))
    content = drawn_file("file_1").content
    digest = sha256(content).hexdigest()
    lab.load(files="memory:///somewhere/files")
    url = f"memory:///somewhere/files/{digest[:2]}/{digest}"
    assert lab.rows("resource_files")[0]["path"] == url
    memory = fsspec.filesystem("memory")
    assert memory.cat_file(url) == content
    assert memory.find("/somewhere") == [f"/somewhere/files/{digest[:2]}/{digest}"]


@pytest.mark.parametrize("place", ["nowhere://bucket/folder", "file:///proc/none/files"])
def test_a_place_that_takes_no_files_is_told_before_anything_is_requested(
    lab: Lab, place: str
) -> None:
    """Neither are messages loaded: whoever wants files should not find out afterwards."""
    with pytest.raises(ConfigurationError, match="files can"):
        lab.load(files=place)
    assert lab.sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"files_types": ["sticker"]}, "files_types holds 'sticker'"),
        ({"files_most_mb": 101.0}, "files_most_mb is 101"),
        ({"files_workers": 0}, "files_workers is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(lab: Lab, arguments: dict[str, Any], words: str) -> None:
    """By name, before anything is requested."""
    with pytest.raises(ConfigurationError, match=words):
        lab.load(files="files", **arguments)
    assert lab.sandbox.requests == []
