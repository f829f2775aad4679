"""What is left at an institution after a correction was verified: inquiries, and accounts chained to it (SPEC 8.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.proof_state import CASE_CHAINED
from creditaudit.cases.proof_rows import case_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

DAYS = 30

# A C1 of a C1 of a C1 …: deeper than this nobody looks for the moment.
_STEPS = 20


def remember_chained(engine: Engine, book: Book, night: date) -> pa.Table:
    """Make ``every_chained``: the accounts chained to those of ``proof_cases``; returns what is new tonight.

    Found while a correction is awaited, since afterwards no finding says so any more: by the chains of R109 findings,
    by links of tonight's rows, and by all links once, on the night after the answer. Reads ``findings``,
    ``previous_findings``, ``near_tonight``, ``standing_accounts`` and ``standing_case_chained``.

    Returns
    -------
    pyarrow.Table
        Schema ``CASE_CHAINED``, sorted.
    """
    engine.load("chained_by_finding", _by_finding(engine))
    is_first = f"p.taken_on >= DATE '{book.last.isoformat()}'" if book.last is not None else "FALSE"
    parts = [_LINKED.format(links=_links("near_tonight"), which="TRUE")]
    if engine.fetch(f"SELECT count(*) AS n FROM proof_cases AS p WHERE NOT p.is_verified AND {is_first}")["n"][
        0
    ].as_py():
        parts.append(_LINKED.format(links=_links("standing_accounts"), which=is_first))
    engine.table(
        "found_chained",
        f"""
        SELECT f.* FROM (
            SELECT * FROM chained_by_finding
            UNION ALL {" UNION ALL ".join(parts)}
        ) AS f
        WHERE NOT EXISTS (SELECT 1 FROM proof_codes AS k WHERE k.case_id = f.case_id
            AND k.provider_code = f.provider_code AND k.account_code = f.account_code)
            AND NOT EXISTS (SELECT 1 FROM standing_case_chained AS s WHERE s.case_id = f.case_id
                AND s.provider_code = f.provider_code AND s.account_code = f.account_code)
        """,
    )
    fresh = engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, case_id, provider_code, account_code,"
        " min(next_provider) AS next_provider, min(next_code) AS next_code"
        " FROM (SELECT *, row_number() OVER (PARTITION BY case_id, provider_code, account_code"
        " ORDER BY next_provider NULLS LAST, next_code) AS place FROM found_chained) AS f WHERE place = 1"
        " GROUP BY case_id, provider_code, account_code ORDER BY case_id, provider_code, account_code"
    ).cast(CASE_CHAINED.schema)
    engine.load("fresh_chained", fresh)
    engine.table("every_chained", "SELECT * FROM standing_case_chained UNION ALL SELECT * FROM fresh_chained")
    engine.drop("chained_by_finding", "found_chained", "fresh_chained")
    return fresh


def _by_finding(engine: Engine) -> pa.Table:
    """Return the accounts whose R109 finding names the account of a waiting case in its chain."""
    heads: dict[tuple[str, str], list[str]] = {}
    for row in engine.fetch(
        "SELECT case_id, provider_code, account_code FROM proof_codes WHERE case_id IN"
        " (SELECT case_id FROM proof_cases WHERE NOT is_verified) ORDER BY case_id, provider_code, account_code"
    ).to_pylist():
        heads.setdefault((row["provider_code"], row["account_code"]), []).append(row["case_id"])
    rows: list[dict[str, str | None]] = []
    if heads:
        told = engine.fetch(
            "SELECT provider_code, account_code, evidence FROM findings WHERE rule_id = 'R109' UNION"
            " SELECT provider_code, account_code, evidence FROM previous_findings WHERE rule_id = 'R109'"
            " ORDER BY provider_code, account_code, evidence"
        )
        for provider, code, evidence in zip(*(column.to_pylist() for column in told.columns), strict=True):
            said = json.loads(evidence)
            chain = chain_of(said)
            follows = None if "chain_by" in said or len(chain) == 1 else chain[1]
            rows += [
                {
                    "case_id": case,
                    "provider_code": provider,
                    "account_code": code,
                    "next_provider": follows[0] if follows else None,
                    "next_code": follows[1] if follows else None,
                }
                for step in chain[1:]
                for case in heads.get(step, ())
            ]
    schema = pa.schema([f for f in CASE_CHAINED.schema if f.name != "night"])
    return pa.Table.from_pylist(rows, schema=schema)


def chain_of(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (provider_code, account_code) of each account in the chain of an R109 finding, as it is written."""
    steps = (step.partition("/") for step in str(evidence.get("chain", "")).split(">"))
    return [(provider, code) for provider, _, code in steps]


def _links(accounts: str) -> str:
    """Select what each account of a relation names: its settlement account and, for C1, its original."""
    return (
        "SELECT provider_code, account_code, settlement_provider_code AS next_provider,"
        f" settlement_account_code AS next_code FROM {accounts} WHERE settlement_account_code IS NOT NULL"
        " UNION ALL SELECT provider_code, account_code, original_provider_code AS next_provider,"
        f" original_account_code AS next_code FROM {accounts}"
        " WHERE account_type = 'C1' AND original_account_code IS NOT NULL"
    )


_LINKED = """
    SELECT p.case_id, l.provider_code, l.account_code, l.next_provider, l.next_code
    FROM ({links}) AS l
    JOIN proof_codes AS k ON k.provider_code = l.next_provider AND k.account_code = l.next_code
    JOIN proof_cases AS p ON p.case_id = k.case_id AND NOT p.is_verified AND {which}
"""


def list_residual(engine: Engine) -> None:
    """Make ``residual_tonight``: case_id, residual, of verified cases with something left.

    The cases are those that stay verified tonight and those that ``proofs_tonight`` verifies. Inquiries: of the
    institutions of the lineage on the case's person, possibly within 30 days of the moment. Chained accounts: as long
    as they are not proven absent themselves, and still name what they named.
    """
    engine.table(
        "residual_cases",
        "SELECT p.* FROM proof_cases AS p"
        " WHERE (p.is_verified AND NOT EXISTS (SELECT 1 FROM returns_tonight AS r WHERE r.case_id = p.case_id))"
        " OR EXISTS (SELECT 1 FROM proofs_tonight AS t WHERE t.case_id = p.case_id AND t.is_proven)",
    )
    _moments(engine)
    _still_chained(engine)
    engine.table("residual_tonight", _RESIDUAL)
    engine.drop("residual_cases", "residual_moments", "chained_now")


def _moments(engine: Engine) -> None:
    """Make ``residual_moments`` (case_id, moment_from, moment_to): for a C1 that of the account it comes from."""
    columns = (
        "account_type, id_norm, opened_from, opened_to, agreement_from, agreement_to,"
        " original_provider_code, original_account_code"
    )
    engine.table(
        "residual_moments",
        f"SELECT c.case_id, {columns} FROM every_baseline AS c WHERE EXISTS (SELECT 1 FROM residual_cases AS r"
        " WHERE r.case_id = c.case_id AND r.outcome = '3') AND c.account_type IS NOT NULL"
        f" UNION ALL SELECT c.case_id, {columns} FROM case_rows AS c WHERE EXISTS (SELECT 1 FROM residual_cases AS r"
        " WHERE r.case_id = c.case_id AND (r.outcome <> '3' OR NOT EXISTS"
        " (SELECT 1 FROM every_baseline AS b WHERE b.case_id = r.case_id AND b.account_type IS NOT NULL)))",
    )
    for _ in range(_STEPS):
        if not engine.table("original_codes", _ORIGINAL_CODES):
            break
        engine.table("original_rows", case_rows("standing_accounts", "original_codes"))
        listed = ", ".join(f"o.{name.strip()}" for name in columns.split(","))
        engine.table(
            "residual_moments",
            "SELECT * FROM residual_moments WHERE account_type <> 'C1' UNION ALL"
            f" SELECT o.case_id, {listed} FROM original_rows AS o"
            " JOIN residual_moments AS m ON m.case_id = o.case_id AND m.id_norm = o.id_norm",
        )
    engine.drop("original_codes", "original_rows")
    engine.table(
        "residual_moments",
        "SELECT case_id, COALESCE(agreement_from, opened_from) AS moment_from,"
        " COALESCE(agreement_to, opened_to) AS moment_to FROM residual_moments"
        " WHERE account_type <> 'C1' AND (account_type <> 'R4' OR agreement_from IS NOT NULL)",
    )


_ORIGINAL_CODES = """
    SELECT m.case_id, o.provider_code, o.account_code, o.steps FROM residual_moments AS m
    LEFT JOIN lineage AS l ON l.provider_code = m.original_provider_code AND l.account_code = m.original_account_code
    JOIN (
        SELECT head_provider, head_code, provider_code, account_code, steps FROM lineage
    ) AS o ON o.head_provider = l.head_provider AND o.head_code = l.head_code
    WHERE m.account_type = 'C1'
    UNION ALL
    SELECT m.case_id, m.original_provider_code AS provider_code, m.original_account_code AS account_code, 0 AS steps
    FROM residual_moments AS m
    LEFT JOIN lineage AS l ON l.provider_code = m.original_provider_code AND l.account_code = m.original_account_code
    WHERE m.account_type = 'C1' AND l.head_code IS NULL AND m.original_account_code IS NOT NULL
        AND m.original_provider_code IS NOT NULL
"""


def _still_chained(engine: Engine) -> None:
    """Make ``chained_now`` (case_id, provider_code, account_code): under the newest codes."""
    engine.table(
        "chained_heads",
        """
        SELECT c.case_id AS of_case, c.next_code IS NULL AS has_no_link,
            c.case_id || ' ' || c.provider_code || '/' || c.account_code AS case_id,
            COALESCE(l.head_provider, c.provider_code) AS provider_code,
            COALESCE(l.head_code, c.account_code) AS account_code,
            COALESCE(n.head_provider, c.next_provider) AS next_provider, COALESCE(n.head_code, c.next_code) AS next_code
        FROM every_chained AS c JOIN residual_cases AS r ON r.case_id = c.case_id
        LEFT JOIN lineage AS l ON l.provider_code = c.provider_code AND l.account_code = c.account_code
        LEFT JOIN lineage AS n ON n.provider_code = c.next_provider AND n.account_code = c.next_code
        """,
    )
    engine.table(
        "chained_codes",
        "SELECT h.case_id, h.provider_code, h.account_code, 0 AS steps FROM chained_heads AS h"
        " UNION SELECT h.case_id, l.provider_code, l.account_code, l.steps FROM chained_heads AS h"
        " JOIN lineage AS l ON l.head_provider = h.provider_code AND l.head_code = h.account_code AND l.steps > 0",
    )
    engine.table("chained_rows", case_rows("standing_accounts", "chained_codes"))
    engine.table(
        "chained_now",
        f"""
        SELECT DISTINCT h.of_case AS case_id, h.provider_code, h.account_code
        FROM chained_heads AS h
        WHERE NOT EXISTS (SELECT 1 FROM chained_codes AS c JOIN standing_absent_accounts AS a
                ON a.is_absent AND a.provider_code = c.provider_code AND a.account_code = c.account_code
                WHERE c.case_id = h.case_id)
            AND (h.has_no_link OR EXISTS (
                SELECT 1 FROM chained_rows AS r
                JOIN ({_links("chained_rows")}) AS l
                    ON l.provider_code = r.provider_code AND l.account_code = r.account_code
                LEFT JOIN lineage AS n ON n.provider_code = l.next_provider AND n.account_code = l.next_code
                WHERE r.case_id = h.case_id AND COALESCE(n.head_provider, l.next_provider) = h.next_provider
                    AND COALESCE(n.head_code, l.next_code) = h.next_code
            ))
        """,
    )
    engine.drop("chained_heads", "chained_codes", "chained_rows")


_RESIDUAL = f"""
    WITH places AS (
        SELECT DISTINCT case_id, provider_code FROM proof_codes
    ), parts AS (
        SELECT DISTINCT r.case_id, 'inquiry:' || i.inquiry_id AS part
        FROM residual_cases AS r
        JOIN places AS p ON p.case_id = r.case_id
        JOIN residual_moments AS m ON m.case_id = r.case_id
        JOIN standing_inquiries AS i ON i.id_norm = r.id_norm AND i.provider_code = p.provider_code
        WHERE i.id_status <> 'bad_form'
            AND i.inquired_from <= m.moment_to + INTERVAL {DAYS} DAY
            AND i.inquired_to >= m.moment_from - INTERVAL {DAYS} DAY
        UNION
        SELECT c.case_id, 'account:' || c.provider_code || '/' || c.account_code AS part FROM chained_now AS c
    )
    SELECT case_id, string_agg(part, ';' ORDER BY part) AS residual FROM parts GROUP BY case_id
"""
