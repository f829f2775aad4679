"""The night in numbers: for the manifest, the page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from creditaudit.masking import without_numbers
from creditaudit.reports.quarters import quarters_shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from creditaudit.engines import Engine

_UNDOCUMENTED = "c.duty = 'unknown' AND c.is_open"


def summarise(
    engine: Engine,
    tables: Mapping[str, pa.Table],
    *,
    stale: Mapping[str, tuple[str, ...]],
    ignored: Mapping[str, int],
    contradicted: tuple[tuple[str, str], ...],
    corrected: tuple[int, tuple[str, ...]],
) -> dict[str, Any]:
    """Return what a person asks first, as plain JSON values in a fixed order.

    Reads ``findings``, ``clearances``, ``every_case``, ``case_rows``, ``case_recipients`` and ``previous_findings``.

    Parameters
    ----------
    engine : Engine
    tables : mapping
        Tonight's published ``coverage``, ``quarantine`` and ``institutions``.
    stale : mapping
        Feeds that are missing or incomplete, with the reasons.
    ignored : mapping
        What notices could not be made of: reason to rows.
    contradicted : tuple
        Renames whose two codes cannot be one account.
    corrected : tuple
        Quarantined rows that came back corrected, and the decisions of the inbox that were refused, with the reasons.
    """
    covered = tables["coverage"]
    rejected = tables["quarantine"].filter(pc.equal(tables["quarantine"]["disposition"], "row_quarantined"))
    quarters, more_quarters = quarters_shown(tables["institutions"])
    return {
        "findings_by_rule": engine.fetch(
            "SELECT rule_id, verdict, count(*) AS rows FROM findings GROUP BY ALL ORDER BY ALL"
        ).to_pylist(),
        "clearances_by_reason": engine.fetch(
            "SELECT reason, count(*) AS rows FROM clearances GROUP BY reason ORDER BY reason"
        ).to_pylist(),
        "institutions": _institutions(engine),
        "overdue": _overdue(engine),
        "quarters": quarters,
        "more_quarters": more_quarters,
        "cases": _number(engine, "SELECT count(DISTINCT case_id) AS n FROM every_case"),
        "new_cases": _number(engine, "SELECT count(*) AS n FROM case_rows WHERE is_new"),
        "changed_cases": _number(engine, "SELECT count(*) AS n FROM case_rows WHERE is_changed"),
        # Nobody knows whether the institution had a duty there: no document says so.
        "undocumented_duties": _number(engine, f"SELECT count(*) AS n FROM case_rows AS c WHERE {_UNDOCUMENTED}"),
        "new_findings": _number(
            engine,
            "SELECT count(*) AS n FROM findings AS f WHERE NOT EXISTS"
            " (SELECT 1 FROM previous_findings AS p WHERE p.fingerprint = f.fingerprint)",
        ),
        "delivered": pc.sum(covered["delivered"]).as_py() or 0,
        "accepted": pc.sum(covered["accepted"]).as_py() or 0,
        "quarantined": rejected.num_rows,
        "quarantined_by_reason": _counted(rejected, ["feed", "reasons"]),
        "refused_files": covered.num_rows - pc.count(covered["delivered"]).as_py(),
        "stale": {feed: list(reasons) for feed, reasons in sorted(stale.items())},
        "ignored_notices": dict(ignored),
        "contradicted_renames": [[without_numbers(code) for code in pair] for pair in contradicted],
        "readmitted_rows": corrected[0],
        "refused_decisions": list(corrected[1]),
    }


def _counted(table: pa.Table, names: list[str]) -> list[dict[str, Any]]:
    grouped = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
    counted = grouped.rename_columns([*names, "rows"]).sort_by([(n, "ascending") for n in names])
    return list(counted.to_pylist())


def _institutions(engine: Engine) -> list[dict[str, Any]]:
    """Count cases per institution: all, new, and of the open ones those on undocumented duties, those in no file."""
    found = engine.fetch(
        f"""
        SELECT c.provider_code, count(*) AS cases,
            count(*) FILTER (WHERE c.is_new) AS new_cases,
            count(*) FILTER (WHERE c.is_open AND c.verdict = 'violation') AS violations,
            count(*) FILTER (WHERE {_UNDOCUMENTED}) AS undocumented_duties,
            count(*) FILTER (WHERE c.is_open AND c.is_quiet) AS only_replaced_cards,
            count(*) FILTER (WHERE c.is_open AND c.is_data_quality) AS data_quality,
            count(*) FILTER (WHERE c.is_open AND NOT COALESCE(c.is_quiet, FALSE) AND t.case_id IS NULL)
                AS without_recipient
        FROM case_rows AS c LEFT JOIN (SELECT DISTINCT case_id FROM case_recipients) AS t ON t.case_id = c.case_id
        WHERE NOT c.is_superseded GROUP BY c.provider_code ORDER BY c.provider_code
        """
    )
    return [{**row, "provider_code": without_numbers(row["provider_code"])} for row in found.to_pylist()]


def _overdue(engine: Engine) -> list[dict[str, Any]]:
    """Count the open cases that are late, per institution and by kind of the clock, with the earliest due date."""
    found = engine.fetch(
        """
        SELECT provider_code, count(*) FILTER (WHERE overdue_kind = 'legal') AS legal,
            count(*) FILTER (WHERE overdue_kind = 'house') AS house,
            CAST(min(due_on) FILTER (WHERE due_on < night) AS VARCHAR) AS earliest_due_on
        FROM case_rows WHERE overdue_kind IS NOT NULL GROUP BY provider_code ORDER BY provider_code
        """
    )
    return [{**row, "provider_code": without_numbers(row["provider_code"])} for row in found.to_pylist()]


def _number(engine: Engine, select: str) -> int:
    return int(engine.fetch(select)["n"][0].as_py())
