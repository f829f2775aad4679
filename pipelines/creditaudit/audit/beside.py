"""What rules read beside accounts and notices: checks, listed handlers, alerts, inquiries, links, lone debts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.tables import ACCOUNT_CHECKS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def load_beside(engine: Engine, night: date) -> None:
    """Make the other tables that rules read (``creditaudit.tables`` has their columns).

    Reads the ``standing_`` feeds, ``judged_accounts``, ``judged_openings``, ``judged_rows``, ``original_ends``,
    ``lineage``, ``institution_groups`` and ``notices``. Makes ``account_checks``, ``listed_impostors``,
    ``person_alerts``, ``judged_inquiries``, ``account_links`` and ``lone_debts``.
    """
    _checks(engine)
    _listed(engine)
    _inquiries(engine, night)
    _links(engine)


def _checks(engine: Engine) -> None:
    """Make ``account_checks``: by any code of the lineage, or by the session of its opening (SPEC 4, 12)."""
    engine.table(
        "checked_accounts",
        "SELECT provider_code AS head_provider, account_code AS head_code, moment_to FROM judged_accounts"
        " WHERE moment_from IS NOT NULL AND account_type <> 'C1'",
    )
    engine.table(
        "check_codes",
        """
        SELECT l.provider_code, l.account_code, a.head_provider, a.head_code, a.moment_to
        FROM checked_accounts AS a
        JOIN lineage AS l ON l.head_provider = a.head_provider AND l.head_code = a.head_code
        UNION ALL
        SELECT a.head_provider AS provider_code, a.head_code AS account_code, a.head_provider, a.head_code, a.moment_to
        FROM checked_accounts AS a WHERE NOT EXISTS (SELECT 1 FROM lineage AS l
            WHERE l.provider_code = a.head_provider AND l.account_code = a.head_code)
        """,
    )
    engine.table(
        "check_sessions",
        """
        SELECT o.session_provider, o.session_id, a.head_provider, a.head_code, a.moment_to
        FROM checked_accounts AS a
        JOIN judged_openings AS o ON o.provider_code = a.head_provider AND o.account_code = a.head_code
        WHERE o.session_id IS NOT NULL
        """,
    )
    # Checks are read once, and most concern nobody who is judged: eight bytes a code and a session leave out nearly all
    # of those. What a hash takes too much has no partner below.
    for sieve, columns, of in (
        ("code_sieve", "provider_code, account_code", "check_codes"),
        ("session_sieve", "session_provider, session_id", "check_sessions"),
    ):
        engine.table(sieve, f"SELECT DISTINCT code_hash({columns}) AS h FROM {of}")
    engine.table(
        "near_checks",
        """
        SELECT v.provider_code, v.check_id, v.account_code, v.session_id, v.check_kind, v.result,
            epoch_second(v.checked_from) AS checked_from, epoch_second(v.checked_to) AS checked_to
        FROM standing_verifications AS v
        LEFT JOIN code_sieve AS c ON c.h = code_hash(v.provider_code, v.account_code)
        LEFT JOIN session_sieve AS s ON s.h = code_hash(v.provider_code, v.session_id)
        WHERE c.h IS NOT NULL OR s.h IS NOT NULL
        """,
    )
    engine.drop("code_sieve", "session_sieve")
    for name, of, provider, code in (
        ("checks_of_codes", "check_codes", "provider_code", "account_code"),
        ("checks_of_sessions", "check_sessions", "session_provider", "session_id"),
    ):
        engine.table(
            name,
            f"""
            SELECT h.head_provider AS provider_code, h.head_code AS account_code, v.provider_code AS check_provider,
                v.check_id, v.check_kind, v.result, v.checked_from, v.checked_to, h.moment_to
            FROM near_checks AS v JOIN {of} AS h ON h.{provider} = v.provider_code AND h.{code} = v.{code}
            WHERE v.checked_from <= h.moment_to + 86400
            """,
        )
        engine.drop(of)
    engine.drop("checked_accounts", "near_checks")
    # UNION: a check that names both the account and its session is one check.
    columns = ", ".join(ACCOUNT_CHECKS.names)
    engine.table(
        "account_checks", f"SELECT {columns} FROM checks_of_codes UNION SELECT {columns} FROM checks_of_sessions"
    )
    engine.drop("checks_of_codes", "checks_of_sessions")


def _listed(engine: Engine) -> None:
    """Make ``listed_impostors`` and ``person_alerts``, of those alone that the judged accounts name."""
    engine.table(
        "listed_impostors",
        """
        SELECT i.id_norm, row_number() OVER (
                PARTITION BY i.id_norm ORDER BY i.finding_on, i.term_ends_on, i.revoked_on, i.person_ref
            ) AS entry,
            epoch_day(i.finding_on) AS finding_on, epoch_day(i.term_ends_on) AS term_ends_on,
            epoch_day(i.revoked_on) AS revoked_on
        FROM standing_impostors AS i
        WHERE EXISTS (SELECT 1 FROM judged_openings AS o WHERE o.handler_id_norm = i.id_norm)
        """,
    )
    engine.table(
        "person_alerts",
        """
        SELECT f.id_norm, f.alert_id, epoch_day(f.effective_from) AS effective_from,
            epoch_day(f.effective_to) AS effective_to
        FROM standing_fraud_alerts AS f
        WHERE EXISTS (SELECT 1 FROM judged_accounts AS a WHERE a.id_norm = f.id_norm)
        """,
    )


def _inquiries(engine: Engine, night: date) -> None:
    """Make ``judged_inquiries``: only a lost notice can make one worth asking (R401)."""
    engine.table(
        "judged_inquiries",
        f"""
        SELECT i.provider_code, i.inquiry_id, i.id_norm, i.id_status,
            COALESCE(g.group_code, i.provider_code) AS group_code, i.reason,
            epoch_second(i.inquired_from) AS inquired_from, epoch_second(i.inquired_to) AS inquired_to,
            day_of_second(epoch_second(i.inquired_from)) AS inquired_on,
            epoch_day(DATE '{night.isoformat()}') AS night_on
        FROM standing_inquiries AS i
        LEFT JOIN institution_groups AS g ON g.provider_code = i.provider_code
        WHERE EXISTS (SELECT 1 FROM notices AS n WHERE n.id_norm = i.id_norm AND n.kind = 'lost')
        """,
    )


def _links(engine: Engine) -> None:
    """Make ``account_links`` and ``lone_debts`` (R109): what each judged account names, under the newest codes."""
    engine.table(
        "account_links",
        """
        SELECT f.from_provider, f.from_code, f.to_provider, f.to_code FROM (
            SELECT r.provider_code AS from_provider, r.account_code AS from_code,
                t.provider_code AS to_provider, t.account_code AS to_code
            FROM judged_rows AS r
            LEFT JOIN lineage AS l
                ON l.provider_code = r.settlement_provider_code AND l.account_code = r.settlement_account_code
            JOIN judged_rows AS t ON t.provider_code = COALESCE(l.head_provider, r.settlement_provider_code)
                AND t.account_code = COALESCE(l.head_code, r.settlement_account_code)
            UNION
            -- SPEC 12: the original of section 4, followed through C1s.
            SELECT e.from_provider, e.from_code, e.end_provider AS to_provider, e.end_code AS to_code
            FROM original_ends AS e
            JOIN judged_accounts AS a ON a.provider_code = e.from_provider AND a.account_code = e.from_code
            WHERE a.no_moment IS DISTINCT FROM 'transferred_debt'
        ) AS f
        -- An account that names itself leads nowhere.
        WHERE f.from_provider <> f.to_provider OR f.from_code <> f.to_code
        """,
    )
    engine.table(
        "lone_debts",
        """
        SELECT r.provider_code, r.account_code, r.id_norm,
            COALESCE(g.group_code, r.original_provider_code) AS original_group, r.opened_from
        FROM judged_rows AS r
        JOIN judged_accounts AS a ON a.provider_code = r.provider_code AND a.account_code = r.account_code
        LEFT JOIN institution_groups AS g ON g.provider_code = r.original_provider_code
        WHERE a.no_moment = 'transferred_debt' AND r.id_type = '10' AND r.id_status <> 'bad_form'
            AND r.original_provider_code IS NOT NULL
        """,
    )
