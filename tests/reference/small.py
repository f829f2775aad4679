"""Small hand-written deliveries for the tests of the reference."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING

from reference.judge import NightResult, ReferenceBook

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = date(2026, 11, 20)
NEXT = date(2026, 11, 21)
NUMBER = "11010519491231002X"

ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A1",
    "report_date": "2026-11-01",
    "id_type": "10",
    "id_number": NUMBER,
    "account_type": "D1",
    "opened_at": "2024-01-10 10:00:01",
}
OPENING = {"provider_code": "B01", "account_code": "A1", "document_kind": "permanent", "card_valid_from": "2020-01-01"}
REPORT = {
    "report_no": "L1",
    "id_number": NUMBER,
    "card_valid_from": "2020-01-01",
    "reported_at": "2024-01-10 10:00:00",
}
EVENT = {
    "event_id": "E1",
    "id_number": NUMBER,
    "event": "reported_lost",
    "card_valid_from": "2020-01-01",
    "effective_at": "2024-01-10 10:00:00",
}
CHECK = {
    "provider_code": "B01",
    "check_id": "V1",
    "account_code": "A1",
    "checked_at": "2024-01-10 09:00:00",
    "check_kind": "invalid_card_check",
    "result": "valid",
}
ISSUANCE = {"id_number": NUMBER, "card_valid_from": "2024-01-12", "kind": "permanent", "collected_at": "2024-02-01"}
RENAME = {"provider_code": "B01", "old_account_code": "A1", "new_account_code": "A2", "effective_on": "2026-11-20"}

Cells = dict[str, str]


class Nights:
    """A book and a landing in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.landing = folder / "landing"
        self.book = ReferenceBook(folder / "reference")

    def file(self, feed: str, rows: list[Cells], *, night: date = NIGHT, name: str = "f.csv") -> Path:
        """Write one file with the columns that its rows have."""
        path = self.landing / night.isoformat() / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def night(self, night: date = NIGHT, **feeds: list[Cells]) -> NightResult:
        """Deliver the feeds as one file each and judge the night."""
        for feed, rows in feeds.items():
            self.file(feed, rows, night=night)
        return self.book.night(night, self.landing)


def said(result: NightResult) -> list[tuple[str, str]]:
    """Return rule and verdict of every finding."""
    return [(finding["rule_id"], finding["verdict"]) for finding in result.findings]


def cleared(result: NightResult) -> list[str]:
    """Return the reasons of the clearances."""
    return [clearance["reason"] for clearance in result.clearances]


def fates(result: NightResult, feed: str) -> list[str]:
    """Return what became of each row of a feed: its reasons, or nothing."""
    return [row["reasons"] for row in result.rows if row["feed"] == feed]
