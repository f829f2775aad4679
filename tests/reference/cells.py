"""From text cells to typed rows (SPEC 3.2, the sentinels of 4, and the cell reasons of 3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from reference.columns import (
    ANY_DATE_COLUMNS,
    FEEDS,
    REGISTRIES,
    REPORTING_COLUMNS,
    RESULTS_OF_KIND,
    Column,
)
from reference.identity import birth_date, identify, in_reserved_area, normal_name
from reference.intervals import SECOND, Interval, certainly_before, whole_day

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{4})([0-9]{2})([0-9]{2})")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?: ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?|T([0-9]{2}):([0-9]{2}):([0-9]{2}))"
)
_INT = re.compile(r"-?[0-9]+")

_SENTINEL_DAYS = {("1900", "01", "01"), ("9999", "12", "31"), ("0000", "00", "00")}
_NEVER_CLOSED = ("1970", "01", "01")
_LONG_TERM = "长期"
FIRST_DAY = date(1949, 10, 1)


class BadTypeError(Exception):
    """The cell is not of its column's type."""


@dataclass
class Row:
    """One delivered data row and what became of it."""

    feed: str
    night: date
    file: str
    row: int
    line: int
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)

    def get(self, column: str) -> Any:
        """Return the typed cell; None is missing (and a dropped cell is missing here, SPEC 3.4)."""
        return self.values.get(column)

    @property
    def accepted(self) -> bool:
        """A row is accepted where nothing cost it."""
        return not self.reasons

    def comparable(self) -> tuple[Any, ...]:
        """What makes rows identical (SPEC 3.3, 12): the typed cells, id_number by id_norm, name normalised."""
        cells: list[Any] = []
        for column in FEEDS[self.feed]:
            value = self.get(column.name)
            if value is not None and column.name == "id_number":
                value = identify(value).id_norm
            elif value is not None and column.name == "name":
                value = normal_name(value)
            cells.append(value)
        return tuple(cells)


def _day(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise BadTypeError from error


def _is_sentinel(parts: tuple[str, ...], column: str) -> bool:
    return parts in _SENTINEL_DAYS or (column == "closed_on" and parts == _NEVER_CLOSED)


def read_date(text: str, column: str) -> date | None:
    """Type a cell of a date column; a sentinel is missing."""
    if text == _LONG_TERM:
        return None
    match = _DATE.fullmatch(text)
    if match is None:
        raise BadTypeError
    parts = match.groups()[:3] if match.group(1) else match.groups()[3:]
    if _is_sentinel(parts, column):
        return None
    return _day(*parts)


def read_instant(text: str, column: str) -> Interval | None:
    """Type a cell of an instant column; a sentinel day is missing with any time of day (SPEC 12)."""
    if _DATE.fullmatch(text):
        day = read_date(text, column)
        return None if day is None else whole_day(day)
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise BadTypeError
    groups = match.groups()
    hour, minute, second = groups[3:6] if groups[3] else groups[6:9]
    if int(hour) > 23 or int(minute) > 59 or (second is not None and int(second) > 59):
        raise BadTypeError
    if _is_sentinel(groups[:3], column):
        return None
    start = datetime.combine(_day(*groups[:3]), time(int(hour), int(minute), int(second or 0)))
    return Interval(start, start if second is not None else start + 59 * SECOND)


def _typed(column: Column, text: str) -> Any:
    if column.kind == "date":
        return read_date(text, column.name)
    if column.kind == "instant":
        return read_instant(text, column.name)
    if column.kind == "int":
        if _INT.fullmatch(text) is None:
            raise BadTypeError
        return int(text)
    return text


def _impossible_day(value: Any, night: date) -> bool:
    day = value.day if isinstance(value, Interval) else value
    return isinstance(day, date) and not FIRST_DAY <= day <= night + timedelta(days=1)


def _opened_before_birth(row: Row) -> bool:
    born = birth_date(row.get("id_number") or "")
    opened = row.get("opened_at")
    return (
        row.get("id_type") == "10"
        and born is not None
        and opened is not None
        and certainly_before(opened, whole_day(born))
    )


def _closed_before_opened(row: Row) -> bool:
    opened, closed = row.get("opened_at"), row.get("closed_on")
    return opened is not None and closed is not None and certainly_before(whole_day(closed), opened)


def _droppable(feed: str, column: Column) -> bool:
    """SPEC 3.4: the bad cells that do not cost their row."""
    if feed in REGISTRIES:
        return not column.required
    return feed == "accounts" and column.name in REPORTING_COLUMNS


def _type_cell(column: Column, text: str, night: date) -> tuple[Any, str | None]:
    """Return the cell's value and what is wrong with it."""
    if column.kind == "code" and text and text not in column.codes:
        return None, "bad_code"
    try:
        value = _typed(column, text) if text else None
    except BadTypeError:
        return None, "bad_type"
    if value is None:
        return None, "required_empty" if column.required else None
    if column.name not in ANY_DATE_COLUMNS and _impossible_day(value, night):
        return None, "impossible_date"
    if column.name == "id_type" and value in {"0", "7"}:
        value = "10"  # SPEC 3.2: the older list
    return value, None


def _bad_together(row: Row) -> dict[str, str]:
    """Return what is wrong with cells only beside another cell of the row."""
    bad: dict[str, str] = {}
    kind, result = row.get("check_kind"), row.get("result")
    if kind and result and result not in RESULTS_OF_KIND[kind]:
        bad["result"] = "bad_code"
    if _closed_before_opened(row):
        bad["closed_on"] = "impossible_date"
    if _opened_before_birth(row):
        bad["opened_at"] = "impossible_date"
    if row.get("id_number") and in_reserved_area(row.get("id_number")):
        bad["id_number"] = "reserved_area"
    return bad


def type_row(row: Row, texts: dict[str, str], night: date) -> None:
    """Type all cells of a row; fills values and, for bad cells, reasons or dropped cells."""
    bad: dict[str, str] = {}
    for column in FEEDS[row.feed]:
        row.values[column.name], reason = _type_cell(column, texts.get(column.name, ""), night)
        if reason is not None:
            bad[column.name] = reason
    bad |= _bad_together(row)
    for column in FEEDS[row.feed]:
        if column.name not in bad:
            continue
        row.values[column.name] = None
        reason = f"{bad[column.name]}:{column.name}"
        if _droppable(row.feed, column):
            row.dropped.append(reason)
            row.unreadable.add(column.name)
        else:
            row.reasons.append(reason)
    row.reasons.sort()
    # SPEC 12: a quarantined row lists only what cost it.
    row.dropped = [] if row.reasons else sorted(row.dropped)
