"""What an institution's records of its checks say, and whether they are whole (SPEC 7.3, Performed and Covered)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from creditaudit.feeds.retention import TEN_YEARS_FROM, kept_since

if TYPE_CHECKING:
    from creditaudit.engines import Engine

_EPOCH = date(1970, 1, 1)


def read_checks(engine: Engine, night: date) -> None:
    """Make ``fault_checks``: one row per account of ``fault_findings``.

    Reads ``fault_findings``, ``last_checks``, ``judged_rows``, ``lineage``, ``standing_full_deliveries`` and
    ``standing_check_gaps``.

    ``fault_checks`` has provider_code, account_code, covered_by (``<night>/<file>`` of the first full verifications
    file that covers the account; NULL: none does) and performed.
    """
    _cover(engine)
    five, ten = ((kept_since(night, years) - _EPOCH).days for years in (5, 10))
    engine.table(
        "fault_checks",
        f"""
        SELECT a.provider_code, a.account_code, v.covered_by,
            CASE
                WHEN c.card_check_result IN ('reported_lost', 'invalid')
                    THEN CASE WHEN c.is_excepted THEN 'excepted' ELSE 'warned' END
                WHEN c.card_check_result = 'valid' THEN 'passed'
                WHEN c.card_check_result = 'error' THEN 'errored'
                WHEN c.card_checked_soon_after OR v.covered_by IS NULL THEN 'unknown'
                WHEN r.closed_on IS NULL THEN 'missing'
                WHEN r.closed_on >= CASE WHEN r.closed_on >= {(TEN_YEARS_FROM - _EPOCH).days} THEN {ten} ELSE {five} END
                    THEN 'missing'
                ELSE 'beyond_retention'
            END AS performed
        FROM fault_accounts AS a
        LEFT JOIN last_checks AS c ON c.provider_code = a.provider_code AND c.account_code = a.account_code
        LEFT JOIN judged_rows AS r ON r.provider_code = a.provider_code AND r.account_code = a.account_code
        LEFT JOIN fault_coverage AS v ON v.provider_code = a.provider_code AND v.account_code = a.account_code
        """,
    )
    engine.drop("fault_accounts", "fault_coverage")


def _cover(engine: Engine) -> None:
    """Make ``fault_accounts`` and ``fault_coverage`` (provider_code, account_code, covered_by).

    Whether a file's scope holds an account is asked once per institution, region, business and day; only files with
    quarantined rows are asked for single accounts.
    """
    engine.table(
        "fault_accounts",
        "SELECT DISTINCT provider_code, account_code, region_code, business_code, session_id, moment_day"
        " FROM fault_findings",
    )
    engine.table("check_files", _FILES)
    engine.table("check_scopes", _SCOPES)
    engine.table("check_holes", _HOLES)
    engine.table("fault_coverage", _COVERAGE)
    engine.drop("check_files", "check_scopes", "check_holes")


# Full verifications files that can prove something: their scope is stated whole, and every line of them could be split.
_FILES = """
    SELECT f.night, f.file, CAST(f.night AS STRING) || '/' || f.file AS name, f.provider_code,
        CASE WHEN f.all_regions THEN NULL ELSE f.region_code END AS region_prefix,
        CASE WHEN f.all_business THEN NULL ELSE ';' || f.business_codes || ';' END AS businesses,
        epoch_day(f.covers_from) AS covers_from, epoch_day(f.covers_to) AS covers_to,
        g.night IS NOT NULL AS has_holes
    FROM standing_full_deliveries AS f
    LEFT JOIN (SELECT DISTINCT night, file FROM standing_check_gaps) AS g ON g.night = f.night AND g.file = f.file
    WHERE f.feed = 'verifications'
        AND (f.all_regions OR f.region_code IS NOT NULL)
        AND (f.all_business OR f.business_codes IS NOT NULL)
        AND NOT EXISTS (
            SELECT 1 FROM standing_check_gaps AS u WHERE u.night = f.night AND u.file = f.file AND u.is_unsplit
        )
"""

# The account's own region and business: what it lacks is held by no list and no prefix (SPEC 12, Coverage).
_SCOPES = """
    SELECT s.provider_code, s.region_code, s.business_code, s.moment_day, f.night, f.file, f.name, f.has_holes
    FROM (
        SELECT DISTINCT provider_code, COALESCE(region_code, '') AS region_code,
            COALESCE(business_code, '') AS business_code, moment_day
        FROM fault_accounts
    ) AS s
    JOIN check_files AS f ON f.provider_code = s.provider_code
        AND f.covers_from <= s.moment_day AND f.covers_to >= s.moment_day
        AND (f.region_prefix IS NULL
            OR (s.region_code <> '' AND substr(s.region_code, 1, length(f.region_prefix)) = f.region_prefix))
        AND (f.businesses IS NULL
            OR (s.business_code <> '' AND contains(f.businesses, ';' || s.business_code || ';')))
"""

# Files in which a quarantined row may be a check of the account: it has one of its codes, or its session.
_HOLES = """
    WITH holes AS (
        SELECT f.provider_code, g.night, g.file, g.account_code, g.session_id
        FROM standing_check_gaps AS g JOIN check_files AS f ON f.night = g.night AND f.file = g.file
    ), codes AS (
        SELECT a.provider_code, a.account_code, a.account_code AS code FROM fault_accounts AS a
        UNION
        SELECT a.provider_code, a.account_code, l.account_code AS code FROM fault_accounts AS a
            JOIN lineage AS l ON l.head_provider = a.provider_code AND l.head_code = a.account_code
    )
    SELECT c.provider_code, c.account_code, h.night, h.file FROM codes AS c
        JOIN holes AS h ON h.provider_code = c.provider_code AND h.account_code = c.code
    UNION
    SELECT a.provider_code, a.account_code, h.night, h.file FROM fault_accounts AS a
        JOIN holes AS h ON h.provider_code = a.provider_code AND h.session_id = a.session_id
"""

_COVERAGE = """
    SELECT a.provider_code, a.account_code, MIN(s.name) AS covered_by
    FROM fault_accounts AS a
    JOIN check_scopes AS s ON s.provider_code = a.provider_code AND s.region_code = COALESCE(a.region_code, '')
        AND s.business_code = COALESCE(a.business_code, '') AND s.moment_day = a.moment_day
    LEFT JOIN check_holes AS h ON s.has_holes AND h.provider_code = a.provider_code
        AND h.account_code = a.account_code AND h.night = s.night AND h.file = s.file
    WHERE h.file IS NULL
    GROUP BY a.provider_code, a.account_code
"""
