"""A file as a profile would read it, with every doubt and without a value of a person (SPEC 3.1, 10.4)."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.errors import RefusedError, UnjudgedFileError, Where
from creditaudit.feeds import FEEDS, ID_COLUMNS, Kind
from creditaudit.intake.cells import STRIPPED
from creditaudit.intake.csv_source import CsvSource
from creditaudit.intake.decode import BLOCK_BYTES, opened
from creditaudit.intake.fixed import cut_line
from creditaudit.intake.labels import masked
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.lines import split_line
from creditaudit.intake.receive import PARQUET, FileReport, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.feeds import Column
    from creditaudit.intake.profile import Profile

# No clock is asked: without a night, no date is too late.
NO_NIGHT = date(9999, 12, 30)

_NUMBERS = re.compile(r"[0-9]{7,}[Xx]?")
_LONG_NUMBERS = re.compile(r"[0-9]{11,}[Xx]?")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
_LONG = 40
_PLAIN_CODE = re.compile(r"[!-~]{1,4}")
_PERSONAL = ("name", "phone", *ID_COLUMNS)


@dataclass(frozen=True)
class PreviewRow:
    """One data row as it would be read.

    Parameters
    ----------
    row, line : int
        1-based data row and physical line.
    doubts : str
        Reasons for which it is quarantined or loses cells, joined by ``;``; empty: none.
    is_accepted : bool
    cells : dict of str to str
        Column to masked value; of a quarantined row only the cells that cost it, as shapes.
    """

    row: int
    line: int
    doubts: str
    is_accepted: bool
    cells: dict[str, str]


@dataclass(frozen=True)
class Preview:
    """A whole file as it would be read.

    Parameters
    ----------
    report : FileReport
        Of the file, which is not refused.
    missing : tuple of str
        Optional columns that the file lacks.
    unknown : tuple of str
        Columns of the file that the feed does not have.
    rows : tuple of PreviewRow
        The first ones.
    doubts : tuple of (str, int, int)
        Reason, rows that have it, line of the first; by reason.
    """

    report: FileReport
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: tuple[PreviewRow, ...]
    doubts: tuple[tuple[str, int, int], ...]


def preview(profile: Profile, feed: str, path: Path, *, rows: int, night: date = NO_NIGHT) -> Preview:
    """Read a file by a profile and keep nothing of it.

    Parameters
    ----------
    profile : Profile
    feed : str
    path : Path
    rows : int
        How many data rows to show.
    night : date
        No date may lie more than a day after it.

    Raises
    ------
    RefusedError
        The file as a whole would be refused, or is not what it was when it was first read.
    """
    file = DeliveredFile(feed, masked(path.name), path, profile=profile)
    with tempfile.TemporaryDirectory(prefix="creditaudit-") as scratch:
        report = read_file(file, night=night, scratch=Path(scratch), part="part", max_quarantine_share=1.0)
        if report.refused is not None:
            raise RefusedError(
                "the file would be refused",
                why=report.refused,
                next_step="mend the profile, or ask the sender for a whole file",
                where=Where(f"{feed}/{file.name}"),
            )
        header = _header(report)
        typed = _first_rows(report.typed_part, rows)
        lost = pq.read_table(report.quarantine_part) if report.quarantine_part is not None else None
    shown = {row["row"]: _accepted(row, feed) for row in typed}
    listed = [] if lost is None else lost.filter(pc.less_equal(lost["row"], rows)).to_pylist()
    for row in listed:
        if row["disposition"] == "row_quarantined":
            shown[row["row"]] = _quarantined(row, report, header)
    ours = {profile.renamed(name) for name in header} | profile.source.constants.keys()
    return Preview(
        report,
        missing=tuple(c.name for c in FEEDS[feed].columns if c.name not in ours),
        unknown=tuple(mask_text(name) for name in report.unknown_columns),
        rows=tuple(shown[row] for row in sorted(shown)),
        doubts=() if lost is None else tuple(_counted(lost)),
    )


def _header(report: FileReport) -> tuple[str, ...]:
    """Return the file's own names of its columns."""
    file = report.file
    if report.encoding == PARQUET:
        return tuple(name.strip(STRIPPED) for name in pq.read_schema(file.path).names)
    source = CsvSource(FEEDS[file.feed], report.encoding or "", BLOCK_BYTES, file.profile)
    try:
        with opened(file.path) as delivery:
            next(source.blocks(delivery, file.path), None)
    except UnjudgedFileError as error:
        raise RefusedError(
            "the file changed while it was read",
            why=error.reason,
            next_step="wait until it is complete, then ask again",
            where=Where(f"{file.feed}/{file.name}"),
        ) from error
    return source.header


def _first_rows(part: Path | None, rows: int) -> list[dict[str, Any]]:
    if part is None:
        return []
    group = pq.ParquetFile(part).read_row_group(0)
    found: list[dict[str, Any]] = group.filter(pc.less_equal(group["row"], rows)).to_pylist()
    return found


def _counted(lost: pa.Table) -> Iterator[tuple[str, int, int]]:
    """Yield each reason with its rows and the line of the first."""
    reasons: dict[str, list[int]] = {}
    for joined, line in zip(lost["reasons"].to_pylist(), lost["line"].to_pylist(), strict=True):
        for reason in joined.split(";"):
            reasons.setdefault(reason, []).append(line)
    for reason in sorted(reasons):
        yield reason, len(reasons[reason]), min(reasons[reason])


def _accepted(row: dict[str, Any], feed: str) -> PreviewRow:
    cells: dict[str, str] = {}
    for column in FEEDS[feed].columns:
        if column.kind is Kind.INSTANT:
            first, last = row[f"{column.stem}_from"], row[f"{column.stem}_to"]
            value = None if first is None else _spoken(first, last)
        else:
            value = row[column.name]
        if value is not None:
            cells[column.name] = mask(column, value)
    return PreviewRow(row["row"], row["line"], row["dropped"] or "", is_accepted=True, cells=cells)


def _spoken(first: datetime, last: datetime) -> datetime | date | str:
    """Say an instant as exactly as it is known."""
    if first == last:
        return first
    return first.date() if first.date() + timedelta(days=1) == (last + timedelta(seconds=1)).date() else str(first)[:-3]


def _quarantined(row: dict[str, Any], report: FileReport, header: tuple[str, ...]) -> PreviewRow:
    """Show the shapes of the cells that cost a row its place."""
    profile = report.file.profile
    found = _cells(row["raw"], profile, report.encoding or "")
    cells: dict[str, str] = {}
    if row["split_ok"] and found is not None and len(found) == len(header):
        named = {profile.renamed(name): cell.strip(STRIPPED) for name, cell in zip(header, found, strict=True)}
        named |= profile.source.constants
        wanted = (reason.partition(":")[2] for reason in row["reasons"].split(";"))
        cells = {name: shape(named[name], is_personal=name in _PERSONAL) for name in wanted if name in named}
    elif found is None and profile.source.widths is not None:
        cells = {"line": f"{len(row['raw'])} characters; the widths add up to {sum(profile.source.widths)}"}
    elif found is not None:
        cells = {"cells": f"{len(found)}, the file has {len(header)} columns"}
    return PreviewRow(row["row"], row["line"], row["reasons"], is_accepted=False, cells=cells)


def _cells(raw: str, profile: Profile, encoding: str) -> list[str] | None:
    if encoding == PARQUET:
        return split_line(raw)[0]
    if profile.source.widths is not None:
        return cut_line(raw, profile.source.widths, profile.byte_encoding(encoding))
    cells, reason = split_line(raw, profile.dialect)
    return cells if reason is None else None


def mask(column: Column, value: object) -> str:
    """Return a typed value as a person may see it: ID numbers, names and phones masked, whatever column they are in."""
    if isinstance(value, date | datetime):
        return str(value)
    text = str(value)
    if column.name == "name":
        return text[:1] + "*" * (len(text) - 1)
    if column.name in _PERSONAL and len(text) <= _LONG:
        kept = 3 if len(text) > 10 else 0  # noqa: PLR2004 - shorter, three letters would be too much of it
        return text[:kept] + "*" * (len(text) - kept)
    return mask_text(text, _LONG_NUMBERS if column.name.endswith("provider_code") else _NUMBERS)


def mask_text(text: str, numbers: re.Pattern[str] = _NUMBERS) -> str:
    """Return a text with long numbers, and all but the first letter of words beyond ASCII, hidden."""
    hidden = numbers.sub(lambda m: m[0][:3] + "*" * (len(m[0]) - 5) + m[0][-2:], text)
    hidden = _BEYOND_ASCII.sub(lambda m: m[0][0] + "*" * (len(m[0]) - 1), hidden)
    hidden = "".join(c if c.isprintable() else "·" for c in hidden)
    return hidden if len(hidden) <= _LONG else f"{hidden[:_LONG]}… ({len(text)} characters)"


def shape(text: str, *, is_personal: bool = False) -> str:
    """Return a cell's form: 9 for a digit, A for a letter, 字 for other letters; what else stands in it stays.

    A code of up to four ASCII characters outside a personal column is shown as it is.
    """
    if not text:
        return "(empty)"
    if not is_personal and _PLAIN_CODE.fullmatch(text):
        return f"{text!r}"
    letters = ("9" if c.isdigit() else ("A" if c.isascii() else "字") if c.isalnum() else c for c in text[:_LONG])
    return "form " + "".join(c if c.isprintable() else "·" for c in letters) + ("…" if len(text) > _LONG else "")
