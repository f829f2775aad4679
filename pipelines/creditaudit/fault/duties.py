"""The calendar of duties, asked for many accounts at once (SPEC 7.2).

The answer changes only on days on which a row of ``duties`` or of ``institutions`` begins or ends, and only with
values that a row of ``duties`` states. So accounts are grouped by what the table can tell apart, and only the groups
are joined to it: the cost grows with the calendar, not with the accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.engines import Engine


def ask_duties(engine: Engine) -> None:
    """Make ``duty_days`` and ``fault_duties``: the duty of every account and kind of check that the lane asks about.

    Reads ``fault_findings`` (provider_code, region_code, business_code, account_type, channel, check_kind, moment_day),
    ``duties`` and ``institutions`` (as read from the reference tables: text, DATE, ``row``).

    ``duty_days`` has moment_day and as_of_day, the day as of which it is asked. ``fault_duties`` has one row per group
    and as_of_day: the columns of the group ('' for missing), as_of_day, duty (in_force, not_in_force, unknown), duty_id
    (NULL: no row speaks of it), duty_source (NULL: none, or not given).
    """
    engine.table("duty_rows", _ROWS)
    engine.table("duty_days", _DAYS)
    engine.table("duty_asks", _ASKS)
    _lines(engine)
    engine.table("duty_groups", _GROUPS)
    engine.table("duty_answers", _ANSWERS)
    engine.table("fault_duties", _DUTIES)
    engine.drop("duty_rows", "duty_asks", "duty_lines", "duty_groups", "duty_answers")


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
_DAYS = """
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
    FROM fault_findings AS f JOIN duty_days AS t ON t.moment_day = f.moment_day
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

# Values that no row states are all alike, so they are put together: '' matches rows that state nothing. Of a region the
# longest prefix that a row states is kept, of a provider its nearest ancestor that a row states: shorter prefixes and
# farther ancestors follow from them.
_GROUPS = """
    WITH own AS (
        SELECT a.*, CASE WHEN a.region_code <> '' THEN a.region_code ELSE COALESCE(o.region_code, '') END AS region,
            o.kind
        FROM duty_asks AS a JOIN duty_lines AS o
            ON o.provider_code = a.provider_code AND o.as_of_day = a.as_of_day AND o.distance = 0
    ), prefixes AS (
        SELECT r.region, MAX(d.region_code) AS prefix
        FROM (SELECT DISTINCT region FROM own) AS r
        JOIN (SELECT DISTINCT region_code FROM duty_rows) AS d
            ON substr(r.region, 1, length(d.region_code)) = d.region_code
        GROUP BY r.region
    ), nearest AS (
        SELECT provider_code, as_of_day, ancestor_code FROM (
            SELECT l.*, row_number() OVER (PARTITION BY l.provider_code, l.as_of_day ORDER BY l.distance) AS place
            FROM duty_lines AS l
            WHERE EXISTS (SELECT 1 FROM duty_rows AS d WHERE d.provider_code = l.ancestor_code)
        ) AS placed WHERE place = 1
    )
    SELECT o.provider_code, o.region_code, o.business_code, o.account_type, o.channel, o.check_kind, o.as_of_day,
        COALESCE(n.ancestor_code, '') AS asked_provider, COALESCE(k.institution_kind, '') AS asked_kind,
        COALESCE(p.prefix, '') AS asked_region, COALESCE(b.business_code, '') AS asked_business,
        COALESCE(t.account_type, '') AS asked_type, COALESCE(c.channel, '') AS asked_channel
    FROM own AS o
    LEFT JOIN nearest AS n ON n.provider_code = o.provider_code AND n.as_of_day = o.as_of_day
    LEFT JOIN prefixes AS p ON p.region = o.region
    LEFT JOIN (SELECT DISTINCT institution_kind FROM duty_rows) AS k ON k.institution_kind = o.kind
    LEFT JOIN (SELECT DISTINCT business_code FROM duty_rows) AS b ON b.business_code = o.business_code
    LEFT JOIN (SELECT DISTINCT account_type FROM duty_rows) AS t ON t.account_type = o.account_type
    LEFT JOIN (SELECT DISTINCT channel FROM duty_rows) AS c ON c.channel = o.channel
"""

# Which rows match a group, whatever their provider.
_MATCH = """d.check_kind = a.check_kind
            AND (d.in_force_from IS NULL OR d.in_force_from <= a.as_of_day)
            AND (d.in_force_to IS NULL OR d.in_force_to >= a.as_of_day)
            AND (d.institution_kind IS NULL OR d.institution_kind = a.asked_kind)
            AND (d.region_code IS NULL OR substr(a.asked_region, 1, length(d.region_code)) = d.region_code)
            AND (d.business_code IS NULL OR d.business_code = a.asked_business)
            AND (d.account_type IS NULL OR d.account_type = a.asked_type)
            AND (d.channel IS NULL OR d.channel = a.asked_channel)"""

# Wins: most fields stated, the nearer provider, the longest region prefix, the latest in_force_from, the smallest
# duty_id.
_ANSWERS = f"""
    WITH asked AS (
        SELECT q.*, row_number() OVER (
            ORDER BY asked_provider, asked_kind, asked_region, asked_business, asked_type, asked_channel, check_kind,
                as_of_day
        ) AS number
        FROM (
            SELECT DISTINCT asked_provider, asked_kind, asked_region, asked_business, asked_type, asked_channel,
                check_kind, as_of_day
            FROM duty_groups
        ) AS q
    ), named_lines AS (
        SELECT s.asked_provider, s.as_of_day, l.ancestor_code, l.distance
        FROM (
            SELECT asked_provider, as_of_day, MIN(provider_code) AS provider_code
            FROM duty_groups WHERE asked_provider <> '' GROUP BY asked_provider, as_of_day
        ) AS s
        JOIN duty_lines AS l ON l.provider_code = s.provider_code AND l.as_of_day = s.as_of_day
    ), candidates AS (
        SELECT a.number, d.duty_id, d.stated, d.region_code, d.in_force_from, CAST(NULL AS INTEGER) AS distance
        FROM asked AS a
        JOIN duty_rows AS d ON d.provider_code IS NULL AND {_MATCH}
        UNION ALL
        SELECT a.number, d.duty_id, d.stated, d.region_code, d.in_force_from, l.distance
        FROM asked AS a
        JOIN named_lines AS l ON l.asked_provider = a.asked_provider AND l.as_of_day = a.as_of_day
        JOIN duty_rows AS d ON d.provider_code = l.ancestor_code AND {_MATCH}
    ), ranked AS (
        SELECT c.number, c.duty_id, row_number() OVER (
            PARTITION BY c.number
            ORDER BY c.stated DESC, c.distance NULLS LAST, COALESCE(length(c.region_code), 0) DESC,
                c.in_force_from DESC NULLS LAST, c.duty_id
        ) AS place
        FROM candidates AS c
    )
    SELECT a.asked_provider, a.asked_kind, a.asked_region, a.asked_business, a.asked_type, a.asked_channel,
        a.check_kind, a.as_of_day, d.duty_id, d.source AS duty_source,
        CASE WHEN d.in_force_to IS NULL AND d.documented_to < a.as_of_day THEN 'unknown' ELSE d.status END AS duty
    FROM asked AS a
    JOIN ranked AS r ON r.number = a.number AND r.place = 1
    JOIN duty_rows AS d ON d.duty_id = r.duty_id
"""

_DUTIES = """
    SELECT g.provider_code, g.region_code, g.business_code, g.account_type, g.channel, g.check_kind, g.as_of_day,
        COALESCE(a.duty, 'unknown') AS duty, a.duty_id, a.duty_source
    FROM duty_groups AS g
    LEFT JOIN duty_answers AS a ON a.asked_provider = g.asked_provider AND a.asked_kind = g.asked_kind
        AND a.asked_region = g.asked_region AND a.asked_business = g.asked_business AND a.asked_type = g.asked_type
        AND a.asked_channel = g.asked_channel AND a.check_kind = g.check_kind AND a.as_of_day = g.as_of_day
"""
