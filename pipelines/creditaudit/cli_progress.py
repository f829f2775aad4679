"""What a person at a terminal sees while a night runs: the stage, its rate and the time left. Elsewhere nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from creditaudit.runlog import Watch


class Bar:
    """Draws the stage that runs on stderr; a stage that says how much it has to do gets rate and time left."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        measured = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, *measured, console=console, transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def begin(self, stage: str) -> None:
        """Show a stage."""
        self._task = self._progress.add_task(stage, total=None)

    def expect(self, amount: int) -> None:
        """Show how much it has to do, in bytes."""
        if self._task is not None:
            self._progress.update(self._task, total=amount)

    def advance(self, amount: int) -> None:
        """Show that some of it is done."""
        if self._task is not None:
            self._progress.advance(self._task, amount)

    def end(self, stage: str) -> None:  # noqa: ARG002 - as the protocol has it; there is one bar
        """Take the stage away; its times are in the run log."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = None


@contextmanager
def watching(*, is_json: bool) -> Iterator[Watch | None]:
    """Give a bar where a person looks on: stderr is a terminal, and the log is in words."""
    if is_json or not sys.stderr.isatty():
        yield None
        return
    with Bar(Console(stderr=True)) as bar:
        yield bar
