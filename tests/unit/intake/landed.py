"""Lays files into a folder and reads them, for the tests of the intake."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from creditaudit.feeds import FEEDS
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.profile import DEFAULT_PROFILE, Profile
from creditaudit.intake.receive import FileReport, read_file

NIGHT = date(2026, 11, 20)

# One good row of each feed that the tests change cell by cell.
GOOD: dict[str, dict[str, str]] = {
    "accounts": {
        "provider_code": "B01",
        "account_code": "A1",
        "report_date": "2026-11-19",
        "name": "张三",
        "id_type": "10",
        "id_number": "11010519491231002X",
        "account_type": "D1",
        "opened_at": "2020-02-29 10:11:12",
        "amount": "100",
        "closed_on": "",
    },
    "openings": {"provider_code": "B01", "account_code": "A1"},
    "verifications": {
        "provider_code": "B01",
        "check_id": "C1",
        "checked_at": "2020-01-01",
        "check_kind": "network_check",
        "result": "match_photo",
    },
    "invalid_cards": {
        "event_id": "E1",
        "id_number": "11010519491231002X",
        "event": "reported_lost",
        "effective_at": "2020-01-01",
    },
    "loss_reports": {"report_no": "L1", "id_number": "11010519491231002X", "reported_at": "2020-01-01"},
    "issuances": {"id_number": "11010519491231002X", "card_valid_from": "2020-01-01", "kind": "permanent"},
    "impostors": {"person_ref": "P1", "id_number": "11010519491231002X", "finding_on": "2020-01-01"},
    "inquiries": {
        "provider_code": "B01",
        "inquiry_id": "I1",
        "id_number": "11010519491231002X",
        "inquired_at": "2020-01-01",
        "reason": "loan_approval",
    },
    "objections": {
        "objection_no": "O1",
        "id_number": "11010519491231002X",
        "provider_code": "B01",
        "received_on": "2020-01-01",
    },
    "fraud_alerts": {"alert_id": "F1", "id_number": "11010519491231002X", "effective_from": "2020-01-01"},
    "account_renames": {
        "provider_code": "B01",
        "old_account_code": "A1",
        "new_account_code": "A2",
        "effective_on": "2020-01-01",
    },
}


@dataclass
class Outcome:
    """What became of one file, with the rows of both parts and their bytes."""

    report: FileReport
    typed: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    parts: tuple[bytes, bytes]

    @property
    def reasons(self) -> dict[int, str]:
        """Reasons by data row, of quarantined rows."""
        return {r["row"]: r["reasons"] for r in self.quarantine if r["disposition"] == "row_quarantined"}

    @property
    def dropped(self) -> dict[int, str]:
        """Dropped cells by data row, of rows that stand."""
        return {r["row"]: r["reasons"] for r in self.quarantine if r["disposition"] == "cell_dropped"}


def land(
    content: bytes | str,
    *,
    feed: str = "accounts",
    name: str = "x.csv",
    control: dict[str, Any] | bytes | None = None,
    night: date = NIGHT,
    block_bytes: int = 4 << 20,
    share: float = 1.0,
    profile: Profile = DEFAULT_PROFILE,
) -> Outcome:
    """Write a file, read it, and check what must hold of every file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if control is not None:
            said = control if isinstance(control, bytes) else json.dumps(control).encode()
            Path(folder, name + ".ctl").write_bytes(said)
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        report = read_file(
            DeliveredFile(feed, name, path, profile=profile),
            night=night,
            scratch=scratch,
            part="p",
            max_quarantine_share=share,
            block_bytes=block_bytes,
        )
        typed, typed_bytes = _part(report.typed_part)
        quarantine, quarantine_bytes = _part(report.quarantine_part)
        if report.typed_part is not None:
            assert pq.read_schema(report.typed_part).equals(FEEDS[feed].schema)
        if report.refused is not None:
            assert list(scratch.iterdir()) == []
    if report.refused is None:
        lost = [r for r in quarantine if r["disposition"] == "row_quarantined"]
        assert report.delivered == len(typed) + len(lost)
        assert (report.typed, report.quarantined) == (len(typed), len(lost))
        assert sorted([r["row"] for r in typed] + [r["row"] for r in lost]) == list(range(1, report.delivered + 1))
        assert [r["row"] for r in quarantine] == sorted(r["row"] for r in quarantine)
        assert [r["row"] for r in typed] == sorted(r["row"] for r in typed)
        standing = {r["row"]: r["dropped"] for r in typed if r["dropped"] is not None}
        assert standing == {r["row"]: r["reasons"] for r in quarantine if r["disposition"] == "cell_dropped"}
    return Outcome(report, typed, quarantine, (typed_bytes, quarantine_bytes))


def _part(path: Path | None) -> tuple[list[dict[str, Any]], bytes]:
    if path is None:
        return [], b""
    return pq.read_table(path).to_pylist(), path.read_bytes()


def csv_text(feed: str, *changes: dict[str, str], end: str = "\n") -> str:
    """Return a file of good rows, one for each mapping, with the cells of that mapping in place."""
    names = list(GOOD[feed])
    for change in changes:
        names.extend(name for name in change if name not in names)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator=end, restval="")
    writer.writeheader()
    for change in changes:
        writer.writerow({**GOOD[feed], **change})
    return out.getvalue()


def one(feed: str, **cells: str) -> Outcome:
    """Read one row of a feed: the good one with some cells changed."""
    return land(csv_text(feed, cells), feed=feed)
