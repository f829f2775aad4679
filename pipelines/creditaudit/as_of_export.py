"""A table of the book as it was, as CSV or Parquet.

CSV is opened in spreadsheets: its cells are guarded as those of reports are (SPEC 10.2). Parquet has them as they are.
"""

from __future__ import annotations

import io
import os
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.errors import UsageError, Where
from creditaudit.reports.sheets import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.as_of import Night

SUFFIXES = (".csv", ".parquet")


def rows_of(path: Path) -> int:
    """Return how many rows a Parquet file has."""
    with storage(path):
        return int(pq.read_metadata(path).num_rows)


def is_personal(night: Night, name: str) -> bool:
    """Say whether a table holds raw values of persons: all but the published ones do.

    Raises
    ------
    UsageError
        There is no such table.
    """
    if name in night.paths:
        return False
    night.schema_of(name)
    return True


def csv_lines(night: Night, name: str) -> Iterator[str]:
    """Yield a published table as lines of CSV, the header first."""
    out = io.BytesIO()
    pa_csv.write_csv(_guarded(night.table(name)), out)
    yield from out.getvalue().decode().split("\n")[:-1]


def write_table(night: Night, name: str, target: Path) -> int:
    """Write a table to a new file that only its owner can read; returns its rows.

    Parameters
    ----------
    night : Night
    name : str
        A published table, or a feed for the rows in force.
    target : Path
        ``.csv`` (UTF-8, comma, header) or ``.parquet``.

    Raises
    ------
    UsageError
        The name ends otherwise, or the file is there already or cannot be made.
    """
    if target.suffix not in SUFFIXES:
        raise _not_written(target, f"its name ends in none of {', '.join(SUFFIXES)}")
    if is_personal(night, name):
        schema, batches = night.schema_of(name), night.standing_batches(name)
    else:
        table = night.table(name)
        schema, batches = table.schema, iter(table.to_batches())
    first = next(batches, None)  # what refuses the rows does so before there is a file
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _not_written(target, error.strerror or type(error).__name__) from error
    done = False
    try:
        with storage(target), os.fdopen(handle, "wb") as file:
            rows = _write(file, target.suffix, schema, first, batches)
        done = True
        return rows
    finally:
        if not done:
            target.unlink(missing_ok=True)


def _write(
    file: io.BufferedWriter,
    suffix: str,
    schema: pa.Schema,
    first: pa.RecordBatch | None,
    rest: Iterator[pa.RecordBatch],
) -> int:
    rows = 0
    is_csv = suffix == ".csv"
    opened = pa_csv.CSVWriter(file, schema) if is_csv else pq.ParquetWriter(file, schema, compression="zstd")
    with opened as writer:
        for batch in chain(() if first is None else (first,), rest):
            table = pa.Table.from_batches([batch])
            writer.write_table(_guarded(table) if is_csv else table)
            rows += batch.num_rows
    return rows


def _guarded(table: pa.Table) -> pa.Table:
    """Return a table with its text cells as a spreadsheet may open them."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(place, field, guarded(table.column(place)))
    return table


def _not_written(target: Path, why: str) -> UsageError:
    return UsageError(
        "the table was not written",
        why=why,
        next_step="name a file that does not exist yet, .csv or .parquet, in a folder that you may write",
        where=Where(str(target)),
    )
