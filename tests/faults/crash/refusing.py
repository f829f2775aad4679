"""Which file operations of a run the kernel refuses, and what the program may say to it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from creditaudit.errors import ExitCode
from faults.conftest import SECRETS
from faults.crash.house import Point, distinct

if TYPE_CHECKING:
    from faults.crash.kernel import Operation

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

    @property
    def delivered(self) -> str:
        """The delivered file: its feed and name."""
        return "/".join(PurePosixPath(self.point.operation.path).parts[-2:])

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


def planned(points: list[Point], seed: int, every: int) -> list[Refusal]:
    """Take all points, or every n-th distinct one, with an errno that goes round with the seed.

    With all points, every delivered file is also one that may not be read: that is for its contract to judge.
    """
    found = []
    for number, point in enumerate(points if every == 1 else distinct(points)):
        if number % every == seed % every:
            error, stays = _PLANS[(number // every + seed) % len(_PLANS)]
            if point.operation.kind in {"read", "list"} and error == errno.ENOSPC:
                error = errno.EIO  # reading needs no room
            found.append(Refusal(point, error, stays and error != errno.EIO))
    if every == 1:
        reads = [point for point in points if point.operation.kind == "read"]
        found += [Refusal(p, errno.EACCES, stays=False) for p in reads if p.operation.path.startswith("landing/")]
    return found


def speech_faults(code: int, said: str, refusal: Refusal, *, is_sealed: bool) -> list[str]:
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
