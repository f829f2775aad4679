"""Who answers a case: an institution its own, a liaison those of its region (SPEC 8.2, 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.addressed import addressed, name_regions

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
    name_regions(engine, night)
    engine.table(relation, addressed(_PLACED.format(cases=cases), "case_id"))


_PLACED = """(
    SELECT c.case_id, c.provider_code, s.region_code
    FROM {cases} AS c
    LEFT JOIN standing_case_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
)"""
