"""Objections of a person: each opens a case, or joins that of its account (SPEC 8.1, 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# The tier of a case without a rule.
TIER = "objection"

# Objections that no case has yet, and those whose account was not known. An account is known when some code of its
# lineage has a row.
_LOOKED_AT = """
    SELECT o.objection_no, o.id_norm, o.received_on, m.case_id, m.episode,
        o.provider_code AS given_provider, o.account_code AS given_code,
        COALESCE(l.head_provider, o.provider_code) AS provider_code,
        COALESCE(l.head_code, o.account_code) AS account_code
    FROM standing_objections AS o
    LEFT JOIN standing_case_objections AS m ON m.objection_no = o.objection_no
    LEFT JOIN lineage AS l ON l.provider_code = o.provider_code AND l.account_code = o.account_code
    WHERE m.objection_no IS NULL OR m.account_code IS NULL
"""
_KNOWN_CODES = """
    SELECT DISTINCT o.provider_code, o.account_code FROM standing_accounts AS a JOIN (
        SELECT given_provider, given_code, provider_code, account_code FROM objections_looked_at
        UNION
        SELECT l.provider_code, l.account_code, o.provider_code, o.account_code FROM objections_looked_at AS o
        JOIN lineage AS l ON l.head_provider = o.provider_code AND l.head_code = o.account_code
    ) AS o ON o.given_provider = a.provider_code AND o.given_code = a.account_code
"""
_OBJECTED = """
    SELECT o.objection_no, o.id_norm, o.received_on, o.case_id, o.episode, o.provider_code,
        CASE WHEN k.account_code IS NOT NULL THEN o.account_code END AS account_code,
        CASE WHEN k.account_code IS NOT NULL THEN 'account:' || o.account_code
            ELSE 'objection:' || o.objection_no END AS subject,
        o.case_id IS NULL AS is_new
    FROM objections_looked_at AS o
    LEFT JOIN objected_codes AS k ON k.provider_code = o.provider_code AND k.account_code = o.account_code
"""


def resolve_objections(engine: Engine) -> None:
    """Make ``objected``: one row per objection that is new tonight, or whose account was not known until now.

    Reads ``standing_objections``, ``standing_case_objections``, ``standing_accounts``, ``lineage``.
    Columns: objection_no, id_norm, received_on, case_id and episode (NULL: new), provider_code, account_code (newest
    code of the lineage; NULL: the account is not known), subject, is_new.
    """
    engine.table("objections_looked_at", _LOOKED_AT)
    if engine.fetch("SELECT count(*) AS n FROM objections_looked_at WHERE given_code IS NOT NULL")["n"][0].as_py():
        engine.table("objected_codes", _KNOWN_CODES)
    else:
        engine.table(
            "objected_codes",
            "SELECT given_provider AS provider_code, given_code AS account_code FROM objections_looked_at WHERE 1 = 0",
        )
    engine.table("objected", _OBJECTED)
    engine.drop("objections_looked_at", "objected_codes")


def objection_rows(engine: Engine, keys: Keyring) -> None:
    """Make ``objection_cases``: what a case is that has an objection and no finding, one row per subject.

    Reads ``objected``, ``known_cases`` and ``standing_case_objections``. The columns are those of ``finding_cases``.
    """
    engine.table(
        "objection_subjects",
        """
        SELECT provider_code, subject, max(account_code) AS account_code, min(id_norm) AS id_norm,
            string_agg(objection_no, ', ' ORDER BY objection_no) AS numbers
        FROM (
            SELECT provider_code, subject, account_code, id_norm, objection_no FROM objected WHERE is_new
            UNION
            SELECT k.provider_code, k.subject, k.account_code, m.id_norm, m.objection_no
            FROM standing_case_objections AS m
            JOIN known_cases AS k ON k.case_id = m.case_id AND k.episode = m.episode
            WHERE k.place = 1 OR k.joined_to IS NOT NULL
        ) AS whole
        GROUP BY provider_code, subject
        """,
    )
    people = engine.fetch("SELECT DISTINCT id_norm FROM objection_subjects WHERE id_norm IS NOT NULL ORDER BY id_norm")
    tokens = keys.tokens("person", people["id_norm"].to_pylist())
    engine.load("objectors", people.append_column("person_token", pa.array(tokens, type=pa.string())))
    engine.table(
        "objection_cases",
        f"""
        SELECT o.provider_code, o.account_code, o.subject, t.person_token, '{TIER}' AS tier,
            CAST(NULL AS VARCHAR) AS verdict, CAST(NULL AS VARCHAR) AS notice_source,
            CAST(NULL AS TIMESTAMP) AS reported_from, CAST(NULL AS TIMESTAMP) AS reported_to,
            CAST(NULL AS TIMESTAMP) AS moment_from,
            '{TIER}' AS fingerprint, 'objection ' || o.numbers AS reasons, FALSE AS is_quiet, FALSE AS is_data_quality,
            'not_applicable' AS knowable, 'not_applicable' AS duty, CAST(NULL AS VARCHAR) AS duty_source,
            'not_applicable' AS performed, 'not_applicable' AS fault, CAST(NULL AS VARCHAR) AS ask_for, o.id_norm
        FROM objection_subjects AS o LEFT JOIN objectors AS t ON t.id_norm = o.id_norm
        """,
    )
    engine.drop("objectors")
