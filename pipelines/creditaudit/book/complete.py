"""Complete states: all rows in force of every table, so that no later night opens those before it (SPEC 9).

Half of the work is the engine's, who sorts, and half is encoding, for which one file has one processor. So several
engines write side by side, each one table after another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

from creditaudit.book.files import listed, storage, write_parquet
from creditaudit.book.state import READMITTED_ROWS, TABLES, open_states
from creditaudit.book.state_files import standing_nights, state_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

COMPLETE_EVERY = 30


def is_complete_due(book: Book, night: date) -> bool:
    """Say whether tonight writes complete states: the first night, every 30th, and the first of a quarter."""
    if book.last is None:
        return True
    new_quarter = (night.year, (night.month - 1) // 3) != (book.last.year, (book.last.month - 1) // 3)
    return new_quarter or len(standing_nights(book)) >= COMPLETE_EVERY


def write_complete(
    engines: Sequence[Engine], book: Book, folder: Path, tonight: Mapping[str, list[Path]] | None = None
) -> None:
    """Replace tonight's changes of every table by all its rows in force, sorted by key.

    Parameters
    ----------
    engines : sequence of Engine
        As many tables are written at a time. Each must know what tonight's recalls changed, see
        :class:`creditaudit.book.layout.Book`; names of the state are its own to make.
    book : Book
        As the last sealed night left it, less what tonight erases and recalls.
    folder : Path
        Folder of the night that is being written.
    tonight : mapping of str to list of Path, optional
        Its changes by table. They are gone after this: whatever named the rows in force by them cannot be read.
    """
    free: SimpleQueue[Engine] = SimpleQueue()
    for engine in engines:
        free.put(engine)

    def write(table: str) -> None:
        engine = free.get()
        try:
            _write(engine, book, folder, table, tonight or {})
        finally:
            free.put(engine)

    # The longest first: what is left to one engine in the end is short.
    order = sorted(TABLES, key=lambda table: (-_bytes(book, table, tonight or {}), table))
    with ThreadPoolExecutor(len(engines)) as pool:
        for _ in pool.map(write, order):  # the first error is raised here, and what has not begun does not begin
            pass
    for table in TABLES:  # not before: a table may be read for another one
        target = folder / "state" / table
        with storage(target):
            target.mkdir(parents=True, exist_ok=True)
            for part in listed(target):
                part.unlink()
            _fresh(folder, table).replace(target / "complete.parquet")


def _write(engine: Engine, book: Book, folder: Path, table: str, tonight: Mapping[str, list[Path]]) -> None:
    spec, given = TABLES[table], set(engine.tables())
    open_states(engine, book, tonight, dict.fromkeys((READMITTED_ROWS.name, table)))
    names = spec.schema.names
    order = ", ".join(dict.fromkeys((*spec.key, "night", *(n for n in ("file", "row") if n in names))))
    rows = engine.stream(f"SELECT * FROM standing_{table} ORDER BY {order}")
    write_parquet(_fresh(folder, table), spec.schema, rows)
    engine.drop(*(name for name in engine.tables() if name not in given))


def _fresh(folder: Path, table: str) -> Path:
    return folder / "state" / f".{table}.complete"


def _bytes(book: Book, table: str, tonight: Mapping[str, list[Path]]) -> int:
    complete, changes = state_files(book, table)
    files = [*complete, *changes, *tonight.get(table, ())]
    with storage(book.root):
        return sum(path.stat().st_size for path in files)
