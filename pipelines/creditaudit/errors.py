"""The error tree: what happened, where, why, and the next step; and the exit codes.

Every error that a person must read is one of these. ``where`` names file, line and column; values are masked
by whoever raises (an error never carries a raw ID number, name or phone).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from traceback import walk_tb
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """Exit codes of the command line (SPEC section 2)."""

    SEALED = 0
    NEW_FINDINGS = 1
    USAGE = 2
    REFUSED = 3
    HELD = 4
    DEGRADED = 5
    KNOWN_ANSWER = 6
    INTERNAL = 70


EXIT_CODE_MEANINGS: dict[ExitCode, str] = {
    ExitCode.SEALED: "sealed",
    ExitCode.NEW_FINDINGS: "sealed, and --fail-on-findings was given and there are new findings",
    ExitCode.USAGE: "bad usage or configuration",
    ExitCode.REFUSED: "refused by the contract, nothing sealed",
    ExitCode.HELD: "another run holds the book",
    ExitCode.DEGRADED: "sealed, degraded: an expected feed is missing, or a feed is incomplete",
    ExitCode.KNOWN_ANSWER: "a known-answer record was judged wrongly: nothing sealed",
    ExitCode.INTERNAL: "internal error, nothing sealed",
}

# If several apply, the first of these is returned.
EXIT_CODE_ORDER: tuple[ExitCode, ...] = (
    ExitCode.USAGE,
    ExitCode.HELD,
    ExitCode.INTERNAL,
    ExitCode.REFUSED,
    ExitCode.KNOWN_ANSWER,
    ExitCode.DEGRADED,
    ExitCode.NEW_FINDINGS,
    ExitCode.SEALED,
)


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a delivered or written file.

    Parameters
    ----------
    file : str
        Path as the person knows it (relative to the landing or the book where possible).
    line : int or None
        1-based line; None where the whole file is meant.
    column : str or None
        Column name (or byte offset, as ``byte 17``); None where no cell is meant.
    """

    file: str
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        parts = [self.file]
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.column is not None:
            parts.append(self.column if self.column.startswith("byte ") else f"column {self.column}")
        return ", ".join(parts)


class CreditAuditError(Exception):
    """One clear message: what, where, why, next step.

    Parameters
    ----------
    what : str
        What could not be done, in words.
    why : str
        The cause, values masked.
    next_step : str
        What the reader can do about it.
    where : Where or None
        The place, where there is one.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, what: str, *, why: str, next_step: str, where: Where | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_step = next_step
        self.where = where

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where is not None else ""
        return f"{self.what}{place}: {self.why}. Next step: {self.next_step}"

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the message as one flat mapping, for ``--log-format json``."""
        return {
            "error": type(self).__name__,
            "exit_code": int(self.exit_code),
            "what": self.what,
            "why": self.why,
            "next_step": self.next_step,
            "file": self.where.file if self.where else None,
            "line": self.where.line if self.where else None,
            "column": self.where.column if self.where else None,
        }


class UsageError(CreditAuditError):
    """Bad usage or configuration (exit 2)."""

    exit_code = ExitCode.USAGE


class RefusedError(CreditAuditError):
    """The contract refuses the night (exit 3)."""

    exit_code = ExitCode.REFUSED


class BookHeldError(CreditAuditError):
    """Another run holds the book (exit 4)."""

    exit_code = ExitCode.HELD


class BookBrokenError(CreditAuditError):
    """What the book holds is not what its manifests say (exit 70)."""


class StorageError(CreditAuditError):
    """The file system refused: full disk, no permission, I/O error (exit 70)."""


class InternalError(CreditAuditError):
    """A promise of the program was broken; nothing is sealed (exit 70)."""


class UnjudgedFileError(Exception):
    """A delivered file is refused as a whole (tier 1 of the contract).

    It does not reach the command line: the intake turns it into the file's row in ``coverage``.

    Parameters
    ----------
    reason : str
        Why, with line, column or byte offset in words; no raw value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def place_of(error: BaseException, package: str = "creditaudit") -> str:
    """Return module and line of the innermost call of a package that an error came out of: nothing of its text.

    Parameters
    ----------
    error : BaseException
        As caught.
    package : str
        Whose calls count.

    Returns
    -------
    str
        ``creditaudit.intake.cells:12``; ``unknown place`` where no call of the package was under way.
    """
    place = "unknown place"
    for frame, line in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name == package or name.startswith(f"{package}."):
            place = f"{name}:{line}"
    return place
