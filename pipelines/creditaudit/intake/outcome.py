"""What tier 1 of the contract means for the night: refused, degraded, or complete (SPEC 2, 3.1, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.errors import RefusedError
from creditaudit.feeds import EXPECTED, FEEDS, REGISTRIES
from creditaudit.intake.readmission import ReadmittedFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from creditaudit.intake.receive import FileReport
    from creditaudit.settings import Settings


@dataclass(frozen=True, slots=True)
class Assessment:
    """The delivery of one night, judged as a whole.

    Parameters
    ----------
    refusals : tuple of str
        Why the night is refused (exit 3), one sentence a file; empty: it is not.
    stale : dict
        Feed to reasons: expected feeds that are missing, and feeds of which a file was refused or is too small.
    """

    refusals: tuple[str, ...]
    stale: dict[str, tuple[str, ...]]

    def demand(self, night: date) -> None:
        """Refuse the night where anything refuses it.

        Raises
        ------
        RefusedError
            Names every reason.
        """
        if self.refusals:
            raise RefusedError(
                f"night {night} is refused by the contract",
                why="; ".join(self.refusals),
                next_step="ask the provider for a corrected file, put it in its place and run the night again",
            )


def assess(
    reports: Sequence[FileReport], settings: Settings, shrunken: Mapping[str, tuple[str, ...]] | None = None
) -> Assessment:
    """Decide whether the night is refused, and which feeds are missing or incomplete.

    Parameters
    ----------
    reports : sequence of FileReport
    settings : Settings
    shrunken : mapping, optional
        As :func:`creditaudit.intake.volume.shrunken` gives it.
    """
    refusals: list[str] = []
    stale: dict[str, tuple[str, ...]] = {}
    for feed in FEEDS:
        every = [r for r in reports if r.file.feed == feed]
        refused = [f"{feed}/{r.file.name}: {r.refused}" for r in every if r.refused is not None]
        # What people readmit is no delivery of an institution: a feed with nothing else is missing.
        files = [r for r in every if not isinstance(r.file, ReadmittedFile)]
        is_expected = settings.is_expected(feed, by_default=feed in EXPECTED)
        is_emptied = is_expected and bool(files) and len(refused) == len(files)
        if refused and (feed in REGISTRIES or is_emptied):
            refusals += refused
        elif refused:
            stale[feed] = tuple(f"incomplete: {reason}" for reason in refused)
        elif is_expected and not files:
            stale[feed] = (f"missing: no file of {feed} was delivered",)
        if small := (shrunken or {}).get(feed):
            stale[feed] = (*stale.get(feed, ()), *small)
    return Assessment(tuple(refusals), stale)
