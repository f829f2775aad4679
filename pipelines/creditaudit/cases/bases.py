"""How large a full delivery must be to prove something (SPEC 8.3): the largest of its scope within a year.

A smaller base is a decision of the inbox, kind ``smaller_base``: the last delivery of the scope before the night that
takes it is the first that counts from then on; larger ones before that do not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.proof_state import SMALLER_BASES
from creditaudit.book.scopes import BETWEEN, scope_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.engines import Engine

KIND = "smaller_base"

# Days before a delivery in which the largest one is looked for.
DAYS = 366


def open_earlier(engine: Engine, night: date) -> None:
    """Make ``earlier_deliveries`` (scope, night, distinct_rows): the deliveries of nights before tonight.

    Of nights that a program without that table sealed, full deliveries with one provider are known, as delivered.
    """
    everything = f"CASE WHEN {{flag}} THEN '' ELSE {{column}} END || '{BETWEEN}'"
    region = everything.format(flag="all_regions", column="region_code")
    engine.table(
        "earlier_deliveries",
        f"""
        SELECT scope, night, CAST(sum(distinct_rows) AS BIGINT) AS distinct_rows FROM (
            SELECT scope, night, distinct_rows FROM standing_account_deliveries
            UNION ALL
            SELECT provider_code || '{BETWEEN}' || {region} || CASE WHEN all_business THEN '' ELSE business_codes END
                AS scope, night, delivered AS distinct_rows
            FROM standing_full_deliveries
            WHERE feed = 'accounts'
                AND night < (SELECT COALESCE(min(night), DATE '{night.isoformat()}') FROM standing_account_deliveries)
        ) AS d
        WHERE scope IS NOT NULL AND night < DATE '{night.isoformat()}'
        GROUP BY scope, night
        """,
    )


def smaller_bases(engine: Engine, entries: Sequence[Entry], night: date) -> pa.Table:
    """Return what tonight's decisions make of the bases (schema ``SMALLER_BASES``), in the order of the entries."""
    rows = []
    for entry in entries:
        if entry.kind != KIND:
            continue
        scope = scope_text(entry.body["provider_code"], entry.body["region_code"], entry.body["business_codes"])
        last = engine.fetch("SELECT scope, max(night) AS night FROM earlier_deliveries GROUP BY scope").to_pylist()
        since = {row["scope"]: row["night"] for row in last}.get(scope, night)
        rows.append(
            {
                "night": night,
                "scope": scope,
                "counts_from": since,
                "evidence_ref": entry.body["evidence_ref"],
                "entry": entry.file_name,
            }
        )
    return pa.Table.from_pylist(rows, schema=SMALLER_BASES.schema)


def open_largest(engine: Engine, night: date, fresh: pa.Table) -> None:
    """Make ``largest_deliveries`` (scope, largest): of the year before tonight, as far as decisions let them count."""
    engine.load("fresh_bases", fresh)
    first = night - timedelta(days=DAYS)
    engine.table(
        "largest_deliveries",
        f"""
        SELECT d.scope, max(d.distinct_rows) AS largest
        FROM earlier_deliveries AS d
        LEFT JOIN (
            SELECT scope, max(counts_from) AS counts_from FROM (
                SELECT scope, counts_from FROM standing_smaller_bases
                UNION ALL SELECT scope, counts_from FROM fresh_bases
            ) AS every_base GROUP BY scope
        ) AS b ON b.scope = d.scope
        WHERE d.night >= DATE '{first.isoformat()}' AND (b.counts_from IS NULL OR d.night >= b.counts_from)
        GROUP BY d.scope
        """,
    )
    engine.drop("fresh_bases")
