"""Proof that a record was corrected, and that it came back: the steps of a night, in order (SPEC 8.1, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


def prove(
    engine: Engine,
    book: Book,
    night: date,
    *,
    entries: Sequence[Entry],
    quarantined: Callable[[], pa.Table],
) -> dict[str, pa.Table]:
    """Make ``proofs_tonight``, ``returns_tonight`` and ``residual_tonight``; returns what the state must remember.

    Reads ``awaiting`` and ``verified_cases`` (case_id, episode, provider_code, account_code, subject, id_norm, outcome,
    taken_on, opened_on).

    ``proofs_tonight``: case_id, episode, is_proven, proof, missing, kind; one row per awaiting case that has anything
    to say. ``returns_tonight``: case_id, episode, provider_code, account_code, how; at most one row per case.
    ``residual_tonight``: case_id, residual.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    night : date
    entries : sequence of Entry
        What tonight takes of the inbox, in order.
    quarantined : callable
        Gives tonight's quarantined account rows (:func:`creditaudit.intake.account_files.quarantined_accounts`); called
        only where a case waits for them.

    Returns
    -------
    dict
        Name of a table of the state to tonight's rows of it.
    """
    text, flag = "CAST(NULL AS VARCHAR) AS", "CAST(NULL AS BOOLEAN) AS"
    engine.table(
        "proofs_tonight",
        f"SELECT case_id, episode, {flag} is_proven, {text} proof, {text} missing, {text} kind FROM awaiting WHERE 1 = 0",
    )
    engine.table(
        "returns_tonight",
        f"SELECT case_id, episode, provider_code, account_code, {text} how FROM verified_cases WHERE 1 = 0",
    )
    engine.table("residual_tonight", f"SELECT case_id, {text} residual FROM verified_cases WHERE 1 = 0")
    return {}
