"""Accounts whose links lead to an account that may be found violating, to any depth (SPEC 6.2, R109)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.engines import Engine

_NARROW = """provider_code, account_code, id_norm, account_type, original_provider_code, original_account_code,
    settlement_provider_code, settlement_account_code"""


def find_linked(engine: Engine) -> None:
    """Make ``linked_codes``: the accounts that lead to a person with a lost or cancelled card, level by level.

    Reads ``candidate_rows``, ``notices``, ``standing_accounts`` and ``lineage``.

    ``linked_codes`` has one row per account that is not of such a person: provider_code, account_code, id_norm,
    account_type, original_provider_code, original_account_code. Whether a C1's original has the same number is asked
    later; here every link counts. Each account is reached once, so a cycle ends.
    """
    engine.table(
        "link_targets",
        "SELECT c.provider_code, c.account_code FROM candidate_rows AS c WHERE EXISTS"
        " (SELECT 1 FROM notices AS n WHERE n.id_norm = c.id_norm AND n.kind IN ('lost', 'cancelled'))",
    )
    engine.table("link_seeds", "SELECT * FROM link_targets")
    engine.table("linked_codes", f"SELECT {_NARROW} FROM standing_accounts WHERE 1 = 0")
    # Read once and kept narrow: the engine then knows how many there are, and each level asks few.
    engine.table(
        "every_link",
        f"SELECT {_NARROW} FROM standing_accounts WHERE settlement_account_code IS NOT NULL"
        " OR (account_type = 'C1' AND original_account_code IS NOT NULL)",
    )
    while _whole_lineages(engine):
        engine.table("links_led", _LED.format(columns=_prefixed()))
        engine.table("linked_now", _NEW.format(columns=_prefixed()))
        engine.table("linked_codes", "SELECT * FROM linked_codes UNION ALL SELECT * FROM linked_now")
        engine.table("link_targets", "SELECT provider_code, account_code FROM linked_now")
    engine.drop("link_targets", "link_seeds", "linked_now", "links_led", "every_link")


def _prefixed() -> str:
    return ", ".join(f"a.{name.strip()}" for name in _NARROW.split(","))


def _whole_lineages(engine: Engine) -> int:
    """Add the other codes of the same lineages: a link may name any of them. Returns how many codes there are."""
    return engine.table(
        "link_targets",
        """
        SELECT t.provider_code, t.account_code FROM link_targets AS t
        UNION
        SELECT o.provider_code, o.account_code FROM link_targets AS t
        JOIN lineage AS l ON l.provider_code = t.provider_code AND l.account_code = t.account_code
        JOIN lineage AS o ON o.head_provider = l.head_provider AND o.head_code = l.head_code
        """,
    )


# Two statements: beside joins of many rows, the engine takes a table with rows to leave out for a fifth of its length,
# and then holds the long side of each join in memory.
_LED = """
    SELECT {columns}
    FROM every_link AS a
    LEFT JOIN link_targets AS s
        ON s.provider_code = a.settlement_provider_code AND s.account_code = a.settlement_account_code
    LEFT JOIN link_targets AS o
        ON o.provider_code = a.original_provider_code AND o.account_code = a.original_account_code
        AND a.account_type = 'C1'
    WHERE s.account_code IS NOT NULL OR o.account_code IS NOT NULL
"""

_NEW = """
    SELECT {columns}
    FROM links_led AS a
    WHERE NOT EXISTS (SELECT 1 FROM link_seeds AS d
            WHERE d.provider_code = a.provider_code AND d.account_code = a.account_code)
        AND NOT EXISTS (SELECT 1 FROM linked_codes AS k
            WHERE k.provider_code = a.provider_code AND k.account_code = a.account_code)
"""
