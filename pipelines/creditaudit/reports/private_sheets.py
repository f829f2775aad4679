"""Tables that people correct and hand back: with personal data in them, for their owner's eyes alone."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.files import storage
from creditaudit.errors import UsageError, Where
from creditaudit.reports.sheets import guarded, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LARGEST_CELL = 64 << 20


def write_private(path: Path, header: Sequence[str], rows: Sequence[Sequence[str | None]], *, replace: bool) -> None:
    """Write a CSV file (UTF-8 with a byte order mark, CRLF) that only its owner can read.

    No cell is one that a spreadsheet would run or mangle; :func:`read_sheet` takes the marks off again.

    Parameters
    ----------
    path : Path
    header : sequence of str
    rows : sequence
        One cell per column; None is an empty cell.
    replace : bool
        Put it in the place of a file that is there.

    Raises
    ------
    UsageError
        The file is there already, or cannot be written.
    """
    columns = [pa.chunked_array([[row[place] for row in rows]], pa.string()) for place in range(len(header))]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(zip(*(guarded(column).to_pylist() for column in columns), strict=True))
    if replace:
        with storage(path):
            path.unlink(missing_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            "the file was not written",
            why=error.strerror or type(error).__name__,
            next_step="name a file that does not exist yet, in a folder that you may write",
            where=Where(str(path)),
        ) from error
    with storage(path), os.fdopen(handle, "wb") as file:
        file.write(out.getvalue().encode("utf-8-sig"))


def read_sheet(file: Path) -> tuple[list[str], list[list[str]]]:
    """Read such a file: its header, stripped, and the cells of every line as they were before they were guarded.

    Raises
    ------
    UsageError
        It is not there, neither UTF-8 nor GB18030, no CSV, or names a column twice.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error.strerror or type(error).__name__) from error
    rows = _rows(file, _text(file, content))
    header = [name.strip() for name in rows[0]] if rows else []
    if len(set(header)) != len(header):
        raise _unreadable(file, "a column is named twice")
    return header, [[plain(cell) for cell in row] for row in rows[1:]]


def _text(file: Path, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable(file, "it is neither UTF-8 nor GB18030")


def _rows(file: Path, text: str) -> list[list[str]]:
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise _unreadable(file, "a quote is not closed, or text follows a closing quote") from error
    finally:
        csv.field_size_limit(before)


def _unreadable(file: Path, why: str) -> UsageError:
    return UsageError(
        "the file cannot be read",
        why=why,
        next_step="mend it, or have it written anew",
        where=Where(str(file)),
    )
