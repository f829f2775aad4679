"""The calendar of duties, asked for many accounts at once (SPEC 7.2).

The answer changes only on days on which a row of ``duties`` or of ``institutions`` begins or ends. So accounts are
grouped by institution, region, business, type, channel, kind of check and the stretch of days between two such days,
and only the groups are joined to the table: its cost grows with the calendar, not with the accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.engines import Engine

# What a group of accounts is made of; text, NULL replaced by '' (a cell is never empty text).
_GROUP = ("provider_code", "region_code", "business_code", "account_type", "channel", "check_kind")


def ask_duties(engine: Engine) -> None:
    """Make ``fault_duties``: the duty of every account and kind of check that the fault lane asks about.

    Reads ``fault_findings`` (provider_code, region_code, business_code, account_type, channel, check_kind, moment_day),
    ``duties`` and ``institutions`` (as read from the reference tables: text, DATE, ``row``).

    ``fault_duties`` has one row per group and moment_day: the columns of the group ('' for missing), moment_day, duty
    (in_force, not_in_force, unknown), duty_id (NULL: no row speaks of it), duty_source (NULL: none, or not given).
    """
    engine.table("duty_rows", _ROWS)
    engine.table("duty_stretches", _STRETCHES)
    engine.table("duty_asks", _ASKS)
    _lines(engine)
    engine.table("duty_answers", _ANSWERS)
    engine.table(
        "fault_duties",
        f"""
        SELECT {", ".join(f"a.{name}" for name in _GROUP)}, t.moment_day,
            COALESCE(a.duty, 'unknown') AS duty, a.duty_id, a.duty_source
        FROM duty_answers AS a JOIN duty_stretches AS t ON t.as_of_day = a.as_of_day
        """,
    )
    engine.drop("duty_rows", "duty_stretches", "duty_asks", "duty_lines", "duty_answers")


def _lines(engine: Engine) -> None:
    """Make ``duty_lines``: each provider with its ancestors, nearest first, as in force on the day that is asked about.

    provider_code, as_of_day, ancestor_code, distance (0: itself), kind and region_code of the ancestor's row. A parent
    without a row of its own ends the line; so does one that is in it already.
    """
    engine.table(
        "duty_lines",
        _IN_FORCE.format(
            asked="SELECT DISTINCT provider_code, as_of_day, provider_code AS ancestor_code, 0 AS distance"
            " FROM duty_asks"
        ),
    )
    distance = 0
    while True:
        parents = (
            "SELECT l.provider_code, l.as_of_day, l.parent_code AS ancestor_code, l.distance + 1 AS distance"
            f" FROM duty_lines AS l WHERE l.distance = {distance} AND l.parent_code IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM duty_lines AS k WHERE k.provider_code = l.provider_code"
            " AND k.as_of_day = l.as_of_day AND k.ancestor_code = l.parent_code)"
        )
        if not engine.table("duty_parents", _IN_FORCE.format(asked=parents)):
            break
        engine.table("duty_lines", "SELECT * FROM duty_lines UNION ALL SELECT * FROM duty_parents")
        distance += 1
    engine.drop("duty_parents")


# NULL in one of the six fields: any value matches. stated: fields other than any.
_ROWS = """
    SELECT d.*,
        CASE WHEN d.provider_code IS NULL THEN 0 ELSE 1 END + CASE WHEN d.institution_kind IS NULL THEN 0 ELSE 1 END
            + CASE WHEN d.region_code IS NULL THEN 0 ELSE 1 END + CASE WHEN d.business_code IS NULL THEN 0 ELSE 1 END
            + CASE WHEN d.account_type IS NULL THEN 0 ELSE 1 END + CASE WHEN d.channel IS NULL THEN 0 ELSE 1 END
            AS stated
    FROM (
        SELECT duty_id, check_kind, status, source,
            NULLIF(provider_code, '*') AS provider_code, NULLIF(institution_kind, '*') AS institution_kind,
            NULLIF(region_code, '*') AS region_code, NULLIF(business_code, '*') AS business_code,
            NULLIF(account_type, '*') AS account_type, NULLIF(channel, '*') AS channel,
            epoch_day(in_force_from) AS in_force_from, epoch_day(in_force_to) AS in_force_to,
            epoch_day(documented_to) AS documented_to
        FROM duties
    ) AS d
"""

# Between two days on which a row begins or has ended, every day has the same answer: it is asked as of the first one.
_STRETCHES = """
    WITH breaks AS (
        SELECT in_force_from AS day FROM duty_rows
        UNION SELECT in_force_to + 1 AS day FROM duty_rows
        UNION SELECT documented_to + 1 AS day FROM duty_rows
        UNION SELECT epoch_day(valid_from) AS day FROM institutions
        UNION SELECT epoch_day(valid_to) + 1 AS day FROM institutions
    ), marked AS (
        SELECT day, 1 AS is_break, 0 AS is_asked FROM breaks WHERE day IS NOT NULL
        UNION ALL SELECT DISTINCT moment_day AS day, 0 AS is_break, 1 AS is_asked FROM fault_findings
    ), counted AS (
        SELECT day, is_asked, SUM(is_break) OVER (ORDER BY day) AS stretch FROM marked
    ), asked AS (
        SELECT day, stretch FROM counted WHERE is_asked = 1
    )
    SELECT a.day AS moment_day, b.as_of_day
    FROM asked AS a JOIN (SELECT stretch, MIN(day) AS as_of_day FROM asked GROUP BY stretch) AS b
        ON b.stretch = a.stretch
"""

_ASKS = """
    SELECT DISTINCT f.provider_code, COALESCE(f.region_code, '') AS region_code,
        COALESCE(f.business_code, '') AS business_code, f.account_type, COALESCE(f.channel, '') AS channel,
        f.check_kind, t.as_of_day
    FROM fault_findings AS f JOIN duty_stretches AS t ON t.moment_day = f.moment_day
"""

# The row of an institution in force on a day: of several the latest valid_from, then the last in the table (SPEC 12).
_IN_FORCE = """
    SELECT provider_code, as_of_day, ancestor_code, distance, parent_code, kind, region_code FROM (
        SELECT q.provider_code, q.as_of_day, q.ancestor_code, q.distance, i.parent_code, i.kind, i.region_code,
            row_number() OVER (
                PARTITION BY q.provider_code, q.as_of_day, q.ancestor_code
                ORDER BY i.valid_from DESC NULLS LAST, i.row DESC NULLS LAST
            ) AS place
        FROM ({asked}) AS q
        LEFT JOIN institutions AS i ON i.provider_code = q.ancestor_code
            AND (i.valid_from IS NULL OR epoch_day(i.valid_from) <= q.as_of_day)
            AND (i.valid_to IS NULL OR epoch_day(i.valid_to) >= q.as_of_day)
    ) AS placed WHERE place = 1
"""

# Wins: most fields stated, the nearer provider, the longest region prefix, the latest in_force_from, the smallest
# duty_id. A value that the account lacks is '' here, which no row states.
_ANSWERS = """
    WITH asked AS (
        SELECT a.*, CASE WHEN a.region_code <> '' THEN a.region_code ELSE COALESCE(o.region_code, '') END AS region,
            COALESCE(o.kind, '') AS kind
        FROM duty_asks AS a JOIN duty_lines AS o
            ON o.provider_code = a.provider_code AND o.as_of_day = a.as_of_day AND o.distance = 0
    ), ranked AS (
        SELECT a.provider_code, a.region_code, a.business_code, a.account_type, a.channel, a.check_kind, a.as_of_day,
            d.duty_id, d.source AS duty_source,
            CASE WHEN d.in_force_to IS NULL AND d.documented_to < a.as_of_day THEN 'unknown' ELSE d.status END AS duty,
            row_number() OVER (
                PARTITION BY a.provider_code, a.region_code, a.business_code, a.account_type, a.channel, a.check_kind,
                    a.as_of_day
                ORDER BY d.stated DESC, CASE WHEN d.provider_code IS NULL THEN 1 ELSE 0 END, l.distance,
                    COALESCE(length(d.region_code), 0) DESC, d.in_force_from DESC NULLS LAST, d.duty_id
            ) AS place
        FROM asked AS a
        JOIN duty_rows AS d ON d.check_kind = a.check_kind
            AND (d.in_force_from IS NULL OR d.in_force_from <= a.as_of_day)
            AND (d.in_force_to IS NULL OR d.in_force_to >= a.as_of_day)
            AND (d.institution_kind IS NULL OR d.institution_kind = a.kind)
            AND (d.region_code IS NULL OR substr(a.region, 1, length(d.region_code)) = d.region_code)
            AND (d.business_code IS NULL OR d.business_code = a.business_code)
            AND (d.account_type IS NULL OR d.account_type = a.account_type)
            AND (d.channel IS NULL OR d.channel = a.channel)
        LEFT JOIN duty_lines AS l ON l.provider_code = a.provider_code AND l.as_of_day = a.as_of_day
            AND l.ancestor_code = d.provider_code
        WHERE d.provider_code IS NULL OR l.distance IS NOT NULL
    )
    SELECT a.provider_code, a.region_code, a.business_code, a.account_type, a.channel, a.check_kind, a.as_of_day,
        r.duty, r.duty_id, r.duty_source
    FROM duty_asks AS a
    LEFT JOIN ranked AS r ON r.place = 1 AND r.provider_code = a.provider_code AND r.region_code = a.region_code
        AND r.business_code = a.business_code AND r.account_type = a.account_type AND r.channel = a.channel
        AND r.check_kind = a.check_kind AND r.as_of_day = a.as_of_day
"""
