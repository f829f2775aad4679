"""What the last night found on those who are not judged tonight stands, but for its date (SPEC 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.tables import CLEARANCES, FINDINGS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine

_ACCOUNT = "SELECT 1 FROM scope_codes AS s WHERE s.provider_code = f.provider_code AND s.account_code = f.account_code"
# The subject of a finding without an account is its inquiry.
_INQUIRY = (
    "SELECT 1 FROM scope_inquiry_keys AS s WHERE s.provider_code = f.provider_code"
    " AND f.account_code IS NULL AND 'inquiry:' || s.inquiry_id = f.subject"
)


def nothing_carried(engine: Engine) -> None:
    """Make ``carried_subjects`` (provider_code, subject) without a row: everyone is judged."""
    engine.table(
        "carried_subjects",
        "SELECT CAST(NULL AS STRING) AS provider_code, CAST(NULL AS STRING) AS subject WHERE 1 = 0",
    )


def only_scope(engine: Engine) -> None:
    """Leave in ``raw_findings`` and ``clearances`` what was found on those who are judged.

    The accounts that they reach were read for their sake, without all that would be needed to judge them.
    """
    for table in ("raw_findings", "clearances"):
        # Inquiries are read only of persons who are judged.
        engine.table(table, f"SELECT f.* FROM {table} AS f WHERE f.account_code IS NULL OR EXISTS ({_ACCOUNT})")


def carry(engine: Engine, night: date) -> None:
    """Add to ``findings`` and ``clearances`` what stands of the last night.

    Makes ``carried_subjects`` and ``judged_subjects`` (provider_code, subject: whatever was judged, with a finding or
    without). Reads ``previous_findings``, ``previous_clearances``, ``scope_codes``, ``scope_inquiry_keys``.
    """
    engine.table(
        "carried_findings",
        f"SELECT f.* FROM previous_findings AS f WHERE NOT EXISTS ({_ACCOUNT}) AND NOT EXISTS ({_INQUIRY})",
    )
    engine.table("carried_subjects", "SELECT DISTINCT provider_code, subject FROM carried_findings")
    engine.table(
        "judged_subjects",
        "SELECT provider_code, 'account:' || account_code AS subject FROM scope_codes"
        " UNION SELECT provider_code, 'inquiry:' || inquiry_id AS subject FROM scope_inquiry_keys",
    )
    names = ", ".join(FINDINGS.names)
    dated = names.replace("night", f"DATE '{night.isoformat()}' AS night", 1)
    engine.table("findings", f"SELECT {names} FROM findings UNION ALL SELECT {dated} FROM carried_findings")
    engine.drop("carried_findings")
    columns = ", ".join(f"f.{name}" for name in CLEARANCES.names if name != "night")
    engine.table(
        "clearances",
        f"SELECT {columns} FROM clearances AS f"
        f" UNION ALL SELECT {columns} FROM previous_clearances AS f WHERE NOT EXISTS ({_ACCOUNT})",
    )
