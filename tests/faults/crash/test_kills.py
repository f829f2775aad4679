"""SIGKILL at random points of a night: the book is as before it or as after it, and the next run is as if never."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from faults.crash.house import ARGUMENTS, TONIGHT, Waiting, forget, in_pairs, tell
from faults.crash.readers import Reader

if TYPE_CHECKING:
    from faults.crash.conftest import Amount
    from faults.crash.kernel import Operation
    from faults.crash.programs import Process, Programs
    from place import Place


@dataclass(frozen=True)
class Kill:
    """When a night is killed.

    Parameters
    ----------
    how : str
        ``operation``: in front of the n-th file operation; ``amid``: while it is done; ``moment``: after a share of
        the time that the night takes; ``command``: the same, with the command as the shell starts it.
    at : float
        Number of the operation, or share of the time.
    """

    how: str
    at: float

    def __str__(self) -> str:
        return f"killed ({self.how} {self.at:.3f})"


def _planned(waiting: Waiting, seed: int, count: int) -> list[Kill]:
    drawn = random.Random(seed)  # noqa: S311
    ways = ("operation", "moment", "amid", "moment", "operation", "command")
    found = []
    for number in range(count):
        how = ways[number % len(ways)]
        by_number = how in {"operation", "amid"}
        found.append(Kill(how, drawn.randrange(len(waiting.operations)) if by_number else drawn.uniform(0.02, 1.05)))
    return found


def _killed_at_operation(process: Process, place: Place, kill: Kill) -> None:
    done = 0

    def decide(_: Operation) -> None:
        nonlocal done
        if done == kill.at:
            if kill.how == "amid":
                threading.Thread(target=process.kill).start()  # a race on purpose: before, in or after the call
            else:
                process.kill()
        done += 1

    process.attend(place.root, decide)


def _killed_at_moment(process: Process, seconds: float) -> int:
    process.go()
    try:
        return process.end(seconds)[0]
    except TimeoutError:
        process.kill()
        return process.end()[0]


def _killed_as_command(place: Place, seconds: float) -> int:
    command = [sys.executable, "-m", "creditaudit.cli", *place.asked(*ARGUMENTS)]
    with subprocess.Popen(
        command, env=place.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@pytest.fixture(scope="module")
def lengths(waiting: Waiting, programs: Programs) -> dict[str, float]:
    """Seconds that an undisturbed night takes now, forked and as a command; only to know where to kill."""
    forked, place = waiting.fresh(), waiting.fresh()
    begun = time.monotonic()
    programs.run(forked.asked(*ARGUMENTS), forked.environment())
    then = time.monotonic()
    assert place.run(*place.asked(*ARGUMENTS)).code == waiting.code
    return {"moment": then - begun, "command": time.monotonic() - then}


def test_killed_at_random_points(
    waiting: Waiting, programs: Programs, amount: Amount, rotating_seed: int, lengths: dict[str, float]
) -> None:
    """SPEC 9: as before or as after, to the byte; verify holds; the next run is byte-identical; readers see no half."""
    fates: Counter[str] = Counter()
    looks: Counter[str] = Counter()

    def trial(_: int, kill: Kill) -> list[str]:
        place = waiting.fresh()
        with Reader(place.book) as reader:
            if kill.how in {"operation", "amid"}:
                process = programs.start(place.asked(*ARGUMENTS), place.environment(), watched=True)
                _killed_at_operation(process, place, kill)
                code, _said = process.end()
            elif kill.how == "moment":
                process = programs.start(place.asked(*ARGUMENTS), place.environment())
                code = _killed_at_moment(process, kill.at * lengths["moment"])
            else:
                code = _killed_as_command(place, kill.at * lengths["command"])
            fates[_fate(waiting, place, code)] += 1
            wrong = [] if code in {-9, waiting.code} else [f"ended with {code}"]
            wrong += waiting.faults(place) + waiting.faults_after_a_further_run(place)
        looks["half" if reader.wrong else "whole"] += reader.looks
        if not wrong and not reader.wrong:
            forget(place)
        return wrong + reader.wrong

    plan = _planned(waiting, rotating_seed, amount.kills)
    found = in_pairs(plan, trial)
    tell(f"{len(plan)} nights to kill, seed {rotating_seed}: {dict(sorted(fates.items()))}; looks: {dict(looks)}")
    assert not found, "\n".join(found)
    assert looks["whole"] >= len(plan)


def _fate(waiting: Waiting, place: Place, code: int) -> str:
    if code >= 0:
        return "ended before the kill"
    if waiting.is_sealed(place):
        return "killed after the commit"
    partial = place.book / "nights" / f".{TONIGHT.isoformat()}.partial"
    return "killed with half a night on disk" if partial.exists() else "killed with nothing on disk"


def test_what_is_sealed_was_flushed_first(waiting: Waiting) -> None:
    """SPEC 9, a machine that loses power: every file and folder of the night is flushed before the rename shows it."""
    begin = f"desk/book/nights/.{TONIGHT.isoformat()}.partial"
    kinds = [(o.kind, o.path) for o in waiting.operations]
    commit = kinds.index(("rename", f"desk/book/nights/{TONIGHT.isoformat()}"))
    flushed = {path: place for place, (kind, path) in enumerate(kinds[:commit]) if kind == "fsync"}
    written = {path: place for place, (kind, path) in enumerate(kinds[:commit]) if kind == "write"}
    sealed = [n for n in waiting.after if n.startswith(f"nights/{TONIGHT.isoformat()}")]
    assert len(sealed) > 100
    for name in sealed:
        path = f"desk/book/{name}".replace(f"nights/{TONIGHT.isoformat()}", f"nights/.{TONIGHT.isoformat()}.partial", 1)
        assert path.startswith(begin)
        assert flushed.get(path, -1) > written.get(path, -1), path
    after = kinds[commit + 1 :]
    assert ("fsync", "desk/book/nights") in after
    link = after.index(("rename", "desk/book/latest"))
    assert after.index(("fsync", "desk/book/nights")) < link < after.index(("fsync", "desk/book"))
