"""The cases of a sealed night, as whoever asks for their remedies needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.case_state import CASE_SUBJECTS
from creditaudit.book.state import open_state
from creditaudit.tables import CASES, FINDINGS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


def open_sealed_cases(engine: Engine, book: Book, night: date) -> None:
    """Make ``case_rows_base`` of a sealed night: what :mod:`creditaudit.cases.remedies` matches by.

    Names ``sealed_cases`` and ``sealed_findings`` as published, ``last_cases`` (the last episode of each case) and
    ``sealed_subjects``, too.

    ``case_rows_base`` has one row per (case_id, episode) of the night's ``cases``: case_id, episode, provider_code,
    subject, state, tier, verdict, fault, account_type, moment_from and moment_to (TIMESTAMP). NULL: not known, or the
    case has none; the moment of a case without standing findings is not kept.
    """
    published = book.folder(night) / "published"
    engine.scan("sealed_cases", [published / "cases.parquet"], CASES)
    engine.scan("sealed_findings", [published / "findings.parquet"], FINDINGS)
    engine.view(
        "last_cases",
        "SELECT * EXCLUDE (age) FROM (SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY episode DESC)"
        " AS age FROM sealed_cases) AS aged WHERE age = 1",
    )
    open_state(engine, book.then(night), CASE_SUBJECTS.name, "sealed_subjects")
    engine.table(
        "case_rows_base",
        """
        WITH moments AS (
            SELECT provider_code, subject, min(moment_from) AS moment_from, min(moment_to) AS moment_to
            FROM sealed_findings GROUP BY provider_code, subject
        )
        SELECT c.case_id, c.episode, c.provider_code, c.subject, c.state, c.tier, c.verdict, c.fault, s.account_type,
            m.moment_from, m.moment_to
        FROM sealed_cases AS c
        LEFT JOIN sealed_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
        LEFT JOIN moments AS m ON m.provider_code = c.provider_code AND m.subject = c.subject
        """,
    )
