"""The grid that decides fault: one CSV that a lawyer can read, checked when it is loaded, applied by the engine.

``grid.csv`` is the only place where SPEC 7.3 stands. A cell is ``*`` (any), or one or more words joined by ``|``; the
first line that matches decides. Two lines may share a row number: then the row matches if either of them does.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "grid.csv"
ANY = "*"

# The rules of the fault lane, and the verdicts that each can have (SPEC 6, 7).
VERDICTS: dict[str, tuple[str, ...]] = {
    "R101": ("violation", "undecidable"),
    "R102": ("violation", "undecidable", "lead"),
    "R104": ("violation", "undecidable"),
    "R105": ("violation", "undecidable", "lead"),
    "R107": ("violation", "undecidable", "lead"),
    "R108": ("violation",),
    "R201": ("violation", "lead"),
    "R202": ("violation",),
}
WITHOUT_NOTICE = frozenset({"R108", "R201", "R202"})
COVERED = ("yes", "no")
KNOWABLE = ("knew", "could_have_known", "could_not_have_known", "undecidable", "not_applicable")
DUTY = ("in_force", "not_in_force", "unknown")
PERFORMED = ("passed", "warned", "excepted", "errored", "missing", "unknown", "beyond_retention")
# Most serious first: a case's fault is that of its most serious finding (SPEC 7).
FAULTS = ("fault_indicated", "needs_evidence", "fault_unproven", "no_fault_indicated")

_WORDS: dict[str, tuple[str, ...]] = {
    "finding": tuple(VERDICTS),
    "verdict": ("violation", "undecidable", "lead"),
    "covered": COVERED,
    "knowable": KNOWABLE,
    "duty": DUTY,
    "performed": PERFORMED,
}
_HEADER = ("row", *_WORDS, "fault", "why_zh", "why_en", "clause")
_ANSWERED_ADVERSELY = frozenset({"warned", "excepted"})


@dataclass(frozen=True, order=True, slots=True)
class Combination:
    """What the grid looks at in one finding; the fields are those of its columns."""

    finding: str
    verdict: str
    covered: str
    knowable: str
    duty: str
    performed: str

    @property
    def words(self) -> tuple[str, ...]:
        """The fields in their order; plain, since a grid is asked hundreds of thousands of times."""
        return self.finding, self.verdict, self.covered, self.knowable, self.duty, self.performed


@dataclass(frozen=True, slots=True)
class GridLine:
    """One line of the grid.

    Parameters
    ----------
    line : int
        1-based line of the file.
    row : int
        Number of the row of SPEC 7.3.
    cells : tuple of frozenset or None
        The words that match, per column of :class:`Combination`; None: any.
    fault : str
        One of :data:`FAULTS`.
    why_zh, why_en : str
        The row in words.
    clause : str
        What it rests on.
    """

    line: int
    row: int
    cells: tuple[frozenset[str] | None, ...]
    fault: str
    why_zh: str
    why_en: str
    clause: str

    def matches(self, combination: Combination) -> bool:
        """Say whether the line speaks of a combination."""
        return all(words is None or word in words for words, word in zip(self.cells, combination.words, strict=True))


@dataclass(frozen=True)
class Grid:
    """The lines in their order."""

    lines: tuple[GridLine, ...]

    def decide(self, combination: Combination) -> GridLine:
        """Return the first line that matches.

        Raises
        ------
        UsageError
            No line matches; a grid that was loaded has no such hole.
        """
        for line in self.lines:
            if line.matches(combination):
                return line
        raise _bad(None, None, f"no row decides {', '.join(combination.words)}")

    def lines_of(self, row: int) -> tuple[GridLine, ...]:
        """Return the lines of one row of SPEC 7.3."""
        return tuple(line for line in self.lines if line.row == row)

    def as_table(self) -> pa.Table:
        """Return the grid for the engine: one row per line and choice of words; NULL matches any word.

        Columns line, grid_row, fault, and those of :class:`Combination`.
        """
        rows = []
        for line in self.lines:
            for words in product(*(sorted(c) if c is not None else (None,) for c in line.cells)):
                cells = dict(zip(_WORDS, words, strict=True))
                rows.append({"line": line.line, "grid_row": line.row, "fault": line.fault, **cells})
        text = [(name, pa.string()) for name in ("fault", *_WORDS)]
        return pa.Table.from_pylist(rows, schema=pa.schema([("line", pa.int32()), ("grid_row", pa.int32()), *text]))


def combinations() -> Iterator[Combination]:
    """Yield every combination of a rule, a verdict that it can have, and words of the other columns."""
    for finding, verdicts in VERDICTS.items():
        for cells in product(verdicts, COVERED, KNOWABLE, DUTY, PERFORMED):
            yield Combination(finding, *cells)


def can_be(combination: Combination) -> bool:
    """Say whether SPEC 6 and 7 can give a combination.

    An adverse answer is what ``knew`` means; that no record is there is known of a covered account only; the registry
    of cards does not know of deaths (R107); an R201 violation is an answer that was not heeded, and without an adverse
    answer there is none.
    """
    c = combination
    warned = c.performed in _ANSWERED_ADVERSELY
    if c.performed in {"missing", "beyond_retention"} and c.covered == "no":
        return False
    if (c.knowable == "not_applicable") != (c.finding in WITHOUT_NOTICE):
        return False
    if c.finding not in WITHOUT_NOTICE and (c.knowable == "knew") != warned:
        return False
    if c.finding == "R107" and c.knowable not in {"knew", "undecidable"}:
        return False
    return c.finding != "R201" or (c.verdict == "violation") == (c.performed == "warned")


@cache
def shipped_grid() -> Grid:
    """Return the grid that comes with the program."""
    return read_grid((resources.files("creditaudit.fault") / FILE).read_text(encoding="utf-8"))


def read_grid(text: str) -> Grid:
    """Read and check a grid.

    Raises
    ------
    UsageError
        A word that the column does not have, a row number out of order, a row whose lines disagree, a combination that
        no line decides, or a line that decides none: with line and column.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise _bad(reader.line_num, None, "a quote is not closed, or text follows a closing quote") from error
    if not rows or tuple(rows[0][1]) != _HEADER:
        raise _bad(1, None, f"the header must be {','.join(_HEADER)}")
    lines = tuple(_line(number, row) for number, row in rows[1:])
    _check_numbers(lines)
    grid = Grid(lines)
    reached = set()
    for combination in combinations():
        line = next((one for one in lines if one.matches(combination)), None)
        if line is None:
            raise _bad(None, None, f"no row decides {', '.join(combination.words)}")
        if can_be(combination):
            reached.add(line.line)
    for line in lines:
        if line.line not in reached:
            raise _bad(line.line, None, "nothing that can happen comes to this row: rows above it take it all")
    return grid


def _line(number: int, row: list[str]) -> GridLine:
    if len(row) != len(_HEADER):
        raise _bad(number, None, f"{len(row)} cells under {len(_HEADER)} column names")
    cells = dict(zip(_HEADER, row, strict=True))
    if not cells["row"].isascii() or not cells["row"].isdigit():
        raise _bad(number, "row", "it is not a whole number")
    for name in ("why_zh", "why_en", "clause"):
        if not cells[name].strip():
            raise _bad(number, name, "it is empty")
    if cells["fault"] not in FAULTS:
        raise _bad(number, "fault", f"{cells['fault']!r} is none of {', '.join(FAULTS)}")
    matched = tuple(_words(number, name, cells[name]) for name in _WORDS)
    return GridLine(
        number, int(cells["row"]), matched, cells["fault"], cells["why_zh"], cells["why_en"], cells["clause"]
    )


def _words(number: int, column: str, cell: str) -> frozenset[str] | None:
    if cell == ANY:
        return None
    words = cell.split("|")
    for word in words:
        if word not in _WORDS[column]:
            raise _bad(number, column, f"{word!r} is none of {', '.join(_WORDS[column])}, nor {ANY}")
    return frozenset(words)


def _check_numbers(lines: tuple[GridLine, ...]) -> None:
    before = None
    for line in lines:
        last = before.row if before is not None else 0
        if line.row not in {last, last + 1} or line.row == 0:
            raise _bad(line.line, "row", f"row {line.row} follows row {last}: rows are numbered from 1 without a gap")
        if before is not None and line.row == before.row and line.fault != before.fault:
            raise _bad(line.line, "fault", f"the lines of row {line.row} disagree")
        before = line


def _bad(line: int | None, column: str | None, why: str) -> UsageError:
    return UsageError(
        "the grid of faults cannot be used",
        why=why,
        next_step="mend fault/grid.csv of the program",
        where=Where(f"fault/{FILE}", line, column),
    )
