"""What findings rest on, as queries: whose rows each rule reads, and what each row is to a finding (SPEC 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

# In this order: findings, the codes of their accounts, what those lead to, whose they are.
STEPS: Final = {
    "found": """
        SELECT f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source, f.notice_id,
            c.case_id
        FROM sealed_findings AS f
        LEFT JOIN (
            SELECT provider_code, subject, case_id, row_number() OVER (
                PARTITION BY provider_code, subject ORDER BY episode DESC, case_id DESC
            ) AS age FROM sealed_cases
        ) AS c ON c.provider_code = f.provider_code AND c.subject = f.subject AND c.age = 1
    """,
    "own_codes": """
        SELECT h.provider_code, h.account_code, l.provider_code AS bank, l.account_code AS code
        FROM (SELECT DISTINCT provider_code, account_code FROM found WHERE account_code IS NOT NULL) AS h
        JOIN lineage AS l ON l.head_provider = h.provider_code AND l.head_code = h.account_code
        UNION
        SELECT DISTINCT provider_code, account_code, provider_code AS bank, account_code AS code
        FROM found WHERE account_code IS NOT NULL
    """,
    "account_links": """
        SELECT n.provider_code, n.account_code, n.is_debt,
            COALESCE(m.provider_code, n.to_provider) AS to_provider, COALESCE(m.account_code, n.to_code) AS to_code
        FROM (
            SELECT provider_code, account_code, TRUE AS is_debt,
                original_provider_code AS to_provider, original_account_code AS to_code
            FROM standing_accounts WHERE account_type = 'C1' AND original_account_code IS NOT NULL
            UNION ALL
            SELECT provider_code, account_code, FALSE AS is_debt,
                settlement_provider_code AS to_provider, settlement_account_code AS to_code
            FROM standing_accounts WHERE settlement_account_code IS NOT NULL
        ) AS n
        LEFT JOIN lineage AS l ON l.provider_code = n.to_provider AND l.account_code = n.to_code
        LEFT JOIN lineage AS m ON m.head_provider = l.head_provider AND m.head_code = l.head_code
    """,
    "linked_codes": """
        WITH RECURSIVE reached AS (
            SELECT provider_code, account_code, bank, code, TRUE AS is_debt FROM own_codes
            UNION
            SELECT r.provider_code, r.account_code, k.to_provider AS bank, k.to_code AS code,
                r.is_debt AND k.is_debt AS is_debt
            FROM reached AS r
            JOIN account_links AS k ON k.provider_code = r.bank AND k.account_code = r.code
            WHERE k.is_debt OR EXISTS (SELECT 1 FROM found AS f WHERE f.rule_id = 'R109'
                AND f.provider_code = r.provider_code AND f.account_code = r.account_code)
        )
        SELECT DISTINCT r.* FROM reached AS r WHERE NOT EXISTS (SELECT 1 FROM own_codes AS o
            WHERE o.provider_code = r.provider_code AND o.account_code = r.account_code
            AND o.bank = r.bank AND o.code = r.code)
    """,
    # Whose checks and openings count: the account's own, and those of the account that a debt comes from.
    "seen_codes": """
        SELECT provider_code, account_code, bank, code FROM own_codes
        UNION SELECT provider_code, account_code, bank, code FROM linked_codes WHERE is_debt
    """,
    "persons": """
        SELECT DISTINCT f.provider_code, f.subject, a.id_norm
        FROM found AS f
        JOIN own_codes AS o ON o.provider_code = f.provider_code AND o.account_code = f.account_code
        JOIN standing_accounts AS a ON a.provider_code = o.bank AND a.account_code = o.code
        UNION
        SELECT DISTINCT f.provider_code, f.subject, i.id_norm
        FROM found AS f
        JOIN standing_inquiries AS i ON i.provider_code = f.provider_code AND f.subject = 'inquiry:' || i.inquiry_id
    """,
    "handlers": """
        SELECT DISTINCT s.provider_code, s.account_code, p.handler_id_norm
        FROM seen_codes AS s
        JOIN standing_openings AS p ON p.provider_code = s.bank AND p.account_code = s.code
        WHERE p.handler_id_norm IS NOT NULL
    """,
}


def _role(role: str, feed: str, joins: str, place: str = "r.night, r.file, r.row, r.line") -> tuple[str, str]:
    """Select the lines of one role, of a feed: ``r`` is the row, ``f`` the finding."""
    return feed, (
        "SELECT f.provider_code, f.subject, f.rule_id, f.notice_source, f.notice_id,"
        f" '{role}' AS role, '{feed}' AS feed, {place} FROM found AS f {joins}"
    )


_OWN = "o.provider_code = f.provider_code AND o.account_code = f.account_code"
_AT = "r.provider_code = o.bank AND r.account_code = o.code"
_PERSON = "JOIN persons AS p ON p.provider_code = f.provider_code AND p.subject = f.subject"
_CODED = "CAST(NULL AS BIGINT) AS row, CAST(NULL AS BIGINT) AS line"


def _reads(feed: str) -> str:
    return f"JOIN rule_feeds AS g ON g.rule_id = f.rule_id AND g.feed = '{feed}'"


ROLES_OF: Final = (
    _role("account", "accounts", f"JOIN own_codes AS o ON {_OWN} JOIN standing_accounts AS r ON {_AT}"),
    _role("linked_account", "accounts", f"JOIN linked_codes AS o ON {_OWN} JOIN standing_accounts AS r ON {_AT}"),
    _role(
        "person_account",
        "accounts",
        f"{_PERSON} JOIN standing_accounts AS r ON r.id_norm = p.id_norm AND f.rule_id IN ('R302', 'R401', 'R402')"
        f" AND NOT EXISTS (SELECT 1 FROM own_codes AS o WHERE {_OWN} AND {_AT})",
    ),
    _role(
        "opening",
        "openings",
        f"{_reads('openings')} JOIN seen_codes AS o ON {_OWN} JOIN standing_openings AS r ON {_AT}",
    ),
    _role(
        "check",
        "verifications",
        f"{_reads('verifications')} JOIN seen_codes AS o ON {_OWN} JOIN standing_verifications AS r ON {_AT}",
    ),
    _role(
        "check",
        "verifications",
        f"{_reads('verifications')} JOIN seen_codes AS o ON {_OWN}"
        " JOIN standing_openings AS s ON s.provider_code = o.bank AND s.account_code = o.code"
        " JOIN standing_verifications AS r ON r.provider_code = s.provider_code AND r.session_id = s.session_id",
    ),
    *(
        _role(
            "notice",
            feed,
            f"JOIN standing_{feed} AS r ON f.notice_source = '{feed}' AND f.notice_id = r.{key}",
        )
        for feed, key in (("loss_reports", "report_no"), ("invalid_cards", "event_id"))
    ),
    *(
        _role(
            "registry",
            feed,
            f"{_PERSON} JOIN standing_{feed} AS r ON r.id_norm = p.id_norm AND r.id_status <> 'bad_form'"
            f" AND (f.notice_id IS NOT NULL OR (f.rule_id = 'R302' AND '{feed}' = 'invalid_cards'))"
            f" AND NOT (COALESCE(f.notice_source, '') = '{feed}' AND COALESCE(f.notice_id, '') = r.{key})",
        )
        for feed, key in (("loss_reports", "report_no"), ("invalid_cards", "event_id"))
    ),
    _role(
        "issuance",
        "issuances",
        f"{_reads('issuances')} {_PERSON} JOIN standing_issuances AS r ON r.id_norm = p.id_norm"
        " AND f.notice_id IS NOT NULL",
    ),
    _role(
        "alert",
        "fraud_alerts",
        f"{_PERSON} JOIN standing_fraud_alerts AS r ON r.id_norm = p.id_norm AND f.rule_id = 'R204'",
    ),
    _role(
        "impostor",
        "impostors",
        f"JOIN handlers AS o ON {_OWN} AND f.rule_id = 'R203'"
        " JOIN standing_impostors AS r ON r.id_norm = o.handler_id_norm",
    ),
    _role(
        "inquiry",
        "inquiries",
        "JOIN standing_inquiries AS r ON r.provider_code = f.provider_code AND f.subject = 'inquiry:' || r.inquiry_id",
    ),
    _role(
        "rename",
        "account_renames",
        f"JOIN own_codes AS o ON {_OWN} JOIN standing_account_renames AS r ON (r.provider_code = o.bank"
        " AND r.old_account_code = o.code) OR (COALESCE(r.new_provider_code, r.provider_code) = o.bank"
        " AND r.new_account_code = o.code)",
    ),
    _role(
        "coverage",
        "issuances",
        "JOIN standing_full_deliveries AS r ON r.feed = 'issuances' AND r.all_regions AND f.rule_id = 'R102'",
        f"r.night, r.file, {_CODED}",
    ),
    _role(
        "coverage",
        "verifications",
        "JOIN standing_sheet_facts AS s ON s.provider_code = f.provider_code AND s.subject = f.subject"
        " AND s.rule_id = f.rule_id JOIN standing_full_deliveries AS r ON r.feed = 'verifications'"
        " AND s.covered_by = CAST(r.night AS VARCHAR) || '/' || r.file",
        f"r.night, r.file, {_CODED}",
    ),
)


def rests_on(feeds: Collection[str] | None = None) -> str:
    """Return the query of ``rests_on``: every finding of ``found`` with each line that it rests on.

    Parameters
    ----------
    feeds : collection of str or None
        Only lines of these feeds; None: of all.
    """
    selects = [select for feed, select in ROLES_OF if feeds is None or feed in feeds]
    return " UNION ".join(selects) if selects else f"SELECT * FROM ({ROLES_OF[0][1]}) AS r WHERE 1 = 0"


# One query for both ways. A corrected row is of an inbox entry; an approval and an answer are entries themselves.
TRACED: Final = """
    SELECT t.* FROM (
        SELECT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, r.role, r.feed, r.night, r.file, r.row, r.line, COALESCE(e.sha256, c.sha256) AS sha256, e.entry
        FROM found AS f
        JOIN rests_on AS r ON r.provider_code = f.provider_code AND r.subject = f.subject AND r.rule_id = f.rule_id
            AND r.notice_source IS NOT DISTINCT FROM f.notice_source AND r.notice_id IS NOT DISTINCT FROM f.notice_id
        LEFT JOIN every_file AS c ON c.night = r.night AND c.feed = r.feed AND c.file = r.file
        LEFT JOIN entries AS e ON e.label = r.file
        UNION ALL
        SELECT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, 'rule_text', NULL, NULL, NULL, NULL, NULL, e.sha256, e.entry
        FROM found AS f JOIN entries AS e ON e.rule_id = f.rule_id
        UNION ALL
        SELECT DISTINCT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, 'answer', NULL, v.night, NULL, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), e.sha256, e.entry
        FROM found AS f JOIN every_event AS v ON v.case_id = f.case_id AND v.event = 'answered'
        JOIN entries AS e ON contains(v.proof, e.entry)
    ) AS t
"""
