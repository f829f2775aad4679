"""Tonight's row of every case: whose it is, who gets it, what could not be seen, what is due (SPEC 8.1, 8.4, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.addressed import addressed
from creditaudit.cases.clocks import holder_sql, overdue_sql
from creditaudit.cases.known import OPEN_LIST
from creditaudit.cases.resting import resting_rows

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine

# Whose each case is: of those judged tonight as their rows say, of the others as it is remembered. An objection's
# account is looked up each night: no rule may have asked for it.
_SUBJECTS = """
    SELECT n.provider_code, n.subject, COALESCE(r.id_norm, i.id_norm) AS id_norm, r.account_type,
        r.region_code, r.opened_from, r.opened_to
    FROM case_now AS n
    LEFT JOIN judged_rows AS r ON r.provider_code = n.provider_code AND r.account_code = n.account_code
    LEFT JOIN judged_inquiries AS i ON i.provider_code = n.provider_code AND 'inquiry:' || i.inquiry_id = n.subject
    WHERE n.is_current AND NOT n.is_superseded AND n.has_findings AND NOT EXISTS (SELECT 1 FROM carried_subjects AS c
        WHERE c.provider_code = n.provider_code AND c.subject = n.subject)
    UNION ALL
    SELECT s.provider_code, s.subject, s.id_norm, s.account_type, s.region_code, s.opened_from, s.opened_to
    FROM standing_case_subjects AS s
    JOIN carried_subjects AS c ON c.provider_code = s.provider_code AND c.subject = s.subject
    WHERE NOT EXISTS (SELECT 1 FROM resting_cases AS r
        WHERE r.provider_code = s.provider_code AND r.subject = s.subject)
    UNION ALL
    SELECT n.provider_code, n.subject, COALESCE(a.id_norm, s.objector) AS id_norm, a.account_type,
        a.region_code, CAST(epoch_second(a.opened_from) AS BIGINT), CAST(epoch_second(a.opened_to) AS BIGINT)
    FROM case_now AS n
    JOIN standing_cases AS s ON s.provider_code = n.provider_code AND s.subject = n.subject AND NOT s.has_findings
    LEFT JOIN objected_rows AS a ON a.provider_code = n.provider_code AND a.account_code = n.account_code
    WHERE n.is_current AND NOT n.is_superseded AND n.is_standing
    UNION ALL
    SELECT n.provider_code, n.subject, k.id_norm, k.account_type, k.region_code, k.opened_from, k.opened_to
    FROM case_now AS n JOIN known_cases AS k ON k.case_id = CASE WHEN n.is_copy THEN n.follows ELSE n.case_id END
    WHERE n.is_current AND NOT n.is_superseded AND NOT n.is_standing
"""
_OBJECTED_ROWS = """
    SELECT a.provider_code, a.account_code, a.id_norm, a.account_type, a.region_code, a.opened_from, a.opened_to
    FROM standing_accounts AS a JOIN (
        SELECT DISTINCT provider_code, account_code FROM case_now
        WHERE is_current AND is_standing AND NOT has_findings AND account_code IS NOT NULL
    ) AS n ON n.provider_code = a.provider_code AND n.account_code = a.account_code
"""

# What could not be seen, and which of tonight's feeds a case rests on.
_NOTES = """
    WITH spots AS (
        SELECT n.case_id, n.episode, 'opening_changed' AS spot FROM case_now AS n JOIN opening_changed AS o
            ON o.provider_code = n.provider_code AND o.account_code = n.account_code
        WHERE n.has_findings
        UNION
        SELECT n.case_id, n.episode, 'quarantined_rows:' || q.feed AS spot FROM case_now AS n
            JOIN case_subjects AS r ON r.provider_code = n.provider_code AND r.subject = n.subject
            JOIN standing_quarantined_numbers AS q ON q.id_norm = r.id_norm
        WHERE n.is_standing
    ), rests AS (
        SELECT f.provider_code, f.subject, f.notice_source AS feed FROM findings AS f WHERE f.notice_source IS NOT NULL
        UNION SELECT f.provider_code, f.subject, r.feed FROM findings AS f JOIN rule_feeds AS r ON r.rule_id = f.rule_id
        UNION SELECT provider_code, subject, 'objections' AS feed FROM objection_subjects
    ), spotted AS (
        SELECT case_id, episode, string_agg(spot, ';' ORDER BY spot) AS spots FROM spots GROUP BY case_id, episode
    ), stale AS (
        SELECT r.provider_code, r.subject, string_agg(r.feed, ';' ORDER BY r.feed) AS stale_inputs
        FROM rests AS r JOIN stale_feeds AS t ON t.feed = r.feed GROUP BY r.provider_code, r.subject
    )
    SELECT n.case_id, n.episode,
        CASE WHEN n.is_standing AND (c.subject IS NULL OR NOT n.has_findings) THEN s.spots ELSE k.spots END AS spots,
        CASE WHEN n.is_standing THEN t.stale_inputs ELSE k.stale_inputs END AS stale_inputs
    FROM case_now AS n
    LEFT JOIN carried_subjects AS c ON c.provider_code = n.provider_code AND c.subject = n.subject
    LEFT JOIN known_cases AS k ON k.case_id = CASE WHEN n.is_copy THEN n.follows ELSE n.case_id END
    LEFT JOIN spotted AS s ON s.case_id = n.case_id AND s.episode = n.episode
    LEFT JOIN stale AS t ON t.provider_code = n.provider_code AND t.subject = n.subject
"""

# Cases that are anybody's matter tonight, and where each belongs.
_PLACED = """(
    SELECT n.case_id, n.provider_code, r.region_code
    FROM case_now AS n
    LEFT JOIN case_subjects AS r ON r.provider_code = n.provider_code AND r.subject = n.subject
    WHERE NOT n.is_quiet AND NOT n.is_superseded
    UNION ALL
    SELECT case_id, provider_code, region_code FROM resting_cases WHERE NOT is_quiet
)"""

# The state in which each case is sealed: a lead that a recipient's exceptions.csv has is sent.
_SENT = """
    SELECT n.*, CASE WHEN n.state = 'lead' AND NOT n.is_superseded AND NOT n.is_data_quality AND t.case_id IS NOT NULL
        THEN 'sent' ELSE n.state END AS sealed_state
    FROM case_now AS n LEFT JOIN (SELECT DISTINCT case_id FROM case_recipients) AS t ON t.case_id = n.case_id
"""

# An answer ends the clocks of the case and, where a correction is due, starts that of the correction; an objection
# starts the legal one, which no house target hides; else a case has the house's from the night on which it is sent.
# What is due again, since a file of its proof is recalled, is due when it was: the clock began with the answer.
_CLOCK_STARTS = """
    SELECT n.case_id, n.episode,
        CASE WHEN o.received_on IS NOT NULL THEN 'objection_answer'
            WHEN (a.to_state = 'correction_due' AND NOT n.is_wake) OR p.case_id IS NOT NULL THEN 'house_correction'
            ELSE 'house_answer' END AS clock_id,
        COALESCE(o.received_on, CASE WHEN p.case_id IS NOT NULL THEN k.taken_on END, DATE '{night}') AS starts_on
    FROM case_sent AS n
    LEFT JOIN answers_taken AS a ON a.case_id = n.case_id AND a.episode = n.episode
    LEFT JOIN known_cases AS k ON k.case_id = n.case_id AND k.episode = n.episode
    LEFT JOIN reopened_cases AS p
        ON p.case_id = n.case_id AND p.episode = n.episode AND n.sealed_state = 'correction_due'
    LEFT JOIN (
        SELECT provider_code, subject, min(received_on) AS received_on FROM (
            SELECT provider_code, subject, received_on FROM objected WHERE is_new
            UNION ALL  -- the legal clock of an episode that ends by waking runs on
            SELECT k.provider_code, k.subject, k.clock_from AS received_on FROM known_cases AS k
            JOIN moved_cases AS m ON m.case_id = k.case_id AND m.is_woken AND NOT m.is_answered
            WHERE k.clock_id = 'objection_answer'
            UNION ALL  -- and that of a case that joins another tonight runs on that one
            SELECT k.provider_code, k.subject, k.clock_from AS received_on FROM known_cases AS k
            WHERE k.joined_to IS NOT NULL AND k.clock_id = 'objection_answer'
                AND COALESCE(instr(k.held_by, 'joined:'), 0) = 0
        ) AS running GROUP BY provider_code, subject
    ) AS o ON n.is_current AND o.provider_code = n.provider_code AND o.subject = n.subject
        AND n.sealed_state IN ({open})
        AND NOT COALESCE(k.clock_id = 'objection_answer' AND k.clock_from <= o.received_on AND a.case_id IS NULL, FALSE)
    WHERE NOT n.is_superseded AND (
        (a.to_state = 'correction_due' AND n.sealed_state IN ('correction_due', 'correction_overdue'))
        OR p.case_id IS NOT NULL
        OR o.received_on IS NOT NULL
        OR (n.state = 'lead' AND n.sealed_state = 'sent'
            AND COALESCE(k.clock_id IS DISTINCT FROM 'objection_answer', TRUE))
    )
"""

_LIFE = """
    SELECT n.case_id, n.episode, n.is_superseded,
        CASE WHEN a.case_id IS NOT NULL THEN a.outcome ELSE k.outcome END AS outcome,
        CASE WHEN a.case_id IS NOT NULL THEN a.answered_on ELSE k.answered_on END AS answered_on,
        CASE WHEN a.case_id IS NOT NULL THEN DATE '{night}' ELSE k.taken_on END AS taken_on,
        CASE WHEN a.case_id IS NOT NULL THEN a.answered_by ELSE k.answered_by END AS answered_by,
        CASE WHEN a.case_id IS NOT NULL THEN a.by_kind ELSE k.by_kind END AS by_kind,
        CASE WHEN a.case_id IS NOT NULL THEN a.evidence_ref ELSE k.evidence_ref END AS evidence_ref,
        CASE WHEN d.case_id IS NOT NULL THEN d.clock_id WHEN goes_on THEN k.clock_id END AS clock_id,
        CASE WHEN d.case_id IS NOT NULL THEN d.clock_from WHEN goes_on THEN k.clock_from END AS clock_from,
        CASE WHEN d.case_id IS NOT NULL THEN d.due_on WHEN goes_on THEN k.due_on END AS due_on,
        CASE WHEN d.case_id IS NOT NULL THEN d.due_provisional WHEN goes_on THEN k.due_provisional
            END AS due_provisional,
        CASE WHEN d.case_id IS NOT NULL THEN d.due_kind WHEN goes_on THEN k.due_kind END AS due_kind,
        COALESCE(k.person, y.id_norm) AS id_norm,
        n.notice_source, n.reported_from, n.reported_to, n.moment_from, n.is_quiet, n.is_data_quality,
        n.held_by, s.spots,
        s.stale_inputs
    FROM (
        SELECT c.*, c.sealed_state IN ({open}) AND NOT c.is_superseded AND NOT EXISTS (
            SELECT 1 FROM answers_taken AS x WHERE x.case_id = c.case_id AND x.episode = c.episode
        ) AS goes_on FROM case_sent AS c
    ) AS n
    JOIN case_notes AS s ON s.case_id = n.case_id AND s.episode = n.episode
    LEFT JOIN answers_taken AS a ON a.case_id = n.case_id AND a.episode = n.episode
    LEFT JOIN known_cases AS k ON k.case_id = n.case_id AND k.episode = n.episode
    LEFT JOIN case_subjects AS y ON y.provider_code = n.provider_code AND y.subject = n.subject
    LEFT JOIN clock_dues AS d ON d.case_id = n.case_id AND d.episode = n.episode
"""

# change: new or changed cases go into exceptions.csv; the move from lead to sent is no change of its own. A case that
# woke is known to its recipients: it has changed.
_ROWS = """
    WITH whole AS (
        SELECT n.*, f.due_on, f.due_provisional, f.due_kind, f.spots, f.stale_inputs, r.residual, y.account_type,
            n.sealed_state IN ({open}) AND NOT n.is_superseded AS is_open,
            CASE WHEN k.priority IS NULL THEN d.case_id IS NOT NULL ELSE k.sampled END AS sampled,
            n.is_standing AND n.state_0 IS NOT NULL AND NOT n.is_wake
                AND n.fingerprint IS DISTINCT FROM n.fingerprint_0 AS has_new_evidence,
            n.is_standing AND n.state_0 IS NOT NULL AND NOT n.is_wake
                AND n.fault IS DISTINCT FROM n.fault_before AS has_new_fault,
            n.state IS DISTINCT FROM n.state_0 AND NOT n.is_new AND NOT n.is_wake AS has_moved,
            f.due_on IS DISTINCT FROM n.due_before AND n.state_0 IS NOT NULL AND NOT n.is_wake
                AND n.state = n.sealed_state AS has_new_due
        FROM case_sent AS n
        JOIN case_lives AS f ON f.case_id = n.case_id AND f.episode = n.episode
        LEFT JOIN case_subjects AS y ON y.provider_code = n.provider_code AND y.subject = n.subject
        LEFT JOIN residual_tonight AS r ON r.case_id = n.case_id AND n.sealed_state = 'correction_verified'
        LEFT JOIN known_cases AS k ON k.case_id = n.case_id AND k.episode = n.episode
        LEFT JOIN case_draws AS d ON d.case_id = n.case_id AND d.episode = n.episode
    ), told AS (
        SELECT *, has_new_evidence OR has_new_fault OR has_moved OR has_new_due AS is_changed FROM whole
    )
    SELECT DATE '{night}' AS night, case_id, CAST(episode AS INTEGER) AS episode, follows, provider_code,
        account_code, subject, person_token, tier, verdict, sealed_state AS state, state AS state_before, state_0,
        knowable, duty, duty_source, performed, fault, priority, reasons, sampled,
        first_seen, CASE WHEN is_changed THEN DATE '{night}' ELSE last_changed END AS last_changed,
        due_on, due_provisional, due_kind,
        CASE WHEN is_open THEN {holder} END AS holds_the_ball,
        ask_for,
        NULLIF(concat_ws(';', spots, held_by, CASE WHEN sealed_state IN ('correction_due', 'correction_overdue')
            THEN missing END, 'residual:' || residual), '') AS blind_spots,
        stale_inputs, fingerprint, notice_source, reported_from, reported_to, moment_from, account_type, is_quiet,
        is_data_quality, residual,
        CASE WHEN NOT is_open THEN NULL
            WHEN is_new OR (state = 'lead' AND NOT is_data_quality AND episode = 1) THEN 'new'
            WHEN is_changed OR is_wake OR (state = 'lead' AND NOT is_data_quality) THEN 'changed' END AS change,
        CASE WHEN is_open THEN {overdue} END AS overdue_kind,
        is_open, is_new, is_wake, is_superseded, is_current, is_changed, is_copy, has_new_evidence, has_new_fault,
        fault_before, fingerprint_0, held_by
    FROM told
"""


def write_rows(engine: Engine, night: date) -> None:
    """Make ``case_subjects``, ``case_notes``, ``case_recipients`` and ``case_sent``; clocks and rows come after."""
    tonight = night.isoformat()
    engine.table("objected_rows", _OBJECTED_ROWS)
    engine.table(
        "case_subjects",
        f"SELECT DISTINCT * FROM ({_SUBJECTS}) AS s UNION ALL SELECT provider_code, subject, id_norm, account_type,"
        " region_code, opened_from, opened_to FROM resting_cases",
    )
    engine.table("case_notes", _NOTES)
    engine.table("case_recipients", addressed(_PLACED, "case_id"))
    engine.table("case_sent", _SENT)
    engine.table("clock_starts", _CLOCK_STARTS.format(night=tonight, open=OPEN_LIST))
    engine.drop("objected_rows")


def finish_rows(engine: Engine, night: date) -> None:
    """Make ``case_lives`` (what each case goes by) and ``case_rows_base``: the published columns but the next step.

    Reads what :func:`write_rows` made, ``clock_dues``, ``answers_taken`` and ``residual_tonight``. ``case_lives`` has
    no row of a case that rests: it goes by what it went by.
    """
    tonight = night.isoformat()
    engine.table("case_lives", _LIFE.format(night=tonight, open=OPEN_LIST))
    late = overdue_sql("sealed_state", "due_on", "due_kind", f"DATE '{tonight}'")
    moved = _ROWS.format(night=tonight, open=OPEN_LIST, holder=holder_sql("sealed_state"), overdue=late)
    engine.table("case_rows_base", f"{moved} UNION ALL BY NAME {resting_rows(night)}")
