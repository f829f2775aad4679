"""What one whole process costs, and on what machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARIES = ("creditaudit", "duckdb", "pyarrow", "polars", "pandas", "numpy")


@dataclass(frozen=True)
class Cost:
    """One process: seconds from outside, user and system seconds, highest resident memory in MiB."""

    wall: float
    cpu: float
    peak_mib: float


@dataclass
class Costs:
    """The processes of one name, one per round."""

    what: str
    rounds: list[Cost] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures of all rounds."""
        figures = {of: [round(getattr(c, of), 3) for c in self.rounds] for of in ("wall", "cpu", "peak_mib")}
        return {"what": self.what, **figures}


# A night that was sealed; a small provider's delta may be told to be incomplete, on a day on which it has few rows.
SEALED = (0, 5)


class FailedRunError(RuntimeError):
    """A measured program failed, so that its time says nothing."""


def environment(threads: int, **more: str) -> dict[str, str]:
    """Return the environment of a measured program: as many threads for each library, no settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDITAUDIT")}
    limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    return {**kept, **limits, **more}


def run(command: Sequence[str], folder: Path, surroundings: Mapping[str, str], codes: Sequence[int] = (0,)) -> Cost:
    """Run a Python program as a process of its own, and return what it cost.

    Parameters
    ----------
    command : sequence of str
        Arguments of this interpreter.
    folder : Path
        Existing folder for what it says.
    surroundings : mapping
        Environment.
    codes : sequence of int
        Exit codes of a run that did what was asked.

    Raises
    ------
    FailedRunError
        It exited with another one.
    """
    told, said = folder / "cost.json", folder / "said.txt"
    launcher = Path(__file__).with_name("launch.py")
    with said.open("wb") as out:
        whole = [sys.executable, "-S", "-E", str(launcher), str(told), sys.executable, *command]
        subprocess.run(whole, env=dict(surroundings), stdout=out, stderr=subprocess.STDOUT, check=True)
    cost = json.loads(told.read_text(encoding="utf-8"))
    if cost["code"] not in codes:
        tail = said.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise FailedRunError(f"exit code {cost['code']} of: {' '.join(command[:3])} …\n{tail}")
    if cost["own_mib"] >= cost["peak_mib"]:
        raise FailedRunError("the launcher weighed more than what it started: the peak would be the launcher's")
    return Cost(cost["wall"], cost["cpu"], cost["peak_mib"])


def machine() -> dict[str, Any]:
    """Return what the figures depend on beside the program."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "is_clean": not _git("status", "--porcelain", "--untracked-files=no", "--", "pipelines", "benchmarks"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
