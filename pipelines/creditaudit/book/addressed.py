"""Whose a row is: an institution's own, and the liaison's of its region (SPEC 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def name_regions(engine: Engine, night: date) -> None:
    """Make ``addressed_regions``: provider_code, region_code of the institutions in force on the night's date.

    Several rows of one institution: the latest valid_from, then the last of the table (SPEC 12).

    Parameters
    ----------
    engine : Engine
        Holds ``institutions`` as :func:`creditaudit.book.reference.read` gives them.
    night : date
    """
    engine.table(
        "addressed_regions",
        f"""
        SELECT provider_code, region_code FROM (
            SELECT provider_code, region_code, row_number() OVER (
                PARTITION BY provider_code ORDER BY valid_from DESC NULLS LAST, row DESC
            ) AS place
            FROM institutions
            WHERE COALESCE(valid_from <= DATE '{night}', TRUE) AND COALESCE(valid_to >= DATE '{night}', TRUE)
        ) AS placed WHERE place = 1
        """,
    )


def addressed(rows: str, key: str) -> str:
    """Return a query for who gets each row: the key and recipient, each pair once.

    Parameters
    ----------
    rows : str
        A relation, or a query in parentheses, with the key, provider_code, and region_code: the row's own; NULL: its
        institution's counts.
    key : str
        Column that names a row.
    """
    return f"""
        SELECT DISTINCT u.{key}, t.recipient
        FROM {rows} AS u
        LEFT JOIN addressed_regions AS g ON g.provider_code = u.provider_code
        JOIN recipients AS t ON (t.kind = 'institution' AND t.provider_code = u.provider_code)
            OR (t.kind = 'pboc_liaison'
                AND (t.region_prefix IS NULL OR t.region_prefix = '*'
                    OR starts_with(COALESCE(u.region_code, g.region_code), t.region_prefix)))
    """
