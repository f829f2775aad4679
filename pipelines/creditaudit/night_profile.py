"""``creditaudit night --profile``: where the time of a night went, beside a bare scan of the rows that it judged by."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from creditaudit.audit.scope import UNREAD
from creditaudit.book.state import TABLES
from creditaudit.book.state_files import state_files
from creditaudit.engines import engine_aside
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.runlog import Stage

_MIB: Final = 1 << 20
_HEAD: Final = (
    *("stage", "rows", "read MiB", "written MiB", "CPU s", "wall s", "peak MiB"),
    *("queries", "rows scanned", "spilled MiB", "x floor"),
)
_ALL: Final = "all stages"


@dataclass(frozen=True)
class Floor:
    """What it costs to read every value once that judging may ask for: nothing that judges can be cheaper.

    Parameters
    ----------
    rows : int
        Of all feeds, in force or put out of force since the last complete state.
    cpu_seconds, seconds : float
        CPU of all threads, and wall.
    """

    rows: int
    cpu_seconds: float
    seconds: float


def floor(book: Book, night: date, threads: int) -> Floor:
    """Scan the states of a sealed night, column by column, and keep nothing.

    Parameters
    ----------
    book : Book
    night : date
    threads : int
        As many as the night had.

    Returns
    -------
    Floor
    """
    rows, known = 0, book.then(night)
    with engine_aside(reads=book.root, threads=threads) as engine:
        cpu, begun = time.process_time(), time.perf_counter()
        for feed in FEEDS:
            schema = TABLES[feed].schema
            complete, changes = state_files(known, feed)
            engine.scan(f"floor_{feed}", [*complete, *changes], schema)
            read = ", ".join(f"max({name}) AS {name}" for name in schema.names if name not in UNREAD)
            # The condition holds for every row; without one the statistics of the files would answer.
            told = engine.fetch(f"SELECT count(*) AS row_count, {read} FROM floor_{feed} WHERE line > 0")
            rows += told["row_count"][0].as_py()
        return Floor(rows, time.process_time() - cpu, time.perf_counter() - begun)


def profile_lines(stages: Sequence[Stage], least: Floor) -> Iterator[str]:
    """Yield the table: one line a stage, in order, their sum, and the floor.

    A figure that the system or the engine does not give is a dash.
    """
    rows = [_HEAD, *(_line(stage, least) for stage in stages), _sum(stages, least)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join((row[0].ljust(widths[0]), *cells[1:]))
    yield (
        f"floor: a bare scan of the columns that judging reads, {least.rows:,} rows: {least.cpu_seconds:.2f} s CPU,"
        f" {least.seconds:.2f} s wall"
    )


def _line(stage: Stage, least: Floor) -> tuple[str, ...]:
    return (
        *(stage.name, _count(stage.rows or None), _mib(stage.read_bytes), _mib(stage.written_bytes)),
        *(f"{stage.cpu_seconds:.2f}", f"{stage.seconds:.2f}", f"{stage.peak_mib:,}"),
        *(_count(stage.statements), _count(stage.scanned_rows), _mib(stage.spilled_bytes)),
        _times(stage.cpu_seconds, least),
    )


def _sum(stages: Sequence[Stage], least: Floor) -> tuple[str, ...]:
    cpu = sum(stage.cpu_seconds for stage in stages)
    return (
        *(_ALL, "", _mib(_total(s.read_bytes for s in stages)), _mib(_total(s.written_bytes for s in stages))),
        *(f"{cpu:.2f}", f"{sum(s.seconds for s in stages):.2f}", f"{max((s.peak_mib for s in stages), default=0):,}"),
        *(_count(_total(s.statements for s in stages)), _count(_total(s.scanned_rows for s in stages))),
        *(_mib(max((s.spilled_bytes for s in stages), default=0)), _times(cpu, least)),
    )


def _total(counts: Iterator[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _mib(size: int | None) -> str:
    return "-" if size is None else f"{size / _MIB:,.1f}"


def _times(cpu: float, least: Floor) -> str:
    return f"{cpu / least.cpu_seconds:.1f}" if least.cpu_seconds else "-"
