"""Reference tables: what the book knows about institutions, recipients, duties and clocks (SPEC 3.2).

They are CSV files in the book's ``reference/``, edited by people. A night copies them and judges by its copy.
Cells are read as delivered ones are: stripped, sentinel dates taken as missing.
"""

from __future__ import annotations

import csv
import io
import os
import re
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.duty_checks import first_flaw
from creditaudit.book.files import place_bytes, storage, write_bytes
from creditaudit.errors import UsageError, Where
from creditaudit.masking import line_with_number

if TYPE_CHECKING:
    from creditaudit.book.layout import Book

# Columns that a table must have; others are kept aside. Dates are named in DATE_COLUMNS.
TABLES: dict[str, tuple[str, ...]] = {
    "institutions": ("provider_code", "name", "kind", "region_code", "parent_code", "valid_from", "valid_to"),
    "recipients": (
        "recipient",
        "kind",
        "provider_code",
        "region_prefix",
        "id_mask",
        "encoding",
        "language",
        "pseudonym_key_id",
    ),
    "duties": (
        "duty_id",
        "check_kind",
        "provider_code",
        "institution_kind",
        "region_code",
        "business_code",
        "account_type",
        "channel",
        "in_force_from",
        "in_force_to",
        "documented_to",
        "status",
        "source",
    ),
    "clocks": ("clock_id", "starts_on", "days", "day_type", "kind", "source"),
    "remedies": (
        "remedy_id",
        "account_type",
        "tier",
        "state",
        "fault",
        "next_step",
        "who",
        "basis",
        "in_force_from",
        "in_force_to",
        "source",
    ),
}
# Columns that a table may have beside those; read as NULL where it does not.
OPTIONAL_COLUMNS: dict[str, tuple[str, ...]] = {"remedies": ("verdict", "next_step_en")}
# Tables that a book may have; none is shipped, for nothing documented stands in them yet.
AREA_CODES = "area_codes"
OPTIONAL: dict[str, tuple[str, ...]] = {AREA_CODES: ("prefix", "valid_from", "valid_to", "source")}
DATE_COLUMNS = frozenset({"valid_from", "valid_to", "in_force_from", "in_force_to", "documented_to"})

# What a cell must look like, where no other reader would say it clearly.
_FORMS: dict[tuple[str, str], tuple[re.Pattern[str], str]] = {
    ("clocks", "days"): (re.compile("0*[1-9][0-9]{0,4}", re.ASCII), "it is not a whole number of days, 1 or more"),
    (AREA_CODES, "prefix"): (re.compile("[0-9]{6}", re.ASCII), "it is not the six digits of an area"),
}

_BLANKS = " \t\u00a0\u3000"
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII)
_NO_DATE = frozenset({"19000101", "99991231", "00000000"})


def shipped(table: str) -> bytes:
    """Return the table that comes with the program."""
    return (resources.files("creditaudit.book") / "shipped" / f"{table}.csv").read_bytes()


def write_shipped(book: Book) -> list[str]:
    """Write the shipped tables that the book does not have yet; returns their names."""
    written = []
    for table in TABLES:
        path = book.reference / f"{table}.csv"
        if not path.exists():
            place_bytes(path, shipped(table))
            written.append(table)
    return written


def snapshot(book: Book, folder: Path) -> None:
    """Copy every reference table into a night's folder; a table the book lacks is the shipped one."""
    for table in (*TABLES, *OPTIONAL):
        if table in TABLES or _own(book, table) is not None:
            snapshot_of(book, table, folder)
            read(folder, table)  # a table that cannot be used refuses the night before hours of work, not after


def snapshot_of(book: Book | None, table: str, folder: Path) -> None:
    """Copy one reference table into a folder: the book's, or the shipped one where there is none.

    Raises
    ------
    UsageError
        It is no file, or holds the number of a person.
    """
    own = _own(book, table) if book is not None else None
    if own is not None:
        _refuse_persons(Path(f"{table}.csv"), own)
    write_bytes(folder / f"{table}.csv", shipped(table) if own is None else own)


def _own(book: Book, table: str) -> bytes | None:
    """Return the bytes of a book's table; None: it has none. A link that leads nowhere, or a pipe, is not none."""
    path = book.reference / f"{table}.csv"
    with storage(path):
        if not os.path.lexists(path):
            return None
        if path.exists() and not path.is_file():
            raise _bad(path, None, None, "it is no file")
        return path.read_bytes()


def _refuse_persons(path: Path, content: bytes) -> None:
    """Refuse a table with the number of a person: copies and pages of every night would have it (SPEC 10.4)."""
    text = _text(path, content)
    line = line_with_number(text)
    if line is not None:
        header, *_ = rows = _lines(path, text)
        named = zip(header, rows[line - 1], strict=False)
        column = next((name for name, cell in named if line_with_number(cell) is not None), None)
        raise _bad(path, line, column if line > 1 else None, "it holds what reads as an ID number or a phone")


def read(folder: Path, table: str) -> pa.Table:
    """Read one reference table as text and dates, in file order, with ``row`` (1-based) beside.

    Parameters
    ----------
    folder : Path
        The night's copy of the reference tables.
    table : str
        Name from ``TABLES`` or ``OPTIONAL``.

    Returns
    -------
    pyarrow.Table
        The columns named there and in ``OPTIONAL_COLUMNS`` (text; dates as date32; NULL: missing) and ``row`` (int64).

    Raises
    ------
    UsageError
        The file is not UTF-8 or GB18030, lacks a column, has a row over several lines or of another width, a bad date
        or number, or is a table of duties that says what a duty cannot say.
    """
    path = folder / f"{table}.csv"
    with storage(path):
        return _read(path.read_bytes(), table)


@lru_cache(maxsize=32)  # several stages of a night ask for the same copy, and the next night mostly for the same bytes
def _read(content: bytes, table: str) -> pa.Table:
    path = Path(f"{table}.csv")
    rows = _lines(path, _text(path, content))
    header = [cell.strip(_BLANKS) for cell in rows[0]] if rows else []
    names = (TABLES | OPTIONAL)[table]
    missing = [c for c in names if c not in header]
    if missing or len(set(header)) != len(header):
        raise _bad(path, 1, missing[0] if missing else None, "a column is missing or named twice")
    columns: dict[str, list[str | date | None]] = {c: [] for c in (*names, *OPTIONAL_COLUMNS.get(table, ()))}
    lines = []
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise _bad(path, line, None, f"{len(row)} cells under {len(header)} column names")
        lines.append(line)
        for name, cell in zip(header, row, strict=True):
            if name in columns:
                columns[name].append(_cell(path, line, name, cell.strip(_BLANKS)))
    flaw = first_flaw(columns, lines) if table == "duties" else None
    if flaw is not None:
        raise _bad(path, *flaw)
    count = len(lines)
    kinds = {c: pa.date32() if c in DATE_COLUMNS else pa.string() for c in columns}
    arrays = {c: pa.array(columns[c] if c in header else [None] * count, type=kinds[c]) for c in columns}
    return pa.table({**arrays, "row": pa.array(range(1, count + 1), type=pa.int64())})


def _lines(path: Path, text: str) -> list[list[str]]:
    """Return the cells of every line; a line is a row here, too (SPEC 12)."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num != len(rows):
                raise _bad(path, len(rows), None, "a quoted cell runs over more than one line")
    except csv.Error as error:
        raise _bad(path, len(rows) + 1, None, "a quote is not closed, or text follows a closing quote") from error
    return rows


def read_optional(folder: Path, table: str) -> pa.Table | None:
    """Read a table of ``OPTIONAL`` as :func:`read` does; None where the night has none."""
    return read(folder, table) if (folder / f"{table}.csv").is_file() else None


def _text(path: Path, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad(path, None, None, "it is neither UTF-8 nor GB18030")


def _cell(path: Path, line: int, name: str, text: str) -> str | date | None:
    form, why = _FORMS.get((path.stem, name), (None, ""))
    if form is not None and not form.fullmatch(text):
        raise _bad(path, line, name, why)
    if not text:
        return None
    if name not in DATE_COLUMNS:
        return text
    found = _DATE.fullmatch(text)
    if text == "长期" or (found and "".join(found.groups()) in _NO_DATE):
        return None
    try:
        # Asked of the pattern first: Python reads other spellings too, such as 2020-W05-1.
        return date.fromisoformat((text if "-" in text else "-".join(found.groups())) if found else "")
    except ValueError as error:
        raise _bad(path, line, name, "it is not a date (YYYY-MM-DD or YYYYMMDD)") from error


def _bad(path: Path, line: int | None, column: str | None, why: str) -> UsageError:
    return UsageError(
        "a reference table cannot be read",
        why=why,
        next_step=f"mend reference/{path.name} in the book",
        where=Where(f"reference/{path.name}", line, column),
    )
