"""The run log: stages with seconds, rows and memory. It is not sealed, and nothing in a night depends on it."""

from __future__ import annotations

import json
import resource
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Stage:
    """One stage of a run: wall seconds, rows it handled (0: not counted), the process's peak memory after it."""

    name: str
    seconds: float = 0.0
    rows: int = 0
    peak_mib: int = 0


@dataclass
class RunLog:
    """Collects stages; written as JSON lines where a file was asked for."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time one stage."""
        entry = Stage(name)
        begun = time.perf_counter()
        yield entry
        entry.seconds = round(time.perf_counter() - begun, 3)
        entry.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.stages.append(entry)

    def write(self, path: Path, night: str) -> None:
        """Append the stages of a run to a file, one JSON object a line."""
        with path.open("a", encoding="utf-8") as file:
            for entry in self.stages:
                file.write(json.dumps({"night": night, **asdict(entry)}) + "\n")
