"""Which finding names a case: violations before undecidables before leads (SPEC 6, last paragraph)."""

from __future__ import annotations

import pyarrow as pa

_PROVEN = ("R101", "R107", "R102", "R203", "R201", "R202", "R204", "R104", "R108", "R105")
_LEADS = (
    "R102",
    "R201",
    "R109",
    "R402",
    "R107",
    "R401",
    "R302",
    "R301",
    "R105",
    "R106",
    "R103",
)


def strengths() -> pa.Table:
    """Return rule_id, verdict, place (1 = strongest): every pair that a case can rest on."""
    ordered = [
        *((rule, "violation") for rule in _PROVEN),
        *((rule, "undecidable") for rule in _PROVEN),
        *((rule, "lead") for rule in _LEADS),
    ]
    return pa.table(
        {
            "rule_id": [rule for rule, _ in ordered],
            "verdict": [verdict for _, verdict in ordered],
            "place": pa.array(range(1, len(ordered) + 1), type=pa.int32()),
        }
    )
