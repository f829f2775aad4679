"""What changes a book beside a night's own work, refused or killed at each of its file operations.

`init`, `upgrade`, a decision for the inbox (`prune`), and the removal that a night carries out after its seal: each
file is as before or as after, the book verifies, and the same command run again completes it.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.book.seal import verify
from creditaudit.errors import ExitCode
from faults.conftest import deliver_sound
from faults.crash.house import ARGUMENTS, TONIGHT, Point, distinct, forget, in_pairs, points_of, tell
from faults.crash.refusing import Refusal, planned, speech_faults
from place import changed

if TYPE_CHECKING:
    from pathlib import Path

    from faults.crash.conftest import Amount
    from faults.crash.house import Waiting
    from faults.crash.kernel import Operation
    from faults.crash.programs import Programs
    from place import Place

COMMANDS = ("init", "upgrade", "prune", "removal")
NEXT = TONIGHT + timedelta(days=1)
_SHIPPED = ("remedies", "clocks")


def _asked(command: str, place: Place) -> list[str]:
    book = str(place.book)
    if command == "init":
        return ["init", book, "--mandate", "test mandate"]
    if command == "upgrade":
        return ["upgrade", "--book", book]
    if command == "prune":
        return ["prune", "--book", book, "--keep-nights", "1", "--by", "Li", "--reason", "retention"]
    return place.asked("--night", NEXT.isoformat(), "--threads", "1")


class Scene:
    """A house in which a command is about to be run, what it does to the book, and by which operations."""

    def __init__(self, command: str, ready: Place, root: Path, programs: Programs) -> None:
        self.command = command
        self._root = root
        self._programs = programs
        self._trials = 0
        self.place = ready
        self.before = ready.tree() if ready.book.is_dir() else {}
        done = self.fresh()
        process = programs.start(_asked(command, done), done.environment(), watched=True)
        process.attend(done.root, lambda _: None)
        self.code, said = process.end()
        assert self.code in {ExitCode.SEALED, ExitCode.DEGRADED}, said
        self.after = done.tree()
        assert self.after != self.before
        self.operations = process.operations

    def fresh(self) -> Place:
        self._trials += 1
        return self.place.copied(self._root / f"{self.command}-{self._trials}")

    def points(self) -> list[Point]:
        """All places; of a night that removes, those at which it does: the others are tried elsewhere."""
        points = points_of(self.operations)
        if self.command != "removal":
            return points
        begins = max(n for n, point in enumerate(points) if point.operation.path.endswith("book/latest"))
        return points[begins:]

    def faults(self, place: Place) -> list[str]:
        """Say which file is neither as before nor as after, and whether the book verifies."""
        tree = place.tree() if place.book.is_dir() else {}
        wrong = [
            f"neither as before nor as after: {name}"
            for name in changed(self.after, tree)
            if not _is_leftover(name) and tree.get(name) != self.before.get(name)
        ]
        if self.command != "init":
            verify(open_book(place.book), load_keys(str(place.key), place.book))
        return wrong

    def faults_after_a_further_run(self, place: Place) -> list[str]:
        """Run the command again, undisturbed."""
        code, said = self._programs.run(_asked(self.command, place), place.environment())
        wrong = [] if code in {ExitCode.SEALED, self.code} else [f"a further run ends with {code}: {said}"]
        left = [name for name in changed(self.after, place.tree()) if not _is_leftover(name)]
        return wrong + [f"not mended by a further run: {name}" for name in left]


def _is_leftover(name: str) -> bool:
    """Hidden names: no reader takes them for anything."""
    return any(part.startswith(".") for part in name.split("/"))


@pytest.fixture(scope="module")
def sealed_twice(waiting: Waiting, programs: Programs) -> Place:
    """Two sealed nights."""
    place = waiting.fresh()
    code, said = programs.run(place.asked(*ARGUMENTS), place.environment())
    assert code == waiting.code, said
    return place


@pytest.fixture(params=COMMANDS)
def scene(request: pytest.FixtureRequest, sealed_twice: Place, programs: Programs, tmp_path: Path) -> Scene:
    ready = sealed_twice.copied(tmp_path / "ready")
    command = str(request.param)
    if command == "init":
        shutil.rmtree(ready.root / "desk")
    elif command == "upgrade":
        for table in _SHIPPED:
            (ready.book / "reference" / f"{table}.csv").unlink()
    elif command == "removal":
        code, said = programs.run(_asked("prune", ready), ready.environment())
        assert code == ExitCode.SEALED, said
        deliver_sound(ready, NEXT)
    return Scene(command, ready, tmp_path, programs)


def test_refused_at_every_operation(scene: Scene, programs: Programs, amount: Amount, rotating_seed: int) -> None:
    """SPEC 9, inbox, removal, upgrade: words with a next step, nothing half done that the command does not complete."""
    plan = planned(scene.points(), rotating_seed, _every(amount, scene.command))

    def trial(_: int, refusal: Refusal) -> list[str]:
        place = scene.fresh()
        process = programs.start(_asked(scene.command, place), place.environment(), watched=True)
        process.attend(place.root, refusal.decide)
        code, said = process.end()
        if not refusal.has_begun:
            return ["the command never came to this operation"]
        wrong = scene.faults(place)
        if code != scene.code:
            wrong += speech_faults(code, said, refusal, is_sealed=scene.command == "removal")
        wrong += scene.faults_after_a_further_run(place)
        if not wrong:
            forget(place)
        return wrong

    found = in_pairs(plan, trial)
    tell(f"{scene.command}: {len(plan)} of {len(scene.points())} places refused")
    assert not found, "\n".join(found)


def test_killed_at_every_operation(scene: Scene, programs: Programs, amount: Amount, rotating_seed: int) -> None:
    """SPEC 9: killed at any point, each file is as before or as after; run again, the command completes."""
    points = scene.points() if amount.every == 1 else distinct(scene.points())
    every = _every(amount, scene.command)

    def trial(_: int, point: Point) -> list[str]:
        place = scene.fresh()
        process = programs.start(_asked(scene.command, place), place.environment(), watched=True)
        seen = 0

        def decide(operation: Operation) -> None:
            nonlocal seen
            seen += operation == point.operation
            if operation == point.operation and seen == point.time:
                process.kill()

        process.attend(place.root, decide)
        code, _said = process.end()
        wrong = [] if code < 0 else [f"not killed: exit {code}"]
        wrong += scene.faults(place) + scene.faults_after_a_further_run(place)
        if not wrong:
            forget(place)
        return wrong

    plan = points[rotating_seed % every :: every]
    found = in_pairs(plan, trial)
    tell(f"{scene.command}: killed at {len(plan)} of {len(scene.points())} places")
    assert not found, "\n".join(found)


def _every(amount: Amount, command: str) -> int:
    """These have few operations: of a slice, each has its share. A removal takes a whole night each time."""
    return 1 if amount.every == 1 else {"removal": 60}.get(command, 12)
