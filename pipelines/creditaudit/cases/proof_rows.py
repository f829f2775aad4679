"""The rows that proofs look at: the codes of each case, what tonight delivered of them, what stands (SPEC 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from creditaudit.engines import Engine

# What is compared of an account.
COMPARED = (
    *("id_norm", "id_status", "id_type", "name_norm", "name_known", "account_type", "business_code", "region_code"),
    *("opened_from", "opened_to", "agreement_from", "agreement_to", "amount"),
    *("original_provider_code", "original_account_code", "settlement_provider_code", "settlement_account_code"),
)


def open_cases(engine: Engine) -> int:
    """Make ``proof_cases`` and ``proof_codes``; returns how many cases there are.

    Reads ``awaiting``, ``verified_cases`` and ``lineage``. ``proof_cases`` has their rows whose subject is an account,
    with is_verified; ``proof_codes`` (case_id, provider_code, account_code, steps) every code of their lineages.
    """
    columns = "case_id, episode, provider_code, account_code, id_norm, outcome, taken_on, opened_on"
    count = engine.table(
        "proof_cases",
        f"SELECT {columns}, FALSE AS is_verified FROM awaiting WHERE {_IS_ACCOUNT}"
        f" UNION ALL SELECT {columns}, TRUE AS is_verified FROM verified_cases WHERE {_IS_ACCOUNT}",
    )
    engine.table(
        "proof_codes",
        "SELECT p.case_id, p.provider_code, p.account_code, 0 AS steps FROM proof_cases AS p"
        " UNION SELECT p.case_id, l.provider_code, l.account_code, l.steps FROM proof_cases AS p"
        " JOIN lineage AS l ON l.head_provider = p.provider_code AND l.head_code = p.account_code AND l.steps > 0",
    )
    return count


_IS_ACCOUNT = "account_code IS NOT NULL AND subject = 'account:' || account_code"


def open_rows(engine: Engine, quarantined: Callable[[], Mapping[str, pa.Table]]) -> None:
    """Make the relations of the rows that have to do with ``proof_cases``.

    ``near_tonight``: accepted rows of tonight of their codes, of their persons, or that name their codes as original or
    settlement account. ``held_tonight`` (with case_id): those of their codes. ``case_rows``: the row in force that
    judges each lineage (SPEC 4), with case_id. ``quarantined_accounts`` and ``quarantined_words`` as the intake gives
    them. ``quarantined_held`` (case_id): cases of whose codes a file of tonight holds a row that could not stand;
    ``quarantined_near`` (case_id): cases whose provider has a quarantined row that may be theirs.
    """
    for name, rows in quarantined().items():
        engine.load(name, rows)
    engine.table("sought_codes", "SELECT DISTINCT provider_code, account_code FROM proof_codes")
    engine.table("sought_people", "SELECT DISTINCT id_norm FROM proof_cases WHERE id_norm IS NOT NULL")
    columns = ", ".join(f"d.{name}" for name in ("provider_code", "account_code", *COMPARED))
    engine.table(
        "near_tonight",
        f"""
        SELECT {columns}, d.file, f.sha256
        FROM delivered_accounts AS d
        LEFT JOIN sought_codes AS c ON c.provider_code = d.provider_code AND c.account_code = d.account_code
        LEFT JOIN sought_people AS p ON p.id_norm = d.id_norm
        LEFT JOIN sought_codes AS o
            ON o.provider_code = d.original_provider_code AND o.account_code = d.original_account_code
        LEFT JOIN sought_codes AS s
            ON s.provider_code = d.settlement_provider_code AND s.account_code = d.settlement_account_code
        LEFT JOIN account_files AS f ON f.file = d.file
        WHERE c.account_code IS NOT NULL OR p.id_norm IS NOT NULL OR o.account_code IS NOT NULL
            OR s.account_code IS NOT NULL
        """,
    )
    engine.table(
        "held_tonight",
        "SELECT c.case_id, n.* FROM near_tonight AS n JOIN proof_codes AS c"
        " ON c.provider_code = n.provider_code AND c.account_code = n.account_code",
    )
    engine.table("case_rows", case_rows("standing_accounts", "proof_codes"))
    engine.table("quarantined_held", _QUARANTINED_HELD)
    engine.table("quarantined_near", _QUARANTINED_NEAR)
    engine.drop("sought_codes", "sought_people", "quarantined_words")


def case_rows(accounts: str, codes: str) -> str:
    """Select, per case, the row that judges its lineage: of a relation of account rows in force and one of codes."""
    columns = ", ".join(f"a.{name}" for name in ("provider_code", "account_code", *COMPARED))
    return f"""
        SELECT * EXCLUDE (place) FROM (
            SELECT c.case_id, {columns}, row_number() OVER (
                PARTITION BY c.case_id
                ORDER BY a.report_date DESC, c.steps, a.provider_code DESC, a.account_code DESC
            ) AS place
            FROM {accounts} AS a
            JOIN {codes} AS c ON c.provider_code = a.provider_code AND c.account_code = a.account_code
        ) AS placed WHERE place = 1
    """


# A row is of the provider that it names, or that its file speaks for; where neither is known it may be of any.
_OF_PROVIDER = """(q.provider_code = c.provider_code OR q.stated_provider = c.provider_code
        OR (q.stated_provider IS NULL AND q.provider_code IS NULL))"""

_QUARANTINED_HELD = f"""
    SELECT DISTINCT c.case_id FROM quarantined_accounts AS q
    JOIN proof_codes AS c ON c.account_code = q.account_code AND {_OF_PROVIDER}
"""

# The code or the number may stand in any cell: of a row that slipped nobody knows which.
_QUARANTINED_NEAR = f"""
    WITH named AS (
        SELECT w.file, w.row, c.case_id FROM quarantined_words AS w
        JOIN (SELECT DISTINCT case_id, account_code FROM proof_codes) AS c ON c.account_code = w.word
        UNION
        SELECT w.file, w.row, p.case_id FROM quarantined_words AS w JOIN proof_cases AS p ON p.id_norm = w.word
    ), anyones AS (
        SELECT DISTINCT provider_code, stated_provider FROM quarantined_accounts WHERE is_anyones
    )
    SELECT DISTINCT c.case_id FROM named AS n
    JOIN quarantined_accounts AS q ON q.file = n.file AND q.row = n.row
    JOIN proof_codes AS c ON c.case_id = n.case_id AND {_OF_PROVIDER}
    UNION
    SELECT DISTINCT c.case_id FROM anyones AS q JOIN proof_codes AS c ON {_OF_PROVIDER}
"""
