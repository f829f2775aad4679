"""The rows of one feed as if recalled files had never come: SPEC 3.3 once more, for the keys that those files hold.

Which row of a key stands is asked of that key's rows alone, so a recall turns no other key. The nights from the first
recalled row on are gone through again, with the rows of these keys that any file delivered: also those that lost their
key to a row that is recalled now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.state import OPENING_CHANGES, TABLES, open_state
from creditaudit.book.state_model import Overlay
from creditaudit.errors import InternalError
from creditaudit.feeds import FEEDS
from creditaudit.intake.admit import kept_out, new_opening_changes
from creditaudit.intake.keys import resolve
from creditaudit.intake.recalls import Recalled, state_before
from creditaudit.intake.rows import type_rows

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec

# What a row that was read well is quarantined for (SPEC 3.3).
KEY_REASONS = ("stale", "duplicate", "conflict")

_WHICH = pa.schema([("night", pa.date32()), ("file", pa.string()), ("row", pa.int64())])
_FATES = pa.schema([*_WHICH, ("reason", pa.string())])
_COLUMNS = ("night", "file", "row", "line", "reasons", "cells")


def refold(engine: Engine, book: Book, feed: str, gone: Collection[Recalled], first: date) -> None:
    """Fold the rows of the keys that recalled rows hold anew.

    Leaves ``recalled_keys_<feed>`` (the key); ``restored_<feed>``: rows in force of these keys instead, as the feed has
    them; ``turned_<feed>``: rows that are in force in one of the two histories alone, and is_gone (in the one that
    was); ``refolded_fates``: night, file, row, id_norm and id_status where the feed has them, was (for what the row was
    quarantined; NULL: it was accepted) and reason (for what it would have been; NULL: it stands).

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    feed : str
    gone : collection of Recalled
        Every row that counts no more, also those recalled before.
    first : date
        First night that is folded anew: the rows in force before it rest on none of these rows.
    """
    spec = FEEDS[feed]
    _candidates(engine, book, spec, gone, first)
    key = ", ".join(spec.key)
    keys = f"recalled_keys_{feed}"
    engine.table(keys, f"SELECT DISTINCT {key} FROM candidates WHERE is_recalled")
    same = " AND ".join(f"k.{name} = c.{name}" for name in spec.key)
    engine.table("candidates", f"SELECT c.* FROM candidates AS c WHERE EXISTS (SELECT 1 FROM {keys} AS k WHERE {same})")
    then = state_before(book, first)
    changes = "restored_opening_changes" if feed == "openings" else None
    for table, relation in ((feed, "refolded"), (OPENING_CHANGES.name, changes)):
        if relation is None:
            continue
        if then is None:
            engine.load(relation, TABLES[table].schema.empty_table())
            continue
        open_state(engine, then, table, "state_then")
        columns = ", ".join(f"c.{name}" for name in TABLES[table].schema.names)
        engine.table(
            relation, f"SELECT {columns} FROM state_then AS c WHERE EXISTS (SELECT 1 FROM {keys} AS k WHERE {same})"
        )
    fates = _fold(engine, spec)
    engine.load("fates", fates)
    has_number = "c.id_norm, c.id_status" if "id_norm" in spec.schema.names else "NULL AS id_norm, NULL AS id_status"
    engine.table(
        "refolded_fates",
        f"SELECT c.night, c.file, c.row, {has_number}, c.was, f.reason FROM candidates AS c"
        " LEFT JOIN fates AS f ON f.night = c.night AND f.file = c.file AND f.row = c.row WHERE NOT c.is_recalled",
    )
    open_state(engine, book, feed, "state_now")
    columns = ", ".join(f"c.{name}" for name in spec.schema.names)
    engine.table("stood", f"SELECT {columns} FROM state_now AS c WHERE EXISTS (SELECT 1 FROM {keys} AS k WHERE {same})")
    engine.table(f"restored_{feed}", "SELECT * FROM refolded")
    engine.table(
        f"turned_{feed}",
        f"{_alone('stood', 'refolded', is_gone=True)} UNION ALL {_alone('refolded', 'stood', is_gone=False)}",
    )
    engine.drop("candidates", "stood", "refolded", "fates")
    engine.drop(*(f"{name}{part}" for name in ("state_then", "state_now") for part in _PARTS))


_PARTS = ("", "_newest", "_base", "_delta", "_sealed", "_sealed_newest")


def _alone(one: str, other: str, *, is_gone: bool) -> str:
    return (
        f"SELECT a.*, {is_gone} AS is_gone FROM {one} AS a WHERE NOT EXISTS (SELECT 1 FROM {other} AS b"
        " WHERE b.night = a.night AND b.file = a.file AND b.row = a.row)"
    )


def _candidates(engine: Engine, book: Book, spec: TableSpec, gone: Collection[Recalled], first: date) -> None:
    """Make ``candidates``: every typed row of the feed since a night, with ``was`` and ``is_recalled``."""
    nights = [night for night in book.sealed if night >= first]
    typed = [path for night in nights for path in book.parts(night, f"intake/{spec.name}")]
    engine.scan("typed_rows", typed, spec.schema)
    lost = [table for night in nights if (table := lost_rows(book, spec, night)).num_rows]
    engine.load("lost_rows", pa.concat_tables([_empty_lost(spec), *lost]))
    of = sorted((one.read_on, one.file, one.row) for one in gone if one.feed == spec.name)
    engine.load("recalled_rows", pa.Table.from_pylist([dict(zip(_WHICH.names, r, strict=True)) for r in of], _WHICH))
    columns = ", ".join(f"c.{name}" for name in spec.schema.names)
    is_recalled = (
        "EXISTS (SELECT 1 FROM recalled_rows AS r WHERE r.night = c.night AND r.file = c.file AND r.row IN (0, c.row))"
    )
    key = ", ".join(f"c.{name}" for name in spec.key)
    same = " AND ".join(f"k.{name} = c.{name}" for name in spec.key)
    # Two narrow passes: the keys of the recalled rows, then all rows of these keys.
    read_on = {night for night, _, _ in of}
    theirs = [path for night in nights if night in read_on for path in book.parts(night, f"intake/{spec.name}")]
    engine.scan("recalled_typed_rows", theirs, spec.schema)
    engine.table(
        "keys_recalled",
        f"SELECT DISTINCT {key} FROM recalled_typed_rows AS c WHERE {is_recalled}"
        f" UNION SELECT {key} FROM lost_rows AS c WHERE {is_recalled}",
    )
    wanted = f"EXISTS (SELECT 1 FROM keys_recalled AS k WHERE {same})"
    engine.table(
        "candidates",
        f"SELECT {columns}, CAST(NULL AS VARCHAR) AS was, {is_recalled} AS is_recalled FROM typed_rows AS c"
        f" WHERE {wanted}"
        f" UNION ALL SELECT {columns}, c.was, {is_recalled} AS is_recalled FROM lost_rows AS c WHERE {wanted}",
    )
    engine.drop("typed_rows", "recalled_typed_rows", "lost_rows", "recalled_rows", "keys_recalled")


def _empty_lost(spec: TableSpec) -> pa.Table:
    return pa.schema([*spec.schema, pa.field("was", pa.string())]).empty_table()


def lost_rows(book: Book, spec: TableSpec, night: date) -> pa.Table:
    """Return the rows of a feed that a sealed night read well and quarantined for their key, typed as they were.

    Returns
    -------
    pyarrow.Table
        The feed's typed schema, and ``was``: the reason.

    Notes
    -----
    A cell that was dropped before the row lost its key is known where the quarantine says so (``dropped``); of nights
    that an older program sealed it is missing.
    """
    path = book.part(night, f"quarantine/{spec.name}.parquet")
    if path is None:
        return _empty_lost(spec)
    with storage(path):
        opened = pq.ParquetFile(path)
        has_dropped = "dropped" in opened.schema_arrow.names
        held = opened.read(columns=[*_COLUMNS, *(("dropped",) if has_dropped else ())])
    held = held.filter(pc.is_in(held["reasons"], value_set=pa.array(KEY_REASONS)))
    if not held.num_rows:
        return _empty_lost(spec)
    texts = held["cells"].combine_chunks()
    cells = {column.name: pc.fill_null(pc.list_element(texts, place), "") for place, column in enumerate(spec.columns)}
    found = type_rows(spec, cells, held.num_rows, night=night, unreadable={})
    if found.faults.quarantined.any():
        raise InternalError(
            "a quarantined row cannot be read again",
            why=f"{spec.name}, night {night}: a row that was read well is not any more",
            next_step="report this with the program's version; nothing was sealed",
        )
    dropped = held["dropped"] if has_dropped else pa.nulls(held.num_rows, pa.string())
    known = found.columns | {name: held[name] for name in _COLUMNS[:4]} | {"dropped": dropped}
    table = pa.table({name: known[name] for name in spec.schema.names}).cast(spec.schema)
    return table.append_column("was", held["reasons"]).cast(_empty_lost(spec).schema)


def _fold(engine: Engine, spec: TableSpec) -> pa.Table:
    """Go through the nights again: leaves ``refolded`` (and, of openings, its changes); returns what lost its key."""
    columns = ", ".join(f"t.{name}" for name in spec.schema.names)
    nights = engine.fetch("SELECT DISTINCT night FROM candidates WHERE NOT is_recalled ORDER BY night")
    fates = [_FATES.empty_table()]
    key = " AND ".join(f"t.{name} = o.{name}" for name in spec.key)
    for night in nights["night"].to_pylist():
        day = f"DATE '{night.isoformat()}'"
        engine.table("came_then", f"SELECT {columns} FROM candidates AS t WHERE NOT t.is_recalled AND t.night = {day}")
        resolved = resolve(engine, spec, "came_then", "refolded")
        fates.append(
            engine.fetch(f"SELECT {day} AS night, r.file, r.row, r.reason FROM {resolved.rejected} AS r").cast(_FATES)
        )
        if spec.name == "openings":
            fresh = new_opening_changes("came_then", resolved.known, "restored_opening_changes")
            engine.table("restored_opening_changes", f"SELECT * FROM restored_opening_changes UNION ALL {fresh}")
        left = " OR ".join(
            f"EXISTS (SELECT 1 FROM {relation} AS x WHERE x.file = t.file AND x.row = t.row)"
            for relation in (resolved.rejected, f"({kept_out(spec, resolved)})")
        )
        engine.table("stands_then", f"SELECT {columns} FROM came_then AS t WHERE NOT ({left})")
        over = (
            ""
            if TABLES[spec.name].overlay is Overlay.FIRST
            else f" WHERE NOT EXISTS (SELECT 1 FROM stands_then AS o WHERE {key})"
        )
        engine.table(
            "refolded", f"SELECT {columns} FROM refolded AS t{over} UNION ALL SELECT {columns} FROM stands_then AS t"
        )
        engine.drop(resolved.rejected, resolved.known, f"replaced_{spec.name}", f"rows_before_{spec.name}")
    engine.drop("came_then", "stands_then")
    return pa.concat_tables(fates)
