"""Typed rows of one block: cells to the columns of ``spec.schema``, and what is wrong with them (SPEC 3.2, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.feeds import ID_COLUMNS, RESULTS_BY_KIND, Column, Kind, TableSpec
from creditaudit.intake.cells import Cells, cells_of, changed
from creditaudit.intake.dates import Days, Instants, day_number, outside, read_dates, read_instants
from creditaudit.intake.faults import BAD_CODE, BAD_TYPE, IMPOSSIBLE_DATE, REQUIRED_EMPTY, RESERVED_AREA, Faults
from creditaudit.intake.identity import Identities, identify
from creditaudit.intake.integers import read_integers
from creditaudit.intake.names import known_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from creditaudit.intake.cells import Bools

    Change = Callable[[str], str | None]

# SPEC 3.4: dates outside 1949-10-01 … night + 1 day are impossible.
FIRST_DAY = day_number(date(1949, 10, 1))

CITIZEN_NUMBER = "10"
_OLDER_CITIZEN_TYPES = ("0", "7")

_NO_CHANGES: Mapping[str, Change] = {}


@dataclass(frozen=True)
class TypedRows:
    """One block of rows, typed; all rows are still there.

    Parameters
    ----------
    columns : dict of str to pa.Array
        The delivered part of ``spec.schema``; a bad cell is NULL.
    faults : Faults
        What is wrong with which row.
    identities : Identities or None
        Of ``id_number``; None where the file has no such column.
    texts : dict of str to pa.StringArray
        Stripped cells by delivered column; NULL is empty.
    """

    columns: dict[str, pa.Array]
    faults: Faults
    identities: Identities | None
    texts: dict[str, pa.StringArray]


def type_rows(
    spec: TableSpec,
    cells: Mapping[str, pa.Array],
    rows: int,
    *,
    night: date,
    unreadable: Mapping[str, Bools],
    changes: Mapping[str, Change] = _NO_CHANGES,
) -> TypedRows:
    """Type the cells of a block.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    cells : mapping of str to pa.Array of string
        Known columns that the file has, not stripped.
    rows : int
        Rows in the block.
    night : date
        No date may lie more than a day after it.
    unreadable : mapping of str to numpy bool
        Cells that are ``bad_type`` whatever their text says (Parquet timestamps with a fraction or a zone).
    changes : mapping of str to callable
        What the source profile makes of a cell before it is typed, by column; see :meth:`Profile.change`.

    Returns
    -------
    TypedRows
    """
    return _Typing(spec, rows, night, changes).run(cells, unreadable)


class _Typing:
    """The typing of one block, column by column, then what columns say of each other."""

    def __init__(self, spec: TableSpec, rows: int, night: date, changes: Mapping[str, Change]) -> None:
        self._spec = spec
        self._changes = changes
        self._last_day = day_number(night) + 1
        self._rows = rows
        self._faults = Faults(rows)
        self._columns: dict[str, pa.Array] = {}
        self._texts: dict[str, pa.StringArray] = {}
        self._shown: dict[str, pa.StringArray] = {}
        self._days: dict[str, Days | Instants] = {}
        self._identities: dict[str, Identities] = {}

    def run(self, cells: Mapping[str, pa.Array], unreadable: Mapping[str, Bools]) -> TypedRows:
        for column in self._spec.columns:
            if column.name in cells:
                self._column(column, cells_of(cells[column.name]), unreadable.get(column.name))
        self._pairs()
        self._born_before_opening()
        self._closed_after_opening()
        for column in self._spec.columns:
            self._finish(column)
        return TypedRows(self._columns, self._faults, self._identities.get("id_number"), self._texts)

    def _fault(self, reason: str, column: Column, bad: Bools) -> None:
        self._faults.add(reason, column.name, bad, droppable=column.droppable)

    def _column(self, column: Column, cells: Cells, unreadable: Bools | None) -> None:
        cells, unreadable = self._known(column, cells, unreadable)
        self._texts[column.name] = self._shown.get(column.name, cells.array)
        missing = ~cells.given if column.required else None
        if column.kind is Kind.DATE:
            days = read_dates(cells, column.name)
            missing = self._dated(column, days)
        elif column.kind is Kind.INSTANT:
            instants = read_instants(cells, column.name)
            missing = self._dated(column, instants)
        elif column.kind is Kind.INT:
            integers = read_integers(cells)
            self._fault(BAD_TYPE, column, integers.bad)
            self._columns[column.name] = integers.array
        elif column.kind is Kind.CODE:
            self._columns[column.name] = self._coded(column, cells.array)
        elif column.name in ID_COLUMNS:
            self._identified(column, cells)
        elif column.name == "name":
            self._columns["name"] = cells.array
            self._columns["name_norm"], self._columns["name_known"] = known_names(cells)
        elif column.name == "id_type":
            older = pc.is_in(cells.array, pa.array(_OLDER_CITIZEN_TYPES))
            self._columns[column.name] = pc.if_else(older, CITIZEN_NUMBER, cells.array)
        else:
            self._columns[column.name] = cells.array
        if missing is not None and column.required:
            self._fault(REQUIRED_EMPTY, column, missing if unreadable is None else missing & ~unreadable)

    def _known(self, column: Column, cells: Cells, unreadable: Bools | None) -> tuple[Cells, Bools | None]:
        """Take out cells that cannot be read, and make ours of the sender's; returns where a cell was bad, too."""
        if unreadable is not None and unreadable.any():
            self._fault(BAD_TYPE, column, unreadable)
            cells = cells_of(pc.if_else(pa.array(unreadable), pa.scalar(None, pa.string()), cells.array))
        else:
            unreadable = None
        change = self._changes.get(column.name)
        if change is None:
            return cells, unreadable
        delivered = cells.array
        cells, unknown = changed(cells, change)
        if unknown.any():  # whoever corrects the row must see what it said
            self._shown[column.name] = pc.if_else(pa.array(unknown), delivered, cells.array)
        self._fault(BAD_TYPE if column.is_dated else BAD_CODE, column, unknown)
        return cells, unknown if unreadable is None else unreadable | unknown

    def _dated(self, column: Column, read: Days | Instants) -> Bools:
        """Note what is wrong with a date or instant; returns where it is missing."""
        self._fault(BAD_TYPE, column, read.bad)
        missing = ~(read.given | read.bad)
        if not column.any_date:
            outlying = outside(read.day, read.given, FIRST_DAY, self._last_day)
            self._fault(IMPOSSIBLE_DATE, column, outlying)
            read.given[outlying] = False
        self._days[column.name] = read
        return missing

    def _coded(self, column: Column, array: pa.StringArray) -> pa.StringArray:
        wrong = pc.invert(pc.is_in(array, pa.array(column.codes)))
        wrong = pc.and_(wrong, pc.is_valid(array)).to_numpy(zero_copy_only=False)
        if not wrong.any():
            return array
        self._fault(BAD_CODE, column, wrong)
        return pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), array)

    def _identified(self, column: Column, cells: Cells) -> None:
        norm, status = ID_COLUMNS[column.name]
        found = identify(cells)
        self._identities[column.name] = found
        self._columns[column.name] = cells.array
        self._columns[norm], self._columns[status] = found.norm, found.status_array()
        if column.name == "id_number":
            self._fault(RESERVED_AREA, column, found.reserved)

    def _pairs(self) -> None:
        """Ask whether each result is one that its kind of check can have."""
        if self._spec.name != "verifications":
            return
        kind, result = self._columns["check_kind"], self._columns["result"]
        bad = np.zeros(self._rows, dtype=bool)
        for name, results in RESULTS_BY_KIND.items():
            allowed = pc.is_in(result, pa.array(results))
            wrong = pc.and_(pc.equal(kind, name), pc.invert(allowed))
            bad |= _true(pc.and_(wrong, pc.is_valid(result)))
        self._fault(BAD_CODE, self._spec.by_name["result"], bad)

    def _born_before_opening(self) -> None:
        opened, number = self._days.get("opened_at"), self._identities.get("id_number")
        if opened is None or number is None:
            return
        citizen = _true(pc.equal(self._columns["id_type"], CITIZEN_NUMBER))
        bad = citizen & number.born & opened.given & (opened.day < number.birth)
        self._fault(IMPOSSIBLE_DATE, self._spec.by_name["opened_at"], bad)

    def _closed_after_opening(self) -> None:
        opened, closed = self._days.get("opened_at"), self._days.get("closed_on")
        if opened is None or closed is None:
            return
        bad = opened.given & closed.given & (closed.day < opened.day)
        self._fault(IMPOSSIBLE_DATE, self._spec.by_name["closed_on"], bad)
        closed.given[bad] = False

    def _finish(self, column: Column) -> None:
        """Make the typed columns that could only be made after the columns were compared."""
        read = self._days.get(column.name)
        if isinstance(read, Days):
            self._columns[column.name] = read.array()
        elif isinstance(read, Instants):
            self._columns[f"{column.stem}_from"], self._columns[f"{column.stem}_to"] = read.arrays()


def _true(answers: pa.BooleanArray) -> Bools:
    """Return where the answer is yes; NULL is no."""
    yes: Bools = pc.coalesce(answers, pa.scalar(value=False)).to_numpy(zero_copy_only=False)
    return yes
