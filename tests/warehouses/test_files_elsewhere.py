"""Files of messages beside other warehouses, and in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import boto3
import pytest

from feishu_source.errors import ConfigurationError
from feishu_source.files import pending
from feishu_source.report import FilesReport
from feishu_source.sandbox import Fault, World
from feishu_source.sandbox.bodies import media_body
from feishu_source.sandbox.files import StoredFile
from tests.lab import START_MS
from tests.warehouses.buckets import ENDPOINT, KEY, REGION, bucket
from tests.warehouses.stories import WarehouseLab
from tests.warehouses.test_sqlalchemy import Lab as SqlAlchemyLab

RESOURCE = "/open-apis/im/v1/messages/:message_id/resources/:file_key"


@pytest.fixture
def world() -> World:
    """A group in which seven files were sent, two of them twice, and a sticker."""
    world = World(seed=1, start_ms=START_MS, now_ms=START_MS)
    team = world.add_chat(name="Team")
    for number in [*range(7), 0, 1]:
        world.advance(60)
        world.files[f"file_{number}"] = StoredFile(bytes([number]) * 100)
        world.post(team, body=media_body("file", f"file_{number}", name=f"{number}.txt"))
    world.post(team, body=media_body("sticker", "st_1"))
    return world


@pytest.fixture(params=["postgres", "sqlite", "mariadb"])
def warehouse(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WarehouseLab]:
    """A database without tables of ours."""
    if request.param == "sqlite":
        monkeypatch.setenv(
            "DESTINATION__SQLALCHEMY__CREDENTIALS", f"sqlite:///{tmp_path}/history.db"
        )
    else:
        request.getfixturevalue(request.param)
    is_postgres = request.param == "postgres"
    kind = WarehouseLab if is_postgres else SqlAlchemyLab
    where = {"destination": "postgres" if is_postgres else "sqlalchemy"}
    with kind(tmp_path, world, where) as lab:
        yield lab


def test_each_file_is_asked_for_once_in_portions(
    warehouse: WarehouseLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fails and comes later, one is larger than wanted at first; rows are as in DuckDB."""
    monkeypatch.setattr(pending, "PORTION", 4)
    warehouse.world.files["file_5"] = StoredFile(b"5" * 5_000)
    place = str(tmp_path / "files")
    warehouse.sandbox.inject(Fault("unknown_code", path=RESOURCE))
    report = warehouse.load(files=place, files_most_mb=0.001, files_workers=1)
    assert report.files is not None
    assert (report.files.unsupported, report.files.too_large, report.exit_code) == (1, 1, 0)
    # The newest was asked for first and failed; the same key in an older message was asked for too.
    assert (report.files.stored, report.files.reused) == (6, 1)
    assert report.files.failed == 1
    warehouse.load(files=place)
    rows = warehouse.rows("resource_files")
    assert len(rows) == 10
    assert {row["resource_key"] for row in rows if row["status"] == "stored"} == set(
        warehouse.world.files
    )
    for row in rows:
        if row["status"] == "stored":
            content = Path(str(row["path"])).read_bytes()
            expected = warehouse.world.files[str(row["resource_key"])].content
            assert (content, row["size"]) == (expected, len(content))
            assert row["sha256"] == sha256(content).hexdigest()
        else:
            assert (row["resource_key"], row["status"]) == ("st_1", "unsupported")
    sent = {row["message_id"]: row["create_time"] for row in warehouse.rows("messages")}
    assert all(sent[row["message_id"]] == row["create_time"] for row in rows)
    assert warehouse.load(files=place).files == FilesReport()


def test_files_go_to_a_bucket(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    """Its credentials stand where dlt's filesystem destination has them; rows hold URLs."""
    with bucket() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with WarehouseLab(tmp_path, world, {"destination": "postgres"}) as lab:
            report = lab.load(files="s3://lake/chat/files")
            rows = [row for row in lab.rows("resource_files") if row["path"]]
        client = boto3.client(
            "s3",
            endpoint_url=environment[ENDPOINT],
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        )
        listed = client.list_objects_v2(Bucket="lake")["Contents"]
        there = {
            f"s3://lake/{each['Key']}": client.get_object(Bucket="lake", Key=each["Key"])[
                "Body"
            ].read()
            for each in listed
        }
    assert report.files is not None
    assert (report.files.stored, report.files.reused) == (7, 2)
    assert {str(row["path"]): row["sha256"] for row in rows} == {
        url: sha256(content).hexdigest() for url, content in there.items()
    }
    assert sorted(there.values()) == sorted(each.content for each in world.files.values())


def test_files_as_the_destination_cannot_tell_which_are_due(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is said before anything is requested."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    with WarehouseLab(tmp_path, world, {"destination": "filesystem"}) as lab:
        with pytest.raises(ConfigurationError, match="filesystem cannot be asked so"):
            lab.load(files=str(tmp_path / "files"))
        assert lab.sandbox.requests == []
