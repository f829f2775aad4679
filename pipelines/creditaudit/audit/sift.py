"""The sift: the one pass over every account row, and what it leaves to judge.

Reads the rows in force as ``standing_<feed>`` and the notices. An account is a candidate when its person has a notice,
when its opening showed a card that has since expired, or when a rename names its code: no other account can give a
finding or a clearance under R101 to R108 (a C1 debt is judged by an original of the same person, and that original is a
candidate with it). Everything after the sift works on candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.chains import follow
from creditaudit.tables import JUDGED_ACCOUNTS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def sift(engine: Engine, night: date) -> None:
    """Make ``judged_accounts`` and what goes with it.

    Reads ``standing_accounts``, ``standing_openings``, ``standing_opening_changes``, ``lineage``, ``renamed_codes``,
    ``notices`` and ``standing_full_deliveries``.

    ``judged_accounts`` has one row per lineage (``creditaudit.tables.JUDGED_ACCOUNTS``). ``judged_rows`` has the row
    that judges each lineage, with what reports need beside it. ``opening_changed`` has the codes of lineages with a
    later opening that differs. ``issuance_coverage`` has the full issuances files that speak for all regions.
    """
    _candidates(engine, night)
    _heads(engine)
    _openings(engine)
    _originals(engine)
    engine.table("judged_accounts", f"SELECT {', '.join(JUDGED_ACCOUNTS.names)} FROM ({_JUDGED}) AS j")
    engine.table(
        "issuance_coverage",
        "SELECT DISTINCT epoch_day(covers_from) AS covers_from, epoch_day(covers_to) AS covers_to"
        " FROM standing_full_deliveries WHERE feed = 'issuances' AND all_regions"
        " AND covers_from IS NOT NULL AND covers_to IS NOT NULL",
    )
    engine.drop("candidate_rows", "head_openings", "original_ends")


def _candidates(engine: Engine, night: date) -> None:
    """Make ``candidate_rows``: one scan of the accounts, one of the openings.

    A card that has not ended by tonight cannot have ended before any accepted moment (one is at most night + 1 day), so
    only openings whose card ended by tonight are looked up, and only those count that ended before the account's own
    moment. Codes that a rename names are looked at whatever they showed: their lineage's moment is not known yet.
    """
    engine.table("noticed_people", "SELECT DISTINCT id_norm FROM notices")
    engine.table(
        "ended_cards",
        "SELECT provider_code, account_code, card_valid_to AS ended_on FROM standing_openings"
        f" WHERE card_valid_to <= DATE '{night.isoformat()}' AND document_kind IS DISTINCT FROM 'other'",
    )
    engine.table(
        "candidate_rows",
        """
        SELECT a.provider_code, a.account_code, a.report_date, a.id_norm, a.id_status, a.id_type, a.account_type,
            a.region_code, a.business_code, a.original_provider_code, a.original_account_code,
            epoch_second(a.opened_from) AS opened_from, epoch_second(a.opened_to) AS opened_to,
            epoch_second(a.agreement_from) AS agreement_from, epoch_second(a.agreement_to) AS agreement_to
        FROM standing_accounts AS a
        LEFT JOIN noticed_people AS p ON p.id_norm = a.id_norm AND a.id_type = '10'
        LEFT JOIN ended_cards AS w ON w.provider_code = a.provider_code AND w.account_code = a.account_code
        LEFT JOIN renamed_codes AS r ON r.provider_code = a.provider_code AND r.account_code = a.account_code
        WHERE p.id_norm IS NOT NULL OR r.account_code IS NOT NULL
            OR w.ended_on < CAST(COALESCE(a.agreement_from, a.opened_from) AS DATE)
        """,
    )
    engine.drop("ended_cards", "noticed_people")


def _heads(engine: Engine) -> None:
    """Make ``judged_rows``: the row that judges each lineage, under the lineage's newest code.

    Latest report_date first; ties by the fewest renames to the end, then by the greater code.
    """
    engine.table(
        "judged_rows",
        """
        SELECT * FROM (
            SELECT c.* EXCLUDE (provider_code, account_code),
                COALESCE(l.head_provider, c.provider_code) AS provider_code,
                COALESCE(l.head_code, c.account_code) AS account_code,
                row_number() OVER (
                    PARTITION BY COALESCE(l.head_provider, c.provider_code), COALESCE(l.head_code, c.account_code)
                    ORDER BY c.report_date DESC, COALESCE(l.steps, 0), c.provider_code DESC, c.account_code DESC
                ) AS place
            FROM candidate_rows AS c
            LEFT JOIN lineage AS l ON l.provider_code = c.provider_code AND l.account_code = c.account_code
        ) AS placed WHERE place = 1
        """,
    )


def _openings(engine: Engine) -> None:
    """Make ``head_openings``: the first accepted opening of all codes of a lineage; and ``opening_changed``."""
    engine.table(
        "candidate_codes",
        """
        SELECT c.provider_code, c.account_code, c.provider_code AS head_provider, c.account_code AS head_code
        FROM candidate_rows AS c
        WHERE NOT EXISTS (
            SELECT 1 FROM lineage AS l WHERE l.provider_code = c.provider_code AND l.account_code = c.account_code
        )
        UNION ALL
        SELECT provider_code, account_code, head_provider, head_code FROM lineage
        """,
    )
    engine.table(
        "code_openings",
        """
        SELECT c.head_provider, c.head_code, o.document_kind, o.card_valid_from, o.card_valid_to, row_number() OVER (
            PARTITION BY c.head_provider, c.head_code ORDER BY o.night, o.provider_code, o.account_code
        ) AS place
        FROM standing_openings AS o JOIN candidate_codes AS c
            ON c.provider_code = o.provider_code AND c.account_code = o.account_code
        """,
    )
    engine.table(
        "head_openings",
        """
        SELECT head_provider, head_code, document_kind,
            CASE WHEN document_kind = 'other' THEN NULL ELSE epoch_day(card_valid_from) END AS shown_on,
            CASE WHEN document_kind = 'other' THEN NULL ELSE epoch_day(card_valid_to) END AS shown_to
        FROM code_openings WHERE place = 1
        """,
    )
    engine.table(
        "opening_changed",
        """
        SELECT DISTINCT c.head_provider AS provider_code, c.head_code AS account_code
        FROM standing_opening_changes AS o JOIN candidate_codes AS c
            ON c.provider_code = o.provider_code AND c.account_code = o.account_code
        UNION
        SELECT n.head_provider AS provider_code, n.head_code AS account_code
        FROM code_openings AS n JOIN code_openings AS f
            ON f.head_provider = n.head_provider AND f.head_code = n.head_code AND f.place = 1
        WHERE n.document_kind IS DISTINCT FROM f.document_kind
            OR n.card_valid_from IS DISTINCT FROM f.card_valid_from
            OR n.card_valid_to IS DISTINCT FROM f.card_valid_to
        """,
    )
    engine.drop("code_openings", "candidate_codes")


def _originals(engine: Engine) -> None:
    """Make ``original_ends``: for each C1 debt, the lineage of the account that it comes from.

    An original counts only if it has the same id_norm. A chain of C1s that ends in a C1, or in a ring, has none.
    """
    engine.table(
        "original_edges",
        """
        SELECT c.provider_code AS from_provider, c.account_code AS from_code,
            o.provider_code AS to_provider, o.account_code AS to_code
        FROM judged_rows AS c
        LEFT JOIN lineage AS l
            ON l.provider_code = c.original_provider_code AND l.account_code = c.original_account_code
        JOIN judged_rows AS o
            ON o.provider_code = COALESCE(l.head_provider, c.original_provider_code)
            AND o.account_code = COALESCE(l.head_code, c.original_account_code)
            AND o.id_norm = c.id_norm
        WHERE c.account_type = 'C1'
        """,
    )
    follow(engine, "original_edges", "original_ends")
    engine.drop("original_edges")


_JUDGED = """
    SELECT r.provider_code, r.account_code, r.id_norm, r.id_status, r.id_type, r.account_type,
        r.region_code, r.business_code,
        CASE WHEN m.no_moment IS NULL THEN m.moment_from END AS moment_from,
        CASE WHEN m.no_moment IS NULL THEN m.moment_to END AS moment_to,
        CASE WHEN m.no_moment IS NULL THEN day_of_second(m.moment_from) END AS moment_day,
        m.no_moment, o.document_kind, o.shown_on, o.shown_to
    FROM judged_rows AS r
    JOIN (
        SELECT c.provider_code, c.account_code,
            COALESCE(e.end_provider, c.provider_code) AS source_provider,
            COALESCE(e.end_code, c.account_code) AS source_code,
            COALESCE(s.agreement_from, s.opened_from) AS moment_from,
            COALESCE(s.agreement_to, s.opened_to) AS moment_to,
            CASE WHEN s.account_type IS NULL OR s.account_type = 'C1' OR e.in_ring THEN 'transferred_debt'
                 WHEN s.account_type = 'R4' AND s.agreement_from IS NULL THEN 'agreement_unknown' END AS no_moment
        FROM judged_rows AS c
        LEFT JOIN original_ends AS e ON e.from_provider = c.provider_code AND e.from_code = c.account_code
        LEFT JOIN judged_rows AS s ON s.provider_code = COALESCE(e.end_provider, c.provider_code)
            AND s.account_code = COALESCE(e.end_code, c.account_code)
    ) AS m ON m.provider_code = r.provider_code AND m.account_code = r.account_code
    LEFT JOIN head_openings AS o ON o.head_provider = m.source_provider AND o.head_code = m.source_code
"""
