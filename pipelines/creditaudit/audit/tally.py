"""How many accounts are judged, per institution and quarter of their moment (SPEC 8.5).

Every account that stands is judged every night, whether tonight looked at it again or not (SPEC 2). Where everyone is
judged they are counted over all rows in force: one narrow pass, in which all but renamed accounts and bought debts are
counted as they come. Else only those who are judged tonight are counted, as they are and as they were last night, and
the difference is added to what the last night published (:func:`recount`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.audit.chains import follow
from creditaudit.audit.lineage import build_lineage
from creditaudit.errors import InternalError

if TYPE_CHECKING:
    from creditaudit.audit.touched import Changes
    from creditaudit.engines import Engine

# Quarters since year 0; NULL: an account without a moment. Of a bought debt (C1) its original is asked.
_QUARTER: Final = (
    "CASE WHEN {a}.account_type = 'R4' AND {a}.agreement_from IS NULL THEN NULL"
    " ELSE year(COALESCE({a}.agreement_from, {a}.opened_from)) * 4"
    " + quarter(COALESCE({a}.agreement_from, {a}.opened_from)) - 1 END"
)


def count_judged(engine: Engine, left_out: str | None = None) -> None:
    """Make ``judged_counts``: provider_code, quarter (``2026Q4``; NULL: no moment), accounts (BIGINT).

    Reads ``standing_accounts`` (the whole book's) and ``lineage``. One lineage is one account, of its newest provider.

    Parameters
    ----------
    engine : Engine
    left_out : str, optional
        Relation (provider_code, account_code) of codes that are judged no more: as if they had no row.
    """
    absent = "" if left_out is None else f" WHERE NOT {_is_in(left_out)}"
    engine.view("tally_accounts", f"SELECT a.* FROM standing_accounts AS a{absent}")
    _count(engine, "judged_counts", "tally_accounts", "lineage")
    engine.drop("tally_accounts")


def recount(engine: Engine, changes: Changes) -> bool:
    """Make ``judged_counts`` of what the last night counted and of those who are judged tonight, where that can be.

    Who is not judged tonight has the rows, the renames and the originals of last night, so counts as last night.
    Reads ``previous_institutions``, ``scope_accounts``, ``scope_codes``, ``lineage``; ``changed_accounts``;
    ``rows_before_accounts`` and ``account_renames_before``: rows in force as the last night left them, but for what a
    recall turns: ``turned_accounts``.

    Returns
    -------
    bool
        FALSE, and nothing is made: an account began or ended to be absent (``standing_absent_accounts``), or renames
        were recalled. Its rows are not among those who are judged, so all are to be counted.
    """
    if "account_renames" in changes.recalled:
        return False
    moved = f"SELECT count(*) AS n FROM standing_absent_accounts WHERE night >= DATE '{changes.last}'"
    if engine.fetch(moved)["n"][0].as_py():
        return False
    columns = ", ".join(f"a.{name}" for name in _COLUMNS)
    is_changed = _is_in("changed_accounts")
    replaced = f" UNION ALL SELECT {columns} FROM rows_before_accounts AS a WHERE {is_changed}"
    if "accounts" in changes.recalled:  # the book is read without the files: what was in force is only said here
        replaced += (
            f" AND NOT {_is_in('turned_accounts')}"
            f" UNION ALL SELECT {columns} FROM turned_accounts AS a"
            f" WHERE a.is_gone AND NOT {_is_in('absent_codes')}"
        )
    engine.view("tally_now", f"SELECT {columns} FROM scope_accounts AS a WHERE a.in_scope")
    engine.table(
        "last_standing_accounts",
        f"SELECT {columns} FROM tally_now AS a WHERE NOT {is_changed}"
        f"{replaced if 'accounts' in changes.changed else ''}",
    )
    engine.table(
        "last_standing_account_renames",
        "SELECT r.* FROM account_renames_before AS r WHERE EXISTS (SELECT 1 FROM scope_codes AS s"
        " WHERE s.provider_code = r.provider_code AND s.account_code = r.old_account_code)"
        " OR EXISTS (SELECT 1 FROM scope_codes AS s WHERE s.account_code = r.new_account_code"
        " AND s.provider_code = COALESCE(r.new_provider_code, r.provider_code))",
    )
    build_lineage(engine, changes.last, "last_")
    _count(engine, "tally_before_counts", "last_standing_accounts", "last_lineage")
    _count(engine, "tally_now_counts", "tally_now", "lineage")
    engine.table(
        "judged_counts",
        "SELECT provider_code, quarter, CAST(sum(accounts) AS BIGINT) AS accounts FROM ("
        " SELECT provider_code, quarter, value AS accounts FROM previous_institutions"
        " WHERE measure = 'accounts_judged'"
        " UNION ALL SELECT provider_code, quarter, accounts FROM tally_now_counts"
        " UNION ALL SELECT provider_code, quarter, -accounts FROM tally_before_counts"
        ") AS c GROUP BY provider_code, quarter HAVING sum(accounts) <> 0",
    )
    if engine.fetch("SELECT count(*) AS n FROM judged_counts WHERE accounts < 0")["n"][0].as_py():
        raise InternalError(
            "an institution has fewer than no accounts",
            why="what the last night published as accounts_judged is not what its accounts give",
            next_step="report this; `creditaudit night --full` counts everyone anew",
        )
    engine.drop("tally_now", "tally_now_counts", "tally_before_counts", *(f"last_{name}" for name in _LINEAGE))
    return True


# Columns that a count reads.
_COLUMNS: Final = (
    *("provider_code", "account_code", "account_type", "id_norm", "report_date"),
    *("opened_from", "opened_to", "agreement_from", "original_provider_code", "original_account_code"),
)
_LINEAGE: Final = (
    *("standing_accounts", "standing_account_renames", "lineage", "contradicted_renames"),
    *("rename_edges_all", "renamed_codes", "renamed_rows"),
)


def _is_in(relation: str) -> str:
    """Say in SQL that the account of row ``a`` has a row in a relation."""
    return (
        f"EXISTS (SELECT 1 FROM {relation} AS x"
        " WHERE x.provider_code = a.provider_code AND x.account_code = a.account_code)"
    )


def _count(engine: Engine, name: str, accounts: str, lineage: str) -> None:
    """Make a table of accounts per provider_code and quarter, of account rows and their lineages."""
    engine.table("tally_groups", _GROUPS.format(quarter=_QUARTER.format(a="a"), accounts=accounts, lineage=lineage))
    engine.table("tally_heads", _HEADS)
    _originals(engine, accounts, lineage)
    engine.table(
        name,
        "SELECT provider_code, lpad(CAST(CAST(floor(number / 4) AS INTEGER) AS VARCHAR), 4, '0') || 'Q'"
        " || CAST(number % 4 + 1 AS VARCHAR) AS quarter, CAST(sum(accounts) AS BIGINT) AS accounts"
        f" FROM ({_COUNTED}) AS c GROUP BY provider_code, number",
    )
    engine.drop("tally_groups", "tally_heads", "tally_wanted", "tally_originals", "tally_edges", "tally_ends")


def _originals(engine: Engine, accounts: str, lineage: str) -> None:
    """Make ``tally_originals`` (accounts that debts come from) and ``tally_ends`` (where the chain of a debt ends)."""
    engine.table("tally_wanted", _WANTED.format(lineage=lineage))
    # A second pass is needed only where a debt comes from an account that is neither renamed nor a debt itself.
    lone = engine.fetch("SELECT count(*) AS n FROM tally_wanted WHERE is_lone")["n"][0].as_py()
    engine.table(
        "tally_originals",
        "SELECT provider_code, account_code, id_norm, account_type, quarter FROM tally_heads"
        + (
            f" UNION ALL SELECT a.provider_code, a.account_code, a.id_norm, a.account_type,"
            f" {_QUARTER.format(a='a')} AS quarter FROM {accounts} AS a"
            " JOIN (SELECT DISTINCT to_provider, to_code FROM tally_wanted WHERE is_lone) AS w"
            " ON w.to_provider = a.provider_code AND w.to_code = a.account_code"
            " WHERE a.account_type <> 'C1'"
            if lone
            else ""
        ),
    )
    engine.table(
        "tally_edges",
        "SELECT w.from_provider, w.from_code, w.to_provider, w.to_code FROM tally_wanted AS w JOIN tally_originals AS o"
        " ON o.provider_code = w.to_provider AND o.account_code = w.to_code AND o.id_norm = w.id_norm",
    )
    follow(engine, "tally_edges", "tally_ends")


# Rows of one institution and quarter are counted together; each renamed code and each debt is a group of its own.
_GROUPS = """
    SELECT s.provider_code, s.own_code, s.quarter, count(*) AS accounts, bool_or(s.is_debt) AS is_debt,
        max(s.id_norm) AS id_norm, max(s.account_type) AS account_type, max(s.report_date) AS report_date,
        max(s.original_provider_code) AS original_provider_code, max(s.original_account_code) AS original_account_code,
        max(s.head_provider) AS head_provider, max(s.head_code) AS head_code, max(s.steps) AS steps
    FROM (
        SELECT a.provider_code, {quarter} AS quarter, a.account_type = 'C1' AS is_debt,
            CASE WHEN a.account_type = 'C1' OR l.head_code IS NOT NULL THEN a.account_code END AS own_code,
            CASE WHEN a.account_type = 'C1' OR l.head_code IS NOT NULL THEN a.id_norm END AS id_norm,
            CASE WHEN l.head_code IS NOT NULL THEN a.report_date END AS report_date,
            CASE WHEN a.account_type = 'C1' OR l.head_code IS NOT NULL THEN a.account_type END AS account_type,
            CASE WHEN a.account_type = 'C1' THEN a.original_provider_code END AS original_provider_code,
            CASE WHEN a.account_type = 'C1' THEN a.original_account_code END AS original_account_code,
            l.head_provider, l.head_code, l.steps
        FROM {accounts} AS a
        LEFT JOIN {lineage} AS l ON l.provider_code = a.provider_code AND l.account_code = a.account_code
    ) AS s
    GROUP BY s.provider_code, s.own_code, s.quarter
"""

# The row that judges each lineage: the latest report_date, then the fewest renames to the end, then the greater code
# (SPEC 12), as in the sift.
_HEADS = """
    SELECT * FROM (
        SELECT COALESCE(g.head_provider, g.provider_code) AS provider_code,
            COALESCE(g.head_code, g.own_code) AS account_code,
            g.id_norm, g.account_type, g.quarter, g.original_provider_code, g.original_account_code,
            row_number() OVER (
                PARTITION BY COALESCE(g.head_provider, g.provider_code), COALESCE(g.head_code, g.own_code)
                ORDER BY g.report_date DESC, g.steps, g.provider_code DESC, g.own_code DESC
            ) AS place
        FROM tally_groups AS g WHERE g.own_code IS NOT NULL
    ) AS placed WHERE place = 1
"""

# Where each debt says it comes from, under the newest code; is_lone: that code is in no lineage.
_WANTED = """
    SELECT h.provider_code AS from_provider, h.account_code AS from_code, h.id_norm,
        COALESCE(l.head_provider, h.original_provider_code) AS to_provider,
        COALESCE(l.head_code, h.original_account_code) AS to_code, l.head_code IS NULL AS is_lone
    FROM tally_heads AS h
    LEFT JOIN {lineage} AS l
        ON l.provider_code = h.original_provider_code AND l.account_code = h.original_account_code
    WHERE h.account_type = 'C1' AND h.original_provider_code IS NOT NULL AND h.original_account_code IS NOT NULL
"""

_COUNTED = """
    SELECT provider_code, quarter AS number, accounts FROM tally_groups WHERE own_code IS NULL
    UNION ALL
    SELECT h.provider_code,
        CASE WHEN h.account_type <> 'C1' THEN h.quarter WHEN o.account_type <> 'C1' AND NOT e.in_ring THEN o.quarter
            END AS number,
        1 AS accounts
    FROM tally_heads AS h
    LEFT JOIN tally_ends AS e ON e.from_provider = h.provider_code AND e.from_code = h.account_code
        AND h.account_type = 'C1'
    LEFT JOIN tally_originals AS o ON o.provider_code = e.end_provider AND o.account_code = e.end_code
"""
