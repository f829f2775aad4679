"""What differs between two nights, and on which nights between them each difference arose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from creditaudit.drift.value import CHANGES
from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_CHANGES: Final = """
    WITH verdicts AS (
        SELECT 'verdict' AS kind, provider_code, account_code, subject, rule_id, notice_source, notice_id,
            max(verdict) FILTER (WHERE night = {a}) AS was, max(verdict) FILTER (WHERE night = {b}) AS now
        FROM all_findings WHERE night IN ({a}, {b})
        GROUP BY provider_code, account_code, subject, rule_id, notice_source, notice_id
    ), owners AS (  -- the youngest case of each subject
        SELECT provider_code, subject, case_id FROM (
            SELECT provider_code, subject, case_id, row_number() OVER (
                PARTITION BY provider_code, subject ORDER BY night DESC, first_seen DESC, episode DESC, case_id DESC
            ) AS place FROM all_cases WHERE night IN ({a}, {b})
        ) AS aged WHERE place = 1
    ), episodes AS (
        SELECT case_id, episode, arg_max(provider_code, night) AS provider_code,
            arg_max_null(account_code, night) AS account_code, arg_max(subject, night) AS subject,
            max(fault) FILTER (WHERE night = {a}) AS fault_was, max(fault) FILTER (WHERE night = {b}) AS fault_now,
            max(state) FILTER (WHERE night = {a}) AS state_was, max(state) FILTER (WHERE night = {b}) AS state_now
        FROM all_cases WHERE night IN ({a}, {b}) GROUP BY case_id, episode
    ), every_change AS (
        SELECT v.kind, v.provider_code, v.account_code, v.subject, o.case_id, CAST(NULL AS INTEGER) AS episode,
            v.rule_id, v.notice_source, v.notice_id, v.was, v.now
        FROM verdicts AS v LEFT JOIN owners AS o ON o.provider_code = v.provider_code AND o.subject = v.subject
        UNION ALL
        SELECT k.kind, e.provider_code, e.account_code, e.subject, e.case_id, e.episode, NULL, NULL, NULL,
            CASE k.kind WHEN 'fault' THEN e.fault_was ELSE e.state_was END,
            CASE k.kind WHEN 'fault' THEN e.fault_now ELSE e.state_now END
        FROM episodes AS e CROSS JOIN (SELECT unnest(['fault', 'state']) AS kind) AS k
    )
    SELECT row_number() OVER (ORDER BY provider_code, account_code, subject, case_id, episode, kind, rule_id,
        notice_source, notice_id) AS change, *, COALESCE(case_id, provider_code || '/' || subject) AS matter
    FROM every_change WHERE was IS DISTINCT FROM now
"""

# Everything that a case, or a subject without one, went by on any night between: renames give it other codes.
_MATTERS: Final = """
    SELECT matter, provider_code, account_code, subject FROM changes
    UNION
    SELECT case_id AS matter, provider_code, account_code, subject FROM all_cases AS k
    WHERE EXISTS (SELECT 1 FROM changes AS c WHERE c.case_id = k.case_id)
"""

# A difference of A and B is what the nights between made, one after the other: each is asked for its own causes.
_FLIPS: Final = """
    WITH said AS (
        SELECT c.change, n.place, n.night, f.verdict AS said, CAST(NULL AS VARCHAR) AS duty, NULL AS performed
        FROM changes AS c CROSS JOIN drift_nights AS n
        LEFT JOIN all_findings AS f ON f.night = n.night AND f.provider_code = c.provider_code
            AND f.subject = c.subject AND f.rule_id = c.rule_id
            AND f.notice_source IS NOT DISTINCT FROM c.notice_source AND f.notice_id IS NOT DISTINCT FROM c.notice_id
        WHERE c.kind = 'verdict'
        UNION ALL
        SELECT c.change, n.place, n.night, CASE c.kind WHEN 'fault' THEN k.fault ELSE k.state END AS said,
            concat_ws(' ', k.duty, k.duty_source) AS duty, k.performed
        FROM changes AS c CROSS JOIN drift_nights AS n
        LEFT JOIN all_cases AS k ON k.night = n.night AND k.case_id = c.case_id AND k.episode = c.episode
        WHERE c.kind <> 'verdict'
    ), beside AS (
        SELECT *, lag(said) OVER nights AS was, lag(night) OVER nights AS night_before, lag(duty) OVER nights AS duty_0,
            lag(performed) OVER nights AS performed_0
        FROM said WINDOW nights AS (PARTITION BY change ORDER BY place)
    )
    SELECT b.change, b.night, b.night_before, b.was, b.said AS now, c.kind, c.matter, c.provider_code, c.subject,
        c.case_id, c.episode, c.rule_id, c.notice_source, c.notice_id,
        b.was IS NOT NULL AND b.duty IS DISTINCT FROM b.duty_0 AS has_other_duty,
        COALESCE(b.performed = 'beyond_retention' AND b.performed_0 = 'missing', FALSE) AS is_retained_no_more
    FROM beside AS b JOIN changes AS c ON c.change = b.change
    WHERE b.place > 0 AND b.said IS DISTINCT FROM b.was
"""

# Moves that hang on what was found: their causes are those of the findings.
_BY_EVIDENCE: Final = "'opened', 'woken', 'withdrawn', 'evidence_changed', 'reappeared', 'objection'"


def find_changes(engine: Engine, book: Book, nights: Sequence[date]) -> pa.Table:
    """Make ``changes``, ``flips``, ``flip_events`` and ``matter_subjects``; returns the changes.

    - ``changes``: ``CHANGES`` and matter: the case, or the subject that has none.
    - ``matter_subjects``: matter, provider_code, account_code, subject.
    - ``flips``: one row per change and night on which it was another than the night before, with what it is known by,
      night_before, has_other_duty, is_retained_no_more, and by_evidence: it hangs on what was found.
    - ``flip_events``: change, night, event, proof, by: the moves of its case on that night.

    Parameters
    ----------
    engine : Engine
    book : Book
    nights : sequence of date
        Every sealed night from the earlier to the later one.
    """
    folders = [book.folder(night) / "published" for night in nights]
    engine.scan("all_findings", [folder / "findings.parquet" for folder in folders], FINDINGS)
    engine.scan("all_cases", [folder / "cases.parquet" for folder in folders], CASES)
    engine.scan("all_events", [folders[-1] / "case_events.parquet"], CASE_EVENTS)
    table = pa.table({"night": pa.array(nights, pa.date32()), "place": pa.array(range(len(nights)), pa.int64())})
    engine.load("drift_nights", table)
    days = {name: f"DATE '{night.isoformat()}'" for name, night in (("a", nights[0]), ("b", nights[-1]))}
    engine.table("changes", _CHANGES.format(**days))
    engine.table("matter_subjects", _MATTERS)
    engine.table("flips_0", _FLIPS)
    engine.table(
        "flip_events",
        'SELECT f.change, f.night, e.event, e.proof, e."by" FROM flips_0 AS f JOIN all_events AS e'
        " ON f.kind = 'state' AND e.night = f.night AND e.case_id = f.case_id AND e.episode = f.episode",
    )
    engine.table(
        "flips",
        "SELECT f.*, f.kind <> 'state' OR EXISTS (SELECT 1 FROM flip_events AS e WHERE e.change = f.change"
        f" AND e.night = f.night AND e.event IN ({_BY_EVIDENCE})) AS by_evidence FROM flips_0 AS f",
    )
    engine.drop("flips_0")
    found = engine.fetch("SELECT * FROM changes ORDER BY change")
    return found.select(CHANGES.names).cast(CHANGES)
