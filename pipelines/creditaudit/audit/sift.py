"""The sift: what the big feeds leave to judge.

Reads the rows in force as ``standing_<feed>`` and the notices. Who is looked at at all is said in ``candidates.py``;
here those rows become accounts: one row per lineage, with its moment, its opening and its checks. Everything after the
sift works on candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.beside import load_beside
from creditaudit.audit.candidates import find_candidates
from creditaudit.audit.chains import follow
from creditaudit.audit.groups import load_groups
from creditaudit.tables import JUDGED_ACCOUNTS, JUDGED_OPENINGS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def sift(engine: Engine, night: date) -> None:
    """Make ``judged_accounts`` and what goes with it.

    Reads the ``standing_`` feeds, ``standing_opening_changes``, ``lineage``, ``renamed_codes``, ``renamed_rows``,
    ``notices``, ``standing_full_deliveries`` and ``institutions``.

    ``judged_accounts`` has one row per lineage (``creditaudit.tables.JUDGED_ACCOUNTS``); ``judged_openings`` the
    openings that judge them, ``opening_parties`` (provider_code, account_code, session_provider, operator_id, phone,
    handler_id_norm) who took part in those. ``judged_rows`` has the row that judges each lineage, with what the fault
    lane, the score and reports need beside it. ``opening_changed`` has the codes of lineages with a later opening that
    differs.
    ``institution_groups`` has the groups, ``issuance_coverage`` the full issuances files that speak for all regions.
    What ``beside.py`` names is made as well.
    """
    load_groups(engine, night)
    # Each table is as long as the candidates: what is read no more goes at once, or a large night spills for nothing.
    find_candidates(engine, night)
    _heads(engine)
    engine.drop("candidate_rows")
    _openings(engine)
    _originals(engine)
    _judged(engine)
    engine.drop("head_openings", "renamed_openings", "original_edges")
    engine.table(
        "issuance_coverage",
        "SELECT DISTINCT epoch_day(covers_from) AS covers_from, epoch_day(covers_to) AS covers_to"
        " FROM standing_full_deliveries WHERE feed = 'issuances' AND all_regions"
        " AND covers_from IS NOT NULL AND covers_to IS NOT NULL",
    )
    load_beside(engine, night)
    engine.drop("original_ends")


def _heads(engine: Engine) -> None:
    """Make ``judged_rows``: the row that judges each lineage, under the lineage's newest code.

    Latest report_date first; ties by the fewest renames to the end, then by the greater code. Only the rows that a
    rename names are ranked: every other row is the one row of its own lineage.
    """
    engine.table(
        "judged_rows",
        """
        SELECT c.provider_code, c.account_code, c.* EXCEPT (provider_code, account_code) FROM candidate_rows AS c
        WHERE NOT EXISTS (
            SELECT 1 FROM lineage AS l WHERE l.provider_code = c.provider_code AND l.account_code = c.account_code
        )
        UNION ALL
        SELECT * EXCEPT (place) FROM (
            SELECT l.head_provider AS provider_code, l.head_code AS account_code,
                c.* EXCEPT (provider_code, account_code),
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
    said = ", ".join(f"o.{name}" for name in _SAID)
    engine.table(
        "renamed_openings",
        f"""
        SELECT l.head_provider, l.head_code, {said}, row_number() OVER (
            PARTITION BY l.head_provider, l.head_code ORDER BY o.night, o.provider_code, o.account_code
        ) AS place
        FROM standing_openings AS o
        JOIN lineage AS l ON l.provider_code = o.provider_code AND l.account_code = o.account_code
        """,
    )
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
        SELECT * EXCEPT (place) FROM (
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
        FROM renamed_openings AS n
        JOIN renamed_openings AS f ON f.head_provider = n.head_provider AND f.head_code = n.head_code AND f.place = 1
        WHERE {" OR ".join(f"n.{name} IS DISTINCT FROM f.{name}" for name in _SAID)}
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


def _judged(engine: Engine) -> None:
    """Make ``judged_accounts`` and ``judged_openings``."""
    engine.table(
        "changed_names",
        "SELECT DISTINCT id_norm, name_norm FROM standing_invalid_cards"
        " WHERE event = 'name_changed' AND name_known AND id_status <> 'bad_form'",
    )
    engine.table("account_moments", _MOMENTS)
    engine.table("judged_accounts", f"SELECT {', '.join(JUDGED_ACCOUNTS.names)} FROM ({_JUDGED}) AS j")
    engine.table(
        "judged_openings",
        f"SELECT {', '.join(JUDGED_OPENINGS.names)} FROM head_openings AS o JOIN account_moments AS m"
        " ON o.head_provider = m.source_provider AND o.head_code = m.source_code"
        " AND m.no_moment IS DISTINCT FROM 'transferred_debt'",
    )
    # No rule reads these: who sat at the desk and which phone was left are for the score alone (SPEC 7.4).
    engine.table(
        "opening_parties",
        "SELECT m.provider_code, m.account_code, o.session_provider, o.operator_id, o.phone, o.handler_id_norm"
        " FROM head_openings AS o JOIN account_moments AS m"
        " ON o.head_provider = m.source_provider AND o.head_code = m.source_code"
        " AND m.no_moment IS DISTINCT FROM 'transferred_debt'",
    )
    engine.drop("changed_names", "account_moments")


# What an opening says, whoever delivered it.
_SAID = (
    *("document_kind", "card_valid_from", "card_valid_to", "card_issuer", "channel", "session_id", "operator_id"),
    *("phone", "handler_id_norm", "exception_code", "exception_followed_up_on"),
)

# What an opening says of the card that was shown; with document_kind other no ID card was (SPEC 3.2).
_SHOWN = """o.document_kind,
            CASE WHEN o.document_kind = 'other' THEN NULL ELSE epoch_day(o.card_valid_from) END AS shown_on,
            CASE WHEN o.document_kind = 'other' THEN NULL ELSE epoch_day(o.card_valid_to) END AS shown_to,
            o.channel, o.provider_code AS session_provider, o.session_id, o.handler_id_norm, o.handler_id_status,
            o.exception_code, epoch_day(o.exception_followed_up_on) AS exception_followed_up_on,
            o.operator_id, o.phone"""

_OF_ROWS = """r.provider_code, r.account_code, r.id_norm, r.id_status, r.id_type, r.account_type, r.name,
        r.region_code, r.business_code, r.original_provider_code, r.original_account_code"""

# A C1 debt has moment and opening of the account that it comes from; every other account has its own.
_MOMENTS = f"""
    SELECT {_OF_ROWS}, r.provider_code AS source_provider, r.account_code AS source_code,
        COALESCE(r.agreement_from, r.opened_from) AS moment_from,
        COALESCE(r.agreement_to, r.opened_to) AS moment_to,
        CASE WHEN r.account_type = 'R4' AND r.agreement_from IS NULL THEN 'agreement_unknown' END AS no_moment
    FROM judged_rows AS r WHERE r.account_type <> 'C1'
    UNION ALL
    SELECT {_OF_ROWS}, e.end_provider AS source_provider, e.end_code AS source_code,
        COALESCE(s.agreement_from, s.opened_from) AS moment_from,
        COALESCE(s.agreement_to, s.opened_to) AS moment_to,
        CASE WHEN s.account_type IS NULL OR s.account_type = 'C1' OR e.in_ring THEN 'transferred_debt'
             WHEN s.account_type = 'R4' AND s.agreement_from IS NULL THEN 'agreement_unknown' END AS no_moment
    FROM judged_rows AS r
    LEFT JOIN original_ends AS e ON e.from_provider = r.provider_code AND e.from_code = r.account_code
    LEFT JOIN judged_rows AS s ON s.provider_code = e.end_provider AND s.account_code = e.end_code
    WHERE r.account_type = 'C1'
"""

_JUDGED = """
    SELECT m.provider_code, m.account_code, m.id_norm, m.id_status, m.id_type, m.account_type,
        m.region_code, m.business_code,
        CASE WHEN m.no_moment IS NULL THEN m.moment_from END AS moment_from,
        CASE WHEN m.no_moment IS NULL THEN m.moment_to END AS moment_to,
        CASE WHEN m.no_moment IS NULL THEN day_of_second(m.moment_from) END AS moment_day,
        m.no_moment, o.document_kind, o.shown_on, o.shown_to,
        COALESCE(g.group_code, m.provider_code) AS group_code,
        -- Names of the registry's name_changed events are one with each other; no name has a space in it.
        CASE WHEN c.name_norm IS NOT NULL THEN 'changed names' ELSE m.name END AS name_key,
        CASE WHEN m.account_type <> 'C1' THEN NULL
             WHEN m.no_moment IS DISTINCT FROM 'transferred_debt' THEN m.source_provider || '/' || m.source_code
             ELSE m.original_provider_code || '/' || m.original_account_code END AS original
    FROM account_moments AS m
    LEFT JOIN institution_groups AS g ON g.provider_code = m.provider_code
    LEFT JOIN changed_names AS c ON c.id_norm = m.id_norm AND c.name_norm = m.name
    -- A debt without an original has no opening either.
    LEFT JOIN head_openings AS o ON o.head_provider = m.source_provider AND o.head_code = m.source_code
        AND m.no_moment IS DISTINCT FROM 'transferred_debt'
"""
