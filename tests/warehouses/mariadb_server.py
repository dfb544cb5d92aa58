"""A MariaDB server of the tests' own, started on a free port, in a folder that goes with it.

In: the server's program, as Debian's package `mariadb-server-core` installs it; no wheel has it.
Out: where to connect. Refuses to know what is loaded.
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
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
"""What `mariadb-install-db` feeds to the server, a script that needs further packages."""


@contextmanager
def mariadb_server() -> Iterator[str]:
    """The URL, for SQLAlchemy and PyMySQL, of an empty database `base`, until the block ends.

    Raises:
        RuntimeError: there is no server on this machine.
    """
    program = shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise RuntimeError(
            "these tests start a MariaDB server and found none: install it, as by `apt-get install "
            "mariadb-server-core`."
        )
    with tempfile.TemporaryDirectory(prefix="feishu-mariadb-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        words = [program, "--no-defaults", f"--datadir={folder}/data", *_demote(folder)]
        _make_tables(words)
        port = _free_port()
        words += [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket"]
        # Nothing here outlives the tests: what the disk would be waited for is left out.
        words += ["--innodb-flush-log-at-trx-commit=0", f"--pid-file={folder}/pid"]
        words += ["--lock-wait-timeout=60"]  # of tables; a day otherwise
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            _wait(server, port, folder / "log")
            address = f"{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
            yield f"mysql+pymysql://{address}/base?charset=utf8mb4"
        finally:
            server.kill()
            server.wait()


def _demote(folder: Path) -> list[str]:
    """MariaDB warns root off: there it runs as nobody."""
    if os.geteuid() != 0:
        return []
    for path in (folder, *folder.iterdir()):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    return ["--user=nobody"]


def _make_tables(words: list[str]) -> None:
    """The server's own tables, and who may do everything; a statement a line, as it reads them."""
    scripts = [Path("/usr/share/mysql", name).read_text("utf-8") for name in SYSTEM_TABLES]
    statements = ["create database mysql;", "use mysql;", *scripts, "flush privileges;"]
    statements += [
        f"create user {USER}@'127.0.0.1' identified by '{PASSWORD}';",
        f"grant all on *.* to {USER}@'127.0.0.1';",
        "create database base;",
    ]
    done = subprocess.run(
        [*words, "--bootstrap"],
        input="\n".join(statements),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} --bootstrap failed: {done.stderr.strip()}")


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it answers."""
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise RuntimeError(f"the server did not start: {log.read_text('utf-8')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
