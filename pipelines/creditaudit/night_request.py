"""What a night is asked to do, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from creditaudit.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path


@dataclass(frozen=True)
class NightRequest:
    """What a night is asked to do.

    Parameters
    ----------
    book, landing : Path
    night : date
        Business date.
    config : Path or None
        Configuration file; None: beside the book, else the defaults.
    key_file : str or None
        Value of ``CREDITAUDIT_KEY_FILE``.
    skips : mapping
        Waiting earlier nights that are not to be read, with the reason.
    threads : int or None
        Overrides the configuration; changes no sealed byte.
    engine : str or None
        ``duckdb`` or ``spark``; overrides the configuration; changes no sealed byte.
    everyone : bool
        Judge everyone, also where judging who is touched is enough; changes no sealed byte.
    """

    book: Path
    landing: Path
    night: date
    config: Path | None = None
    key_file: str | None = None
    skips: Mapping[date, str] = field(default_factory=dict)
    threads: int | None = None
    engine: str | None = None
    everyone: bool = False


@dataclass(frozen=True)
class NightOutcome:
    """What a night came to, for a person and for the exit code.

    Parameters
    ----------
    night : date
    folder : Path
        The sealed night.
    was_sealed : bool
        The night had been sealed before; nothing was changed.
    is_demo : bool
        Tokens are made with the public demonstration key.
    summary : dict
        As in the manifest: findings by rule and verdict and by institution, cases, new findings, rows, stale feeds.
    """

    night: date
    folder: Path
    was_sealed: bool
    is_demo: bool
    summary: dict[str, Any]

    @property
    def is_degraded(self) -> bool:
        """Whether an expected feed is missing or a feed is incomplete (exit 5)."""
        return bool(self.summary["stale"])

    def exit_code(self, *, fail_on_findings: bool) -> ExitCode:
        """Return the exit code of SPEC 2."""
        if self.is_degraded:
            return ExitCode.DEGRADED
        if fail_on_findings and self.summary["new_findings"]:
            return ExitCode.NEW_FINDINGS
        return ExitCode.SEALED
