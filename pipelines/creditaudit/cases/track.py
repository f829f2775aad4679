"""Cases: one account lineage of one institution with all its findings, from night to night (SPEC 8.1, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.cases.strength import rule_feeds, strengths
from creditaudit.tables import CASE_EVENTS, CASES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a night made of its findings.

    Parameters
    ----------
    cases : pyarrow.Table
        Schema ``creditaudit.tables.CASES``, every case ever opened.
    events : pyarrow.Table
        Schema ``CASE_EVENTS``: every move of every case, tonight's and those before.
    opened : int
        Cases opened tonight.
    """

    cases: pa.Table
    events: pa.Table
    opened: int


def track(engine: Engine, night: date, keys: Keyring, stale_feeds: Sequence[str]) -> Tracked:
    """Open new cases, change known ones, send what a recipient gets.

    Reads ``findings``, ``case_faults``, ``carried_subjects`` (provider_code, subject: not judged tonight),
    ``judged_rows``, ``lineage``, ``opening_changed``, ``standing_quarantined_numbers``, ``previous_cases`` and
    ``previous_events`` (the last night's published tables), ``standing_case_memory``, ``standing_case_subjects``,
    ``institutions`` and ``recipients``.
    Makes ``case_rows`` (the published columns, and id_norm, change, fingerprint), ``case_subjects`` (the columns of the
    state's table but night, for every case with standing findings) and ``case_recipients`` (case_id, recipient).

    Parameters
    ----------
    engine : Engine
    night : date
    keys : Keyring
    stale_feeds : sequence of str
        Feeds that are missing or incomplete tonight.
    """
    engine.load("strengths", strengths())
    engine.load("rule_feeds", rule_feeds())
    engine.load("stale_feeds", pa.table({"feed": pa.array(sorted(stale_feeds), type=pa.string())}))
    engine.table("known_cases", _KNOWN)
    engine.table("standing_faults", _FAULTS)
    engine.table("standing_cases", _STANDING)
    _name_new_cases(engine, night, keys)
    engine.table("matched_cases", _MATCHED.format(night=night.isoformat()))
    engine.table("case_subjects", _SUBJECTS)
    engine.table("case_notes", _NOTES)
    engine.table("case_recipients", _RECIPIENTS.format(night=night.isoformat()))
    engine.table("case_rows", _ROWS.format(night=night.isoformat()))
    cases = engine.fetch(f"SELECT {', '.join(CASES.names)} FROM case_rows ORDER BY {', '.join(CASES.names)}")
    events = engine.fetch(_EVENTS.format(night=night.isoformat()))
    opened = engine.fetch("SELECT count(*) AS n FROM matched_cases WHERE is_new")["n"][0].as_py()
    return Tracked(cases.cast(CASES), events.select(CASE_EVENTS.names).cast(CASE_EVENTS), int(opened))


def _name_new_cases(engine: Engine, night: date, keys: Keyring) -> None:
    """Give every case that no earlier night knows its case_id: made once, and stored."""
    fresh = engine.fetch(
        "SELECT s.provider_code, s.subject FROM standing_cases AS s WHERE NOT EXISTS (SELECT 1 FROM known_cases AS k"
        " WHERE k.provider_code = s.provider_code AND k.subject = s.subject) ORDER BY s.provider_code, s.subject"
    )
    named = [
        "\x1f".join((provider, subject, night.isoformat()))
        for provider, subject in zip(fresh["provider_code"].to_pylist(), fresh["subject"].to_pylist(), strict=True)
    ]
    tokens = [f"CA-{token}" for token in keys.tokens("case", named, length=24)]
    engine.load("new_case_ids", fresh.append_column("case_id", pa.array(tokens, type=pa.string())))


# One row per subject with standing findings: its strongest finding, the fingerprint of all, and what it rests on.
_STANDING = """
    WITH ranked AS (
        SELECT f.*, s.place, row_number() OVER (
            PARTITION BY f.provider_code, f.subject
            ORDER BY s.place, f.notice_source NULLS FIRST, f.notice_id NULLS FIRST
        ) AS rank
        FROM findings AS f JOIN strengths AS s ON s.rule_id = f.rule_id AND s.verdict = f.verdict
    ), whole AS (
        SELECT provider_code, subject,
            sha256(string_agg(fingerprint, ';' ORDER BY fingerprint)) AS fingerprint,
            string_agg(rule_id || ' ' || verdict
                || CASE WHEN notice_id IS NULL THEN '' ELSE ' (' || notice_source || ' ' || notice_id || ')' END, '; '
                ORDER BY place, notice_source, notice_id) AS reasons,
            bool_and(rule_id = 'R103') AS is_quiet, bool_and(rule_id IN ('R301', 'R302')) AS is_data_quality
        FROM ranked GROUP BY provider_code, subject
    )
    SELECT r.provider_code, r.account_code, r.subject, r.person_token, r.rule_id AS tier, r.verdict,
        r.notice_source, r.reported_from, r.reported_to, w.fingerprint, w.reasons, w.is_quiet, w.is_data_quality,
        d.knowable, d.duty, d.duty_source, d.performed, d.fault, d.ask_for
    FROM ranked AS r JOIN whole AS w ON w.provider_code = r.provider_code AND w.subject = r.subject
    LEFT JOIN standing_faults AS d ON d.provider_code = r.provider_code AND d.subject = r.subject
    WHERE r.rank = 1
"""

# The fault of each case: decided tonight, or as it stands where nobody was judged.
_FAULTS = """
    SELECT provider_code, subject, knowable, duty, duty_source, performed, fault, ask_for FROM case_faults
    UNION ALL
    SELECT k.provider_code, k.subject, k.knowable, k.duty, k.duty_source, k.performed, k.fault, k.ask_for
    FROM known_cases AS k
    JOIN carried_subjects AS c ON c.provider_code = k.provider_code AND c.subject = k.subject
    WHERE k.place = 1
"""

# The last episode of every case, under the newest code of its lineage. Where a rename joins two accounts that both have
# a case, the older case goes on; the other keeps its last values.
_KNOWN = """
    SELECT * FROM (
        SELECT c.* EXCLUDE (provider_code, account_code, subject),
            COALESCE(l.head_provider, c.provider_code) AS provider_code,
            COALESCE(l.head_code, c.account_code) AS account_code,
            CASE WHEN l.head_code IS NULL THEN c.subject ELSE 'account:' || l.head_code END AS subject,
            m.fingerprint,
            row_number() OVER (
                PARTITION BY COALESCE(l.head_provider, c.provider_code),
                    CASE WHEN l.head_code IS NULL THEN c.subject ELSE 'account:' || l.head_code END
                ORDER BY c.first_seen, c.case_id
            ) AS place
        FROM previous_cases AS c
        LEFT JOIN lineage AS l ON l.provider_code = c.provider_code AND l.account_code = c.account_code
        LEFT JOIN standing_case_memory AS m ON m.case_id = c.case_id AND m.episode = c.episode
    ) AS placed
"""

# A fault can change without the evidence: time passes, the calendar of duties is mended. That is sent (SPEC 10.1), and
# wakes nothing (SPEC 8.1).
_MATCHED = """
    SELECT s.*, n.case_id, 1 AS episode, CAST(NULL AS VARCHAR) AS follows, 'lead' AS state,
        DATE '{night}' AS first_seen, DATE '{night}' AS last_changed, CAST(NULL AS VARCHAR) AS fault_before,
        TRUE AS is_new, FALSE AS has_new_evidence, FALSE AS has_new_fault, FALSE AS is_changed
    FROM standing_cases AS s JOIN new_case_ids AS n ON n.provider_code = s.provider_code AND n.subject = s.subject
    UNION ALL
    SELECT s.*, k.case_id, k.episode, k.follows, k.state, k.first_seen,
        CASE WHEN k.fingerprint IS DISTINCT FROM s.fingerprint OR k.fault IS DISTINCT FROM s.fault
            THEN DATE '{night}' ELSE k.last_changed END AS last_changed,
        k.fault AS fault_before, FALSE AS is_new, k.fingerprint IS DISTINCT FROM s.fingerprint AS has_new_evidence,
        k.fault IS DISTINCT FROM s.fault AS has_new_fault,
        k.fingerprint IS DISTINCT FROM s.fingerprint OR k.fault IS DISTINCT FROM s.fault AS is_changed
    FROM standing_cases AS s
    JOIN known_cases AS k ON k.provider_code = s.provider_code AND k.subject = s.subject AND k.place = 1
"""

# Whose each case is: of those judged tonight as their rows say, of the others as it is remembered.
_SUBJECTS = """
    SELECT m.provider_code, m.subject, COALESCE(r.id_norm, i.id_norm) AS id_norm, r.account_type,
        r.region_code, r.opened_from, r.opened_to
    FROM matched_cases AS m
    LEFT JOIN judged_rows AS r ON r.provider_code = m.provider_code AND r.account_code = m.account_code
    LEFT JOIN judged_inquiries AS i ON i.provider_code = m.provider_code AND 'inquiry:' || i.inquiry_id = m.subject
    WHERE NOT EXISTS (SELECT 1 FROM carried_subjects AS c
        WHERE c.provider_code = m.provider_code AND c.subject = m.subject)
    UNION ALL
    SELECT s.provider_code, s.subject, s.id_norm, s.account_type, s.region_code, s.opened_from, s.opened_to
    FROM standing_case_subjects AS s
    JOIN carried_subjects AS c ON c.provider_code = s.provider_code AND c.subject = s.subject
"""

# What could not be seen, and which of tonight's feeds a case rests on.
_NOTES = """
    WITH spots AS (
        SELECT m.case_id, 'opening_changed' AS spot FROM matched_cases AS m JOIN opening_changed AS o
            ON o.provider_code = m.provider_code AND o.account_code = m.account_code
        UNION
        SELECT m.case_id, 'quarantined_rows:' || q.feed AS spot FROM matched_cases AS m
            JOIN case_subjects AS r ON r.provider_code = m.provider_code AND r.subject = m.subject
            JOIN standing_quarantined_numbers AS q ON q.id_norm = r.id_norm
    ), rests AS (
        SELECT f.provider_code, f.subject, f.notice_source AS feed FROM findings AS f WHERE f.notice_source IS NOT NULL
        UNION SELECT f.provider_code, f.subject, r.feed FROM findings AS f JOIN rule_feeds AS r ON r.rule_id = f.rule_id
    )
    SELECT m.case_id,
        CASE WHEN c.subject IS NOT NULL THEN k.blind_spots
            ELSE (SELECT string_agg(s.spot, ';' ORDER BY s.spot) FROM spots AS s WHERE s.case_id = m.case_id)
        END AS blind_spots,
        (SELECT string_agg(r.feed, ';' ORDER BY r.feed) FROM rests AS r JOIN stale_feeds AS t ON t.feed = r.feed
            WHERE r.provider_code = m.provider_code AND r.subject = m.subject) AS stale_inputs
    FROM matched_cases AS m
    LEFT JOIN carried_subjects AS c ON c.provider_code = m.provider_code AND c.subject = m.subject
    LEFT JOIN known_cases AS k ON k.case_id = m.case_id AND k.episode = m.episode
"""

# An institution gets its own cases, a liaison those of its region: the account's, else its institution's.
_RECIPIENTS = """
    WITH regions AS (
        SELECT provider_code, region_code, row_number() OVER (
            PARTITION BY provider_code ORDER BY valid_from DESC NULLS LAST, row DESC
        ) AS place
        FROM institutions
        WHERE COALESCE(valid_from <= DATE '{night}', TRUE) AND COALESCE(valid_to >= DATE '{night}', TRUE)
    )
    SELECT m.case_id, t.recipient
    FROM matched_cases AS m
    LEFT JOIN case_subjects AS r ON r.provider_code = m.provider_code AND r.subject = m.subject
    LEFT JOIN regions AS g ON g.provider_code = m.provider_code AND g.place = 1
    JOIN recipients AS t ON (t.kind = 'institution' AND t.provider_code = m.provider_code)
        OR (t.kind = 'pboc_liaison'
            AND (t.region_prefix IS NULL OR t.region_prefix = '*'
                OR starts_with(COALESCE(r.region_code, g.region_code), t.region_prefix)))
    WHERE NOT m.is_quiet
"""

# change: new or changed cases go into exceptions.csv; the move from lead to sent is no change of its own.
_ROWS = """
    WITH sent AS (SELECT DISTINCT case_id FROM case_recipients)
    SELECT DATE '{night}' AS night, m.case_id, CAST(m.episode AS INTEGER) AS episode, m.follows, m.provider_code,
        m.account_code, m.subject, m.person_token, m.tier, m.verdict,
        CASE WHEN m.state = 'lead' AND t.case_id IS NOT NULL AND NOT m.is_data_quality THEN 'sent' ELSE m.state
            END AS state,
        m.state AS state_before,
        m.knowable, m.duty, m.duty_source, m.performed, m.fault,
        CAST(NULL AS DOUBLE) AS priority, m.reasons, FALSE AS sampled, m.first_seen, m.last_changed,
        CAST(NULL AS DATE) AS due_on, CAST(NULL AS BOOLEAN) AS due_provisional,
        CAST(NULL AS VARCHAR) AS holds_the_ball, CAST(NULL AS VARCHAR) AS next_step, m.ask_for,
        n.blind_spots, n.stale_inputs, m.fingerprint,
        CASE WHEN m.is_new OR (m.state = 'lead' AND NOT m.is_data_quality) THEN 'new'
            WHEN m.is_changed THEN 'changed' END AS change,
        m.is_new, m.is_changed, m.has_new_evidence, m.has_new_fault, m.fault_before, m.is_quiet, m.is_data_quality,
        m.notice_source, m.reported_from, m.reported_to
    FROM matched_cases AS m JOIN case_notes AS n ON n.case_id = m.case_id LEFT JOIN sent AS t ON t.case_id = m.case_id
    UNION ALL BY NAME
    SELECT k.* EXCLUDE (night, place), DATE '{night}' AS night, k.state AS state_before,
        CAST(NULL AS VARCHAR) AS change, FALSE AS is_new, FALSE AS is_changed, FALSE AS has_new_evidence,
        FALSE AS has_new_fault
    FROM known_cases AS k WHERE NOT EXISTS (SELECT 1 FROM matched_cases AS m WHERE m.case_id = k.case_id)
"""

_EVENTS = """
    SELECT DATE '{night}' AS night, case_id, episode, 'opened' AS event, CAST(NULL AS VARCHAR) AS from_state,
        'lead' AS to_state, 'findings:' || fingerprint AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE is_new
    UNION ALL
    SELECT DATE '{night}' AS night, case_id, episode, 'evidence_changed' AS event, state_before AS from_state,
        state_before AS to_state, 'findings:' || fingerprint AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE has_new_evidence
    UNION ALL
    SELECT DATE '{night}' AS night, case_id, episode, 'fault_changed' AS event, state_before AS from_state,
        state_before AS to_state, 'fault:' || fault_before || '>' || fault AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE has_new_fault
    UNION ALL
    SELECT DATE '{night}' AS night, case_id, episode, 'sent' AS event, state_before AS from_state,
        state AS to_state, 'exceptions.csv' AS proof, CAST(NULL AS VARCHAR) AS by
    FROM case_rows WHERE state_before = 'lead' AND state = 'sent'
    UNION ALL
    SELECT * FROM previous_events
    ORDER BY night, case_id, episode, event
"""


def case_memory(engine: Engine, night: date) -> pa.Table:
    """Return what tonight's new and changed cases must remember (schema ``CASE_MEMORY`` of the book's state)."""
    return engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, case_id, episode, fingerprint FROM case_rows"
        " WHERE is_new OR has_new_evidence ORDER BY case_id, episode"
    )


def subjects_changed(engine: Engine, night: date) -> pa.Table:
    """Return the rows of ``case_subjects`` that say something new (schema ``CASE_SUBJECTS`` of the book's state)."""
    columns = ("id_norm", "account_type", "region_code", "opened_from", "opened_to")
    same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM c.{name}" for name in columns)
    return engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, c.* FROM case_subjects AS c"
        " WHERE NOT EXISTS (SELECT 1 FROM standing_case_subjects AS s"
        f" WHERE s.provider_code = c.provider_code AND s.subject = c.subject AND {same})"
        " ORDER BY c.provider_code, c.subject"
    )
