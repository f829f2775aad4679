"""Which of tonight's rows stand: stale, duplicate, conflict (SPEC 3.3).

The big pass over tonight's rows hashes keys only; whatever follows works on the few rows whose key came twice, and on
the rows whose key the book already has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.feeds import ID_COLUMNS, Kind

if TYPE_CHECKING:
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec


@dataclass(frozen=True, slots=True)
class Resolved:
    """Names of the relations that say what became of tonight's rows of one feed.

    Parameters
    ----------
    rejected : str
        file, row, reason (``stale``, ``duplicate``, ``conflict``): quarantined.
    known : str
        file, row, same (boolean): accepted rows whose key the book has; ``same``: nothing changed.
    replaced : str
        What the rows that are replaced tonight pointed to, where the new ones point elsewhere: provider_code (of feeds
        that have it in their key) and the columns of :data:`POINTERS`, each of which may be NULL.
    is_held : bool
        ``rows_before_<feed>`` is a table; else it reads ``standing`` each time.
    """

    rejected: str
    known: str
    replaced: str = ""
    is_held: bool = True


# More rows of one feed in one night than this are not held again as they were: the relation reads the book anew.
MOST_HELD = 1_000_000

# Columns of a row in force that nobody asks for once it is replaced: what was typed anew, and where it came from.
_FORGOTTEN = frozenset({*ID_COLUMNS, "name", "file", "row", "line"})

# Typed columns by which a row says whose it is, or which account it belongs to, beside its key: a row that replaces
# another may take it from one person or account to another, and both are touched (SPEC 2).
POINTERS: dict[str, tuple[str, ...]] = {
    "accounts": ("id_norm",),
    "verifications": ("account_code", "session_id"),
    "invalid_cards": ("id_norm",),
    "loss_reports": ("id_norm",),
    "impostors": ("id_norm",),
    "inquiries": ("id_norm",),
    "objections": ("id_norm", "provider_code", "account_code"),
    "fraud_alerts": ("id_norm",),
    "account_renames": ("new_provider_code", "new_account_code"),
}


def resolve(engine: Engine, spec: TableSpec, tonight: str, standing: str) -> Resolved:
    """Apply SPEC 3.3 (a), (b), (c) to tonight's rows of one feed.

    Makes ``rows_before_<feed>``: the rows in force before tonight of the keys that tonight's rows have, without the
    texts as delivered. It stays: what a row was before is asked again when accounts are counted and cases tracked, and
    the book is looked through for it once.

    Parameters
    ----------
    engine : Engine
    spec : TableSpec
    tonight : str
        Relation with the typed rows that passed the cell checks; (file, row) names a row.
    standing : str
        Relation with the row in force of each key before tonight.

    Returns
    -------
    Resolved
    """
    met, contested = f"met_{spec.name}", f"contested_{spec.name}"
    rejected, known, replaced = f"rejected_{spec.name}", f"known_{spec.name}", f"replaced_{spec.name}"
    is_held = _hold(engine, spec, tonight, standing)
    engine.table(met, _met(spec, tonight))
    engine.table("repeated_hashes", _repeated(spec, tonight))
    engine.table(contested, _contested(spec, tonight, met))
    engine.table(
        rejected,
        f"SELECT file, row, 'stale' AS reason FROM {met} WHERE is_stale"
        f" UNION ALL SELECT file, row, reason FROM ({_losers(spec, contested)}) AS l",
    )
    engine.table(
        known,
        f"SELECT m.file, m.row, m.same FROM {met} AS m"
        f" WHERE NOT EXISTS (SELECT 1 FROM {rejected} AS r WHERE r.file = m.file AND r.row = m.row)",
    )
    pointers = _pointers(spec)
    engine.table(
        replaced,
        f"SELECT {', '.join(f'm.was_{c} AS {c}' for c in pointers) or 'm.file'} FROM {met} AS m"
        f" WHERE m.moved AND EXISTS (SELECT 1 FROM {known} AS k WHERE k.file = m.file AND k.row = m.row)",
    )
    engine.drop(met, contested, "repeated_hashes")
    return Resolved(rejected, known, replaced, is_held)


def nothing_came(engine: Engine, spec: TableSpec) -> None:
    """Make the relations that :func:`resolve` leaves, ``rows_before_<feed>`` and ``replaced``, for no row tonight."""
    engine.load(f"rows_before_{spec.name}", spec.schema.empty_table().select(_held_columns(spec)))
    pointers = pa.schema([(name, pa.string()) for name in _pointers(spec) or ["file"]])
    engine.load(f"replaced_{spec.name}", pointers.empty_table())


def _held_columns(spec: TableSpec) -> list[str]:
    return [column for column in spec.schema.names if column not in _FORGOTTEN]


def _hold(engine: Engine, spec: TableSpec, tonight: str, standing: str) -> bool:
    """Make ``rows_before_<feed>``; returns whether it is a table."""
    name = f"rows_before_{spec.name}"
    columns = _held_columns(spec)
    if not _any_met(engine, spec, tonight, standing):
        engine.load(name, spec.schema.empty_table().select(columns))
        return True
    select = (
        f"SELECT {', '.join(f'b.{column}' for column in columns)} FROM {standing} AS b"
        f" WHERE EXISTS (SELECT 1 FROM {tonight} AS t WHERE {_same_key(spec)})"
    )
    if engine.fetch(f"SELECT count(*) AS n FROM {tonight}")["n"][0].as_py() > MOST_HELD:
        engine.view(name, select)
        return False
    engine.table(name, select)
    return True


def _any_met(engine: Engine, spec: TableSpec, tonight: str, standing: str) -> bool:
    """Say whether the book has the key of any of tonight's rows, by key columns alone.

    Of most feeds an ordinary night brings new keys only: their columns in the book are then read for nothing.
    """
    found = engine.fetch(
        f"SELECT t.row FROM {tonight} AS t WHERE EXISTS (SELECT 1 FROM {standing} AS b WHERE {_same_key(spec)}) LIMIT 1"
    )
    return bool(found.num_rows)


def _same_key(spec: TableSpec) -> str:
    return " AND ".join(f"t.{k} = b.{k}" for k in spec.key)


def _met(spec: TableSpec, tonight: str) -> str:
    """Select tonight's rows whose key the book has: are they older, are they the same, and what the old one named.

    ``was_…`` is NULL where the row names the same as before: on a night that delivers everything again nothing is held.
    """
    same = " AND ".join(f"t.{c} IS NOT DISTINCT FROM b.{c}" for c in (*spec.compared, "dropped"))
    stale = _after(spec, "b", "t")
    named = [c for c in POINTERS.get(spec.name, ()) if c not in spec.key]
    moved = " OR ".join(f"t.{c} IS DISTINCT FROM b.{c}" for c in named) or "FALSE"
    was = "".join(f", CASE WHEN {moved} THEN b.{c} END AS was_{c}" for c in _pointers(spec))
    return (
        f"SELECT t.file, t.row, {stale} AS is_stale, ({same}) AS same, ({moved}) AS moved{was}"
        f" FROM {tonight} AS t JOIN rows_before_{spec.name} AS b ON {_same_key(spec)}"
    )


def _pointers(spec: TableSpec) -> list[str]:
    """Return the columns of ``replaced``: the institution of keys that hold one, and what the row points to."""
    return list(dict.fromkeys((*(c for c in spec.key if c == "provider_code"), *POINTERS.get(spec.name, ()))))


def _repeated(spec: TableSpec, tonight: str) -> str:
    """Select the 64-bit hashes of keys that came more than once tonight.

    Hashes need a fraction of the memory of the keys themselves; two keys that share one are only looked at for nothing.
    """
    key = ", ".join(spec.key)
    return f"SELECT h FROM (SELECT hash({key}) AS h FROM {tonight}) AS k GROUP BY h HAVING count(*) > 1"


def _contested(spec: TableSpec, tonight: str, met: str) -> str:
    """Select the rows whose key came more than once tonight, without the stale ones."""
    key = ", ".join(f"t.{k}" for k in spec.key)
    columns = ", ".join(f"t.{c}" for c in dict.fromkeys((*spec.key, *spec.compared, "file", "row")))
    return (
        f"SELECT {columns} FROM {tonight} AS t JOIN repeated_hashes AS h ON h.h = hash({key})"
        f" WHERE NOT EXISTS (SELECT 1 FROM {met} AS m WHERE m.is_stale AND m.file = t.file AND m.row = t.row)"
    )


def _losers(spec: TableSpec, contested: str) -> str:
    key = ", ".join(spec.key)
    identical = ", ".join(spec.compared)
    firm = ", ".join(c for c in spec.compared if c not in spec.reducible)
    greatest = ", ".join(f"{c} DESC NULLS LAST" for c in spec.reducible)
    reduction = (
        f"CASE WHEN copy = 1 THEN row_number() OVER (PARTITION BY copy, {firm} ORDER BY {greatest}) ELSE 0 END"
        if spec.reducible
        else "1"
    )
    same_key = " AND ".join(f"o.{k} = r.{k}" for k in spec.key)
    return f"""
    WITH copies AS (
        SELECT *, row_number() OVER (PARTITION BY {identical} ORDER BY file, row) AS copy FROM {contested}
    ), reduced AS (
        SELECT *, {reduction} AS rank FROM copies
    ), rivals AS (
        SELECT *, count(*) OVER (PARTITION BY {key}) AS rivals FROM reduced WHERE copy = 1 AND rank = 1
    ), judged AS (
        SELECT r.*, NOT EXISTS (
            SELECT 1 FROM rivals AS o
            WHERE {same_key} AND (o.file <> r.file OR o.row <> r.row) AND NOT {_after(spec, "r", "o")}
        ) AS wins FROM rivals AS r WHERE r.rivals > 1
    )
    SELECT file, row, 'duplicate' AS reason FROM reduced WHERE copy > 1 OR rank <> 1
    UNION ALL
    SELECT file, row, CASE WHEN has_winner THEN 'stale' ELSE 'conflict' END AS reason
    FROM (SELECT *, bool_or(wins) OVER (PARTITION BY {key}) AS has_winner FROM judged) AS d WHERE NOT wins
    """


def _after(spec: TableSpec, a: str, b: str) -> str:
    """Return SQL that is TRUE where row ``a`` is certainly after row ``b``, else FALSE.

    The second deciding column is asked only where the first leaves the order open (SPEC 3.3: ``effective_at`` where
    ``entered_at`` does not decide).
    """
    sql = "FALSE"
    for name in reversed(spec.deciding):
        column = spec.by_name[name]
        if column.kind is Kind.INSTANT:
            after = f"COALESCE({a}.{column.stem}_from > {b}.{column.stem}_to, FALSE)"
            before = f"COALESCE({a}.{column.stem}_to < {b}.{column.stem}_from, FALSE)"
        else:
            after = f"COALESCE({a}.{name} > {b}.{name}, FALSE)"
            before = f"COALESCE({a}.{name} < {b}.{name}, FALSE)"
        sql = f"(CASE WHEN {after} THEN TRUE WHEN {before} THEN FALSE ELSE {sql} END)"
    return sql
