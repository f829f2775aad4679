"""The rows in force: what the book knows of every key as of its last sealed night (SPEC 3.3, 9).

Each night keeps in ``state/<table>/`` the rows that changed that night; every 30th night, or when a quarter is new, a
complete state. The rows in force are the last complete state, overlaid with the changes after it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.case_state import CASE_TABLES
from creditaudit.book.files import write_parquet
from creditaudit.book.proof_state import PROOF_TABLES
from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.book.state_files import state_files
from creditaudit.book.state_model import Overlay, StateTable
from creditaudit.book.state_model import text_fields as _text
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Deliveries that can prove something by what they do not hold: one row per accepted full file.
FULL_DELIVERIES = StateTable(
    "full_deliveries",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("feed", "file", "sha256", "provider_code", "region_code"),
            pa.field("all_regions", pa.bool_()),
            *_text("business_codes"),
            pa.field("all_business", pa.bool_()),
            pa.field("covers_from", pa.date32()),
            pa.field("covers_to", pa.date32()),
            pa.field("delivered", pa.int64()),
        ]
    ),
    ("night", "feed", "file"),
    Overlay.ALL,
)

# How much each provider delivered in delta files: what its next nights are measured by (SPEC 3.1, min_share_of_last).
DELTA_ROWS = StateTable(
    "delta_rows",
    pa.schema([pa.field("night", pa.date32()), *_text("feed", "provider_code"), pa.field("delivered", pa.int64())]),
    ("night", "feed", "provider_code"),
    Overlay.ALL,
)

# ID numbers found in quarantined rows: what is too weak to accuse still counts as unknown (SPEC 3.4).
QUARANTINED_NUMBERS = StateTable(
    "quarantined_numbers",
    pa.schema([pa.field("night", pa.date32()), *_text("feed", "file"), pa.field("row", pa.int64()), *_text("id_norm")]),
    ("night", "feed", "file", "row", "id_norm"),
    Overlay.ALL,
)

# Corrected rows of the inbox, and the quarantined row that each replaces: that row is no blind spot any more. A row
# that stands after all, since the one that it had lost its key to was recalled, replaces itself.
READMITTED_ROWS = StateTable(
    "readmitted_rows",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("feed", "file"),
            pa.field("row", pa.int64()),
            pa.field("replaces_night", pa.date32()),
            *_text("replaces_file"),
            pa.field("replaces_row", pa.int64()),
        ]
    ),
    ("replaces_night", "feed", "replaces_file", "replaces_row"),
    Overlay.ALL,
)

# Rows that full verifications files could not deliver: where the records of an account's checks may be missing
# through no fault of its institution (SPEC 7.3, covered).
CHECK_GAPS = StateTable(
    "check_gaps",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("file"),
            pa.field("row", pa.int64()),
            *_text("account_code", "session_id"),  # as delivered; NULL: empty, or not split
            pa.field("is_unsplit", pa.bool_()),  # the line could not be split: it may be anyone's
        ]
    ),
    ("night", "file", "row"),
    Overlay.ALL,
)

# Deliveries that were taken back by decision, and corrected rows that went with them: none of their rows counts.
RECALLED_FILES = StateTable(
    "recalled_files",
    pa.schema(
        [
            pa.field("night", pa.date32()),  # that took the decision
            *_text("feed"),
            pa.field("read_on", pa.date32()),  # the night that had read it
            *_text("file"),
            pa.field("row", pa.int64()),  # 0: all rows; else the one corrected row of that file of the inbox
            *_text("sha256", "entry"),
        ]
    ),
    ("feed", "read_on", "file", "row"),
    Overlay.ALL,
)

# Openings that came after the first accepted one of their account and differ from it.
OPENING_CHANGES = StateTable("opening_changes", FEEDS["openings"].schema, (), Overlay.ALL)

TABLES: dict[str, StateTable] = {
    **{
        spec.name: StateTable(
            spec.name,
            spec.schema,
            spec.key,
            Overlay.FIRST if spec.name == "openings" else Overlay.LATEST,
        )
        for spec in FEEDS.values()
    },
    **{
        t.name: t
        for t in (
            OPENING_CHANGES,
            FULL_DELIVERIES,
            DELTA_ROWS,
            QUARANTINED_NUMBERS,
            CHECK_GAPS,
            READMITTED_ROWS,
            RECALLED_FILES,
            *CASE_TABLES,
            SHEET_FACTS,
            *PROOF_TABLES,
        )
    },
}

# Tables of quarantined rows, and their feed (None: a column of the table): rows that were readmitted are left out.
_REPAIRABLE: dict[str, str | None] = {QUARANTINED_NUMBERS.name: None, CHECK_GAPS.name: "verifications"}


def open_state(engine: Engine, book: Book, table: str, relation: str, *, tonight: list[Path] | None = None) -> None:
    """Name the rows in force of one table as a relation.

    Parameters
    ----------
    engine : Engine
    book : Book
    table : str
        Name from ``TABLES``.
    relation : str
        Relation to make; columns of the table's schema, one row per key (``Overlay.ALL``: every row).
    tonight : list of Path, optional
        Changes of the night that is being written, the newest of all.
    """
    spec = TABLES[table]
    if table in book.restated:
        engine.load(f"{relation}_base", book.restated[table])
        _put_over(engine, spec, relation, tonight or [])
        return
    complete, changes = state_files(book, table)
    if table not in book.recalled:
        _overlay(engine, spec, relation, complete, [*changes, *(tonight or [])])
        return
    # What a recall takes away and gives back is older than what came tonight.
    _overlay(engine, spec, f"{relation}_sealed", complete, changes)
    columns = ", ".join(spec.schema.names)
    same = " AND ".join(f"k.{name} = b.{name}" for name in spec.key)
    engine.view(
        f"{relation}_base",
        f"SELECT {columns} FROM {relation}_sealed AS b"
        f" WHERE NOT EXISTS (SELECT 1 FROM recalled_keys_{table} AS k WHERE {same})"
        f" UNION ALL SELECT {columns} FROM restored_{table}",
    )
    _put_over(engine, spec, relation, tonight or [])


def _overlay(engine: Engine, spec: StateTable, relation: str, complete: list[Path], changes: list[Path]) -> None:
    """Name the rows in force of a complete state and the changes after it."""
    if spec.overlay is Overlay.ALL or not changes:
        engine.scan(relation, complete + changes, spec.schema)
        return
    if not complete and len({_night_folder(p) for p in changes}) == 1:
        engine.scan(relation, changes, spec.schema)  # one night's rows already have one row per key
        return
    engine.scan(f"{relation}_base", complete, spec.schema)
    _put_over(engine, spec, relation, changes)


def _put_over(engine: Engine, spec: StateTable, relation: str, changes: list[Path]) -> None:
    """Name the rows of ``<relation>_base`` with changes over them."""
    columns = ", ".join(spec.schema.names)
    engine.scan(f"{relation}_delta", changes, spec.schema)
    key = ", ".join(spec.key)
    same = " AND ".join(f"n.{k} = b.{k}" for k in spec.key)
    if spec.overlay is Overlay.LATEST:
        newest, latest = f"{relation}_delta", ""
        if len({_night_folder(p) for p in changes}) > 1:
            # Once, and not each time that the relation is read: how many nights a book has shows in no query.
            newest = f"{relation}_newest"
            engine.table(newest, f"SELECT {key}, MAX(night) AS night FROM {relation}_delta GROUP BY {key}")
            on = " AND ".join(f"n.{k} = b.{k}" for k in dict.fromkeys((*spec.key, "night")))
            latest = f" WHERE EXISTS (SELECT 1 FROM {newest} AS n WHERE {on})"
        # The many rows first: where a union begins with a part that has no join, or a small one, DuckDB 2.0 gives the
        # sort over it no room but memory, and 10 M accounts do not fit.
        engine.view(
            relation,
            f"SELECT {columns} FROM {relation}_base AS b"
            f" WHERE NOT EXISTS (SELECT 1 FROM {newest} AS n WHERE {same})"
            f" UNION ALL SELECT {columns} FROM {relation}_delta AS b{latest}",
        )
    else:  # FIRST: a change row exists only where the key had none, so nothing overlaps; ALL: every row stays
        engine.view(relation, f"SELECT {columns} FROM {relation}_base UNION ALL SELECT {columns} FROM {relation}_delta")


def open_states(
    engine: Engine,
    book: Book,
    tonight: Mapping[str, list[Path]] | None = None,
    tables: Collection[str] = tuple(TABLES),
) -> None:
    """Name the rows in force of every table as ``standing_<table>``, and again as ``whole_<table>``.

    A night that judges few lets the first name be less for a while. ``standing_quarantined_numbers`` and
    ``standing_check_gaps`` leave out the rows that were readmitted.

    Parameters
    ----------
    engine : Engine
    book : Book
    tonight : mapping of str to list of Path, optional
        Changes of the night that is being written, by table.
    tables : collection of str
        Which ones; ``readmitted_rows`` among them where one is that it repairs.
    """
    for table in tables:
        prefix = "every" if table in _REPAIRABLE else "whole"
        open_state(engine, book, table, f"{prefix}_{table}", tonight=(tonight or {}).get(table))
        if table not in _REPAIRABLE:
            stand_whole(engine, table)
    for table in [table for table in _REPAIRABLE if table in tables]:
        hide_repaired(engine, table, f"every_{table}", f"standing_{READMITTED_ROWS.name}", f"standing_{table}")


def stand_whole(engine: Engine, table: str) -> None:
    """Let ``standing_<table>`` be all rows in force of a table again."""
    engine.view(f"standing_{table}", f"SELECT * FROM whole_{table}")


def hide_repaired(engine: Engine, table: str, standing: str, readmitted: str, relation: str) -> None:
    """Name the rows of a table of quarantined rows that no corrected row replaces.

    Parameters
    ----------
    engine : Engine
    table : str
        ``quarantined_numbers`` or ``check_gaps``.
    standing, readmitted : str
        Relations of that table and of ``readmitted_rows``.
    relation : str
        Relation to make, with the columns of the table.
    """
    columns = ", ".join(f"q.{name}" for name in TABLES[table].schema.names)
    only = _REPAIRABLE[table]
    feed = "q.feed" if only is None else f"'{only}'"
    engine.view(
        relation,
        f"SELECT {columns} FROM {standing} AS q WHERE NOT EXISTS (SELECT 1 FROM {readmitted} AS r"
        f" WHERE r.replaces_night = q.night AND r.feed = {feed}"
        " AND r.replaces_file = q.file AND r.replaces_row = q.row)",
    )


def news(engine: Engine, table: StateTable, relation: str, night: date) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a relation that say something new: what ``standing_<table>`` has not, as rows of tonight.

    Parameters
    ----------
    engine : Engine
    table : StateTable
        Its columns, but ``night``, are those of the relation that count.
    relation : str
        What holds now.
    night : date

    Yields
    ------
    pyarrow.RecordBatch
        Columns of the table, sorted by its key; nowhere held whole, and to be read out before the next query.
    """
    said = [name for name in table.schema.names if name != "night"]
    same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM c.{name}" for name in said)
    yield from engine.stream(
        f"SELECT DATE '{night.isoformat()}' AS night, {', '.join(f'c.{name}' for name in said)} FROM {relation} AS c"
        f" WHERE NOT EXISTS (SELECT 1 FROM standing_{table.name} AS s WHERE {same})"
        f" ORDER BY {', '.join(f'c.{name}' for name in table.key)}"
    )


def write_changes(folder: Path, table: str, rows: pa.Table | Iterable[pa.RecordBatch]) -> list[Path]:
    """Write tonight's changes of a table, cast to its schema; returns the files (none without rows)."""
    batches = iter(rows.to_batches() if isinstance(rows, pa.Table) else rows)
    first = next((batch for batch in batches if batch.num_rows), None)
    if first is None:
        return []
    path = folder / "state" / table / "part-00001.parquet"
    write_parquet(path, TABLES[table].schema, chain([first], batches))
    return [path]


def _night_folder(path: Path) -> Path:
    return path.parents[2]
