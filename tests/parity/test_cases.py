"""Cases against the slow reference: what names each, on the same random hostile deliveries."""

from __future__ import annotations

from typing import Any

from parity.runs import Judged, Run, assert_same, records

TIER = ("provider_code", "account_code", "subject", "tier", "verdict")
CLOSED = frozenset({"holder_confirmed", "correction_verified", "withdrawn", "reappeared"})


def standing_cases(night: Judged) -> list[dict[str, Any]]:
    """Return the open cases that have findings standing tonight.

    Where a rename joins two accounts that both have a case, the older one goes on; of a case the last episode is open.
    """
    standing = {(row["provider_code"], row["subject"]) for row in night.place.rows(night.night, "findings")}
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    rows = sorted(night.place.rows(night.night, "cases"), key=lambda row: -int(str(row["episode"])))
    for row in sorted(rows, key=lambda row: (row["first_seen"], row["case_id"])):
        key = (row["provider_code"], row["subject"])
        if key in standing:
            found.setdefault(key, row)
    return [row for row in found.values() if row["state"] not in CLOSED]


def test_the_strongest_finding_names_a_case(run: Run) -> None:
    """SPEC 6, end: tier and verdict of every case whose findings stand tonight."""
    for night in run.nights:
        ours = records(standing_cases(night), TIER)
        assert_same(run, night.night, ours, records(night.expected.cases(night.rules), TIER), TIER)
