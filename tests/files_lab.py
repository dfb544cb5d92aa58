"""Files of messages in a laboratory: what was asked for, what is there, what rows should claim.

In: a `Lab`, a place for files. Out: rows and contents to compare.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from feishu_source.sandbox.files import drawn_file
from tests.lab import Lab
from tests.laboratory import Row

RESOURCE = "/open-apis/im/v1/messages/:message_id/resources/:file_key"
MEGABYTE = 1024 * 1024
VOLATILE = {"_dlt_load_id", "decided_at", "run_id", "log_id", "chat_id", "create_time"}


def asked(lab: Lab) -> list[str]:
    """The keys that were asked for since the last load began, in order."""
    paths = (request.path for request in lab.sandbox.requests)
    return sorted(path.rpartition("/")[2] for path in paths if "/resources/" in path)


def decided(lab: Lab) -> dict[str, Row]:
    """Rows of `resource_files` by key, without what differs from load to load."""
    rows = lab.rows("resource_files")
    return {
        row["resource_key"]: {k: v for k, v in row.items() if k not in VOLATILE} for row in rows
    }


def statuses(lab: Lab) -> dict[str, str]:
    """The status of each key."""
    return {key: row["status"] for key, row in decided(lab).items()}


def files_in(place: Path) -> dict[str, bytes]:
    """The files that have a final name, by their path below the place."""
    found = (path for path in place.glob("??/*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in found}


def assert_true(lab: Lab, place: Path) -> None:
    """What rows claim is there, and all that is there is whole and under its own hash."""
    there = files_in(place)
    for path, content in there.items():
        digest = sha256(content).hexdigest()
        assert path == f"{digest[:2]}/{digest}"
    for row in lab.rows("resource_files"):
        if row["status"] == "stored":
            content = Path(row["path"]).read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (row["size"], row["sha256"])
            assert (
                content
                == (
                    lab.world.files.get(row["resource_key"]) or drawn_file(row["resource_key"])
                ).content
            )
        else:
            assert (row["path"], row["sha256"]) == (None, None)


def stored_row(message: str, key: str, kind: str, content: bytes, place: Path, **more: Any) -> Row:
    """The row of a file that is there."""
    digest = sha256(content).hexdigest()
    return {
        "message_id": message,
        "resource_key": key,
        "resource_type": kind,
        "status": "stored",
        "path": str(place / digest[:2] / digest),
        "size": len(content),
        "sha256": digest,
        "content_type": "application/octet-stream",
        "error_code": None,
        "error_message": None,
        "attempts": 1,
    } | more


def missing_row(message: str, key: str, kind: str, status: str, **more: Any) -> Row:
    """The row of one that is not."""
    nothing = dict.fromkeys(("path", "size", "sha256", "content_type", "safe_name", "error_code"))
    told = {"message_id": message, "resource_key": key, "resource_type": kind, "status": status}
    return told | nothing | {"attempts": 0} | more
