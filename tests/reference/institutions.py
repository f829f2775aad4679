"""Groups of institutions (SPEC 3.2 "Group", SPEC 12 "Group")."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from reference.cells import read_date
from reference.split import STRIPPED

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


class Institutions:
    """The table of institutions, as on one date or another."""

    def __init__(self, reference_dir: Path) -> None:
        self.rows: list[dict[str, str]] = []
        path = reference_dir / "institutions.csv"
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as opened:
                for row in csv.DictReader(opened):
                    self.rows.append({key: (value or "").strip(STRIPPED) for key, value in row.items()})

    def in_force(self, provider_code: str, day: date) -> dict[str, str] | None:
        """Return the row in force: of several the latest valid_from, then the last in the table."""
        best: tuple[bool, str] | None = None
        found = None
        for row in self.rows:
            first, last = read_date(row["valid_from"], "") if row["valid_from"] else None, None
            if row["valid_to"]:
                last = read_date(row["valid_to"], "")
            if row["provider_code"] != provider_code or (first and first > day) or (last and last < day):
                continue
            rank = (first is not None, str(first))
            if best is None or rank >= best:
                best, found = rank, row
        return found

    def group(self, provider_code: str, day: date) -> str:
        """Return the top ancestor; in a cycle the last before the repeat."""
        walked = [provider_code]
        while True:
            row = self.in_force(walked[-1], day)
            parent = row["parent_code"] if row is not None else ""
            if not parent or parent in walked:
                return walked[-1]
            walked.append(parent)
