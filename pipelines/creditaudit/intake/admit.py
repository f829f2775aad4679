"""From typed parts to what the night keeps: accepted rows, rows in force, quarantine (SPEC 2 step 1, 3.3, 9)."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import ROW_GROUP, storage, write_parquet
from creditaudit.book.state import OPENING_CHANGES, QUARANTINED_NUMBERS, open_state
from creditaudit.errors import InternalError
from creditaudit.feeds import FEEDS
from creditaudit.intake.identity import numbers_in
from creditaudit.intake.kept_cells import CELLS, as_typed
from creditaudit.intake.keys import Resolved, nothing_came, resolve
from creditaudit.intake.reread import raw_lines
from creditaudit.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec
    from creditaudit.intake.receive import FileReport

# Rows refused for these alone are no blind spot: what they say is known from the row that stands.
KNOWN_BETTER = ("stale", "duplicate")

# The quarantine of a feed with the raw text: an allowed place for personal data (SPEC 10.4).
# ``cells`` are what a person corrects: in the order of the feed's columns, NULL where the line did not split.
# ``dropped`` is what a row had lost before it lost its key (NULL: nothing): a recall may let it stand after all.
RAW_QUARANTINE = pa.schema(
    [*QUARANTINE, pa.field("raw", pa.string()), pa.field("cells", CELLS), pa.field("dropped", pa.string())]
)


@dataclass(frozen=True)
class Admitted:
    """What became of one feed's delivered rows.

    Parameters
    ----------
    feed : str
    state : list of Path
        Tonight's changes to the rows in force.
    accepted : dict
        File label to accepted rows.
    quarantine : pyarrow.Table
        ``RAW_QUARANTINE``, sorted by its columns.
    """

    feed: str
    state: list[Path]
    accepted: dict[str, int]
    quarantine: pa.Table


def admit(
    engine: Engine, book: Book, feed: str, *, reports: Sequence[FileReport], folder: Path, night: date
) -> Admitted:
    """Resolve the keys of one feed's rows and write them where they end.

    Writes ``intake/<feed>/`` (accepted rows), ``state/<feed>/`` (those that change the rows in force),
    ``state/opening_changes/`` and ``quarantine/<feed>.parquet`` under ``folder``. A typed part that loses no row is
    moved, not copied, and the state shares its bytes, where it does not put small ones together.

    Parameters
    ----------
    engine : Engine
    book : Book
    feed : str
    reports : sequence of FileReport
        Tonight's files of the feed that are not refused.
    folder : Path
        The night's folder while it is written.
    night : date
    """
    spec = FEEDS[feed]
    parts = [r.typed_part for r in reports if r.typed_part is not None]
    rejected: dict[str, pa.Table] = {}
    unchanged: dict[str, pa.Table] = {}
    if parts:
        engine.scan(f"tonight_{feed}", parts, spec.schema)
        open_state(engine, book, feed, f"before_{feed}")
        resolved = resolve(engine, spec, f"tonight_{feed}", f"before_{feed}")
        # Not "reason": issuances and inquiries have a column of that name, whose text would be published as the reason.
        rejected = _rows_by_file(
            engine,
            f"SELECT t.*, r.reason AS what_it_cost FROM {resolved.rejected} AS r"
            f" JOIN tonight_{feed} AS t ON t.file = r.file AND t.row = r.row",
        )
        unchanged = _rows_by_file(engine, kept_out(spec, resolved))
        if feed == "openings":
            _write_opening_changes(engine, book, resolved, folder)
        engine.drop(f"tonight_{feed}", resolved.rejected, resolved.known)
        if resolved.is_held:
            engine.drop(f"before_{feed}", f"before_{feed}_newest")
    else:
        nothing_came(engine, spec)
    kept: list[_Kept] = []
    accepted: dict[str, int] = {}
    for number, report in enumerate(reports, start=1):
        lost = rejected.get(report.file.name)
        accepted[report.file.name] = (report.typed or 0) - (0 if lost is None else lost.num_rows)
        if report.typed_part is None:
            continue
        intake = folder / "intake" / feed / _part_name(number)
        _place(report.typed_part, intake, spec, [lost])
        kept.append(_Kept.of(intake, unchanged.get(report.file.name)))
    state = _share(folder / "state" / feed, spec, [part for part in kept if part.rows])
    quarantine = _quarantine(spec, reports, rejected, night)
    write_parquet(folder / "quarantine" / f"{feed}.parquet", RAW_QUARANTINE, [quarantine])
    _check_conservation(reports, accepted, quarantine)
    return Admitted(feed, state, accepted, quarantine)


def kept_out(spec: TableSpec, resolved: Resolved) -> str:
    """Return a query for accepted rows that change nothing in force: the same again, or an opening after the first."""
    only_same = "" if spec.name == "openings" else " WHERE same"
    return f"SELECT file, row, 'known' AS reason FROM {resolved.known}{only_same}"


def _rows_by_file(engine: Engine, select: str) -> dict[str, pa.Table]:
    found = engine.fetch(f"SELECT * FROM ({select}) AS s ORDER BY file, row")
    files = pc.unique(found["file"]).to_pylist() if found.num_rows else []
    return {name: found.filter(pc.equal(found["file"], name)) for name in files}


def _place(part: Path, target: Path, spec: TableSpec, losses: Sequence[pa.Table | None]) -> None:
    """Move a part to its place, leaving out lost rows; a part that loses none is renamed."""
    lost = [t["row"].to_numpy() for t in losses if t is not None]
    with storage(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not lost:
            part.replace(target)
            return
    write_parquet(target, spec.schema, _without(part, np.concatenate(lost)))
    with storage(part):
        part.unlink()


@dataclass(frozen=True)
class _Kept:
    """Accepted rows of one file: those that change what is in force, and which do not."""

    intake: Path
    rows: int
    unchanged: np.ndarray | None

    @classmethod
    def of(cls, intake: Path, unchanged: pa.Table | None) -> _Kept:
        rows = pq.ParquetFile(intake).metadata.num_rows
        if unchanged is None:
            return cls(intake, rows, None)
        return cls(intake, rows - unchanged.num_rows, unchanged["row"].to_numpy())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that change something, in their order."""
        if self.unchanged is None:
            yield from pq.ParquetFile(self.intake).iter_batches()
        else:
            yield from _without(self.intake, self.unchanged)


def _share(folder: Path, spec: TableSpec, kept: Sequence[_Kept]) -> list[Path]:
    """Give the state the intake's rows, but those that change nothing; returns its files.

    The rows of a small night are one file, however many were delivered: every later night opens each of them, each time
    that it reads the table.
    """
    if len(kept) > 1 and sum(part.rows for part in kept) <= ROW_GROUP:
        whole = folder / _part_name(1)
        write_parquet(whole, spec.schema, (batch for part in kept for batch in part.batches()))
        return [whole]
    files = [folder / part.intake.name for part in kept]
    for part, target in zip(kept, files, strict=True):
        if part.unchanged is not None:
            write_parquet(target, spec.schema, part.batches())
            continue
        with storage(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(part.intake, target)  # sealed files never change, so one copy of the bytes serves both names
            except OSError:
                shutil.copyfile(part.intake, target)
    return files


def _part_name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def _without(part: Path, rows: np.ndarray) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(part).iter_batches():
        keep = np.isin(batch.column("row").to_numpy(), rows, invert=True)
        yield batch.filter(pa.array(keep))


def _write_opening_changes(engine: Engine, book: Book, resolved: Resolved, folder: Path) -> None:
    """Keep openings that came after the first one of their account and differ from all known ones."""
    open_state(engine, book, OPENING_CHANGES.name, "before_opening_changes")
    changes = new_opening_changes("tonight_openings", resolved.known, "before_opening_changes")
    fresh = engine.fetch(f"SELECT * FROM ({changes}) AS c ORDER BY file, row")
    if fresh.num_rows:
        path = folder / "state" / OPENING_CHANGES.name / "part-00001.parquet"
        write_parquet(path, OPENING_CHANGES.schema, [fresh])


def new_opening_changes(tonight: str, known: str, before: str) -> str:
    """Return a query for a night's openings that differ from the first one of their account, and from known changes."""
    spec = FEEDS["openings"]
    same = " AND ".join(f"t.{c} IS NOT DISTINCT FROM c.{c}" for c in spec.compared)
    key = " AND ".join(f"t.{c} = c.{c}" for c in spec.key)
    return (
        f"SELECT t.* FROM {tonight} AS t JOIN {known} AS k ON k.file = t.file AND k.row = t.row"
        f" WHERE NOT k.same AND NOT EXISTS (SELECT 1 FROM {before} AS c WHERE {key} AND {same})"
    )


def _quarantine(spec: TableSpec, reports: Sequence[FileReport], rejected: dict[str, pa.Table], night: date) -> pa.Table:
    """Return the quarantine of one feed: what the splitter and the cells cost, then what the keys cost."""
    tables: list[pa.Table] = [RAW_QUARANTINE.empty_table()]
    for report in reports:
        lost = rejected.get(report.file.name)
        if report.quarantine_part is not None:
            held = pq.read_table(report.quarantine_part)
            if lost is not None:
                # A row never appears twice (SPEC 12): one that lost a cell and then its key lists what cost the row.
                held = held.filter(pc.invert(pc.is_in(held["row"], value_set=lost["row"].combine_chunks())))
            dated = held.append_column("night", pa.array([night] * held.num_rows, type=pa.date32()))
            dated = dated.append_column("dropped", pa.nulls(held.num_rows, pa.string()))
            tables.append(dated.select(RAW_QUARANTINE.names).cast(RAW_QUARANTINE))
        if lost is not None:
            tables.append(_rejected_rows(spec, report, lost, night))
    order = [(name, "ascending") for name in (*QUARANTINE.names, "raw")]
    return pa.concat_tables(tables).sort_by(order).combine_chunks()


def _rejected_rows(spec: TableSpec, report: FileReport, lost: pa.Table, night: date) -> pa.Table:
    rows = lost["row"].to_pylist()
    texts = raw_lines(report, rows)
    count = len(rows)
    return pa.table(
        {
            "night": pa.array([night] * count, type=pa.date32()),
            "feed": pa.array([spec.name] * count),
            "file": lost["file"],
            "row": lost["row"],
            "line": lost["line"],
            "disposition": pa.array(["row_quarantined"] * count),
            "reasons": lost["what_it_cost"],
            "raw": pa.array(texts, type=pa.string()),
            "cells": as_typed(spec, lost),
            "dropped": lost["dropped"],
        }
    ).cast(RAW_QUARANTINE)


def quarantine(admitted: Sequence[Admitted]) -> pa.Table:
    """Return the night's quarantine without the raw text, schema ``QUARANTINE``, sorted by its columns."""
    whole = pa.concat_tables([a.quarantine for a in admitted]).select(QUARANTINE.names)
    return whole.sort_by([(name, "ascending") for name in QUARANTINE.names]).combine_chunks()


def quarantined_numbers(admitted: Sequence[Admitted], reports: Sequence[FileReport], night: date) -> pa.Table:
    """Return the ID numbers of tonight's quarantined rows: of the number's own cell, or anywhere in the raw text.

    A row that was refused only as stale or duplicate is no blind spot.

    Returns
    -------
    pyarrow.Table
        Schema ``QUARANTINED_NUMBERS``, one row per quarantined row and number, sorted by its columns.
    """
    names = QUARANTINED_NUMBERS.schema.names
    tables = [QUARANTINED_NUMBERS.schema.empty_table()]
    for feed in admitted:
        weak = feed.quarantine.filter(
            pc.and_(
                pc.equal(feed.quarantine["disposition"], "row_quarantined"),
                pc.invert(pc.is_in(feed.quarantine["reasons"], value_set=pa.array(KNOWN_BETTER))),
            )
        )
        found = numbers_in(weak["raw"])
        rows = weak.take(found["index"]).append_column("id_norm", found["id_norm"])
        tables.append(rows.select(names).cast(QUARANTINED_NUMBERS.schema))
    for report in reports:
        if report.quarantine_part is not None:
            held = pq.read_table(report.quarantine_part)
            own = held.filter(pc.and_(pc.equal(held["disposition"], "row_quarantined"), pc.is_valid(held["id_norm"])))
            dated = own.append_column("night", pa.array([night] * own.num_rows, type=pa.date32()))
            tables.append(dated.select(names).cast(QUARANTINED_NUMBERS.schema))
    every = pa.concat_tables(tables).combine_chunks()
    return every.group_by(names, use_threads=False).aggregate([]).sort_by([(n, "ascending") for n in names])


def _check_conservation(reports: Sequence[FileReport], accepted: dict[str, int], quarantine: pa.Table) -> None:
    """Refuse to go on unless every delivered row is accepted or quarantined, once (SPEC 2)."""
    lost = quarantine.filter(pc.equal(quarantine["disposition"], "row_quarantined"))
    counts = {c["values"]: c["counts"] for c in pc.value_counts(lost["file"]).to_pylist()}
    for report in reports:
        name = report.file.name
        if report.delivered != accepted[name] + counts.get(name, 0):
            raise InternalError(
                "delivered rows were lost",
                why=f"{report.file.feed}/{name}: {report.delivered} delivered, {accepted[name]} accepted,"
                f" {counts.get(name, 0)} quarantined",
                next_step="nothing was sealed; report this with the file's dialect",
            )
