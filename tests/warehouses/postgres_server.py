"""A PostgreSQL server of the tests' own, started on a free port, in a folder that goes with it.

In: the server's programs, as Debian's package `postgresql` or another installs them. Out: where to
connect. Refuses to know what is loaded.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

USER, PASSWORD = "loader", "p@ss:w/rd#of%the?tests"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of an empty database, until the block ends.

    Raises:
        RuntimeError: there is no server on this machine.
    """
    programs = _find_programs()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data, secret = Path(folder) / "data", Path(folder) / "secret"
        secret.write_text(PASSWORD)
        demote = _demote(Path(folder))
        words = ["--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
        _run([str(programs / "initdb"), "-D", str(data), "--encoding", "UTF8", *words], demote)
        port = _free_port()
        # Nothing here outlives the tests: what the disk would be waited for is left out.
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", f"{folder}/log"]
        _run([*control, "-o", options, "start"], demote)
        try:
            yield f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], demote)


def _find_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    if not found and not named:
        raise RuntimeError(
            "these tests start a PostgreSQL server and found none: install it, as by "
            "`apt-get install postgresql`."
        )
    return (found[-1] if found else Path(str(named))).resolve().parent


def _demote(folder: Path) -> int | None:
    """PostgreSQL refuses root: there it runs as the user that its package has made, or nobody."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody").pw_uid
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, -1)
    return user


def _run(words: list[str], user: int | None) -> None:
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, user=user
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} failed: {done.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
