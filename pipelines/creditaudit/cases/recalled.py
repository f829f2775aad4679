"""What a recalled file proved, undid, moved or opened: whose cases those are (SPEC 8.1, 8.3).

A proof is of one night and of the files that show it. Without a file of its proof a verified case is due again, in the
same episode; an account whose absence is not proven any more is judged again, and one that only a recalled row had
brought back is absent still. An objection that is recalled was never made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.case_state import CASE_OBJECTIONS
from creditaudit.book.proof_state import ABSENT_ACCOUNTS, ACCOUNT_DELIVERIES, CASE_PROOFS, HELD_SCOPES
from creditaudit.book.state import open_state
from creditaudit.cases.history import open_held
from creditaudit.feeds import FEEDS
from creditaudit.tables import CASES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.book.state_model import StateTable
    from creditaudit.engines import Engine

_TEXT = pa.string()
_REOPENED = pa.schema([("case_id", _TEXT), ("episode", pa.int32()), ("proof", _TEXT)])
_SUBJECTS = pa.schema([(name, _TEXT) for name in ("id_norm", "provider_code", "account_code")])
_OBJECTIONS = pa.schema([("objection_no", _TEXT), ("case_id", _TEXT)])
_RENAMES = ("provider_code", "old_account_code", "new_provider_code", "new_account_code")


def nothing_recalled(engine: Engine) -> None:
    """Make what :func:`name_recalled` makes, without a row: tonight recalls nothing."""
    engine.load("reopened_cases", _REOPENED.empty_table())
    engine.load("recalled_subjects", _SUBJECTS.empty_table())
    engine.load("recalled_renames", pa.schema([(name, _TEXT) for name in _RENAMES]).empty_table())
    engine.load("recalled_objections", _OBJECTIONS.empty_table())


def name_recalled(engine: Engine, feeds: Collection[str]) -> None:
    """Make ``recalled_subjects`` (id_norm, provider_code, account_code) and ``recalled_renames``.

    Whose rows tonight's recalls turn, each part of which may be NULL, and renames that stand no more. Reads
    ``turned_<feed>`` of the feeds that have a recalled file, and ``turned_full_deliveries``.
    """
    parts = [
        "SELECT f.* FROM (SELECT CAST(NULL AS VARCHAR) AS id_norm, CAST(NULL AS VARCHAR) AS provider_code,"
        " CAST(NULL AS VARCHAR) AS account_code) AS f WHERE EXISTS (SELECT 1 FROM turned_full_deliveries)"
    ]
    for feed in sorted(feeds):
        given = FEEDS[feed].schema.names
        columns = {name: f"t.{name}" if name in given else "NULL" for name in _SUBJECTS.names}
        listed_columns = ", ".join(f"{value} AS {name}" for name, value in columns.items())
        parts.append(f"SELECT {listed_columns} FROM turned_{feed} AS t")
    engine.table("recalled_subjects", " UNION ".join(parts))
    if "account_renames" in feeds:
        names = ", ".join(f"t.{name}" for name in _RENAMES)
        engine.table("recalled_renames", f"SELECT {names} FROM turned_account_renames AS t WHERE t.is_gone")
    else:
        engine.load("recalled_renames", pa.schema([(name, _TEXT) for name in _RENAMES]).empty_table())


def without_objections(engine: Engine, book: Book) -> dict[str, pa.Table]:
    """Make ``recalled_objections`` (objection_no, case_id); returns which case has which objection without them.

    Parameters
    ----------
    engine : Engine
        Has ``recalled_keys_objections`` and ``restored_objections``, where that feed has a recalled file.
    book : Book
        Without the recalled files.

    Returns
    -------
    dict
        Table of the state to all its rows before tonight; empty: no objection is recalled.
    """
    engine.load("recalled_objections", _OBJECTIONS.empty_table())
    if "objections" not in book.recalled:
        return {}
    open_state(engine, book, CASE_OBJECTIONS.name, "before_objections")
    gone = """EXISTS (SELECT 1 FROM recalled_keys_objections AS k WHERE k.objection_no = s.objection_no)
        AND NOT EXISTS (SELECT 1 FROM restored_objections AS r WHERE r.objection_no = s.objection_no)"""
    engine.table("recalled_objections", f"SELECT s.objection_no, s.case_id FROM before_objections AS s WHERE {gone}")
    kept = _sorted(engine, CASE_OBJECTIONS, f"SELECT s.* FROM before_objections AS s WHERE NOT ({gone})")
    engine.drop("before_objections")
    return {CASE_OBJECTIONS.name: kept}


def without_proofs(engine: Engine, book: Book, night: date) -> dict[str, pa.Table]:
    """Make ``reopened_cases`` (case_id, episode, proof); returns what the state has of proofs without recalled files.

    Parameters
    ----------
    engine : Engine
        Has ``recalled_tonight`` (feed, read_on, file, row, sha256).
    book : Book
        As the last sealed night left it.
    night : date
        Tonight.

    Returns
    -------
    dict
        Table of the state to all its rows before tonight.
    """
    published = [book.folder(day) / "published" / "cases.parquet" for day in book.sealed[-1:]]
    engine.scan("cases_before", published, CASES)
    for table in (CASE_PROOFS, ABSENT_ACCOUNTS, HELD_SCOPES):
        open_state(engine, book, table.name, f"before_{table.name}")
    _lose_ground(engine, book, night)
    engine.table("lost_proofs", _LOST)
    nights = engine.fetch("SELECT DISTINCT read_on FROM recalled_tonight WHERE feed = 'accounts' ORDER BY read_on")
    days = nights["read_on"].to_pylist()
    since = [day for day in book.sealed if days and day >= days[0]]
    parts = [path for day in since for path in book.parts(day, "intake/accounts")]
    engine.scan("accounts_since", parts, FEEDS["accounts"].schema)
    engine.table("delivered_since", _DELIVERED)
    engine.table("kept_proofs", _KEPT)
    engine.table("reopened_cases", _REOPENED_SQL)
    made = {
        CASE_PROOFS.name: _sorted(engine, CASE_PROOFS, _PROOFS),
        ABSENT_ACCOUNTS.name: _sorted(engine, ABSENT_ACCOUNTS, _ABSENT.format(night=night.isoformat())),
        HELD_SCOPES.name: _sorted(engine, HELD_SCOPES, _HELD),
    }
    engine.drop("cases_before", "lost_ground", "lost_proofs", "accounts_since", "delivered_since", "kept_proofs")
    engine.drop(*(f"before_{name}" for name in made))
    return made


def _lose_ground(engine: Engine, book: Book, night: date) -> None:
    """Make ``lost_ground`` (case_id, scope, held_on): absences that no delivery shows any more to be one.

    A full delivery proves that an account is gone where an earlier one of its scope held it (SPEC 8.3). Of an account
    that no other file delivered nothing is left to be corrected: its case stays as it is.
    """
    if not engine.table("asked_scopes", _SUSPECTED):
        engine.load("lost_ground", _GROUND.empty_table())
        engine.drop("asked_scopes")
        return
    engine.table("proof_codes", _CODES)
    open_state(engine, book, ACCOUNT_DELIVERIES.name, "before_deliveries")
    engine.table("standing_account_deliveries", _DELIVERIES_LEFT)
    engine.load("standing_held_scopes", HELD_SCOPES.schema.empty_table())
    open_held(engine, book, night)
    engine.table("lost_ground", _LOST_GROUND)
    engine.drop("asked_scopes", "proof_codes", "before_deliveries", "held_before")
    engine.drop("standing_account_deliveries", "standing_held_scopes")


def _sorted(engine: Engine, table: StateTable, select: str) -> pa.Table:
    names = ", ".join(table.schema.names)
    order = ", ".join(dict.fromkeys((*table.key, "night")))
    return engine.fetch(f"SELECT {names} FROM ({select}) AS s ORDER BY {order}").cast(table.schema)


_GROUND = pa.schema([("case_id", _TEXT), ("scope", _TEXT), ("held_on", pa.date32())])

_SUSPECTED = """
    SELECT DISTINCT p.case_id, p.detail AS scope FROM before_case_proofs AS p
    JOIN before_held_scopes AS h ON h.case_id = p.case_id AND h.scope = p.detail
    JOIN recalled_tonight AS r ON r.feed = 'accounts' AND r.row = 0 AND r.read_on = h.held_on
    WHERE p.kind = 'absence' AND NOT p.is_void
"""

_CODES = """
    SELECT case_id, provider_code, account_code FROM cases_before WHERE account_code IS NOT NULL
    UNION SELECT case_id, provider_code, account_code FROM before_absent_accounts
"""

_DELIVERIES_LEFT = """
    SELECT d.* FROM before_deliveries AS d WHERE NOT EXISTS (SELECT 1 FROM recalled_tonight AS r
        WHERE r.feed = 'accounts' AND r.row = 0 AND r.read_on = d.night AND r.file = d.file)
"""

_LOST_GROUND = """
    SELECT b.case_id, b.scope, h.held_on FROM held_before AS b
    JOIN before_held_scopes AS h ON h.case_id = b.case_id AND h.scope = b.scope AND h.held_on IS NOT NULL
    WHERE b.held_on IS NULL AND EXISTS (SELECT 1 FROM proof_codes AS c WHERE c.case_id = b.case_id
        AND (NOT EXISTS (SELECT 1 FROM recalled_keys_accounts AS k
                WHERE k.provider_code = c.provider_code AND k.account_code = c.account_code)
            OR EXISTS (SELECT 1 FROM restored_accounts AS a
                WHERE a.provider_code = c.provider_code AND a.account_code = c.account_code)))
"""

# A proof rests on the accounts files of its night that it names, one by an opening on the file of that, too; and on the
# delivery that held the account before.
_LOST = """
    SELECT p.night, p.case_id, p.episode, p.kind, p.detail, r.sha256
    FROM before_case_proofs AS p JOIN lost_ground AS g ON g.case_id = p.case_id AND g.scope = p.detail
    JOIN recalled_tonight AS r ON r.feed = 'accounts' AND r.row = 0 AND r.read_on = g.held_on
    WHERE p.kind = 'absence' AND NOT p.is_void
    UNION
    SELECT DISTINCT p.night, p.case_id, p.episode, p.kind, p.detail, r.sha256
    FROM before_case_proofs AS p JOIN recalled_tonight AS r ON r.read_on = p.night
        AND contains(';' || p.files || ';', ';' || r.file || ';')
        AND ((r.feed = 'accounts' AND contains(p.sha256s, r.sha256))
            OR (r.feed = 'accounts' AND r.row > 0)
            OR (r.feed = 'openings' AND contains(p.sha256s, 'opening')))
    WHERE NOT p.is_void
"""

# Where a row undid a proof, or brought back an account that was absent: which rows came since, under the codes of the
# case or of the account.
_DELIVERED = f"""
    SELECT DISTINCT k.case_id, a.night, EXISTS (SELECT 1 FROM recalled_tonight AS r WHERE r.feed = 'accounts'
        AND r.read_on = a.night AND r.file = a.file AND r.row IN (0, a.row)) AS is_recalled
    FROM ({_CODES}) AS k JOIN (
        SELECT case_id FROM before_case_proofs WHERE is_void
        UNION SELECT case_id FROM before_absent_accounts WHERE NOT is_absent
    ) AS u ON u.case_id = k.case_id
    JOIN accounts_since AS a
        ON a.provider_code = k.provider_code AND a.account_code = k.account_code
"""

# A proof stays unless a file of it is recalled; what undid one stays unless recalled rows alone did.
_KEPT = """
    SELECT p.* FROM before_case_proofs AS p
    WHERE CASE WHEN p.is_void THEN NOT EXISTS (SELECT 1 FROM delivered_since AS d
                WHERE d.case_id = p.case_id AND d.night = p.night AND d.is_recalled)
            OR EXISTS (SELECT 1 FROM delivered_since AS d
                WHERE d.case_id = p.case_id AND d.night = p.night AND NOT d.is_recalled)
        ELSE NOT EXISTS (SELECT 1 FROM lost_proofs AS l WHERE l.night = p.night AND l.case_id = p.case_id
            AND l.episode = p.episode AND l.kind = p.kind AND l.detail IS NOT DISTINCT FROM p.detail) END
"""

# Verified by two proofs, of which one is gone, and no other stands in its place.
_REOPENED_SQL = """
    SELECT c.case_id, c.episode, 'recalled:' || string_agg(DISTINCT substr(l.sha256, 1, 8), ',') AS proof
    FROM (
        SELECT case_id, max(episode) AS episode FROM cases_before GROUP BY case_id
    ) AS n
    JOIN cases_before AS c ON c.case_id = n.case_id AND c.episode = n.episode AND c.state = 'correction_verified'
    JOIN lost_proofs AS l ON l.case_id = c.case_id AND l.episode = c.episode
    WHERE NOT EXISTS (
        SELECT 1 FROM kept_proofs AS b JOIN kept_proofs AS a ON a.case_id = b.case_id AND a.episode = b.episode
            AND a.kind = b.kind AND a.night < b.night AND NOT a.is_void
            AND CASE WHEN b.kind = 'absence' THEN a.sha256s <> b.sha256s ELSE a.detail IS NOT DISTINCT FROM b.detail END
        WHERE b.case_id = c.case_id AND b.episode = c.episode AND b.is_final
    )
    GROUP BY c.case_id, c.episode
"""

_PROOFS = """
    SELECT p.* EXCLUDE (is_final), p.is_final AND NOT EXISTS (SELECT 1 FROM reopened_cases AS r
        WHERE r.case_id = p.case_id AND r.episode = p.episode) AS is_final
    FROM kept_proofs AS p
"""

# Judged again since its absence is not proven any more; absent still since only a recalled row had brought it back.
_ABSENT = """
    SELECT CASE WHEN is_turned THEN DATE '{night}' ELSE night END AS night, provider_code, account_code, case_id,
        is_absent <> is_turned AS is_absent
    FROM (
        SELECT a.*, CASE WHEN a.is_absent
            THEN a.case_id IN (SELECT case_id FROM reopened_cases)
            ELSE EXISTS (SELECT 1 FROM delivered_since AS d
                    WHERE d.case_id = a.case_id AND d.night = a.night AND d.is_recalled)
                AND NOT EXISTS (SELECT 1 FROM delivered_since AS d
                    WHERE d.case_id = a.case_id AND d.night >= a.night AND NOT d.is_recalled)
                AND EXISTS (SELECT 1 FROM kept_proofs AS p
                    WHERE p.case_id = a.case_id AND p.kind = 'absence' AND p.is_final)
            END AS is_turned
        FROM before_absent_accounts AS a
    ) AS t
"""

# What was found in a recalled delivery is looked up anew.
_HELD = """
    SELECT h.* FROM before_held_scopes AS h WHERE NOT EXISTS (SELECT 1 FROM recalled_tonight AS r
        WHERE r.feed = 'accounts' AND r.read_on = h.held_on)
"""
