"""Which files hold the rows in force of a table: those of the last complete state, and of the changes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.tombstones import states_removed
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.book.state_model import StateTable


def state_files(book: Book, table: str) -> tuple[list[Path], list[Path]]:
    """Return the files of the last complete state of a table, and of the changes after it, in night order.

    Raises
    ------
    UsageError
        The book is asked for as it was, and what it then had in force was removed since.
    """
    if book.until is not None:
        _refuse_removed(book)
    complete: list[Path] = []
    changes: list[Path] = []
    for night in standing_nights(book):
        (complete if _kind(book, night) == "complete" else changes).extend(book.parts(night, f"state/{table}"))
    return complete, changes


def standing_nights(book: Book) -> list[date]:
    """Return the nights whose states hold what is in force, in order: from the last complete one on.

    Older nights are not looked at; where no night has complete states, all are returned.
    """
    nights: list[date] = []
    for night in reversed(book.sealed):
        nights.append(night)
        if _kind(book, night) == "complete":
            break
    return nights[::-1]


def state_rows(book: Book, table: StateTable) -> pa.Table:
    """Return the rows in force of a small table in which every row stays (``Overlay.ALL``), in night order."""
    given = book.restated.get(table.name)
    if given is not None:
        return given
    complete, changes = state_files(book, table.name)
    parts = [table.schema.empty_table()]
    for path in (*complete, *changes):
        with storage(path):
            parts.append(pq.read_table(path, columns=table.schema.names))
    return pa.concat_tables(parts)


def _refuse_removed(book: Book) -> None:
    removed = states_removed(book)
    stone = next((removed[night] for night in standing_nights(book) if night in removed), None)
    if stone is not None:
        raise UsageError(
            f"what was in force on night {book.last} cannot be told any more",
            why=f"it was removed by decision of {stone.by} ({stone.reason}), sealed in night {stone.sealed_in}",
            next_step=f"ask for a night from {stone.before} on; what night {book.last} published is still there",
        )


def _kind(book: Book, night: date) -> str:
    return str(book.manifests[night]["state"])
