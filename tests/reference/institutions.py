"""Institutions, their ancestors and their groups (SPEC 3.2 "Group", SPEC 12 "Group")."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from reference.cells import read_date
from reference.split import STRIPPED

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a reference table, its cells stripped; a table that is not there has no rows."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.DictReader(opened)
        return [{key: (value or "").strip(STRIPPED) for key, value in row.items()} for row in rows]


def day_of(text: str) -> date | None:
    """Return a date of a reference table; empty and sentinels are missing (SPEC 12: read as SPEC 4 says)."""
    return read_date(text, "") if text else None


class Institutions:
    """The table of institutions, as on one date or another."""

    def __init__(self, reference_dir: Path) -> None:
        self.rows: dict[str, list[tuple[date | None, date | None, dict[str, str]]]] = {}
        for row in read_table(reference_dir / "institutions.csv"):
            dated = (day_of(row["valid_from"]), day_of(row["valid_to"]), row)
            self.rows.setdefault(row["provider_code"], []).append(dated)

    def in_force(self, provider_code: str, day: date) -> dict[str, str] | None:
        """Return the row in force: of several the latest valid_from, then the last in the table."""
        best: tuple[bool, str] | None = None
        found = None
        for first, last, row in self.rows.get(provider_code, []):
            if (first and first > day) or (last and last < day):
                continue
            rank = (first is not None, str(first))
            if best is None or rank >= best:
                best, found = rank, row
        return found

    def line(self, provider_code: str, day: date) -> list[str]:
        """Return the provider and its ancestors, nearest first; in a cycle up to the last before the repeat."""
        walked = [provider_code]
        while True:
            row = self.in_force(walked[-1], day)
            parent = row["parent_code"] if row is not None else ""
            if not parent or parent in walked:
                return walked
            walked.append(parent)

    def group(self, provider_code: str, day: date) -> str:
        """Return the top ancestor; in a cycle the last before the repeat."""
        return self.line(provider_code, day)[-1]
