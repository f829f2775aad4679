"""The log of moves: each names its proof, and no state changes without one (SPEC 8.1, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.errors import InternalError
from creditaudit.tables import CASE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

_EVENTS = """
    SELECT case_id, episode, 1 AS place, 0 AS step, 'reappeared' AS event, state_0 AS from_state, state_2 AS to_state,
        'returned:' || how AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE state_2 = 'reappeared' AND state_0 <> 'reappeared'
    UNION ALL
    SELECT case_id, episode, 2 AS place, place AS step, 'answered' AS event, from_state, to_state,
        'answer:' || outcome || COALESCE(':' || evidence_ref, '') || ' (' || entry || ')' AS proof, answered_by AS by
    FROM answers_all
    UNION ALL
    SELECT case_id, episode, 3 AS place, 0 AS step, 'verified' AS event, state_0 AS from_state, state_1 AS to_state,
        proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE state_1 = 'correction_verified' AND state_0 <> 'correction_verified'
    UNION ALL
    SELECT case_id, episode, 3 AS place, 1 AS step, 'proof_recalled' AS event, state_0 AS from_state,
        state_1 AS to_state, reopened_by AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE reopened_by IS NOT NULL
    UNION ALL
    SELECT case_id, episode, 4 AS place, 0 AS step, 'overdue' AS event, state_0 AS from_state, state_1 AS to_state,
        'due_on:' || CAST(due_on AS VARCHAR) AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE state_1 = 'correction_overdue' AND state_0 = 'correction_due' AND NOT is_answered
    UNION ALL
    SELECT case_id, episode, 5 AS place, 0 AS step, 'withdrawn' AS event, state_1 AS from_state, state_2 AS to_state,
        'no_finding_stands:' || COALESCE(cause, 'other') AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE state_2 = 'withdrawn' AND state_1 <> 'withdrawn'
    UNION ALL
    SELECT case_id, episode, 6 AS place, 0 AS step, 'provider_changed' AS event, state_2 AS from_state,
        state_2 AS to_state, held_by AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE held_by IS DISTINCT FROM held_0 AND held_by IS NOT NULL AND joined_to IS NULL
    UNION ALL
    SELECT case_id, episode, 6 AS place, 0 AS step, 'joined' AS event, state_2 AS from_state,
        state_2 AS to_state, 'case:' || joined_to AS proof, CAST(NULL AS VARCHAR) AS by
    FROM moved_cases WHERE joined_to IS NOT NULL AND COALESCE(instr(held_0, joined_to), 0) = 0
    UNION ALL
    SELECT case_id, episode, 7 AS place, 0 AS step, 'opened' AS event, CAST(NULL AS VARCHAR) AS from_state,
        'lead' AS to_state, CASE WHEN is_copy THEN 'returned:' || follows WHEN tier = 'objection' THEN reasons
            ELSE 'findings:' || fingerprint END AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE is_new
    UNION ALL
    SELECT r.case_id, r.episode, 8 AS place, 0 AS step, 'woken' AS event, r.state_0 AS from_state, 'lead' AS to_state,
        CASE WHEN m.has_findings AND m.fingerprint_now IS DISTINCT FROM m.fingerprint_0
            THEN 'findings:' || r.fingerprint ELSE 'objection ' || m.new_objections END AS proof,
        CAST(NULL AS VARCHAR) AS by
    FROM case_rows AS r JOIN moved_cases AS m ON m.case_id = r.case_id WHERE r.is_wake
    UNION ALL
    SELECT case_id, episode, 9 AS place, 0 AS step, 'objection' AS event, state_before AS from_state,
        state_before AS to_state, 'objection ' || numbers AS proof, CAST(NULL AS VARCHAR) AS by
    FROM objections_joined WHERE NOT is_new
    UNION ALL
    SELECT case_id, episode, 10 AS place, 0 AS step, 'evidence_changed' AS event, state_before AS from_state,
        state_before AS to_state, 'findings:' || fingerprint AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE has_new_evidence
    UNION ALL
    SELECT case_id, episode, 11 AS place, 0 AS step, 'fault_changed' AS event, state_before AS from_state,
        state_before AS to_state, 'fault:' || COALESCE(fault_before, '') || '>' || COALESCE(fault, '') AS proof,
        CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE has_new_fault
    UNION ALL
    SELECT case_id, episode, 12 AS place, 0 AS step, 'sent' AS event, state_before AS from_state,
        state AS to_state, 'exceptions.csv' AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE state_before = 'lead' AND state = 'sent'
"""


def log_events(engine: Engine) -> None:
    """Make ``tonights_events``: every move of a case, with its proof.

    Raises
    ------
    InternalError
        A move has no proof, or a state differs from last night's without a move that leads there.
    """
    engine.table("tonights_events", _EVENTS)
    _refuse_unproven(engine)


def event_rows(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield every move of every case as it is published, tonight's and those before, sorted left to right.

    Reads ``tonights_events`` and ``previous_events``.
    """
    columns = 'case_id, CAST(episode AS INTEGER) AS episode, event, from_state, to_state, proof, "by"'
    select = (
        f"SELECT DATE '{night.isoformat()}' AS night, {columns} FROM tonights_events"
        f" UNION ALL SELECT night, {columns} FROM previous_events"
        ' ORDER BY night, case_id, episode, event, from_state, to_state, proof, "by"'
    )
    for batch in engine.stream(select):
        yield batch.cast(CASE_EVENTS)


def _refuse_unproven(engine: Engine) -> None:
    found = engine.fetch(
        """
        SELECT 'a move has no proof' AS why, case_id, event FROM tonights_events WHERE proof IS NULL OR proof = ''
        UNION ALL
        SELECT 'a state has no move that leads to it' AS why, r.case_id, r.state AS event FROM case_rows AS r
        WHERE r.state IS DISTINCT FROM r.state_0 AND NOT EXISTS (
            SELECT 1 FROM tonights_events AS e
            WHERE e.case_id = r.case_id AND e.episode = r.episode AND e.to_state = r.state
        )
        ORDER BY why, case_id, event
        """
    )
    if found.num_rows:
        first = found.slice(0, 1).to_pylist()[0]
        raise InternalError(
            "a case would change without a proof",
            why=f"{first['why']}: case {first['case_id']}, {first['event']}",
            next_step="report this with the run log; nothing was sealed",
        )
