"""The rows on which one account's fault rests, and nothing else: they are copied into every other world."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from creditaudit.book.state import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from creditaudit.engines import Engine
    from creditaudit.explain.worlds import Row, Rows

_OF_PERSONS = ("loss_reports", "invalid_cards", "issuances")

# The fault-lane rules look at nothing of other accounts. Of a file's rows that could not be split one tells as much as
# all of them.
_OWN_ROWS = {
    "standing_accounts": "SELECT a.* FROM family_rows AS a JOIN family_codes AS c"
    " ON c.provider_code = a.provider_code AND c.account_code = a.account_code",
    "standing_openings": "SELECT o.* FROM family_openings AS o JOIN family_codes AS c"
    " ON c.provider_code = o.provider_code AND c.account_code = o.account_code",
    "standing_verifications": "SELECT v.* FROM family_verifications AS v WHERE EXISTS (SELECT 1 FROM family_codes AS c"
    " WHERE c.provider_code = v.provider_code AND c.account_code = v.account_code)"
    " OR EXISTS (SELECT 1 FROM family_openings AS o JOIN family_codes AS c"
    " ON c.provider_code = o.provider_code AND c.account_code = o.account_code"
    " WHERE o.provider_code = v.provider_code AND o.session_id = v.session_id)",
    "standing_account_renames": "SELECT r.* FROM standing_account_renames AS r JOIN family_codes AS c"
    " ON c.provider_code = r.provider_code AND c.account_code = r.old_account_code",
    "standing_full_deliveries": "SELECT * FROM standing_full_deliveries WHERE feed = 'issuances'"
    " OR (feed = 'verifications' AND provider_code IN (SELECT provider_code FROM family_codes))",
    "standing_check_gaps": "SELECT g.* FROM (SELECT *, row_number() OVER ("
    "PARTITION BY night, file, is_unsplit ORDER BY row) AS place FROM standing_check_gaps) AS g"
    " WHERE (g.is_unsplit AND g.place = 1)"
    " OR g.account_code IN (SELECT account_code FROM family_codes)"
    " OR g.session_id IN (SELECT session_id FROM family_openings)",
    **{
        f"standing_{feed}": f"SELECT f.* FROM family_{feed} AS f WHERE f.id_norm IN (SELECT id_norm FROM family_people)"
        for feed in _OF_PERSONS
    },
}


def rows_of(engine: Engine) -> tuple[Rows, dict[str, pa.Schema]]:
    """Return the rows of the account that is open (``gather.open_family``), and the schema of every relation.

    Returns
    -------
    rows : dict
        Relation to rows.
    schemas : dict
        Every relation that a judgment reads; those without rows are there too.
    """
    found = {relation: engine.fetch(select) for relation, select in _OWN_ROWS.items()}
    rows = {relation: table.select(_names(relation, table)).to_pylist() for relation, table in found.items()}
    institutions, duties = engine.fetch("SELECT * FROM institutions"), engine.fetch("SELECT * FROM duties")
    above = _ancestors([row["provider_code"] for row in rows["standing_accounts"]], institutions.to_pylist())
    above |= set(engine.fetch("SELECT DISTINCT provider_code FROM family_codes")["provider_code"].to_pylist())
    rows["institutions"] = [row for row in institutions.to_pylist() if row["provider_code"] in above]
    rows["duties"] = [row for row in duties.to_pylist() if row["provider_code"] in {*above, None, "*"}]
    schemas = {f"standing_{name}": table.schema for name, table in TABLES.items()}
    return rows, {**schemas, "institutions": institutions.schema, "duties": duties.schema}


def _names(relation: str, table: pa.Table) -> list[str]:
    wanted = TABLES[relation.removeprefix("standing_")].schema.names
    return [name for name in table.column_names if name in wanted]


def _ancestors(providers: Sequence[str], institutions: Sequence[Row]) -> set[str]:
    """Return providers and whatever was ever above them."""
    parents: dict[str, set[str]] = {}
    for row in institutions:
        if row["parent_code"] is not None:
            parents.setdefault(row["provider_code"], set()).add(row["parent_code"])
    seen: set[str] = set()
    waiting = list(providers)
    while waiting:
        provider = waiting.pop()
        if provider not in seen:
            seen.add(provider)
            waiting.extend(parents.get(provider, ()))
    return seen


def institution_on(rows: Rows, provider: str, day: int) -> Row | None:
    """Return the row of an institution in force on a day: the latest valid_from, then the last of the table."""
    on = date(1970, 1, 1) + timedelta(days=day)
    held = [
        (row["valid_from"] or date.min, row["row"], row)
        for row in rows["institutions"]
        if row["provider_code"] == provider and (row["valid_from"] or date.min) <= on <= (row["valid_to"] or date.max)
    ]
    return max(held, key=lambda one: one[:2])[2] if held else None
