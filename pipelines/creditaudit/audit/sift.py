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
        LEFT JOIN noticed_people AS p ON p.id_norm = a.id_norm
        LEFT JOIN ended_cards AS w ON w.provider_code = a.provider_code AND w.account_code = a.account_code
        LEFT JOIN renamed_codes AS r ON r.provider_code = a.provider_code AND r.account_code = a.account_code
        WHERE p.id_norm IS NOT NULL OR r.account_code IS NOT NULL
            OR w.ended_on < CAST(COALESCE(a.agreement_from, a.opened_from) AS DATE)
        """,
    )
    engine.drop("ended_cards", "noticed_people")


def _heads(engine: Engine) -> None:
    """Make ``judged_rows``: the row that judges each lineage, under the lineage's newest code.

    Latest report_date first; ties by the fewest renames to the end, then by the greater code. Only the rows that a
    rename names are ranked: every other row is the one row of its own lineage.
    """
    engine.table(
        "judged_rows",
        """
        SELECT c.* FROM candidate_rows AS c WHERE NOT EXISTS (
            SELECT 1 FROM lineage AS l WHERE l.provider_code = c.provider_code AND l.account_code = c.account_code
        )
        UNION ALL BY NAME
        SELECT * EXCLUDE (place) FROM (
            SELECT c.* EXCLUDE (provider_code, account_code),
                l.head_provider AS provider_code, l.head_code AS account_code,
                row_number() OVER (
                    PARTITION BY l.head_provider, l.head_code
                    ORDER BY c.report_date DESC, l.steps, c.provider_code DESC, c.account_code DESC
                ) AS place
            FROM candidate_rows AS c
            JOIN lineage AS l ON l.provider_code = c.provider_code AND l.account_code = c.account_code
        ) AS placed WHERE place = 1
        """,
    )


def _openings(engine: Engine) -> None:
    """Make ``head_openings``: the first accepted opening of all codes of a lineage; and ``opening_changed``."""
    engine.table(
        "head_openings",
        f"""
        SELECT o.provider_code AS head_provider, o.account_code AS head_code, {_SHOWN}
        FROM standing_openings AS o
        JOIN judged_rows AS j ON j.provider_code = o.provider_code AND j.account_code = o.account_code
        WHERE NOT EXISTS (
            SELECT 1 FROM lineage AS l WHERE l.provider_code = o.provider_code AND l.account_code = o.account_code
        )
        UNION ALL
        SELECT head_provider, head_code, document_kind, shown_on, shown_to FROM (
            SELECT l.head_provider, l.head_code, {_SHOWN}, row_number() OVER (
                PARTITION BY l.head_provider, l.head_code ORDER BY o.night, o.provider_code, o.account_code
            ) AS place
            FROM standing_openings AS o
            JOIN lineage AS l ON l.provider_code = o.provider_code AND l.account_code = o.account_code
        ) AS placed WHERE place = 1
        """,
    )
    engine.table(
        "opening_changed",
        f"""
        SELECT DISTINCT COALESCE(l.head_provider, o.provider_code) AS provider_code,
            COALESCE(l.head_code, o.account_code) AS account_code
        FROM standing_opening_changes AS o
        LEFT JOIN lineage AS l ON l.provider_code = o.provider_code AND l.account_code = o.account_code
        UNION
        SELECT n.head_provider AS provider_code, n.head_code AS account_code
        FROM (
            SELECT l.head_provider, l.head_code, {_SHOWN} FROM standing_openings AS o
            JOIN lineage AS l ON l.provider_code = o.provider_code AND l.account_code = o.account_code
        ) AS n
        JOIN head_openings AS f ON f.head_provider = n.head_provider AND f.head_code = n.head_code
        WHERE n.document_kind IS DISTINCT FROM f.document_kind
            OR n.shown_on IS DISTINCT FROM f.shown_on
            OR n.shown_to IS DISTINCT FROM f.shown_to
        """,
    )


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


# What an opening says of the card that was shown; with document_kind other no ID card was (SPEC 3.2).
_SHOWN = """o.document_kind,
            CASE WHEN o.document_kind = 'other' THEN NULL ELSE epoch_day(o.card_valid_from) END AS shown_on,
            CASE WHEN o.document_kind = 'other' THEN NULL ELSE epoch_day(o.card_valid_to) END AS shown_to"""

# A C1 debt has moment and opening of the account that it comes from; every other account has its own.
_JUDGED = """
    SELECT m.provider_code, m.account_code, m.id_norm, m.id_status, m.id_type, m.account_type,
        m.region_code, m.business_code,
        CASE WHEN m.no_moment IS NULL THEN m.moment_from END AS moment_from,
        CASE WHEN m.no_moment IS NULL THEN m.moment_to END AS moment_to,
        CASE WHEN m.no_moment IS NULL THEN day_of_second(m.moment_from) END AS moment_day,
        m.no_moment, o.document_kind, o.shown_on, o.shown_to
    FROM (
        SELECT r.*, r.provider_code AS source_provider, r.account_code AS source_code,
            COALESCE(r.agreement_from, r.opened_from) AS moment_from,
            COALESCE(r.agreement_to, r.opened_to) AS moment_to,
            CASE WHEN r.account_type = 'R4' AND r.agreement_from IS NULL THEN 'agreement_unknown' END AS no_moment
        FROM judged_rows AS r WHERE r.account_type <> 'C1'
        UNION ALL BY NAME
        SELECT r.*, e.end_provider AS source_provider, e.end_code AS source_code,
            COALESCE(s.agreement_from, s.opened_from) AS moment_from,
            COALESCE(s.agreement_to, s.opened_to) AS moment_to,
            CASE WHEN s.account_type IS NULL OR s.account_type = 'C1' OR e.in_ring THEN 'transferred_debt'
                 WHEN s.account_type = 'R4' AND s.agreement_from IS NULL THEN 'agreement_unknown' END AS no_moment
        FROM judged_rows AS r
        LEFT JOIN original_ends AS e ON e.from_provider = r.provider_code AND e.from_code = r.account_code
        LEFT JOIN judged_rows AS s ON s.provider_code = e.end_provider AND s.account_code = e.end_code
        WHERE r.account_type = 'C1'
    ) AS m
    -- A debt without an original has no opening either.
    LEFT JOIN head_openings AS o ON o.head_provider = m.source_provider AND o.head_code = m.source_code
        AND m.no_moment IS DISTINCT FROM 'transferred_debt'
"""
