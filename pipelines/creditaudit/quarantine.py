"""Quarantined rows for people: what there is, a file to correct, and the corrected rows back into the book (SPEC 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.inbox import Entry, decided_day, put, taken, waiting
from creditaudit.book.tombstones import tombstones
from creditaudit.errors import BookBrokenError, UsageError, Where
from creditaudit.feeds import FEEDS, TableSpec
from creditaudit.intake.faults import ROW_QUARANTINED
from creditaudit.intake.identity import numbers_in
from creditaudit.intake.readmission import KIND, Quarantines, Target, cells_of_rows, readmitted, refusal
from creditaudit.intake.rows import type_rows
from creditaudit.reports.masks import read_mask
from creditaudit.reports.private_sheets import read_sheet, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from creditaudit.book.layout import Book

# What names the row that a line of the file repairs; a corrected file must have these columns and the required ones.
NAMED = ("night", "feed", "file", "row")
# What only tells the person what was wrong; it is not read back.
TOLD = ("line", "reasons", "raw", "refused")


@dataclass(frozen=True, slots=True)
class Listed:
    """One quarantined row as a list shows it; no raw value.

    Parameters
    ----------
    night : date
    feed, file : str
    row, line : int
    reasons : str
    ids_masked : str
        ID numbers found in the raw text, masked, joined by ``;``.
    status : str
        The label of the file that replaces it (its own: it stands after all, since another file was recalled),
        ``recalled`` (its own file was), ``waiting`` (a correction lies in the inbox), ``removed`` (its raw text went by
        decision; ``ids_masked`` is empty), or ``open``.
    """

    night: date
    feed: str
    file: str
    row: int
    line: int
    reasons: str
    ids_masked: str
    status: str


@dataclass(frozen=True, slots=True)
class Readmitted:
    """What became of a corrected file.

    Parameters
    ----------
    entry : Entry or None
        The inbox entry with the rows that were taken; None: there were none.
    taken : int
        Rows in it.
    known : int
        Rows that a decision before this one holds with the same cells: nothing changed.
    refused : int
        Rows in the file of refusals.
    refusals : Path or None
        That file; None: nothing was refused.
    dropped : int
        Taken rows with a bad optional cell, which counts as missing.
    ignored : tuple of str
        Columns of the file that were not read.
    """

    entry: Entry | None
    taken: int
    known: int
    refused: int
    refusals: Path | None
    dropped: int
    ignored: tuple[str, ...]


def listed(book: Book, night: date | None, feed: str | None) -> Iterator[Listed]:
    """Yield the quarantined rows of one or all nights and feeds, in their order.

    Raises
    ------
    UsageError
        The night is not sealed, or the feed not known.
    BookBrokenError
        Raw texts are not there, and no decision says so.
    """
    _check_feed(feed)
    mask = read_mask(None, "list")
    replaced, known = dict(readmitted(book)), Quarantines(book)
    pending = {t for e in waiting(book) if e.kind == KIND for t in cells_of_rows(e)}
    for day in _nights(book, night):
        for name in FEEDS if feed is None else (feed,):
            removed(book, day, name)  # a row that nobody removed is not told as one that was
            held = _quarantined(book, day, name)
            found = numbers_in(held["raw"])
            masked: dict[int, list[str]] = {}
            for place, number in zip(
                found["index"].to_pylist(),
                mask.apply(pa.chunked_array([_one(found["id_norm"])])).to_pylist(),
                strict=True,
            ):
                masked.setdefault(place, []).append(number)
            places = dict(zip(zip(*(held[c].to_pylist() for c in ("file", "row")), strict=True), count()))
            for row in _published(book, day, name).to_pylist():
                target = (day, name, row["file"], row["row"])
                place = places.get(target[2:])
                otherwise = "waiting" if target in pending else "removed" if place is None else "open"
                ids = "" if place is None else ";".join(masked.get(place, []))
                status = "recalled" if known.is_recalled(target) else replaced.get(target) or otherwise
                yield Listed(day, name, row["file"], row["row"], row["line"], row["reasons"], ids, status)


def export(book: Book, night: date, feed: str, out: Path) -> int:
    """Write the quarantined rows of a night's feed as a file to correct, readable by its owner alone.

    The file is UTF-8 with a byte order mark; no cell in it is one that a spreadsheet would run or mangle.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    UsageError
        The night is not sealed, the feed not known, the file is there already, or all rows were removed by decision.
    """
    _check_feed(feed)
    (day,) = _nights(book, night)
    spec = FEEDS[feed]
    held = _quarantined(book, day, feed)
    gone, why = removed(book, day, feed)
    if gone and not held.num_rows:
        raise UsageError(
            f"the quarantined rows of {feed} of night {day} cannot be exported",
            why=f"all {gone} were removed by {why}",
            next_step="take a file that was exported before, or ask the provider to deliver the rows anew",
        )
    split = _one(held["cells"])
    cells = {
        column.name: pc.list_element(split, place) if held.num_rows else pa.nulls(0, pa.string())
        for place, column in enumerate(spec.columns)
    }
    columns: dict[str, pa.Array] = {
        **{name: _one(held[name].cast(pa.string())) for name in (*NAMED, "line", "reasons")},
        **cells,
        "raw": _one(held["raw"]),
    }
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    write_private(out, list(columns), list(rows), replace=False)
    return int(held.num_rows)


def removed(book: Book, night: date, feed: str) -> tuple[int, str]:
    """Return how many quarantined rows of a sealed night gave up their raw text, and by whose decision, in words.

    Raises
    ------
    BookBrokenError
        Raw texts are not there, and no decision says so.
    """
    gone = _published(book, night, feed).num_rows - _quarantined(book, night, feed).num_rows
    path = f"quarantine/{feed}.parquet"
    stones = [s for s in tombstones(book) if any(file.key == (night, path) for file in s.files)]
    if gone and not stones:
        raise BookBrokenError(
            f"night {night} is broken at {path}",
            why=f"{gone} of the rows that the night quarantined are not in it, and no decision removed them",
            next_step="run `creditaudit verify`, and restore the night from a backup",
            where=Where(path),
        )
    return gone, ", and ".join(f"decision of {s.by} ({s.reason}), sealed in night {s.sealed_in}" for s in stones)


def readmit(book: Book, file: Path, *, by: str, reason: str, on: date | None) -> Readmitted:
    """Check a corrected file row by row, and put the good rows into the inbox as one entry.

    Parameters
    ----------
    book : Book
    file : Path
        CSV, UTF-8 or GB18030, with ``night``, ``feed``, ``file``, ``row`` and the feed's required columns.
    by, reason : str
        Who decided, and why.
    on : date or None
        When; see :func:`creditaudit.book.inbox.decided_day`.

    Raises
    ------
    UsageError
        The file as a whole cannot be read, or nobody and no reason are named.
    """
    if not by.strip() or not reason.strip():
        raise UsageError(
            "rows cannot be readmitted",
            why="nobody is named" if not by.strip() else "no reason is given",
            next_step="give --by NAME and --reason TEXT",
        )
    sheet = _opened(file)
    checked = _check(book, sheet, decided_day(book, on))
    refusals = None
    if checked.refused:
        refusals = file.with_name(f"{file.stem}.refused.csv")
        kept = [name for name in sheet.header if name != "refused"]
        told = [[why, *(sheet.lines[at].get(name, "") for name in kept)] for at, why in checked.refused.items()]
        write_private(refusals, ["refused", *kept], told, replace=True)
    entry = None
    if checked.good:
        rows = [
            {"night": t[0].isoformat(), "file": t[2], "row": t[3], "cells": [sheet.lines[at][c] for c in sheet.columns]}
            for at, t in checked.good.items()
        ]
        body = {"feed": sheet.spec.name, "columns": list(sheet.columns), "rows": rows}
        entry = put(book, KIND, by=by, reason=reason, body=body, on=on)
    ignored = tuple(name for name in sheet.header if name not in {*sheet.columns, *NAMED, *TOLD})
    return Readmitted(entry, len(checked.good), checked.known, len(checked.refused), refusals, checked.dropped, ignored)


@dataclass(frozen=True)
class _Sheet:
    """A corrected file: the cells of each line by name, and the lines that are wider or narrower than the header."""

    spec: TableSpec
    header: tuple[str, ...]
    columns: tuple[str, ...]
    lines: tuple[dict[str, str], ...]
    odd: frozenset[int]


@dataclass
class _Checked:
    """Places in the file: what is taken, with what it repairs, and what is refused, with the reason."""

    good: dict[int, Target] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    known: int = 0
    dropped: int = 0


def _check(book: Book, sheet: _Sheet, decided_on: date) -> _Checked:
    """Ask of every line: does it name a row that can be readmitted, and is it good now."""
    spec = sheet.spec
    cells = {name: pa.array([line.get(name, "") for line in sheet.lines], pa.string()) for name in sheet.columns}
    typed = type_rows(spec, cells, len(sheet.lines), night=decided_on, unreadable={})
    reasons, lost = typed.faults.reasons().to_pylist(), typed.faults.quarantined
    quarantines, done = Quarantines(book), _done(book)
    found = _Checked()
    named: set[Target] = set()
    for at, line in enumerate(sheet.lines):
        target = _target(line, spec.name)
        why: str | None
        if at in sheet.odd:
            why = "another number of cells than the header"
        elif isinstance(target, str):
            why = target
        elif target in named:
            why = "this file repairs the row twice"
        else:
            why = refusal(target, quarantines, done.keys())
            if why is not None and done.get(target) == _given(line, spec):
                found.known += 1
                continue
            why = why or (reasons[at] if lost[at] else None)
        if why is not None:
            found.refused[at] = why
        elif not isinstance(target, str):
            found.good[at] = target
            named.add(target)
            found.dropped += reasons[at] is not None
    return found


def _given(line: Mapping[str, str], spec: TableSpec) -> dict[str, str]:
    return {name: cell for name, cell in line.items() if name in spec.by_name and cell}


def _done(book: Book) -> dict[Target, dict[str, str]]:
    """Return every row that was readmitted or is about to be, with the cells it was given."""
    found: dict[Target, dict[str, str]] = {target: {} for target in readmitted(book)}
    for entry in (*taken(book), *waiting(book)):
        if entry.kind == KIND:
            found.update((target, cells) for target, cells in cells_of_rows(entry).items() if not found.get(target))
    return found


def _target(line: Mapping[str, str], feed: str) -> Target | str:
    """Return what a line says it repairs, or why that cannot be told."""
    if line.get("feed") != feed:
        return f"the file's first row is of feed {feed}; give other feeds a file of their own"
    try:
        night = date.fromisoformat(line.get("night", ""))
    except ValueError:
        return "night is no date"
    row = line.get("row", "")
    if not (row.isascii() and row.isdigit()):
        return "row is no number"
    return night, feed, line.get("file", ""), int(row)


def _opened(file: Path) -> _Sheet:
    header, rows = read_sheet(file)
    lines = tuple(dict(zip(header, row, strict=False)) for row in rows)
    absent = [name for name in NAMED if name not in header]
    if absent or not lines:
        raise _unreadable(file, f"no column {', '.join(absent)}" if absent else "it has no row")
    spec = FEEDS.get(lines[0].get("feed", ""))
    if spec is None:
        raise _unreadable(file, "its first row names no known feed", column="feed")
    absent = [name for name in spec.required if name not in header]
    if absent:
        raise _unreadable(file, f"no column {', '.join(absent)}")
    columns = tuple(name for name in header if name in spec.by_name)
    odd = frozenset(at for at, row in enumerate(rows) if len(row) != len(header))
    return _Sheet(spec, tuple(header), columns, lines, odd)


def _quarantined(book: Book, night: date, feed: str) -> pa.Table:
    path = book.folder(night) / "quarantine" / f"{feed}.parquet"
    with storage(path):
        table = pq.read_table(path)
    return table.filter(pc.equal(table["disposition"], ROW_QUARANTINED))


def _published(book: Book, night: date, feed: str) -> pa.Table:
    """Return the rows of a feed that a night quarantined, whatever became of their raw text."""
    path = book.folder(night) / "published" / "quarantine.parquet"
    with storage(path):
        table = pq.read_table(path)
    return table.filter(pc.and_(pc.equal(table["feed"], feed), pc.equal(table["disposition"], ROW_QUARANTINED)))


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _nights(book: Book, night: date | None) -> tuple[date, ...]:
    if night is None:
        return book.sealed
    if night not in book.sealed:
        raise UsageError(
            "there is no such quarantine",
            why=f"night {night} is not sealed in this book",
            next_step="name a sealed night",
        )
    return (night,)


def _check_feed(feed: str | None) -> None:
    if feed is not None and feed not in FEEDS:
        raise UsageError(
            "there is no such quarantine", why=f"no feed {feed}", next_step=f"name one of {', '.join(FEEDS)}"
        )


def _unreadable(file: Path, why: str, *, column: str | None = None) -> UsageError:
    return UsageError(
        "the corrected file cannot be read",
        why=why,
        next_step="export the quarantine anew and correct that file",
        where=Where(str(file), column=column),
    )
