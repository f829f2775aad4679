"""The run log: stages with seconds, rows, bytes and memory. It is not sealed, and nothing in a night depends on it."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from creditaudit.errors import StorageError, UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What Linux counts of a process: bytes that it read and wrote, from the cache or the disk, with ended children.
_COUNTS: Final = Path("/proc/self/io")


@dataclass
class Meter:
    """What an engine was asked, and what it read for that: counts that stand beside the clock, and cannot flake.

    A file that is read twice counts twice.

    Parameters
    ----------
    is_whole : bool
        Counts everything, which costs a little at every query; else only what was spilled.
    """

    is_whole: bool = True
    statements: int = 0
    scanned_rows: int = 0  # of Parquet files, after what the reader itself leaves out
    scans: Counter[str] = field(default_factory=Counter)  # the same by folder of the files: feed, table
    spilled_bytes: int = 0  # the most that lay in scratch at once

    def add(self, beside: Sequence[Meter]) -> None:
        """Add what engines were asked that worked beside each other."""
        for one in beside:
            self.statements += one.statements
            self.scanned_rows += one.scanned_rows
            self.scans += one.scans
        self.spilled_bytes = max(self.spilled_bytes, sum(one.spilled_bytes for one in beside))


@dataclass
class Stage:
    """One stage of a run.

    Parameters
    ----------
    name : str
    seconds : float
        Wall.
    rows : int
        It handled; 0: not counted.
    peak_mib : int
        The process's highest memory by its end.
    note : str
    cpu_seconds : float
        Of all threads and ended children.
    read_bytes, written_bytes : int or None
        From and to files, cached or not; None: the system counts none.
    statements, scanned_rows : int or None
        As :class:`Meter`; None: nobody asked for a profile.
    spilled_bytes : int
        The most that the engine had in scratch at once.
    """

    name: str
    seconds: float = 0.0
    rows: int = 0
    peak_mib: int = 0
    note: str = ""
    cpu_seconds: float = 0.0
    read_bytes: int | None = None
    written_bytes: int | None = None
    statements: int | None = None
    scanned_rows: int | None = None
    spilled_bytes: int = 0


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
    """Collects stages; written as JSON lines where a file was asked for.

    Parameters
    ----------
    stages : list of Stage
        In their order.
    watch : Watch or None
    meter : Meter
        Given to the engine of the night, which counts into it.
    """

    stages: list[Stage] = field(default_factory=list)
    watch: Watch | None = None
    meter: Meter = field(default_factory=lambda: Meter(is_whole=False))

    @property
    def spilled_bytes(self) -> int:
        """The most that lay in scratch at once, in any stage."""
        return max((stage.spilled_bytes for stage in self.stages), default=0)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time one stage."""
        entry = Stage(name)
        cpu, files, begun = _cpu_seconds(), _file_bytes(), time.perf_counter()
        asked, self.meter.spilled_bytes = (self.meter.statements, self.meter.scanned_rows), 0
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
            entry.cpu_seconds = round(_cpu_seconds() - cpu, 3)
            if files is not None:
                entry.read_bytes, entry.written_bytes = (
                    b - a for a, b in zip(files, _file_bytes() or files, strict=True)
                )
            entry.spilled_bytes = self.meter.spilled_bytes
            if self.meter.is_whole:
                entry.statements = self.meter.statements - asked[0]
                entry.scanned_rows = self.meter.scanned_rows - asked[1]
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


def _cpu_seconds() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def _file_bytes() -> tuple[int, int] | None:
    try:
        counts = dict(line.split(": ") for line in _COUNTS.read_text(encoding="ascii").splitlines())
    except OSError:
        return None
    return int(counts["rchar"]), int(counts["wchar"])
