"""Who answers a case: an institution its own, a liaison those of its region (SPEC 8.2, 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def name_reviewers(engine: Engine, cases: str, relation: str, night: date) -> None:
    """Make a relation of the recipients that may answer each case.

    Reads ``standing_case_subjects``, ``recipients`` and ``institutions``.

    Parameters
    ----------
    engine : Engine
    cases : str
        Relation with case_id, provider_code and subject, one row per case.
    relation : str
        Relation to make: case_id, recipient; each pair once.
    night : date
        The region of an account that names none is that of its institution, as it is in force on this day.
    """
    engine.table(relation, _REVIEWERS.format(cases=cases, night=night.isoformat()))


_REVIEWERS = """
    WITH regions AS (
        SELECT provider_code, region_code, row_number() OVER (
            PARTITION BY provider_code ORDER BY valid_from DESC NULLS LAST, row DESC
        ) AS place
        FROM institutions
        WHERE COALESCE(valid_from <= DATE '{night}', TRUE) AND COALESCE(valid_to >= DATE '{night}', TRUE)
    )
    SELECT DISTINCT c.case_id, t.recipient
    FROM {cases} AS c
    LEFT JOIN standing_case_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
    LEFT JOIN regions AS g ON g.provider_code = c.provider_code AND g.place = 1
    JOIN recipients AS t ON (t.kind = 'institution' AND t.provider_code = c.provider_code)
        OR (t.kind = 'pboc_liaison'
            AND (t.region_prefix IS NULL OR t.region_prefix = '*'
                OR starts_with(COALESCE(s.region_code, g.region_code), t.region_prefix)))
"""
