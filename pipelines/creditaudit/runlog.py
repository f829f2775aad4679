"""The run log: stages with seconds, rows and memory. It is not sealed, and nothing in a night depends on it."""

from __future__ import annotations

import json
import resource
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

from creditaudit.errors import StorageError, UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Stage:
    """One stage of a run: wall seconds, rows it handled (0: not counted), the process's peak memory, a word."""

    name: str
    seconds: float = 0.0
    rows: int = 0
    peak_mib: int = 0
    note: str = ""


class Watch(Protocol):
    """Whoever looks on while a night runs; nothing depends on it. Called from several threads."""

    def begin(self, stage: str) -> None:
        """Be told that a stage begins."""
        ...

    def expect(self, amount: int) -> None:
        """Be told how much the stage has to do, in bytes delivered."""
        ...

    def advance(self, amount: int) -> None:
        """Be told that some of it is done."""
        ...

    def end(self, stage: str) -> None:
        """Be told that a stage ended, well or not."""
        ...


@dataclass
class RunLog:
    """Collects stages; written as JSON lines where a file was asked for."""

    stages: list[Stage] = field(default_factory=list)
    watch: Watch | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time one stage."""
        entry = Stage(name)
        begun = time.perf_counter()
        if self.watch is not None:
            self.watch.begin(name)
        try:
            yield entry
        except BaseException as error:
            entry.note = f"failed: {type(error).__name__}"
            raise
        finally:
            if self.watch is not None:
                self.watch.end(name)
            entry.seconds = round(time.perf_counter() - begun, 3)
            entry.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            self.stages.append(entry)

    def write(self, path: Path, night: str) -> None:
        """Append the stages of a run to a file, one JSON object a line."""
        lines = [json.dumps({"night": night, **asdict(entry)}) + "\n" for entry in self.stages]
        try:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise StorageError(
                f"the run log of night {night} was not written",
                why=error.strerror or type(error).__name__,
                next_step="the night itself is sealed; make room, and run the nights that follow",
                where=Where(str(path)),
            ) from error


def run_log_begun(path: Path) -> None:
    """Make the run log, or find that it can be appended to, before any work is done.

    Raises
    ------
    UsageError
        It cannot be written.
    """
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise UsageError(
            "the run log cannot be written",
            why=error.strerror or type(error).__name__,
            next_step="name a file in a folder that you may write with --run-log",
            where=Where(str(path)),
        ) from error
