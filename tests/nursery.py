"""Processes that load, and may be killed: each a fork of one that has imported everything.

In: a database, the arguments of a load, and where it is to die, if anywhere. Out: a process id, and
how the process ended. A fresh interpreter would spend its first seconds importing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self


class Nursery:
    """Starts processes, one at a time."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A child that hangs must not be waited for: whoever comes here has what it came for.
        os.killpg(self._parent.pid, signal.SIGKILL)
        self._parent.communicate()

    def start(
        self, pipeline: Mapping[str, str], load: Mapping[str, Any], point: str = "", times: int = 0
    ) -> int:
        """The process id of a load that has begun."""
        assert self._parent.stdin
        assert self._parent.stdout
        words = {"pipeline": pipeline, "load": load, "point": point, "times": times}
        print(json.dumps(words), file=self._parent.stdin, flush=True)
        return int(self._parent.stdout.readline())

    def wait(self) -> int:
        """How the process ended: its exit code, or minus the signal that killed it."""
        assert self._parent.stdout
        return int(self._parent.stdout.readline())


def main() -> None:
    """Forks a child for each line that is read, and waits for its end."""
    from feishu_source import load, open_pipeline
    from tests.crash_points import install

    for line in sys.stdin:
        words = json.loads(line)
        child = os.fork()
        if not child:
            if words["point"]:
                install(words["point"], words["times"])
            sys.stdout = sys.stderr
            load(open_pipeline(**words["pipeline"]), **words["load"])
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
