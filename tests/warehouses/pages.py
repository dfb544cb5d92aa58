"""The commands that a destination's page tells its readers, for a test to run.

In: the page's name. Out: the lines of its `sh` blocks. Refuses to know what they do.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "destinations"


def commands_of(page: str, program: str) -> list[str]:
    """The commands of one program, in their order."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    lines = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    return [line for line in lines if line.split()[:1] == [program]]
