"""Findings that stand on a corrected record and of which no answer spoke (SPEC 8.1, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.cases.standing import FINGERPRINT, steady
from creditaudit.tables import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_NOW = f"""
    SELECT p.case_id, p.opened_on, p.taken_on, {FINGERPRINT} AS said
    FROM corrected_cases AS c
    JOIN proof_cases AS p ON p.case_id = c.case_id
    JOIN {steady("findings")} AS f ON f.provider_code = p.provider_code AND f.account_code = p.account_code
    ORDER BY p.case_id, said
"""

_THEN = f"""
    SELECT c.case_id, {FINGERPRINT} AS said
    FROM {steady("findings_then")} AS f
    JOIN proof_codes AS c ON c.provider_code = f.provider_code AND c.account_code = f.account_code
    JOIN corrected_cases AS w ON w.case_id = c.case_id
"""


def find_unspoken(engine: Engine, book: Book, cases: Sequence[str]) -> frozenset[str]:
    """Return which of these cases have a finding tonight of which the last answer did not speak.

    An answer speaks of what stood on the last night before the one that took it on which the case had findings. Reads
    ``findings``, ``lineage``, ``proof_cases`` and ``proof_codes``; earlier nights only where a finding stands tonight.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    cases : sequence of str
        Cases whose correction is proven tonight while their account stands.
    """
    engine.load("corrected_cases", pa.table({"case_id": pa.array(sorted(cases), pa.string())}))
    now: dict[str, set[str]] = {}
    asked: dict[str, tuple[date, date]] = {}
    for row in engine.fetch(_NOW).to_pylist():
        now.setdefault(row["case_id"], set()).add(row["said"])
        asked[row["case_id"]] = (row["opened_on"], row["taken_on"])
    spoken: dict[str, set[str]] = {}
    for day in reversed(book.sealed):
        wanted = {c for c, (opened_on, taken_on) in asked.items() if opened_on <= day < taken_on and c not in spoken}
        if wanted:
            engine.scan("findings_then", [book.folder(day) / "published" / "findings.parquet"], FINDINGS)
            for row in engine.fetch(_THEN).to_pylist():
                if row["case_id"] in wanted:
                    spoken.setdefault(row["case_id"], set()).add(row["said"])
    engine.drop("corrected_cases")
    return frozenset(case for case, said in now.items() if said - spoken.get(case, set()))
