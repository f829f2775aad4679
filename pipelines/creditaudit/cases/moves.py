"""The state machine: how each case moves tonight, and by what proof (SPEC 8.1).

In this order: what came back after a proof; an answer; a proof of correction, or one that is recalled; a due date that
has passed; findings that
fell; evidence or an objection that wakes. New cases begin where a subject has none that can go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from creditaudit.book.token_columns import token_column
from creditaudit.cases.fallen import WEAK
from creditaudit.cases.known import CORRECTING_LIST, OPEN_LIST, UNANSWERED_LIST
from creditaudit.cases.objected import TIER as OBJECTION

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# What is said of a case whose account was renamed into another's.
RENAMED = "provider_changed:account_code"

# What the memory of a withdrawn case holds: any finding is new evidence to it.
NOTHING = "nothing"

# What is said of a case that its evidence decides; the rest is its own history.
EVIDENCE = (
    "person_token",
    "tier",
    "verdict",
    "notice_source",
    "reported_from",
    "reported_to",
    "moment_from",
    "reasons",
    "priority",
    "is_quiet",
    "is_data_quality",
    "knowable",
    "duty",
    "duty_source",
    "performed",
    "fault",
    "ask_for",
)

# One row per known case. state_0: last night's; state_1: after what happened to the case; state_2: after what happened
# to its findings. is_standing: tonight's evidence is this episode's. held_own: what holds the case since findings
# of it fell, or it joined another; held_apart: what did before it joined. A hold goes when findings stand again where
# none stood last night.
_MOVED = f"""
    WITH stood AS (
        SELECT DISTINCT provider_code, subject FROM previous_findings WHERE rule_id NOT IN ({WEAK})
    ), happened AS (
        SELECT k.case_id, k.episode, k.provider_code, k.subject, k.place, k.state AS state_0,
            k.fingerprint AS fingerprint_0, k.held_by AS held_0, k.due_on, k.tier, k.joined_to,
            NULLIF(trim(regexp_replace(k.held_by, 'joined:[^;]*;?', ''), ';'), '') AS held_own,
            NULLIF(trim(regexp_replace(k.held_by, 'joined:.*', ''), ';'), '') AS held_apart,
            l.subject IS NOT NULL AND COALESCE(instr(k.held_by, 'joined:'), 0) = 0 AS has_stood,
            s.subject IS NOT NULL AS has_subject, COALESCE(s.has_findings, FALSE) AS has_findings,
            COALESCE(s.is_quiet OR s.is_data_quality, FALSE) AS is_weak,
            s.fingerprint AS fingerprint_now, k.is_remembered,
            r.how, a.case_id IS NOT NULL AS is_answered, p.proof, p.missing,
            COALESCE(p.has_other_evidence, FALSE) AS has_other_evidence, c.held_by AS own_changes,
            COALESCE(t.cause, CASE WHEN k.case_id IN (SELECT case_id FROM recalled_objections)
                THEN 'recalled_file' END) AS cause,
            o.proof AS reopened_by,
            n.numbers AS new_objections, n.received_on,
            k.place = 1 AND EXISTS (SELECT 1 FROM returned_cases AS b WHERE b.case_id <> k.case_id
                AND b.provider_code = k.provider_code AND b.subject = k.subject) AS is_returned_to,
            CASE WHEN r.case_id IS NOT NULL THEN 'reappeared'
                WHEN a.case_id IS NOT NULL THEN a.to_state
                WHEN p.is_proven AND (o.case_id IS NOT NULL OR k.state IN ({CORRECTING_LIST}))
                    THEN 'correction_verified'
                WHEN o.case_id IS NOT NULL THEN 'correction_due'
                WHEN k.state = 'correction_due' AND k.due_on < DATE '{{night}}' THEN 'correction_overdue'
                ELSE k.state END AS state_1
        FROM known_cases AS k
        LEFT JOIN standing_cases AS s
            ON k.place = 1 AND s.provider_code = k.provider_code AND s.subject = k.subject
        LEFT JOIN stood AS l ON l.provider_code = k.old_provider AND l.subject = k.old_subject
        LEFT JOIN returns_tonight AS r ON r.case_id = k.case_id AND k.state = 'correction_verified'
        LEFT JOIN reopened_cases AS o ON o.case_id = k.case_id AND o.episode = k.episode
        LEFT JOIN answers_taken AS a ON a.case_id = k.case_id AND a.episode = k.episode
        LEFT JOIN proofs_tonight AS p ON p.case_id = k.case_id AND p.episode = k.episode
        LEFT JOIN own_changes AS c ON c.case_id = k.case_id
        LEFT JOIN fallen_causes AS t ON t.case_id = k.case_id
        LEFT JOIN (
            SELECT provider_code, subject, min(received_on) AS received_on,
                string_agg(objection_no, ', ' ORDER BY objection_no) AS numbers
            FROM objected WHERE is_new GROUP BY provider_code, subject
        ) AS n ON k.place = 1 AND n.provider_code = k.provider_code AND n.subject = k.subject
    ), fallen AS (
        SELECT *,
            CASE WHEN state_1 IN ({UNANSWERED_LIST}) AND place = 1 AND is_remembered AND NOT has_subject
                AND held_own IS NULL AND own_changes IS NULL THEN 'withdrawn' ELSE state_1 END AS state_2,
            CASE WHEN joined_to IS NOT NULL THEN concat_ws(';', held_apart, 'joined:' || joined_to,
                    CASE WHEN tier <> '{OBJECTION}' AND COALESCE(instr(held_apart, '{RENAMED}'), 0) = 0
                        THEN '{RENAMED}' END)
                WHEN has_findings AND NOT is_weak AND NOT has_stood THEN NULL
                ELSE COALESCE(own_changes, held_own) END AS held_by
        FROM happened
    ), together AS (  -- what a registry takes from an account it takes from every case of it that was not held before
        SELECT f.* EXCLUDE (state_2, cause), COALESCE(m.state_2, f.state_2) AS state_2,
            COALESCE(m.cause, f.cause) AS cause
        FROM fallen AS f
        LEFT JOIN fallen AS m ON m.case_id = f.joined_to AND m.state_2 = 'withdrawn'
            AND f.state_1 IN ({UNANSWERED_LIST}) AND f.tier <> '{OBJECTION}' AND f.held_apart IS NULL
    ), woken AS (
        SELECT *,
            (state_2 IN ('holder_confirmed', 'withdrawn', 'undetermined') AND has_findings
                AND fingerprint_now IS DISTINCT FROM fingerprint_0)
            OR (state_2 IN ('holder_confirmed', 'withdrawn') AND new_objections IS NOT NULL) AS is_woken,
            -- on the night of its second proof for what the answer did not speak of, later for what changes
            state_2 = 'reappeared' OR (state_2 = 'correction_verified' AND place = 1 AND (
                new_objections IS NOT NULL OR CASE WHEN state_0 <> 'correction_verified' THEN has_other_evidence
                    ELSE has_findings AND fingerprint_now IS DISTINCT FROM fingerprint_0 END
            )) OR (is_returned_to AND state_2 NOT IN ({OPEN_LIST}) AND NOT is_woken) AS gives_way
        FROM together
    )
    SELECT *, has_subject AND (has_findings OR held_by IS NULL) AND NOT is_woken AND NOT gives_way AS is_standing
    FROM woken
"""

# What came back tonight, under the newest codes.
_RETURNED = """
    SELECT provider_code, 'account:' || account_code AS subject, account_code, min(case_id) AS case_id
    FROM (
        SELECT COALESCE(l.head_provider, r.provider_code) AS provider_code,
            COALESCE(l.head_code, r.account_code) AS account_code, r.case_id
        FROM returns_tonight AS r
        LEFT JOIN lineage AS l ON l.provider_code = r.provider_code AND l.account_code = r.account_code
    ) AS headed GROUP BY provider_code, account_code
"""

# A subject without a case, or whose case is closed and gives way: new evidence on an account whose record was corrected
# is another matter, and what came back after the proof says so in follows, whatever became of the account's own case.
_NEW = """
    SELECT s.provider_code, s.subject, s.account_code, COALESCE(r.case_id, m.case_id) AS follows, FALSE AS is_copy
    FROM standing_cases AS s
    LEFT JOIN moved_cases AS m ON m.place = 1 AND m.provider_code = s.provider_code AND m.subject = s.subject
    LEFT JOIN returned_cases AS r ON r.provider_code = s.provider_code AND r.subject = s.subject
    WHERE m.case_id IS NULL OR m.gives_way
    UNION ALL
    SELECT r.provider_code, r.subject, r.account_code, r.case_id AS follows, TRUE AS is_copy
    FROM returned_cases AS r
    WHERE NOT EXISTS (SELECT 1 FROM standing_cases AS s
            WHERE s.provider_code = r.provider_code AND s.subject = r.subject)
        AND NOT EXISTS (SELECT 1 FROM moved_cases AS m WHERE m.place = 1 AND NOT m.gives_way
            AND m.provider_code = r.provider_code AND m.subject = r.subject)
    ORDER BY provider_code, subject
"""

_NOW = """
    SELECT k.case_id, k.episode, COALESCE(k.follows, b.case_id) AS follows, k.provider_code, k.account_code, k.subject,
        {evidence},
        CASE WHEN m.is_standing THEN m.fingerprint_now WHEN m.state_2 = 'withdrawn' AND NOT m.is_woken THEN '{nothing}'
            ELSE m.fingerprint_0 END AS fingerprint,
        m.fingerprint_0, m.state_0, m.state_2 AS state, k.first_seen, k.last_changed, k.fault AS fault_before,
        FALSE AS is_new, FALSE AS is_wake, m.is_woken AS is_superseded, m.place = 1 AND NOT m.gives_way AS is_current,
        m.is_standing, m.is_standing AND m.has_findings AS has_findings, m.held_by, m.missing, FALSE AS is_copy,
        k.due_on AS due_before
    FROM known_cases AS k JOIN moved_cases AS m ON m.case_id = k.case_id
    LEFT JOIN standing_cases AS s ON m.is_standing AND s.provider_code = k.provider_code AND s.subject = k.subject
    LEFT JOIN returned_cases AS b  -- what comes back to an account with an open case is that case's matter
        ON m.place = 1 AND m.state_2 IN ({open}) AND b.provider_code = k.provider_code AND b.subject = k.subject
        AND b.case_id <> k.case_id
    UNION ALL BY NAME
    SELECT k.case_id, k.episode + 1 AS episode, COALESCE(k.follows, b.case_id) AS follows, k.provider_code,
        s.account_code, k.subject,
        {woken}, s.fingerprint, CAST(NULL AS VARCHAR) AS fingerprint_0, m.state_2 AS state_0, 'lead' AS state,
        DATE '{night}' AS first_seen, DATE '{night}' AS last_changed, CAST(NULL AS VARCHAR) AS fault_before,
        FALSE AS is_new, TRUE AS is_wake, FALSE AS is_superseded, TRUE AS is_current,
        TRUE AS is_standing, s.has_findings, m.held_by, CAST(NULL AS VARCHAR) AS missing,
        FALSE AS is_copy, CAST(NULL AS DATE) AS due_before
    FROM known_cases AS k JOIN moved_cases AS m ON m.case_id = k.case_id AND m.is_woken
    JOIN standing_cases AS s ON s.provider_code = k.provider_code AND s.subject = k.subject
    LEFT JOIN returned_cases AS b
        ON b.provider_code = k.provider_code AND b.subject = k.subject AND b.case_id <> k.case_id
    UNION ALL BY NAME
    SELECT n.case_id, 1 AS episode, n.follows, n.provider_code, n.account_code, n.subject,
        {fresh}, s.fingerprint, CAST(NULL AS VARCHAR) AS fingerprint_0, CAST(NULL AS VARCHAR) AS state_0,
        'lead' AS state,
        DATE '{night}' AS first_seen, DATE '{night}' AS last_changed, CAST(NULL AS VARCHAR) AS fault_before,
        TRUE AS is_new, FALSE AS is_wake, FALSE AS is_superseded, TRUE AS is_current,
        TRUE AS is_standing, s.has_findings, CAST(NULL AS VARCHAR) AS held_by, CAST(NULL AS VARCHAR) AS missing,
        FALSE AS is_copy, CAST(NULL AS DATE) AS due_before
    FROM new_cases AS n JOIN standing_cases AS s ON s.provider_code = n.provider_code AND s.subject = n.subject
    WHERE NOT n.is_copy
    UNION ALL BY NAME
    SELECT n.case_id, 1 AS episode, n.follows, n.provider_code, n.account_code, n.subject,
        {kept}, k.fingerprint, CAST(NULL AS VARCHAR) AS fingerprint_0, CAST(NULL AS VARCHAR) AS state_0,
        'lead' AS state,
        DATE '{night}' AS first_seen, DATE '{night}' AS last_changed, CAST(NULL AS VARCHAR) AS fault_before,
        TRUE AS is_new, FALSE AS is_wake, FALSE AS is_superseded, TRUE AS is_current,
        FALSE AS is_standing, FALSE AS has_findings, 'returned_without_finding' AS held_by,
        CAST(NULL AS VARCHAR) AS missing, TRUE AS is_copy, CAST(NULL AS DATE) AS due_before
    FROM new_cases AS n JOIN known_cases AS k ON k.case_id = n.follows
    WHERE n.is_copy
"""


def _flag(column: str) -> str:
    """Select a column of tonight's evidence; what an institution's own change has left is no mere matter of data."""
    if column in {"is_quiet", "is_data_quality"}:
        return f"(s.{column} AND m.held_by IS NULL)"
    return f"s.{column}"


def move(engine: Engine, night: date, keys: Keyring) -> None:
    """Make ``moved_cases`` (what happened to each known case) and ``case_now`` (what each is before it is sent).

    Reads ``known_cases``, ``standing_cases``, ``objected``, ``answers_taken``, ``proofs_tonight``, ``returns_tonight``,
    ``fallen_cases``, ``own_changes``, ``fallen_causes``, ``recalled_objections`` and ``reopened_cases``.

    ``case_now`` has one row per case and episode: the last one of every known case, the next one of those that woke,
    and the first one of new cases. state_0 is the state before tonight (NULL: the case is new), is_superseded marks an
    episode that another one follows from tonight on.
    """
    engine.table("returned_cases", _RETURNED)
    engine.table("moved_cases", _MOVED.format(night=night.isoformat()))
    fresh = engine.fetch(_NEW)
    named = pc.binary_join_element_wise(fresh["provider_code"], fresh["subject"], night.isoformat(), "\x1f")
    # Made once, and stored: a later key changes no case_id (SPEC 9).
    ids = pc.binary_join_element_wise("CA-", token_column(keys, "case", named, length=24), "")
    engine.load("new_cases", fresh.append_column("case_id", ids))
    engine.table(
        "case_now",
        _NOW.format(
            night=night.isoformat(),
            nothing=NOTHING,
            open=OPEN_LIST,
            evidence=", ".join(f"CASE WHEN m.is_standing THEN {_flag(c)} ELSE k.{c} END AS {c}" for c in EVIDENCE),
            woken=", ".join(f"{_flag(c)} AS {c}" for c in EVIDENCE),
            fresh=", ".join(f"s.{c}" for c in EVIDENCE),
            kept=", ".join(f"k.{c}" for c in EVIDENCE),
        ),
    )
