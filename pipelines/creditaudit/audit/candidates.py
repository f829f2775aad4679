"""Who is looked at: the accounts that some rule may name, found by few narrow scans of the big feeds.

The sift may take an account too many, never one too few: what it leaves out gives no finding under any rule, and what
it takes is judged exactly. A rule that looks at all accounts of a person needs them all, or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.linked import find_linked

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine

# What the judgment needs of an account row.
_ROW = """a.provider_code, a.account_code, a.report_date, a.id_norm, a.id_status, a.id_type, a.account_type,
    a.region_code, a.business_code, a.original_provider_code, a.original_account_code,
    a.settlement_provider_code, a.settlement_account_code, epoch_day(a.closed_on) AS closed_on,
    a.currency, a.amount, a.overdue_amount,
    CASE WHEN a.name_known THEN a.name_norm END AS name,
    epoch_second(a.opened_from) AS opened_from, epoch_second(a.opened_to) AS opened_to,
    epoch_second(a.agreement_from) AS agreement_from, epoch_second(a.agreement_to) AS agreement_to"""

# R301; whoever carries such a number is named by it alone.
_MALFORMED = "a.id_type = '10' AND a.id_status IN ('bad_check', 'bad_date', 'bad_form')"

# Checks that R201 or R202 can rest on.
_ADVERSE = """(check_kind = 'invalid_card_check' AND result IN ('reported_lost', 'invalid'))
        OR (check_kind = 'network_check' AND result IN ('name_mismatch', 'number_unknown'))
        OR (check_kind IN ('face_match', 'fingerprint_match') AND result = 'fail')"""


def find_candidates(engine: Engine, night: date) -> None:
    """Make ``candidate_rows``: the account rows in force that the judgment needs, each once.

    Reads the ``standing_`` feeds, ``notices``, ``lineage``, ``renamed_codes``, ``renamed_rows`` and
    ``institution_groups``.

    An account is a candidate when its person has a notice or a fraud alert; when its opening showed a card that ended
    before its moment, or names a listed impostor as its handler; when it has an adverse check; when a rename names its
    code; when its number is malformed, or stands with several names at several groups; when its links lead to an
    account of a person with a lost or cancelled card; or when a C1 candidate may come from it.
    """
    _people(engine)
    _people_with_several_names(engine)
    _codes(engine, night)
    engine.table(
        "candidate_rows",
        f"""
        SELECT {_ROW}
        FROM standing_accounts AS a
        LEFT JOIN watched_people AS p ON p.id_norm = a.id_norm
        LEFT JOIN named_people AS h ON h.person = text_hash(a.id_norm)
        LEFT JOIN watched_codes AS w ON w.provider_code = a.provider_code AND w.account_code = a.account_code
        WHERE p.id_norm IS NOT NULL OR h.person IS NOT NULL OR w.is_taken OR ({_MALFORMED})
            OR w.ended_on < CAST(COALESCE(a.agreement_from, a.opened_from) AS DATE)
        """,
    )
    engine.drop("watched_codes")
    find_linked(engine)
    _rest(engine)
    engine.drop("watched_people", "named_people", "linked_codes")


def _people(engine: Engine) -> None:
    """Make ``watched_people``: their accounts are all taken."""
    engine.table(
        "watched_people",
        "SELECT id_norm FROM notices"
        " UNION SELECT id_norm FROM standing_fraud_alerts WHERE id_status <> 'bad_form'"
        # An account that went to another institution counts for that one's group (R302).
        " UNION SELECT r.id_norm FROM renamed_rows AS r JOIN lineage AS l"
        " ON l.provider_code = r.provider_code AND l.account_code = r.account_code"
        " WHERE l.head_provider <> r.provider_code",
    )


def _people_with_several_names(engine: Engine) -> None:
    """Make ``named_people``: hashes of the numbers that stand with two known names and at two groups (R302).

    Hashes, so that fifty million persons fit: eight bytes each for the number, the two names and the two groups. A hash
    that two numbers share takes accounts too many; which names count as one is asked when the rule judges.
    """
    engine.table(
        "named_people",
        """
        SELECT s.person FROM (
            SELECT text_hash(a.id_norm) AS person,
                text_hash(COALESCE(g.group_code, a.provider_code)) AS at_group,
                CASE WHEN a.name_known THEN text_hash(a.name_norm) END AS known_as
            FROM standing_accounts AS a
            LEFT JOIN institution_groups AS g ON g.provider_code = a.provider_code
            WHERE a.id_type = '10' AND a.id_status <> 'bad_form'
        ) AS s
        GROUP BY s.person
        HAVING MIN(s.at_group) <> MAX(s.at_group) AND MIN(s.known_as) <> MAX(s.known_as)
        """,
    )


def _codes(engine: Engine, night: date) -> None:
    """Make ``watched_codes``: codes that are taken for what their opening, checks or renames say.

    A card that has not ended by tonight cannot have ended before any accepted moment (one is at most night + 1 day), so
    only openings whose card ended by tonight are looked up, and only those count that ended before the account's own
    moment. Codes that a rename names are taken whatever they showed: their lineage's moment is not known yet.
    """
    engine.table(
        "adverse_checks",
        f"SELECT DISTINCT provider_code, account_code, session_id FROM standing_verifications WHERE {_ADVERSE}",
    )
    engine.table(
        "adverse_sessions", "SELECT DISTINCT provider_code, session_id FROM adverse_checks WHERE session_id IS NOT NULL"
    )
    engine.table("impostor_numbers", "SELECT DISTINCT id_norm FROM standing_impostors")
    engine.table(
        "watched_openings",
        f"""
        SELECT o.provider_code, o.account_code,
            i.id_norm IS NOT NULL OR s.session_id IS NOT NULL AS is_taken,
            CASE WHEN o.card_valid_to <= DATE '{night.isoformat()}' AND o.document_kind IS DISTINCT FROM 'other'
                THEN o.card_valid_to END AS ended_on
        FROM standing_openings AS o
        LEFT JOIN impostor_numbers AS i ON i.id_norm = o.handler_id_norm AND o.handler_id_status <> 'bad_form'
        LEFT JOIN adverse_sessions AS s ON s.provider_code = o.provider_code AND s.session_id = o.session_id
        WHERE i.id_norm IS NOT NULL OR s.session_id IS NOT NULL
            OR (o.card_valid_to <= DATE '{night.isoformat()}' AND o.document_kind IS DISTINCT FROM 'other')
        """,
    )
    engine.table(
        "watched_codes",
        """
        SELECT c.provider_code, c.account_code, bool_or(c.is_taken) AS is_taken, MIN(c.ended_on) AS ended_on
        FROM (
            SELECT provider_code, account_code, is_taken, ended_on FROM watched_openings
            UNION ALL SELECT provider_code, account_code, TRUE, NULL FROM adverse_checks WHERE account_code IS NOT NULL
            UNION ALL SELECT provider_code, account_code, TRUE, NULL FROM renamed_codes
        ) AS c
        GROUP BY c.provider_code, c.account_code
        """,
    )
    engine.drop("adverse_checks", "adverse_sessions", "impostor_numbers", "watched_openings")


def _rest(engine: Engine) -> None:
    """Add to ``candidate_rows`` the linked accounts, and all accounts of the persons of C1 candidates.

    A C1 is judged by its original, an account of the same person.
    """
    engine.table(
        "debtors",
        """
        SELECT DISTINCT a.id_norm FROM (
            SELECT id_norm, account_type, original_provider_code, original_account_code FROM candidate_rows
            UNION ALL
            SELECT id_norm, account_type, original_provider_code, original_account_code FROM linked_codes
        ) AS a
        LEFT JOIN watched_people AS p ON p.id_norm = a.id_norm
        LEFT JOIN named_people AS h ON h.person = text_hash(a.id_norm)
        WHERE a.account_type = 'C1' AND a.original_provider_code IS NOT NULL AND a.original_account_code IS NOT NULL
            AND p.id_norm IS NULL AND h.person IS NULL
        """,
    )
    wanted = engine.fetch("SELECT (SELECT COUNT(*) FROM debtors) + (SELECT COUNT(*) FROM linked_codes) AS n")
    if wanted["n"][0].as_py():
        # What is added is little: whether it is there already is asked of it, not of all that is there.
        engine.table(
            "added_rows",
            f"""
            SELECT {_ROW}
            FROM standing_accounts AS a
            LEFT JOIN debtors AS d ON d.id_norm = a.id_norm
            LEFT JOIN linked_codes AS k ON k.provider_code = a.provider_code AND k.account_code = a.account_code
            WHERE d.id_norm IS NOT NULL OR k.account_code IS NOT NULL
            """,
        )
        engine.table(
            "known_codes",
            "SELECT c.provider_code, c.account_code FROM candidate_rows AS c JOIN added_rows AS a"
            " ON a.provider_code = c.provider_code AND a.account_code = c.account_code",
        )
        engine.table(
            "candidate_rows",
            "SELECT * FROM candidate_rows UNION ALL SELECT * FROM added_rows AS a WHERE NOT EXISTS (SELECT 1"
            " FROM known_codes AS k WHERE k.provider_code = a.provider_code AND k.account_code = a.account_code)",
        )
    engine.drop("debtors", "added_rows", "known_codes")
