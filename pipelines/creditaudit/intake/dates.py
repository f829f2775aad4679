"""Dates and instants from text (SPEC 3.2, the sentinels of SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from creditaudit.feeds import INSTANT

if TYPE_CHECKING:
    from creditaudit.intake.cells import Bools, Bytes, Cells

DAY_SECONDS = 86_400
LONG_TERM = "长期"
NEVER_CLOSED_COLUMN = "closed_on"

_EPOCH = date(1970, 1, 1).toordinal()
_MICROSECONDS = 1_000_000
_ZERO = ord("0")

# year * 100 + month * 1, as delivered, → first day of that month, and its number of days (0: no such month).
_FIRST_OF_MONTH = np.zeros(10_000 * 100, dtype=np.int32)
_MONTH_DAYS = np.zeros(10_000 * 100, dtype=np.uint8)
_MONTHS = np.arange("0001-01", "10000-02", dtype="datetime64[M]")
_FIRSTS = _MONTHS.astype("datetime64[D]").astype(np.int64)
_NUMBERS = np.repeat(np.arange(1, 10_000) * 100, 12) + np.tile(np.arange(1, 13), 9_999)
_FIRST_OF_MONTH[_NUMBERS] = _FIRSTS[:-1]
_MONTH_DAYS[_NUMBERS] = np.diff(_FIRSTS)

# Days that stand for "not given", as year month day digits (SPEC 4).
_SENTINELS = (19000101, 99991231, 0)
_NEVER_CLOSED = 19700101

# Layout of each allowed length: positions of the digits, and which letters must stand elsewhere.
_COMPACT, _DASHED, _TO_MINUTE, _TO_SECOND = 8, 10, 16, 19


@dataclass(frozen=True)
class Days:
    """A typed date column.

    Parameters
    ----------
    day : numpy int32
        Days since 1970-01-01; without meaning where not ``given``.
    given : numpy bool
        The cell holds a date; False: missing (empty or a sentinel) or bad.
    bad : numpy bool
        The cell holds something that is no date.
    """

    day: npt.NDArray[np.int32]
    given: Bools
    bad: Bools

    def array(self) -> pa.Array:
        """Return the column as date32; NULL is missing."""
        return pa.array(self.day, mask=~self.given).cast(pa.date32())


@dataclass(frozen=True)
class Instants:
    """A typed instant column: closed intervals of whole seconds, each within one day.

    Parameters
    ----------
    day : numpy int32
        Days since 1970-01-01; without meaning where not ``given``.
    first, last : numpy int64
        Second of the day on which the interval begins, and on which it ends.
    given, bad : numpy bool
        As in :class:`Days`.
    """

    day: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]
    given: Bools
    bad: Bools

    def arrays(self) -> tuple[pa.Array, pa.Array]:
        """Return the two ends as timestamps without zone; NULL is missing."""
        missing = ~self.given
        midnight = self.day.astype(np.int64) * DAY_SECONDS
        first, last = ((midnight + s) * _MICROSECONDS for s in (self.first, self.last))
        return pa.array(first, mask=missing).cast(INSTANT), pa.array(last, mask=missing).cast(INSTANT)


def read_dates(cells: Cells, column: str) -> Days:
    """Type a date column: ``YYYY-MM-DD``, ``YYYYMMDD``, ``长期``, exactly.

    Parameters
    ----------
    cells : Cells
        The column.
    column : str
        Its name: 1970-01-01 is a sentinel for ``closed_on`` only.

    Returns
    -------
    Days
        A sentinel is missing.
    """
    rows = len(cells)
    day, given = np.zeros(rows, dtype=np.int32), np.zeros(rows, dtype=bool)
    sentinels = _sentinels(column)
    bad = cells.given
    for length in (_COMPACT, _DASHED):
        for at, letters in cells.matrices(length):
            read = _calendar(letters - np.uint8(_ZERO), sentinels)
            day[at], given[at], bad[at] = read.day, read.given, read.bad
    spelled = np.frombuffer(LONG_TERM.encode(), dtype=np.uint8)
    for at, letters in cells.matrices(len(spelled)):
        bad[at] = (letters != spelled[:, None]).any(axis=0)
    return Days(day, given, bad)


def read_instants(cells: Cells, column: str) -> Instants:
    """Type an instant column: a date, ``YYYY-MM-DD HH:MM[:SS]`` or ``YYYY-MM-DDTHH:MM:SS``, exactly.

    A sentinel day is missing with any (real) time of day; ``长期`` is bad (SPEC 12).

    Parameters
    ----------
    cells : Cells
        The column.
    column : str
        Its name.

    Returns
    -------
    Instants
        Asia/Shanghai wall clock.
    """
    rows = len(cells)
    day, given = np.zeros(rows, dtype=np.int32), np.zeros(rows, dtype=bool)
    first, last = np.zeros(rows, dtype=np.int32), np.zeros(rows, dtype=np.int32)
    sentinels = _sentinels(column)
    bad = cells.given
    for length in (_COMPACT, _DASHED, _TO_MINUTE, _TO_SECOND):
        for at, letters in cells.matrices(length):
            digits = letters - np.uint8(_ZERO)
            read = _calendar(digits[: min(length, _DASHED)], sentinels)
            begin, end, bad_clock = _clock(digits, length)
            day[at], first[at], last[at] = read.day, begin, end
            given[at], bad[at] = read.given & ~bad_clock, read.bad | bad_clock
    return Instants(day, first, last, given, bad)


def read_calendar(letters: Bytes) -> Days:
    """Read a matrix of eight rows of letters as ``YYYYMMDD``; sentinels are not known here.

    Parameters
    ----------
    letters : numpy uint8, shape (8, count)
        One column per text.

    Returns
    -------
    Days
    """
    return _calendar(letters - np.uint8(_ZERO), sentinels=())


def _sentinels(column: str) -> tuple[int, ...]:
    return (*_SENTINELS, _NEVER_CLOSED) if column == NEVER_CLOSED_COLUMN else _SENTINELS


def _number(digits: Bytes) -> npt.NDArray[np.int32]:
    value: npt.NDArray[np.int32] = digits[0].astype(np.int32)
    for position in digits[1:]:
        value *= 10
        value += position
    return value


def _calendar(digits: Bytes, sentinels: tuple[int, ...]) -> Days:
    """Read 8 or 10 rows of a matrix of letters less ``0`` as dates."""
    dashed = len(digits) == _DASHED
    year_at, month_at, day_at = (slice(0, 4), slice(5, 7), slice(8, 10)) if dashed else (
        slice(0, 4), slice(4, 6), slice(6, 8)
    )  # fmt: skip
    spelled = np.maximum.reduce([digits[at].max(axis=0) for at in (year_at, month_at, day_at)]) <= 9  # noqa: PLR2004 - digits
    if dashed:
        dash = np.uint8((ord("-") - _ZERO) % 256)
        spelled &= (digits[4] == dash) & (digits[7] == dash)
    if not spelled.all():
        digits = np.where(spelled, digits, np.uint8(0))  # keeps the look-ups below inside their tables
    month = _number(digits[year_at]) * 100 + _number(digits[month_at])
    day = _number(digits[day_at])
    real = (day >= 1) & (day <= _MONTH_DAYS[month])
    whole = month * 100 + day
    sentinel = np.zeros(len(whole), dtype=bool)
    for number in sentinels:
        sentinel |= whole == number
    return Days(
        day=_FIRST_OF_MONTH[month] + day - 1,
        given=spelled & real & ~sentinel,
        bad=~(spelled & (real | sentinel)),
    )


def _clock(digits: Bytes, length: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Bools]:
    """Read the time of day: first and last second of the day, and whether it is no time."""
    rows = digits.shape[1]
    if length <= _DASHED:
        begin = np.zeros(rows, dtype=np.int32)
        return begin, begin + (DAY_SECONDS - 1), np.zeros(rows, dtype=bool)
    blank, tee, colon = (np.uint8((ord(letter) - _ZERO) % 256) for letter in " T:")
    spelled = digits[10] == blank
    hour, minute = digits[11:13], digits[14:16]
    spelled_digits = np.maximum(hour.max(axis=0), minute.max(axis=0))
    second = np.zeros(rows, dtype=np.int32)
    if length == _TO_SECOND:
        spelled |= digits[10] == tee
        spelled &= digits[16] == colon
        spelled_digits = np.maximum(spelled_digits, digits[17:19].max(axis=0))
        second = _number(digits[17:19])
    hours, minutes = _number(hour), _number(minute)
    good = spelled & (digits[13] == colon) & (spelled_digits <= 9) & (hours < 24) & (minutes < 60) & (second < 60)  # noqa: PLR2004 - of a day
    begin = hours * 3600 + minutes * 60 + second
    return begin, begin + (0 if length == _TO_SECOND else 59), ~good


def outside(day: npt.NDArray[np.int32], given: Bools, first: int, last: int) -> Bools:
    """Whether a date lies outside a range of days, both ends included; False where it is missing."""
    outlying: Bools = given & ((day < first) | (day > last))
    return outlying


def day_number(value: date) -> int:
    """Return a date as days since 1970-01-01."""
    return value.toordinal() - _EPOCH
