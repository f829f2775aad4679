"""What stands tonight on each subject: its findings, strongest first, or the objection alone (SPEC 6, 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.cases.known import CORRECTING_LIST, UNANSWERED_LIST
from creditaudit.cases.objected import TIER, objection_rows

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# Priority of an objection without a finding: a person says that the record is wrong, and a legal clock runs. Above
# every lead of the formula (docs/scoring.md).
LONE_OBJECTION = 0.6

# What a finding says, whatever code the account goes by: a rename is no new evidence, and must wake no case (SPEC 8.1).
_SAYS = ("rule_id", "verdict", "notice_source", "notice_id", "relation", "evidence")
_SECONDS = ("moment_from", "moment_to", "reported_from", "reported_to")
_SAID = ", ".join(f"COALESCE(CAST(f.{name} AS VARCHAR), chr(0))" for name in (*_SAYS, *_SECONDS))
FINGERPRINT = f"sha256(concat_ws(chr(31), {_SAID}))"

# R109 tells its chain by the newest code of each account. What a later rename leaves as it is: the oldest code.
_STEADY = """(
    SELECT f.* REPLACE (COALESCE(t.told, f.evidence) AS evidence) FROM {findings} AS f LEFT JOIN (
        SELECT s.evidence, replace(s.evidence, s.chain, string_agg(COALESCE(o.oldest, s.code), '>' ORDER BY s.place))
            AS told
        FROM (
            SELECT evidence, chain, unnest(codes) AS code, unnest(range(len(codes))) AS place FROM (
                SELECT evidence, chain, string_split(chain, '>') AS codes FROM (
                    SELECT DISTINCT evidence, json_extract_string(evidence, '$.chain') AS chain
                    FROM {findings} WHERE rule_id = 'R109') AS r
            ) AS chains
        ) AS s
        LEFT JOIN (
            SELECT provider_code || '/' || account_code AS code,
                first_value(provider_code || '/' || account_code) OVER (PARTITION BY head_provider, head_code
                    ORDER BY steps DESC, provider_code, account_code) AS oldest
            FROM lineage
        ) AS o ON o.code = s.code
        GROUP BY s.evidence, s.chain
    ) AS t ON t.evidence = f.evidence AND f.rule_id = 'R109'
)"""


def steady(findings: str) -> str:
    """Select a relation of findings whose ``FINGERPRINT`` no rename changes: chains by the oldest codes.

    Reads ``lineage``. A chain that leads to another account says another thing.
    """
    return _STEADY.format(findings=findings)


# Those of cases that rest say what they said.
_MOVING = """
    SELECT f.* FROM findings AS f WHERE NOT EXISTS (SELECT 1 FROM resting_cases AS r
        WHERE r.provider_code = f.provider_code AND r.subject = f.subject)
"""

# One row per subject with standing findings: its strongest finding, the fingerprint of all, and what it rests on.
_FINDINGS = f"""
    WITH ranked AS (
        SELECT f.* EXCLUDE (fingerprint), s.place, {FINGERPRINT} AS fingerprint,
        row_number() OVER (
            PARTITION BY f.provider_code, f.subject
            ORDER BY s.place, f.notice_source NULLS FIRST, f.notice_id NULLS FIRST, f.rule_id
        ) AS rank
        FROM {steady("moving_findings")} AS f JOIN strengths AS s ON s.rule_id = f.rule_id AND s.verdict = f.verdict
    ), whole AS (
        SELECT provider_code, subject,
            sha256(string_agg(fingerprint, ';' ORDER BY fingerprint)) AS fingerprint,
            string_agg(rule_id || ' ' || verdict
                || CASE WHEN notice_id IS NULL THEN '' ELSE ' (' || notice_source || ' ' || notice_id || ')' END, '; '
                ORDER BY place, notice_source, notice_id, rule_id) AS reasons,
            bool_and(rule_id = 'R103') AS is_quiet, bool_and(rule_id IN ('R301', 'R302')) AS is_data_quality
        FROM ranked GROUP BY provider_code, subject
    )
    SELECT r.provider_code, r.account_code, r.subject, r.person_token, r.rule_id AS tier, r.verdict,
        r.notice_source, r.reported_from, r.reported_to, r.moment_from, w.fingerprint, w.reasons,
        w.is_quiet, w.is_data_quality,
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

# An objection stands on its own where no finding does: a new one always, an old one until its case is answered. Beside
# findings it is told in the reasons, and the case is no matter of data quality alone.
_STANDING = """
    SELECT f.* EXCLUDE (reasons, is_quiet, is_data_quality),
        f.reasons || COALESCE('; objection ' || o.numbers, '') || COALESCE('; ' || p.terms, '') AS reasons,
        p.priority,
        f.is_quiet AND o.numbers IS NULL AS is_quiet, f.is_data_quality AND o.numbers IS NULL AS is_data_quality,
        TRUE AS has_findings, CAST(NULL AS VARCHAR) AS objector
    FROM finding_cases AS f
    LEFT JOIN objection_subjects AS o ON o.provider_code = f.provider_code AND o.subject = f.subject
    LEFT JOIN scores AS p ON p.provider_code = f.provider_code AND p.subject = f.subject
    UNION ALL BY NAME
    SELECT o.* EXCLUDE (id_norm), CAST({lone_objection} AS DOUBLE) AS priority, FALSE AS has_findings,
        o.id_norm AS objector
    FROM objection_cases AS o
    WHERE NOT EXISTS (SELECT 1 FROM finding_cases AS f
            WHERE f.provider_code = o.provider_code AND f.subject = o.subject)
        AND (EXISTS (SELECT 1 FROM objected AS n
                WHERE n.is_new AND n.provider_code = o.provider_code AND n.subject = o.subject)
            OR EXISTS (SELECT 1 FROM known_cases AS k WHERE k.place = 1
                AND k.provider_code = o.provider_code AND k.subject = o.subject
                AND (k.state IN ({unanswered}) OR (k.tier = '{objection}' AND k.state IN ({correcting})))))
"""


def stand(engine: Engine, keys: Keyring) -> None:
    """Make ``standing_cases``: one row per subject with a finding or an objection tonight, whose case does not rest.

    Reads ``findings``, ``scores``, ``strengths``, ``case_faults``, ``carried_subjects``, ``known_cases``,
    ``resting_cases``, ``objected`` and ``standing_case_objections``.
    """
    engine.table("standing_faults", _FAULTS)
    engine.table("moving_findings", _MOVING)
    engine.table("finding_cases", _FINDINGS)
    objection_rows(engine, keys)
    standing = _STANDING.format(
        unanswered=UNANSWERED_LIST, correcting=CORRECTING_LIST, objection=TIER, lone_objection=LONE_OBJECTION
    )
    engine.table("standing_cases", standing)
    engine.drop("finding_cases", "moving_findings", "objection_cases")
