"""Every file operation of a night refused by the kernel: clear words, the book as before, the next run as if never."""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from creditaudit.errors import ExitCode
from faults.conftest import SECRETS
from faults.crash.house import ARGUMENTS, Point, Waiting, distinct, forget, in_pairs, tell

if TYPE_CHECKING:
    from faults.crash.conftest import Amount
    from faults.crash.kernel import Operation
    from faults.crash.programs import Programs

# What needs room, and what needs the right to change a folder.
_GROWS = frozenset({"create", "write", "mkdir", "symlink", "link", "rename", "fsync", "truncate"})
_CHANGES_A_FOLDER = frozenset({"create", "mkdir", "symlink", "link", "rename", "unlink", "rmdir"})

# An errno, and whether it stays: a disk that is full stays full, a folder that lost its right keeps none.
_PLANS = (
    (errno.ENOSPC, True),
    (errno.EIO, False),
    (errno.EACCES, True),
    (errno.ENOSPC, False),
    (errno.EACCES, False),
)


@dataclass
class Refusal:
    """One operation that the kernel refuses, and those that it refuses after it.

    Parameters
    ----------
    point : Point
    error : int
    stays : bool
    """

    point: Point
    error: int
    stays: bool
    seen: int = 0
    has_begun: bool = False

    def __str__(self) -> str:
        return f"{errno.errorcode[self.error]} {'from' if self.stays else 'once,'} at {self.point}"

    @property
    def is_of_a_delivery(self) -> bool:
        """Whether a delivered file may not be opened: its sender's fault, which the contract judges (SPEC 3.4)."""
        return self.point.operation.path.startswith("landing/") and self.error == errno.EACCES

    def decide(self, operation: Operation) -> int | None:
        """Return the errno for this operation, if any."""
        if operation == self.point.operation:
            self.seen += 1
            if self.seen == self.point.time:
                self.has_begun = True
                return self.error
        return self.error if self.has_begun and self.stays and self._also(operation) else None

    def _also(self, operation: Operation) -> bool:
        if self.error == errno.ENOSPC:
            return operation.kind in _GROWS
        folder = PurePosixPath(self.point.operation.path).parent
        return operation.kind in _CHANGES_A_FOLDER and PurePosixPath(operation.path).parent == folder


def _planned(points: list[Point], seed: int, every: int) -> list[Refusal]:
    """Take all points, or every n-th distinct one, with an errno that goes round with the seed."""
    found = []
    for number, point in enumerate(points if every == 1 else distinct(points)):
        if number % every == seed % every:
            error, stays = _PLANS[(number // every + seed) % len(_PLANS)]
            if point.operation.kind in {"read", "list"} and error == errno.ENOSPC:
                error = errno.EIO  # reading needs no room
            found.append(Refusal(point, error, stays and error != errno.EIO))
    return found


def _speech_faults(code: int, said: str, refusal: Refusal, *, is_sealed: bool) -> list[str]:
    """Say what is wrong with the answer: SPEC 2's codes, one message in words with the next step, nothing raw."""
    refused = {ExitCode.REFUSED} if refusal.is_of_a_delivery else set()
    wrong = [] if code in {ExitCode.USAGE, ExitCode.INTERNAL} | refused else [f"exit {code}"]
    if said.count("\n") != 1 or not said.startswith("creditaudit: ") or "Next step: " not in said:
        wrong.append("not one message with a next step")
    if "Traceback" in said or "internal error" in said or any(secret in said for secret in SECRETS):
        wrong.append("words that no reader should see")
    if is_sealed and "nothing was sealed" in said:
        wrong.append("the night is sealed, and the message denies it")
    return [f"{text}: {said}" for text in wrong]


def test_every_operation_refused(waiting: Waiting, programs: Programs, amount: Amount, rotating_seed: int) -> None:
    """SPEC 2 and 9: exit 2 or 70 in words, the book as before or as after, a further run byte-identical.

    Some refusals cost nothing (a link that becomes a copy): then the night is as if nothing had been refused.
    """
    plan = _planned(waiting.points(), rotating_seed, amount.every)
    random.Random(rotating_seed).shuffle(plan)  # noqa: S311
    outcomes: dict[int, int] = {}

    def trial(number: int, refusal: Refusal) -> list[str]:
        place = waiting.fresh()
        process = programs.start(place.asked(*ARGUMENTS), place.environment(), watched=True)
        process.attend(place.root, refusal.decide)
        code, said = process.end()
        outcomes[code] = outcomes.get(code, 0) + 1
        if not refusal.has_begun:
            return ["the night never came to this operation"]
        wrong = waiting.faults(place)
        is_sealed = waiting.is_sealed(place)
        if refusal.is_of_a_delivery and code == ExitCode.DEGRADED and is_sealed:
            return wrong
        if code != waiting.code:
            wrong += _speech_faults(code, said, refusal, is_sealed=is_sealed)
        elif not is_sealed:
            wrong.append(f"exit {code}, and nothing is sealed")
        # Where the book is byte for byte as before, a further run is the undisturbed one: some are run all the same.
        if waiting.left(place) or number % 10 == 0:
            wrong += waiting.faults_after_a_further_run(place)
        if not wrong:
            forget(place)
        return wrong

    found = in_pairs(plan, trial)
    figures = ", ".join(f"{count} with exit {code}" for code, count in sorted(outcomes.items()))
    tell(f"{len(plan)} of {len(waiting.points())} places refused: {figures}")
    assert not found, "\n".join(found)
