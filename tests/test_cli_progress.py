"""A load is shown while it runs: drawn from plain numbers, never by the load itself."""

from __future__ import annotations

import io

from rich.console import Console

from feishu_source.cli.progress import AnnouncedProgress, ProgressBar, describe, watch
from feishu_source.cli.terminal import Terminal
from feishu_source.report import Progress


def terminal(written: io.StringIO, *, is_terminal: bool) -> Terminal:
    """A terminal, or a pipe, that keeps what was written to stderr."""
    return Terminal(err=Console(file=written, force_terminal=is_terminal, width=120))


def test_one_line_says_where_a_load_stands() -> None:
    """Messages and replies are counted together; the rate is over the whole load."""
    progress = Progress(
        phase="messages",
        slice=2,
        chats_total=1_200,
        chats_done=34,
        messages=5_000,
        replies=1_000,
        requests=321,
    )
    assert describe(progress, 4.0) == (
        "reading · slice 2 · 34/1,200 chats · 6,000 messages · 1,500/s · 321 requests"
    )


def test_what_is_not_known_yet_is_not_shown() -> None:
    """No zeros, and no rate from a division by nothing."""
    assert describe(Progress(), 0.0) == "starting"
    assert describe(Progress(phase="loading", messages=7), 0.0) == "loading · 7 messages · 7/s"


def test_the_bar_takes_its_numbers_over_whenever_it_draws() -> None:
    """It pulses until the chats are known; then it shows the share of the time range."""
    watched = Progress()
    bar = ProgressBar(watched, Console(file=io.StringIO()), clock=lambda: 0.0)
    assert (bar.tasks[0].total, bar.tasks[0].description) == (None, "starting")
    watched.phase, watched.chats_total, watched.range_share = "messages", 4, 0.25
    bar.get_renderable()
    shown = bar.tasks[0]
    assert (shown.total, shown.completed, shown.percentage) == (1.0, 0.25, 25.0)
    assert shown.description == "reading · 0/4 chats"
    Console(file=(drawn := io.StringIO()), width=100).print(bar.get_renderable())
    assert "  25% reading · 0/4 chats" in drawn.getvalue()


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind() -> None:
    """What was drawn is erased at the end: the summary follows."""
    written = io.StringIO()
    with watch(terminal(written, is_terminal=True), quiet=False) as progress:
        progress.phase = "chats"
    assert "reading the chat list" in written.getvalue()
    assert written.getvalue().endswith("\x1b[2K")


def test_a_pipe_gets_a_line_per_phase() -> None:
    """Each change once, however often the numbers move."""
    written = io.StringIO()
    with watch(terminal(written, is_terminal=False), quiet=False) as progress:
        progress.phase = "chats"
        progress.chats_total = 3
        progress.phase = "messages"
        progress.messages = 50
        progress.phase = "messages"
        progress.phase = "loading"
    assert [line.replace("50/s", "RATE") for line in written.getvalue().splitlines()] == [
        "reading the chat list",
        "reading · 0/3 chats",
        "loading · 0/3 chats · 50 messages · RATE",
    ]


def test_quiet_shows_nothing() -> None:
    """On a terminal and on a pipe."""
    for is_terminal in (True, False):
        written = io.StringIO()
        with watch(terminal(written, is_terminal=is_terminal), quiet=True) as progress:
            progress.phase = "messages"
        assert written.getvalue() == ""


def test_an_announced_progress_is_a_progress() -> None:
    """The load fills it like any other; it tells at the change, with the new phase in place."""
    phases: list[str] = []
    progress = AnnouncedProgress(lambda now: phases.append(now.phase))
    progress.phase = "chats"
    progress.requests += 1
    progress.phase = "finished"
    assert phases == ["chats", "finished"]
    assert progress.requests == 1
