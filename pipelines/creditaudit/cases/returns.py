"""What came back after a proof (SPEC 8.3, reappeared)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.state import open_state
from creditaudit.cases.corrected import compared
from creditaudit.cases.history import drop_known

if TYPE_CHECKING:
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


# What opening a state leaves beside the relation itself.
_PARTS = ("", "_newest", "_base", "_delta")


def find_returns(engine: Engine, book: Book) -> None:
    """Make ``returns_tonight``: case_id, episode, provider_code, account_code, how; at most one row per case.

    Of several ways the first counts: ``delivered_again``, ``number_again``, ``value_again:<column>``,
    ``rekeyed:<code>``, ``collection:<code>``; of several accounts the smallest by code. Reads what
    ``cases/proof_rows.py`` makes, ``every_baseline`` and ``standing_case_proofs``.
    """
    engine.table("proven_cases", _PROVEN)
    engine.table("new_accounts", _NEW_ACCOUNTS)
    drop_known(engine, book, "new_accounts")
    if engine.table("new_collections", _COLLECTIONS):
        open_state(engine, book, "accounts", "accounts_before")
        engine.table("new_collections", _NEWLY_NAMING)
    engine.table(
        "returns_tonight",
        f"""
        SELECT case_id, episode, provider_code, account_code, how FROM (
            SELECT w.*, row_number() OVER (
                PARTITION BY case_id ORDER BY place, provider_code, account_code, how
            ) AS first FROM ({_WAYS.format(compared=compared("FALSE"))}) AS w
        ) AS ranked WHERE first = 1
        """,
    )
    engine.drop("new_accounts", "new_collections", *(f"accounts_before{part}" for part in _PARTS))


# By what the last proof of each case verified it.
_PROVEN = """
    SELECT p.case_id, p.episode, p.provider_code, p.account_code, p.id_norm, p.opened_on, f.kind, f.night AS proven_on
    FROM proof_cases AS p
    JOIN (
        SELECT case_id, episode, kind, night, row_number() OVER (
            PARTITION BY case_id, episode ORDER BY night DESC, kind
        ) AS place
        FROM standing_case_proofs WHERE is_final
    ) AS f ON f.case_id = p.case_id AND f.episode = p.episode AND f.place = 1
    WHERE p.is_verified
"""

# Accounts of the same person at that group that look like the one that is gone, and came tonight or came to look so.
_NEW_ACCOUNTS = """
    SELECT DISTINCT p.case_id, p.episode, p.opened_on, n.provider_code, n.account_code
    FROM proven_cases AS p
    JOIN case_rows AS r ON r.case_id = p.case_id
    JOIN near_tonight AS n ON n.id_norm = p.id_norm AND n.id_status <> 'bad_form'
    LEFT JOIN institution_groups AS g ON g.provider_code = p.provider_code
    LEFT JOIN institution_groups AS h ON h.provider_code = n.provider_code
    WHERE p.kind = 'absence'
        AND COALESCE(h.group_code, n.provider_code) = COALESCE(g.group_code, p.provider_code)
        AND CAST(n.opened_from AS DATE) = CAST(r.opened_from AS DATE) AND n.amount IS NOT DISTINCT FROM r.amount
        AND NOT EXISTS (SELECT 1 FROM proof_codes AS k WHERE k.case_id = p.case_id
            AND k.provider_code = n.provider_code AND k.account_code = n.account_code)
"""

_WAYS = """
    SELECT p.case_id, p.episode, h.provider_code, h.account_code, 'delivered_again' AS how, 1 AS place
    FROM proven_cases AS p JOIN held_tonight AS h ON h.case_id = p.case_id WHERE p.kind = 'absence'
    UNION ALL
    SELECT p.case_id, p.episode, k.provider_code, k.account_code, 'delivered_again' AS how, 1 AS place
    FROM proven_cases AS p JOIN proof_codes AS k ON k.case_id = p.case_id
    JOIN quarantined_accounts AS q ON q.is_known_key
        AND q.provider_code = k.provider_code AND q.account_code = k.account_code
    WHERE p.kind = 'absence'
    UNION ALL
    SELECT p.case_id, p.episode, h.provider_code, h.account_code, 'number_again' AS how, 1 AS place
    FROM proven_cases AS p JOIN held_tonight AS h ON h.case_id = p.case_id AND h.id_norm = p.id_norm
    WHERE p.kind = 'number'
    UNION ALL
    SELECT p.case_id, p.episode, v.provider_code, v.account_code, 'value_again:' || v.column_name AS how, 1 AS place
    FROM proven_cases AS p
    JOIN ({compared}) AS v ON v.case_id = p.case_id AND v.episode = p.episode AND v.is_old
    JOIN held_tonight AS h ON h.case_id = p.case_id
        AND h.provider_code = v.provider_code AND h.account_code = v.account_code
    JOIN standing_case_proofs AS f ON f.case_id = p.case_id AND f.episode = p.episode AND f.night = p.proven_on
        AND f.is_final AND f.kind = 'values' AND f.detail = v.column_name
    WHERE p.kind = 'values'
    UNION ALL
    SELECT case_id, episode, provider_code, account_code, 'rekeyed:' || account_code AS how, 2 AS place
    FROM new_accounts
    UNION ALL
    SELECT case_id, episode, provider_code, account_code, 'collection:' || account_code AS how, 3 AS place
    FROM new_collections
"""

_COLLECTIONS = """
    SELECT DISTINCT p.case_id, p.episode, n.provider_code, n.account_code
    FROM proven_cases AS p
    JOIN proof_codes AS k ON k.case_id = p.case_id
    JOIN near_tonight AS n ON n.account_type = 'C1'
        AND n.original_provider_code = k.provider_code AND n.original_account_code = k.account_code
    WHERE p.kind = 'absence'
"""

# One that named the account before, and is delivered once more, is nothing new.
_NEWLY_NAMING = """
    SELECT c.* FROM new_collections AS c WHERE NOT EXISTS (
        SELECT 1 FROM accounts_before AS b
        JOIN proof_codes AS o
            ON o.provider_code = b.original_provider_code AND o.account_code = b.original_account_code
        WHERE b.provider_code = c.provider_code AND b.account_code = c.account_code AND b.account_type = 'C1'
            AND o.case_id = c.case_id
    )
"""
