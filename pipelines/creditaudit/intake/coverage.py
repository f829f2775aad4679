"""What was delivered, file by file: the coverage table, and the full files that can prove something (SPEC 3.1, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.state import FULL_DELIVERIES
from creditaudit.feeds import FEEDS
from creditaudit.intake.labels import masked
from creditaudit.intake.landing import REPORTS
from creditaudit.tables import COVERAGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.intake.admit import Admitted
    from creditaudit.intake.receive import FileReport


def coverage(reports: Sequence[FileReport], admitted: Sequence[Admitted], night: date) -> pa.Table:
    """Return one row per delivered file, schema ``COVERAGE``, sorted by its columns.

    The three counts are NULL for a refused file.
    """
    counts = _counts(reports, admitted)
    rows = []
    for report, counted in zip(reports, counts, strict=True):
        rows.append(
            {
                "night": night,
                "feed": report.file.feed,
                "file": report.file.name,
                "sha256": report.sha256,
                "encoding": report.encoding,
                "kind": report.control.kind,
                "provider_code": report.control.provider_code,
                "region_code": report.control.region_code,
                "business_codes": _joined(report.control.business_codes),
                "covers_from": report.control.covers_from,
                "covers_to": report.control.covers_to,
                **counted,
            }
        )
    return pa.Table.from_pylist(rows, schema=COVERAGE).sort_by([(n, "ascending") for n in COVERAGE.names])


def _counts(reports: Sequence[FileReport], admitted: Sequence[Admitted]) -> list[dict[str, int | None]]:
    """Return what each file's rows came to; None where the file is refused."""
    accepted = {a.feed: a.accepted for a in admitted}
    found: list[dict[str, int | None]] = []
    for report in reports:
        if report.refused is not None or report.delivered is None:
            found.append({"delivered": None, "accepted": None, "quarantined": None})
        else:
            taken = accepted[report.file.feed][report.file.name]
            delivered = report.delivered
            found.append({"delivered": delivered, "accepted": taken, "quarantined": delivered - taken})
    return found


def full_deliveries(reports: Sequence[FileReport], night: date) -> pa.Table:
    """Return one row per accepted full file, schema ``FULL_DELIVERIES``.

    ``all_regions`` and ``all_business`` are true only where the control says so with an explicit null: a scope key that
    is missing proves nothing.
    """
    rows = [
        {
            "night": night,
            "feed": r.file.feed,
            "file": r.file.name,
            "sha256": r.sha256,
            "provider_code": r.control.provider_code,
            "region_code": r.control.region_code,
            "all_regions": r.control.region_given and r.control.region_code is None,
            "business_codes": _joined(r.control.business_codes),
            "all_business": r.control.business_given and r.control.business_codes is None,
            "covers_from": r.control.covers_from,
            "covers_to": r.control.covers_to,
            "delivered": r.delivered,
        }
        for r in reports
        if r.refused is None and r.control.kind == "full"
    ]
    return pa.Table.from_pylist(rows, schema=FULL_DELIVERIES.schema)


def inputs(reports: Sequence[FileReport], admitted: Sequence[Admitted], night: date) -> list[dict[str, Any]]:
    """Return what the manifest says of each delivered file: its place, SHA-256, profile, counts, why it was refused.

    ``delivered = accepted + quarantined``; the three are None for a refused file.
    """
    listed = []
    for report, counted in zip(reports, _counts(reports, admitted), strict=True):
        first, slash, rest = report.file.name.partition("/")
        is_elsewhere = bool(slash) and first != REPORTS  # late, or of the inbox
        folder, name = (first, rest) if is_elsewhere else (night.isoformat(), report.file.name)
        listed.append(
            {
                "folder": folder,
                "feed": report.file.feed,
                "file": name,
                "sha256": report.sha256,
                "profile": report.file.profile.name,
                "refused": report.refused,
                **counted,
            }
        )
    return listed


def _joined(codes: Sequence[str] | None) -> str | None:
    return None if codes is None else ";".join(codes)


def covered(reports: Sequence[FileReport]) -> list[dict[str, Any]]:
    """Return what a recipient's manifest says of the delivery: feed, files read, days that their controls speak for."""
    listed = []
    for feed in FEEDS:
        read = [r for r in reports if r.file.feed == feed and r.refused is None]
        starts = [r.control.covers_from for r in read if r.control.covers_from is not None]
        ends = [r.control.covers_to for r in read if r.control.covers_to is not None]
        listed.append(
            {
                "feed": feed,
                "files": len(read),
                "covers_from": min(starts).isoformat() if starts else None,
                "covers_to": max(ends).isoformat() if ends else None,
            }
        )
    return listed


def file_warnings(reports: Sequence[FileReport]) -> list[str]:
    """Return tier-3 warnings on single files: columns that no feed has, kept aside; credit reports that are none.

    A header that is not ours may hold a person's data, so such names are masked.
    """
    stand_ins = [r.stand_ins for r in reports if r.stand_ins]
    made = f"accounts: {sum(stand_ins)} accounts of {len(stand_ins)} credit reports have a stand-in for their mark"
    told = [f"{r.file.name}: {remark}" for r in reports if r.file.feed == "accounts" for remark in r.remarks]
    return (
        ([made] if stand_ins else [])
        + [
            f"{r.file.feed}/{r.file.name}: unknown columns kept aside: {', '.join(map(masked, r.unknown_columns))}"
            for r in reports
            if r.unknown_columns
        ]
        + told
    )
