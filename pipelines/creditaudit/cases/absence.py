"""Deliveries that prove an account absent (SPEC 8.3).

Absence is shown by what a full delivery does not hold, so whatever could hide a row speaks against it: a file that is
short, refused, or says less than all; a row that could not be read; the same account under another code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.scopes import BETWEEN
from creditaudit.cases.history import drop_known, open_held

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_PARTS = pa.schema([(name, pa.string()) for name in ("scope", "provider_code", "region_code", "business_codes")])


def prove_absence(engine: Engine, book: Book, night: date) -> pa.Table:
    """Find the deliveries of tonight that prove an account of a waiting case absent.

    Reads what ``cases/proof_rows.py`` and ``cases/bases.py`` make, ``account_files``, ``standing_accounts``,
    ``standing_account_deliveries``, ``standing_absent_accounts``, ``standing_held_scopes``, ``institution_groups``,
    ``lineage``, ``contradicted_renames`` and ``standing_account_renames``.

    Makes ``absence_checks`` (case_id, episode, scope, sha256s, files, and what speaks against a proof: is_unstated,
    is_refused, largest, distinct_rows, is_outside, is_unheld), ``case_blocks`` (case_id, is_delivered, is_quarantined,
    is_unread), ``rekeyed_codes`` (case_id, account_code), ``unscoped`` (case_id) and ``sound_absences`` (case_id,
    episode, scope, sha256s, files).

    Returns
    -------
    pyarrow.Table
        What was looked up of earlier deliveries: schema ``HELD_SCOPES``.
    """
    _deliveries(engine, night)
    engine.table("absence_checks", _CHECKS)
    engine.table("case_blocks", _BLOCKS)
    engine.table("unscoped", _UNSCOPED)
    engine.table("asked_scopes", f"SELECT c.case_id, c.scope FROM absence_checks AS c WHERE {_IS_FULL}")
    looked_up = open_held(engine, book, night)
    engine.table(
        "absence_checks",
        "SELECT c.*, h.case_id IS NOT NULL AND h.held_on IS NULL AS is_unheld FROM absence_checks AS c"
        " LEFT JOIN held_before AS h ON h.case_id = c.case_id AND h.scope = c.scope",
    )
    engine.table(
        "ready_absences",
        f"SELECT c.case_id, c.episode, c.scope, c.sha256s, c.files FROM absence_checks AS c"
        f" WHERE {_IS_FULL} AND NOT c.is_unheld",
    )
    _rekeyed(engine, book)
    engine.table(
        "sound_absences",
        "SELECT r.* FROM ready_absences AS r"
        " WHERE NOT EXISTS (SELECT 1 FROM rekeyed_codes AS k WHERE k.case_id = r.case_id)",
    )
    engine.drop("tonight_deliveries", "tonight_scopes", "asked_scopes", "held_before", "ready_absences")
    return looked_up


def _deliveries(engine: Engine, night: date) -> None:
    """Make ``tonight_deliveries``: the full files of one scope are one."""
    scopes = engine.fetch("SELECT DISTINCT scope FROM account_files WHERE scope IS NOT NULL ORDER BY scope")
    rows = [[scope, *(part or None for part in scope.split(BETWEEN))] for scope in scopes["scope"].to_pylist()]
    engine.load(
        "tonight_scopes", pa.Table.from_pylist([dict(zip(_PARTS.names, r, strict=True)) for r in rows], schema=_PARTS)
    )
    engine.table(
        "tonight_deliveries",
        f"""
        SELECT f.scope, string_agg(DISTINCT f.sha256, ';' ORDER BY f.sha256) AS sha256s,
            string_agg(DISTINCT f.file, ';' ORDER BY f.file) AS files,
            NOT bool_and(f.is_stated) AS is_unstated, bool_or(f.is_refused) AS is_refused,
            CAST(COALESCE(sum(d.distinct_rows), 0) AS BIGINT) AS distinct_rows
        FROM account_files AS f
        LEFT JOIN standing_account_deliveries AS d ON d.night = DATE '{night.isoformat()}' AND d.file = f.file
        WHERE f.scope IS NOT NULL
        GROUP BY f.scope
        """,
    )


# An account that says neither region nor business may lie anywhere: then what an earlier delivery held decides.
_CHECKS = """
    SELECT p.case_id, p.episode, d.scope, d.sha256s, d.files, d.is_unstated, d.is_refused, d.distinct_rows,
        l.largest,
        COALESCE(NOT starts_with(r.region_code, s.region_code), FALSE)
            OR COALESCE(instr(';' || s.business_codes || ';', ';' || r.business_code || ';') = 0, FALSE) AS is_outside
    FROM proof_cases AS p
    JOIN tonight_scopes AS s ON s.provider_code IS NULL OR s.provider_code = p.provider_code
    JOIN tonight_deliveries AS d ON d.scope = s.scope
    LEFT JOIN case_rows AS r ON r.case_id = p.case_id
    LEFT JOIN largest_deliveries AS l ON l.scope = d.scope
    WHERE NOT p.is_verified AND p.outcome IN ('1', '4', '5')
"""

# A refused file may hold anything of the institution that it speaks for; without a control, of anyone.
_BLOCKS = """
    SELECT p.case_id,
        EXISTS (SELECT 1 FROM held_tonight AS h WHERE h.case_id = p.case_id)
            OR EXISTS (SELECT 1 FROM quarantined_held AS q WHERE q.case_id = p.case_id) AS is_delivered,
        EXISTS (SELECT 1 FROM quarantined_near AS q WHERE q.case_id = p.case_id) AS is_quarantined,
        u.case_id IS NOT NULL AS is_unread
    FROM proof_cases AS p
    LEFT JOIN (
        SELECT DISTINCT c.case_id FROM account_files AS f
        JOIN proof_codes AS c ON f.provider_code IS NULL OR f.provider_code = c.provider_code
        WHERE f.is_refused
    ) AS u ON u.case_id = p.case_id
"""

# Full files of the institution that do not say what they are full of.
_UNSCOPED = """
    SELECT DISTINCT p.case_id FROM account_files AS f
    JOIN proof_cases AS p ON f.provider_code IS NULL OR f.provider_code = p.provider_code
    WHERE f.is_full AND f.scope IS NULL
"""

# Whatever can be said without looking at earlier nights' rows. Without an earlier delivery nobody knows what is all.
_IS_FULL = """NOT c.is_unstated AND NOT c.is_refused AND NOT c.is_outside
        AND COALESCE(10 * c.distinct_rows >= 9 * c.largest, FALSE)
        AND EXISTS (SELECT 1 FROM case_blocks AS b WHERE b.case_id = c.case_id
            AND NOT b.is_delivered AND NOT b.is_quarantined AND NOT b.is_unread)"""


def _rekeyed(engine: Engine, book: Book) -> None:
    """Make ``rekeyed_codes``: accounts under which one that seems to be absent may go on."""
    engine.table("rekeyed_codes", _SUSPECTS)
    drop_known(engine, book, "rekeyed_codes")
    engine.table(
        "rekeyed_codes",
        "SELECT case_id, account_code FROM rekeyed_codes"
        f" UNION SELECT case_id, account_code FROM ({_CONTRADICTED}) AS c",
    )


_ABSENT = """SELECT 1 FROM standing_absent_accounts AS n WHERE n.is_absent
            AND n.provider_code = a.provider_code AND n.account_code = a.account_code"""

_SUSPECTS = f"""
    SELECT p.case_id, p.opened_on, a.provider_code, a.account_code
    FROM (SELECT DISTINCT case_id FROM ready_absences) AS c
    JOIN proof_cases AS p ON p.case_id = c.case_id
    LEFT JOIN case_rows AS r ON r.case_id = p.case_id
    JOIN standing_accounts AS a ON a.id_norm = p.id_norm AND a.id_status <> 'bad_form'
    LEFT JOIN institution_groups AS g ON g.provider_code = p.provider_code
    LEFT JOIN institution_groups AS h ON h.provider_code = a.provider_code
    LEFT JOIN institution_groups AS o ON o.provider_code = a.original_provider_code
    WHERE a.night > p.opened_on
        AND (
            (COALESCE(h.group_code, a.provider_code) = COALESCE(g.group_code, p.provider_code)
                AND (CAST(a.opened_from AS DATE) = CAST(r.opened_from AS DATE) OR a.amount = r.amount))
            OR (a.account_type = 'C1' AND COALESCE(o.group_code, a.original_provider_code)
                = COALESCE(g.group_code, p.provider_code))
        )
        AND NOT EXISTS (SELECT 1 FROM proof_codes AS k WHERE k.case_id = p.case_id
            AND k.provider_code = a.provider_code AND k.account_code = a.account_code)
        AND NOT EXISTS ({_ABSENT})
"""

# A rename whose two rows contradict each other joins nothing, but it says where the account went.
_CONTRADICTED = f"""
    SELECT c.case_id, a.account_code
    FROM ready_absences AS c
    JOIN proof_codes AS k ON k.case_id = c.case_id
    JOIN contradicted_renames AS x ON x.provider_code = k.provider_code AND x.old_account_code = k.account_code
    JOIN standing_account_renames AS r ON r.provider_code = x.provider_code AND r.old_account_code = x.old_account_code
    JOIN standing_accounts AS a
        ON a.provider_code = COALESCE(r.new_provider_code, r.provider_code) AND a.account_code = r.new_account_code
    WHERE NOT EXISTS ({_ABSENT})
"""
