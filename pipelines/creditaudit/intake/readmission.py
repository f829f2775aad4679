"""Readmitted rows: corrected rows of the inbox, read by a night as a delivered file of its own (SPEC 9).

The body of an entry of kind ``readmission`` is ``{"feed", "columns", "rows"}``; a row is ``{"night", "file", "row",
"cells"}``: what it replaces, and its cells in the order of ``columns``. A night reads it under the label
``inbox/<first 16 digits of its SHA-256>``; row *n* of that file is row *n* of the entry.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.state import READMITTED_ROWS
from creditaudit.book.state_files import state_rows
from creditaudit.errors import UnjudgedFileError
from creditaudit.feeds import FEEDS
from creditaudit.intake.blocks import RowBlock, row_numbers
from creditaudit.intake.landing import INBOX, DeliveredFile, in_order
from creditaudit.intake.recalls import Recalled, recalled_before
from creditaudit.masking import without_numbers
from creditaudit.visible import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator, Sequence
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.feeds import TableSpec
    from creditaudit.intake.cells import Ints
    from creditaudit.intake.decode import Delivery

KIND = "readmission"
_LABEL_DIGITS = 16

NOT_QUARANTINED = "not in the quarantine of that night"
RECALLED = "its file was recalled"
READMITTED_BEFORE = "readmitted before"

# What names a quarantined row: night, feed, file, row.
Target = tuple[date, str, str, int]


@dataclass(frozen=True)
class ReadmittedFile(DeliveredFile):
    """One inbox entry as a delivered file.

    Parameters
    ----------
    taken : tuple of int
        1-based rows of the entry that the night takes, ascending.
    """

    taken: tuple[int, ...] = ()


@dataclass(frozen=True)
class Readmissions:
    """What a night takes of the corrected rows that wait.

    Parameters
    ----------
    files : tuple of ReadmittedFile
        In the order of the entries.
    links : pyarrow.Table
        Schema of the state's ``readmitted_rows``: which row replaces which.
    refused : tuple of str
        What is not taken, one sentence each, without raw values.
    """

    files: tuple[ReadmittedFile, ...]
    links: pa.Table
    refused: tuple[str, ...]

    def among(self, delivered: Sequence[DeliveredFile]) -> list[DeliveredFile]:
        """Return what was delivered and these files, in the order in which a night reads them."""
        return in_order([*delivered, *self.files])


def label(sha256: str) -> str:
    """Return the label of an entry in every table."""
    return f"{INBOX}/{sha256[:_LABEL_DIGITS]}"


def readmissions(
    book: Book, entries: Sequence[Entry], night: date, recalled: Collection[Recalled] = ()
) -> Readmissions:
    """Check the corrected rows that wait once more, and say what tonight takes.

    A row is refused whose target is in no sealed quarantine, or was readmitted before: by an earlier night, an earlier
    entry, or an earlier row of the same entry.

    Parameters
    ----------
    book : Book
    entries : sequence of Entry
        What tonight takes of the inbox, in order; other kinds are passed over.
    night : date
    recalled : collection of Recalled
        What tonight recalls: no row of it is corrected any more.
    """
    waiting = [entry for entry in entries if entry.kind == KIND]
    files: list[ReadmittedFile] = []
    links: list[dict[str, Any]] = []
    refused: list[str] = []
    done = set(readmitted(book)) if waiting else set()
    known = Quarantines(book, recalled)
    for entry in waiting:
        body = _body(entry)
        if body is None:
            refused.append(f"inbox entry {entry.file_name}: its body is not one of readmitted rows")
            continue
        feed, targets = body
        name, taken = label(entry.sha256), []
        for row, target in enumerate(targets, start=1):
            why = refusal(target, known, done)
            if why is not None:
                refused.append(f"{name}, row {row} (for {spoken(target)}): {why}")
                continue
            done.add(target)
            taken.append(row)
            day, _, file, number = target
            links.append(
                {
                    "night": night,
                    "feed": feed,
                    "file": name,
                    "row": row,
                    "replaces_night": day,
                    "replaces_file": file,
                    "replaces_row": number,
                }
            )
        if taken:
            files.append(ReadmittedFile(feed, name, book.inbox / entry.file_name, tuple(taken)))
    table = pa.Table.from_pylist(links, schema=READMITTED_ROWS.schema)
    return Readmissions(tuple(files), table, tuple(refused))


def refusal(target: Target, known: Quarantines, done: Container[Target]) -> str | None:
    """Say why a quarantined row cannot be readmitted; None where it can."""
    if known.is_recalled(target):
        return RECALLED
    if not known.holds(target):
        return NOT_QUARANTINED
    return READMITTED_BEFORE if target in done else None


def spoken(target: Target) -> str:
    """Name a quarantined row in words; no label has a number or a letter that acts, and who asks may write anything."""
    night, feed, file, row = target
    return f"{feed}/{visible(without_numbers(file))} row {row} of {night.isoformat()}"


def cells_of_rows(entry: Entry) -> dict[Target, dict[str, str]]:
    """Return what an entry says: the quarantined row that each of its rows repairs, and the cells that are filled."""
    body = _body(entry)
    if body is None:
        return {}
    columns = entry.body["columns"]
    filled = ({c: t for c, t in zip(columns, r["cells"], strict=True) if t} for r in entry.body["rows"])
    return dict(zip(body[1], filled, strict=True))


def readmitted(book: Book) -> dict[Target, str]:
    """Return every row that was readmitted up to the last sealed night, with the label of what replaces it."""
    rows = state_rows(book, READMITTED_ROWS).to_pylist()
    return {(r["replaces_night"], r["feed"], r["replaces_file"], r["replaces_row"]): r["file"] for r in rows}


class Quarantines:
    """The rows that sealed nights quarantined, read night by night as they are asked for."""

    def __init__(self, book: Book, recalled: Collection[Recalled] = ()) -> None:
        self._book = book
        self._held: dict[date, set[Target]] = {}
        every = (*recalled, *(one for _, one in recalled_before(book)))
        self._recalled = {(one.read_on, one.feed, one.file, one.row) for one in every}

    def is_recalled(self, target: Target) -> bool:
        """Whether the file of that row, or the row itself, was taken back by decision."""
        return target in self._recalled or (*target[:3], 0) in self._recalled

    def holds(self, target: Target) -> bool:
        """Whether a sealed night quarantined that row (a row that only lost a cell is not quarantined)."""
        night = target[0]
        if night not in self._held:
            self._held[night] = self._read(night)
        return target in self._held[night]

    def _read(self, night: date) -> set[Target]:
        if night not in self._book.sealed:
            return set()
        path = self._book.folder(night) / "published" / "quarantine.parquet"
        with storage(path):
            table = pq.read_table(path, columns=["feed", "file", "row", "disposition"])
        lost = table.filter(pc.equal(table["disposition"], "row_quarantined"))
        columns = (lost[name].to_pylist() for name in ("feed", "file", "row"))
        return {(night, *row) for row in zip(*columns, strict=True)}


def _body(entry: Entry) -> tuple[str, list[Target]] | None:
    try:
        feed, columns, rows = entry.body["feed"], entry.body["columns"], entry.body["rows"]
        spec = FEEDS[feed]
        targets = [(date.fromisoformat(r["night"]), feed, str(r["file"]), int(r["row"])) for r in rows]
        fits = set(spec.required) <= set(columns) <= set(spec.by_name) and len(set(columns)) == len(columns)
        fits = fits and all(
            len(r["cells"]) == len(columns) and all(isinstance(cell, str) for cell in r["cells"]) for r in rows
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (feed, targets) if fits else None


class ReadmissionSource:
    """The taken rows of one inbox entry.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    taken : sequence of int
        1-based rows, ascending.
    """

    encoding = "utf-8"
    unknown_columns: tuple[str, ...] = ()

    def __init__(self, spec: TableSpec, taken: Sequence[int]) -> None:
        self._spec = spec
        self._taken = np.array(taken, dtype=np.int64)

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:  # noqa: ARG002 - as CsvSource has it
        """Yield the rows, one block per unbroken run of them."""
        try:
            body = json.loads(delivery.seekable().read())["body"]
            columns, rows = body["columns"], [r["cells"] for r in body["rows"]]
        except (ValueError, KeyError, TypeError, UnicodeDecodeError):
            raise UnjudgedFileError("no readable inbox entry") from None
        for run in _runs(self._taken):
            cells = [rows[row - 1] for row in run]
            yield block_of(columns, cells, first_row=int(run[0]), lines=run)


def block_of(columns: Sequence[str], rows: Sequence[Sequence[str]], *, first_row: int, lines: Ints) -> RowBlock:
    """Return rows that need no splitting as a block; their raw text is a CSV line of their cells.

    Parameters
    ----------
    columns : sequence of str
        Known columns.
    rows : sequence of sequence of str
        One cell per column.
    first_row : int
        1-based data row of the first.
    lines : numpy int64
        1-based line of each.
    """
    cells = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(columns)}

    def raw(chosen: Ints) -> pa.StringArray:
        return pa.array([_line(rows[int(row)]) for row in chosen], pa.string())

    return RowBlock(first_row, lines, row_numbers(len(rows)), cells, {}, raw)


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _runs(taken: Ints) -> list[Ints]:
    if not len(taken):
        return []
    return np.split(taken, np.flatnonzero(np.diff(taken) > 1) + 1)


def raw_rows(blocks: Iterator[RowBlock], rows: Sequence[int]) -> list[str]:
    """Return the raw texts of data rows (1-based, ascending) of a source that is read again."""
    wanted = np.array(rows, dtype=np.int64)
    found: list[str] = []
    for block in blocks:
        here = wanted[(wanted >= block.first_row) & (wanted < block.first_row + len(block))] - block.first_row
        found.extend(block.raw(here).to_pylist())
    return found
